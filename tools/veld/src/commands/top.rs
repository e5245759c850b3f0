//! `veld top`: what VEs use, on a full screen that is drawn anew each second.
//!
//! ```text
//! screen ──keys──> state <──samples── supervisor
//!    ^                │
//!    └───── draw ─────┘
//! ```
//!
//! The state knows neither terminal nor host, and drawing changes nothing but what
//! is on the screen: both are tested without either.

mod draw;
mod inside;
mod screen;
mod state;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use veld_state::command_lines;
use veld_supervisor::{Host, host_memory, processes, sample};

use crate::cli::Top;
use crate::report::Failed;
use screen::{Event, Screen};
use state::{After, State};

/// How soon after the first look the second is, before which no rate is known.
const FIRST: Duration = Duration::from_millis(300);
/// How long a VE's processes may keep us waiting for their command lines.
const PATIENCE: Duration = Duration::from_millis(200);

pub(crate) fn run(host: &Host, top: &Top) -> Result<ExitCode, Failed> {
    let mut state = State::new(host_memory());
    // Before the screen is taken: what is wrong with the host is said in a line.
    look(host, &mut state)?;
    let mut screen = Screen::enter()?;
    let interval = top.delay.duration().max(Duration::from_secs(1));
    let mut due = Instant::now() + FIRST.min(interval);
    loop {
        screen.draw(|frame| draw::draw(frame, &mut state))?;
        match screen.wait(due)? {
            Event::Key(key) => match state.key(key) {
                After::Quit => return Ok(ExitCode::SUCCESS),
                After::Look => {
                    look(host, &mut state)?;
                    screen.clear()?;
                }
                After::Nothing => {}
            },
            Event::Signal(number) => {
                let status = u8::try_from(128 + number).unwrap_or(u8::MAX);
                return Ok(ExitCode::from(status));
            }
            Event::Resized => {}
            Event::Due => {
                look(host, &mut state)?;
                due = Instant::now() + interval;
            }
        }
    }
}

/// Looks at all VEs, and at the processes of the one that is shown closely.
fn look(host: &Host, state: &mut State) -> Result<(), Failed> {
    let ves = host.ves()?;
    state.renew(sample(host, &ves)?);
    let Some(name) = state.inside().map(|inside| inside.ve().clone()) else {
        return Ok(());
    };
    let Some(ve) = ves.iter().find(|ve| *ve.name() == name) else {
        state.leave();
        return Ok(());
    };
    // One that has ended meanwhile has no processes to show.
    let members = processes(ve).unwrap_or_default();
    if let Some(inside) = state.inside_mut() {
        inside.renew(members);
        let shown = inside.on_screen();
        inside.add_command_lines(command_lines(&shown, PATIENCE)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
