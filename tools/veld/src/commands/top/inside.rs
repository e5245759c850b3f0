//! The processes of one VE: what is shown of them and what keys do to it.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a key that has no meaning where it is pressed does nothing"
)]

use std::collections::HashMap;

use veld_config::VeName;
use veld_supervisor::Member;

use super::state::{Key, Place, Sort, whole};
use crate::output::escape;

/// A process that is shown.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) member: Member,
    pub(super) cpu_percent: Option<f64>,
}

/// A VE that is shown closely.
#[derive(Debug)]
pub(super) struct Inside {
    ve: VeName,
    lines: Vec<Line>,
    commands: HashMap<i32, String>,
    /// By CPU, memory, or number.
    pub(super) sort: Sort,
    pub(super) reverse: bool,
    pub(super) place: Place,
}

/// Lines whose command lines are asked for before it is known how many fit.
const MOST: usize = 100;

impl Inside {
    pub(super) fn new(ve: VeName) -> Self {
        Self {
            ve,
            lines: Vec::new(),
            commands: HashMap::new(),
            sort: Sort::Cpu,
            reverse: false,
            place: Place::default(),
        }
    }

    pub(super) fn ve(&self) -> &VeName {
        &self.ve
    }

    /// The processes, in order.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Takes a new look; the cursor stays on its process, or on the first line.
    pub(super) fn renew(&mut self, members: Vec<Member>) {
        let followed = self.followed();
        let before: HashMap<i32, &Member> = self
            .lines
            .iter()
            .map(|line| (line.member.activity.pid, &line.member))
            .collect();
        self.lines = members
            .into_iter()
            .map(|member| Line {
                cpu_percent: before
                    .get(&member.activity.pid)
                    .and_then(|before| member.cpu_percent_since(before)),
                member,
            })
            .collect();
        self.sort_lines();
        self.select(followed);
    }

    /// The processes that are on the screen, or may be with a step or two.
    pub(super) fn on_screen(&self) -> Vec<i32> {
        let lines = self.lines.iter().skip(self.place.first).take(MOST);
        lines.map(|line| line.member.activity.pid).collect()
    }

    pub(super) fn add_command_lines(&mut self, commands: HashMap<i32, String>) {
        self.commands = commands;
    }

    /// What a process was called with; its name in brackets where that is not known.
    /// Nothing of it can command a terminal.
    pub(super) fn command(&self, line: &Line) -> String {
        let activity = &line.member.activity;
        match self.commands.get(&activity.pid) {
            Some(command) => escape(command).replace('\t', " "),
            None => format!("[{}]", escape(&activity.name).replace('\t', " ")),
        }
    }

    fn sort_lines(&mut self) {
        let sort = self.sort;
        let value = |line: &Line| match sort {
            Sort::Memory => whole(Some(line.member.activity.resident_bytes)),
            Sort::Cpu => line.cpu_percent.unwrap_or(0.0),
            Sort::Processes | Sort::Name | Sort::Io | Sort::Network => 0.0,
        };
        self.lines.sort_by(|a, b| {
            let by_number = a.member.activity.pid.cmp(&b.member.activity.pid);
            value(b).total_cmp(&value(a)).then(by_number)
        });
        if self.reverse {
            self.lines.reverse();
        }
    }

    /// The process that the cursor follows; the first line is followed as such.
    fn followed(&self) -> Option<i32> {
        let line = self.lines.get(self.place.selected)?;
        Some(line.member.activity.pid).filter(|_| self.place.selected > 0)
    }

    fn select(&mut self, pid: Option<i32>) {
        let mut lines = self.lines.iter();
        let found = lines.position(|line| Some(line.member.activity.pid) == pid);
        self.place.selected = found.unwrap_or(self.place.selected);
        self.place.fit(self.lines.len());
    }

    /// Does what a key is for.
    pub(super) fn key(&mut self, key: Key) {
        let followed = self.followed();
        match key {
            Key::Char('c') => self.sort = Sort::Cpu,
            Key::Char('m') => self.sort = Sort::Memory,
            Key::Char('p') => self.sort = Sort::Processes,
            Key::Left | Key::Right => {
                self.sort = match (self.sort, key) {
                    (Sort::Cpu, Key::Right) | (Sort::Processes, Key::Left) => Sort::Memory,
                    (Sort::Memory, Key::Right) | (Sort::Cpu, Key::Left) => Sort::Processes,
                    _ => Sort::Cpu,
                };
            }
            Key::Char('r') => self.reverse = !self.reverse,
            key => {
                self.place.key(key, self.lines.len());
                return;
            }
        }
        self.sort_lines();
        self.select(followed);
    }
}
