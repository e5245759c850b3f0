//! `veld logs`

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use veld_protocol::shim::{CONSOLE_LOG, CONSOLE_LOG_BEFORE};
use veld_state::Observed;
use veld_supervisor::{Host, Ve};
use veld_sys::{Context, Failure};

use crate::cli::Logs;
use crate::output::{self, escape};
use crate::report::Failed;
use crate::tail::{Tail, open};

/// How often a log that is followed is looked at.
const POLL: Duration = Duration::from_millis(100);

pub(crate) fn run(host: &Host, logs: &Logs) -> Result<(), Failed> {
    let ve = host.find(&logs.ve)?;
    let before = read(&ve.run_dir().file(CONSOLE_LOG_BEFORE))?;
    let mut tail = Tail::open(ve.run_dir().file(CONSOLE_LOG))?;
    let mut text = before.unwrap_or_default();
    text.extend(tail.more()?);
    let shown = match logs.lines {
        Some(lines) => last_lines(&text, lines),
        None => &text,
    };
    show(shown, logs.raw)?;
    if logs.follow {
        follow(&ve, &mut tail, logs.raw)?;
    }
    Ok(())
}

fn follow(ve: &Ve<'_>, tail: &mut Tail, raw: bool) -> Result<(), Failed> {
    loop {
        // Asked before the read: what is written until it ends is then shown.
        let running = runs(ve);
        show(&tail.more()?, raw)?;
        if !running {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
}

fn runs(ve: &Ve<'_>) -> bool {
    matches!(ve.observe(), Observed::Running(_))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let Some(mut file) = open(path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .context(|| format!("read {}", path.display()))?;
    Ok(Some(bytes))
}

fn show(bytes: &[u8], raw: bool) -> Result<(), Failed> {
    if raw {
        return output::write(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    for line in text.split_inclusive('\n') {
        // A terminal wants a carriage return before the newline; a text does not.
        let ends = line.ends_with('\n');
        let line = line.trim_end_matches(['\n', '\r']);
        shown += &escape(line);
        if ends {
            shown.push('\n');
        }
    }
    output::print(&shown)
}

/// The part of `text` that begins `lines` lines before its end.
fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let newlines = body
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n');
    let start = match lines.checked_sub(1) {
        None => text.len(),
        Some(skip) => newlines.map(|(at, _)| at + 1).nth(skip).unwrap_or(0),
    };
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_counted_with_or_without_a_newline_at_the_end() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2), b"b\nc\n");
        assert_eq!(last_lines(b"a\nb\nc", 1), b"c");
        assert_eq!(last_lines(b"a\n", 9), b"a\n");
        assert_eq!(last_lines(b"a\n", 0), b"");
    }
}
