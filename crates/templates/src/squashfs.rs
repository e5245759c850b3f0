//! squashfs file systems, unpacked by unsquashfs(1).
//!
//! The kernel could mount one, but then a stranger's file system is parsed with all
//! rights there are. unsquashfs is given none: it runs in a user namespace whose
//! root is nobody on the host, without network, in a directory of its own, and gets
//! the image as an open file.
//!
//! ```text
//!  cat, in a new user namespace ◄── its ids are BASE … BASE + 65535 of the host
//!  nsenter ─► unshare ─► setpriv ─► unsquashfs    in that namespace; as its root it
//!                                      │          may give files to all of its ids
//!                      .NAME.tmp/root/ ▼
//!                      the copier of all directories, ids shifted back ─► root/
//! ```
//!
//! How large it becomes is summed up from its list before anything is unpacked.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Gid, Mode, Uid, chown, fchmod, fstat};
use veld_sys::tool::{ends_with_its_parent, limited_to};
use veld_sys::{Context, Failure, fault};

use crate::copy::Copier;
use crate::error::Error;
use crate::import::{Filling, open_directory};
use crate::limits::Budget;
use crate::meta::checked_id;
use crate::path::EntryPath;
use crate::program;
use crate::tree::Tree;

/// The first of the host's ids that stand for those of the image while it is
/// unpacked: beyond all that login managers and container managers give away.
const BASE: u32 = 0x7000_0000;
const IDS: u32 = 65_536;
/// What it may as root of the namespace: give files away and write to them then. Not
/// mount, nor anything of a network.
const CAPABILITIES: &str = "-all,+chown,+dac_override,+fowner,+fsetid,+setfcap";
/// Address space of unsquashfs, of which its queues for what is read and what is unpacked
/// take some hundred MiB: what an image says of its tables is not to fill the memory.
const MEMORY: u64 = 2 << 30;
/// MiB of each of these queues.
const QUEUE: &str = "64";
/// How long the namespace may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);
/// A line of the list: a path of the longest kind, and what is before it.
const MAX_LINE: u64 = 8192;

/// Unpacks a file system into a tree. `copy` is a file without a name, which nobody
/// else can write to; it becomes readable to all.
///
/// # Errors
/// [`Error::MissingProgram`]; [`Error::Program`] with what unsquashfs says; those of
/// a directory that is copied.
pub(crate) fn unpack(filling: &Filling<'_, '_>, copy: &File, tree: &mut Tree) -> Result<(), Error> {
    for program in ["unsquashfs", "nsenter", "unshare", "setpriv"] {
        program::find(program)?;
    }
    fchmod(copy, Mode::from_raw_mode(0o444)).context(|| "copy the file system")?;
    let scratch = filling.stage.make_scratch()?;
    let owner = (Some(Uid::from_raw(BASE)), Some(Gid::from_raw(BASE)));
    chown(&scratch, owner.0, owner.1).context(|| format!("give {} away", scratch.display()))?;
    let nobody = Nobody::new()?;
    measure(&nobody, copy, &scratch, filling)?;
    extract(&nobody, copy, &scratch, filling)?;
    drop(nobody);
    let unpacked = open_directory(&scratch.join("root"))?;
    let store = fstat(filling.stage.store()).context(|| "read the templates directory")?;
    Copier::new(tree, filling.reporter, &store)
        .shifted_by(BASE)
        .copy(unpacked.as_fd())?;
    Ok(veld_durable::remove_tree(&scratch)?)
}

/// A user namespace, kept by a process that ends with its standard input.
struct Nobody {
    keeper: Child,
    _input: Option<ChildStdin>,
}

