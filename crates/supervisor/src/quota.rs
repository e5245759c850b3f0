//! What users and groups inside a VE may have on its disk.
//!
//! The kernel asks for a privilege of the host's root to set it, which root of a VE has
//! not: so it is set from outside. Only a VE with a file system of its own has such
//! quotas, the layout `image`; its ids on disk are those of the VE.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use veld_rootfs::{Access, RootDir};
use veld_state::Observed;
use veld_storage::{Layout, Root, is_within};
use veld_sys::Context;
use veld_sys::quota::{self, Kind, Quota};

use crate::error::{Error, Source};
use crate::files::Files;
use crate::outcome::Done;
use crate::ve::Ve;

/// No file of users is read past this many bytes.
const MOST: u64 = 4 << 20;

/// Whom a quota is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// Whether it is a group.
    pub is_group: bool,
    /// A name of the VE's, or a number.
    pub who: String,
}

/// Limits that are to be set; what is absent stays as it is, and 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaWish {
    /// Bytes on disk.
    pub disk: Option<u64>,
    /// Inodes.
    pub inodes: Option<u64>,
}

/// A user or group and what it has and may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaOf {
    /// Whether it is a group.
    pub is_group: bool,
    /// Its name, where the VE has one for it.
    pub name: Option<String>,
    /// Its number and the rest. A limit of 0 is none.
    pub quota: Quota,
}

/// All users and groups that have anything or are held to anything, by number.
///
/// # Errors
/// [`Refused`](crate::ErrorKind::Refused) where there are no quotas, with what would
/// have some; [`Failed`](crate::ErrorKind::Failed).
pub fn quotas(ve: &Ve<'_>) -> Result<Vec<QuotaOf>, Error> {
    let _lock = ve.must_exist(ve.lock("quota")?)?;
    let list = || -> Result<Vec<QuotaOf>, Source> {
        let disk = disk(ve)?;
        let mut all = Vec::new();
        for kind in [Kind::User, Kind::Group] {
            let mut names = by_id(names(&disk, kind).unwrap_or_default());
            all.extend(
                of_kind(disk.as_fd(), kind)?
                    .into_iter()
                    .map(|quota| QuotaOf {
                        is_group: kind == Kind::Group,
                        name: names.remove(&quota.id),
                        quota,
                    }),
            );
        }
        Ok(all)
    };
    list().map_err(|source| Error::action(&ve.name, "list quotas", source))
}

/// Holds a user or a group inside a VE to limits, be it running or not.
///
/// # Errors
/// [`Refused`](crate::ErrorKind::Refused) where there are no quotas, or nobody of the
/// name; [`Failed`](crate::ErrorKind::Failed).
pub fn set_quota(ve: &Ve<'_>, whom: &Quoted, wish: QuotaWish) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("quota")?)?;
    let set = || -> Result<(), Source> {
        let disk = disk(ve)?;
        let kind = if whom.is_group {
            Kind::Group
        } else {
            Kind::User
        };
        let id = id_of(&disk, kind, &whom.who)?;
        let setting = || format!("limit {} of the VE", whom.who);
        let mut limits = quota::get(disk.as_fd(), kind, id).context(setting)?;
        limits.most_bytes = wish.disk.unwrap_or(limits.most_bytes);
        limits.most_inodes = wish.inodes.unwrap_or(limits.most_inodes);
        ve.step("set quota");
        Ok(quota::set(disk.as_fd(), kind, limits).context(setting)?)
    };
    set().map_err(|source| Error::action(&ve.name, "set quota", source))?;
    let what = if whom.is_group { "group" } else { "user" };
    Ok(Done::new(format!("quota of {what} {} set", whom.who)))
}

/// The file system of a VE, which counts users.
fn disk(ve: &Ve<'_>) -> Result<OwnedFd, Source> {
    let layout = ve.area.layout();
    if layout != Layout::Image {
        return Err(Source::Refused(format!(
            "layout {layout} has no quotas of users; image has, see veld convert"
        )));
    }
    let disk = match ve.observe() {
        Observed::Running(running) => root_of_running(ve, running.record.init.pid)?,
        Observed::Stopped(_) => {
            ve.settle()?;
            Files::of(ve)?.view(Access::Write)?
        }
    };
    let counts = |kind| quota::is_enforced(disk.as_fd(), kind);
    if counts(Kind::User) && counts(Kind::Group) {
        return Ok(disk);
    }
    Err(Source::Refused(
        "its image was made without quotas, or the kernel has none for it; on a kernel with them a \
         new image has, see veld convert"
            .to_owned(),
    ))
}

