//! Which commands are there for somebody at a terminal.
//!
//! A VE has no terminal until somebody enters it, so these are left out:
//!
//! - a getty, `login` or `sulogin`, under any action;
//! - a shell that is given nothing to run (`-/bin/sh`, `sh -l`, `bash -i`): it
//!   would read commands from the terminal;
//! - either of them behind wrappers that only arrange for a terminal or a
//!   session (`setsid cttyhack sh`, `/bin/sh -c "exec getty 38400 tty1"`).
//!
//! Whatever an inittab runs by `askfirst` waits for somebody too; the flavour
//! that reads it says so.

use std::path::Path;

use crate::level::Levels;
use crate::plan::{Entry, Job, When};

/// Programs that talk to whoever sits at a terminal.
const LOGINS: [&str; 11] = [
    "getty", "agetty", "mgetty", "mingetty", "fgetty", "ngetty", "uugetty", "rungetty", "fbgetty",
    "login", "sulogin",
];

const SHELLS: [&str; 8] = ["sh", "ash", "bash", "dash", "ksh", "mksh", "zsh", "hush"];

/// Programs that start another one, which is the first of their operands.
const WRAPPERS: [&str; 9] = [
    "exec", "env", "setsid", "cttyhack", "nohup", "nice", "busybox", "command", "chrt",
];

/// Where a getty is looked for that nobody configured; BusyBox's and util-linux's
/// take the same operands.
const PROGRAMS: [&str; 4] = [
    "/sbin/getty",
    "/sbin/agetty",
    "/usr/sbin/getty",
    "/usr/sbin/agetty",
];

/// How many wrappers are looked behind.
const MAX_DEPTH: usize = 8;

/// A login prompt on the console, where one is wanted and the distribution has a
/// getty: for inits whose own ones are on terminals that a VE does not have.
pub(crate) fn on_console(wanted: bool) -> Vec<Entry> {
    let there = PROGRAMS.iter().find(|path| Path::new(path).exists());
    let prompt = |program: &&str| Entry {
        levels: Levels::ALL,
        when: When::Keep,
        job: Job::new("getty = true", format!("{program} 38400 console vt220")),
    };
    there.filter(|_| wanted).map(prompt).into_iter().collect()
}

/// Whether a command of an inittab is there for somebody at a terminal.
pub(crate) fn is_login(process: &str) -> bool {
    // Quotes group what a shell's -c is given; what they group is looked into
    // word by word, so they can be taken for blanks.
    let words: Vec<&str> = process
        .split(|c: char| c.is_ascii_whitespace() || c == '"' || c == '\'')
        .filter(|word| !word.is_empty())
        .collect();
    let mut rest = words.as_slice();
    for _ in 0..MAX_DEPTH {
        let Some((program, operands)) = rest.split_first() else {
            return false;
        };
        let name = base_name(program);
        if LOGINS.contains(&name) {
            return true;
        }
        if SHELLS.contains(&name) {
            match given_to_shell(operands) {
                Some(command) => rest = command,
                None => return true,
            }
        } else if WRAPPERS.contains(&name) {
            rest = operand(operands);
        } else {
            return false;
        }
    }
    false
}

/// "/sbin/getty", "-getty" and "getty" are one.
fn base_name(program: &str) -> &str {
    let program = program.trim_start_matches(['-', '@']);
    program.rsplit('/').next().unwrap_or(program)
}

/// What a shell is told to run, without the options before it; None when it
/// is told nothing and will ask.
fn given_to_shell<'a>(operands: &'a [&'a str]) -> Option<&'a [&'a str]> {
    let command = operand(operands);
    (!command.is_empty()).then_some(command)
}

/// The rest from the first word that is neither an option, nor its number, nor
/// an assignment.
fn operand<'a>(words: &'a [&'a str]) -> &'a [&'a str] {
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let options = words
        .iter()
        .take_while(|word| word.starts_with('-') || word.contains('=') || is_number(word))
        .count();
    words.get(options..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_recognized_in_all_their_shapes() {
        for process in [
            "/sbin/getty 38400 tty1",
            "getty -L ttyS0 115200 vt100",
            "-/sbin/agetty --noclear tty1 linux",
            "@/sbin/agetty tty2",
            "/sbin/mingetty tty2",
            "/usr/bin/fgetty tty1",
            "/sbin/ngetty",
            "/bin/login -f root",
            "/sbin/sulogin",
            "-/bin/sh",
            "/bin/sh",
            "/bin/ash -l",
            "-/bin/bash --login -i",
            "/bin/busybox sh",
            "setsid cttyhack /bin/sh",
            "/usr/bin/setsid -c /sbin/getty 0 console",
            "/bin/sh -c \"exec getty 38400 tty1\"",
            "env TERM=linux /sbin/getty 38400 tty1",
            "nice -n 10 /sbin/getty 38400 tty1",
        ] {
            assert!(is_login(process), "{process}");
        }
    }

    #[test]
    fn services_are_not_logins() {
        for process in [
            "/sbin/syslogd -n",
            "/bin/sh /etc/service.sh",
            "/bin/sh -c \"while :; do date; sleep 60; done\"",
            "/etc/init.d/rcS",
            "/usr/sbin/getty-watcher",
            "/usr/bin/setsid /usr/sbin/httpd -f",
            "/bin/login-service",
            "/sbin/openrc default",
            "",
            "-",
        ] {
            assert!(!is_login(process), "{process}");
        }
    }

    #[test]
    fn endless_wrapping_ends() {
        assert!(!is_login(&"exec ".repeat(1000)));
    }
}
