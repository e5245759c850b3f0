//! What is mounted in a VE besides its root: as its config has it, at its start and
//! while it runs.
//!
//! What a VE was given is on record with what its root is, so that nothing is taken
//! away but that. A mount is said to be on its way until it is there, or away: one of which nobody
//! knows is taken away before anything else, and then added if it is to be there.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use veld_config::{Mount, MountSource, VeConfig};
use veld_launch::{Mounts, Removal, change_mounts, check_removals};
use veld_rootfs::{Added, AddedSource, FileId};
use veld_state::Running;
use veld_storage::VolumeLock;

use crate::error::Source;
use crate::tuning;
use crate::ve::Ve;
use crate::volume;

/// Permissions of the root of a tmpfs.
const TMPFS_MODE: u32 = 0o1777;

/// A mount that a VE was given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    mount: Mount,
    id: FileId,
    /// Whether it is being added or taken away.
    on_its_way: bool,
}

impl Given {
    fn line(&self) -> String {
        let Self { mount, id, .. } = self;
        let state = if self.on_its_way { "moving" } else { "there" };
        format!("{} {} {state} {mount}", id.device, id.inode)
    }

    fn removal(&self) -> Removal {
        Removal {
            target: self.mount.target.clone(),
            id: self.id,
            is_doubtful: self.on_its_way,
        }
    }

    /// What is no line of ours is nothing that could be acted on.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        let id = FileId {
            device: words.next()?.parse().ok()?,
            inode: words.next()?.parse().ok()?,
        };
        let on_its_way = words.next()? == "moving";
        let mount = words.next()?.parse().ok()?;
        Some(Self {
            mount,
            id,
            on_its_way,
        })
    }
}

/// Refuses mounts of volumes that the host has not; those that it has stay as long as
/// what is returned, in which the config is to be saved.
pub(crate) fn check(ve: &Ve<'_>, config: &VeConfig) -> Result<Vec<VolumeLock>, Source> {
    let sources = config.storage.mounts.iter().map(|mount| &mount.source);
    let held = sources.map(|source| hold(ve, source));
    held.filter_map(Result::transpose).collect()
}

fn hold(ve: &Ve<'_>, source: &MountSource) -> Result<Option<VolumeLock>, Source> {
    match source {
        MountSource::Volume(name) => volume::hold(ve.host, name).map(Some),
        MountSource::Bind { .. } | MountSource::Tmpfs { .. } => Ok(None),
    }
}

/// The mounts in the order in which they are made: one that is below another after it.
pub(crate) fn in_order(mounts: &[Mount]) -> Vec<Mount> {
    let mut ordered = mounts.to_vec();
    ordered.sort_by_key(Mount::depth);
    ordered
}

/// The places of mounts.
pub(crate) fn targets(mounts: &[Mount]) -> Vec<PathBuf> {
    mounts.iter().map(|mount| mount.target.clone()).collect()
}

/// Makes mounts for a VE whose memory is `memory` bytes, and says that it has them.
pub(crate) fn make_first(
    ve: &Ve<'_>,
    mounts: &[Mount],
    user_namespace: BorrowedFd<'_>,
    memory: u64,
) -> Result<Vec<Added>, Source> {
    let made = make(ve, mounts, user_namespace, memory)?;
    let given = given(mounts, &made, false);
    if !given.is_empty() {
        ve.step("note mounts");
        say(ve, &given)?;
    }
    Ok(made)
}

fn make(
    ve: &Ve<'_>,
    mounts: &[Mount],
    user_namespace: BorrowedFd<'_>,
    memory: u64,
) -> Result<Vec<Added>, Source> {
    let make = |mount: &Mount| -> Result<Added, Source> {
        let _held = hold(ve, &mount.source)?;
        let source = source(ve, &mount.source, memory)?;
        Ok(Added::make(&source, mount.read_only, user_namespace)?)
    };
    mounts.iter().map(make).collect()
}

fn source(ve: &Ve<'_>, source: &MountSource, memory: u64) -> Result<AddedSource, Source> {
    Ok(match source {
        MountSource::Bind {
            path,
            idmap,
            recursive,
            suid,
        } => AddedSource::Bind {
            path: path.clone(),
            idmap: *idmap,
            recursive: *recursive,
            suid: *suid,
        },
        MountSource::Tmpfs { size, mode } => AddedSource::Tmpfs {
            owner: ve.ids()?.first(),
            size: size.map_or(memory / 2, |size| size.get()),
            mode: mode.unwrap_or(TMPFS_MODE),
        },
        MountSource::Volume(name) => volume::source(ve.host, name)?,
    })
}

