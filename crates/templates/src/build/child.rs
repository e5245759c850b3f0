//! mmdebstrap as a child process: its archive as a reader, its messages as
//! progress, its end as an error.
//!
//! The child leads a process group of its own, so that all its helpers are told to
//! stop with it. When this process is killed, the kernel tells the child to stop;
//! it holds the template's lock until it has, so nobody sweeps the scratch directory
//! under a builder that still works in it. It has a mount namespace of its own, since what it mounts in the scratch directory
//! (/proc, /sys, the host's device nodes) would outlive a builder that is killed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use veld_sys::{Context, Failure, fault};

use crate::error::Error;
use crate::progress::Reporter;

/// How often the watcher is asked while the builder is silent.
const TICK: Duration = Duration::from_millis(200);
/// How long the builder may tidy up after it was told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Errors that are kept to explain a failure: the first, since the others follow
/// from it. Without any, the last lines have to do.
const FIRST_ERRORS: usize = 3;
const LAST_LINES: usize = 4;
const MAX_LINE: usize = 1024;

/// A running mmdebstrap.
pub(super) struct Builder<'a, 'r> {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    line: Vec<u8>,
    errors: Vec<String>,
    last: VecDeque<String>,
    reporter: &'a Reporter<'r>,
}

impl<'a, 'r> Builder<'a, 'r> {
    #[expect(
        clippy::disallowed_methods,
        reason = "mmdebstrap is the one that knows how Debian is installed"
    )]
    pub(super) fn start(
        arguments: &[String],
        scratch: &Path,
        lock: &File,
        reporter: &'a Reporter<'r>,
    ) -> Result<Self, Error> {
        let starting = || "start mmdebstrap";
        fault::point("start builder").context(starting)?;
        // A duplicate is not closed by exec; this process closes its own after it.
        let held = rustix::io::dup(lock).context(starting)?;
        // Each of these becomes the next: it is one process from here to its end.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .args(["unshare", "--mount", "--propagation", "private"])
            .arg("mmdebstrap")
            .args(arguments)
            .env("TMPDIR", scratch)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .context(starting)?;
        drop(held);
        Ok(Self {
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            line: Vec::new(),
            errors: Vec::new(),
            last: VecDeque::new(),
            reporter,
        })
    }

    /// Ends the child: waits for it where all of its archive was taken, stops it
    /// where the unpacker gave up. Of both errors, the child's own explains more.
    pub(super) fn conclude<T>(mut self, unpacked: Result<T, Error>) -> Result<T, Error> {
        let failed = |cause| Error::Failed(Failure::new("wait for mmdebstrap", cause));
        if unpacked.is_err() && self.stdout.is_some() {
            self.stop().map_err(failed)?;
            return unpacked;
        }
        let status = self.wait_to_end().map_err(failed)?;
        if status.success() {
            return unpacked;
        }
        Err(Error::Builder {
            status: status.to_string(),
            lines: self.last_words(),
        })
    }

    /// Reads messages until the child has ended. Its archive has ended before.
    fn wait_to_end(&mut self) -> io::Result<ExitStatus> {
        self.stdout = None;
        while self.stderr.is_some() {
            self.take_messages(TICK)?;
            if let Some(status) = self.child.try_wait()? {
                // What it said last is in the pipe; its helpers may hold the pipe on.
                self.take_messages(Duration::ZERO)?;
                return Ok(status);
            }
        }
        self.child.wait()
    }

    /// Tells the child's group to stop, and makes it stop.
    fn stop(&mut self) -> io::Result<()> {
        self.stdout = None;
        let deadline = Instant::now() + GRACE;
        self.signal(Signal::TERM);
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                // Helpers that outlived their leader.
                self.signal(Signal::KILL);
                return Ok(());
            }
            let _ = self.take_messages(Duration::from_millis(20));
        }
        self.signal(Signal::KILL);
        self.child.wait().map(drop)
    }

    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // ESRCH: the whole group is gone, which is what is wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits for messages and hands the whole lines on.
    fn take_messages(&mut self, patience: Duration) -> io::Result<()> {
        let Some(stderr) = &mut self.stderr else {
            std::thread::sleep(patience);
            return Ok(());
        };
        let mut wanted = [PollFd::new(stderr, PollFlags::IN)];
        let timeout = timespec(patience)?;
        if poll(&mut wanted, Some(&timeout))? == 0 {
            return Ok(());
        }
        let mut buffer = [0; 4096];
        let length = stderr.read(&mut buffer)?;
        if length == 0 {
            self.stderr = None;
        }
        for &byte in buffer.get(..length).unwrap_or_default() {
            match byte {
                // A progress bar returns to the start of its line.
                b'\n' | b'\r' => self.end_line()?,
                _ if self.line.len() < MAX_LINE => self.line.push(byte),
                _ => {}
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        if line.is_empty() {
            return Ok(());
        }
        let told = self.reporter.tell(Some(&line));
        if let Some(error) = line.strip_prefix("E: ")
            && self.errors.len() < FIRST_ERRORS
        {
            self.errors.push(error.to_owned());
        }
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
        told.map_err(io::Error::other)
    }

    fn last_words(&self) -> String {
        if self.errors.is_empty() {
            let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
            return lines.join("; ");
        }
        self.errors.join("; ")
    }
}

impl Read for Builder<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(stdout) = &mut self.stdout else {
                return Ok(0);
            };
            let readable = PollFlags::IN;
            let mut wanted = vec![PollFd::from_borrowed_fd(stdout.as_fd(), readable)];
            if let Some(stderr) = &self.stderr {
                wanted.push(PollFd::from_borrowed_fd(stderr.as_fd(), readable));
            }
            let timeout = timespec(TICK)?;
            let silent = poll(&mut wanted, Some(&timeout))? == 0;
            let [archive, messages] = [0, 1].map(|at| {
                let events = wanted.get(at).map(PollFd::revents);
                events.is_some_and(|events| !events.is_empty())
            });
            if archive {
                let length = stdout.read(buffer)?;
                if length == 0 && !buffer.is_empty() {
                    self.stdout = None;
                }
                return Ok(length);
            }
            if messages {
                self.take_messages(Duration::ZERO)?;
            }
            if silent {
                self.reporter.tell(None).map_err(io::Error::other)?;
            }
        }
    }
}

impl Drop for Builder<'_, '_> {
    /// The last resort, where [`Builder::conclude`] was not reached.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.stop();
        }
    }
}

fn timespec(patience: Duration) -> io::Result<Timespec> {
    Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput.into())
}
