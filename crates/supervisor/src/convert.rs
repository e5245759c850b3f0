//! Moving the files of a VE to another layout.

use std::os::fd::AsFd;

use veld_rootfs::Access;
use veld_state::Observed;
use veld_storage::{Base, Below, Layout, Root, names};

use crate::disk;
use crate::error::{Error, ErrorKind, Source, chain};
use crate::files::Files;
use crate::layout::{self, chosen};
use crate::outcome::Done;
use crate::sweep::{Left, sweep};
use crate::template;
use crate::trash;
use crate::ve::Ve;

/// Moves a VE that does not run to another layout. It has all its files then, and in an
/// overlay none of its template's: they are all its own.
///
/// # Errors
/// [`ErrorKind::AlreadyRunning`]; [`ErrorKind::Refused`] for a layout that cannot be
/// had here, that it has already, or that would lose its snapshots or its limits;
/// [`ErrorKind::Failed`] for a step, after which it is as before.
pub fn convert(ve: &Ve<'_>, layout: Layout) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("convert")?)?;
    if let Observed::Running(_) = ve.observe() {
        let fact = "is running; stop it first";
        return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
    }
    sweep(ve, Left::Refuse)?;
    let failed = |source: Source| Error::action(&ve.name, "convert", source);
    ve.settle().map_err(failed)?;
    check(ve, layout).map_err(failed)?;
    let from = ve.area.layout();
    let switched = fill_and_switch(ve, layout);
    let mut left = None;
    if switched.is_err() {
        left = ve.settle().err().map(|source| chain(&source));
    }
    trash::empty_in_background(ve.host);
    match switched {
        // What came after the exchange is for the next command to finish.
        Err(source) if ve.area.layout() != layout => Err(failed(source).and_also(left)),
        _ => Ok(Done::new(format!("converted from {from} to {layout}"))
            .with_warnings(Vec::from_iter(left))),
    }
}

fn check(ve: &Ve<'_>, layout: Layout) -> Result<(), Source> {
    chosen(ve.host, Some(layout))?;
    if ve.area.layout() == layout {
        return Err(Source::Refused(format!("it is in layout {layout} already")));
    }
    let snapshots = names(&ve.area.snapshots())?.len();
    if snapshots > 0 {
        let fact =
            format!("it has {snapshots} snapshots, which are of its layout; delete them first");
        return Err(Source::Refused(fact));
    }
    disk::check(ve.host, layout, &ve.config()?)
}

fn fill_and_switch(ve: &Ve<'_>, layout: Layout) -> Result<(), Source> {
    let files = Files::of(ve)?;
    let base = base(ve)?;
    // So that it is not removed before it is noted that this VE stands on it.
    let _template = ve.host.templates().lock_shared(&base.name)?;
    let root = template::root(ve.host, &base)?;
    let wish = layout::wish(ve.host, &ve.config()?);
    ve.step("copy files");
    let next = ve
        .area
        .begin_counted(ve.host.config().storage.first_project)?;
    let view = files.view(Access::Read)?;
    let template = layout::template(ve.host, &base, &root, wish);
    layout.take(&next, view.as_fd(), template)?;
    drop(view);
    ve.step("switch files");
    Ok(ve.area.switch(None)?)
}

/// The template that its files stand on, or came from.
fn base(ve: &Ve<'_>) -> Result<Base, Source> {
    let private = ve.area.private();
    if let Some(Below::Template(base)) = Below::read(&private)? {
        return Ok(base);
    }
    if let Root::Overlay(stack) = ve.area.layout().root(&private, ve.area.layers().path())? {
        return Ok(stack.base);
    }
    let name = ve.config()?.template.as_str().to_owned();
    Ok(Base { name, id: None })
}
