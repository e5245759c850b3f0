//! Snapshots of a VE on disk: made whole or not at all, gone whole or not at all.
//!
//! ```text
//! snapshots/ID/         snapshot.toml config.toml part/
//! snapshots/.ID.new/    one that is not done; layer/ where the layer of a running
//!                       VE is copied to, which becomes DATA/layers/ID
//! snapshots/.ID.gone/   one whose removal is not done
//! snapshots/.current    the one that the VE goes on from
//! ```
//!
//! The part of an overlay's snapshot is but a word on which layer it stands. The
//! layer of a VE that does not run is frozen for it, which copies nothing; that of
//! one which runs is copied while it stands still.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use veld_durable::{CopyOptions, Life, Reflink, remove_tree};
use veld_sys::{Context, Failure, fault};

use crate::area::{Area, Making};
use crate::below::{Below, LayerId, sync_part};
use crate::dir::{copy_from, copy_into, make_dir, sync_few};
use crate::layers::{User, note, open_users};
use crate::layout::{Layout, Root, UPPER, WORK, is_unchanged, make_layer, make_layer_above};
use crate::record::{self, Record};

const CONFIG: &str = "config.toml";
const PART: &str = "part";
const LAYER: &str = "layer";
const CURRENT: &str = ".current";
const NEW: &str = ".new";
const GONE: &str = ".gone";
/// How many layers a VE may stand on before a snapshot copies its own instead of
/// having one more: each is a mount of each start.
const FEW_LAYERS: usize = 16;

/// A snapshot that nobody sees yet. Dropped without
/// [`publish`](Self::publish), it stays for [`Area::settle_snapshots`].
#[derive(Debug)]
#[must_use]
pub struct SnapshotMaking<'a> {
    area: &'a Area,
    id: LayerId,
    path: PathBuf,
}

impl Area {
    /// The directory of a snapshot.
    #[must_use]
    pub fn snapshot(&self, id: &str) -> PathBuf {
        self.snapshots().join(id)
    }

    /// The part of a snapshot.
    #[must_use]
    pub fn snapshot_part(&self, id: &str) -> PathBuf {
        self.snapshot(id).join(PART)
    }

    /// The config that the VE had when a snapshot was made.
    #[must_use]
    pub fn snapshot_config(&self, id: &str) -> PathBuf {
        self.snapshot(id).join(CONFIG)
    }

    /// The ids of all snapshots, in no order.
    ///
    /// # Errors
    /// Names the directory.
    pub fn snapshot_ids(&self) -> Result<Vec<String>, Failure> {
        let names = crate::area::names(&self.snapshots())?;
        let is_id = |name: &String| LayerId::parse(name).is_some();
        Ok(names.into_iter().filter(is_id).collect())
    }

