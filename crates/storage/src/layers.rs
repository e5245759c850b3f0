//! Frozen layers of overlays, shared by snapshots and by VEs that were cloned.
//!
//! ```text
//! DIR/LAYER/            a part that nobody writes to any more
//!   upper/ below
//!   users/              an empty file for each who stands on it
//! ```
//!
//! Who stands on a layer says so before and takes it back after, so that after a
//! crash a layer has a user too many at most, never one too few. The last to go
//! removes it, and takes it from what it stood on in turn.
//!
//! No lock is needed: a file is made or removed whole, and `users` can be removed
//! only while it is empty; from then on nobody can say that they stand on it.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use veld_sys::{Context, Failure, fault};

use crate::below::{Below, LayerId};
use crate::dir::make_dir;
use crate::trash::Trash;

pub(crate) const USERS: &str = "users";

/// The layers of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers {
    dir: PathBuf,
    trash: Trash,
}

/// Who may stand on a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// The VE of this number.
    Ve(u32),
    /// A snapshot of the VE of this number, by its id.
    Snapshot(u32, String),
    /// Another layer.
    Layer(LayerId),
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ve(id) => write!(f, "ve.{id}"),
            Self::Snapshot(ve, id) => write!(f, "snapshot.{ve}.{id}"),
            Self::Layer(layer) => write!(f, "layer.{}", layer.as_str()),
        }
    }
}

impl Layers {
    /// The layers of the VEs whose files are below `data`.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self {
            dir: data.join("layers"),
            trash: Trash::new(data),
        }
    }

    /// Where what is not needed any more goes.
    #[must_use]
    pub fn trash(&self) -> &Trash {
        &self.trash
    }

    /// The directory of all of them.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// A layer's directory.
    #[must_use]
    pub fn of(&self, layer: &LayerId) -> PathBuf {
        self.dir.join(layer.as_str())
    }

    /// Whether a layer is there.
    #[must_use]
    pub fn has(&self, layer: &LayerId) -> bool {
        self.of(layer).is_dir()
    }

    /// Notes that `user` stands on a layer, on disk when this returns.
    ///
    /// # Errors
    /// NotFound for a layer that is not there, or is on its way out.
    pub fn hold(&self, layer: &LayerId, user: &User) -> Result<(), Failure> {
        let directory = self.of(layer);
        note(&directory, user)?;
        sync_users(&directory)
    }

    /// Notes that `user` stands on a layer no more; removes one that nobody stands
    /// on, and those below it that nobody else does. A layer or a user that is not
    /// there is fine.
    ///
    /// # Errors
    /// Names the path.
    pub fn release(&self, layer: &LayerId, user: &User) -> Result<(), Failure> {
        let (mut layer, mut user) = (layer.clone(), user.clone());
        loop {
            let directory = self.of(&layer);
            strike(&directory, &user)?;
            if !close(&directory)? {
                return Ok(());
            }
            // The part below is let go of before the file that names it is gone: one
            // that was killed here is finished by `sweep`.
            let below = Below::read(&directory)?;
            if let Some(Below::Layer(below)) = &below {
                strike(&self.of(below), &User::Layer(layer.clone()))?;
            }
            self.trash.put(&directory)?;
            let Some(Below::Layer(below)) = below else {
                return Ok(());
            };
            user = User::Layer(layer);
            layer = below;
        }
    }

    /// As [`release`](Self::release), of the layer that a part says it stands on. A
    /// part that says nothing, or nonsense, or is not there, is fine.
    ///
    /// # Errors
    /// Names the path.
    pub fn release_part(&self, part: &Path, user: &User) -> Result<(), Failure> {
        match Below::read(part) {
            Ok(Some(Below::Layer(layer))) => self.release(&layer, user),
            // It goes all the same; the layer, if there is one, has a user too many. To look
            // for it would be to let go of what another VE of this number stands on by now.
            Err(nonsense) if nonsense.kind() == io::ErrorKind::InvalidData => Ok(()),
            read => read.map(drop),
        }
    }

    /// Removes layers that nobody stands on, as a crash may leave them.
    ///
    /// # Errors
    /// Names the path.
    pub fn sweep(&self) -> Result<(), Failure> {
        for layer in self.all()? {
            // Nobody is called so: this only looks whether it is the last.
            self.release(&layer, &User::Layer(layer.clone()))?;
        }
        Ok(())
    }

    /// All layers, in no order.
    ///
    /// # Errors
    /// Names the directory.
    pub fn all(&self) -> Result<Vec<LayerId>, Failure> {
        let names = crate::area::names(&self.dir)?;
        Ok(names
            .iter()
            .filter_map(|name| LayerId::parse(name))
            .collect())
    }
}

/// As [`Layers::hold`], on the disk once the list is synced.
pub(crate) fn note(part: &Path, user: &User) -> Result<(), Failure> {
    let path = part.join(USERS).join(user.to_string());
    fault::point("hold layer")
        .and_then(|()| File::create(&path))
        .map(drop)
        .context(|| format!("create {}", path.display()))
}

/// Makes the list of users in a part that is to become a layer; it is on the disk once
/// it is [synced](sync_users).
pub(crate) fn open_users(part: &Path, users: &[User]) -> Result<(), Failure> {
    let directory = part.join(USERS);
    if !directory.is_dir() {
        make_dir(&directory, 0o700)?;
    }
    users.iter().try_for_each(|user| note(part, user))
}

/// Has all who stand on a part noted on the disk.
pub(crate) fn sync_users(part: &Path) -> Result<(), Failure> {
    File::open(part.join(USERS))
        .and_then(|users| users.sync_all())
        .context(|| format!("sync the users of {}", part.display()))
}

fn strike(part: &Path, user: &User) -> Result<(), Failure> {
    let path = part.join(USERS).join(user.to_string());
    let struck = fault::point("let go of layer").and_then(|()| std::fs::remove_file(&path));
    match struck {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.context(|| format!("remove {}", path.display())),
    }
}

/// Whether nobody stands on the layer, and from now on nobody can.
fn close(part: &Path) -> Result<bool, Failure> {
    let users = part.join(USERS);
    match std::fs::remove_dir(&users) {
        Ok(()) => Ok(true),
        // Another was here and was killed before it had removed the rest.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(part.is_dir()),
        Err(full) if full.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(other) => Err(other).context(|| format!("remove {}", users.display())),
    }
}
