//! Running the tools of file systems.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use veld_sys::fault;
use veld_sys::tool::ends_with_its_parent;

/// Where tools of the host's administrator are, which need not be on a user's path.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// What is told of the last words of a tool, in characters.
const TOLD: usize = 300;

/// Runs a tool to its end, or to that of this thread, and gives what it said; `fine` are
/// the exit statuses of success. `package` is where one finds it.
///
/// # Errors
/// NotFound, with the name of the package; what a tool that was killed or has failed
/// said last.
#[allow(
    clippy::disallowed_methods,
    reason = "only these tools make and resize a file system, and no VE waits for one"
)]
pub(crate) fn run(
    tool: &str,
    package: &str,
    arguments: &[&OsStr],
    fine: &[i32],
) -> io::Result<String> {
    fault::point("run tool of file system")?;
    let output = ends_with_its_parent(&mut Command::new(tool))
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing(tool, package, error))?;
    if output
        .status
        .code()
        .is_some_and(|code| fine.contains(&code))
    {
        let said = String::from_utf8_lossy(&output.stdout);
        return Ok(said.trim_end().to_owned());
    }
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let said: String = lines.join("; ").chars().take(TOLD).collect();
    Err(io::Error::other(format!(
        "{tool}: {}: {said}",
        output.status
    )))
}

/// Whether a tool is there.
pub(crate) fn is_there(tool: &str) -> bool {
    PATH.split(':')
        .any(|dir| Path::new(dir).join(tool).is_file())
}

fn missing(tool: &str, package: &str, error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::NotFound {
        let text = format!("there is no {tool}, which is in the package {package}");
        return io::Error::new(io::ErrorKind::NotFound, text);
    }
    error
}
