//! Settings and calls of the kernel: the VE's own work, the machine's do not.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use veld_tests::host;

#[test]
fn settings_of_a_ves_own_are_written_and_those_of_the_machine_are_not() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.bring_probe();
    for (setting, value) in [("net/ipv4/ip_forward", "1"), ("kernel/shmmax", "1048576")] {
        let path = format!("/proc/sys/{setting}");
        assert_eq!(ve.probe(["write", &path, value]).line(), "ok", "{setting}");
        assert_eq!(ve.exec(["cat", &path]).ok().line(), value, "{setting}");
    }
    let machines = [
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/kernel/panic",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/fs/file-max",
    ];
    for path in machines {
        // What is there already would do no harm if it were written.
        let value = fs::read_to_string(path).unwrap_or_else(|_| "h".to_owned());
        let written = ve.probe(["write", path, value.trim_end()]);
        assert_ne!(written.line(), "ok", "{path}");
    }
}

#[test]
fn a_ve_cannot_raise_how_many_namespaces_it_may_have() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.bring_probe();
    assert_eq!(ve.probe(["unshare", "mnt"]).line(), "ok");
    for kind in ["mnt", "net", "pid", "user", "uts", "ipc", "cgroup"] {
        let path = format!("/proc/sys/user/max_{kind}_namespaces");
        let before = ve.exec(["cat", &path]).ok();
        assert!(before.line().parse::<u32>().unwrap() < 100_000, "{kind}");
        assert_ne!(ve.probe(["write", &path, "2000000"]).line(), "ok", "{kind}");
        let script = format!("chmod 666 {path}; chown 0 {path}; echo 2000000 >{path}");
        let _ = ve.sh(&script);
        assert_eq!(ve.exec(["cat", &path]).ok().line(), before.line(), "{kind}");
    }
}

/// Both for processes that are brought in and for those that PID 1 starts.
#[cfg(target_arch = "x86_64")]
#[test]
fn key_rings_and_sockets_of_the_machine_are_refused() {
    const ENOSYS: i32 = 38;
    const EAFNOSUPPORT: i32 = 97;
    // Numbers of x86-64: socket 41, add_key 248, request_key 249, keyctl 250.
    let calls = [
        ("inet", 41, [2, 1], 0),
        ("unix", 41, [1, 1], 0),
        ("vsock", 41, [40, 1], EAFNOSUPPORT),
        ("add_key", 248, [0, 0], ENOSYS),
        ("request_key", 249, [0, 0], ENOSYS),
        ("keyctl", 250, [0, 0], ENOSYS),
    ];
    let host = host!();
    let ve = host.ve("web1").start();
    for (name, number, arguments, status) in calls {
        let path = format!("/var/{name}");
        ve.put(&path, call(number, arguments), "755");
        assert_eq!(ve.exec([&path]).status, status, "{name}");
        ve.sh(&format!("echo '{path}; echo {name} $?' >>/etc/init.d/rcS"))
            .done();
    }
    ve.sh("sed -i '2i exec >/var/statuses' /etc/init.d/rcS")
        .done();
    ve.stop();
    ve.start();
    let told = ve.exec(["cat", "/var/statuses"]).ok();
    for (name, _, _, status) in calls {
        let line = format!("{name} {status}");
        assert!(
            told.lines().any(|told| told == line),
            "{line}: {}",
            told.stdout
        );
    }
}

/// A program that makes one call with two arguments and exits with its errno,
/// or 0; see elf(5) for what is around it.
#[cfg(target_arch = "x86_64")]
fn call(number: u32, arguments: [u32; 2]) -> Vec<u8> {
    const HEADERS: u64 = 64 + 56;
    const BASE: u64 = 0x40_0000;
    let mut code = Vec::new();
    // mov eax, number; mov edi, first; mov esi, second; syscall
    for (operation, value) in [(0xb8, number), (0xbf, arguments[0]), (0xbe, arguments[1])] {
        code.push(operation);
        code.extend(value.to_le_bytes());
    }
    code.extend([0x0f, 0x05]);
    // if eax >= 0 { edi = 0 } else { edi = -eax }; exit_group(edi)
    code.extend([0x31, 0xff, 0x85, 0xc0, 0x79, 0x04, 0xf7, 0xd8, 0x89, 0xc7]);
    code.extend([0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05]);
    let size = HEADERS + u64::try_from(code.len()).unwrap();
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    for offset in [BASE + HEADERS, 64, 0] {
        file.extend(offset.to_le_bytes());
    }
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    for field in [0, BASE, BASE, size, size, 0x1000] {
        file.extend(field.to_le_bytes());
    }
    file.extend(code);
    file
}

#[test]
fn directories_of_ves_are_for_root_alone() {
    let host = host!();
    let ve = host.ve("web1").start();
    let all = [
        host.data().to_owned(),
        host.data().join("ve"),
        ve.directory(),
        host.run(),
        ve.run_directory(),
    ];
    for directory in all {
        let mode = fs::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{}", directory.display());
    }
}