fn given(mounts: &[Mount], made: &[Added], on_its_way: bool) -> Vec<Given> {
    let pairs = mounts.iter().zip(made);
    pairs
        .map(|(mount, added)| Given {
            mount: mount.clone(),
            id: added.id(),
            on_its_way,
        })
        .collect()
}

fn noted(ve: &Ve<'_>) -> Result<Vec<Given>, Source> {
    let lines = ve.run.mounts()?;
    Ok(lines.iter().filter_map(|line| Given::parse(line)).collect())
}

fn say(ve: &Ve<'_>, given: &[Given]) -> Result<(), Source> {
    let lines: Vec<String> = given.iter().map(Given::line).collect();
    Ok(ve.run.say_mounts(&lines)?)
}

/// Has a VE that runs have these mounts and no others of those that it was given. The
/// caller holds the VE's lock.
pub(crate) fn change(ve: &Ve<'_>, running: &Running, wanted: &[Mount]) -> Result<(), Source> {
    let noted = settled(ve, running, noted(ve)?)?;
    let stays = |given: &Given| wanted.contains(&given.mount);
    let (kept, mut gone): (Vec<Given>, Vec<Given>) = noted.into_iter().partition(stays);
    let mut fresh = in_order(wanted);
    fresh.retain(|mount| !kept.iter().any(|given| given.mount == *mount));
    if gone.is_empty() && fresh.is_empty() {
        return Ok(());
    }
    // What is below another goes before it.
    gone.sort_by_key(|given| std::cmp::Reverse(given.mount.depth()));
    let (init, pid) = (running.init.as_fd(), running.record.init.pid);
    let users = veld_namespaces::open(pid, "user", init)?;
    let made = make(ve, &fresh, users.as_fd(), memory(ve)?)?;
    let remove: Vec<Removal> = gone.iter().map(Given::removal).collect();
    if !remove.is_empty() {
        ve.step("look at mounts");
        check_removals(init, &remove)?;
    }
    ve.step("note mounts");
    let mut during: Vec<Given> = gone;
    during.iter_mut().for_each(|given| given.on_its_way = true);
    during.extend(given(&fresh, &made, true));
    during.extend(kept.iter().cloned());
    say(ve, &during)?;
    ve.step("change mounts");
    change_mounts(&Mounts {
        init,
        place: ve.run.path(),
        remove: &remove,
        add: &made,
        targets: &targets(&fresh),
    })?;
    let mut after = kept;
    after.extend(given(&fresh, &made, false));
    say(ve, &after)
}

/// Takes away what was on its way when somebody was killed or gave up, if it is there; what
/// is left. Of a place where it cannot be looked for, as in a file system of the VE's that
/// does not answer, it goes with the VE.
fn settled(ve: &Ve<'_>, running: &Running, noted: Vec<Given>) -> Result<Vec<Given>, Source> {
    let (mut moving, there): (Vec<Given>, Vec<Given>) =
        noted.into_iter().partition(|given| given.on_its_way);
    if moving.is_empty() {
        return Ok(there);
    }
    moving.sort_by_key(|given| std::cmp::Reverse(given.mount.depth()));
    let remove: Vec<Removal> = moving.iter().map(Given::removal).collect();
    ve.step("settle mounts");
    let taken = change_mounts(&Mounts {
        init: running.init.as_fd(),
        place: ve.run.path(),
        remove: &remove,
        add: &[],
        targets: &[],
    });
    if let Err(error) = taken {
        tracing::debug!(ve = %ve.name, error = crate::error::chain(&error));
    }
    say(ve, &there)?;
    Ok(there)
}

/// How much memory the VE may have, in bytes.
fn memory(ve: &Ve<'_>) -> Result<u64, Source> {
    let all = veld_kernfs::memory_total()?;
    let limits = tuning::limits(ve, &crate::set::in_force(ve)?)?;
    Ok(limits.memory.map_or(all, |limit| limit.min(all)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        for text in ["/srv/my data:/data:ro", "tmpfs:/cache:size=1M"] {
            for on_its_way in [true, false] {
                let given = Given {
                    mount: text.parse().unwrap(),
                    id: FileId {
                        device: 42,
                        inode: 7,
                    },
                    on_its_way,
                };
                assert_eq!(Given::parse(&given.line()), Some(given));
            }
        }
        assert_eq!(Given::parse("42 x there /srv:/data"), None);
        assert_eq!(Given::parse(""), None);
    }

    #[test]
    fn what_is_below_another_comes_after_it() {
        let mounts = ["/a:/x/y/z", "tmpfs:/x", "/b:/x/y"];
        let mounts: Vec<Mount> = mounts.iter().map(|text| text.parse().unwrap()).collect();
        let order: Vec<String> = in_order(&mounts).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["tmpfs:/x", "/b:/x/y", "/a:/x/y/z"]);
    }
}
