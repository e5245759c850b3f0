//! The terminal: taken as a whole, and given back as it was however this ends.

use std::io::{self, IsTerminal, Stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};
use ratatui::{Frame, Terminal};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use veld_sys::{Context, Failure};

use crate::commands::top::state::Key;
use crate::report;

/// How late a signal may be seen.
const LOOK: Duration = Duration::from_millis(100);

/// What there is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Key(Key),
    /// To end, by this signal.
    Signal(i32),
    /// To draw anew.
    Resized,
    /// The time is over.
    Due,
}

/// The whole terminal. Dropping this gives it back.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// The number of the last signal that asked for the end, or 0.
    signal: Arc<AtomicUsize>,
}

impl Screen {
    /// # Errors
    /// Standard input or output is no terminal.
    pub(super) fn enter() -> Result<Self, Failure> {
        if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            report::hint("veld stats --watch needs no terminal");
            let what = "take the whole screen of standard input and output";
            return Err(Failure::new(what, Errno::NOTTY));
        }
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            let value = usize::try_from(number).unwrap_or(0);
            signal_hook::flag::register_usize(number, Arc::clone(&signal), value)
                .context(|| format!("handle signal {number}"))?;
        }
        give_back_in_panic();
        terminal::enable_raw_mode().context(|| "make the terminal raw")?;
        let terminal = execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        match terminal {
            Ok(terminal) => Ok(Self { terminal, signal }),
            Err(error) => {
                give_back();
                Err(Failure::new("take the screen of the terminal", error))
            }
        }
    }

    /// Draws, and lets the terminal show it.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), Failure> {
        let drawn = self.terminal.draw(draw).map(drop);
        drawn.context(|| "draw on the terminal")
    }

    /// Has all of the next drawing shown, and not only what is new in it. The library's
    /// own way to clear asks the terminal for its cursor, and not every one answers.
    pub(super) fn clear(&mut self) -> Result<(), Failure> {
        let cleared = self
            .terminal
            .size()
            .and_then(|size| self.terminal.resize(Rect::from((Position::ORIGIN, size))));
        cleared.context(|| "clear the terminal")
    }

    /// Waits for something to do, until `due` at the latest.
    pub(super) fn wait(&self, due: Instant) -> Result<Event, Failure> {
        let reading = || "read the terminal";
        loop {
            let signal = self.signal.load(Ordering::Relaxed);
            if signal != 0 {
                return Ok(Event::Signal(i32::try_from(signal).unwrap_or(0)));
            }
            let left = due.saturating_duration_since(Instant::now());
            let there_is = match event::poll(left.min(LOOK)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
                result => result.context(reading)?,
            };
            if there_is && let Some(event) = read(&event::read().context(reading)?) {
                return Ok(event);
            }
            if left.is_zero() {
                return Ok(Event::Due);
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // A terminal that is gone needs nothing given back.
    let _ = terminal::disable_raw_mode();
    let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
}

/// No destructor runs in a panic of this program, which aborts; and its words are of no
/// use on a screen that goes away.
fn give_back_in_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
    }));
}

fn read(event: &event::Event) -> Option<Event> {
    match event {
        event::Event::Key(key) if key.kind != KeyEventKind::Release => {
            Key::of(*key).map(Event::Key)
        }
        event::Event::Resize(..) => Some(Event::Resized),
        event::Event::Key(_)
        | event::Event::FocusGained
        | event::Event::FocusLost
        | event::Event::Mouse(_)
        | event::Event::Paste(_) => None,
    }
}

impl Key {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "keyboards have many keys, and those that we give no meaning have none"
    )]
    fn of(key: KeyEvent) -> Option<Self> {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        Some(match key.code {
            KeyCode::Char('c') if is_control => Self::Interrupt,
            KeyCode::Char(_) if is_control => return None,
            KeyCode::Char(character) => Self::Char(character),
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Escape,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            _ => return None,
        })
    }
}
