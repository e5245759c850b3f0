//! Running a program to its end, never for ever.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::orphans;
use crate::wait::{PATIENCE, slowness, within};

/// A command line that is to be run.
#[derive(Debug)]
pub struct Cmd {
    command: Command,
    line: String,
    input: Vec<u8>,
    patience: Duration,
}

/// How it ended and what it wrote.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its exit status; 128 and the number of the signal that killed it.
    pub status: i32,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
    line: String,
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    line: String,
    patience: Duration,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Cmd {
    /// A program of the machine's.
    pub fn program<S: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut command = Command::new(&program);
        command.args(arguments);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        let line = words.join(" ");
        Self {
            command,
            line,
            input: Vec::new(),
            patience: PATIENCE * slowness(),
        }
    }

    /// Whether the machine has this program.
    #[must_use]
    pub fn is_there(program: &str) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// With this on its standard input; it is empty otherwise.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// In this directory.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Killed, and the test failed, when it takes longer than this.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The standard library's command, for streams of the caller's own; to be
    /// started by [`Cmd::spawn_as_it_is`].
    pub fn inner(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// Where it cannot be started or does not end in time.
    #[must_use]
    pub fn run(self) -> Output {
        self.spawn().output()
    }

    /// Starts it, with what it writes collected meanwhile.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        let input = std::mem::take(&mut self.input);
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = self.spawn_as_it_is();
        let mut stdin = running.child.stdin.take().unwrap();
        // In a thread: it may write before it has read all. One that does not
        // read at all is none of this thread's business.
        std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        running.stdout = running.child.stdout.take().map(collect);
        running.stderr = running.child.stderr.take().map(collect);
        running
    }

    /// Starts it with the streams that [`Cmd::inner`] was given.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn spawn_as_it_is(mut self) -> Running {
        let child = orphans::adopt(&mut self.command)
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", self.line));
        Running {
            child,
            line: self.line,
            patience: self.patience,
            stdout: None,
            stderr: None,
        }
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

impl Running {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Its streams that [`Cmd::inner`] made pipes of.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// Where the kernel does not say.
    pub fn has_ended(&mut self) -> bool {
        orphans::try_wait_for(&mut self.child).unwrap().is_some()
    }

    /// Kills it by SIGKILL, and only it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Where it does not come in time.
    #[must_use]
    pub fn output(mut self) -> Output {
        let Some(status) = self.ended() else {
            self.kill();
            let _ = self.ended();
            let text = |stream: &mut Option<JoinHandle<Vec<u8>>>| {
                // Whoever it started may have the pipe still, so this may not wait.
                let done = stream.take().filter(JoinHandle::is_finished);
                done.map_or_else(String::new, |thread| lossy(thread.join()))
            };
            let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
            let seconds = self.patience.as_secs();
            panic!(
                "{}: not done within {seconds} s: {stdout}{stderr}",
                self.line
            );
        };
        let text = |stream: Option<JoinHandle<Vec<u8>>>| {
            stream.map_or_else(String::new, |thread| lossy(thread.join()))
        };
        Output {
            status,
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
            line: std::mem::take(&mut self.line),
        }
    }

    fn ended(&mut self) -> Option<i32> {
        let child = &mut self.child;
        within(self.patience, || orphans::try_wait_for(child).unwrap()).map(number)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.kill();
            let _ = self.ended();
        }
    }
}

fn number(status: ExitStatus) -> i32 {
    let signal = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(signal).unwrap_or(-1)
}

fn lossy(bytes: std::thread::Result<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

impl Output {
    /// Itself, where the program ended with 0.
    ///
    /// # Panics
    /// With what it wrote, where it did not.
    pub fn ok(self) -> Self {
        assert_eq!(
            self.status, 0,
            "{}: {}{}",
            self.line, self.stderr, self.stdout
        );
        self
    }

    /// The program must have ended with 0 and written no warning.
    ///
    /// # Panics
    /// With what it wrote, where it did not.
    pub fn done(self) {
        let output = self.ok();
        assert_eq!(output.stderr, "", "{}", output.line);
    }

    /// It succeeded without a warning and said this one line.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    pub fn says(&self, line: &str) {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""));
        assert_eq!(self.stdout.trim_end(), line);
    }

    /// The program must have failed like this: the status, and all of its
    /// standard error.
    ///
    /// # Panics
    /// With what it did instead.
    pub fn fails(&self, status: i32, stderr: &str) {
        let found = (self.status, self.stderr.trim_end_matches('\n'));
        assert_eq!(found, (status, stderr), "{}: {}", self.line, self.stdout);
    }

    /// Its standard output without the last newline.
    #[must_use]
    pub fn line(&self) -> &str {
        self.stdout.trim_end_matches('\n')
    }

    /// The lines of its standard output.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.stdout.lines()
    }
}
