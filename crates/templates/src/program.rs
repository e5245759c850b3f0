//! Programs of other packages that know a format: found first, then run with what
//! they say kept for the error.

use std::io::{self, Read};
use std::process::{Child, ChildStderr, ExitStatus};
use std::time::Duration;

use veld_sys::{Context, Failure};

use crate::error::Error;

/// How often it is looked whether a program that takes long has ended.
const TICK: Duration = Duration::from_millis(20);
/// Bytes of what a program says that are kept, and lines that are shown.
const KEPT: u64 = 64 * 1024;
const LINES: usize = 4;

/// Looks for a program in PATH.
///
/// # Errors
/// [`Error::MissingProgram`].
pub(crate) fn find(program: &'static str) -> Result<(), Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path);
    if places.any(|place| place.join(program).is_file()) {
        return Ok(());
    }
    Err(Error::MissingProgram { program })
}

/// Waits for a child whose messages go into a pipe, and returns the first of them.
///
/// # Errors
/// Where the kernel refuses to wait.
pub(crate) fn wait(mut child: Child, name: &str) -> Result<(ExitStatus, String), Failure> {
    let waiting = || format!("wait for {name}");
    let said = read(child.stderr.take()).context(waiting)?;
    let status = child.wait().context(waiting)?;
    Ok((status, said))
}

/// The same for a program that takes long. `go_on` is asked meanwhile; where it fails,
/// the program is killed.
///
/// # Errors
/// That of `go_on`; where the kernel refuses to wait.
pub(crate) fn wait_while(
    mut child: Child,
    name: &str,
    go_on: impl Fn() -> Result<(), Error>,
) -> Result<(ExitStatus, String), Error> {
    let waiting = || format!("wait for {name}");
    let stderr = child.stderr.take();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read(stderr));
        let status = loop {
            if let Some(status) = child.try_wait().context(waiting)? {
                break status;
            }
            if let Err(error) = go_on() {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
            std::thread::sleep(TICK);
        };
        let said = reader.join().unwrap_or_else(|_| Ok(String::new()));
        Ok((status, said.context(waiting)?))
    })
}

fn read(stderr: Option<ChildStderr>) -> io::Result<String> {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        (&mut stderr).take(KEPT).read_to_end(&mut said)?;
        // What it says beyond is taken, so that it is not stopped by a full pipe.
        io::copy(&mut stderr, &mut io::sink())?;
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The last of what a program said, in one line.
pub(crate) fn last_lines(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    let last = lines.len().saturating_sub(LINES);
    lines.get(last..).unwrap_or_default().join("; ")
}
