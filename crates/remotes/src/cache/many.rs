//! Several files at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Download, Wanted};
use crate::error::Error;

/// Files on their way at once: servers limit what one connection gets, and people
/// limit how many they want from one client.
const AT_ONCE: usize = 4;

/// Has all files under their names. The first that fails keeps more from being
/// begun, and is the one that is told.
///
/// # Errors
/// Those of [`Download::run`]. What is whole stays, what is not stays as a part.
pub(crate) fn download_all(download: &Download<'_>, wanted: &[Wanted]) -> Result<(), Error> {
    let mut waiting: Vec<&Wanted> = wanted.iter().collect();
    waiting.reverse();
    let waiting = Mutex::new(waiting);
    let (failed, first) = (AtomicBool::new(false), Mutex::new(None));
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(next) = waiting.lock().ok().and_then(|mut waiting| waiting.pop()) else {
                return;
            };
            if let Err(error) = download.run(next) {
                failed.store(true, Ordering::Relaxed);
                if let Ok(mut first) = first.lock() {
                    first.get_or_insert(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..AT_ONCE.min(wanted.len()) {
            scope.spawn(work);
        }
        work();
    });
    match first.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(()),
    }
}
