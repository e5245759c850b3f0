//! What PID 1 says to people: one line at a time on the VE's console.
//!
//! Every line is written through an open file description of its own. A shared
//! one could not be made non-blocking without the services noticing, and a
//! getty's vhangup(2) would make one that is kept useless. A console that is
//! full loses the line: PID 1 waits for nobody.

use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use veld_protocol::init::{NAME, exit};

/// The device that the host reads what the VE says from.
pub(crate) const CONSOLE: &str = "/dev/console";

/// Writes "veld-init: TEXT".
pub(crate) fn say(text: &str) {
    let Ok(console) = open_terminal(CONSOLE, OFlags::WRONLY) else {
        return;
    };
    let _ = rustix::io::write(&console, line(text).as_bytes());
}

/// Writes "veld-init: TEXT" to standard error: before it is known that this
/// process has a console of its own.
pub(crate) fn say_on_stderr(text: &str) {
    let _ = rustix::io::write(rustix::stdio::stderr(), line(text).as_bytes());
}

/// Writes an error and its causes in one line.
pub(crate) fn report(error: &dyn Error) {
    say(&veld_sys::chain(error));
}

/// Makes a panic one line on the console and an end with a code of its own.
///
/// Without this, abort(3) of a PID 1 ends in a fault: its SIGABRT is ignored.
pub(crate) fn hook_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string().replace('\n', " ");
        say(&text);
        veld_sys::process::exit_now(i32::from(exit::PANIC));
    }));
}

/// Opens a terminal without waiting for a carrier and without making it the
/// controlling one of this session.
pub(crate) fn open_terminal(path: &str, access: OFlags) -> io::Result<OwnedFd> {
    let flags = access | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// A whole line, with what a terminal would obey escaped: parts of the text
/// come from the distribution's files.
fn line(text: &str) -> String {
    let mut line = format!("{NAME}: ");
    for char in text.chars() {
        if char.is_control() {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_command_the_terminal() {
        assert_eq!(
            line("cannot run \x1b[2J\n"),
            "veld-init: cannot run \\u{1b}[2J\\n\n"
        );
    }
}
