//! Finit: handed over to. Its login prompts are on terminals that a VE does not
//! have, and it passes over those.

use super::RunFiles;

/// There when all services of the run level that is booted into were started:
/// the condition `hook/sys/up`, which is a file below /run.
///
/// initctl(8), finit.conf(5), "Hooks", Finit 4.0.
pub(super) const UP: &str = "/run/finit/cond/hook/sys/up";

/// The prompt on the console, where one is wanted: a stanza in the directory of
/// those that last as long as a boot.
///
/// finit.conf(5), "tty".
pub(super) fn prompt(getty: bool) -> Option<RunFiles> {
    getty.then_some(RunFiles {
        directory: "/run/finit/system",
        names: &["veld-getty.conf"],
        text: Some("tty [12345] /dev/console 0 vt220 noclear\n"),
    })
}
