//! What can go wrong with templates: refusals that a caller may branch on, and
//! failures of the kernel with their errno.

use veld_sys::Failure;

use crate::refusal::Refusal;

/// Why something was not done with a template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text cannot be the name of a template.
    #[error("{name:?} is not a template name: {why}")]
    BadName {
        /// The text.
        name: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// There is no template of this name.
    #[error("no template {name}")]
    NotFound {
        /// The name.
        name: String,
    },
    /// The name is taken.
    #[error("template {name} exists already")]
    Exists {
        /// The name.
        name: String,
    },
    /// VEs stand on the template.
    #[error("template {name} is in use by {}", users.join(", "))]
    InUse {
        /// The template.
        name: String,
        /// The VEs, as the caller named them.
        users: Vec<String>,
    },
    /// Another command held the template until the patience was over.
    #[error("template {name} is locked by {}", holder.as_deref().unwrap_or("another command"))]
    Locked {
        /// The template.
        name: String,
        /// `pid 812 (import)`, where the holder said so.
        holder: Option<String>,
    },
    /// The template's directory is not what an import leaves.
    #[error("template {name} is damaged: {flaw}")]
    Damaged {
        /// The template.
        name: String,
        /// What is wrong.
        flaw: String,
    },
    /// An entry of the source cannot become part of a template.
    #[error("entry {entry} {refusal}")]
    Refused {
        /// Path of the entry as the source has it.
        entry: String,
        /// The reason.
        refusal: Refusal,
    },
    /// The archive does not follow its own format.
    #[error("archive {flaw}{}", after(entry.as_deref()))]
    Corrupt {
        /// What is wrong.
        flaw: &'static str,
        /// The last entry whose header could be read.
        entry: Option<String>,
    },
    /// The source is not the one that was asked for.
    #[error("source has digest {found}, not {wanted}")]
    Digest {
        /// Digest of what was read, `none` for a directory.
        found: String,
        /// Digest that was asked for.
        wanted: String,
    },
    /// A file of an image is not the one that the image names.
    #[error("{what} of the image has digest {found}, not {wanted}")]
    Blob {
        /// "layer", "content of a layer", "config".
        what: &'static str,
        /// Digest of what was read.
        found: String,
        /// Digest that was named.
        wanted: String,
    },
    /// The image does not follow its own format.
    #[error("image {flaw}")]
    Image {
        /// What is wrong.
        flaw: String,
    },
    /// There are several images, or there is none of the name.
    #[error("{}", choose(wanted.as_deref(), there))]
    Choose {
        /// What was asked for.
        wanted: Option<String>,
        /// The names of those that are there.
        there: Vec<String>,
    },
    /// There is no image for this machine.
    #[error("no image is for {machine}: there is {}", list(there))]
    Platforms {
        /// This machine, as uname(1) names it.
        machine: String,
        /// Those that there are, as `linux/arm64`.
        there: Vec<String>,
    },
    /// The programs are for another machine.
    #[error("image is for {found}, and this machine is {machine}")]
    Architecture {
        /// What they are for.
        found: String,
        /// This machine, as uname(1) names it.
        machine: String,
    },
    /// The file's name promises another machine.
    #[error("{name} is named for {told}, and its programs are for {found}")]
    Mislabelled {
        /// The file's name.
        name: String,
        /// The machine that it names.
        told: String,
        /// What its programs are for.
        found: String,
    },
    /// A file of a known kind that no template is made of.
    #[error("source {flaw}")]
    Unsupported {
        /// What it is, and what helps.
        flaw: &'static str,
    },
    /// An archive with two roots at its top.
    #[error("archive has two root directories, {first} and {second}")]
    TwoRoots {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// The signature was not made by a key of the keyring for this file.
    #[error("signature {signature} does not hold for the source: {lines}")]
    Signature {
        /// The file.
        signature: String,
        /// What gpgv(1) says.
        lines: String,
    },
    /// What is given does not go together.
    #[error("{what}")]
    Usage {
        /// The rule.
        what: &'static str,
    },
    /// There is no such version of the template.
    #[error("no template {name}@{id}")]
    NoVersion {
        /// The template.
        name: String,
        /// The version.
        id: String,
    },
    /// A program of another package ended with an error.
    #[error("{program} ended with {status}: {lines}")]
    Program {
        /// Its name.
        program: &'static str,
        /// `exit status: 1` or `signal: 9 (SIGKILL)`.
        status: String,
        /// Its last words.
        lines: String,
    },
    /// An option of a build cannot be passed on.
    #[error("{value:?} is not a {what}")]
    BadOption {
        /// "suite", "package name", "mirror".
        what: &'static str,
        /// The text.
        value: String,
    },
    /// No template is built with this init.
    #[error("{value:?} is not an init to build Debian with: allowed is {allowed}")]
    BadInit {
        /// The text.
        value: String,
        /// The names of all that there are.
        allowed: String,
    },
    /// The suite lacks a package that was asked for.
    #[error("suite {suite} has no package {package}")]
    NoPackage {
        /// Debian's release.
        suite: String,
        /// The package.
        package: String,
    },
    /// A program that a build needs is not on this host.
    #[error("{program} is not installed")]
    MissingProgram {
        /// Its name.
        program: &'static str,
    },
    /// The host's apt knows no Debian mirror and none was given.
    #[error("no Debian mirror is configured for apt on this host, and none was given")]
    NoMirror,
    /// The program that builds root directories gave up.
    #[error("mmdebstrap ended with {status}: {lines}")]
    Builder {
        /// `exit status: 25` or `signal: 9 (SIGKILL)`.
        status: String,
        /// Its last words.
        lines: String,
    },
    /// The caller's watcher asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The kernel refused an operation.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Error {
    /// The errno of the cause, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Failed(failure) => failure.errno(),
            Self::BadName { .. }
            | Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::InUse { .. }
            | Self::Locked { .. }
            | Self::Damaged { .. }
            | Self::Refused { .. }
            | Self::Corrupt { .. }
            | Self::Digest { .. }
            | Self::Blob { .. }
            | Self::Image { .. }
            | Self::Choose { .. }
            | Self::Platforms { .. }
            | Self::Architecture { .. }
            | Self::Mislabelled { .. }
            | Self::Unsupported { .. }
            | Self::TwoRoots { .. }
            | Self::Signature { .. }
            | Self::Usage { .. }
            | Self::NoVersion { .. }
            | Self::Program { .. }
            | Self::BadOption { .. }
            | Self::BadInit { .. }
            | Self::NoPackage { .. }
            | Self::MissingProgram { .. }
            | Self::NoMirror
            | Self::Builder { .. }
            | Self::Interrupted => None,
        }
    }
}

fn after(entry: Option<&str>) -> String {
    entry.map_or_else(String::new, |entry| format!(" after entry {entry}"))
}

/// Names shown at once; an archive may have any number.
const SHOWN: usize = 12;

fn list(names: &[String]) -> String {
    let mut text = names
        .get(..SHOWN.min(names.len()))
        .unwrap_or_default()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

fn choose(wanted: Option<&str>, there: &[String]) -> String {
    let there = list(there);
    match wanted {
        Some(wanted) => format!("source has no image {wanted}: there is {there}"),
        None => format!("source has several images, choose one of {there}"),
    }
}
