//! What the launcher tells the command that forked it.
//!
//! Lines; the end of file says that the launcher has become the shim or ended.
//! The first word of a line is what the rest is.

use std::fs::File;
use std::io::{Read, Write};

use crate::error::{Error, ErrorKind, Source, chain};

const STARTED: &str = "started";
const WARNING: &str = "warning";
const FAILED: &str = "failed";
const REFUSED: &str = "refused";
const ALSO: &str = "also";

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
}

impl Reporter {
    pub(crate) fn to(pipe: File) -> Self {
        Self { pipe: Some(pipe) }
    }

    pub(crate) fn nobody() -> Self {
        Self { pipe: None }
    }

    /// Whether somebody waits for the report.
    pub(crate) fn is_heard(&self) -> bool {
        self.pipe.is_some()
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
    /// Reads up to the end of file.
    pub(crate) fn read(pipe: impl Read) -> std::io::Result<Self> {
        let mut text = String::new();
        pipe.take(MOST).read_to_string(&mut text)?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut report = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some((STARTED, _)) => report.started = true,
                Some((WARNING, text)) => report.warnings.push(text.to_owned()),
                Some((FAILED, text)) => report.failed = Some((ErrorKind::Failed, text.to_owned())),
                Some((REFUSED, text)) => {
                    report.failed = Some((ErrorKind::Refused, text.to_owned()));
                }
                Some((ALSO, text)) => report.also.push(text.to_owned()),
                _ => {}
            }
        }
        report
    }

    /// The warnings of a start, or why there was none.
    pub(crate) fn into_result(self, ve: &str) -> Result<Vec<String>, Error> {
        let error = |text: String| Error::action(ve, "start", Source::Reported(text));
        match (self.failed, self.started) {
            (Some((kind, text)), _) => Err(error(text).with_kind(kind).and_also(self.also)),
            (None, true) => Ok(self.warnings),
            (None, false) => Err(error("the launcher died before reporting".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_after_the_start_counts_and_its_causes_are_one_line() {
        let report = Report::parse("warning w\nstarted \nfailed cannot a: b\nalso cannot c\n");
        let error = report.into_result("web1").unwrap_err();
        assert_eq!(chain(&error), "web1: cannot start: cannot a: b");
        assert_eq!(error.also(), ["cannot c"]);
    }

    #[test]
    fn silence_is_a_failure() {
        let error = Report::parse("").into_result("web1").unwrap_err();
        assert_eq!(
            chain(&error),
            "web1: cannot start: the launcher died before reporting"
        );
    }
}
