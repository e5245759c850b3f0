//! What `veld top` shows and what keys do to it.
//!
//! ```text
//!          Enter                 /
//! VEs <───────────> processes    VEs <──────> typing a filter
//!          Esc                    Enter, Esc
//! ```
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a key that has no meaning where it is pressed does nothing"
)]

use std::collections::HashMap;

use veld_config::VeName;
use veld_supervisor::{Rates, Sample};

use super::inside::Inside;
use crate::commands::stats::Row;

/// A key, as far as it means anything here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C.
    Interrupt,
}

/// What follows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Nothing,
    /// To look at once, for something else is shown now.
    Look,
    Quit,
}

/// What lines are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Cpu,
    Memory,
    Io,
    Network,
    Processes,
    Name,
}

impl Sort {
    /// In the order of the arrows.
    const ALL: [Self; 6] = [
        Self::Name,
        Self::Cpu,
        Self::Memory,
        Self::Io,
        Self::Network,
        Self::Processes,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Io => "I/O",
            Self::Network => "network",
            Self::Processes => "processes",
            Self::Name => "name",
        }
    }

    fn of_key(key: char) -> Option<Self> {
        Some(match key {
            'c' => Self::Cpu,
            'm' => Self::Memory,
            'i' => Self::Io,
            'n' => Self::Network,
            'p' => Self::Processes,
            _ => return None,
        })
    }

    /// So many places to the right, and round.
    fn moved(self, places: usize) -> Self {
        let here = Self::ALL.iter().position(|sort| *sort == self);
        let next = (here.unwrap_or(0) + places) % Self::ALL.len();
        Self::ALL.get(next).copied().unwrap_or(self)
    }
}

/// Where the cursor is in a list, and which part of the list is on the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) selected: usize,
    pub(super) first: usize,
    /// Lines on the screen, as it was drawn last.
    pub(super) height: usize,
}

impl Place {
    /// Moves, if that is what the key is for.
    pub(super) fn key(&mut self, key: Key, length: usize) {
        let page = self.height.max(2) - 1;
        self.selected = match key {
            Key::Up => self.selected.saturating_sub(1),
            Key::Down => self.selected + 1,
            Key::PageUp => self.selected.saturating_sub(page),
            Key::PageDown => self.selected + page,
            Key::Home => 0,
            Key::End => length,
            _ => return,
        };
        self.fit(length);
    }

    /// Stays in a list of this length, and has the cursor on the screen.
    pub(super) fn fit(&mut self, length: usize) {
        self.selected = self.selected.min(length.saturating_sub(1));
        // Not drawn yet: nobody has seen what would be scrolled away.
        let Some(last) = self.height.checked_sub(1) else {
            return;
        };
        self.first = self
            .first
            .min(length.saturating_sub(self.height))
            .min(self.selected)
            .max(self.selected.saturating_sub(last));
    }
}

/// All that is shown.
#[derive(Debug)]
pub(super) struct State {
    host_memory: Option<u64>,
    samples: Vec<Sample>,
    rates: HashMap<VeName, Rates>,
    pub(super) sort: Sort,
    pub(super) reverse: bool,
    pub(super) filter: String,
    pub(super) is_typing: bool,
    pub(super) place: Place,
    inside: Option<Inside>,
}

impl State {
    pub(super) fn new(host_memory: Option<u64>) -> Self {
        Self {
            host_memory,
            samples: Vec::new(),
            rates: HashMap::new(),
            sort: Sort::Cpu,
            reverse: false,
            filter: String::new(),
            is_typing: false,
            place: Place::default(),
            inside: None,
        }
    }

    /// Takes a new look at all VEs; the cursor stays on its VE, or on the first line.
    pub(super) fn renew(&mut self, samples: Vec<Sample>) {
        let followed = self.followed();
        let before: HashMap<_, _> = self.samples.iter().map(|one| (&one.name, one)).collect();
        self.rates = samples
            .iter()
            .filter_map(|now| {
                let rates = Rates::between(before.get(&now.name)?, now);
                Some((now.name.clone(), rates))
            })
            .collect();
        self.samples = samples;
        self.sort_lines();
        self.select(followed.as_ref());
    }

    /// How many VEs run.
    pub(super) fn count(&self) -> usize {
        self.samples.len()
    }

