//! Inits that take PID 1, and what happens where that cannot be.

use veld_protocol::ending::Ending;
use veld_protocol::init::{SIGNAL_POWER_OFF, exit};

use crate::skip_unless_possible;
use crate::ve::Root;

/// Writes what an init sees of itself, and ends with a code of its own.
const PROBE: &str = "exec > /log/probe; echo $$ $0 $NOTIFY_SOCKET $container\n\
    grep -E '^Sig(Ign|Blk):' /proc/self/status\n\
    ls -l /run/systemd/system.control; exit 42";

/// What stands in the first line when the kernel's name for an init was kept, and
/// the readiness socket left out for one that would not know it.
const FIRST: &str = "1 /sbin/init veld\n";
/// The same of one that does.
const FIRST_OF_SYSTEMD: &str = "1 /sbin/init /run/host/notify veld\n";

#[test]
fn an_unknown_init_becomes_pid_1_as_the_kernel_would_start_it() {
    skip_unless_possible!();
    let root = Root::bare();
    root.script("sbin/init", PROBE);
    let mut ve = root.boot(&[]);
    assert_eq!(
        ve.message(),
        "X_VELD_INIT=unknown hand-over 15\nSTATUS=Handing over to /sbin/init\nREADY=1"
    );
    assert_eq!(ve.end(), Ending::Exited(42));
    let probe = ve.read("log/probe");
    assert!(probe.starts_with(FIRST), "{probe}");
    assert!(probe.contains("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
    assert!(!probe.contains("/dev/null"), "nothing is masked: {probe}");
}

#[test]
fn systemd_finds_its_login_prompts_masked() {
    skip_unless_possible!();
    let units = [
        "autovt@.service",
        "console-getty.service",
        "container-getty@.service",
        "getty-static.service",
        "getty@.service",
        "serial-getty@.service",
    ];
    for (args, prompt) in [(&[][..], false), (&["--getty"][..], true)] {
        let root = Root::bare();
        root.script("lib/systemd/systemd", PROBE);
        std::os::unix::fs::symlink("/lib/systemd/systemd", root.path("sbin/init")).unwrap();
        let mut ve = root.boot(args);
        assert_eq!(ve.end(), Ending::Exited(42));
        let probe = ve.read("log/probe");
        assert!(probe.starts_with(FIRST_OF_SYSTEMD), "{probe}");
        for unit in units {
            let masked = probe.contains(&format!(" {unit} -> /dev/null\n"));
            let wanted = !(prompt && unit == "console-getty.service");
            assert_eq!(masked, wanted, "{unit} with {args:?}: {probe}");
        }
    }
}

#[test]
fn modes_and_programs_can_be_forced() {
    skip_unless_possible!();
    let probe = "echo $$ $0 $* > /log/probe; exit 42";
    let inittab = "::once:/bin/touch /log/inittab\n";
    let root = Root::busybox(inittab);
    root.script("my/init", probe);
    let mut ve = root.boot(&["--mode", "hand-over", "--init", "/my/init a b"]);
    assert_eq!(ve.end(), Ending::Exited(42));
    assert_eq!(ve.read("log/probe"), "1 /my/init a b\n");
    assert!(!ve.root().path("log/inittab").exists());

    let root = Root::bare();
    root.script("sbin/init", "touch /log/probe");
    let mut ve = root.boot(&["--mode", "supervise"]);
    ve.ready();
    assert_eq!(ve.children(), 0);
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.end(), Ending::PowerOff);
    assert!(!ve.root().path("log/probe").exists());
}

#[test]
fn what_cannot_be_executed_is_told_and_has_a_code() {
    skip_unless_possible!();
    let root = Root::bare();
    root.file("sbin/init", "not executable");
    let mut ve = root.boot(&[]);
    assert_eq!(ve.end(), Ending::Exited(exit::CANNOT_EXECUTE));
    ve.says("veld-init: cannot execute /sbin/init: Permission denied (os error 13)\n");

    let mut ve = Root::bare().boot(&["--mode", "hand-over", "--init", "/no/init"]);
    assert_eq!(ve.end(), Ending::Exited(exit::NOT_FOUND));
    ve.says("veld-init: cannot execute /no/init: No such file or directory (os error 2)\n");

    let mut ve = Root::bare().boot(&["--mode", "hand-over"]);
    assert_eq!(ve.end(), Ending::Exited(exit::NOT_FOUND));
    ve.says("veld-init: cannot hand over: no init at /sbin/init, /etc/init, /bin/init, /init\n");

    let mut ve = Root::bare().boot(&["--wiat"]);
    assert_eq!(ve.end(), Ending::Exited(exit::USAGE));
    ve.says("veld-init: unknown option --wiat\n");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "runs the program under test where it must refuse"
)]
fn outside_a_pid_namespace_of_its_own_it_refuses() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_veld-init"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(i32::from(exit::USAGE)));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "veld-init: must be PID 1 of a pid namespace\n"
    );
}
