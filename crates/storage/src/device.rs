//! Which block devices a directory's files are on.

use std::path::{Path, PathBuf};

use rustix::fs::{FileType, major, minor, stat};
use veld_kernfs::mountinfo;
use veld_sys::{Context, Failure};

/// The whole block devices, by major and minor number, that the files below `path`
/// are on: the one that the file system was made on, be that a disk, a loop device
/// or a mapped one, or all of those of a file system that has several. None where
/// they are on no block device, as on a file system in memory.
///
/// # Errors
/// A file of /proc or /sys that could not be read.
///
/// # Kernel
/// A partition has no queue of its own and so no limit: it is its disk that has,
/// see Documentation/admin-guide/cgroup-v2.rst "IO Interface Files". sysfs(5) has
/// /sys/dev/block.
pub fn devices(path: &Path) -> Result<Vec<(u32, u32)>, Failure> {
    let found = stat(path).context(|| format!("look at {}", path.display()))?;
    if major(found.st_dev) != 0 {
        return Ok(vec![whole(major(found.st_dev), minor(found.st_dev))?]);
    }
    // A file system that is on several devices, or on none, has a number that is
    // no device's.
    let Some(source) = mounted_from(path)? else {
        return Ok(Vec::new());
    };
    let Ok(found) = stat(&source) else {
        return Ok(Vec::new());
    };
    if FileType::from_raw_mode(found.st_mode) != FileType::BlockDevice {
        return Ok(Vec::new());
    }
    let numbers = (major(found.st_rdev), minor(found.st_rdev));
    let mut devices: Vec<(u32, u32)> = companions(numbers)?
        .into_iter()
        .map(|(major, minor)| whole(major, minor))
        .collect::<Result<_, _>>()?;
    devices.sort_unstable();
    devices.dedup();
    Ok(devices)
}

/// The device itself, or the disk that it is a partition of.
fn whole(major: u32, minor: u32) -> Result<(u32, u32), Failure> {
    whole_of(Path::new("/sys/dev/block"), (major, minor))
}

fn whole_of(known: &Path, (major, minor): (u32, u32)) -> Result<(u32, u32), Failure> {
    let own = known.join(format!("{major}:{minor}"));
    if !own.join("partition").exists() {
        return Ok((major, minor));
    }
    let real = std::fs::canonicalize(&own).context(|| format!("resolve {}", own.display()))?;
    numbers(&real.join("../dev"))
}

/// Reads `8:0`.
fn numbers(file: &Path) -> Result<(u32, u32), Failure> {
    let text = veld_kernfs::read(file)?;
    let parsed = text
        .split_once(':')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let invalid = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    parsed
        .ok_or_else(invalid)
        .context(|| format!("find a device's numbers in {}", file.display()))
}

/// What the file system at `path` was mounted from.
fn mounted_from(path: &Path) -> Result<Option<PathBuf>, Failure> {
    let real = std::fs::canonicalize(path).context(|| format!("resolve {}", path.display()))?;
    let table = veld_kernfs::read(Path::new("/proc/self/mountinfo"))?;
    Ok(mountinfo::parse(&table)
        .into_iter()
        // Of those mounted over each other the last is seen.
        .filter(|mount| real.starts_with(&mount.mount_point))
        .max_by_key(|mount| mount.mount_point.components().count())
        .map(|mount| PathBuf::from(mount.source)))
}

/// All devices of the btrfs that this one is of; itself where it is of none.
fn companions(device: (u32, u32)) -> Result<Vec<(u32, u32)>, Failure> {
    let systems = std::fs::read_dir("/sys/fs/btrfs").into_iter().flatten();
    for system in systems.flatten() {
        let members = std::fs::read_dir(system.path().join("devices"));
        let members: Vec<(u32, u32)> = members
            .into_iter()
            .flatten()
            .flatten()
            .map(|member| numbers(&member.path().join("dev")))
            .collect::<Result<_, _>>()?;
        if members.contains(&device) {
            return Ok(members);
        }
    }
    Ok(vec![device])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_device() {
        assert_eq!(devices(Path::new("/dev/shm")).unwrap(), []);
        assert_eq!(devices(Path::new("/proc")).unwrap(), []);
    }

    #[test]
    fn what_is_found_is_a_whole_device() {
        // Where tests run there is a root file system, mostly on a disk.
        for (major, minor) in devices(Path::new("/")).unwrap() {
            let of = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
            assert!(of.join("queue").exists(), "{}", of.display());
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a plain file of a test")]
    fn put(file: &Path, value: &str) {
        std::fs::write(file, format!("{value}\n")).unwrap();
    }

    #[test]
    fn a_partition_is_on_its_disk() {
        let sys = tempfile::tempdir().unwrap();
        let known = sys.path().join("dev/block");
        std::fs::create_dir_all(&known).unwrap();
        for (device, numbers) in [("vda", "254:0"), ("vda/vda1", "254:1"), ("loop0", "7:0")] {
            let directory = sys.path().join("devices").join(device);
            std::fs::create_dir_all(&directory).unwrap();
            put(&directory.join("dev"), numbers);
            std::os::unix::fs::symlink(directory, known.join(numbers)).unwrap();
        }
        put(&sys.path().join("devices/vda/vda1/partition"), "1");
        let whole = |device| whole_of(&known, device).unwrap();
        assert_eq!(whole((254, 1)), (254, 0));
        assert_eq!(whole((254, 0)), (254, 0));
        assert_eq!(whole((7, 0)), (7, 0));
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = devices(Path::new("/no/such/path")).unwrap_err();
        assert_eq!(error.to_string(), "cannot look at /no/such/path");
    }
}
