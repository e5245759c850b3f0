//! Raising what is too small: now, and at every later boot.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::ErrorKind;
use std::path::Path;

use veld_durable::Life;
use veld_sys::{Context, Failure};

use crate::SAVED;
use crate::limit::{Reading, path};

const HEADER: &str = "\
# What all VEs of this host share, raised by veld host doctor --fix.
# A minus: where the kernel does not have it (yet) at boot, that is no error.
";

/// Raises every size of `readings` that is too small, and sees to it that it is so after
/// a boot: what was saved before stays saved, unless it is less. What cannot be raised
/// is given back; all else is done all the same.
///
/// # Errors
/// The file of settings could not be read or written.
///
/// # Kernel
/// proc_sys(5); sysctl.d(5) of systemd, sysctl.conf(5) of procps.
pub fn raise(root: &Path, readings: &[Reading]) -> Result<Vec<Failure>, Failure> {
    let mut failures = Vec::new();
    let mut saved = BTreeMap::new();
    // The third threshold of neighbours before the second, the second before the first.
    for reading in readings.iter().rev().filter(|reading| !reading.is_enough()) {
        match veld_kernfs::write(&path(root, reading.name), reading.needed) {
            Ok(()) => {
                saved.insert(reading.name.to_owned(), reading.needed);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if !saved.is_empty() {
        save(root, saved)?;
    }
    Ok(failures)
}

fn save(root: &Path, mut settings: BTreeMap<String, u64>) -> Result<(), Failure> {
    let file = root.join(SAVED.trim_start_matches('/'));
    for (name, value) in saved_before(&file)? {
        let setting = settings.entry(name).or_insert(value);
        *setting = value.max(*setting);
    }
    let mut text = HEADER.to_owned();
    for (name, value) in settings {
        // A String takes all that is written to it.
        let _ = writeln!(text, "-{name} = {value}");
    }
    ensure_parent(&file)?;
    // As the other files there.
    veld_durable::replace_for_all(&file, text.as_bytes(), Life::Durable)
}

fn ensure_parent(file: &Path) -> Result<(), Failure> {
    let Some(parent) = file.parent() else {
        return Ok(());
    };
    if parent.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(parent).context(|| format!("create directory {}", parent.display()))
}

/// What an earlier run has saved. A line of anybody else's is not kept: the file says
/// whose it is.
fn saved_before(file: &Path) -> Result<Vec<(String, u64)>, Failure> {
    let text = match veld_kernfs::read(file) {
        Ok(text) => text,
        Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let setting = |line: &str| {
        let (name, value) = line.trim().trim_start_matches('-').split_once('=')?;
        let value = value.trim().parse().ok()?;
        Some((name.trim().to_owned(), value))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.filter_map(setting).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::limit::read_number;
    use crate::limits;
    use crate::note::tests::tree;

    fn holds(root: &Path, name: &str, value: u64) -> bool {
        matches!(read_number(&path(root, name)), Ok(Some(now)) if now == value)
    }

    #[test]
    fn what_is_too_small_is_raised_and_saved_and_the_rest_left() {
        let root = tree(&[
            ("proc/sys/kernel/pid_max", "32768"),
            ("proc/sys/kernel/threads-max", "900000"),
            ("proc/sys/net/ipv4/neigh/default/gc_thresh3", "1024"),
        ]);
        let here = root.path();
        let file = here.join("etc/sysctl.d/60-veld.conf");
        assert!(raise(here, &limits(here, 100).unwrap()).unwrap().is_empty());
        assert!(holds(here, "kernel.pid_max", 32_768));
        assert!(holds(here, "net.ipv4.neigh.default.gc_thresh3", 1312));
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            format!("{HEADER}-net.ipv4.neigh.default.gc_thresh3 = 1312\n")
        );
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        assert!(
            raise(here, &limits(here, 1000).unwrap())
                .unwrap()
                .is_empty()
        );
        assert!(limits(here, 1000).unwrap().iter().all(Reading::is_enough));
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = "-kernel.pid_max = 68096\n-net.ipv4.neigh.default.gc_thresh3 = 8512\n";
        assert_eq!(text, format!("{HEADER}{expected}"));
        // Enough for fewer: nothing is lowered, and nothing written.
        assert!(raise(here, &limits(here, 10).unwrap()).unwrap().is_empty());
        assert!(holds(here, "kernel.pid_max", 68_096));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }

    #[test]
    fn what_was_saved_stays_unless_it_is_less() {
        let root = tree(&[
            ("proc/sys/kernel/pid_max", "32768"),
            (
                "etc/sysctl.d/60-veld.conf",
                "# x\n-fs.file-max = 9\nkernel.pid_max=4000000\nnonsense\n",
            ),
        ]);
        let here = root.path();
        raise(here, &limits(here, 1000).unwrap()).unwrap();
        let text = std::fs::read_to_string(here.join("etc/sysctl.d/60-veld.conf")).unwrap();
        let expected = "-fs.file-max = 9\n-kernel.pid_max = 4000000\n";
        assert_eq!(text, format!("{HEADER}{expected}"));
    }

    #[test]
    fn what_cannot_be_raised_is_told_of_and_not_saved() {
        let root = tree(&[("proc/sys/kernel/pid_max", "32768")]);
        let here = root.path();
        let readings = limits(here, 1000).unwrap();
        std::fs::remove_file(here.join("proc/sys/kernel/pid_max")).unwrap();
        let failures = raise(here, &readings).unwrap();
        assert_eq!(failures.len(), 1);
        assert!(
            failures[0]
                .to_string()
                .starts_with("cannot write 68096 to ")
        );
        assert!(!here.join("etc").exists());
    }
}
