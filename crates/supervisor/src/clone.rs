//! Copies of VEs: with an id, addresses, a machine-id and keys of their own.
//!
//! ```text
//!               source stopped          source runs          a snapshot of it
//!  overlay      its layer is frozen,    its layer is         both stand on the
//!               both stand on it        copied               snapshot's layer
//!  others       copied, with shared blocks where the file system can
//! ```
//!
//! A full clone shares nothing with its source: an overlay that stands on layers is
//! copied as it is seen, and kept as a plain directory.

mod config;

use std::os::fd::AsFd;

use veld_config::{SnapshotName, VeConfig, VeId, VeName};
use veld_rootfs::{Access, RootDir};
use veld_storage::{Below, Layout, Making};

use crate::create;
use crate::error::{Error, ErrorKind, Source, chain};
use crate::files::Files;
use crate::host::Host;
use crate::outcome::Done;
use crate::snapshot::{self, Still};
use crate::trash;
use crate::ve::Ve;

/// How much a clone shares with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// What it can.
    #[default]
    Auto,
    /// Data that neither has written since, or it is refused.
    Linked,
    /// Nothing.
    Full,
}

/// What an administrator wants of a clone.
#[derive(Debug, Clone, Default)]
pub struct CloneWish {
    /// Of which snapshot; of the VE as it is unless given.
    pub snapshot: Option<SnapshotName>,
    /// What it shares with the source.
    pub sharing: Sharing,
    /// Whether it has the source's ssh host keys.
    pub keep_ssh_keys: bool,
}

/// Makes the VE `name`, a copy of another.
///
/// # Errors
/// [`ErrorKind::NotFound`] for the source or its snapshot; [`ErrorKind::Exists`] for
/// the new name; [`ErrorKind::Refused`] where what is to be shared cannot be;
/// [`ErrorKind::Failed`] for a step. Nothing is left of a clone that was not made, and
/// the source is as it was.
pub fn clone_ve(
    host: &Host,
    source: &Ve<'_>,
    name: VeName,
    wish: &CloneWish,
) -> Result<Done, Error> {
    let clone = host.ve(name);
    if clone.name == source.name || clone.area.exists() {
        return Err(Error::fact(
            ErrorKind::Exists,
            &clone.name,
            "exists already",
        ));
    }
    let _source_lock = source.must_exist(source.lock("clone")?)?;
    let running = snapshot::is_running(source)?;
    let part = match &wish.snapshot {
        Some(name) => source.area.snapshot_part(&snapshot::sid_of(source, name)?),
        None => source.area.private(),
    };
    let lock = clone.lock("clone")?;
    let made = if clone.area.exists() {
        return Err(Error::fact(
            ErrorKind::Exists,
            &clone.name,
            "exists already",
        ));
    } else {
        let from = From {
            ve: source,
            part: &part,
            is_snapshot: wish.snapshot.is_some(),
            running,
        };
        make(&clone, &from, wish)
    };
    let made = made.map_err(|error| {
        let swept = create::sweep(&clone).err();
        // A layer that was frozen for nothing.
        let settled = (!running).then(|| source.settle().err()).flatten();
        trash::empty_in_background(host);
        let also = swept.iter().chain(&settled);
        error.and_also(also.map(|source| chain(source)))
    });
    // A VE that does not run has nothing in the run directory.
    let left = clone.run.remove(lock).err().map(|failure| chain(&failure));
    match made {
        Ok(mut done) => {
            done.warnings.extend(left);
            Ok(done)
        }
        Err(error) => Err(error.and_also(left)),
    }
}

/// What is copied.
struct From<'a> {
    ve: &'a Ve<'a>,
    part: &'a std::path::Path,
    is_snapshot: bool,
    running: bool,
}

impl From<'_> {
    /// Whether it is being written to.
    fn is_live(&self) -> bool {
        self.running && !self.is_snapshot
    }

    fn config(&self, wish: &CloneWish) -> Result<(VeConfig, String), Source> {
        let file = match &wish.snapshot {
            None => self.ve.area.config(),
            Some(_) => self.part.with_file_name("config.toml"),
        };
        let text = veld_kernfs::read(&file)?;
        Ok((VeConfig::parse(&file, &text)?, text))
    }
}

fn make(ve: &Ve<'_>, from: &From<'_>, wish: &CloneWish) -> Result<Done, Error> {
    let failed = |source: Source| Error::action(&ve.name, "clone", source);
    let prepared = prepare(ve, from, wish).map_err(failed)?;
    ve.step("copy files");
    let still = if from.is_live() {
        Some(Still::hold(from.ve, "clone")?)
    } else {
        None
    };
    let filled = fill(ve, from, wish, &prepared.making);
    if let Some(still) = still {
        still.end().map_err(failed)?;
    }
    let how = filled.map_err(failed)?;
    finish(ve, wish, prepared, how).map_err(failed)
}

