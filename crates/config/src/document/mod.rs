//! A TOML file read through a table with one row per key.
//!
//! The text becomes a tree in which every value knows its place ([`Document`]);
//! the rows then take what is theirs ([`Document::read`]), and whatever is
//! wrong is gathered, never the first alone. Nothing of the tree leaves this
//! module but through a row's validator.

mod nearest;
mod value;

pub(crate) use nearest::nearest;
pub(crate) use value::{Complaint, Outcome, Value};

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{ConfigError, Problem};

/// Problems that are reported of one file; a file with more is not a config.
const MOST: usize = 100;

/// One row: a key and what becomes of its value.
#[derive(Debug)]
pub(crate) struct Parameter<C: 'static> {
    /// The key, dotted: `resources.ram`.
    pub(crate) key: &'static str,
    /// What is allowed, for a key that must be there.
    pub(crate) required: Option<&'static str>,
    /// Validates the value and puts it into the config.
    pub(crate) read: fn(&mut C, &Value<'_>) -> Outcome,
}

impl<C> Parameter<C> {
    /// A key that may be absent.
    pub(crate) const fn optional(
        key: &'static str,
        read: fn(&mut C, &Value<'_>) -> Outcome,
    ) -> Self {
        let required = None;
        Self {
            key,
            required,
            read,
        }
    }

    /// A key that must be there.
    pub(crate) const fn required(
        key: &'static str,
        allowed: &'static str,
        read: fn(&mut C, &Value<'_>) -> Outcome,
    ) -> Self {
        let required = Some(allowed);
        Self {
            key,
            required,
            read,
        }
    }
}

/// A file that is TOML.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    root: Spanned<DeTable<'a>>,
    lines: Lines<'a>,
}

impl<'a> Document<'a> {
    /// Parses `text`; `file` is only for the errors.
    ///
    /// # Errors
    /// Every error of syntax, with its line.
    pub(crate) fn parse(file: &'a Path, text: &'a str) -> Result<Self, ConfigError> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let lines = Lines::new(file, text);
        if errors.is_empty() {
            return Ok(Self { root, lines });
        }
        let problems = errors
            .iter()
            .map(|error| lines.syntax(error.span(), error.message()))
            .collect();
        Err(in_order(file, problems))
    }

    /// Gives every value to its row.
    ///
    /// # Errors
    /// Every unknown key, every refused value and every key that is missing;
    /// `config` is then half read and must be dropped.
    pub(crate) fn read<C>(
        &self,
        parameters: &[&Parameter<C>],
        config: &mut C,
    ) -> Result<(), ConfigError> {
        let mut reader = Reader {
            lines: &self.lines,
            parameters,
            config,
            seen: BTreeSet::new(),
            problems: Vec::new(),
        };
        reader.table("", self.root.get_ref());
        reader.missing();
        if reader.problems.is_empty() {
            Ok(())
        } else {
            Err(in_order(self.lines.file, reader.problems))
        }
    }

    /// The whole number at the key `version`, and the problem to report should
    /// it be too great; all else about it is for its row to say.
    pub(crate) fn newer_than(&self, known: u32) -> Option<Problem> {
        let value = self.root.get_ref().get("version")?;
        let DeValue::Integer(number) = value.get_ref() else {
            return None;
        };
        let version = u128::from_str_radix(number.as_str(), number.radix()).ok()?;
        (version > u128::from(known)).then(|| {
            let what = format!("config file of version {version}, this veld knows up to {known}");
            self.lines
                .problem(value.span().start, Some("version"), what)
        })
    }
}

/// Where each line starts, to turn a place into a line without counting again.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    file: &'a Path,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(file: &'a Path, text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        Self { file, starts }
    }

    /// A problem at a byte of the text.
    fn problem(&self, at: usize, key: Option<&str>, what: String) -> Problem {
        Problem {
            file: Some(self.file.to_owned()),
            line: Some(self.starts.partition_point(|&start| start <= at) + 1),
            key: key.map(str::to_owned),
            what,
        }
    }

    /// A problem that a parser of TOML found.
    pub(crate) fn syntax(&self, span: Option<Range<usize>>, message: &str) -> Problem {
        let at = span.map_or(0, |span| span.start);
        let message = message.trim_end_matches(", expected nothing");
        self.problem(at, None, format!("not TOML: {message}"))
    }
}

/// Sorted by line, and no more than a person wants to see.
fn in_order(file: &Path, mut problems: Vec<Problem>) -> ConfigError {
    // What has no line, the missing keys, comes last.
    problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
    if problems.len() > MOST {
        let rest = problems.len() - MOST;
        problems.truncate(MOST);
        problems.push(Problem {
            file: Some(file.to_owned()),
            line: None,
            key: None,
            what: format!("{rest} more problems"),
        });
    }
    ConfigError::Invalid(problems)
}

/// The walk over the tree.
struct Reader<'r, C: 'static> {
    lines: &'r Lines<'r>,
    parameters: &'r [&'r Parameter<C>],
    config: &'r mut C,
    seen: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

impl<C> Reader<'_, C> {
    /// Reads the entries of the table at `section` (empty, or dotted with a dot
    /// at its end).
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{section}{}", nearest::shown(name.get_ref()));
            let known = self.parameters.iter().find(|row| row.key == key);
            if let Some(row) = known {
                self.seen.insert(row.key);
                if let Err(complaints) = (row.read)(self.config, &Value::new(value)) {
                    let problem = |Complaint { at, below, what }| {
                        let key = format!("{key}{below}");
                        self.lines.problem(at, Some(&key), what)
                    };
                    self.problems.extend(complaints.into_iter().map(problem));
                }
            } else if self.is_section(&key) {
                if let DeValue::Table(inner) = value.get_ref() {
                    self.table(&format!("{key}."), inner);
                } else {
                    let complaint = Value::new(value).not("a table");
                    let problem = self.lines.problem(complaint.at, Some(&key), complaint.what);
                    self.problems.push(problem);
                }
            } else {
                self.unknown(section, &key, name.span().start);
            }
        }
    }

    fn is_section(&self, key: &str) -> bool {
        self.parameters
            .iter()
            .any(|row| row.key.split_once('.').is_some_and(|(head, _)| head == key))
    }

    fn unknown(&mut self, section: &str, key: &str, at: usize) {
        let known: Vec<&str> = self.parameters.iter().map(|row| row.key).collect();
        // Of a file of other keys no more is asked than a person wants to see.
        let asked = self.problems.len() < MOST;
        let near = asked.then(|| nearest(key, &known)).flatten();
        let what = match near {
            Some(near) => format!("unknown key {key}, did you mean {near}?"),
            None => format!(
                "unknown key {key}: allowed are {}",
                nearest::level(section, &known).join(", ")
            ),
        };
        self.problems.push(self.lines.problem(at, None, what));
    }

    /// Reports the keys that must be there and are not.
    fn missing(&mut self) {
        for row in self.parameters {
            let Some(allowed) = row.required.filter(|_| !self.seen.contains(row.key)) else {
                continue;
            };
            self.problems.push(Problem {
                file: Some(self.lines.file.to_owned()),
                line: None,
                key: Some(row.key.to_owned()),
                what: format!("is missing: allowed is {allowed}"),
            });
        }
    }
}
