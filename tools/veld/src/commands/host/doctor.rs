//! `veld host doctor`

use std::process::ExitCode;

use serde::Serialize;
use veld_supervisor::{Checkup, Host, Note, Reading, SAVED_SETTINGS, checkup, enlarge};

use crate::cli::HostDoctor;
use crate::report::{self, Failed};
use crate::{json, output, table};

/// The exit status is 1 where something is too small, `--fix` or not.
pub(crate) fn run(host: &Host, doctor: &HostDoctor) -> Result<ExitCode, Failed> {
    let mut found = checkup(host, doctor.ves)?;
    if doctor.fix && !found.is_enough() {
        for failure in enlarge(&found)? {
            report::warning("host", &failure);
        }
        found = checkup(host, Some(found.ves))?;
    }
    if doctor.json {
        json::print(&Shown::new(&found))?;
    } else {
        output::print(&text(&found, doctor.fix))?;
    }
    Ok(if found.is_enough() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(found: &Checkup, fixed: bool) -> String {
    let head = ["LIMIT", "NOW", "NEEDED", "ENOUGH FOR", "OF WHAT"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(found.limits.iter().map(row));
    let mut text = table::render(&rows);
    text.push('\n');
    for note in &found.notes {
        let Note {
            kind,
            subject,
            fact,
            advice,
        } = note;
        text += &format!("{kind}: {subject} {fact}: {advice}\n");
    }
    text += &verdict(found, fixed);
    text
}

fn row(reading: &Reading) -> Vec<String> {
    let needed = if reading.is_enough() {
        reading.needed.to_string()
    } else {
        format!("{} !", reading.needed)
    };
    vec![
        reading.name.to_owned(),
        reading.current.to_string(),
        needed,
        reading
            .enough_for
            .map_or_else(|| "any number".to_owned(), |ves| format!("{ves} VEs")),
        reading.what.to_owned(),
    ]
}

fn verdict(found: &Checkup, fixed: bool) -> String {
    let small = found.limits.iter().filter(|limit| !limit.is_enough());
    let (small, ves) = (small.count(), found.ves);
    match small {
        0 => format!("This host is large enough for {ves} VEs.\n"),
        _ if fixed => format!("Still too small for {ves} VEs: {small} of these.\n"),
        _ => format!(
            "Too small for {ves} VEs: {small} of these. --fix raises them, now and in \
             {SAVED_SETTINGS}.\n"
        ),
    }
}

/// What was found, in JSON.
#[derive(Debug, Serialize)]
struct Shown {
    ves: u64,
    is_enough: bool,
    limits: Vec<ShownLimit>,
    notes: Vec<ShownNote>,
}

#[derive(Debug, Serialize)]
struct ShownLimit {
    name: &'static str,
    current: u64,
    needed: u64,
    enough_for_ves: Option<u64>,
    is_enough: bool,
    limits_what: &'static str,
}

#[derive(Debug, Serialize)]
struct ShownNote {
    kind: &'static str,
    subject: String,
    fact: String,
    advice: String,
}

impl Shown {
    fn new(found: &Checkup) -> Self {
        let limit = |limit: &Reading| ShownLimit {
            name: limit.name,
            current: limit.current,
            needed: limit.needed,
            enough_for_ves: limit.enough_for,
            is_enough: limit.is_enough(),
            limits_what: limit.what,
        };
        let note = |note: &Note| ShownNote {
            kind: note.kind,
            subject: note.subject.clone(),
            fact: note.fact.clone(),
            advice: note.advice.clone(),
        };
        Self {
            ves: found.ves,
            is_enough: found.is_enough(),
            limits: found.limits.iter().map(limit).collect(),
            notes: found.notes.iter().map(note).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(current: u64) -> Checkup {
        Checkup {
            ves: 100,
            limits: vec![
                Reading {
                    name: "kernel.pid_max",
                    what: "processes and threads",
                    current,
                    needed: 10_496,
                    enough_for: Some(64),
                },
                Reading {
                    name: "fs.inotify.max_user_instances",
                    what: "watchers of files, of one VE",
                    current: 128,
                    needed: 128,
                    enough_for: None,
                },
            ],
            notes: vec![Note {
                kind: "program",
                subject: "dnsmasq".into(),
                fact: "is not installed".into(),
                advice: "dns=veld is refused".into(),
            }],
        }
    }

    #[test]
    fn what_is_too_small_stands_out_and_the_verdict_says_what_to_do() {
        let expected = "\
LIMIT                          NOW   NEEDED   ENOUGH FOR  OF WHAT
kernel.pid_max                 8192  10496 !  64 VEs      processes and threads
fs.inotify.max_user_instances  128   128      any number  watchers of files, of one VE

program: dnsmasq is not installed: dns=veld is refused
Too small for 100 VEs: 1 of these. --fix raises them, now and in /etc/sysctl.d/60-veld.conf.
";
        assert_eq!(text(&found(8192), false), expected);
        let end = |found: &Checkup, fixed| text(found, fixed).lines().last().map(str::to_owned);
        let still = "Still too small for 100 VEs: 1 of these.";
        assert_eq!(end(&found(8192), true).as_deref(), Some(still));
        let enough = "This host is large enough for 100 VEs.";
        assert_eq!(end(&found(32_768), false).as_deref(), Some(enough));
    }
}
