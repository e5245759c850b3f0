//! Whether the services of a running VE run as they should.
//!
//! Of those that veld-init looks after it tells by itself. A distribution's own
//! init has to be asked, by the program that it brings for that: a table of one
//! line for each kind. The VE is not trusted: what its program prints is bounded
//! and read as text that may be anything, and one that does not answer in time
//! is killed. A VE that is frozen is not asked.

use std::ffi::CString;
use std::time::Duration;

use veld_launch::{NoAnswer, Program, Who, ask};
use veld_protocol::kind::Kind;
use veld_state::Running;

use crate::error::{Source, chain};
use crate::exec::{Command, entry};
use crate::stop::presumed;
use crate::ve::Ve;

/// What is known of the services of a VE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Those that do not run as they should.
    pub failed: Vec<String>,
    /// Why there may be others that nobody knows of.
    pub unknown: Option<String>,
}

/// How long the VE's program may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much it may print: hundreds of failed units.
const MOST: usize = 64 * 1024;
/// Names of services that are told, and the length of each, at most.
const MOST_NAMES: usize = 100;
const LONGEST_NAME: usize = 255;

/// How the init of one kind is asked.
struct Question {
    kind: Kind,
    /// Whether that is to be asked only where it is PID 1.
    as_pid_1: bool,
    words: &'static [&'static str],
    /// The service that a line names as one that does not run as it should.
    failed: fn(&str) -> Option<&str>,
}

const QUESTIONS: [Question; 3] = [
    Question {
        kind: Kind::Systemd,
        as_pid_1: true,
        words: &[
            "systemctl",
            "list-units",
            "--state=failed",
            "--plain",
            "--no-legend",
            "--full",
            "--no-pager",
        ],
        failed: of_systemd,
    },
    // What OpenRC has started is its own affair, whoever is PID 1.
    Question {
        kind: Kind::Openrc,
        as_pid_1: false,
        words: &["rc-status", "--nocolor", "--all"],
        failed: of_openrc,
    },
    Question {
        kind: Kind::Finit,
        as_pid_1: true,
        words: &["initctl", "-b", "-p", "-t", "status"],
        failed: of_finit,
    },
];

/// `foo.service loaded failed failed What it is`, after a mark in some versions.
fn of_systemd(line: &str) -> Option<&str> {
    let mut words = line
        .split_ascii_whitespace()
        .skip_while(|word| matches!(*word, "●" | "*" | "×"));
    let (name, state) = (words.next()?, words.nth(1)?);
    (state == "failed").then_some(name)
}

/// ` foo                    [  crashed  ]`
fn of_openrc(line: &str) -> Option<&str> {
    let (name, state) = line.rsplit_once('[')?;
    let state = state.split(']').next()?.trim();
    matches!(state, "crashed" | "failed" | "unsupervised").then_some(name.trim())
}

/// `0     foo:1  crashed  [--234-----]  What it is`
fn of_finit(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    let name = words.nth(1)?;
    matches!(words.next()?, "crashed" | "failed").then_some(name)
}

/// Asks a VE whose services are up; it takes at most a little over two seconds.
pub(crate) fn health(ve: &Ve<'_>, running: &Running) -> Health {
    let mut health = Health {
        failed: running.failed.clone(),
        unknown: None,
    };
    let found = running.found.unwrap_or_else(|| presumed(ve));
    let Some(question) = QUESTIONS
        .iter()
        .find(|question| question.kind == found.kind)
        .filter(|question| found.hands_over || !question.as_pid_1)
    else {
        return health;
    };
    match put(ve, running, question) {
        Ok(failed) => health.failed.extend(failed),
        Err(why) => health.unknown = Some(why),
    }
    health.failed.sort();
    health.failed.dedup();
    health
}

fn put(ve: &Ve<'_>, running: &Running, question: &Question) -> Result<Vec<String>, String> {
    let group = ve.group().map_err(|error| chain(&error))?;
    if group.is_frozen() {
        return Err("it is frozen".to_owned());
    }
    ve.step("ask for failed services");
    let words = question.words.iter().copied();
    let command = Command {
        program: Program::Command(words.filter_map(|word| CString::new(word).ok()).collect()),
        who: Who::Root,
        directory: Some(c"/".to_owned()),
        environment: vec!["LC_ALL=C".to_owned(), "SYSTEMD_COLORS=0".to_owned()],
        terminal: None,
        term: None,
        stdio: [None; 3],
    };
    let entry = entry(ve, running, &group, command).map_err(|error: Source| chain(&error))?;
    let program = question.words.first().copied().unwrap_or_default();
    match ask(entry, PATIENCE, MOST) {
        Ok(answer) if answer.status == 0 => Ok(names(&answer.output, question.failed)),
        Ok(answer) => Err(format!("{program} exited with status {}", answer.status)),
        Err(NoAnswer::Late) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        Err(NoAnswer::Failed(why)) => Err(format!("{program}: {why}")),
    }
}

/// The services that an output names.
fn names(output: &[u8], failed: fn(&str) -> Option<&str>) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let mut names: Vec<String> = text
        .lines()
        .filter_map(failed)
        .filter(|name| !name.is_empty())
        .take(MOST_NAMES)
        .map(|name| name.chars().take(LONGEST_NAME).collect())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, output: &[u8]) -> Vec<String> {
        let question = QUESTIONS.iter().find(|question| question.kind == kind);
        names(output, question.unwrap().failed)
    }

    #[test]
    fn failed_units_of_systemd() {
        let output = b"foo.service loaded failed failed Foo the Bar\n\
            \xe2\x97\x8f run-x.mount loaded failed failed /run/x\n\
            ok.service loaded active running Fine\n";
        assert_eq!(read(Kind::Systemd, output), ["foo.service", "run-x.mount"]);
    }

    #[test]
    fn crashed_services_of_openrc() {
        let output = b"Runlevel: default\n\
             sshd                                   [  started  ]\n \
             cron                                   [  crashed  ]\n\
            Dynamic Runlevel: needed/wanted\n \
             web          [  started 00:01:02 (0) ]\n \
             cron                                   [  crashed  ]\n \
             ntpd                                   [  stopped  ]\n";
        assert_eq!(read(Kind::Openrc, output), ["cron"]);
    }

    #[test]
    fn crashed_services_of_finit() {
        let output = b"1      init    running  [---------]    Finit\n\
            0      web:1   crashed  [--234----]    Web server\n\
            0      setup   failed   [S--------]    Setup\n\
            0      tty:1   stopped  [-2345----]    Getty\n";
        assert_eq!(read(Kind::Finit, output), ["setup", "web:1"]);
    }

    #[test]
    fn what_makes_no_sense_names_nobody_and_what_is_long_is_cut() {
        for kind in [Kind::Systemd, Kind::Openrc, Kind::Finit] {
            for output in [&b""[..], b"\n\n", b"\xff\xfe\0 [", b"] failed [", b"failed"] {
                assert_eq!(read(kind, output), Vec::<String>::new(), "{output:?}");
            }
        }
        let long = format!("{} loaded failed failed x\n", "u".repeat(9999));
        assert_eq!(read(Kind::Systemd, long.as_bytes())[0].len(), LONGEST_NAME);
        let many: String = (0..999)
            .map(|n| format!("{n}.service loaded failed failed\n"))
            .collect();
        assert_eq!(read(Kind::Systemd, many.as_bytes()).len(), MOST_NAMES);
    }
}
