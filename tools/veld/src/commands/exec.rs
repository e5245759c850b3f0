//! `veld exec` and `veld enter`

use std::ffi::{CString, OsStr, OsString};
use std::io::IsTerminal;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions, waitid};
use veld_console::{Over, Pair, User};
use veld_launch::{Program, Who};
use veld_rootfs::TerminalSize;
use veld_supervisor::{Command, Host, Ve};
use veld_sys::process::{Child, send_signal};
use veld_sys::{Context, Failure};

use crate::cli::{Enter, Exec};
use crate::report::{self, Failed};

/// How long a program may take to die of a signal that was handed on to it.
const DYING: Duration = Duration::from_secs(10);

pub(crate) fn exec(host: &Host, exec: Exec) -> Result<ExitCode, Failed> {
    let words: Result<Vec<CString>, _> = exec.command.into_iter().map(c_string).collect();
    let directory = exec.workdir.map(c_string).transpose();
    let (Ok(words), Ok(directory)) = (words, directory) else {
        report::line("exec: a word of the command holds a NUL byte");
        return Ok(ExitCode::from(2));
    };
    let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let terminal = exec.tty || (interactive && !exec.no_tty);
    let asked = Asked {
        program: Program::Command(words),
        user: exec.user,
        directory,
        environment: exec.env,
        terminal,
    };
    let ve = find(host, &exec.ve)?;
    asked.run(&ve)
}

pub(crate) fn enter(host: &Host, enter: Enter) -> Result<ExitCode, Failed> {
    let asked = Asked {
        program: Program::LoginShell,
        user: enter.user,
        directory: None,
        environment: Vec::new(),
        terminal: true,
    };
    let ve = find(host, &enter.ve)?;
    asked.run(&ve)
}

fn find<'h>(host: &'h Host, ve: &veld_config::VeRef) -> Result<Ve<'h>, Failed> {
    host.find(ve).map_err(Failed::Exec)
}

fn c_string(word: OsString) -> Result<CString, std::ffi::NulError> {
    CString::new(word.into_vec())
}

struct Asked {
    program: Program,
    user: Option<String>,
    directory: Option<CString>,
    environment: Vec<String>,
    terminal: bool,
}

impl Asked {
    fn run(self, ve: &Ve<'_>) -> Result<ExitCode, Failed> {
        let user = User::standard()?;
        if self.terminal {
            let size = user
                .size()
                .map_or_else(TerminalSize::default, |size| TerminalSize {
                    rows: size.ws_row,
                    columns: size.ws_col,
                });
            let command = self.command(Some(size), [None; 3]);
            let entered = veld_supervisor::exec(ve, command).map_err(Failed::Exec)?;
            let Some(master) = entered.master else {
                unreachable!("a terminal was asked for")
            };
            let over = veld_console::relay(master, entered.child.pidfd.as_fd(), &user)?;
            return Ok(ending(&entered.child, over)?);
        }
        let pipes = Pipes::for_terminals()?;
        let command = self.command(None, pipes.theirs());
        let entered = veld_supervisor::exec(ve, command).map_err(Failed::Exec)?;
        let (inputs, outputs) = pipes.ours();
        let over = veld_console::pump(inputs, outputs, entered.child.pidfd.as_fd())?;
        Ok(ending(&entered.child, over)?)
    }

    fn command<'a>(
        self,
        terminal: Option<TerminalSize>,
        stdio: [Option<BorrowedFd<'a>>; 3],
    ) -> Command<'a> {
        let term = std::env::var_os("TERM")
            .as_deref()
            .and_then(OsStr::to_str)
            .map(str::to_owned);
        Command {
            program: self.program,
            who: self.user.as_deref().map_or(Who::Root, Who::parse),
            directory: self.directory,
            environment: self.environment,
            term: term.filter(|_| terminal.is_some()),
            terminal,
            stdio,
        }
    }
}

/// Pipes in place of those of our standard descriptors that are terminals: a
/// program in a VE that had the terminal could type into it.
struct Pipes {
    input: Option<(OwnedFd, Pair)>,
    output: Option<(OwnedFd, Pair)>,
    error: Option<(OwnedFd, Pair)>,
}

impl Pipes {
    fn for_terminals() -> Result<Self, Failure> {
        let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        Ok(Self {
            input: stdin
                .is_terminal()
                .then(|| towards_program(stdin.as_fd()))
                .transpose()?,
            output: stdout
                .is_terminal()
                .then(|| from_program(stdout.as_fd()))
                .transpose()?,
            error: stderr
                .is_terminal()
                .then(|| from_program(stderr.as_fd()))
                .transpose()?,
        })
    }

    fn theirs(&self) -> [Option<BorrowedFd<'_>>; 3] {
        [&self.input, &self.output, &self.error]
            .map(|pipe| pipe.as_ref().map(|(theirs, _)| theirs.as_fd()))
    }

    /// What is left for us once the program has its ends.
    fn ours(self) -> (Vec<Pair>, Vec<Pair>) {
        let ours = |pipe: Option<(OwnedFd, Pair)>| pipe.map(|(_theirs, ours)| ours);
        let outputs = [ours(self.output), ours(self.error)];
        (
            ours(self.input).into_iter().collect(),
            outputs.into_iter().flatten().collect(),
        )
    }
}

fn towards_program(from: BorrowedFd<'_>) -> Result<(OwnedFd, Pair), Failure> {
    let (theirs, ours) = std::io::pipe().context(|| "create a pipe")?;
    let from = from
        .try_clone_to_owned()
        .context(|| "duplicate standard input")?;
    Ok((
        theirs.into(),
        Pair {
            from,
            to: ours.into(),
        },
    ))
}

fn from_program(to: BorrowedFd<'_>) -> Result<(OwnedFd, Pair), Failure> {
    let (ours, theirs) = std::io::pipe().context(|| "create a pipe")?;
    let to = to
        .try_clone_to_owned()
        .context(|| "duplicate standard output")?;
    Ok((
        theirs.into(),
        Pair {
            from: ours.into(),
            to,
        },
    ))
}

/// The program's status as ours. A signal to us is handed on to it.
fn ending(child: &Child, over: Over) -> Result<ExitCode, Failure> {
    match over {
        Over::ProgramEnded => {}
        Over::OutputGone => {
            veld_state::ended(child.pidfd.as_fd(), DYING)?;
        }
        Over::Signal(number) => {
            let _ = send_signal(child.pidfd.as_fd(), number);
            if !veld_state::ended(child.pidfd.as_fd(), DYING)? {
                return Ok(ExitCode::from(
                    u8::try_from(128 + number).unwrap_or(u8::MAX),
                ));
            }
        }
    }
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    let status =
        waitid(WaitId::PidFd(child.pidfd.as_fd()), options).context(|| "wait for the command")?;
    let number = match status {
        Some(status) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => code,
            (None, Some(signal)) => 128 + signal,
            (None, None) => 125,
        },
        None => 125,
    };
    Ok(ExitCode::from(u8::try_from(number).unwrap_or(u8::MAX)))
}
