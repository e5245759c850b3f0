//! Packages that are installed in a VE as its administrator would.

use std::time::Duration;

use veld_tests::Ve;

/// Longer than fetching and configuring takes while other tests do the same.
const PATIENCE: Duration = Duration::from_secs(200);

/// Installs packages from the mirror, which has to be in reach, and what they need.
pub(crate) fn install(ve: &Ve<'_>, packages: &[&str]) {
    // Descriptions of packages in other languages are half of what there is to fetch.
    let script = "apt-get update -qq -o Acquire::Languages=none && DEBIAN_FRONTEND=noninteractive \
         apt-get install -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io \"$@\"";
    let words = [&["sh", "-c", script, "sh"], packages].concat();
    ve.exec_cmd(["-T"], words).within(PATIENCE).run().ok();
}
