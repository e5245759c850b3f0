//! A launcher without a VE, for the tests of the shim: it starts one process as
//! "PID 1" on a pty, and executes the shim over itself as the real one does.
//!
//! ```text
//! launcher boot RUN_DIRECTORY SHIM COMMAND [--watched] [--namespace] PROGRAM ARGUMENT…
//! launcher wait RUN_DIRECTORY SHIM COMMAND MILLISECONDS
//! veld after-end NAME         write to DIRECTORY/called how it was called
//! launcher notify TEXT        send TEXT to $NOTIFY_SOCKET
//! launcher notify-often N     send N statuses at once, then sleep
//! launcher reboot|poweroff    call reboot(2), as PID 1 of a pid namespace
//! ```

use std::ffi::{CString, OsStr, OsString};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use rustix::event::EventfdFlags;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::system::RebootCommand;
use veld_protocol::shim;
use veld_sys::process::{Forked, Namespaces};
use veld_sys::{descriptor, exec, process};

/// Tells the successor of the shim where to write.
const DIRECTORY: &str = "VELD_TEST_DIRECTORY";

fn main() {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let role = arguments.first().and_then(|role| role.to_str());
    match (role, arguments.get(1..).unwrap_or_default()) {
        (Some("boot"), rest) => boot(rest),
        (Some("wait"), rest) => wait(rest),
        (Some(shim::AFTER_END), [name]) => tell_how_called(name),
        (Some("notify"), [text]) => notify(text),
        (Some("notify-often"), [count]) => notify_often(count),
        (Some("reboot"), []) => reboot(RebootCommand::Restart),
        (Some("poweroff"), []) => reboot(RebootCommand::PowerOff),
        _ => panic!("usage: see the head of the source"),
    }
}

fn tell_how_called(name: &OsStr) {
    let directory = std::env::var_os(DIRECTORY).expect("the shim hands its environment on");
    // First of all, since the next to open is a descriptor as well.
    let descriptors: Vec<String> = (0..100)
        .filter(|number| Path::new(&format!("/proc/self/fd/{number}")).exists())
        .map(|number| number.to_string())
        .collect();
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .expect("a mask");
    // SIGHUP and SIGINT; the runtime of this program ignores SIGPIPE anew.
    let ignored = ignored & 0b11;
    let text = format!(
        "arguments after-end {}\npid {}\ndescriptors {}\nignored {ignored}\n",
        name.display(),
        std::process::id(),
        descriptors.join(" "),
    );
    let called = PathBuf::from(directory).join("called");
    let mut file = std::fs::File::create(called).expect("the directory");
    file.write_all(text.as_bytes()).expect("room");
}

fn notify(text: &OsStr) {
    let socket = std::env::var_os("NOTIFY_SOCKET").expect("the launcher sets it");
    let sender = UnixDatagram::unbound().expect("a socket");
    sender
        .send_to(text.as_bytes(), socket)
        .expect("the shim reads");
}

fn notify_often(count: &OsStr) {
    let count: u32 = count
        .to_str()
        .and_then(|count| count.parse().ok())
        .expect("a number");
    for number in 1..=count {
        notify(OsStr::new(&format!("STATUS=status {number}")));
    }
    std::thread::sleep(std::time::Duration::from_secs(1000));
}

/// Never calls reboot(2) outside a pid namespace, where it would end the host.
fn reboot(command: RebootCommand) {
    assert_eq!(std::process::id(), 1, "PID 1 of a pid namespace");
    rustix::system::reboot(command).expect("root in the namespace");
}

fn boot(arguments: &[OsString]) {
    let [directory, shim, command, rest @ ..] = arguments else {
        panic!("usage: see the head of the source");
    };
    let directory = PathBuf::from(directory);
    let (watched, rest) = match rest {
        [flag, rest @ ..] if flag == "--watched" => (watched(&directory), rest),
        rest => (Vec::new(), rest),
    };
    let (namespace, program) = match rest {
        [flag, program @ ..] if flag == "--namespace" => (true, program),
        program => (false, program),
    };
    let clients = UnixListener::bind(directory.join(shim::CONSOLE_SOCKET)).expect("bind");
    let notices_path = directory.join("notify.sock");
    let notices = UnixDatagram::bind(&notices_path).expect("bind");
    rustix::net::sockopt::set_socket_passcred(&notices, true).expect("passcred");
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags).expect("a pty");
    rustix::pty::unlockpt(&master).expect("unlock");
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).expect("a slave");
    let namespaces = Namespaces {
        pid: namespace,
        ..Namespaces::default()
    };
    let child = match process::clone_into(namespaces, None).expect("clone") {
        Forked::Child => become_init(program, &slave, &notices_path),
        Forked::Parent(child) => child,
    };
    let run = open(&directory, OFlags::DIRECTORY);
    let network = open(Path::new("/proc/self/ns/net"), OFlags::RDONLY);
    let mut descriptors = vec![
        child.pidfd.as_fd(),
        master.as_fd(),
        clients.as_fd(),
        notices.as_fd(),
        run.as_fd(),
        slave.as_fd(),
        network.as_fd(),
    ];
    descriptors.extend(watched.iter().map(|(_, file)| file.as_fd()));
    let words: Vec<&str> = watched.iter().map(|(word, _)| *word).collect();
    become_shim(&[shim, command], &words, &directory, &descriptors)
}

