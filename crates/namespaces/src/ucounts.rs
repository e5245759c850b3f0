//! How many namespaces may be made inside one.

use std::path::Path;

use veld_sys::Failure;

/// Kinds of namespaces that the kernel counts for each user namespace.
const KINDS: [&str; 8] = ["user", "pid", "mnt", "net", "uts", "ipc", "cgroup", "time"];

/// Limits nested namespaces of each kind to `most` for each user of the user
/// namespace that this process is in, those in namespaces below it included.
/// Needs CAP_SYS_RESOURCE there; whoever keeps that can raise the limits again.
///
/// All users of the namespace together are held by the same limits of the
/// namespace above, where the kernel counts for the user who made this one.
///
/// Kinds that the kernel does not have are passed over.
///
/// # Errors
/// Names the file.
///
/// # Kernel
/// namespaces(7), "The /proc/sys/user directory", Linux 4.9.
pub fn limit_nesting(most: u32) -> Result<(), Failure> {
    for kind in KINDS {
        let path = format!("/proc/sys/user/max_{kind}_namespaces");
        match veld_kernfs::write(Path::new(&path), most) {
            Err(failure) if failure.kind() == std::io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}
