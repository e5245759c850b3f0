//! One container of either side, brought up and taken down.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::super::super::peers::Lxc;
use super::super::super::{Bench, write};
use super::super::Ve;
use super::super::boot::{QUESTION, wait_until_running};
use super::kinds::{Kind, Up};
use crate::veld::Veld;

/// What is not up by then never will be.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(1);

/// A container that is there and may run; dropping it ends and removes it.
pub(super) enum Container<'a> {
    Veld(Ve<'a>),
    Lxc(Lxc),
}

/// One that is up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    /// Its PID 1, as the host numbers it.
    pub(super) init: u32,
    /// From the start command until it was up.
    pub(super) after: Duration,
}

impl<'a> Container<'a> {
    /// A VE of a template.
    pub(super) fn veld(veld: &'a Veld, kind: &Kind, template: &str) -> Result<Self> {
        let ve = Ve::create(veld, kind.name, template)?;
        if !kind.command.is_empty() {
            let directory = ve.shown("directory")?;
            let config = std::path::Path::new(&directory).join("config.toml");
            let text = std::fs::read_to_string(&config)
                .with_context(|| format!("cannot read {}", config.display()))?;
            let command = format!("init = {:?}", kind.command.join(" "));
            write(&config, &text.replace("init = \"auto\"", &command))?;
        }
        Ok(Self::Veld(ve))
    }

    /// A container of LXC's on a copy of the same tree.
    pub(super) fn lxc(bench: &Bench, kind: &Kind, root: &std::path::Path) -> Result<Self> {
        let lxc = Lxc::define(bench, kind.name, root, kind.command)?;
        lxc.keep_console()?;
        Ok(Self::Lxc(lxc))
    }

    /// Starts it and waits until it is up.
    ///
    /// # Errors
    /// It does not come up.
    pub(super) fn bring_up(&self, up: Up) -> Result<Running> {
        let begin = Instant::now();
        let (init, mut after) = self.start(up, begin)?;
        while !up.is_seen(init) {
            if begin.elapsed() > PATIENCE {
                bail!("it is not up after {} s", PATIENCE.as_secs());
            }
            sleep(PAUSE);
            after = begin.elapsed();
        }
        if matches!(up, Up::Says) {
            wait_until_running(begin, || self.ask(QUESTION))?;
            after = begin.elapsed();
        }
        Ok(Running { init, after })
    }

    /// Starts it; veld waits itself, but where both sides are asked.
    fn start(&self, up: Up, begin: Instant) -> Result<(u32, Duration)> {
        match self {
            Self::Veld(ve) => {
                match up {
                    Up::Says => ve.start()?,
                    Up::Has(_) | Up::Runs { .. } => ve.start_up()?,
                };
                // Looking its PID 1 up is no part of its coming up.
                let after = begin.elapsed();
                let init = ve.shown("init pid")?;
                Ok((init.parse().context("cannot read a pid")?, after))
            }
            Self::Lxc(lxc) => Ok((lxc.start_for_init()?, begin.elapsed())),
        }
    }

    fn ask(&self, question: &[&str]) -> Command {
        match self {
            Self::Veld(ve) => ve.exec_command(question),
            Self::Lxc(lxc) => lxc.attach_command(question),
        }
    }

    /// Kills it, whether it runs or not.
    pub(super) fn take_down(&self) {
        // One that has ended already is as it is to be.
        let _ = match self {
            Self::Veld(ve) => ve.kill(),
            Self::Lxc(lxc) => lxc.kill(),
        };
    }

    /// What it has said last, where that is written down.
    pub(super) fn last_words(&self) -> String {
        match self {
            Self::Veld(_) => String::new(),
            Self::Lxc(lxc) => lxc.last_words(),
        }
    }
}
