//! The user's side of a console, for the tests: relays between its standard
//! input and output and something else, then says why it ended on standard error.
//!
//! ```text
//! user [--terminal] attach SOCKET
//! user [--terminal] relay PROGRAM ARGUMENT…     on a pty
//! user [--terminal] pump PROGRAM ARGUMENT…      on pipes
//! ```
//!
//! With `--terminal` it makes standard input its controlling terminal first, as
//! a login would, so that the terminal's signals reach it.
#![allow(clippy::print_stderr, reason = "a program, for tests")]

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::pty::OpenptFlags;
use veld_console::{Over, Pair, User, attach, pump, relay};
use veld_sys::process::{Child, Forked};
use veld_sys::{exec, process, signal};

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--terminal") {
        arguments.remove(0);
        rustix::process::setsid().expect("a session");
        rustix::process::ioctl_tiocsctty(std::io::stdin()).expect("a terminal");
    }
    let (role, rest) = arguments.split_first().expect("a role");
    match role.as_str() {
        "attach" => {
            let socket = UnixStream::connect(&rest[0]).expect("a shim");
            let left = attach(socket, &User::standard().expect("standard input"));
            eprintln!("{left:?}");
        }
        "relay" => eprintln!("{:?}", on_pty(rest)),
        "pump" => eprintln!("{:?}", on_pipes(rest)),
        other => panic!("no role {other}"),
    }
}

fn on_pty(program: &[String]) -> Over {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags).expect("a pty");
    rustix::pty::unlockpt(&master).expect("unlock");
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags).expect("a slave");
    let child = start(program, [&slave, &slave, &slave], true);
    drop(slave);
    let user = User::standard().expect("standard input");
    relay(master, child.pidfd.as_fd(), &user).expect("a relay")
}

fn on_pipes(program: &[String]) -> Over {
    let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).expect("a pipe");
    let ((input, into), (out, output), (err, error)) = (pipe(), pipe(), pipe());
    let child = start(program, [&input, &output, &error], false);
    drop((input, output, error));
    let copy = |descriptor: BorrowedFd<'_>| descriptor.try_clone_to_owned().expect("a copy");
    let pair = |from: OwnedFd, to: OwnedFd| Pair { from, to };
    let inputs = vec![pair(copy(std::io::stdin().as_fd()), into)];
    let outputs = vec![
        pair(out, copy(std::io::stdout().as_fd())),
        pair(err, copy(std::io::stderr().as_fd())),
    ];
    pump(inputs, outputs, child.pidfd.as_fd()).expect("a pump")
}

fn start(program: &[String], standard: [&OwnedFd; 3], terminal: bool) -> Child {
    let child = match process::fork().expect("a child") {
        Forked::Parent(child) => return child,
        Forked::Child => standard,
    };
    rustix::process::setsid().expect("a session");
    if terminal {
        rustix::process::ioctl_tiocsctty(child[0]).expect("a terminal");
    }
    rustix::stdio::dup2_stdin(child[0]).expect("stdin");
    rustix::stdio::dup2_stdout(child[1]).expect("stdout");
    rustix::stdio::dup2_stderr(child[2]).expect("stderr");
    signal::default_dispositions().expect("signals");
    let c_string = |text: &String| CString::new(text.as_bytes()).expect("no NUL");
    let arguments: Vec<CString> = program.iter().map(c_string).collect();
    let environment = [c"PATH=/usr/sbin:/usr/bin:/sbin:/bin".to_owned()];
    let error = exec::exec_path(&arguments[0], &arguments, &environment);
    panic!("cannot execute {program:?}: {error}");
}
