//! BusyBox's inittab: lines of `id:runlevels:action:process`.
//!
//! Pure and total: any bytes give the entries that make sense and one complaint
//! for each line that does not. As in BusyBox the id names a terminal below
//! /dev, the run levels mean nothing, and `#` starts a comment anywhere.

use std::fmt;

/// How much of the file is read, in bytes. What BusyBox and Alpine ship is 1 KiB.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// How many lines are read.
const MAX_LINES: usize = 1024;
/// The longest command, in bytes.
const MAX_PROCESS: usize = 1024;
/// The longest terminal name, in bytes.
const MAX_TERMINAL: usize = 64;

/// When an entry's process is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// First of all, awaited.
    Sysinit,
    /// After every sysinit, awaited.
    Wait,
    /// After every wait, not awaited.
    Once,
    /// From then on, again whenever it ends.
    Respawn,
    /// As respawn, but somebody presses Enter first.
    Askfirst,
    /// Takes the init's place when that is asked to restart.
    Restart,
    /// When Ctrl-Alt-Del is pressed, which sends SIGINT.
    CtrlAltDel,
    /// Before the end, awaited.
    Shutdown,
}

/// The words of the file.
const ACTIONS: [(&str, Action); 8] = [
    ("sysinit", Action::Sysinit),
    ("wait", Action::Wait),
    ("once", Action::Once),
    ("respawn", Action::Respawn),
    ("askfirst", Action::Askfirst),
    ("restart", Action::Restart),
    ("ctrlaltdel", Action::CtrlAltDel),
    ("shutdown", Action::Shutdown),
];

/// One line that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number in the file, from 1.
    pub(crate) line: usize,
    /// The terminal's name below /dev, where one is given.
    pub(crate) terminal: Option<String>,
    /// When it runs.
    pub(crate) action: Action,
    /// What runs.
    pub(crate) process: String,
}

/// One line that does not, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Its number in the file, from 1.
    pub(crate) line: usize,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    TooManyBytes,
    TooManyLines,
    NotText,
    TooFewFields(usize),
    NoSuchAction(String),
    NoProcess,
    LongProcess(usize),
    BadTerminal(String),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::TooManyBytes => write!(
                f,
                "is longer than {MAX_BYTES} bytes: this line and what follows is left out"
            ),
            Problem::TooManyLines => write!(
                f,
                "has more than {MAX_LINES} lines: this one and what follows is left out"
            ),
            Problem::NotText => write!(f, "is not UTF-8 text"),
            Problem::TooFewFields(fields) => write!(
                f,
                "has {fields} of the 4 fields id:runlevels:action:process"
            ),
            Problem::NoSuchAction(word) => write!(f, "\"{word}\" is not an action"),
            Problem::NoProcess => write!(f, "has no process"),
            Problem::LongProcess(length) => write!(
                f,
                "has a process of {length} bytes, more than {MAX_PROCESS}"
            ),
            Problem::BadTerminal(id) => write!(f, "\"{id}\" is not the name of a terminal"),
        }
    }
}

/// Reads a whole file, or the first [`MAX_BYTES`] and one of it.
pub(crate) fn parse(file: &[u8]) -> (Vec<Entry>, Vec<Complaint>) {
    let mut entries = Vec::new();
    let mut complaints = Vec::new();
    let mut end = 0_usize;
    for (index, line) in file.split(|&byte| byte == b'\n').enumerate() {
        let number = index.saturating_add(1);
        end = end.saturating_add(line.len());
        let result = if end > MAX_BYTES {
            Err(Problem::TooManyBytes)
        } else if index >= MAX_LINES && !line.is_empty() {
            Err(Problem::TooManyLines)
        } else {
            entry(number, line)
        };
        end = end.saturating_add(1);
        match result {
            Ok(entry) => entries.extend(entry),
            Err(problem) => {
                let last = matches!(problem, Problem::TooManyBytes | Problem::TooManyLines);
                complaints.push(Complaint {
                    line: number,
                    problem,
                });
                if last {
                    break;
                }
            }
        }
    }
    (entries, complaints)
}

/// One line; a blank one or a comment gives nothing.
fn entry(line: usize, bytes: &[u8]) -> Result<Option<Entry>, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::NotText)?;
    if text.contains('\0') {
        return Err(Problem::NotText);
    }
    let text = text.split('#').next().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let mut fields = text.splitn(4, ':').map(str::trim);
    let (Some(id), Some(_), Some(action), Some(process)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Problem::TooFewFields(text.split(':').count()));
    };
    let action = ACTIONS
        .iter()
        .find_map(|&(word, meaning)| (word == action).then_some(meaning))
        .ok_or_else(|| Problem::NoSuchAction(action.to_owned()))?;
    if process.is_empty() || process == "-" {
        return Err(Problem::NoProcess);
    }
    if process.len() > MAX_PROCESS {
        return Err(Problem::LongProcess(process.len()));
    }
    Ok(Some(Entry {
        line,
        terminal: terminal(id)?,
        action,
        process: process.to_owned(),
    }))
}

/// A name such as `tty1`, `/dev/tty1` or `pts/0`; it never leads out of /dev.
fn terminal(id: &str) -> Result<Option<String>, Problem> {
    let name = id.strip_prefix("/dev/").unwrap_or(id);
    if name.is_empty() {
        return Ok(None);
    }
    let fits =
        name.len() <= MAX_TERMINAL && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if fits {
        Ok(Some(name.to_owned()))
    } else {
        Err(Problem::BadTerminal(
            id.chars().take(MAX_TERMINAL).collect(),
        ))
    }
}

#[cfg(test)]
mod tests;
