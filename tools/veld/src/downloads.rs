//! Files on their way from a remote: a bar for each on a terminal, nothing elsewhere.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use veld_remotes::Progress;

use crate::output::escape;

/// How often the bars are drawn.
const TICK: Duration = Duration::from_millis(100);

/// Bars, from a thread that looks at the counters of a pull until this is dropped.
#[derive(Debug)]
pub(crate) struct Downloads {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Downloads {
    /// Bars for a pull, where somebody looks.
    pub(crate) fn show(progress: &Progress) -> Self {
        let over = Arc::<AtomicBool>::default();
        let thread = io::stderr().is_terminal().then(|| {
            let (progress, over) = (progress.clone(), Arc::clone(&over));
            std::thread::spawn(move || draw(&progress, &over))
        });
        Self { over, thread }
    }

    /// Takes the bars away.
    pub(crate) fn finish(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Downloads {
    fn drop(&mut self) {
        self.finish();
    }
}

fn draw(progress: &Progress, over: &AtomicBool) {
    let screen = MultiProgress::new();
    let mut bars: Vec<ProgressBar> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        for (at, item) in progress.items().iter().enumerate() {
            if at >= bars.len() {
                bars.push(screen.add(bar(item.label(), item.size())));
            }
            let Some(bar) = bars.get(at) else { continue };
            bar.set_position(item.done());
            if item.is_over() && !bar.is_finished() {
                bar.finish_and_clear();
            }
        }
        std::thread::sleep(TICK);
    }
    bars.iter().for_each(ProgressBar::finish_and_clear);
}

fn bar(label: &str, size: u64) -> ProgressBar {
    let bar = ProgressBar::new(size);
    let style = ProgressStyle::with_template(
        "{prefix:16} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}",
    );
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(escape(label));
    bar
}