impl Nobody {
    /// # Kernel
    /// user_namespaces(7): the maps are written by root of the host.
    #[expect(
        clippy::disallowed_methods,
        reason = "a process has to be in the namespace for it to be there"
    )]
    fn new() -> Result<Self, Failure> {
        let making = || "make a user namespace for unsquashfs";
        fault::point("start unsquashfs").context(making)?;
        let mut keeper = ends_with_its_parent(&mut Command::new("unshare"))
            .args(["--user", "--", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context(making)?;
        let nobody = Self {
            _input: keeper.stdin.take(),
            keeper,
        };
        let own = std::fs::read_link("/proc/self/ns/user").context(making)?;
        let deadline = Instant::now() + PATIENCE;
        while std::fs::read_link(nobody.namespace()).is_ok_and(|found| found == own) {
            if Instant::now() > deadline {
                let late = io::Error::from(io::ErrorKind::TimedOut);
                return Err(Failure::new(making(), late));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let map = format!("0 {BASE} {IDS}\n");
        for file in ["uid_map", "gid_map"] {
            let path = format!("/proc/{}/{file}", nobody.keeper.id());
            veld_kernfs::write(Path::new(&path), &map)?;
        }
        Ok(nobody)
    }

    fn namespace(&self) -> String {
        format!("/proc/{}/ns/user", self.keeper.id())
    }

    /// unsquashfs as root of the namespace, with the image as its standard input,
    /// and `directory` as its working directory.
    #[expect(
        clippy::disallowed_methods,
        reason = "unsquashfs is the one that knows the format"
    )]
    fn unsquashfs(&self, image: &File, directory: &Path) -> io::Result<Command> {
        let mut command = Command::new("nsenter");
        ends_with_its_parent(limited_to(&mut command, MEMORY))
            .arg(format!("--user={}", self.namespace()))
            .args(["unshare", "--mount", "--net", "--ipc", "--uts", "--"])
            .args(["setpriv", "--no-new-privs", "--pdeathsig", "KILL"])
            .args(["--bounding-set", CAPABILITIES, "--"])
            .args(["unsquashfs", "-no-progress", "-processors", "2"])
            .args(["-da", QUEUE, "-fr", QUEUE])
            .env("LC_ALL", "C.UTF-8")
            .current_dir(directory)
            .stdin(Stdio::from(image.try_clone()?))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Ok(command)
    }
}

impl Drop for Nobody {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// Reads the list of the image: whether all of it is within the limits.
fn measure(
    nobody: &Nobody,
    image: &File,
    directory: &Path,
    filling: &Filling<'_, '_>,
) -> Result<(), Error> {
    let starting = || "start unsquashfs";
    let mut command = nobody.unsquashfs(image, directory).context(starting)?;
    let mut child = command
        .args(["-lln", "/proc/self/fd/0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context(starting)?;
    let mut budget = Budget::new(filling.options.limits);
    let listed = match child.stdout.take() {
        Some(list) => add_up(BufReader::new(list), &mut budget, filling),
        None => Ok(()),
    };
    if listed.is_err() {
        let _ = child.kill();
    }
    let (status, _) = program::wait(child, "unsquashfs")?;
    listed?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Image {
        flaw: format!("is no squashfs that unsquashfs reads ({status})"),
    })
}

/// Adds up lines as `-rw-r--r-- 0/0   1234 2024-01-01 00:00 squashfs-root/etc/fstab`.
/// A name with a line end in it makes more lines, never fewer or smaller ones.
fn add_up(
    mut list: impl BufRead,
    budget: &mut Budget,
    filling: &Filling<'_, '_>,
) -> Result<(), Error> {
    let reading = || "read the list of unsquashfs";
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut list).take(MAX_LINE);
        if limited.read_until(b'\n', &mut line).context(reading)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let Some(row) = Row::parse(&text) else {
            continue;
        };
        let path = row.path();
        budget.entry(&path)?;
        for (kind, id) in [("user", row.user), ("group", row.group)] {
            checked_id(kind, id).map_err(|refusal| path.refused(refusal))?;
        }
        budget.data(&path, row.size)?;
        filling.reporter.tick()?;
    }
}

/// What a line of the list says.
struct Row<'a> {
    user: u64,
    group: u64,
    size: u64,
    name: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let kind = words
            .next()
            .filter(|mode| mode.len() >= 10)?
            .chars()
            .next()?;
        let (user, group) = words.next()?.split_once('/')?;
        let size = words.next()?;
        // Devices have two numbers there, directories the size of their list.
        let size = if kind == '-' { size.parse().ok()? } else { 0 };
        let name = line
            .split_once("squashfs-root")
            .map_or("", |(_, name)| name);
        Some(Self {
            user: user.parse().ok()?,
            group: group.parse().ok()?,
            size,
            name: name.trim_end_matches('\n').trim_start_matches('/'),
        })
    }

    fn path(&self) -> EntryPath {
        EntryPath::parse(self.name.as_bytes()).unwrap_or_default()
    }
}

fn extract(
    nobody: &Nobody,
    image: &File,
    directory: &Path,
    filling: &Filling<'_, '_>,
) -> Result<(), Error> {
    let starting = || "start unsquashfs";
    fault::point("run unsquashfs").context(starting)?;
    let child = nobody
        .unsquashfs(image, directory)
        .context(starting)?
        .args(["-dest", "root", "/proc/self/fd/0"])
        .spawn()
        .context(starting)?;
    let go_on = || filling.reporter.tell(None);
    let (status, said) = program::wait_while(child, "unsquashfs", go_on)?;
    // 2: it went on without what it may not make: device nodes, and attributes that
    // belong to the host. A disk that is full it also says this way.
    let left_out = status.code() == Some(2) && !said.contains("No space left");
    if status.success() || left_out {
        return Ok(());
    }
    Err(Error::Program {
        program: "unsquashfs",
        status: status.to_string(),
        lines: program::last_lines(&said),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_list_are_added_up() {
        let file = "-rw-r--r-- 0/65534          1234 2024-01-01 00:00 squashfs-root/etc/fs tab\n";
        let row = Row::parse(file).unwrap();
        assert_eq!((row.user, row.group, row.size), (0, 65534, 1234));
        assert_eq!(row.name, "etc/fs tab");
        let device = "crw-r--r-- 0/0   1,  3 2024-01-01 00:00 squashfs-root/dev/null\n";
        assert_eq!(Row::parse(device).unwrap().size, 0);
        let root = "drwxr-xr-x 0/0   123 2024-01-01 00:00 squashfs-root\n";
        assert!(Row::parse(root).unwrap().path().is_root());
        for other in ["", "Parallel unsquashfs: Using 2 processors\n", "a/b c d\n"] {
            assert!(Row::parse(other).is_none(), "{other}");
        }
    }
}
