//! The smallest distribution: a static busybox and links to it. With it a start
//! measures the start, not a distribution.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Bench;
use crate::run;

/// The template's name.
pub(super) const TEMPLATE: &str = "tiny";

const BUSYBOX: &str = "/bin/busybox";
const DIRECTORIES: &[&str] = &[
    "bin", "dev", "etc", "proc", "run", "sbin", "sys", "tmp", "usr", "var",
];
const PROGRAMS: &[&str] = &["bin/sh", "bin/sleep", "bin/true", "sbin/init"];

/// PID 1 under the peers: it sleeps, and runs nothing.
pub(super) const SLEEPER: &[&str] = &["/bin/busybox", "sleep", "1000000"];

/// Makes the root in `target/bench`, and with veld also its template.
pub(super) fn prepare(bench: &Bench) -> Result<()> {
    let root = bench.fresh_directory("tiny")?;
    fill(&root).with_context(|| format!("cannot make the tiny root {}", root.display()))?;
    let Some(veld) = &bench.veld else {
        return Ok(());
    };
    if veld.output(["template", "show", TEMPLATE]).is_ok() {
        veld.output(["template", "remove", TEMPLATE])?;
    }
    let source = root.to_string_lossy();
    veld.output(["template", "import", "--name", TEMPLATE, &source])?;
    Ok(())
}

/// Where the root is.
pub(super) fn root(bench: &Bench) -> PathBuf {
    bench.path("tiny")
}

/// Puts another copy at `to`.
///
/// # Errors
/// Names the path.
pub(super) fn copy(bench: &Bench, to: &Path) -> Result<()> {
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(root(bench)).arg(to);
    run::output(&mut copy).map(drop)
}

fn fill(root: &Path) -> Result<()> {
    for directory in DIRECTORIES {
        fs::create_dir(root.join(directory))?;
    }
    fs::copy(BUSYBOX, root.join("bin/busybox")).context(BUSYBOX)?;
    for program in PROGRAMS {
        symlink(BUSYBOX, root.join(program))?;
    }
    // Nothing to start, so that a VE of it is ready when its PID 1 is.
    fs::write(root.join("etc/inittab"), "::sysinit:/bin/true\n")?;
    fs::write(
        root.join("etc/os-release"),
        "ID=tiny\nPRETTY_NAME=\"Tiny\"\n",
    )?;
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_what_the_peers_execute() {
        if !Path::new(BUSYBOX).exists() {
            println!("skipped: there is no {BUSYBOX}");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        fill(directory.path()).unwrap();
        assert!(directory.path().join("bin/busybox").is_file());
        let link = fs::read_link(directory.path().join("bin/true")).unwrap();
        assert_eq!(link, Path::new(BUSYBOX));
        assert_eq!(SLEEPER.first(), Some(&BUSYBOX));
    }
}
