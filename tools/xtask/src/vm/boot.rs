//! The guest's initial file system: BusyBox, the few modules without which the
//! kernel sees no disk, and two scripts. `boot.sh` runs in it and `enter.sh` in
//! the root that it puts together.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::command::Job;
use super::kernel::Kernel;
use crate::run;

/// The machine's own, which must be static (package busybox-static).
const BUSYBOX: &str = "/bin/busybox";

/// What `boot.sh` needs of it.
const APPLETS: [&str; 6] = ["cp", "insmod", "mkdir", "mount", "sh", "switch_root"];

const DIRECTORIES: [&str; 9] = [
    "bin", "dev", "disk", "host", "modules", "proc", "root", "sys", "veld-vm",
];

/// For the host's root, the disk and the ports, where they are not built in; all
/// others the guest finds in the host's root.
const MODULES: [&str; 7] = [
    "virtio_pci",
    "virtio_console",
    "9p",
    "9pnet_virtio",
    "overlay",
    "virtio_blk",
    "ext4",
];

/// Makes it in `scratch`, with `job` as the command.
///
/// # Errors
/// Names the file that cannot be read or written.
pub(super) fn initial_root(kernel: &Kernel, job: &Job, scratch: &Path) -> Result<PathBuf> {
    let tree = scratch.join("initial");
    for name in DIRECTORIES {
        fs::create_dir_all(tree.join(name))?;
    }
    fs::copy(BUSYBOX, tree.join("bin/busybox"))
        .with_context(|| format!("cannot copy {BUSYBOX}"))?;
    for name in APPLETS {
        symlink("busybox", tree.join("bin").join(name))?;
    }
    put(&tree.join("init"), include_str!("boot.sh"))?;
    put(&tree.join("veld-vm/enter.sh"), include_str!("enter.sh"))?;
    put(&tree.join("veld-vm/command.sh"), &job.script())?;
    if job.systemd {
        put(&tree.join("veld-vm/systemd"), "")?;
    }
    let modules = kernel.modules().display().to_string();
    put(&tree.join("veld-vm/modules"), &modules)?;
    copy_modules(kernel, &tree.join("modules"))?;
    pack(&tree, &scratch.join("initial.cpio"))
}

fn put(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Numbered, since they are loaded in the order of their names.
fn copy_modules(kernel: &Kernel, to: &Path) -> Result<()> {
    let mut files = Vec::new();
    for module in MODULES {
        files.extend(kernel.files_of(module)?);
    }
    let mut known = Vec::new();
    for file in files {
        if known.contains(&file) {
            continue;
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".xz").unwrap_or(&name);
        let to = to.join(format!("{:02}-{name}", known.len()));
        // BusyBox may be without xz, and the guest takes long over it.
        if file.extension().is_some_and(|extension| extension == "xz") {
            let out = File::create(&to).with_context(|| format!("cannot make {}", to.display()))?;
            run::run(Command::new("xz").arg("-dc").arg(&file).stdout(out))?;
        } else {
            fs::copy(&file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
        }
        known.push(file);
    }
    Ok(())
}

fn pack(tree: &Path, to: &Path) -> Result<PathBuf> {
    let listed = run::output(Command::new("find").arg(".").current_dir(tree))?;
    let out = File::create(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut cpio = Command::new(BUSYBOX);
    cpio.args(["cpio", "-o", "-H", "newc"]);
    cpio.current_dir(tree).stdin(std::process::Stdio::piped());
    let line = run::line_of(&cpio);
    let mut child = cpio
        .stdout(out)
        .spawn()
        .with_context(|| format!("cannot run {line}"))?;
    if let Some(mut names) = child.stdin.take() {
        writeln!(names, "{listed}")?;
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "{line}: {status}");
    Ok(to.to_owned())
}
