//! BusyBox: its /etc/inittab is carried out here.

use std::fs::File;
use std::io::{self, Read};

use veld_sys::Context;

use super::Program;
use crate::console;
use crate::getty;
use crate::inittab::{self, Action, Entry};
use crate::plan::{Job, Plan};

const INITTAB: &str = "/etc/inittab";

/// What messages call the table that BusyBox has built in.
const BUILT_IN: &str = "built-in inittab";

/// What BusyBox does where there is no inittab.
const DEFAULT: &str = "\
::sysinit:/etc/init.d/rcS
::askfirst:-/bin/sh
::ctrlaltdel:reboot
::shutdown:umount -a -r
::shutdown:swapoff -a
::restart:init
";

/// Whether a program is BusyBox: a symbolic link to a file of that name
/// (busybox, busybox.static), or a hard link.
pub(super) fn recognizes(program: &Program) -> bool {
    program.target_name().starts_with("busybox")
        || program.is_same_file("/bin/busybox")
        || program.is_same_file("/usr/bin/busybox")
}

/// Reads the inittab; what is wrong with it is told on the console.
pub(super) fn load(getty: bool) -> Plan {
    match read() {
        Ok(Some(file)) => plan_of(&file, INITTAB, getty),
        Ok(None) => plan_of(DEFAULT.as_bytes(), BUILT_IN, getty),
        Err(cause) => {
            let failed: Result<(), _> = Err(cause);
            if let Err(failure) = failed.context(|| format!("read {INITTAB}")) {
                console::report(&failure);
            }
            Plan::default()
        }
    }
}

/// The file, or the part of it that the parser takes; None where there is none.
fn read() -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(INITTAB) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    let limit = u64::try_from(inittab::MAX_BYTES).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_end(&mut text)?;
    Ok(Some(text))
}

fn plan_of(file: &[u8], name: &str, getty: bool) -> Plan {
    let (entries, complaints) = inittab::parse(file);
    for complaint in complaints {
        console::say(&format!("{name}:{}: {complaint}", complaint.line));
    }
    let mut plan = Plan::default();
    for action in [Action::Sysinit, Action::Wait] {
        plan.boot.extend(jobs(&entries, name, action, getty));
    }
    plan.once = jobs(&entries, name, Action::Once, getty);
    for action in [Action::Respawn, Action::Askfirst] {
        plan.keep.extend(jobs(&entries, name, action, getty));
    }
    plan.ctrl_alt_del = jobs(&entries, name, Action::CtrlAltDel, getty);
    plan.shutdown = jobs(&entries, name, Action::Shutdown, getty);
    plan.restart = jobs(&entries, name, Action::Restart, getty)
        .into_iter()
        .next();
    if getty {
        plan.keep = on_the_console(plan.keep);
    }
    plan
}

/// The jobs of one action in the order of the file, less login prompts unless
/// they are wanted.
fn jobs(entries: &[Entry], name: &str, action: Action, getty: bool) -> Vec<Job> {
    entries
        .iter()
        .filter(|entry| entry.action == action)
        .filter(|entry| getty || !is_for_a_person(entry))
        .map(|entry| Job {
            origin: format!("{name}:{}", entry.line),
            process: entry.process.clone(),
            terminal: entry.terminal.clone(),
            ask: entry.action == Action::Askfirst,
        })
        .collect()
}

fn is_for_a_person(entry: &Entry) -> bool {
    entry.action == Action::Askfirst || getty::is_login(&entry.process)
}

/// A VE's only terminal is the console, while an inittab may have a prompt on
/// each of six: those whose terminal is missing become one, on the console.
fn on_the_console(jobs: Vec<Job>) -> Vec<Job> {
    let mut console_taken = false;
    jobs.into_iter()
        .filter_map(|mut job| {
            if !getty::is_login(&job.process) && !job.ask {
                return Some(job);
            }
            let Some(terminal) = missing_terminal(&job) else {
                return Some(job);
            };
            if std::mem::replace(&mut console_taken, true) {
                return None;
            }
            let words = job
                .process
                .split(' ')
                .map(|word| if word == terminal { "console" } else { word });
            job.process = words.collect::<Vec<_>>().join(" ");
            job.terminal = None;
            Some(job)
        })
        .collect()
}

/// The terminal that a prompt names, by its id or as an operand, and that /dev lacks.
fn missing_terminal(job: &Job) -> Option<String> {
    let named = job.process.split(' ').find(|word| word.starts_with("tty"));
    job.terminal
        .as_deref()
        .or(named)
        .filter(|terminal| !std::path::Path::new("/dev").join(terminal).exists())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processes(jobs: &[Job]) -> Vec<&str> {
        jobs.iter().map(|job| job.process.as_str()).collect()
    }

    const TABLE: &str = "\
::wait:/sbin/openrc default
tty98::respawn:/sbin/getty 38400 tty98
tty99::respawn:/sbin/getty 38400 tty99
::sysinit:/sbin/openrc boot
::respawn:/sbin/syslogd -n
::askfirst:/usr/bin/menu
::shutdown:/sbin/openrc shutdown
::restart:/sbin/init
";

    #[test]
    fn order_is_of_actions_and_prompts_are_left_out() {
        let plan = plan_of(TABLE.as_bytes(), INITTAB, false);
        assert_eq!(
            processes(&plan.boot),
            ["/sbin/openrc boot", "/sbin/openrc default"]
        );
        assert_eq!(processes(&plan.keep), ["/sbin/syslogd -n"]);
        assert_eq!(processes(&plan.shutdown), ["/sbin/openrc shutdown"]);
        assert_eq!(
            plan.restart.unwrap().to_string(),
            "/sbin/init (/etc/inittab:8)"
        );
    }

    #[test]
    fn a_wanted_prompt_is_one_and_on_the_console() {
        let plan = plan_of(TABLE.as_bytes(), INITTAB, true);
        assert_eq!(
            processes(&plan.keep),
            [
                "/sbin/getty 38400 console",
                "/sbin/syslogd -n",
                "/usr/bin/menu"
            ]
        );
        assert!(plan.keep.iter().all(|job| job.terminal.is_none()));
    }

    #[test]
    fn the_built_in_table_is_sound_and_runs_no_shell() {
        let plan = plan_of(DEFAULT.as_bytes(), BUILT_IN, false);
        assert_eq!(processes(&plan.boot), ["/etc/init.d/rcS"]);
        assert!(plan.keep.is_empty());
        assert_eq!(processes(&plan.shutdown), ["umount -a -r", "swapoff -a"]);
        assert_eq!(inittab::parse(DEFAULT.as_bytes()).1, []);
    }
}
