//! A directory of services that somebody named: what can be executed in it is
//! kept running, and so is `run` in each of its subdirectories, as daemontools
//! and its successors have it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use veld_protocol::init::Options;
use veld_sys::Context;

use super::{Manners, PLAIN};
use crate::command::is_plain;
use crate::console;
use crate::getty;
use crate::level::Levels;
use crate::plan::{Entry, Job, Plan, When};
use crate::supervise::Event;

pub(super) static MANNERS: Manners = Manners {
    load,
    meaning,
    ..PLAIN
};

/// More services than these are not started.
const MOST: usize = 1024;

fn load(options: &Options) -> Plan {
    let words = options.init.iter().flat_map(|init| super::words(init));
    let directory = words.map(PathBuf::from).next().unwrap_or_default();
    let mut entries = getty::on_console(options.getty);
    entries.extend(services(&directory));
    Plan {
        entries,
        ends_removed: true,
        ..Plan::default()
    }
}

/// The directory is read again on SIGHUP.
fn meaning(signal: i32) -> Option<Event> {
    super::among(&[(Signal::SIGHUP, Event::Reload)], signal)
}

fn services(directory: &Path) -> Vec<Entry> {
    let listed = fs::read_dir(directory).context(|| format!("read {}", directory.display()));
    let names = match listed {
        Ok(names) => names,
        Err(failure) => {
            console::report(&failure);
            return Vec::new();
        }
    };
    let mut programs: Vec<PathBuf> = Vec::new();
    for found in names
        .filter_map(|name| program(&name.ok()?.path()))
        .take(MOST)
    {
        // By name, for an order that is the same at every start.
        let place = programs.partition_point(|other| *other < found);
        programs.insert(place, found);
    }
    let entry = |program: PathBuf| Entry {
        levels: Levels::ALL,
        when: When::Keep,
        job: Job::new(
            directory.to_string_lossy(),
            program.to_string_lossy().into_owned(),
        ),
    };
    programs.into_iter().map(entry).collect()
}

/// What is to be executed for an entry of the directory, if anything is; hidden
/// ones are switched off.
fn program(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    // A blank would part the path from the rest as an operand, and other characters
    // would be read by a shell.
    if name.starts_with('.') || name.contains(char::is_whitespace) || !is_plain(name) {
        return None;
    }
    let candidate = if path.is_dir() {
        path.join("run")
    } else {
        path.to_owned()
    };
    let file = fs::metadata(&candidate).ok()?;
    (file.is_file() && file.permissions().mode() & 0o111 != 0).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_executed_is_a_service() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("b")).unwrap();
        fs::create_dir(at("empty")).unwrap();
        for (name, mode) in [
            ("a", 0o755),
            ("b/run", 0o700),
            ("readme", 0o644),
            (".off", 0o755),
            ("two words", 0o755),
            ("a&b", 0o755),
        ] {
            fs::File::create(at(name)).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let found: Vec<_> = services(directory.path())
            .into_iter()
            .map(|entry| entry.job.process)
            .collect();
        let wanted = ["a", "b/run"].map(|name| at(name).display().to_string());
        assert_eq!(found, wanted);
        assert!(services(Path::new("/no/such/directory")).is_empty());
    }
}
