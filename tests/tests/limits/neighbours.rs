//! What a VE does to its neighbours while it takes all that it can get.

use std::time::Duration;

use rustix::pty::OpenptFlags;
use veld_tests::{Host, Ve, host, until};

fn attacker<'h>(host: &'h Host) -> Ve<'h> {
    let limits = ["--ram", "256M", "--swap", "0", "--processes", "200"];
    let ve = host.ve("attacker").with(["--network", "none"]);
    let ve = ve.with(limits).with(["--cpulimit", "100%"]).start();
    ve.bring_probe();
    ve
}

fn quiet<'h>(host: &'h Host) -> Ve<'h> {
    host.ve("quiet").with(["--network", "none"]).start()
}

#[test]
fn a_fork_bomb_fills_its_own_ve_and_ends_with_it() {
    let host = host!();
    let quiet = quiet(&host);
    let attacker = attacker(&host);
    let bomb = attacker
        .exec_cmd([""; 0], ["/var/probe", "fork-bomb"])
        .spawn();
    let processes = || attacker.show()["kernel"]["processes"].as_u64();
    until("the VE is full", || processes() >= Some(190));
    assert_eq!(quiet.exec(["hostname"]).ok().line(), "quiet");
    // It makes and is refused processes all the time; others are made beside it.
    quiet.stop();
    quiet.start();
    assert_eq!(quiet.exec(["hostname"]).ok().line(), "quiet");
    assert!(processes() <= Some(200));
    attacker.veld("stop", ["--force"]).done();
    assert_eq!(attacker.group().processes(), Vec::<i32>::new());
    drop(bomb);
    quiet.stop();
    host.nothing_remains();
}

#[test]
fn a_ve_has_no_more_terminals_than_its_part() {
    let host = host!();
    let attacker = attacker(&host);
    let taken = attacker.probe(["take-terminals", "own", "0"]);
    let lines: Vec<&str> = taken.lines().collect();
    // Of 128 its console has one.
    assert_eq!(lines, ["127", "ENOSPC"]);
}

#[test]
fn terminals_that_a_ve_takes_by_a_devpts_of_its_own_leave_enough_to_others() {
    let host = host!();
    let quiet = quiet(&host);
    let attacker = attacker(&host);
    let question = |whose| ["/var/probe", "take-terminals", whose, "2000"];
    let new = attacker.exec_cmd([""; 0], question("new")).spawn();
    let own = attacker.exec_cmd([""; 0], question("own")).spawn();
    let number = |name: &str| -> u64 {
        let text = std::fs::read_to_string(format!("/proc/sys/kernel/pty/{name}"));
        text.unwrap().trim().parse().unwrap()
    };
    // Others may just have given a few back.
    let unreserved = number("max") - number("reserve") - 32;
    until("they are taken", || number("nr") >= unreserved);
    // By the host, by programs that are brought in, and from inside.
    rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    let mut terminal = quiet.terminal(["tty"]);
    terminal.shows("/dev/pts/");
    assert_eq!(terminal.ended().0, 0);
    quiet.bring_probe();
    let taken = quiet.probe(["take-terminals", "own", "0"]);
    assert_eq!(taken.lines().collect::<Vec<_>>(), ["127", "ENOSPC"]);
    assert!(number("nr") >= unreserved, "not long enough");
    for (taken, least) in [(new, 1), (own, 1)] {
        let taken = taken.output();
        let got: u64 = taken.lines().next().unwrap().parse().unwrap();
        assert!(
            got >= least && taken.stdout.ends_with("ENOSPC\n"),
            "{taken:?}"
        );
    }
}

#[test]
fn a_hundred_thousand_files_are_in_nobodys_way() {
    let host = host!();
    let quiet = quiet(&host);
    let attacker = attacker(&host);
    let made = attacker
        .exec_cmd(
            [""; 0],
            ["/var/probe", "make-files", "/var/files", "100000"],
        )
        .spawn();
    until("there are some", || {
        attacker.exec(["test", "-e", "/var/files/20000"]).status == 0
    });
    assert_eq!(quiet.exec(["hostname"]).ok().line(), "quiet");
    quiet.stop();
    assert_eq!(made.output().ok().lines().next(), Some("100000"));
    let used = attacker.show()["kernel"]["memory_used_bytes"].as_u64();
    assert!(used <= Some(256 << 20), "{used:?}");
    attacker.stop();
    host.nothing_remains();
    attacker.destroy();
}

#[test]
fn who_has_twice_the_units_has_twice_the_time() {
    let host = host!();
    let ve = |name, units| {
        let limits = ["--network", "none", "--cpumask", "0", "--cpuunits", units];
        let ve = host.ve(name).with(limits).start();
        ve.bring_probe();
        ve
    };
    let (one, two) = (ve("one", "1000"), ve("two", "2000"));
    let spin = |ve: &Ve<'_>| {
        let program = ["/var/probe", "spin", "60000"];
        ve.exec_cmd([""; 0], program).spawn()
    };
    let _busy = [spin(&one), spin(&two)];
    let used = |ve: &Ve<'_>| super::shim::used(ve);
    let (at_one, at_two) = (used(&one), used(&two));
    until("both have begun", || {
        let least = Duration::from_millis(100);
        used(&one) > at_one + least && used(&two) > at_two + least
    });
    let before = (used(&one), used(&two));
    std::thread::sleep(Duration::from_secs(4));
    let (first, second) = (used(&one) - before.0, used(&two) - before.1);
    let ratio = second.as_secs_f64() / first.as_secs_f64();
    assert!((1.6..2.5).contains(&ratio), "{first:?} and {second:?}");
}
