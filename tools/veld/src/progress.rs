//! Progress of a build or an import: a bar on a terminal, nothing elsewhere; and
//! Ctrl-C, which ends it with nothing left behind.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use veld_sys::{Context, Failure};
use veld_templates::Progress;

use crate::output::escape;

/// A watcher of a long operation.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    asked_to_end: Arc<AtomicBool>,
}

impl Bar {
    /// A bar for the operation called `what`.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub(crate) fn new(what: String) -> Result<Self, Failure> {
        let asked_to_end = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&asked_to_end))
                .context(|| format!("catch signal {signal}"))?;
        }
        let bar = if io::stderr().is_terminal() {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        };
        let style = ProgressStyle::with_template("{prefix} {bytes} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(what);
        Ok(Self { bar, asked_to_end })
    }

    /// Shows how far it is; tells it to end when the user wants that.
    pub(crate) fn show(&self, progress: &Progress<'_>) -> ControlFlow<()> {
        if let Some(total) = progress.total.filter(|_| self.bar.length().is_none()) {
            self.bar.set_length(total);
            let style = ProgressStyle::with_template(
                "{prefix} [{bar:30}] {bytes}/{total_bytes} {wide_msg}",
            );
            if let Ok(style) = style {
                self.bar.set_style(style.progress_chars("=> "));
            }
        }
        self.bar.set_position(progress.read);
        match progress.line {
            Some(line) => self.bar.set_message(escape(line)),
            None => self
                .bar
                .set_message(format!("{} entries", progress.entries)),
        }
        self.go_on()
    }

    /// Tells it to end when the user wants that, and shows nothing.
    pub(crate) fn go_on(&self) -> ControlFlow<()> {
        if self.asked_to_end.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// What becomes true when the user wants an end.
    pub(crate) fn asked_to_end(&self) -> &Arc<AtomicBool> {
        &self.asked_to_end
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
