//! `--debug`: each step in a line of standard error, with the time since the
//! command began and the VE that it is on.

use std::fs::File;
use std::io;
use std::sync::Mutex;

use rustix::io::fcntl_dupfd_cloexec;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::time::uptime;

/// Above the numbers that anything executed expects a meaning of.
const LEAST: i32 = 10;

/// From now on steps are told, by workers and launchers of this process too.
///
/// A launcher gives up its standard error, for the shim that it becomes must not
/// hold the caller's terminal: so a copy is written to, which is closed when
/// anything is executed. Where there is no standard error nothing is told.
pub(crate) fn to_stderr() {
    let Ok(copy) = fcntl_dupfd_cloexec(io::stderr(), LEAST) else {
        return;
    };
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_timer(uptime())
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        .with_writer(Mutex::new(File::from(copy)))
        .init();
}
