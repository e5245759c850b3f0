//! What the launcher tells the command that forked it.
//!
//! Lines, of which the first word says what the rest is. `started` is the last
//! of a start that went well.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};

use crate::error::{Error, ErrorKind, HINT_OF_LAYERS, Source, chain};

const STARTED: &str = "started";
const WARNING: &str = "warning";
const FAILED: &str = "failed";
const REFUSED: &str = "refused";
const ALSO: &str = "also";
const LAYERS: &str = "layers";

/// No report is longer.
const MOST: u64 = 64 * 1024;

/// The launcher's end. A launcher that nobody waits for has none.
#[derive(Debug)]
pub(crate) struct Reporter {
    pipe: Option<File>,
}

/// What a launcher said.
#[derive(Debug, Default)]
pub(crate) struct Report {
    started: bool,
    pub(crate) warnings: Vec<String>,
    failed: Option<(ErrorKind, String)>,
    also: Vec<String>,
    of_layers: bool,
}

impl Reporter {
    pub(crate) fn to(pipe: File) -> Self {
        Self { pipe: Some(pipe) }
    }

    pub(crate) fn nobody() -> Self {
        Self { pipe: None }
    }

    pub(crate) fn started(&self, warnings: &[String]) {
        for warning in warnings {
            self.line(WARNING, warning);
        }
        self.line(STARTED, "");
    }

    pub(crate) fn failed(&self, source: &Source, also: &[String]) {
        let word = if source.is_refusal() { REFUSED } else { FAILED };
        self.line(word, &chain(source));
        if source.is_of_layers() {
            self.line(LAYERS, "");
        }
        for text in also {
            self.line(ALSO, text);
        }
    }

    /// A command that has gone does not read; nothing can be done about it.
    fn line(&self, word: &str, text: &str) {
        if let Some(mut pipe) = self.pipe.as_ref() {
            let _ = writeln!(pipe, "{word} {}", text.replace('\n', " "));
        }
    }
}

impl Report {
    /// Reads until the launcher says that PID 1 runs, or to the end of file.
    pub(crate) fn read(pipe: impl Read) -> std::io::Result<Self> {
        let mut report = Self::default();
        for line in BufReader::new(pipe.take(MOST)).lines() {
            report.hear(&line?);
            if report.started {
                break;
            }
        }
        Ok(report)
    }

    fn hear(&mut self, line: &str) {
        match line.split_once(' ') {
            Some((STARTED, _)) => self.started = true,
            Some((WARNING, text)) => self.warnings.push(text.to_owned()),
            Some((FAILED, text)) => self.failed = Some((ErrorKind::Failed, text.to_owned())),
            Some((REFUSED, text)) => self.failed = Some((ErrorKind::Refused, text.to_owned())),
            Some((ALSO, text)) => self.also.push(text.to_owned()),
            Some((LAYERS, _)) => self.of_layers = true,
            _ => {}
        }
    }

    /// Whether the launcher ended without a word: then nothing that it did is undone.
    pub(crate) fn is_silent(&self) -> bool {
        self.failed.is_none() && !self.started
    }

    /// The warnings of a start, or why there was none.
    pub(crate) fn into_result(self, ve: &str) -> Result<Vec<String>, Error> {
        let error = |text: String| Error::action(ve, "start", Source::Reported(text));
        match (self.failed, self.started) {
            (Some((kind, text)), _) => {
                let error = error(text).with_kind(kind).and_also(self.also);
                Err(if self.of_layers {
                    error.with_hint(HINT_OF_LAYERS)
                } else {
                    error
                })
            }
            (None, true) => Ok(self.warnings),
            (None, false) => Err(error("the launcher died before reporting".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Report {
        Report::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_start_is_over_when_it_is_said_to_be() {
        let warnings = read("warning w\nstarted \nfailed x\n")
            .into_result("web1")
            .unwrap();
        assert_eq!(warnings, ["w"]);
    }

    #[test]
    fn a_failure_is_told_with_what_could_not_be_undone() {
        let error = read("failed cannot a: b\nalso cannot c\n")
            .into_result("web1")
            .unwrap_err();
        assert_eq!(chain(&error), "web1: cannot start: cannot a: b");
        assert_eq!(error.also(), ["cannot c"]);
    }

    #[test]
    fn silence_is_a_failure() {
        let report = read("");
        assert!(report.is_silent());
        let error = report.into_result("web1").unwrap_err();
        assert_eq!(
            chain(&error),
            "web1: cannot start: the launcher died before reporting"
        );
    }
}