    /// The VEs that are to be shown, in order.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let shown = self
            .samples
            .iter()
            .filter(|one| one.name.as_str().contains(&self.filter));
        shown
            .map(|sample| Row {
                sample,
                rates: self.rates.get(&sample.name).copied().unwrap_or_default(),
                host_memory: self.host_memory,
            })
            .collect()
    }

    fn sort_lines(&mut self) {
        let (sort, rates) = (self.sort, &self.rates);
        let value = |one: &Sample| -> f64 {
            let rates = rates.get(&one.name).copied().unwrap_or_default();
            let sum = |a: Option<f64>, b: Option<f64>| a.unwrap_or(0.0) + b.unwrap_or(0.0);
            match sort {
                Sort::Cpu => rates.cpu_percent.unwrap_or(0.0),
                Sort::Memory => whole(one.usage.memory.used),
                Sort::Io => sum(rates.read_bytes, rates.written_bytes),
                Sort::Network => sum(rates.received_bytes, rates.sent_bytes),
                Sort::Processes => whole(one.usage.processes),
                Sort::Name => 0.0,
            }
        };
        // The greatest first; those that are equal by name, from the least.
        self.samples.sort_by(|a, b| {
            let by_value = value(b).total_cmp(&value(a));
            by_value.then_with(|| a.name.cmp(&b.name))
        });
        if self.reverse {
            self.samples.reverse();
        }
    }

    fn selected(&self) -> Option<VeName> {
        let rows = self.rows();
        let row = rows.get(self.place.selected)?;
        Some(row.sample.name.clone())
    }

    /// The VE that the cursor follows; the first line is followed as such.
    fn followed(&self) -> Option<VeName> {
        self.selected().filter(|_| self.place.selected > 0)
    }

    fn select(&mut self, name: Option<&VeName>) {
        let rows = self.rows();
        let found = rows.iter().position(|row| Some(&row.sample.name) == name);
        let length = rows.len();
        self.place.selected = found.unwrap_or(self.place.selected);
        self.place.fit(length);
    }

    /// The VE that is shown closely.
    pub(super) fn inside(&self) -> Option<&Inside> {
        self.inside.as_ref()
    }

    pub(super) fn inside_mut(&mut self) -> Option<&mut Inside> {
        self.inside.as_mut()
    }

    /// Goes back to all VEs.
    pub(super) fn leave(&mut self) {
        self.inside = None;
    }

    /// Does what a key is for.
    pub(super) fn key(&mut self, key: Key) -> After {
        if key == Key::Interrupt {
            return After::Quit;
        }
        if self.is_typing {
            self.typed(key);
            return After::Nothing;
        }
        if key == Key::Char('q') {
            return After::Quit;
        }
        if let Some(inside) = &mut self.inside {
            if key == Key::Escape {
                self.leave();
                return After::Look;
            }
            inside.key(key);
            return After::Nothing;
        }
        self.key_outside(key)
    }

    fn key_outside(&mut self, key: Key) -> After {
        let followed = self.followed();
        match key {
            Key::Enter => {
                self.inside = self.selected().map(Inside::new);
                return After::Look;
            }
            Key::Escape => self.filter.clear(),
            Key::Char('/') => self.is_typing = true,
            Key::Char('r') => self.reverse = !self.reverse,
            Key::Left => self.sort = self.sort.moved(Sort::ALL.len() - 1),
            Key::Right => self.sort = self.sort.moved(1),
            Key::Char(letter) => self.sort = Sort::of_key(letter).unwrap_or(self.sort),
            key => {
                self.place.key(key, self.rows().len());
                return After::Nothing;
            }
        }
        self.sort_lines();
        self.select(followed.as_ref());
        After::Nothing
    }

    /// A key while a filter is typed.
    fn typed(&mut self, key: Key) {
        let followed = self.followed();
        match key {
            Key::Enter => self.is_typing = false,
            Key::Escape => {
                self.is_typing = false;
                self.filter.clear();
            }
            Key::Backspace => drop(self.filter.pop()),
            // No name has any other.
            Key::Char(letter) if letter.is_ascii_graphic() => self.filter.push(letter),
            _ => {}
        }
        self.select(followed.as_ref());
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only compared, and no two that differ less are worth an order"
)]
pub(super) fn whole(number: Option<u64>) -> f64 {
    number.unwrap_or(0) as f64
}
