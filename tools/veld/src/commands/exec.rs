//! `veld exec` and `veld enter`

use std::ffi::{CString, OsStr, OsString};
use std::io::{ErrorKind, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;
use std::time::Duration;

use veld_console::{Over, Pair, Signals, User};
use veld_launch::{Entered, Program, Who};
use veld_rootfs::TerminalSize;
use veld_supervisor::{Command, Host, Ve};
use veld_sys::process::send_signal;
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
    asked.run(&host.find(&exec.ve)?)
}

pub(crate) fn enter(host: &Host, enter: Enter) -> Result<ExitCode, Failed> {
    let asked = Asked {
        program: Program::LoginShell,
        user: enter.user,
        directory: None,
        environment: Vec::new(),
        terminal: true,
    };
    asked.run(&host.find(&enter.ve)?)
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
        // From here on, so that no signal falls between the program's start and
        // the loop that hands signals on to it.
        let _signals = Signals::watch()?;
        if self.terminal {
            let size = user
                .size()
                .map_or_else(TerminalSize::default, |size| TerminalSize {
                    rows: size.ws_row,
                    columns: size.ws_col,
                });
            let command = self.command(Some(size), [None; 3]);
            let mut entered = veld_supervisor::exec(ve, command)?;
            let Some(master) = entered.master.take() else {
                unreachable!("a terminal was asked for")
            };
            let over = veld_console::relay(master, entered.child.pidfd.as_fd(), &user)?;
            return Ok(ending(&entered, over)?);
        }
        let pipes = Pipes::for_terminals()?;
        let command = self.command(None, pipes.theirs());
        let entered = veld_supervisor::exec(ve, command)?;
        let (inputs, outputs) = pipes.ours();
        let over = veld_console::pump(inputs, outputs, entered.child.pidfd.as_fd())?;
        Ok(ending(&entered, over)?)
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
    input: Option<Pipe>,
    outputs: [Option<Pipe>; 2],
}

/// The program's end of a pipe, and what is pumped through the other.
struct Pipe {
    theirs: OwnedFd,
    ours: Pair,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToProgram,
    FromProgram,
}

impl Pipes {
    fn for_terminals() -> Result<Self, Failure> {
        use Direction::{FromProgram, ToProgram};
        Ok(Self {
            input: Pipe::for_terminal(std::io::stdin(), ToProgram)?,
            outputs: [
                Pipe::for_terminal(std::io::stdout(), FromProgram)?,
                Pipe::for_terminal(std::io::stderr(), FromProgram)?,
            ],
        })
    }

    fn theirs(&self) -> [Option<BorrowedFd<'_>>; 3] {
        let [output, error] = &self.outputs;
        [&self.input, output, error].map(|pipe| pipe.as_ref().map(|pipe| pipe.theirs.as_fd()))
    }

    /// What is left for us once the program has its ends.
    fn ours(self) -> (Vec<Pair>, Vec<Pair>) {
        let ours = |pipe: Pipe| pipe.ours;
        (
            self.input.into_iter().map(ours).collect(),
            self.outputs.into_iter().flatten().map(ours).collect(),
        )
    }
}

impl Pipe {
    /// A pipe in place of `standard`, where that is a terminal.
    fn for_terminal(
        standard: impl AsFd + IsTerminal,
        direction: Direction,
    ) -> Result<Option<Self>, Failure> {
        if !standard.is_terminal() {
            return Ok(None);
        }
        let (reader, writer) = std::io::pipe().context(|| "create a pipe")?;
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        let terminal = standard.as_fd().try_clone_to_owned();
        let terminal = terminal.context(|| "duplicate the terminal")?;
        let (theirs, from, to) = match direction {
            Direction::ToProgram => (reader, terminal, writer),
            Direction::FromProgram => (writer, reader, terminal),
        };
        let ours = Pair { from, to };
        Ok(Some(Self { theirs, ours }))
    }
}

/// The program's status as ours. A signal to us is handed on to it.
fn ending(entered: &Entered, over: Over) -> Result<ExitCode, Failure> {
    if let Over::Signal(number) = over {
        let _ = send_signal(entered.child.pidfd.as_fd(), number);
    }
    let number = match (entered.reap(DYING), over) {
        (Some(status), _) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => code,
            (None, Some(signal)) => 128 + signal,
            (None, None) => unreachable!("only the end of a program is waited for"),
        },
        (None, Over::Signal(number)) => 128 + number,
        // It goes on with nobody who reads what it writes.
        (None, Over::OutputGone | Over::ProgramEnded) => {
            return Err(Failure::new("wait for the command", ErrorKind::TimedOut));
        }
    };
    Ok(ExitCode::from(u8::try_from(number).unwrap_or(u8::MAX)))
}
