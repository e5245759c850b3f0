//! How far a pull is, for whoever draws it; and how it is told to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One file on its way.
#[derive(Debug)]
pub struct Item {
    label: String,
    size: u64,
    done: AtomicU64,
    over: AtomicBool,
}

impl Item {
    /// What it is, in a few characters.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How long it will be, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How much of it is here, in bytes.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Counters that a pull moves on and another thread looks at.
#[derive(Debug, Default, Clone)]
pub struct Progress {
    items: Arc<Mutex<Vec<Arc<Item>>>>,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// Counters of a pull that ends soon after `stop` becomes true.
    #[must_use]
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        Self {
            items: Arc::default(),
            stop,
        }
    }

    /// All files so far, in the order in which they were begun.
    #[must_use]
    pub fn items(&self) -> Vec<Arc<Item>> {
        let items = self.items.lock();
        items.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is to become true.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    pub(crate) fn begin(&self, label: String, size: u64) -> Arc<Item> {
        let item = Arc::new(Item {
            label,
            size,
            done: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let items = self.items.lock();
        let mut items = items.unwrap_or_else(PoisonError::into_inner);
        items.push(Arc::clone(&item));
        item
    }
}
