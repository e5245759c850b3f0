//! How the files of a VE change as a whole: by one exchange of two names.
//!
//! ```text
//!  begin ── private.next is filled ── switch ─┬─ the two are exchanged
//!                │                            └─ settle: what is in private.next now
//!                │                                 becomes a layer, or goes
//!                └─ killed: settle, by the next command: it goes
//! ```
//!
//! Nothing is written down of how far a change came: it is seen from the two parts.
//! Whoever holds the VE's lock settles before anything else.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use veld_durable::{Life, remove_tree};
use veld_sys::{Context, Failure, fault};

use crate::area::Area;
use crate::below::{Below, LayerId, sync_part};
use crate::dir::make_dir;
use crate::layers::{USERS, User, open_users, sync_users};
use crate::layout::{Layout, NEW_IMAGE, make_layer_above};
use crate::project;

/// In a part that has just become the VE's: the config that belongs to it.
const CONFIG: &str = "config.toml";

impl Area {
    /// Makes the empty part that is to be the VE's next, counted by the same project.
    /// The VE is settled.
    ///
    /// # Errors
    /// Names the path.
    pub fn begin(&self) -> Result<PathBuf, Failure> {
        let next = self.next();
        make_dir(&next, 0o700)?;
        project::inherit(&self.private(), &next)?;
        Ok(next)
    }

    /// Says in the part that [`begin`](Self::begin) made that it stands on a layer,
    /// and to the layer that this VE does.
    ///
    /// # Errors
    /// Names the path; NotFound where there is no such layer.
    pub fn stand_on(&self, part: &Path, layer: &LayerId) -> Result<(), Failure> {
        Below::Layer(layer.clone()).amend(part)?;
        self.layers().hold(layer, &User::Ve(self.id()?))
    }

    /// Puts the part that [`begin`](Self::begin) made, now filled, in the place of
    /// the VE's, on disk when this returns; with `config` as the VE's config where it
    /// is given. What was the VE's part goes.
    ///
    /// # Errors
    /// Names the path. Before the exchange nothing has changed.
    pub fn switch(&self, config: Option<&str>) -> Result<(), Failure> {
        let next = self.next();
        if let Some(config) = config {
            veld_durable::replace(&next.join(CONFIG), config.as_bytes(), Life::Ordered)?;
        }
        self.exchange()?;
        self.settle()
    }

    /// Freezes the layer of a VE that does not run: it becomes one of the host's
    /// layers that this VE and `users` stand on, and the VE goes on with an empty
    /// one above.
    ///
    /// # Errors
    /// Names the path.
    pub fn freeze(&self, users: &[User]) -> Result<LayerId, Failure> {
        let layer = LayerId::random()?;
        let private = self.private();
        let mut all = vec![User::Ve(self.id()?)];
        all.extend_from_slice(users);
        open_users(&private, &all)?;
        let next = self.begin()?;
        Below::Layer(layer.clone()).amend(&next)?;
        make_layer_above(&next, &private)?;
        if let Some(Below::Layer(below)) = Below::read(&private)? {
            self.layers().hold(&below, &User::Layer(layer.clone()))?;
        }
        veld_durable::ensure_dir(self.layers().path(), Life::Durable)?;
        sync_users(&private)?;
        self.exchange()?;
        self.settle()?;
        Ok(layer)
    }

    /// Finishes or undoes a change that was killed; nothing where there was none.
    ///
    /// # Errors
    /// Names the path.
    pub fn settle(&self) -> Result<(), Failure> {
        if self.next().is_dir() {
            self.settle_next()?;
        }
        let private = self.private();
        // Of a freeze that did not come to its exchange.
        if private.join(USERS).is_dir() {
            remove_tree(&private.join(USERS))?;
        }
        remove_tree(&private.join(NEW_IMAGE))?;
        self.settle_config(&private.join(CONFIG))
    }

    fn settle_next(&self) -> Result<(), Failure> {
        let next = self.next();
        let above = Below::read(&self.private())?;
        let below = match Below::read(&next) {
            // Of a part that was begun when the power was lost, and held nothing yet.
            Err(cut_off) if cut_off.kind() == io::ErrorKind::InvalidData => None,
            read => read?,
        };
        let user = User::Ve(self.id()?);
        let layers = self.layers();
        if let Some(Below::Layer(layer)) = &above
            && !layers.has(layer)
            && Layout::of(&next) == Layout::Overlay
        {
            // Exchanged: the VE stands on what is not in its place yet.
            if let Some(Below::Layer(below)) = &below {
                layers.release(below, &user)?;
            }
            let place = layers.of(layer);
            veld_durable::ensure_dir(layers.path(), Life::Durable)?;
            return fault::point("adopt layer")
                .and_then(|()| std::fs::rename(&next, &place))
                .and_then(|()| veld_durable::sync_parent(&place))
                .and_then(|()| veld_durable::sync_parent(&next))
                .context(|| format!("move {} to {}", next.display(), place.display()));
        }
        match (&above, &below) {
            (Some(Below::Layer(held)), Some(Below::Layer(layer))) if !layers.has(layer) => {
                // Not exchanged: the layer that was to be is not.
                layers.release(held, &User::Layer(layer.clone()))?;
            }
            (_, Some(Below::Layer(layer))) if above != below => layers.release(layer, &user)?,
            _ => {}
        }
        layers.trash().put(&next)
    }

    fn settle_config(&self, config: &Path) -> Result<(), Failure> {
        let text = match std::fs::read(config) {
            Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read.context(|| format!("read {}", config.display()))?,
        };
        veld_durable::replace(&self.config(), &text, Life::Durable)?;
        fault::point("remove file")
            .and_then(|()| std::fs::remove_file(config))
            // Back after a power loss, it would take back what was set since.
            .and_then(|()| veld_durable::sync_parent(config))
            .context(|| format!("remove {}", config.display()))
    }

    fn exchange(&self) -> Result<(), Failure> {
        let (private, next) = (self.private(), self.next());
        let exchange = || -> io::Result<()> {
            sync_part(&next)?;
            fault::point("exchange parts")?;
            renameat_with(CWD, &next, CWD, &private, RenameFlags::EXCHANGE)?;
            veld_durable::sync_parent(&private)
        };
        exchange().context(|| format!("put {} in place", next.display()))
    }
}

#[cfg(test)]
mod tests;
