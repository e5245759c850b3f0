//! A kernel for the guest, out of Debian's package, unpacked and never installed.
//!
//! apt fetches it with lists of its own below `target/`, from the mirror that
//! this host's apt is set to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::deps;
use crate::place::make_directory;
use crate::report;
use crate::run;
use crate::workspace::Workspace;

/// Debian 13's, as a host of today has it.
pub(crate) const DEFAULT: &str = "6.12";

/// Kernels by version, and the suite that has each.
const SUITES: [(&str, &str); 2] = [("6.1", "bookworm"), ("6.12", "trixie")];

/// The keys of all of Debian's suites (package debian-archive-keyring).
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Always depends on the package of the suite's newest kernel. The cloud kernel
/// has no 9p.
const NEWEST: &str = "linux-image-amd64";

/// How the packages begin that a kernel is spread over.
const PARTS: [&str; 3] = ["linux-base-", "linux-binary-", "linux-modules-"];

/// An unpacked kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// What the kernel calls itself, as `uname -r` prints it.
    pub(crate) release: String,
    root: PathBuf,
}

impl Kernel {
    /// Fetches and unpacks it, unless it is there.
    ///
    /// # Errors
    /// There is no such suite, no mirror, or this machine is of another kind.
    pub(crate) fn ensure(workspace: &Workspace, version: &str) -> Result<Self> {
        if std::env::consts::ARCH != "x86_64" {
            bail!("cannot boot a guest on {}", std::env::consts::ARCH);
        }
        let suite = suite_of(version);
        let directory = workspace.target("vm-cache/kernels").join(suite);
        let root = directory.join("root");
        if !root.is_dir() {
            report::step(&format!("kernel of {suite}"), || fetch(&directory, suite))?;
        }
        Self::unpacked(root)
    }

    fn unpacked(root: PathBuf) -> Result<Self> {
        let modules = root.join("usr/lib/modules");
        let release = only_entry(&modules)?;
        Ok(Self { release, root })
    }

    /// The kernel's own file: of late it is beside its modules.
    pub(crate) fn image(&self) -> PathBuf {
        let beside = self.modules().join("vmlinuz");
        if beside.is_file() {
            return beside;
        }
        self.root
            .join("boot")
            .join(format!("vmlinuz-{}", self.release))
    }

    /// What `/lib/modules` has of it.
    pub(crate) fn modules(&self) -> PathBuf {
        self.root.join("usr/lib/modules").join(&self.release)
    }

    /// The files of a module and of those that it needs, in the order in which
    /// they are to be loaded.
    pub(crate) fn files_of(&self, module: &str) -> Result<Vec<PathBuf>> {
        let mut modprobe = Command::new("/sbin/modprobe");
        modprobe.arg("-d").arg(&self.root);
        modprobe.args(["-S", &self.release, "--show-depends", module]);
        Ok(files_in(&run::output(&mut modprobe)?))
    }
}

fn suite_of(version: &str) -> &str {
    let known = SUITES.iter().find(|(known, _)| *known == version);
    known.map_or(version, |(_, suite)| suite)
}

/// The paths in lines of `insmod PATH OPTIONS`; what is built in says `builtin`.
fn files_in(list: &str) -> Vec<PathBuf> {
    let words = list.lines().map(|line| line.split_whitespace());
    words
        .filter_map(|mut words| (words.next()? == "insmod").then(|| words.next())?)
        .map(PathBuf::from)
        .collect()
}

fn fetch(directory: &Path, suite: &str) -> Result<()> {
    let lists = Lists::make(directory, suite)?;
    run::run(lists.apt("apt-get").args(["-q", "update"]))?;
    let shown = lists.show(NEWEST)?;
    let image = dependencies(&shown, &["linux-image-"]);
    let image = image
        .first()
        .with_context(|| format!("{NEWEST} of {suite} depends on no package of a kernel"))?;
    // Of late the kernel, its modules and the lists of these are packages of their own.
    let shown = lists.show(image)?;
    let mut packages = dependencies(&shown, &PARTS);
    packages.push(image);
    println!("   {}", packages.join(", "));
    // Of another version, where a fetch was ended before it was done.
    for package in packages_in(directory)? {
        fs::remove_file(package)?;
    }
    let mut download = lists.apt("apt-get");
    download.args(["-q", "download"]).args(&packages);
    run::run(download.current_dir(directory))?;
    unpack(&packages_in(directory)?, directory)
}

fn packages_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = entries(directory)?;
    found.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    Ok(found)
}

fn unpack(fetched: &[PathBuf], directory: &Path) -> Result<()> {
    let beside = directory.join("root.new");
    if beside.exists() {
        fs::remove_dir_all(&beside)?;
    }
    for package in fetched {
        run::run(Command::new("dpkg-deb").arg("-x").args([package, &beside]))?;
    }
    // Since Debian 13 it has them in /usr alone, as hosts have a link there.
    let (old, new) = (beside.join("lib"), beside.join("usr/lib"));
    if old.is_dir() {
        make_directory(&beside.join("usr"))?;
        fs::rename(&old, &new)?;
    }
    std::os::unix::fs::symlink("usr/lib", &old)?;
    let release = only_entry(&new.join("modules"))?;
    run::run(
        Command::new("/sbin/depmod")
            .arg("-b")
            .arg(&beside)
            .arg(release),
    )?;
    for package in fetched {
        fs::remove_file(package)?;
    }
    fs::rename(&beside, directory.join("root"))
        .with_context(|| format!("cannot keep {}", beside.display()))
}

