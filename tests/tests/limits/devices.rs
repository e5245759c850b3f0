//! Devices: the usual ones work, others are refused, whoever has a node of them.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{CWD, FileType, Gid, Mode, Uid, chownat, major, makedev, minor, mknodat};
use veld_tests::{Host, Output, Ve, host};

/// A device of the host's that is not a usual one and that root may open.
struct Other {
    path: &'static str,
    number: u64,
}

impl Other {
    /// The numbers as an administrator writes them.
    fn numbers(&self) -> String {
        format!("c:{}:{}", major(self.number), minor(self.number))
    }
}

#[allow(clippy::print_stderr, reason = "whoever reads the log wants to know")]
fn other() -> Option<Other> {
    let found = ["/dev/kvm", "/dev/loop-control"]
        .into_iter()
        .find_map(|path| {
            let about = std::fs::metadata(path).ok()?;
            let opens = std::fs::File::options().read(true).write(true).open(path);
            let is_device = about.file_type().is_char_device();
            (is_device && opens.is_ok()).then(|| Other {
                path,
                number: about.rdev(),
            })
        });
    if found.is_none() {
        eprintln!("skipped: this machine has no other device");
    }
    found
}

/// Puts a node that everyone may use into /dev of a running VE, as only root of
/// the host can.
fn smuggle(ve: &Ve<'_>, name: &str, number: u64) {
    let place = format!("/proc/{}/root/dev/{name}", ve.init_pid());
    let mode = Mode::from_raw_mode(0o666);
    mknodat(CWD, place.as_str(), FileType::CharacterDevice, mode, number).unwrap();
    let owner = std::fs::metadata(Path::new(&place).parent().unwrap()).unwrap();
    let (user, group) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    let flags = rustix::fs::AtFlags::empty();
    chownat(CWD, place.as_str(), Some(user), Some(group), flags).unwrap();
    rustix::fs::chmod(place.as_str(), mode).unwrap();
}

/// What a shell of the VE says that opens a device: nothing, if it can.
fn opened(ve: &Ve<'_>, how: &str, path: &str) -> String {
    why(&ve.sh(&format!("exec 3{how}{path}")))
}

fn why(said: &Output) -> String {
    let why = said
        .stderr
        .trim_end()
        .rsplit(": ")
        .next()
        .unwrap_or_default();
    assert_eq!(said.status == 0, why.is_empty(), "{}", said.stderr);
    why.to_owned()
}

const REFUSED: &str = "Operation not permitted";

#[test]
fn the_usual_devices_work() {
    let host = host!();
    let ve = host.ve("web1").start();
    for (script, said) in [
        ("echo lost >/dev/null; echo $?", "0"),
        ("head -c 4 /dev/zero | tr '\\0' 0", "0000"),
        ("echo more >/dev/full", ""),
        ("head -c 16 /dev/random | wc -c", "16"),
        ("head -c 16 /dev/urandom | wc -c", "16"),
        ("exec 3<>/dev/net/tun && echo open", "open"),
        ("exec 3<>/dev/fuse && echo open", "open"),
        ("exec 3<>/dev/ptmx && ls /dev/pts | grep -c '^[1-9]'", "1"),
        ("echo hello >/dev/console && echo open", "open"),
    ] {
        let path = script.split("/dev/").nth(1).unwrap_or_default();
        let name = path.split([' ', ';']).next().unwrap_or_default();
        if name.contains('/') && !Path::new("/dev").join(name).exists() {
            eprintln!("left out: this machine has no /dev/{name}");
            continue;
        }
        assert_eq!(ve.sh(script).stdout.trim_end(), said, "{script}");
    }
    let full = ve.sh("echo more >/dev/full");
    assert!(
        full.stderr.contains("No space left on device"),
        "{}",
        full.stderr
    );
    let terminal = ve.terminal(["sh", "-c", "echo on its terminal >/dev/tty"]);
    let (status, shown) = terminal.ended();
    assert_eq!((status, shown.trim_end()), (0, "on its terminal"));
}

#[test]
fn a_node_of_another_device_is_refused_unless_the_device_is_given() {
    let host = host!();
    let Some(other) = other() else { return };
    let without = host.ve("without").start();
    let with = host.ve("with").with(["--device", &other.numbers()]).start();
    for ve in [&without, &with] {
        smuggle(ve, "smuggled", other.number);
    }
    for how in ["<", ">", "<>"] {
        assert_eq!(opened(&without, how, "/dev/smuggled"), REFUSED, "{how}");
        // So it was neither the node nor the mount that it is on.
        assert_eq!(opened(&with, how, "/dev/smuggled"), "", "{how}");
    }
    // Numbers alone are a right and no node.
    let missing = with.exec(["test", "-e", other.path]);
    assert_eq!(missing.status, 1);
    // Memory itself is there to be read for nobody.
    smuggle(&with, "memory", makedev(1, 1));
    assert_eq!(opened(&with, "<", "/dev/memory"), REFUSED);
}

