//! Copies that cannot be: no space, no way on.

use std::fs;
use veld_tests::{host, until};

use crate::{cp, scratch, text};

#[test]
fn a_full_file_system_names_the_file_and_has_nothing_half() {
    let host = host!();
    let scratch = scratch(&host);
    let ve = host.ve("web1").with(["--network", "none"]).start();
    ve.sh("mkdir /small && mount -t tmpfs -o size=256k own /small && echo old >/small/file")
        .done();
    fs::write(scratch.join("file"), vec![7; 1 << 20]).unwrap();
    let refused = cp(&host, [text(&scratch.join("file")), "web1:/small"]);
    assert_eq!(
        refused.stderr,
        format!(
            "veld: web1: cannot cp: cannot copy {}: No space left on device (os error 28)\n",
            text(&scratch.join("file"))
        )
    );
    assert_eq!(ve.exec(["cat", "/small/file"]).ok().line(), "old");
    assert_eq!(ve.exec(["ls", "-A", "/small"]).ok().line(), "file");
}

#[test]
fn one_who_interrupts_finds_nothing_half() {
    let host = host!();
    let scratch = scratch(&host);
    let ve = host.ve("web1").with(["--network", "none"]).start();
    let fifo = scratch.join("pipe");
    veld_tests::Cmd::program("mkfifo", [text(&fifo)])
        .run()
        .done();
    let script = format!(
        "exec {} cp - web1:/root/in <'{}'",
        text(&veld_tests::Host::program()),
        text(&fifo)
    );
    let running = host
        .tool(std::path::Path::new("/bin/sh"), ["-c", &script])
        .spawn();
    let writer = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    std::io::Write::write_all(&mut &writer, b"half").unwrap();
    until("it is beside its name", || {
        ve.sh("ls -A /root | grep -c veld-cp").stdout.trim() == "1"
    });
    veld_tests::signal(running.pid(), rustix::process::Signal::INT);
    let ended = running.output();
    assert_eq!(
        ended.stderr,
        "veld: web1: cannot cp: cannot write web1:/root/in: Interrupted system call (os error 4)\n"
    );
    assert_eq!(ve.sh("ls -A /root | grep -c in").stdout.trim(), "0");
    assert_eq!(ve.sh("ls -A /root | grep -c veld-cp").stdout.trim(), "0");
}
