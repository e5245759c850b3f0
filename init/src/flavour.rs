//! Which init the distribution has, and what is done about it.
//!
//! [`way`] is the table: a kind of init, and the way it goes. What a way
//! needs to know of an init is in the init's module below: how it is executed in
//! our place ([`HandOver`]), or how its work is done here ([`Manners`]). An init
//! of which nothing is known is executed in our place; a shell is never taken
//! for an init, and a program that somebody named is run under ours.

mod busybox;
mod command;
mod directory;
mod finit;
mod openrc;
mod root;
mod runit;
mod systemd;
mod sysvinit;
mod table;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use rustix::process::Pid;
use veld_protocol::init::{Found, Mode, Options};
use veld_protocol::kind::{Kind, Look, PLACES};

use crate::host_keys;
use crate::plan::Plan;
use crate::supervise::{Ear, End, Event};
use root::Root;

/// How the file of BusyBox is called: busybox, busybox.static.
const BUSYBOX: &[u8] = b"busybox";

/// What is done about an init.
#[derive(Debug)]
pub(crate) enum Way {
    /// It is executed as PID 1.
    HandOver(HandOver),
    /// Its work is done here.
    Supervise(&'static Manners, Kind),
    /// There is none, though one was asked for: the fact.
    Nowhere(String),
}

/// How an init is executed in our place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HandOver {
    /// What it is.
    pub(crate) kind: Kind,
    /// As the kernel would name it.
    pub(crate) program: PathBuf,
    /// What follows the program's name.
    pub(crate) args: Vec<String>,
    /// What it finds below /run: about login prompts, what only a machine can have,
    /// and the keys of an ssh server.
    pub(crate) files: Vec<RunFiles>,
    /// How it is known that its services are up.
    pub(crate) readiness: Readiness,
}

/// How it is known that the services of a handed-over init are up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// The init says so.
    Told,
    /// It leaves a file at this path.
    File(&'static str),
    /// It is not: they count as up from the start.
    Assumed,
}

/// Files below /run that say what is started, besides the distribution's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunFiles {
    /// Where they are.
    pub(crate) directory: &'static str,
    /// Their names.
    pub(crate) names: &'static [&'static str],
    /// What is in each; without it each is a link to /dev/null.
    pub(crate) text: Option<&'static str>,
}

/// How the work of an init is done here.
#[derive(Debug)]
pub(crate) struct Manners {
    /// Makes the plan; called again when the init is asked to read its files again.
    pub(crate) load: fn(&Options) -> Plan,
    /// What a signal asks for, besides those that the host sends.
    pub(crate) meaning: fn(i32) -> Option<Event>,
    /// Where else it is asked for things.
    pub(crate) ear: Option<Ear>,
    /// What follows when the main job has ended with this status, as a shell has it.
    pub(crate) after_main: fn(i32) -> AfterMain,
    /// Whether the services are up, by the process of the main job.
    pub(crate) is_up: fn(Option<Pid>) -> bool,
    /// Whether the main job is a command that somebody named: signals that mean nothing
    /// to PID 1 are passed on to it, and nothing is prepared for it.
    pub(crate) is_command: bool,
}

/// What follows the end of the job that the VE lives as long as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterMain {
    /// The VE ends too.
    Stop(End),
    /// It is started again.
    Again,
}

/// What most inits have in common; alone, it is what is done in a root without any:
/// PID 1 reaps until it is told to stop.
const PLAIN: Manners = Manners {
    load: |_| Plan::default(),
    meaning: |_| None,
    ear: None,
    after_main: |_| AfterMain::Stop(End::Halt),
    is_up: |_| true,
    is_command: false,
};

static NOTHING: Manners = PLAIN;

/// Finds the init and decides.
pub(crate) fn choose(options: &Options) -> Way {
    let mut words = options.init.iter().flat_map(|init| words(init));
    match words.next() {
        Some(path) => named(&path, words.collect(), options),
        None => found(options),
    }
}

/// The init that the distribution has.
fn found(options: &Options) -> Way {
    let there = PLACES
        .into_iter()
        .find_map(|place| Some((place, Kind::of_program(&Root, place)?)));
    match there {
        Some((place, kind)) => way(kind, place, Vec::new(), options),
        None if options.mode == Mode::HandOver => Way::Nowhere(format!(
            "cannot hand over: no init at {}",
            PLACES.join(", ")
        )),
        None => Way::Supervise(&NOTHING, Kind::None),
    }
}

