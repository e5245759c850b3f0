//! The status of the command is the program's, or says why there is none.

use veld_tests::host;

#[test]
fn the_status_is_the_programs_own() {
    let host = host!();
    let ve = host.ve("web1").start();
    for status in [0, 1, 2, 42, 124, 255] {
        assert_eq!(ve.sh(&format!("exit {status}")).status, status);
    }
}

#[test]
fn a_program_killed_by_a_signal_is_128_and_its_number() {
    let host = host!();
    let ve = host.ve("web1").start();
    for signal in [1, 2, 9, 15] {
        let ended = ve.sh(&format!("kill -{signal} $$"));
        assert_eq!((ended.status, ended.stderr.as_str()), (128 + signal, ""));
    }
}

#[test]
fn a_program_that_is_not_there_is_127() {
    let host = host!();
    let ve = host.ve("web1").start();
    for name in ["nosuch", "/no/such", "./nosuch"] {
        let line = format!(
            "veld: web1: cannot exec: cannot execute {name} in the VE: No such file or directory (os error 2)"
        );
        ve.exec([name]).fails(127, &line);
    }
    assert_eq!(ve.exec([""]).status, 127, "an empty name is nobody's");
    assert_eq!(ve.exec_with(["-e", "PATH=/nowhere"], ["sh"]).status, 127);
}

#[test]
fn a_program_that_cannot_be_executed_is_126() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.put("/usr/bin/text", "only text\n", "755");
    for (name, cause) in [
        ("/etc", "Permission denied (os error 13)"),
        ("/etc/passwd", "Permission denied (os error 13)"),
        ("text", "Exec format error (os error 8)"),
    ] {
        let line = format!("veld: web1: cannot exec: cannot execute {name} in the VE: {cause}");
        ve.exec([name]).fails(126, &line);
    }
}

#[test]
fn where_veld_itself_fails_it_is_125() {
    let host = host!();
    let ve = host.ve("web1").start();
    host.veld(["exec", "nosuch", "--", "true"])
        .fails(125, "veld: nosuch: no such VE");
    let place = "veld: web1: cannot exec: cannot enter directory /nosuch of the VE: No such file or directory (os error 2)";
    ve.exec_with(["-w", "/nosuch"], ["true"]).fails(125, place);
    ve.stop();
    ve.exec(["true"]).fails(125, "veld: web1: is not running");
}

#[test]
fn an_option_after_the_program_is_the_programs() {
    let host = host!();
    let ve = host.ve("web1").start();
    let said = host
        .veld(["exec", ve.name(), "echo", "-u", "--tty", "--", "x"])
        .ok();
    assert_eq!(said.line(), "-u --tty -- x");
}

#[test]
fn a_signal_to_the_command_is_handed_on_to_the_program() {
    let host = host!();
    let ve = host.ve("web1").start();
    let script = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.1; done";
    let mut running = ve.exec_cmd([""; 0], ["sh", "-c", script]);
    running.inner().stdout(std::process::Stdio::piped());
    let mut running = running.spawn_as_it_is();
    let mut stdout = running.child().stdout.take().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(&mut stdout, &mut ready).unwrap();
    veld_tests::signal(running.pid(), rustix::process::Signal::TERM);
    assert_eq!(running.output().status, 7);
}

#[test]
fn a_ve_that_ends_ends_its_programs() {
    let host = host!();
    let ve = host.ve("web1").start();
    let running = ve.exec_cmd([""; 0], ["sleep", "1000"]).spawn();
    veld_tests::until("the program runs", || {
        ve.exec(["pidof", "sleep"]).stdout.contains(' ')
    });
    ve.veld("stop", ["--force"]).done();
    assert_eq!(running.output().status, 137);
}
