//! What went wrong with an action, on which VE, and what a caller may branch on.

use std::error::Error as StdError;
use std::fmt;

use veld_config::Problem;
pub(crate) use veld_sys::chain;

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such VE.
    NotFound,
    /// There is one already.
    Exists,
    /// Another command works on it.
    Locked,
    /// It runs, and the action wants it stopped.
    AlreadyRunning,
    /// It does not run, and the action wants it running.
    NotRunning,
    /// It is paused, and the action wants it going on.
    Paused,
    /// It is not paused, and the action wants it so.
    NotPaused,
    /// What was asked for makes no sense here: a value, a limit, a template.
    Refused,
    /// The program to be executed inside is not there.
    ProgramNotFound,
    /// The program is there and cannot be executed.
    NotExecutable,
    /// The VE did not do its part in time.
    TimedOut,
    /// A step failed.
    Failed,
}

/// A failed action.
///
/// Displayed: `web1: cannot start`, with the causes in `source()`; or a fact as
/// `web1: is already running`, without any.
#[derive(Debug)]
pub struct Error(Box<Parts>);

/// Behind a pointer, so that a result is no larger for an error that is not there.
#[derive(Debug)]
struct Parts {
    kind: ErrorKind,
    ve: String,
    what: What,
    also: Vec<String>,
    hint: Option<String>,
}

#[derive(Debug)]
enum What {
    Fact(String),
    Action { verb: &'static str, source: Source },
}

/// The error of whichever leaf failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Source {
    #[error(transparent)]
    System(#[from] veld_sys::Failure),
    #[error(transparent)]
    Cgroup(#[from] veld_cgroups::Error),
    #[error(transparent)]
    Config(#[from] veld_config::ConfigError),
    #[error(transparent)]
    Launch(#[from] veld_launch::Error),
    #[error(transparent)]
    Network(#[from] veld_network::Error),
    #[error(transparent)]
    Remote(#[from] veld_remotes::Error),
    #[error(transparent)]
    Template(#[from] veld_templates::Error),
    /// A value that makes no sense.
    #[error(transparent)]
    Invalid(#[from] veld_config::Invalid),
    /// The root file system could not be put together.
    #[error(transparent)]
    RootFs(veld_sys::Failure),
    /// What was asked for makes no sense here.
    #[error("{0}")]
    Refused(String),
    /// What another process, which is us too, had to say.
    #[error("{0}")]
    Reported(String),
}

impl Error {
    /// A refusal: something is so, and therefore nothing was done.
    pub(crate) fn fact(kind: ErrorKind, ve: impl fmt::Display, fact: impl Into<String>) -> Self {
        Self::new(kind, ve.to_string(), What::Fact(fact.into()))
    }

    /// An action that could not be done.
    pub(crate) fn action(
        ve: impl fmt::Display,
        verb: &'static str,
        source: impl Into<Source>,
    ) -> Self {
        let source = source.into();
        Self::new(source.kind(), ve.to_string(), What::Action { verb, source })
    }

    fn new(kind: ErrorKind, ve: String, what: What) -> Self {
        let (also, hint) = (Vec::new(), None);
        Self(Box::new(Parts {
            kind,
            ve,
            what,
            also,
            hint,
        }))
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what could not be undone either.
    pub(crate) fn and_also(mut self, also: impl IntoIterator<Item = String>) -> Self {
        self.0.also.extend(also);
        self
    }

    /// What a caller may branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What went wrong while the first failure was being undone.
    #[must_use]
    pub fn also(&self) -> &[String] {
        &self.0.also
    }

    /// What a person might do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The error as lines of text: one, but for a config with several mistakes,
    /// each of which is a line that names its place, or what could not be done.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match &self.0.what {
            What::Action {
                source: Source::Config(error),
                verb,
            } if !error.problems().is_empty() => {
                let ve = self.ve();
                let line = |problem: &Problem| match problem.file {
                    Some(_) => problem.to_string(),
                    None => format!("{ve}: cannot {verb}: {problem}"),
                };
                error.problems().iter().map(line).collect()
            }
            What::Action { .. } | What::Fact(_) => vec![chain(self)],
        }
    }

    /// The VE it is about.
    #[must_use]
    pub fn ve(&self) -> &str {
        &self.0.ve
    }
}

/// What to do about a file system that cannot be idmapped.
pub(crate) const HINT_OF_LAYERS: &str =
    "keep paths.data and paths.templates of veld.toml on ext4, xfs or btrfs";

impl Source {
    /// Whether a person can do something about it, which is [`HINT_OF_LAYERS`].
    pub(crate) fn is_of_layers(&self) -> bool {
        use std::io::ErrorKind::{InvalidInput, Unsupported};
        matches!(self, Source::RootFs(failure) if matches!(failure.kind(), InvalidInput | Unsupported))
    }

    pub(crate) fn is_refusal(&self) -> bool {
        self.kind() == ErrorKind::Refused
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Source::Cgroup(error) if error.kind() == veld_cgroups::ErrorKind::Unsupported => {
                ErrorKind::Refused
            }
            Source::Config(_) | Source::Template(_) | Source::Invalid(_) | Source::Refused(_) => {
                ErrorKind::Refused
            }
            Source::Launch(error) => match error.kind() {
                veld_launch::ErrorKind::ProgramNotFound => ErrorKind::ProgramNotFound,
                veld_launch::ErrorKind::NotExecutable => ErrorKind::NotExecutable,
                // Whatever kinds may come: a step of the way that failed.
                veld_launch::ErrorKind::Silent | veld_launch::ErrorKind::Step | _ => {
                    ErrorKind::Failed
                }
            },
            Source::System(_)
            | Source::Cgroup(_)
            | Source::Network(_)
            | Source::Remote(_)
            | Source::RootFs(_)
            | Source::Reported(_) => ErrorKind::Failed,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.what {
            What::Fact(fact) => write!(f, "{}: {fact}", self.0.ve),
            What::Action { verb, .. } => write!(f, "{}: cannot {verb}", self.0.ve),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.what {
            What::Fact(_) => None,
            What::Action { source, .. } => Some(source),
        }
    }
}