/// What the administrator named: an init, any other program, or a directory.
fn named(path: &str, args: Vec<String>, options: &Options) -> Way {
    if std::path::Path::new(path).is_dir() {
        if options.mode == Mode::HandOver {
            return Way::Nowhere(format!("cannot hand over: {path} is a directory"));
        }
        return Way::Supervise(&directory::MANNERS, Kind::None);
    }
    let kind = Kind::of_program(&Root, path).filter(|_| is_named_as_init(path, &args));
    match kind {
        None | Some(Kind::Unknown) if options.mode != Mode::HandOver => {
            Way::Supervise(&command::MANNERS, Kind::None)
        }
        kind => way(kind.unwrap_or_default(), path, args, options),
    }
}

/// Whether a program was named to be an init: BusyBox is that only by some of its
/// many names, or by its first operand.
fn is_named_as_init(path: &str, args: &[String]) -> bool {
    let file = Root.file_name(path).unwrap_or_default();
    if !file.starts_with(BUSYBOX) {
        return true;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_program = name.as_bytes().starts_with(BUSYBOX);
    match args.first() {
        Some(applet) if is_program => applet == "init",
        _ => is_program || matches!(name, "init" | "linuxrc"),
    }
}

/// The table.
fn way(kind: Kind, path: &str, args: Vec<String>, options: &Options) -> Way {
    let hand_over = |files, readiness| {
        Way::HandOver(HandOver {
            kind,
            program: path.into(),
            args,
            files,
            readiness,
        })
    };
    let supervised = manners(kind, path);
    match (options.mode, supervised) {
        (Mode::Auto | Mode::Supervise, Some(manners)) => return Way::Supervise(manners, kind),
        // Its files are in a language that is not spoken here: the VE comes up
        // with nothing but PID 1.
        (Mode::Supervise, None) => return Way::Supervise(&NOTHING, kind),
        (Mode::Auto | Mode::HandOver, _) => {}
    }
    match kind {
        Kind::Systemd => {
            let mut files = systemd::masks(options.getty);
            files.extend(host_keys::of_systemd());
            hand_over(files, Readiness::Told)
        }
        Kind::Finit => hand_over(
            [finit::prompt(options.getty), host_keys::of_finit()]
                .into_iter()
                .flatten()
                .collect(),
            Readiness::File(finit::UP),
        ),
        Kind::Sysvinit
        | Kind::Openrc
        | Kind::Runit
        | Kind::S6
        | Kind::Busybox
        | Kind::None
        | Kind::Unknown => hand_over(Vec::new(), Readiness::Assumed),
    }
}

/// How the work of an init of this kind is done, where that is known.
fn manners(kind: Kind, path: &str) -> Option<&'static Manners> {
    match kind {
        Kind::Sysvinit => Some(&sysvinit::MANNERS),
        Kind::Busybox => Some(&busybox::MANNERS),
        Kind::Runit => Some(&runit::MANNERS),
        Kind::Openrc => Some(match Root.file_name(path)?.as_slice() {
            b"openrc-init" => &openrc::MANNERS,
            name if name.starts_with(BUSYBOX) => &busybox::MANNERS,
            _ => &sysvinit::MANNERS,
        }),
        Kind::Systemd | Kind::Finit | Kind::S6 | Kind::None | Kind::Unknown => None,
    }
}

impl Way {
    /// What is told to the host of it.
    pub(crate) fn told(&self) -> Found {
        match self {
            Self::HandOver(over) => Found {
                kind: over.kind,
                hands_over: true,
                stop_signal: over.kind.stop_signal(),
            },
            Self::Supervise(_, kind) => Found {
                kind: *kind,
                ..Found::default()
            },
            Self::Nowhere(_) => Found::default(),
        }
    }
}

/// What a table of signals says of one.
fn among(table: &[(Signal, Event)], signal: i32) -> Option<Event> {
    let found = table.iter().find(|(known, _)| *known as i32 == signal);
    found.map(|&(_, event)| event)
}

/// The words of a command that somebody named, split at blanks.
fn words(command: &OsStr) -> Vec<String> {
    let text = String::from_utf8_lossy(command.as_bytes());
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