/// An alarm, and files that have a count and the value of a limit.
fn watched(directory: &Path) -> Vec<(&'static str, OwnedFd)> {
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    let alarm = rustix::event::eventfd(0, flags).expect("an eventfd");
    for (name, text) in [("count", "max 0\n"), ("value", "2000\n"), ("looked", "0\n")] {
        let mut file = std::fs::File::create(directory.join(name)).expect("the directory");
        file.write_all(text.as_bytes()).expect("room");
    }
    vec![
        ("alarm", alarm),
        (
            "count:max=processes",
            open(&directory.join("count"), OFlags::PATH),
        ),
        ("look:swap", open(&directory.join("looked"), OFlags::RDONLY)),
        (
            "value:processes",
            open(&directory.join("value"), OFlags::PATH),
        ),
    ]
}

/// The shim of no VE.
fn wait(arguments: &[OsString]) {
    let [directory, shim, command, milliseconds] = arguments else {
        panic!("usage: see the head of the source");
    };
    let directory = PathBuf::from(directory);
    let [name, command, milliseconds] = [
        directory.file_name().expect("a name"),
        command,
        milliseconds,
    ]
    .map(|word| word.to_str().expect("UTF-8"));
    let run = open(&directory, OFlags::DIRECTORY);
    execute(
        shim,
        &shim::waiting_arguments(name, command, milliseconds),
        &directory,
        (shim::RUN_DIRECTORY, &[run.as_fd()]),
    )
}

fn become_init(program: &[OsString], slave: &OwnedFd, notices: &Path) -> ! {
    rustix::process::setsid().expect("a session");
    rustix::process::ioctl_tiocsctty(slave).expect("a controlling terminal");
    rustix::stdio::dup2_stdin(slave).expect("stdin");
    rustix::stdio::dup2_stdout(slave).expect("stdout");
    rustix::stdio::dup2_stderr(slave).expect("stderr");
    veld_sys::signal::default_dispositions().expect("signals");
    let path = c_string(program.first().expect("a program"));
    let arguments: Vec<CString> = program.iter().map(c_string).collect();
    let environment = [
        c_string("PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
        c_string(format!("NOTIFY_SOCKET={}", notices.display())),
    ];
    let error = exec::exec_path(&path, &arguments, &environment);
    panic!("cannot execute {}: {error}", path.to_string_lossy());
}

fn become_shim(
    programs: &[&OsString; 2],
    words: &[&str],
    directory: &Path,
    descriptors: &[BorrowedFd<'_>],
) {
    let [shim, command] = *programs;
    let command = command.to_str().expect("UTF-8");
    let name = directory
        .file_name()
        .and_then(OsStr::to_str)
        .expect("UTF-8");
    execute(
        shim,
        &[&shim::arguments(name, command), words].concat(),
        directory,
        (shim::FIRST_DESCRIPTOR, descriptors),
    )
}

fn execute(
    shim: &OsStr,
    arguments: &[&str],
    directory: &Path,
    (first, descriptors): (i32, &[BorrowedFd<'_>]),
) {
    let null = open(Path::new("/dev/null"), OFlags::RDWR);
    rustix::stdio::dup2_stdin(&null).expect("stdin");
    rustix::stdio::dup2_stdout(&null).expect("stdout");
    rustix::stdio::dup2_stderr(&null).expect("stderr");
    let program = open(Path::new(shim), OFlags::PATH);
    let arguments: Vec<CString> = arguments.iter().map(c_string).collect();
    let environment = [
        c_string("PATH=/usr/bin:/bin"),
        c_string(format!("{DIRECTORY}={}", directory.display())),
    ];
    let error = descriptor::exec_with(
        program.as_fd(),
        &arguments,
        &environment,
        first,
        descriptors,
    );
    panic!("cannot execute {}: {error}", shim.display());
}

fn open(path: &Path, flags: OFlags) -> OwnedFd {
    rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).expect("open")
}

fn c_string(text: impl AsRef<OsStr>) -> CString {
    CString::new(text.as_ref().as_bytes()).expect("no NUL")
}