/// What PID 1 has as its root, where that is the image and nothing that it went to.
fn root_of_running(ve: &Ve<'_>, pid: i32) -> Result<OwnedFd, Source> {
    let path = format!("/proc/{pid}/root");
    let opening = || format!("open the root of pid {pid}");
    let root = std::fs::File::open(&path).context(opening)?;
    let private = ve.area.private();
    match Layout::Image.root(&private, ve.area.layers().path())? {
        Root::Image(image) if is_within(&root, &image) => Ok(root.into()),
        Root::Image(_) | Root::Overlay(_) | Root::Tree(_) => Err(Source::Refused(
            "its PID 1 is not in the root of its image; stop it first".to_owned(),
        )),
    }
}

fn of_kind(disk: BorrowedFd<'_>, kind: Kind) -> Result<Vec<Quota>, Source> {
    let mut all = Vec::new();
    let mut from = Some(0);
    while let Some(id) = from {
        let found = quota::next(disk, kind, id).context(|| "list the quotas of the VE")?;
        let Some(found) = found.filter(|found| found.id >= id) else {
            break;
        };
        from = found.id.checked_add(1);
        let is_nothing = Quota {
            id: found.id,
            ..Quota::default()
        } == found;
        if !is_nothing {
            all.push(found);
        }
    }
    Ok(all)
}

fn id_of(disk: &OwnedFd, kind: Kind, who: &str) -> Result<u32, Source> {
    if let Ok(id) = who.parse() {
        return Ok(id);
    }
    let names = names(disk, kind)?;
    let found = names.into_iter().find(|(name, _)| name == who);
    found.map(|(_, id)| id).ok_or_else(|| {
        let what = match kind {
            Kind::Group => "group",
            Kind::User | Kind::Project => "user",
        };
        Source::Refused(format!("the VE has no {what} {who}"))
    })
}

/// Names and numbers of the VE's own file: what is mounted over it is not looked at.
fn names(disk: &OwnedFd, kind: Kind) -> Result<Vec<(String, u32)>, Source> {
    let path = match kind {
        Kind::Group => "etc/group",
        Kind::User | Kind::Project => "etc/passwd",
    };
    let reading = || format!("read /{path} of the VE");
    let root = disk.try_clone().context(reading)?;
    let text = RootDir::from_fd(root).read_here(path, MOST);
    let text = String::from_utf8_lossy(&text.context(reading)?).into_owned();
    Ok(text.lines().filter_map(entry).collect())
}

/// The first name of each number. The VE says how many there are.
fn by_id(names: Vec<(String, u32)>) -> HashMap<u32, String> {
    let mut known = HashMap::with_capacity(names.len());
    for (name, id) in names {
        known.entry(id).or_insert(name);
    }
    known
}

/// `NAME:PASSWORD:ID:…`
fn entry(line: &str) -> Option<(String, u32)> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let id = fields.nth(1)?.parse().ok()?;
    Some((name.to_owned(), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_its_first_name() {
        let names = [("root", 0), ("toor", 0), ("www", 33)];
        let names = names.map(|(name, id)| (name.to_owned(), id)).to_vec();
        let known = by_id(names);
        assert_eq!(known[&0], "root");
        assert_eq!(known[&33], "www");
        assert_eq!(known.len(), 2);
    }

    #[test]
    fn lines_that_name_nobody_are_passed_over() {
        assert_eq!(
            entry("www:x:33:33::/:/bin/sh"),
            Some(("www".to_owned(), 33))
        );
        assert_eq!(entry("wheel:x:10:"), Some(("wheel".to_owned(), 10)));
        for line in ["", "x", ":x:1:", "a:b", "a:b:-1:", "a:b:c:"] {
            assert_eq!(entry(line), None, "{line}");
        }
    }
}
