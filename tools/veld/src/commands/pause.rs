//! `veld pause` and `veld resume`

use veld_supervisor::{Done, Error, ErrorKind, Host, Ve};

use crate::cli::{Pause, Resume};
use crate::jobs::each;
use crate::report::Failed;

pub(crate) fn pause(host: &Host, pause: &Pause) -> Result<(), Failed> {
    let patience = pause.timeout.duration();
    each(host, &pause.which, |ve: &Ve<'_>| {
        let done = veld_supervisor::pause(ve, patience);
        pass_over(
            pause.which.all,
            [ErrorKind::NotRunning, ErrorKind::Paused],
            done,
        )
    })
}

pub(crate) fn resume(host: &Host, resume: &Resume) -> Result<(), Failed> {
    each(host, &resume.which, |ve: &Ve<'_>| {
        let done = veld_supervisor::resume(ve);
        pass_over(
            resume.which.all,
            [ErrorKind::NotRunning, ErrorKind::NotPaused],
            done,
        )
    })
}

/// Of all VEs those that cannot be meant are passed over.
fn pass_over(all: bool, kinds: [ErrorKind; 2], done: Result<Done, Error>) -> Result<Done, Error> {
    match done {
        Err(error) if all && kinds.contains(&error.kind()) => Ok(Done::default()),
        done => done,
    }
}
