//! Volumes: files with a size of their own that several VEs have mounted.
//!
//! Who uses one is written down nowhere but in the configs of VEs. The lock on a volume
//! is shared by those who are about to name or to mount it, and held alone by whoever
//! makes it larger or smaller or removes it; nobody waits for a VE with the latter.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use veld_config::{MountSource, VeConfig, VolumeName};
use veld_rootfs::AddedSource;
use veld_state::Observed;
use veld_storage::{Layout, Limit, NewVolume, Root, Usage, Volume, VolumeLock, Volumes, Wish};
use veld_sys::{Context, Failure};
use veld_units::Bytes;

use crate::error::{Error, ErrorKind, Source};
use crate::host::Host;
use crate::outcome::Done;
use crate::set;
use crate::trash;
use crate::ve::Ve;

/// What an administrator wants of a new volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeWish {
    /// How much it may hold, where it is held to anything.
    pub size: Option<Bytes>,
    /// How its files are kept; what can hold it to its size here unless it is given.
    pub layout: Option<Layout>,
}

/// A volume as it is.
#[derive(Debug, Clone)]
pub struct VolumeState {
    /// Its name.
    pub name: VolumeName,
    /// Its layout.
    pub layout: Layout,
    /// When it was made, in seconds since 1970.
    pub created: Option<u64>,
    /// What it has in use and is held to.
    pub usage: Usage,
    /// The VEs whose configs name it, and those that run with it.
    pub users: Vec<String>,
    /// Its directory on the host.
    pub path: PathBuf,
}

fn volumes(host: &Host) -> Volumes {
    Volumes::new(&host.config().paths.data)
}

/// What errors are about.
fn about(name: &VolumeName) -> String {
    format!("volume {name}")
}

/// Makes an empty volume.
///
/// # Errors
/// [`ErrorKind::Exists`]; [`ErrorKind::Refused`] for a layout that cannot be had here or
/// a size that it cannot be held to; [`ErrorKind::Failed`] for a step. Nothing is left of
/// one that was not made.
pub fn create_volume(host: &Host, name: &VolumeName, wish: &VolumeWish) -> Result<Done, Error> {
    let failed = |source: Source| Error::action(about(name), "create", source);
    let volumes = volumes(host);
    volumes.sweep().map_err(|failure| failed(failure.into()))?;
    let exists = || Error::fact(ErrorKind::Exists, about(name), "exists already");
    let volume = volumes.volume(name.as_str());
    if volume.exists() {
        return Err(exists());
    }
    let layout = layout_for(host, wish).map_err(failed)?;
    check_size(host, layout, wish.size).map_err(failed)?;
    let wanted = NewVolume {
        layout,
        wish: like(host, wish.size),
        created: now(),
        first_project: host.config().storage.first_project,
    };
    match volumes.create(name.as_str(), &wanted) {
        Ok(()) => {}
        // Another was faster, or is at it.
        Err(failure) if failure.kind() == io::ErrorKind::AlreadyExists => {
            let making = "another command makes it";
            let making = || Error::fact(ErrorKind::Locked, about(name), making);
            return Err(if volume.exists() { exists() } else { making() });
        }
        Err(failure) => return Err(failed(failure.into())),
    }
    let size = volume.usage().ok().and_then(|usage| usage.disk_limit);
    let size = size.map_or_else(String::new, |size| format!(", {}", Bytes::new(size)));
    Ok(Done::new(format!("created in layout {layout}{size}")))
}

/// The volume's layout: what is asked for, or the best that holds it to its size here.
fn layout_for(host: &Host, wish: &VolumeWish) -> Result<Layout, Source> {
    let data = &host.config().paths.data;
    let layout = wish
        .layout
        .unwrap_or_else(|| best(data, wish.size.is_some()));
    let refused = |why: &str| Source::Refused(format!("layout {layout} is refused: {why}"));
    if layout == Layout::Overlay {
        return Err(refused("a volume stands on no template"));
    }
    layout.probe(data).map_err(|refusal| refused(&refusal.0))?;
    Ok(layout)
}

/// btrfs where the data is on it; else a directory, where nothing is to be held to a size or
/// the file system can do that; else an image.
fn best(data: &Path, is_sized: bool) -> Layout {
    let fits = |layout: &Layout| {
        layout.probe(data).is_ok() && (!is_sized || layout.holds(data, Limit::Disk).is_ok())
    };
    let found = [Layout::Btrfs, Layout::Directory].into_iter().find(fits);
    found.unwrap_or(Layout::Image)
}

