//! The machine that is measured: what it is, what the peers need of it, and
//! what they leave on it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// What LXC and systemd-nspawn make once for all containers and never remove.
#[derive(Debug)]
pub(super) struct Leftovers {
    /// Those that were not there before.
    new: Vec<PathBuf>,
}

/// Deepest first.
const DIRECTORIES: &[&str] = &["/run/lxc", "/run/systemd/nspawn"];

/// The cgroup that LXC moves itself to, in each hierarchy.
const PIVOT: &str = "lxc.pivot";

impl Leftovers {
    /// Before the first peer runs.
    pub(super) fn before() -> Self {
        let pivots = hierarchies().into_iter().map(|path| path.join(PIVOT));
        let all = pivots.chain(DIRECTORIES.iter().map(PathBuf::from));
        Self {
            new: all.filter(|path| !path.exists()).collect(),
        }
    }

    /// Removes what was not there.
    ///
    /// # Errors
    /// Names the directory that cannot be removed.
    pub(super) fn remove(&self) -> Result<()> {
        for path in self.new.iter().filter(|path| path.exists()) {
            let removed = if path.ends_with(PIVOT) {
                fs::remove_dir(path)
            } else {
                fs::remove_dir_all(path)
            };
            if let Err(error) = removed {
                bail!("cannot remove {}: {error}", path.display());
            }
        }
        Ok(())
    }
}

/// The mounted hierarchies: one on a cgroup v2 host, many on a v1 host.
pub(super) fn hierarchies() -> Vec<PathBuf> {
    let top = Path::new("/sys/fs/cgroup");
    if top.join("cgroup.controllers").exists() {
        return vec![top.to_owned()];
    }
    let entries = fs::read_dir(top).map(|entries| entries.flatten().collect());
    let entries: Vec<fs::DirEntry> = entries.unwrap_or_default();
    entries.iter().map(fs::DirEntry::path).collect()
}

/// LXC's and runc's containers look their roots up as an unprivileged user.
///
/// # Errors
/// Names the directory that others may not search.
pub(super) fn must_be_open_to_others(directory: &Path) -> Result<()> {
    for above in directory.ancestors() {
        let open = fs::metadata(above).is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
        if !open {
            bail!(
                "{} is closed to others, and peers run as others: measure in a checkout elsewhere, as below /srv",
                above.display()
            );
        }
    }
    Ok(())
}

/// Kernel and processors, for under the table.
pub(super) fn description() -> String {
    let kernel = rustix::system::uname();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{} {}, {processors} processors",
        kernel.sysname().to_string_lossy(),
        kernel.release().to_string_lossy()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_directory_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let closed = directory.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let error = must_be_open_to_others(&closed).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{} is closed", closed.display())));
        must_be_open_to_others(Path::new("/")).unwrap();
    }

    #[test]
    fn what_was_there_before_is_not_removed() {
        let leftovers = Leftovers::before();
        assert!(leftovers.new.iter().all(|path| !path.exists()));
    }
}
