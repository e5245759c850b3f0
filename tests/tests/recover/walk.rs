//! Walking the numbered fault points of a command.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_tests::{Cmd, Host, Output};

/// What happens at the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It fails as a broken disk does.
    Eio,
    /// It fails as a full disk does.
    Enospc,
    /// The process that came to it is killed.
    Kill,
}

/// No command may take longer, whatever happens to it.
const PATIENCE: Duration = Duration::from_secs(10);

/// No operation has more points.
const MOST: usize = 1000;

/// Three tests of a walk: one for each kind of fault.
macro_rules! walked {
    ($walk:path: $eio:ident, $enospc:ident, $kill:ident) => {
        crate::walk::walked_by!((|host: veld_tests::Host, kind| $walk(&host, kind)):
            $eio, $enospc, $kill);
    };
}
pub(crate) use walked;

/// The same, of a host whose data is on a disk of its own with btrfs.
macro_rules! walked_on_btrfs {
    ($walk:path: $eio:ident, $enospc:ident, $kill:ident) => {
        crate::walk::walked_by!((|host, kind| crate::layout::on_btrfs(host, kind, $walk)):
            $eio, $enospc, $kill);
    };
}
pub(crate) use walked_on_btrfs;

/// Three tests of what is done with a host of its own.
macro_rules! walked_by {
    ($run:tt: $eio:ident, $enospc:ident, $kill:ident) => {
        #[test]
        fn $eio() {
            let host = veld_tests::host!(veld_tests::Template::NoInit);
            $run(host, crate::walk::Kind::Eio);
        }

        #[test]
        fn $enospc() {
            let host = veld_tests::host!(veld_tests::Template::NoInit);
            $run(host, crate::walk::Kind::Enospc);
        }

        #[test]
        fn $kill() {
            let host = veld_tests::host!(veld_tests::Template::NoInit);
            $run(host, crate::walk::Kind::Kill);
        }
    };
}
pub(crate) use walked_by;

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Eio => "EIO",
            Kind::Enospc => "ENOSPC",
            Kind::Kill => "KILL",
        }
    }

    /// How an error ends that this fault is the cause of.
    fn cause(self) -> Option<&'static str> {
        match self {
            Kind::Eio => Some(": Input/output error (os error 5)"),
            Kind::Enospc => Some(": No space left on device (os error 28)"),
            Kind::Kill => None,
        }
    }
}

/// One fault that is to happen, and the log of the points that were passed.
#[derive(Debug)]
pub(crate) struct Fault {
    number: usize,
    kind: Kind,
    log: PathBuf,
}

impl Fault {
    /// No fault: the points are counted only.
    pub(crate) fn none(host: &Host) -> Self {
        Self::new(host, usize::MAX, Kind::Eio)
    }

    pub(crate) fn new(host: &Host, number: usize, kind: Kind) -> Self {
        let log = host.directory().join("faults");
        let _ = fs::remove_file(&log);
        Self { number, kind, log }
    }

    /// The command with fault points.
    pub(crate) fn veld(&self, host: &Host, words: &[&str]) -> Output {
        let mut cmd = Cmd::program(faulty(), words).within(PATIENCE);
        for variable in ["VELD_STAGE", "VELD_STAGE_FAULTS", "VELD_TEST_CACHE"] {
            cmd.inner().env_remove(variable);
        }
        cmd.env("VELD_CONFIG", host.config())
            .env("VELD_FAULT_LOG", &self.log)
            .env(
                "VELD_FAULT",
                format!("{}:{}", self.number, self.kind.word()),
            )
            .run()
    }

