//! What an administrator has mounted in a VE: files of the host's, a file system
//! in memory, or a volume.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use veld_units::Bytes;

use crate::{Invalid, parameter};

/// A mount of a VE: `/srv/data:/data:ro:idmap`, `tmpfs:/cache:size=64M:mode=755`,
/// `volume:media:/srv/media:ro`.
///
/// Neither path has a colon or a comma, so that no text can be read in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Where in the VE.
    pub target: PathBuf,
    /// Whether nothing can be written there.
    pub read_only: bool,
}

/// What is mounted in a VE.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MountSource {
    /// A directory or a file of the host's.
    Bind {
        /// Its path on the host.
        path: PathBuf,
        /// Whether ids on disk are the VE's own; otherwise they are the host's, of
        /// which the VE has only those of its range.
        idmap: bool,
        /// Whether what is mounted below it is there too.
        recursive: bool,
        /// Whether set-user-ID programs there are run as whom they belong to.
        suid: bool,
    },
    /// A file system in memory.
    Tmpfs {
        /// How much it holds; half of the VE's memory where it is not given.
        size: Option<Bytes>,
        /// The permissions of its root; 1777 where they are not given.
        mode: Option<u32>,
    },
    /// A volume of the host's.
    Volume(VolumeName),
}

/// The name of a volume that VEs share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeName(String);

impl VolumeName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VolumeName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Invalid::check_name(text, "the name of a volume", 63, |at, c| {
            c.is_ascii_lowercase() || (at > 0 && (c.is_ascii_digit() || c == '-'))
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VolumeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const ALLOWED: &str = "/SOURCE:/TARGET[:ro][:idmap][:recursive][:suid], \
                       tmpfs:/TARGET[:size=SIZE][:mode=MODE][:ro] or volume:NAME:/TARGET[:ro]";

/// What of a VE's tree is the kernel's or Veld's, and no place for a mount.
const TAKEN: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// What may stand there of /run, which is the VE's and in memory.
const OF_RUN: &str = "/run";

impl Mount {
    /// How many directories its target is below the root: what is above another is
    /// mounted first.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.target.components().count()
    }

    /// Whether `text` is this mount, or the place of it.
    #[must_use]
    pub fn is_meant_by(&self, text: &str) -> bool {
        text.parse::<Self>()
            .is_ok_and(|mount| mount.target == self.target)
            || target(text).is_ok_and(|target| target == self.target)
    }
}

/// The place of a mount in a VE.
///
/// # Errors
/// It is no absolute path without a colon, a comma and `..`, or one of what is
/// not the administrator's to mount.
pub(crate) fn target(text: &str) -> Result<PathBuf, Invalid> {
    let target = plain_path(text, "a place for a mount")?;
    let taken = TAKEN.iter().find(|taken| {
        let is_itself = target == Path::new(taken);
        is_itself || (**taken != OF_RUN && target.starts_with(taken))
    });
    match taken {
        Some(_) => Err(Invalid::form(
            text,
            "a place for a mount",
            "one other than /run, and outside of /proc, /sys and /dev",
        )),
        None => Ok(target),
    }
}

fn plain_path(text: &str, what: &'static str) -> Result<PathBuf, Invalid> {
    let path = parameter::absolute_path(text)
        .ok()
        .filter(|_| !text.contains([':', ',']));
    let allowed = "an absolute path without .., colon and comma";
    path.ok_or_else(|| Invalid::form(text, what, allowed))
}

impl FromStr for Mount {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::form(text, "a mount", ALLOWED);
        let (first, rest) = text.split_once(':').ok_or_else(invalid)?;
        match first {
            "tmpfs" => tmpfs(rest).ok_or_else(invalid)?,
            "volume" => {
                let (name, rest) = rest.split_once(':').ok_or_else(invalid)?;
                volume(name.parse()?, rest).ok_or_else(invalid)?
            }
            _ => bind(plain_path(first, "a path of the host's")?, rest).ok_or_else(invalid)?,
        }
    }
}

/// What a part of the form makes of the rest: nothing where it is not of that form.
type Read = Option<Result<Mount, Invalid>>;

fn split(rest: &str) -> (&str, impl Iterator<Item = &str>) {
    let (place, options) = rest.split_once(':').unwrap_or((rest, ""));
    let options = (place.len() < rest.len()).then(|| options.split(':'));
    (place, options.into_iter().flatten())
}

fn bind(path: PathBuf, rest: &str) -> Read {
    let (place, options) = split(rest);
    let (mut read_only, mut idmap, mut recursive, mut suid) = (false, false, false, false);
    for option in options {
        let switch = match option {
            "ro" => &mut read_only,
            "idmap" => &mut idmap,
            "recursive" => &mut recursive,
            "suid" => &mut suid,
            _ => return None,
        };
        (!std::mem::replace(switch, true)).then_some(())?;
    }
    let source = MountSource::Bind {
        path,
        idmap,
        recursive,
        suid,
    };
    Some(at(place, source, read_only))
}

fn tmpfs(rest: &str) -> Read {
    let (place, options) = split(rest);
    let (mut read_only, mut size, mut mode) = (false, None, None);
    for option in options {
        match option.split_once('=') {
            None if option == "ro" && !read_only => read_only = true,
            Some(("size", text)) if size.is_none() => match text.parse::<Bytes>() {
                Ok(bytes) if bytes.get() >= 4096 => size = Some(bytes),
                Ok(_) => {
                    let small = veld_units::Error::out_of_range(text, "4K or more");
                    return Some(Err(small.into()));
                }
                Err(wrong) => return Some(Err(wrong.into())),
            },
            Some(("mode", text)) if mode.is_none() => match permissions(text) {
                Some(bits) => mode = Some(bits),
                None => {
                    let wrong = Invalid::form(text, "a mode", "octal, 0 to 7777");
                    return Some(Err(wrong));
                }
            },
            _ => return None,
        }
    }
    Some(at(place, MountSource::Tmpfs { size, mode }, read_only))
}

