//! Which init the distribution has, and what is done about it.
//!
//! [`FLAVOURS`] is the table: one row per init, its module below. Another init
//! that is to be supervised is a module that makes a [`Plan`] and a row here.
//! An init that no row recognizes is executed in our place, since nothing is
//! known of how it brings its services up; a shell is never taken for an init.

mod busybox;
mod systemd;

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use veld_protocol::init::{Mode, Options, exit};
use veld_sys::Context;

use crate::console;
use crate::plan::Plan;

/// Where an init is looked for: the kernel's own list, less its last resort, a shell.
const CANDIDATES: [&str; 3] = ["/sbin/init", "/etc/init", "/bin/init"];

/// Makes the plan of a supervised VE, with or without login prompts. Called
/// again when the init is asked to read its files again.
pub(crate) type Load = fn(getty: bool) -> Plan;

/// Units to be masked: their names, and the directory where a symbolic link of
/// that name to /dev/null does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Masks {
    /// Below /run.
    pub(crate) directory: &'static str,
    /// Names of units and templates.
    pub(crate) units: &'static [&'static str],
}

/// What is done about an init.
#[derive(Debug)]
pub(crate) enum Way {
    /// It is executed as PID 1.
    HandOver {
        /// As the kernel would name it.
        program: PathBuf,
        /// What keeps its login prompts away.
        masks: Option<Masks>,
    },
    /// Its work is done here.
    Supervise(Load),
}

/// One kind of init.
struct Flavour {
    recognizes: fn(&Program) -> bool,
    kind: Kind,
}

enum Kind {
    Replaces(fn(getty: bool) -> Option<Masks>),
    Supervised(Load),
}

const FLAVOURS: [Flavour; 2] = [
    Flavour {
        recognizes: systemd::recognizes,
        kind: Kind::Replaces(systemd::masks),
    },
    Flavour {
        recognizes: busybox::recognizes,
        kind: Kind::Supervised(busybox::load),
    },
];

/// A program that exists, and what it really is.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    target: PathBuf,
    file: Metadata,
}

impl Program {
    fn find(path: &Path) -> std::io::Result<Self> {
        let target = std::fs::canonicalize(path)?;
        let file = std::fs::metadata(&target)?;
        Ok(Self {
            path: path.to_owned(),
            target,
            file,
        })
    }

    /// The last part of its path, all symbolic links followed.
    fn target_name(&self) -> &str {
        self.target
            .file_name()
            .and_then(OsStr::to_str)
            .unwrap_or_default()
    }

    /// Whether it is a hard link to the file at `path`.
    fn is_same_file(&self, path: &str) -> bool {
        std::fs::metadata(path)
            .is_ok_and(|other| (other.dev(), other.ino()) == (self.file.dev(), self.file.ino()))
    }
}

/// Finds the init and decides; where there is nothing to go on, the console
/// has been told and the code is one of `veld_protocol::init::exit`.
pub(crate) fn choose(options: &Options) -> Result<Way, u8> {
    let program = match &options.init {
        Some(path) => Some(asked_for(Path::new(path))?),
        None => CANDIDATES.iter().find_map(|path| {
            Program::find(Path::new(path))
                .ok()
                .filter(|program| program.file.is_file())
        }),
    };
    match program {
        Some(program) => Ok(way(program, options)),
        None if options.mode == Mode::HandOver => {
            console::say(&format!(
                "cannot hand over: no init at {}",
                CANDIDATES.join(", ")
            ));
            Err(exit::NOT_FOUND)
        }
        None => Ok(Way::Supervise(nothing)),
    }
}

/// A program that was named is the one or none.
fn asked_for(path: &Path) -> Result<Program, u8> {
    Program::find(path)
        .context(|| format!("execute {}", path.display()))
        .map_err(|failure| {
            console::report(&failure);
            exit::NOT_FOUND
        })
}

fn way(program: Program, options: &Options) -> Way {
    let kind = FLAVOURS
        .iter()
        .find(|flavour| (flavour.recognizes)(&program))
        .map(|flavour| &flavour.kind);
    let hand_over = |masks| Way::HandOver {
        program: program.path.clone(),
        masks,
    };
    match (options.mode, kind) {
        (Mode::Auto | Mode::HandOver, Some(Kind::Replaces(masks))) => {
            hand_over(masks(options.getty))
        }
        (Mode::Auto | Mode::Supervise, Some(Kind::Supervised(load))) => Way::Supervise(*load),
        (Mode::HandOver, Some(Kind::Supervised(_))) | (Mode::Auto | Mode::HandOver, None) => {
            hand_over(None)
        }
        // Its files are in a language that is not spoken here: the VE comes up
        // with nothing but PID 1.
        (Mode::Supervise, Some(Kind::Replaces(_)) | None) => Way::Supervise(nothing),
    }
}

/// The plan of a root without an init: PID 1 reaps until it is told to stop.
fn nothing(_getty: bool) -> Plan {
    Plan::default()
}

#[cfg(test)]
mod tests;
