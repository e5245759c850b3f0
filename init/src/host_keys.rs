//! Keys by which a VE is known to those who log in by ssh.
//!
//! A template has none, or all VEs of it would answer with the same; and packages
//! make them only when they are installed. So the first boot of a VE whose template
//! came with the ssh server makes its own, on the VE's own disk: as the first job of
//! an init whose work is done here, and as a job that the server waits for under one
//! that is handed over to.

use std::path::Path;

use crate::flavour::RunFiles;
use crate::plan::{Job, Step};

const SERVER: &str = "/etc/ssh/sshd_config";
const KEYS: &str = "/etc/ssh";
const PROGRAM: &str = "/usr/bin/ssh-keygen";

/// Whether there is a server and no key.
fn are_missing() -> bool {
    Path::new(SERVER).exists() && Path::new(PROGRAM).exists() && !has_keys()
}

fn has_keys() -> bool {
    let entries = std::fs::read_dir(KEYS).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("ssh_host_") && name.ends_with("_key")
    })
}

/// The job that makes those that are missing.
pub(crate) fn step() -> Option<Step> {
    let job = || Job::new("ssh host keys", format!("{PROGRAM} -A"));
    are_missing().then(|| Step::awaited(job()))
}

/// What systemd finds in /run where some are missing: a unit, and that the server,
/// whatever the distribution calls it, waits for it.
///
/// systemd.unit(5), drop-in files.
pub(crate) fn of_systemd() -> Vec<RunFiles> {
    const UNIT: &str = "\
[Unit]
Description=ssh host keys of this VE
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
";
    const WAIT: &str = "[Unit]\nWants=veld-host-keys.service\nAfter=veld-host-keys.service\n";
    let file = |directory, names, text| RunFiles {
        directory,
        names,
        text: Some(text),
    };
    let drop_in = |directory| file(directory, &["veld-host-keys.conf"], WAIT);
    if !are_missing() {
        return Vec::new();
    }
    vec![
        file("/run/systemd/system", &["veld-host-keys.service"], UNIT),
        drop_in("/run/systemd/system/ssh.service.d"),
        drop_in("/run/systemd/system/sshd.service.d"),
        drop_in("/run/systemd/system/ssh@.service.d"),
        drop_in("/run/systemd/system/sshd@.service.d"),
    ]
}

/// What Finit finds: a job of its bootstrap, which it waits for.
///
/// finit.conf(5), "run".
pub(crate) fn of_finit() -> Option<RunFiles> {
    are_missing().then_some(RunFiles {
        directory: "/run/finit/system",
        names: &["veld-host-keys.conf"],
        text: Some("run [S] /usr/bin/ssh-keygen -A -- Making ssh host keys\n"),
    })
}
