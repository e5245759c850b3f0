//! Running a program to its end, with an error that names its command line.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs a program with the terminal of this one.
///
/// # Errors
/// The program cannot be started, or ends otherwise than with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    let status = command
        .status()
        .with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Runs a program in silence and returns what it printed, trimmed at the end.
///
/// # Errors
/// As [`run`]; what it wrote to standard error is then part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    let output = collect(command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{line}: {}: {}", output.status, said.trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim_end().to_owned())
}

/// Runs a program in silence, whatever it ends with.
///
/// # Errors
/// The program cannot be started.
pub(crate) fn collect(command: &mut Command) -> Result<Output> {
    let line = line_of(command);
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {line}"))
}

/// Where a program is, by `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// The command line of `command`, to be read by a person.
pub(crate) fn line_of(command: &Command) -> String {
    let mut words: Vec<&OsStr> = vec![command.get_program()];
    words.extend(command.get_args());
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_line_and_what_was_said() {
        let error = output(Command::new("sh").args(["-c", "echo no >&2; exit 3"])).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "sh -c echo no >&2; exit 3: exit status: 3: no"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(Command::new("/no/such/program").arg("x")).unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot run /no/such/program x: "));
    }

    #[test]
    fn output_is_trimmed_at_the_end() {
        assert_eq!(output(Command::new("echo").arg(" a ")).unwrap(), " a");
    }
}
