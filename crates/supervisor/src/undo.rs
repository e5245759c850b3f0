//! What has been done so far, and how each of it is undone.

use crate::error::{Source, chain};

/// Undos of the steps taken, run backwards when a later step fails.
pub(crate) struct Undo<'a> {
    steps: Vec<Box<dyn FnOnce() -> Result<(), Source> + 'a>>,
}

impl<'a> Undo<'a> {
    pub(crate) fn new() -> Self {
        Self { steps: Vec::new() }
    }

    /// A step was taken that `undo` takes back.
    pub(crate) fn push(&mut self, undo: impl FnOnce() -> Result<(), Source> + 'a) {
        self.steps.push(Box::new(undo));
    }

    /// Takes all steps back; what could not be is told.
    pub(crate) fn run(self) -> Vec<String> {
        self.steps
            .into_iter()
            .rev()
            .filter_map(|undo| undo().err())
            .map(|error| chain(&error))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn steps_are_undone_backwards_and_all_of_them() {
        let order = RefCell::new(Vec::new());
        let mut undo = Undo::new();
        undo.push(|| {
            order.borrow_mut().push(1);
            Ok(())
        });
        undo.push(|| {
            order.borrow_mut().push(2);
            Err(Source::Reported("cannot remove group veld/web1".to_owned()))
        });
        assert_eq!(undo.run(), ["cannot remove group veld/web1"]);
        assert_eq!(order.into_inner(), [2, 1]);
    }
}
