//! The inittab: lines of `id:runlevels:action:process`, in the two dialects that
//! there are.
//!
//! Pure and total: any bytes give the entries that make sense and one complaint
//! for each line that does not.
//!
//! - *BusyBox*: the id names a terminal below /dev, the run levels mean nothing,
//!   and `#` starts a comment anywhere.
//! - *System V* (inittab(5)): the id is a name, the run levels say when an entry
//!   counts, `#` starts a comment only at the beginning of a line, and a `+` before
//!   the process says that it keeps its own records of logins.

use std::fmt;

use crate::level::Levels;

/// How much of the file is read, in bytes. What distributions ship is 2 KiB.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// How many lines are read.
const MAX_LINES: usize = 1024;
/// The longest command, in bytes.
const MAX_PROCESS: usize = 1024;
/// The longest terminal name, in bytes.
const MAX_TERMINAL: usize = 64;

/// Whose inittab it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Busybox,
    SystemV,
}

/// When an entry's process is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// First of all, awaited.
    Sysinit,
    /// After every sysinit, not awaited.
    Boot,
    /// After every sysinit, awaited.
    Bootwait,
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
    /// Never: it names the run level that is entered after the boot.
    InitDefault,
    /// When power fails.
    PowerFail,
    /// The same; who awaits its end has nothing else to do then.
    PowerWait,
    /// When power fails and the battery is almost empty.
    PowerFailNow,
    /// When power is back.
    PowerOkWait,
    /// Never.
    Off,
}

/// The words of System V's file.
const SYSTEM_V: [(&str, Action); 16] = [
    ("sysinit", Action::Sysinit),
    ("boot", Action::Boot),
    ("bootwait", Action::Bootwait),
    ("wait", Action::Wait),
    ("once", Action::Once),
    ("respawn", Action::Respawn),
    // Its run levels are those that nothing else has.
    ("ondemand", Action::Respawn),
    ("initdefault", Action::InitDefault),
    ("ctrlaltdel", Action::CtrlAltDel),
    ("powerfail", Action::PowerFail),
    ("powerwait", Action::PowerWait),
    ("powerfailnow", Action::PowerFailNow),
    ("powerokwait", Action::PowerOkWait),
    ("off", Action::Off),
    // A VE has no keyboard.
    ("kbrequest", Action::Off),
    ("resume", Action::Off),
];

/// The words of BusyBox's file.
const BUSYBOX: [(&str, Action); 8] = [
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
    /// Its name, where that is no terminal's.
    pub(crate) id: String,
    /// The terminal's name below /dev, where one is given.
    pub(crate) terminal: Option<String>,
    /// In which run levels it counts.
    pub(crate) levels: Levels,
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
pub(crate) fn parse(file: &[u8], dialect: Dialect) -> (Vec<Entry>, Vec<Complaint>) {
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
            entry(number, line, dialect)
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
fn entry(line: usize, bytes: &[u8], dialect: Dialect) -> Result<Option<Entry>, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::NotText)?;
    if text.contains('\0') {
        return Err(Problem::NotText);
    }
    let text = without_comment(text.trim(), dialect);
    if text.is_empty() {
        return Ok(None);
    }
    let mut fields = text.splitn(4, ':').map(str::trim);
    let (Some(id), Some(levels), Some(action), Some(process)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Problem::TooFewFields(text.split(':').count()));
    };
    let action = dialect.action(action)?;
    let process = match dialect {
        Dialect::Busybox => process,
        Dialect::SystemV => process.trim_start_matches('+'),
    };
    let runs = !matches!(action, Action::InitDefault | Action::Off);
    if runs && (process.is_empty() || process == "-") {
        return Err(Problem::NoProcess);
    }
    if process.len() > MAX_PROCESS {
        return Err(Problem::LongProcess(process.len()));
    }
    let (id, terminal, levels) = match dialect {
        Dialect::Busybox => (String::new(), terminal(id)?, Levels::ALL),
        Dialect::SystemV => (id.to_owned(), None, Levels::of(levels)),
    };
    Ok(Some(Entry {
        line,
        id,
        terminal,
        levels,
        action,
        process: process.to_owned(),
    }))
}

fn without_comment(text: &str, dialect: Dialect) -> &str {
    match dialect {
        Dialect::SystemV if text.starts_with('#') => "",
        Dialect::SystemV => text,
        Dialect::Busybox => text.split('#').next().unwrap_or_default().trim(),
    }
}

impl Dialect {
    fn action(self, word: &str) -> Result<Action, Problem> {
        let words: &[(&str, Action)] = match self {
            Self::Busybox => &BUSYBOX,
            Self::SystemV => &SYSTEM_V,
        };
        words
            .iter()
            .find_map(|&(known, meaning)| (known == word).then_some(meaning))
            .ok_or_else(|| Problem::NoSuchAction(word.to_owned()))
    }
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
