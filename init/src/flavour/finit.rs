//! Finit: handed over to.

use super::Masks;

/// There when all services of the run level that is booted into were started:
/// the condition `hook/sys/up`, which is a file below /run.
///
/// initctl(8), finit.conf(5), "Hooks", Finit 4.0.
pub(super) const UP: &str = "/run/finit/cond/hook/sys/up";

/// Nothing so far.
pub(super) fn masks(_getty: bool) -> Option<Masks> {
    None
}