#[test]
fn a_device_of_the_config_is_there_after_a_start_and_after_a_reboot() {
    let host = host!();
    let Some(other) = other() else { return };
    let ve = host.ve("web1").create();
    let config = std::fs::read_to_string(ve.config()).unwrap();
    let line = format!("devices = [\"{}:rw\"]", other.path);
    std::fs::write(ve.config(), config.replace("devices = []", &line)).unwrap();
    ve.start();
    has_device(&ve, &other);
    let init = ve.init_pid();
    let _ = ve.exec(["reboot"]);
    veld_tests::until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
    has_device(&ve, &other);
    let listed = format!("{}:rw", other.path);
    assert_eq!(ve.show()["devices"], serde_json::json!([listed]));
    let shown = ve.veld("show", [""; 0]).ok().stdout;
    let row = format!("devices      {listed}");
    assert!(shown.lines().any(|line| line == row), "{shown}");
}

fn has_device(ve: &Ve<'_>, other: &Other) {
    assert_eq!(opened(ve, "<>", other.path), "");
    let about = ve.exec(["stat", "-c", "%a %u:%g %t:%T", other.path]).ok();
    let mode = std::fs::metadata(other.path).unwrap().mode() & 0o666;
    let (major, minor) = (major(other.number), minor(other.number));
    let expected = format!("{mode:o} 0:0 {major:x}:{minor:x}");
    assert_eq!(about.line(), expected);
}

#[test]
fn a_device_given_for_reading_is_not_written() {
    let host = host!();
    let Some(other) = other() else { return };
    let given = format!("{}:r", other.path);
    let ve = host.ve("web1").with(["--device", &given]).start();
    assert_eq!(opened(&ve, "<", other.path), "");
    assert_eq!(opened(&ve, ">", other.path), REFUSED);
    assert_eq!(opened(&ve, "<>", other.path), REFUSED);
}

#[test]
fn a_device_below_a_directory_gets_the_directory_too() {
    let host = host!();
    let Some(path) = nested() else {
        eprintln!("skipped: this machine has no device in a directory");
        return;
    };
    let ve = host.ve("web1").with(["--device", &path]).start();
    let kind = ve.exec(["stat", "-c", "%F", &path]).ok();
    assert!(kind.line().ends_with("special file"), "{}", kind.line());
}

/// A device in a directory of /dev that is no VE's own.
fn nested() -> Option<String> {
    let found = std::fs::read_dir("/dev/cpu/0").ok()?.flatten().next()?;
    Some(found.path().display().to_string())
}