    /// The names of the points passed so far.
    pub(crate) fn passed(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

/// The command that was built with fault points.
fn faulty() -> PathBuf {
    const STAGE: &str = "VELD_STAGE_FAULTS";
    let stage = std::env::var_os(STAGE).filter(|stage| !stage.is_empty());
    let stage = stage.unwrap_or_else(|| panic!("{STAGE} is not set: cargo xtask test sets it"));
    Path::new(&stage).join("bin/veld")
}

/// One number of a walk.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(crate) kind: Kind,
    /// What the command did.
    pub(crate) output: Output,
    /// What was about to happen where it went wrong; the end where nothing did,
    /// since no point has this number.
    pub(crate) point: String,
    /// Nothing went wrong.
    pub(crate) unharmed: bool,
    /// What the command is called in its errors.
    verb: &'a str,
}

/// Walks the points from the number `first` on: `run` runs the operation with a
/// fault, `then` is what follows and looks at the host.
pub(crate) fn walk(
    host: &Host,
    (verb, first, kind): (&str, usize, Kind),
    run: impl Fn(&Fault) -> Output,
    then: impl Fn(&Round<'_>),
) {
    let at = At::new(verb, kind);
    for number in first..MOST {
        at.is(number, "the beginning");
        let fault = Fault::new(host, number, kind);
        let output = run(&fault);
        let passed = fault.passed();
        let point = passed.get(number - 1);
        let round = Round {
            kind,
            output,
            unharmed: point.is_none(),
            point: point.map_or("the end", String::as_str).to_owned(),
            verb,
        };
        at.is(number, &round.point);
        round.is_told();
        then(&round);
        if round.unharmed {
            assert!(number > first + 3, "only {passed:?} are walked");
            return;
        }
    }
    panic!("{verb} does not end within {MOST} points");
}

impl Round<'_> {
    /// Whether the command was killed itself, and not a process that it waits for.
    pub(crate) fn was_killed(&self) -> bool {
        self.kind == Kind::Kill && self.output.status == 128 + 9
    }

    /// Whether the command said that it did what it was asked for.
    pub(crate) fn is_done(&self) -> bool {
        self.output.status == 0
    }

    /// Whether it said that it did not.
    pub(crate) fn has_failed(&self) -> bool {
        !self.is_done() && !self.was_killed()
    }

    /// A command that fails says so in one line: the VE, what could not be done,
    /// with what, and the cause, once. One that is done may warn.
    fn is_told(&self) {
        let stderr = &self.output.stderr;
        if self.was_killed() {
            return assert_eq!(stderr, "", "it was killed");
        }
        if self.is_done() {
            let warns = |line: &str| says(line, "warning: cannot ");
            return assert!(stderr.lines().all(warns), "it is done and says {stderr}");
        }
        assert!(!self.unharmed, "nothing went wrong: {stderr}");
        assert_eq!(self.output.status, 1, "{stderr}");
        let also = |line: &&str| says(line, "also: cannot ");
        let lines: Vec<&str> = stderr.lines().filter(|line| !also(line)).collect();
        let [line] = lines[..] else {
            panic!("it failed and says {stderr:?}");
        };
        let begins = |verb: &str| says(line, &format!("cannot {verb}: "));
        // A destroy may have to stop what runs, and each sweeps what is left.
        let verbs = [self.verb, "sweep", "stop", "snapshot"];
        assert!(verbs.into_iter().any(begins), "{line}");
        match self.kind.cause() {
            Some(cause) => {
                let operation = line.strip_suffix(cause);
                let operation = operation.unwrap_or_else(|| panic!("not the cause: {line}"));
                assert_eq!(operation.matches(": cannot ").count(), 2, "{line}");
                assert!(!operation.contains(cause), "{line}");
            }
            None => assert!(line.contains(" died before reporting"), "{line}"),
        }
    }
}

/// Whether a line is of the VE, its clone or its template, and goes on like this.
fn says(line: &str, text: &str) -> bool {
    let names = [
        "veld: web1: ",
        "veld: web2: ",
        "veld: www: ",
        "veld: box: ",
        "veld: volume data: ",
    ];
    let rest = names.iter().find_map(|name| line.strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with(text))
}

/// Where a walk is; says so when the test fails there.
struct At {
    walk: String,
    place: RefCell<String>,
}

impl At {
    fn new(verb: &str, kind: Kind) -> Self {
        let walk = format!("{verb} with {}", kind.word());
        let place = RefCell::default();
        Self { walk, place }
    }

    fn is(&self, number: usize, point: &str) {
        *self.place.borrow_mut() = format!("at point {number}, {point}");
    }
}

impl Drop for At {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[allow(clippy::print_stderr, reason = "whoever reads the log wants to know")]
            {
                eprintln!("{} {}", self.walk, self.place.borrow());
            }
        }
    }
}