    /// The snapshot that the VE goes on from, where it goes on from one.
    #[must_use]
    pub fn current_snapshot(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.snapshots().join(CURRENT)).ok()?;
        Some(text.trim_end().to_owned())
    }

    /// Says which snapshot the VE goes on from. A power loss may take that back.
    ///
    /// # Errors
    /// Names the file.
    pub fn set_current_snapshot(&self, id: Option<&str>) -> Result<(), Failure> {
        let path = self.snapshots().join(CURRENT);
        if let Some(id) = id {
            return veld_durable::replace(&path, format!("{id}\n").as_bytes(), Life::Ordered);
        }
        remove_tree(&path)
    }

    /// Begins a snapshot, out of sight. The VE is settled.
    ///
    /// # Errors
    /// Names the path.
    pub fn begin_snapshot(&self) -> Result<SnapshotMaking<'_>, Failure> {
        let id = LayerId::random()?;
        veld_durable::ensure_dir(&self.snapshots(), Life::Durable)?;
        let path = self.snapshot(&format!(".{}{NEW}", id.as_str()));
        make_dir(&path, 0o700)?;
        make_dir(&path.join(PART), 0o700)?;
        Ok(SnapshotMaking {
            area: self,
            id,
            path,
        })
    }

    /// Removes a snapshot. A layer that nobody else stands on goes with it.
    ///
    /// # Errors
    /// Names the path.
    pub fn remove_snapshot(&self, id: &str) -> Result<(), Failure> {
        let path = self.snapshot(id);
        let gone = self.snapshot(&format!(".{id}{GONE}"));
        fault::point("put snapshot aside")
            .and_then(|()| std::fs::rename(&path, &gone))
            .and_then(|()| veld_durable::sync_parent(&gone))
            .context(|| format!("remove {}", path.display()))?;
        self.finish_removal(id)
    }

    fn finish_removal(&self, id: &str) -> Result<(), Failure> {
        let gone = self.snapshot(&format!(".{id}{GONE}"));
        let user = self.snapshot_user(id)?;
        self.layers().release_part(&gone.join(PART), &user)?;
        self.layers().trash().put(&gone)
    }

    /// Takes away what a making or removal of a snapshot that was killed has left.
    /// The lock is held, and the VE may run.
    ///
    /// # Errors
    /// Names the path.
    pub fn settle_snapshots(&self) -> Result<(), Failure> {
        let directory = self.snapshots();
        let reading = || format!("read {}", directory.display());
        let entries = match std::fs::read_dir(&directory) {
            Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.context(reading)?,
        };
        for entry in entries {
            let name = entry.context(reading)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_prefix('.'));
            let Some(name) = name else { continue };
            if let Some(id) = name.strip_suffix(NEW).and_then(LayerId::parse) {
                self.undo_snapshot(&id)?;
            } else if let Some(id) = name.strip_suffix(GONE).and_then(LayerId::parse) {
                self.finish_removal(id.as_str())?;
            }
        }
        Ok(())
    }

    /// Takes a snapshot that is not done away, and its layer.
    fn undo_snapshot(&self, id: &LayerId) -> Result<(), Failure> {
        let path = self.snapshot(&format!(".{}{NEW}", id.as_str()));
        let user = self.snapshot_user(id.as_str())?;
        let layers = self.layers();
        layers.release_part(&path.join(PART), &user)?;
        if layers.has(id) {
            layers.release(id, &user)?;
        }
        layers.release_part(&path.join(LAYER), &User::Layer(id.clone()))?;
        layers.trash().put(&path)
    }

    fn snapshot_user(&self, id: &str) -> Result<User, Failure> {
        Ok(User::Snapshot(self.id()?, id.to_owned()))
    }

    /// Whether a snapshot of the VE as it is copies data, which takes its time.
    ///
    /// # Errors
    /// Names the file that says on what the VE stands.
    pub fn is_frozen_quickly(&self) -> Result<bool, Failure> {
        let private = self.private();
        if Layout::of(&private) != Layout::Overlay {
            return Ok(false);
        }
        let Root::Overlay(stack) = Layout::Overlay.root(&private, self.layers().path())? else {
            return Ok(false);
        };
        Ok(stack.layers.len() < FEW_LAYERS)
    }

    /// The layer that has all of a VE which does not run: frozen now, or the one that
    /// it stands on, where it has changed nothing since.
    ///
    /// # Errors
    /// Names the path.
    pub fn frozen_layer(&self) -> Result<LayerId, Failure> {
        let private = self.private();
        if let Some(Below::Layer(layer)) = Below::read(&private)?
            && is_unchanged(&private, &self.layers().of(&layer))?
        {
            return Ok(layer);
        }
        self.freeze(&[])
    }

    /// Fills the part that [`begin`](Self::begin) made with a snapshot.
    ///
    /// # Errors
    /// Names the path.
    pub fn fill_from_snapshot(&self, next: &Path, id: &str) -> Result<(), Failure> {
        let part = self.snapshot_part(id);
        let layout = Layout::of(&part);
        match Below::read(&part)? {
            Some(Below::Layer(layer)) if layout == Layout::Overlay => {
                self.stand_on(next, &layer)?;
                make_layer_above(next, &self.layers().of(&layer))
            }
            _ => layout.copy(&part, next),
        }
    }
}