#[test]
fn the_kernel_holds_the_list_and_no_more() {
    let host = host!();
    let ve = host.ve("web1").with(["--device", "b:7:*:r"]).start();
    let Some(list) = ve.group().knob(&["devices.list"]) else {
        eprintln!("skipped: devices are held by a program, which the kernel does not tell");
        return;
    };
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    let expected = [
        "b 7:* r",
        "c 10:200 rw",
        "c 10:229 rw",
        "c 136:* rw",
        "c 1:3 rw",
        "c 1:5 rw",
        "c 1:7 rw",
        "c 1:8 rw",
        "c 1:9 rw",
        "c 5:0 rw",
        "c 5:2 rw",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_program_holds_the_list_where_there_is_no_controller() {
    let host = host!();
    let Some(other) = other() else { return };
    let given = ["--device", &other.numbers()].map(str::to_owned);
    for (options, refused) in [(vec![], REFUSED), (given.to_vec(), "")] {
        let ve = host.ve("web1").with(options).create();
        let veld = |words: &[&str]| without_controller(&host, words);
        // It would warn if nothing held the list.
        veld(&["start", "web1", "--wait"]).done();
        smuggle(&ve, "smuggled", other.number);
        let opened = |path: &str| {
            let script = format!("exec 3<>{path}");
            why(&veld(&["exec", "web1", "--", "sh", "-c", &script]))
        };
        assert_eq!(opened("/dev/smuggled"), refused);
        assert_eq!(opened("/dev/null"), "");
        assert_eq!(opened("/dev/ptmx"), "");
        veld(&["destroy", "--force", "web1"]).done();
        host.nothing_remains();
    }
}

/// Runs the command where no hierarchy of v1 for devices is in sight.
fn without_controller(host: &Host, words: &[&str]) -> Output {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let points = table.lines().filter_map(|line| {
        let (mount, about) = line.split_once(" - cgroup ")?;
        let has_devices = about.split([' ', ',']).any(|option| option == "devices");
        has_devices.then(|| mount.split(' ').nth(4)).flatten()
    });
    let hide: String = points.map(|point| format!("umount {point} && ")).collect();
    let script = format!("{hide}exec \"$@\"");
    let program = Host::program().display().to_string();
    let apart = [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        &script,
        "sh",
        &program,
    ];
    let line = apart.into_iter().chain(words.iter().copied());
    host.tool(Path::new("unshare"), line).run()
}

#[test]
fn whiteouts_of_nested_overlays_are_no_devices() {
    let host = host!();
    let ve = host.ve("web1").start();
    // The overlay that is its root refuses them by itself.
    ve.sh("mknod /run/whiteout c 0 0").done();
    let refused = ve.sh("mknod /run/null c 1 3");
    assert_eq!(refused.status, 1);
}

#[test]
fn a_device_that_is_not_there_fails_the_start_in_a_line() {
    let host = host!();
    let missing = "cannot find device /dev/no-such-device: No such file or directory (os error 2)";
    let mut table = vec![("/dev/no-such-device".to_owned(), missing.to_owned())];
    // What else there is differs from host to host.
    let directory = ["/dev/net", "/dev/block", "/dev/char", "/dev/input"];
    let directory = directory.into_iter().find(|path| Path::new(path).is_dir());
    table.extend(directory.map(|path| {
        let why = format!("cannot use {path} as a device: it is none");
        (path.to_owned(), why)
    }));
    for (device, why) in table {
        let ve = host.ve("web1").with(["--device", &device]).create();
        let line = format!("veld: web1: cannot start: {why}");
        ve.veld("start", [""; 0]).fails(1, &line);
        ve.destroy();
    }
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn a_device_is_given_to_a_ve_that_runs_and_taken_from_it() {
    let host = host!();
    let Some(other) = other() else { return };
    let ve = host.ve("web1").start();
    let absent = "no such file";
    let look = || ve.sh(&format!("exec 3<{}", other.path));
    assert!(look().stderr.contains(absent), "{}", look().stderr);
    ve.veld("set", [format!("device+={}:rw", other.path)])
        .done();
    look().ok();
    assert_eq!(
        ve.show()["devices"],
        serde_json::json!([format!("{}:rw", other.path)])
    );
    assert_eq!(opened(&ve, "<>", other.path), "");
    // Less may be done with it, and the usual devices are as they were.
    ve.veld("set", [format!("device={}:r", other.path)]).done();
    assert_eq!(opened(&ve, "<>", other.path), REFUSED);
    look().ok();
    ve.sh("echo lost >/dev/null").done();
    ve.veld("set", ["device="]).done();
    assert!(look().stderr.contains(absent), "{}", look().stderr);
    smuggle(&ve, "mine", other.number);
    assert_eq!(opened(&ve, "<", "/dev/mine"), REFUSED);
    let refused = ve.veld("set", ["ram=64M", "device+=/dev/no-such-device"]);
    refused.fails(
        1,
        "veld: web1: cannot set: cannot find device /dev/no-such-device: \
         No such file or directory (os error 2)",
    );
    assert_eq!(ve.show()["settings"]["ram"], serde_json::json!(null));
    // For this run alone.
    ve.veld("set", ["--runtime", &format!("device+={}", other.path)])
        .done();
    look().ok();
    ve.veld("restart", ["--wait"]).done();
    assert!(look().stderr.contains(absent), "{}", look().stderr);
}

#[test]
fn a_plan_tells_which_devices() {
    let host = host!();
    let Some(other) = other() else { return };
    assert_eq!(planned(&host, &[]), "devices    usual");
    let given = ["--device", other.path, "--device", "b:7:*:r"];
    let expected = format!(
        "devices    usual, {}:rw ({}), b:7:*:r",
        other.path,
        other.numbers()
    );
    assert_eq!(planned(&host, &given), expected);
}

fn planned(host: &Host, options: &[&str]) -> String {
    let ve = host.ve("web1").with(options.iter().copied()).create();
    let said = ve.veld("start", ["--dry-run"]).ok().stdout;
    ve.destroy();
    let line = said.lines().find(|line| line.starts_with("devices"));
    line.unwrap_or_default().to_owned()
}
