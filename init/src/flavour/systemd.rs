//! systemd: handed over to, its login prompts masked.

use super::RunFiles;

/// The one directory below /run that comes before /etc in the unit load path
/// and that systemd neither empties nor generates when it starts. A link in
/// /run/systemd/system would lose to a copy of the unit in /etc, which images
/// made for other machines have.
///
/// systemd.unit(5), "Unit File Load Path"; the same in releases 247 to 262.
const DIRECTORY: &str = "/run/systemd/system.control";

/// Where a VE has no login prompt.
const ALL: [&str; 6] = [
    "console-getty.service",
    "container-getty@.service",
    "getty@.service",
    "serial-getty@.service",
    // An alias of getty@ that logind starts, and what starts getty@ by name.
    "autovt@.service",
    "getty-static.service",
];

/// The units to mask. A prompt that is wanted is the one on the console, which
/// systemd's generator starts in a container; the others have no device here.
pub(super) fn masks(getty: bool) -> RunFiles {
    let names = match (getty, ALL.split_first()) {
        (true, Some((_console, others))) => others,
        _ => &ALL,
    };
    RunFiles {
        directory: DIRECTORY,
        names,
        text: None,
    }
}
