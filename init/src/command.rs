//! From a command as an inittab writes it to a program and its arguments.
//!
//! The rules are those of BusyBox and System V: a leading `-` makes it a login
//! shell, a leading `@` keeps the shell out, anything that means something to a
//! shell is given to one, the rest is split at blanks.

use std::ffi::{CString, NulError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::environment::DEFAULT_PATH;

/// What a shell would not take literally.
const SHELL_WORDS: &str = "~`!$^&*()=|\\{}[];\"'<>?";

const SHELL: &str = "/bin/sh";

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// A path, or a name to look up in PATH.
    program: String,
    /// All arguments, `argv[0]` first.
    args: Vec<String>,
    /// Whether it is to own the terminal it starts on.
    pub(crate) login: bool,
}

impl Command {
    /// Reads a command; one without any word has an empty program, which no
    /// file has for a name.
    pub(crate) fn parse(process: &str) -> Self {
        let (login, process) = match process.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, process),
        };
        // What an `@` stands before is not for a shell, whatever is in it.
        let (plain, process) = match process.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (is_plain(process), process),
        };
        let mut args: Vec<String> = if !plain {
            vec![SHELL.into(), "-c".into(), format!("exec {process}")]
        } else {
            process
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect()
        };
        let program = args.first().cloned().unwrap_or_default();
        if login && let Some(name) = args.first_mut() {
            name.insert(0, '-');
        }
        Self {
            program,
            args,
            login,
        }
    }

    /// Executes it in this process's place. Returns only on failure.
    pub(crate) fn execute(&self, env: &[CString]) -> io::Error {
        self.try_execute(env).unwrap_or_else(io::Error::from)
    }

    fn try_execute(&self, env: &[CString]) -> Result<io::Error, NulError> {
        let file = CString::new(find(&self.program).as_os_str().as_bytes())?;
        let mut args = strings(&self.args)?;
        let cause = veld_sys::exec::exec_path(&file, &args, env);
        if cause.raw_os_error() != Some(Errno::NOEXEC.raw_os_error()) {
            return Ok(cause);
        }
        // A script without `#!`, as rcS often is, is the shell's own.
        let shell = CString::new(SHELL)?;
        args.splice(..args.len().min(1), [shell.clone(), file]);
        Ok(veld_sys::exec::exec_path(&shell, &args, env))
    }
}

/// Whether a command means the same to a shell as to who splits it at blanks.
pub(crate) fn is_plain(process: &str) -> bool {
    !process.contains(|c| SHELL_WORDS.contains(c))
}

/// The path of a program: as it is with a slash, else the first match in PATH,
/// else the bare name, so that the error is about it.
fn find(program: &str) -> PathBuf {
    if program.is_empty() || program.contains('/') {
        return program.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(program))
        .find(|candidate| is_executable(candidate))
        .unwrap_or_else(|| program.into())
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

fn strings(args: &[String]) -> Result<Vec<CString>, NulError> {
    args.iter().map(|arg| CString::new(arg.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(process: &str) -> (String, Vec<String>, bool) {
        let command = Command::parse(process);
        (command.program, command.args, command.login)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn plain_words_are_split_at_blanks() {
        assert_eq!(
            parsed("/sbin/syslogd  -n\t-S"),
            (
                "/sbin/syslogd".into(),
                words(&["/sbin/syslogd", "-n", "-S"]),
                false
            )
        );
    }

    #[test]
    fn what_a_shell_would_read_goes_to_one() {
        assert_eq!(
            parsed("echo $HOME | cat"),
            (
                "/bin/sh".into(),
                words(&["/bin/sh", "-c", "exec echo $HOME | cat"]),
                false
            )
        );
    }

    #[test]
    fn a_dash_asks_for_a_login_shell() {
        assert_eq!(
            parsed("-/bin/sh"),
            ("/bin/sh".into(), words(&["-/bin/sh"]), true)
        );
    }

    #[test]
    fn an_at_sign_keeps_the_shell_out() {
        let wanted = words(&["/bin/app", "a*"]);
        assert_eq!(parsed("@/bin/app a*"), ("/bin/app".into(), wanted, false));
    }

    #[test]
    fn nothing_is_no_program() {
        assert_eq!(parsed(" "), (String::new(), Vec::new(), false));
        let error = Command::parse("").execute(&[]);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_bare_name_is_looked_up() {
        assert!(find("sh").is_absolute());
        assert_eq!(find("no-such-program"), Path::new("no-such-program"));
    }
}