/// apt's state for one suite, away from the host's.
struct Lists {
    options: Vec<String>,
}

impl Lists {
    fn make(directory: &Path, suite: &str) -> Result<Self> {
        make_directory(&directory.join("lists/partial"))?;
        make_directory(&directory.join("archives/partial"))?;
        let sources = directory.join("sources.list");
        let line = format!("deb [signed-by={KEYS}] {} {suite} main\n", mirror()?);
        fs::write(&sources, line).with_context(|| format!("cannot write {}", sources.display()))?;
        let directory = directory.display();
        let options = [
            format!("Dir::Etc::SourceList={directory}/sources.list"),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={directory}/lists"),
            "Dir::State::Status=/dev/null".to_owned(),
            format!("Dir::Cache={directory}"),
            "Acquire::Languages=none".to_owned(),
            // A mirror may be a picture of another day.
            "Acquire::Check-Valid-Until=false".to_owned(),
            // Another user could not write below a home directory.
            "APT::Sandbox::User=root".to_owned(),
        ];
        Ok(Self {
            options: options.into(),
        })
    }

    /// The paragraph of package data on a package.
    fn show(&self, package: &str) -> Result<String> {
        let mut show = self.apt("apt-cache");
        run::output(show.args(["show", "--no-all-versions", package]))
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }
}

/// Where this host's apt has Debian from. It knows only of what it has lists of.
fn mirror() -> Result<String> {
    if let Some(mirror) = known_mirror()? {
        return Ok(mirror);
    }
    deps::update()?;
    known_mirror()?.context("apt on this host knows no mirror of Debian")
}

fn known_mirror() -> Result<Option<String>> {
    let format = "$(REPO_URI)|$(ORIGIN)|$(LABEL)";
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--format", format, "Created-By: Packages"]);
    Ok(mirror_in(&run::output(&mut ask)?).map(str::to_owned))
}

fn mirror_in(targets: &str) -> Option<&str> {
    targets
        .lines()
        .find_map(|line| line.strip_suffix("|Debian|Debian"))
}

/// The packages that a paragraph of package data depends on, of those whose names
/// begin so.
fn dependencies<'a>(paragraph: &'a str, beginnings: &[&str]) -> Vec<&'a str> {
    let depends = paragraph
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))
        .unwrap_or_default();
    let names = depends
        .split(',')
        .filter_map(|one| one.split_whitespace().next());
    let is_wanted = |name: &&str| beginnings.iter().any(|start| name.starts_with(start));
    names.filter(is_wanted).collect()
}

fn only_entry(directory: &Path) -> Result<String> {
    let entries = entries(directory)?;
    let [entry] = entries.as_slice() else {
        bail!(
            "{} has {} entries, not one",
            directory.display(),
            entries.len()
        );
    };
    let name = entry.file_name().unwrap_or_default();
    Ok(name.to_string_lossy().into_owned())
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let listed =
        fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    listed.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_named_by_its_version_or_by_its_suite() {
        assert_eq!(suite_of("6.1"), "bookworm");
        assert_eq!(suite_of(DEFAULT), "trixie");
        assert_eq!(suite_of("sid"), "sid");
    }

    #[test]
    fn the_newest_kernel_is_what_the_package_of_all_depends_on() {
        let paragraph = "Package: linux-image-amd64\nVersion: 6.1.1-1\n\
                         Depends: linux-image-6.1.0-1-amd64 (= 6.1.1-1)\n";
        let found = dependencies(paragraph, &["linux-image-"]);
        assert_eq!(found, ["linux-image-6.1.0-1-amd64"]);
        assert!(dependencies("Package: x\nDepends: libc6\n", &["linux-image-"]).is_empty());
    }

    #[test]
    fn a_kernel_in_several_packages_is_found_whole() {
        let paragraph = "Depends: dracut | initramfs-tools (>= 0.1), linux-base-7 (= 7-1), \
                         linux-binary-7 (= 7-1), linux-modules-7 (= 7-1)\n";
        assert_eq!(
            dependencies(paragraph, &PARTS),
            ["linux-base-7", "linux-binary-7", "linux-modules-7"]
        );
    }

    #[test]
    fn files_are_those_that_are_to_be_loaded() {
        let list = "builtin virtio_pci\ninsmod /m/a.ko.xz \ninsmod /m/b.ko option=1\n";
        assert_eq!(
            files_in(list),
            [Path::new("/m/a.ko.xz"), Path::new("/m/b.ko")]
        );
    }

    #[test]
    fn the_mirror_is_debians_own() {
        let targets = "http://s.test/debian-security/|Debian|Debian-Security\n\
                       http://m.test/debian/|Debian|Debian\n";
        assert_eq!(mirror_in(targets), Some("http://m.test/debian/"));
        assert_eq!(mirror_in("http://o.test/|Other|Other\n"), None);
    }
}
