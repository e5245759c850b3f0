//! A program on pipes, for as long as it runs.

use std::os::fd::{BorrowedFd, OwnedFd};

use veld_sys::Failure;

use crate::lane::{Lane, Moved};
use crate::relay::Over;
use crate::signals::{Asked, Signals};
use crate::wait::{drain, wait};

/// Two descriptors: what is read from the one is written to the other. Each is
/// closed when the other has come to its end, as between commands of a shell.
#[derive(Debug)]
pub struct Pair {
    /// Where to read.
    pub from: OwnedFd,
    /// Where to write.
    pub to: OwnedFd,
}

/// Hands on between the user and a program until that, which `program`, a pidfd,
/// stands for, has ended: `inputs` towards it, `outputs` from it.
///
/// The terminal, where the user's ends are one, stays as it is: lines are edited
/// there, and Ctrl-C is a signal to this process. What the program's children
/// write after its end is not waited for.
///
/// # Errors
/// An end cannot be read or written, for another reason than being gone.
pub fn pump(
    inputs: Vec<Pair>,
    outputs: Vec<Pair>,
    program: BorrowedFd<'_>,
) -> Result<Over, Failure> {
    let signals = Signals::watch()?;
    let lanes = |name, pairs: Vec<Pair>| -> Vec<Lane> {
        let lane = |pair: Pair| Lane::new(name, pair.from, pair.to);
        pairs.into_iter().map(lane).collect()
    };
    let mut all = lanes("output of the program", outputs);
    let outputs = all.len();
    all.extend(lanes("input to the program", inputs));
    loop {
        let woken = wait(&signals, Some(program), &all.iter().collect::<Vec<_>>())?;
        if woken.signal
            && let Some(Asked::End(signal)) = signals.next()?
        {
            return Ok(Over::Signal(signal));
        }
        for (index, lane) in all.iter_mut().enumerate() {
            if woken.lane(index) {
                // Nothing is on its way when the source ends.
                if lane.copy()? == Moved::SourceEnded {
                    lane.close();
                }
            }
        }
        if woken.ended {
            break;
        }
    }
    for output in all.iter_mut().take(outputs) {
        if let Some(signal) = drain(&signals, output)? {
            return Ok(Over::Signal(signal));
        }
    }
    Ok(Over::ProgramEnded)
}
