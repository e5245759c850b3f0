//! Which kind of host a test takes, where not every one will do.

use crate::cgroups::Cgroup;
use crate::command::Cmd;

/// What Veld limits.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

/// Why a test of cgroup v2 cannot run here, if it cannot: the controllers are not
/// in it. `cargo xtask vm test` has a host where they are.
#[must_use]
pub fn lacks_v2() -> Option<String> {
    let offered = Cgroup::at("").knob(&["cgroup.controllers"]);
    let offered = offered.unwrap_or_default();
    let mut lacking = CONTROLLERS
        .into_iter()
        .filter(|name| !offered.split(' ').any(|there| there == *name))
        .peekable();
    lacking.peek()?;
    let lacking: Vec<&str> = lacking.collect();
    Some(format!("cgroup v2 is without {}", lacking.join(", ")))
}

/// Why a test of cgroup v1 cannot run here, if it cannot: no controller is in it.
#[must_use]
pub fn lacks_v1() -> Option<String> {
    // Of v1 alone, at the root of each hierarchy.
    let there = Cgroup::at("").knob(&["release_agent"]).is_some();
    (!there).then(|| "no cgroup v1 is mounted".to_owned())
}

/// Why a test with these programs cannot run here, if it cannot.
#[must_use]
pub fn lacks(programs: &[&str]) -> Option<String> {
    let mut programs = programs.iter();
    let lacking = programs.find(|program| !Cmd::is_there(program))?;
    Some(format!("no {lacking}"))
}

/// Ends this test, which passes, where cgroup v2 is without controllers.
#[macro_export]
macro_rules! needs_v2 {
    () => {
        $crate::needs!($crate::lacks_v2())
    };
}

/// Ends this test, which passes, where no cgroup v1 is mounted.
#[macro_export]
macro_rules! needs_v1 {
    () => {
        $crate::needs!($crate::lacks_v1())
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! needs {
    ($lacking:expr) => {
        if let Some(reason) = $lacking {
            #[allow(clippy::print_stderr, reason = "whoever reads the log wants to know")]
            {
                eprintln!("skipped: {reason}");
            }
            return;
        }
    };
}