/// A clone without files.
struct Prepared<'a> {
    making: Making<'a>,
    id: VeId,
    config: VeConfig,
    text: String,
    warnings: Vec<String>,
}

fn prepare<'a>(ve: &'a Ve<'_>, from: &From<'_>, wish: &CloneWish) -> Result<Prepared<'a>, Source> {
    if !from.running {
        from.ve.settle()?;
    }
    // What a VE of before stands on is written down.
    Files::of(from.ve)?;
    let (old, text) = from.config(wish)?;
    let _template = ve.host.templates().lock_shared(old.template.as_str())?;
    create::sweep(ve)?;
    ve.step("make area");
    let making = ve.area.make()?;
    ve.step("take id");
    let id = ve
        .host
        .ids()
        .take(ve.name.as_str(), |id| making.set_id(id))?;
    let id = VeId::new(id).ok_or_else(|| Source::Reported(format!("{id} is not an id of a VE")))?;
    making.count_files(ve.host.config().storage.first_project)?;
    let (config, warnings) = config::of_clone(ve, id, &old, &from.ve.name)?;
    // Comments and order stay those of whoever wrote it.
    let text = config.update(&ve.area.config(), &text)?;
    Ok(Prepared {
        making,
        id,
        config,
        text,
        warnings,
    })
}

/// Fills the part of a clone; how, in a word.
fn fill(
    ve: &Ve<'_>,
    from: &From<'_>,
    wish: &CloneWish,
    making: &Making<'_>,
) -> Result<&'static str, Source> {
    let layout = Layout::of(from.part);
    let below = Below::read(from.part)?;
    let on_layer = matches!(below, Some(Below::Layer(_)));
    if layout != Layout::Overlay {
        return fill_other(from, wish.sharing, making);
    }
    match (wish.sharing, below) {
        (Sharing::Full, _) if on_layer => {
            let view = Files::of_part(from.ve, from.part)?.view(Access::Read)?;
            ve.step("copy what is seen");
            making.copy_tree(view.as_fd())?;
            Ok("full clone")
        }
        (Sharing::Auto | Sharing::Linked, Some(Below::Layer(layer))) if from.is_snapshot => {
            making.stand_on(&layer)?;
            Ok("linked clone")
        }
        (Sharing::Auto | Sharing::Linked, _)
            if !from.running && from.ve.area.is_frozen_quickly()? =>
        {
            making.stand_on(&from.ve.area.frozen_layer()?)?;
            Ok("linked clone")
        }
        (sharing, _) => {
            making.copy(from.part)?;
            Ok(if sharing == Sharing::Full {
                "full clone"
            } else {
                "linked clone"
            })
        }
    }
}

fn fill_other(
    from: &From<'_>,
    sharing: Sharing,
    making: &Making<'_>,
) -> Result<&'static str, Source> {
    let shares = making.shares_blocks(from.part)?;
    match sharing {
        Sharing::Linked if !shares => Err(Source::Refused(
            "the file system of its files shares no blocks; without --linked it is a full clone"
                .to_owned(),
        )),
        Sharing::Full => {
            making.copy_unshared(from.part)?;
            Ok("full clone")
        }
        Sharing::Auto | Sharing::Linked => {
            making.copy(from.part)?;
            Ok(if shares { "linked clone" } else { "full clone" })
        }
    }
}

/// Takes out of a clone what makes a system this one, where it has that: most time of a
/// linked clone would else go to a mount for writing, whose end syncs a whole disk.
fn renew(ve: &Ve<'_>, wish: &CloneWish, making: &Making<'_>) -> Result<(), Source> {
    let files = Files::of_part(ve, &making.private())?;
    let keys = !wish.keep_ssh_keys;
    ve.step("renew identity");
    if matches!(files, Files::Overlay { .. }) {
        let seen = RootDir::from_fd(files.view(Access::Read)?);
        if !veld_rootfs::is_to_be_renewed(&seen, keys)? {
            return Ok(());
        }
    }
    if making.is_empty_layer() {
        let view = RootDir::from_fd(files.view(Access::Unsynced)?);
        veld_rootfs::renew(&view, keys)?;
        drop(view);
        return Ok(making.sync_layer()?);
    }
    let view = RootDir::from_fd(files.view(Access::Write)?);
    Ok(veld_rootfs::renew(&view, keys)?)
}

fn finish(
    ve: &Ve<'_>,
    wish: &CloneWish,
    prepared: Prepared<'_>,
    how: &str,
) -> Result<Done, Source> {
    renew(ve, wish, &prepared.making)?;
    ve.step("write config");
    prepared.making.finish(&prepared.text)?;
    let mut what = format!("created, id {}", prepared.id);
    for (number, address) in prepared.config.network.first.ip.iter().enumerate() {
        what.push_str(if number == 0 { ", " } else { " " });
        what.push_str(&address.to_string());
    }
    what.push_str(&format!(", {how}"));
    Ok(Done::new(what).with_warnings(prepared.warnings))
}