impl SnapshotMaking<'_> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Has it stand on a layer, which is not copied.
    ///
    /// # Errors
    /// Names the path.
    pub fn stand_on(&self, layer: &LayerId) -> Result<(), Failure> {
        let part = self.path.join(PART);
        Below::Layer(layer.clone()).amend(&part)?;
        let user = self.area.snapshot_user(self.id.as_str())?;
        self.area.layers().hold(layer, &user)
    }

    /// Copies the files of the VE, which nobody writes to meanwhile.
    ///
    /// # Errors
    /// Names the path.
    pub fn copy(&self) -> Result<(), Failure> {
        let private = self.area.private();
        let layout = Layout::of(&private);
        if layout != Layout::Overlay {
            return layout.copy(&private, &self.path.join(PART));
        }
        let layer = self.path.join(LAYER);
        make_dir(&layer, 0o700)?;
        make_layer(&layer)?;
        if let Some(below) = Below::read(&private)? {
            below.amend(&layer)?;
            if let Below::Layer(below) = below {
                let user = User::Layer(self.id.clone());
                self.area.layers().hold(&below, &user)?;
            }
        }
        let user = self.area.snapshot_user(self.id.as_str())?;
        open_users(&layer, &[user])?;
        let options = CopyOptions::layer();
        copy_into(&private.join("upper"), &layer.join("upper"), options)
    }

    /// Has the copy of a layer take its place among the others: what it is a copy of
    /// may be written again by now.
    ///
    /// # Errors
    /// Names the path.
    pub fn place(&self) -> Result<(), Failure> {
        let layer = self.path.join(LAYER);
        if !layer.is_dir() {
            return Ok(());
        }
        let layers = self.area.layers();
        veld_durable::ensure_dir(layers.path(), Life::Durable)?;
        let place = layers.of(&self.id);
        sync_part(&layer)
            .and_then(|()| fault::point("place layer"))
            .and_then(|()| std::fs::rename(&layer, &place))
            .and_then(|()| veld_durable::sync_parent(&place))
            .context(|| format!("move {} to {}", layer.display(), place.display()))?;
        self.stand_on(&self.id)
    }

    /// Writes down what is known of it and puts it in its place, on disk when this
    /// returns.
    ///
    /// # Errors
    /// Names the path.
    pub fn publish(self, record: &Record, config: &[u8]) -> Result<(), Failure> {
        record.write_for(&self.path, Life::Volatile)?;
        veld_durable::replace(&self.path.join(CONFIG), config, Life::Volatile)?;
        let target = self.area.snapshot(self.id.as_str());
        let publish = || -> io::Result<()> {
            sync_part(&self.path.join(PART))?;
            for made in [record::FILE, CONFIG, ""] {
                File::open(self.path.join(made))?.sync_all()?;
            }
            fault::point("publish snapshot")?;
            renameat_with(CWD, &self.path, CWD, &target, RenameFlags::NOREPLACE)?;
            veld_durable::sync_parent(&target)
        };
        publish().context(|| format!("create {}", target.display()))
    }
}

impl Making<'_> {
    /// Has the VE stand on a layer that others stand on too.
    ///
    /// # Errors
    /// Names the path.
    pub fn stand_on(&self, layer: &LayerId) -> Result<(), Failure> {
        let part = self.private();
        Below::Layer(layer.clone()).amend(&part)?;
        make_layer_above(&part, &self.layers().of(layer))?;
        // On the disk when the VE has its name.
        note(&self.layers().of(layer), &User::Ve(self.id()?))
    }

    /// Whether it is an overlay whose own layer has nothing yet.
    #[must_use]
    pub fn is_empty_layer(&self) -> bool {
        let upper = std::fs::read_dir(self.private().join(UPPER));
        upper.is_ok_and(|mut names| names.next().is_none())
    }

    /// Has the own layer of an overlay on the disk, that was empty and in which a few
    /// files were altered without a sync of them; and makes `work` anew.
    ///
    /// # Errors
    /// Names the path.
    pub fn sync_layer(&self) -> Result<(), Failure> {
        let work = self.private().join(WORK);
        remove_tree(&work)?;
        make_dir(&work, 0o755)?;
        sync_few(&self.private().join(UPPER))
    }

    /// Copies a part of another VE, which nobody writes to meanwhile.
    ///
    /// # Errors
    /// Names the path.
    pub fn copy(&self, from: &Path) -> Result<(), Failure> {
        let part = self.private();
        if let Some(Below::Layer(layer)) = Below::read(from)? {
            // Said first, so that it is taken back whatever becomes of this.
            Below::Layer(layer.clone()).amend(&part)?;
            self.layers().hold(&layer, &User::Ve(self.id()?))?;
        }
        Layout::of(from).copy(from, &part)
    }

    /// Copies a tree, which is then kept as a plain directory.
    ///
    /// # Errors
    /// Names the path.
    pub fn copy_tree(&self, tree: BorrowedFd<'_>) -> Result<(), Failure> {
        let root = self.private().join("root");
        make_dir(&root, 0o755)?;
        copy_from(tree, &root, CopyOptions::plain())
    }

    /// Copies a part of another VE that stands on nothing, so that no block is
    /// shared. A subvolume comes out as a plain directory.
    ///
    /// # Errors
    /// Names the path.
    pub fn copy_unshared(&self, from: &Path) -> Result<(), Failure> {
        let options = CopyOptions {
            reflink: Reflink::Never,
            ..CopyOptions::plain()
        };
        copy_into(from, &self.private(), options)
    }

    /// Whether a copy of a file in `from` shares its blocks with it.
    ///
    /// # Errors
    /// Names the path.
    pub fn shares_blocks(&self, from: &Path) -> Result<bool, Failure> {
        let probe = self.private().join(".probe");
        let source = crate::dir::open(&from.join("below"))?;
        let target = File::options().write(true).create_new(true).open(&probe);
        let target = target.context(|| format!("create {}", probe.display()))?;
        let shared = rustix::fs::ioctl_ficlone(&target, &source).is_ok();
        remove_tree(&probe)?;
        Ok(shared)
    }
}
