//! How far a user of a user namespace may fill tables of the kernel.

use std::path::Path;

use veld_sys::{Context, Failure};

/// A table of the kernel and how many entries of it each user may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// The file below /proc/sys/user without its `max_`: `inotify_watches`,
    /// `net_namespaces`.
    pub name: &'static str,
    /// The entries.
    pub most: u32,
}

/// Kinds of namespaces that the kernel counts for each user namespace.
pub const NESTED: [&str; 8] = [
    "user_namespaces",
    "pid_namespaces",
    "mnt_namespaces",
    "net_namespaces",
    "uts_namespaces",
    "ipc_namespaces",
    "cgroup_namespaces",
    "time_namespaces",
];

/// Limits what each user of the user namespace that this process is in may have,
/// what is used in namespaces below it included. Needs CAP_SYS_RESOURCE there;
/// whoever keeps that can raise the limits again.
///
/// All users of the namespace together are held by the same limits of the
/// namespace above, where the kernel counts for the user who made this one.
///
/// Tables that the kernel does not have are passed over.
///
/// # Errors
/// Names the file.
///
/// # Kernel
/// namespaces(7), "The /proc/sys/user directory", Linux 4.9; inotify(7) and
/// fanotify(7) for the others that are there.
pub fn limit_tables(tables: &[Table]) -> Result<(), Failure> {
    for Table { name, most } in tables {
        let path = format!("/proc/sys/user/max_{name}");
        match veld_kernfs::write(Path::new(&path), most) {
            Err(failure) if failure.kind() == std::io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

/// What each user of the user namespace that this process is in may have of these
/// tables; those that the kernel does not have are passed over.
///
/// # Errors
/// Names the file.
///
/// # Kernel
/// As of [`limit_tables`].
pub fn read_tables(names: &[&'static str]) -> Result<Vec<Table>, Failure> {
    let mut tables = Vec::new();
    for name in names {
        let path = format!("/proc/sys/user/max_{name}");
        let text = match veld_kernfs::read(Path::new(&path)) {
            Err(failure) if failure.kind() == std::io::ErrorKind::NotFound => continue,
            result => result?,
        };
        let most = text.parse().map_err(|_| std::io::ErrorKind::InvalidData);
        let most = most.context(|| format!("understand {text} in {path}"))?;
        tables.push(Table { name, most });
    }
    Ok(tables)
}