fn like(host: &Host, size: Option<Bytes>) -> Wish {
    let storage = &host.config().storage;
    Wish {
        disk: size.map(Bytes::get),
        inodes: None,
        image_fs: storage.image_fs.parse().unwrap_or_default(),
        image_size: storage.image_size.get(),
    }
}

/// Refuses a size that nothing would hold a volume of this layout to, or that is less than
/// its file system takes.
fn check_size(host: &Host, layout: Layout, size: Option<Bytes>) -> Result<(), Source> {
    let Some(size) = size else {
        return Ok(());
    };
    layout
        .holds(&host.config().paths.data, Limit::Disk)
        .map_err(|refusal| {
            let text = format!("a size cannot be held in layout {layout}: {refusal}");
            Source::Refused(text)
        })?;
    let kind = like(host, None).image_fs;
    let least = kind.least_size();
    if layout == Layout::Image && size.get() < least {
        let least = Bytes::new(least);
        let text = format!("{size} is less than the {least} that an {kind} takes");
        return Err(Source::Refused(text));
    }
    if size.get() == 0 {
        return Err(Source::Refused(
            "a volume of no size holds nothing".to_owned(),
        ));
    }
    Ok(())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// All volumes, by name. Of a VE whose config cannot be read nothing is told.
///
/// # Errors
/// [`ErrorKind::Failed`] where they cannot be looked at.
pub fn all_volumes(host: &Host) -> Result<Vec<VolumeState>, Error> {
    let failed = |failure: Failure| Error::action("volumes", "list", failure);
    let names = volumes(host).names().map_err(failed)?;
    let mut users = BTreeMap::new();
    for ve in host.ves()? {
        add_user(&mut users, &ve, &configs(&ve).unwrap_or_default());
    }
    let names = names.into_iter().filter_map(|name| name.parse().ok());
    let looked = names.map(|name: VolumeName| {
        let users = users.remove(&name).unwrap_or_default();
        look(host, name, users)
    });
    // One that is removed meanwhile is not there.
    Ok(looked.filter_map(Result::ok).collect())
}

/// A volume.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Failed`] where it cannot be looked at.
pub fn volume_state(host: &Host, name: &VolumeName) -> Result<VolumeState, Error> {
    find(host, name)?;
    let mut users = BTreeMap::new();
    for ve in host.ves()? {
        add_user(&mut users, &ve, &configs(&ve).unwrap_or_default());
    }
    let users = users.remove(name).unwrap_or_default();
    look(host, name.clone(), users).map_err(|failure| Error::action(about(name), "show", failure))
}

fn look(host: &Host, name: VolumeName, users: Vec<String>) -> Result<VolumeState, Failure> {
    let volume = volumes(host).volume(name.as_str());
    Ok(VolumeState {
        layout: volume.layout(),
        created: volume.created(),
        usage: volume.usage()?,
        path: volume.path().to_owned(),
        name,
        users,
    })
}

fn find(host: &Host, name: &VolumeName) -> Result<Volume, Error> {
    let volume = volumes(host).volume(name.as_str());
    if volume.exists() {
        Ok(volume)
    } else {
        let fact = "no such volume";
        Err(Error::fact(ErrorKind::NotFound, about(name), fact))
    }
}

/// The config of a VE and, while it runs, what it was told.
fn configs(ve: &Ve<'_>) -> Result<Vec<VeConfig>, Source> {
    let mut configs = vec![ve.config()?];
    if let Observed::Running(_) = ve.observe() {
        configs.push(set::in_force(ve)?);
    }
    Ok(configs)
}

fn add_user(users: &mut BTreeMap<VolumeName, Vec<String>>, ve: &Ve<'_>, configs: &[VeConfig]) {
    let mounts = configs.iter().flat_map(|config| &config.storage.mounts);
    for mount in mounts {
        if let MountSource::Volume(volume) = &mount.source {
            let users = users.entry(volume.clone()).or_default();
            let name = ve.name.to_string();
            if !users.contains(&name) {
                users.push(name);
            }
        }
    }
}

/// Gives a volume another size: more at any time, and less where its layout can.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] for a size that it cannot be held to
/// or that is below its use; [`ErrorKind::Failed`] for a step, after which it is as before.
pub fn resize_volume(host: &Host, name: &VolumeName, size: Bytes) -> Result<Done, Error> {
    let failed = |source: Source| Error::action(about(name), "resize", source);
    let volumes = volumes(host);
    volumes.sweep().map_err(|failure| failed(failure.into()))?;
    let volume = find(host, name)?;
    let resize = || -> Result<(), Source> {
        let lock = volume.lock()?;
        volume.settle(&lock)?;
        check_resize(host, &volume, size)?;
        Ok(volume.resize(&like(host, Some(size)), &lock)?)
    };
    resize().map_err(failed)?;
    Ok(Done::new(format!("resized to {size}")))
}

fn check_resize(host: &Host, volume: &Volume, size: Bytes) -> Result<(), Source> {
    let layout = volume.layout();
    check_size(host, layout, Some(size))?;
    let usage = volume.usage()?;
    if layout == Layout::Directory && usage.disk.is_none() {
        let fact = "its files are not counted, which begins when a volume is made";
        return Err(Source::Refused(fact.to_owned()));
    }
    if let Some(used) = usage.disk.filter(|used| *used > size.get()) {
        let used = Bytes::new(used);
        return Err(Source::Refused(format!(
            "{size} is below the {used} in use"
        )));
    }
    match usage.disk_limit {
        Some(has) if layout == Layout::Image && size.get() < has && volume.is_mounted() => {
            let has = Bytes::new(has);
            Err(Source::Refused(format!(
                "an image becomes smaller, from {has} to {size}, only while no VE uses it"
            )))
        }
        _ => Ok(()),
    }
}

/// Removes a volume with all its files, in the background.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] where a VE's config names it, or a VE
/// runs with it; [`ErrorKind::Failed`] for a step, after which it is whole or gone.
pub fn remove_volume(host: &Host, name: &VolumeName) -> Result<Done, Error> {
    let failed = |source: Source| Error::action(about(name), "remove", source);
    let volumes = volumes(host);
    volumes.sweep().map_err(|failure| failed(failure.into()))?;
    let volume = find(host, name)?;
    // Whoever is about to name it in a config has it locked, until it is saved.
    let lock = volume.lock().map_err(|failure| failed(failure.into()))?;
    let mut users = BTreeMap::new();
    for ve in host.ves()? {
        add_user(&mut users, &ve, &configs(&ve).map_err(failed)?);
    }
    let used = |fact: String| Err(Error::fact(ErrorKind::Refused, about(name), fact));
    if let Some(users) = users.remove(name) {
        return used(format!("is used by {}", users.join(", ")));
    }
    if volume.is_mounted() {
        return used("is mounted".to_owned());
    }
    let removed = volumes.remove(&volume, lock);
    removed.map_err(|failure| failed(failure.into()))?;
    trash::empty_in_background(host);
    Ok(Done::new("removed"))
}

/// Keeps a volume from being removed or altered while its name is being noted or it is
/// being mounted.
///
/// # Errors
/// That there is no such volume.
pub(crate) fn hold(host: &Host, name: &VolumeName) -> Result<VolumeLock, Source> {
    let lock = volumes(host).volume(name.as_str()).lock_for_use();
    lock.map_err(|failure| {
        if failure.kind() == io::ErrorKind::NotFound {
            Source::Refused(format!("no such volume {name}"))
        } else {
            failure.into()
        }
    })
}

/// What is mounted of a volume that the caller holds: ids in it are those of whatever VE
/// looks.
pub(crate) fn source(host: &Host, name: &VolumeName) -> Result<AddedSource, Source> {
    let root = volumes(host).volume(name.as_str()).root()?;
    Ok(match root {
        Root::Image(image) => AddedSource::Image(image),
        // The data directory may be reached over a link, which a mount does not follow;
        // no VE can make one on the way to the root of a volume.
        Root::Tree(path) => AddedSource::Bind {
            path: std::fs::canonicalize(&path).context(|| format!("resolve {}", path.display()))?,
            idmap: true,
            recursive: false,
            suid: true,
        },
        Root::Overlay(_) => return Err(Source::Reported(format!("volume {name} has no files"))),
    })
}
