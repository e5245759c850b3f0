//! `veld cp`, `veld mount` and `veld umount`

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::process::ExitCode;

use serde::Serialize;
use veld_supervisor::{Copied, Copy, CopyOwner, CopyWish, Host, Progress, Ve};

use crate::cli::{Cp, Mount, One, Place};
use crate::jobs;
use crate::json;
use crate::output;
use crate::progress::Bar;
use crate::report::{self, Failed};

/// The words make no sense.
const USAGE: u8 = 2;
/// How many warnings of one copy are told.
const WARNINGS: usize = 100;

pub(crate) fn cp(host: &Host, cp: &Cp) -> Result<ExitCode, Failed> {
    if let Some(why) = senseless(cp) {
        report::line(&format!("cp: {why}"));
        return Ok(ExitCode::from(USAGE));
    }
    let find = |place: Option<&Place>| -> Result<Option<Ve<'_>>, Failed> {
        let ve = place.and_then(|place| place.ve.as_ref());
        Ok(ve.map(|ve| host.find(ve)).transpose()?)
    };
    let from = find(cp.sources.first())?;
    let to = find(Some(&cp.destination))?;
    let sources: Vec<String> = cp.sources.iter().map(|place| place.path.clone()).collect();
    let destination = cp.destination.path.as_str();
    let what = match cp.sources.first() {
        Some(source) if source.is_stream() => Copied::Input(destination),
        Some(source) if cp.destination.is_stream() => Copied::Output(&source.path),
        _ => Copied::Files {
            sources: &sources,
            destination,
        },
    };
    let copy = Copy {
        from: from.as_ref(),
        to: to.as_ref(),
        what,
        wish: CopyWish {
            archive: cp.archive,
            given: CopyOwner {
                uid: cp.uid,
                gid: cp.gid,
                mode: cp.mode,
            },
        },
    };
    let subject = to.as_ref().or(from.as_ref());
    let name = subject.map_or_else(String::new, |ve| ve.name().to_string());
    let bar = Bar::new("copied".to_owned())?;
    let warnings = RefCell::new(Warnings::default());
    let done = veld_supervisor::copy(&copy, &mut |progress: &mut Progress| {
        warnings.borrow_mut().take(&mut progress.warnings);
        if matches!(copy.what, Copied::Files { .. }) {
            bar.advance(progress.bytes, progress.entries)
        } else {
            bar.go_on()
        }
    });
    bar.finish();
    let Warnings { told, more } = warnings.into_inner();
    for warning in told {
        report::warning(&name, &output::escape(&warning));
    }
    if more > 0 {
        report::warning(&name, &format!("left out {more} more"));
    }
    done?;
    Ok(ExitCode::SUCCESS)
}

/// What was left out of a copy, of which a VE may have as much as it likes.
#[derive(Default)]
struct Warnings {
    told: Vec<String>,
    more: usize,
}

impl Warnings {
    fn take(&mut self, warnings: &mut Vec<String>) {
        for warning in warnings.drain(..) {
            if self.told.len() < WARNINGS {
                self.told.push(warning);
            } else {
                self.more += 1;
            }
        }
    }
}

/// Why the words make no sense together.
fn senseless(cp: &Cp) -> Option<&'static str> {
    let first = cp.sources.first()?;
    let is_elsewhere = |place: &Place| place.ve != first.ve;
    let streams = cp.sources.iter().filter(|place| place.is_stream()).count();
    if cp.sources.iter().any(is_elsewhere) {
        return Some("all that is copied is on the host or in one VE");
    }
    if first.ve.is_none() && cp.destination.ve.is_none() {
        return Some("one side is in a VE, as VE:PATH");
    }
    let several = cp.sources.len() > 1;
    if several && (streams > 0 || cp.destination.is_stream()) {
        return Some("a standard stream is one file");
    }
    None
}

#[derive(Serialize)]
struct Mounted {
    name: String,
    path: String,
}

pub(crate) fn mount(host: &Host, mount: &Mount) -> Result<(), Failed> {
    let ve = host.find(&mount.ve)?;
    let path = veld_supervisor::mount(&ve)?.display().to_string();
    if mount.json {
        let name = ve.name().to_string();
        return json::print(&Mounted { name, path });
    }
    output::print(&format!("{path}\n"))
}

pub(crate) fn umount(host: &Host, one: &One) -> Result<(), Failed> {
    let ve = host.find(&one.ve)?;
    Failed::reported_if(jobs::tell(&ve, veld_supervisor::unmount(&ve))?)
}

impl Bar {
    /// Shows how far a copy is.
    fn advance(&self, bytes: u64, entries: u64) -> ControlFlow<()> {
        self.show(&veld_templates::Progress {
            read: bytes,
            total: None,
            entries,
            line: None,
        })
    }
}
