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
    match &bench.veld {
        Some(veld) => veld.import(TEMPLATE, &root),
        None => Ok(()),
    }
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

/// A copy named `name` below `target/bench`, with a program of this host's and the
/// libraries that it is linked to.
///
/// # Errors
/// Names the file that cannot be copied.
pub(super) fn with_program(bench: &Bench, name: &str, program: &str) -> Result<PathBuf> {
    let root = bench.fresh_directory(name)?;
    fs::remove_dir(&root)?;
    copy(bench, &root)?;
    let libraries = run::output(Command::new("ldd").arg(program))?;
    for file in std::iter::once(program).chain(paths(&libraries)) {
        let target = root.join(file.trim_start_matches('/'));
        if let Some(above) = target.parent() {
            fs::create_dir_all(above)?;
        }
        fs::copy(file, &target).with_context(|| format!("cannot copy {file}"))?;
    }
    Ok(root)
}

/// The paths in what ldd prints.
fn paths(libraries: &str) -> impl Iterator<Item = &str> {
    let words = libraries.split_whitespace();
    words.filter(|word| word.starts_with('/'))
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

    #[test]
    fn libraries_are_found_in_what_ldd_prints() {
        let said = "\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/libc.so.6 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let found: Vec<_> = paths(said).collect();
        assert_eq!(found, ["/lib/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
    }
}
