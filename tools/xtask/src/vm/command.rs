//! What is to be run in the guest, as a script of a shell.

use std::ffi::OsStr;

use anyhow::Result;

use crate::workspace::Workspace;

/// A command, where it runs and what it finds in its environment.
#[derive(Debug)]
pub(super) struct Job {
    directory: String,
    environment: Vec<(String, String)>,
    line: String,
    /// Whether systemd is PID 1 and runs it.
    pub(super) systemd: bool,
}

impl Job {
    /// Runs a line of shell at the top of the checkout, as tests are run.
    pub(super) fn of_line(workspace: &Workspace, line: String) -> Self {
        let path = |path: std::path::PathBuf| path.display().to_string();
        let stage = path(workspace.stage());
        let mut environment = vec![
            ("VELD_STAGE".to_owned(), stage.clone()),
            (
                "VELD_STAGE_FAULTS".to_owned(),
                path(workspace.stage_faults()),
            ),
        ];
        let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
        environment.push(("HOME".to_owned(), home));
        Self {
            directory: path(workspace.root().to_owned()),
            environment,
            line,
            systemd: false,
        }
    }

    /// Runs one word as a line of shell in this process's directory, and several
    /// as a program and its arguments.
    pub(super) fn of_words(workspace: &Workspace, words: &[String]) -> Result<Self> {
        let line = match words {
            [line] => line.clone(),
            words => words.iter().map(quoted).collect::<Vec<_>>().join(" "),
        };
        let directory = std::env::current_dir()?.display().to_string();
        Ok(Self {
            directory,
            ..Self::of_line(workspace, line)
        })
    }

    /// The script. What it is told of the guest is in `enter.sh`.
    pub(super) fn script(&self) -> String {
        let mut script = String::new();
        for (name, value) in &self.environment {
            script.push_str(&format!("export {name}={}\n", quoted(value)));
        }
        script.push_str("PATH=$VELD_STAGE/bin:$PATH\n");
        script.push_str(&format!("cd {} || exit 125\n", quoted(&self.directory)));
        script.push_str(&self.line);
        script.push('\n');
        script
    }
}

/// A word as a shell reads it back.
pub(super) fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let words = ["a b", "it's", "$HOME", "", "*\n\""];
        let line = words.map(quoted).join(" ");
        let script = format!("printf '%s|' {line}");
        let printed = crate::run::output(std::process::Command::new("sh").args(["-c", &script]));
        assert_eq!(printed.unwrap(), "a b|it's|$HOME||*\n\"|");
    }
}
