//! Word of readiness for an init that has none: a child that PID 1 leaves to the
//! init that takes its place. It waits for a file, says in the name of PID 1 that
//! the services are up, and ends; the init reaps it.

use std::path::Path;
use std::time::{Duration, Instant};

use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure};

use crate::notify::Notify;

/// How often the file is looked for. A look is one system call; a file that is
/// made by renaming a directory, or after one that is made too, is not seen by a
/// watch.
const LOOK: Duration = Duration::from_millis(10);
/// After this nobody waits for the word any more.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How often it is looked after the first minute.
const LATE: Duration = Duration::from_secs(1);
const EARLY: Duration = Duration::from_secs(60);

/// Leaves a herald that waits for the file at `path`.
pub(crate) fn start(path: &'static str) -> Result<(), Failure> {
    match fork().context(|| "start the herald of readiness")? {
        Forked::Parent(_) => Ok(()),
        Forked::Child => {
            // Nothing of PID 1's is kept open beyond its end.
            let _ = veld_sys::exec::close_all_but(&[]);
            let _ = rustix::thread::set_name(c"veld-herald");
            let notify = Notify::from_environment();
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE {
                let is_up = Path::new(path).exists();
                if is_up && notify.send_as_init("READY=1\nSTATUS=Services are up") {
                    break;
                }
                std::thread::sleep(if begun.elapsed() < EARLY { LOOK } else { LATE });
            }
            exit_now(0)
        }
    }
}
