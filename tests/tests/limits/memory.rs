//! Memory.

use veld_tests::{host, until};

#[test]
fn what_is_over_the_limit_is_killed_inside_and_only_there() {
    let host = host!();
    let small = host
        .ve("small")
        .with(["--ram", "64M", "--swap", "0"])
        .start();
    let large = host.ve("large").start();
    assert_eq!(small.probe(["eat", "24"]).ok().lines().next(), Some("24"));
    assert_eq!(small.probe(["eat", "100"]).status, 137);
    assert_eq!(large.probe(["eat", "100"]).ok().lines().next(), Some("100"));
    // Neither PID 1 nor its services went with it.
    assert_eq!(small.status(), "up");
    assert_eq!(small.exec(["hostname"]).ok().line(), "small");
    until("the services run", || {
        small.exec(["pidof", "syslogd"]).status == 0
    });
}

#[test]
fn a_program_that_was_brought_in_counts() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ram", "64M", "--swap", "0"])
        .start();
    ve.bring_probe();
    let before = used(&ve);
    let eater = ve
        .exec_cmd([""; 0], ["sh", "-c", "(/var/probe eat 30; sleep 1000)"])
        .spawn();
    // The pages of what only reads and writes files count, too.
    ve.sh("head -c 20000000 /dev/zero >/tmp/file").done();
    until("it is counted", || used(&ve) > before + (15 << 20));
    drop(eater);
}

#[test]
fn file_systems_in_memory_count_and_have_the_size_of_the_ves_memory() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ram", "64M", "--swap", "0"])
        .start();
    let sizes = ve
        .sh("df -k /run /dev/shm | awk 'NR > 1 { print $2 }'")
        .ok();
    let sizes: Vec<u64> = sizes.lines().map(|line| line.parse().unwrap()).collect();
    // A fifth and a half, in whole pages.
    assert_eq!(sizes, [13_108, 32_768]);
    let before = used(&ve);
    ve.sh("head -c 20000000 /dev/zero >/dev/shm/file").done();
    // Some of what was used before may be gone: each processor has up to 64 pages charged in advance.
    assert!(used(&ve) >= before + 15_000_000);
    let filled = ve.sh("head -c 100000000 /dev/zero >/dev/shm/more");
    assert_eq!(filled.status, 1, "{}", filled.stderr);
    let full = ve.sh("df -k /dev/shm | awk 'NR > 1 { print $4 }'").ok();
    assert_eq!(full.line(), "0");
    assert_eq!(ve.status(), "up");
}

#[test]
fn memory_is_free_again_when_the_ve_is_gone() {
    let host = host!();
    for _ in 0..3 {
        let ve = host.ve("web1").with(["--ram", "256M"]).start();
        ve.sh("head -c 50000000 /dev/zero >/root/file; cat /root/file >/dev/null")
            .done();
        ve.stop();
        assert!(
            ve.group().present().is_empty(),
            "{:?}",
            ve.group().present()
        );
        ve.destroy();
    }
}

fn used(ve: &veld_tests::Ve<'_>) -> u64 {
    ve.show()["kernel"]["memory_used_bytes"].as_u64().unwrap()
}