fn volume(name: VolumeName, rest: &str) -> Read {
    let (place, mut options) = split(rest);
    let read_only = match options.next() {
        None => false,
        Some("ro") => true,
        Some(_) => return None,
    };
    let source = MountSource::Volume(name);
    (options.next().is_none()).then(|| at(place, source, read_only))
}

fn at(place: &str, source: MountSource, read_only: bool) -> Result<Mount, Invalid> {
    Ok(Mount {
        source,
        target: target(place)?,
        read_only,
    })
}

/// Permissions in octal, as chmod(1) takes them.
fn permissions(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| digits)?;
    (mode <= 0o7777).then_some(mode)
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.display();
        match &self.source {
            MountSource::Bind { path, .. } => write!(f, "{}:{target}", path.display())?,
            MountSource::Tmpfs { .. } => write!(f, "tmpfs:{target}")?,
            MountSource::Volume(name) => write!(f, "volume:{name}:{target}")?,
        }
        if self.read_only {
            f.write_str(":ro")?;
        }
        match self.source {
            MountSource::Bind {
                idmap,
                recursive,
                suid,
                ..
            } => {
                let words = [(idmap, "idmap"), (recursive, "recursive"), (suid, "suid")];
                for (_, word) in words.into_iter().filter(|(is_set, _)| *is_set) {
                    write!(f, ":{word}")?;
                }
            }
            MountSource::Tmpfs { size, mode } => {
                if let Some(size) = size {
                    write!(f, ":size={size}")?;
                }
                if let Some(mode) = mode {
                    write!(f, ":mode={mode:o}")?;
                }
            }
            MountSource::Volume(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Mount>().unwrap_err().to_string()
    }

    #[test]
    fn a_mount_is_written_as_it_is_read() {
        for (text, written) in [
            ("/srv/data:/data", "/srv/data:/data"),
            ("/srv//data/:/data/", "/srv/data:/data"),
            ("/srv/data:/data:idmap:ro", "/srv/data:/data:ro:idmap"),
            (
                "/srv:/srv:suid:recursive:idmap",
                "/srv:/srv:idmap:recursive:suid",
            ),
            ("tmpfs:/cache", "tmpfs:/cache"),
            (
                "tmpfs:/cache:mode=0755:size=64M",
                "tmpfs:/cache:size=64M:mode=755",
            ),
            ("tmpfs:/run/x:ro", "tmpfs:/run/x:ro"),
            ("volume:media:/srv/media:ro", "volume:media:/srv/media:ro"),
        ] {
            let mount: Mount = text.parse().unwrap();
            assert_eq!(mount.to_string(), written);
            assert_eq!(written.parse(), Ok(mount));
        }
    }

    #[test]
    fn what_is_of_no_form_is_refused_with_those_that_are() {
        for text in [
            "",
            "/srv/data",
            "/srv:/data:rw",
            "/srv:/data:",
            "/srv:/data:ro:ro",
            "tmpfs:/cache:idmap",
            "tmpfs:/cache:size=1M:size=1M",
            "volume:media",
            "volume:media:/media:idmap",
        ] {
            assert_eq!(
                refused(text),
                format!("{text:?} is not a mount: allowed is {ALLOWED}")
            );
        }
    }

    #[test]
    fn a_part_that_is_wrong_is_named() {
        let path = "allowed is an absolute path without .., colon and comma";
        assert_eq!(
            refused("srv:/data"),
            format!("\"srv\" is not a path of the host's: {path}")
        );
        assert_eq!(
            refused("/srv/../etc:/data"),
            format!("\"/srv/../etc\" is not a path of the host's: {path}")
        );
        assert_eq!(
            refused("/srv:data"),
            format!("\"data\" is not a place for a mount: {path}")
        );
        assert_eq!(
            refused("tmpfs:/c:size=1"),
            "\"1\" is out of range: allowed is 4K or more"
        );
        assert_eq!(
            refused("tmpfs:/c:mode=8"),
            "\"8\" is not a mode: allowed is octal, 0 to 7777"
        );
        assert_eq!(
            refused("volume:A:/x"),
            "\"A\" is not the name of a volume: 'A' at position 0"
        );
    }

    #[test]
    fn what_is_not_the_administrators_to_mount_is_refused() {
        for target in [
            "/",
            "/proc",
            "/proc/sys",
            "/sys",
            "/sys/fs",
            "/dev",
            "/dev/shm",
            "/run",
        ] {
            let text = format!("/srv:{target}");
            assert!(
                refused(&text).starts_with(&format!("{target:?} is not a place for a mount: ")),
                "{text}"
            );
        }
        for target in ["/device", "/run/lock2", "/system"] {
            assert!(format!("/srv:{target}").parse::<Mount>().is_ok());
        }
    }

    #[test]
    fn a_mount_is_meant_by_its_place() {
        let mount: Mount = "/srv:/data:ro".parse().unwrap();
        assert!(mount.is_meant_by("/data"));
        assert!(mount.is_meant_by("/data/"));
        assert!(mount.is_meant_by("/srv:/data:ro"));
        assert!(!mount.is_meant_by("/srv"));
        assert!(!mount.is_meant_by("tmpfs:/srv"));
    }
}
