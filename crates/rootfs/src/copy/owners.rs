//! Whose a copy is.

/// Ids of a VE: 0 to 65535.
pub(super) const MOST: u32 = 65_536;

/// Who owns what cannot be told.
const NOBODY: u32 = 65_534;

/// Which ids the files of a tree have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// The host's.
    Host,
    /// A VE's, whose root the host knows as `first`; in the tree as it is seen here
    /// root has the number `shift`, which is `first` or, seen as on disk, 0.
    Guest {
        /// The host id of the VE's root.
        first: u32,
        /// What its ids are moved by in the tree.
        shift: u32,
    },
}

/// Owner and mode that all copies have, where they are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given {
    /// User.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Permissions of files.
    pub mode: Option<u32>,
}

impl Ids {
    /// What an owner in the tree `self` becomes in `to`.
    pub(super) fn become_in(self, to: Self, id: u32, archive: bool) -> u32 {
        match (self, to) {
            (Self::Host, Self::Host) => id,
            (Self::Host, Self::Guest { first, shift }) => {
                let of_the_ve = id.checked_sub(first).filter(|inner| *inner < MOST);
                let kept = (archive && id < MOST).then_some(id);
                shift + of_the_ve.filter(|_| first > 0).or(kept).unwrap_or(0)
            }
            (Self::Guest { shift, .. }, Self::Host) if archive => inner(id, shift),
            // The caller's, who is root of the host.
            (Self::Guest { .. }, Self::Host) => 0,
            (Self::Guest { shift, .. }, Self::Guest { shift: there, .. }) => {
                there + inner(id, shift)
            }
        }
    }

    /// What a given id of the tree is, as it is seen here.
    pub(super) fn seen(self, id: u32) -> u32 {
        match self {
            Self::Host => id,
            Self::Guest { shift, .. } => shift.saturating_add(id),
        }
    }

    /// What root of the tree's own user namespace is here.
    pub(super) fn root(self) -> u32 {
        self.seen(0)
    }
}

/// The id on disk.
fn inner(id: u32, shift: u32) -> u32 {
    let inner = id.checked_sub(shift).filter(|inner| *inner < MOST);
    inner.unwrap_or(NOBODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: Ids = Ids::Guest {
        first: 200_000,
        shift: 200_000,
    };
    const STOPPED: Ids = Ids::Guest {
        first: 200_000,
        shift: 0,
    };

    #[test]
    fn what_goes_in_is_roots_unless_it_is_the_ves() {
        for (id, plain, archived) in [
            (0, 0, 0),
            (1000, 0, 1000),
            (200_033, 33, 33),
            (300_000, 0, 0),
        ] {
            assert_eq!(Ids::Host.become_in(STOPPED, id, false), plain);
            assert_eq!(Ids::Host.become_in(STOPPED, id, true), archived);
            assert_eq!(Ids::Host.become_in(RUNNING, id, false), 200_000 + plain);
            assert_eq!(Ids::Host.become_in(RUNNING, id, true), 200_000 + archived);
        }
    }

    #[test]
    fn what_comes_out_is_the_callers_unless_numbers_are_kept() {
        for (tree, id) in [(STOPPED, 33), (RUNNING, 200_033)] {
            assert_eq!(tree.become_in(Ids::Host, id, false), 0);
            assert_eq!(tree.become_in(Ids::Host, id, true), 33);
        }
        // Of what the host has mounted in the VE.
        assert_eq!(RUNNING.become_in(Ids::Host, 0, true), NOBODY);
    }

    #[test]
    fn between_two_ves_numbers_are_kept() {
        assert_eq!(STOPPED.become_in(RUNNING, 33, false), 200_033);
        assert_eq!(RUNNING.become_in(STOPPED, 200_033, true), 33);
    }
}
