//! What a VE may have on disk, and what it has.

use veld_config::VeConfig;
use veld_storage::{Layout, Limit, Usage, Wish};
use veld_units::Bytes;

use crate::error::Source;
use crate::host::Host;
use crate::layout::wish;
use crate::ve::Ve;

/// Refuses limits that nothing would hold a VE of this layout to.
pub(crate) fn check(host: &Host, layout: Layout, config: &VeConfig) -> Result<(), Source> {
    let wish = wish(host, config);
    let asked = [
        ("disk", Limit::Disk, wish.disk.is_some()),
        ("inodes", Limit::Inodes, wish.inodes.is_some()),
    ];
    for (word, limit, _) in asked.into_iter().filter(|(_, _, is_asked)| *is_asked) {
        layout
            .holds(&host.config().paths.data, limit)
            .map_err(|refusal| {
                let text = format!("{word} cannot be limited in layout {layout}: {refusal}");
                Source::Refused(text)
            })?;
    }
    Ok(())
}

/// Refuses a change of the limits of a VE that cannot be made, before any is.
pub(crate) fn check_change(
    ve: &Ve<'_>,
    before: &VeConfig,
    after: &VeConfig,
    runs: bool,
) -> Result<(), Source> {
    let (old, new) = (wish(ve.host, before), wish(ve.host, after));
    if old == new {
        return Ok(());
    }
    let layout = ve.area.layout();
    check(ve.host, layout, after)?;
    if layout == Layout::Image && old.inodes != new.inodes {
        let fact = "inodes of an image are made with it; veld convert makes it anew";
        return Err(Source::Refused(fact.to_owned()));
    }
    if runs && layout != Layout::Btrfs && !ve.area.is_counted() {
        let fact = "its files are not counted yet, which takes a copy of them; stop it first";
        return Err(Source::Refused(fact.to_owned()));
    }
    let usage = usage(ve)?;
    must_fit(layout, &new, &usage)?;
    match usage.disk_limit {
        Some(has) if runs && layout == Layout::Image && new.size() < has => {
            let (wished, has) = (Bytes::new(new.size()), Bytes::new(has));
            let fact = format!(
                "disk: an image becomes smaller, from {has} to {wished}, only while its VE is stopped"
            );
            Err(Source::Refused(fact))
        }
        _ => Ok(()),
    }
}

/// Refuses limits below what is in use.
fn must_fit(layout: Layout, wish: &Wish, usage: &Usage) -> Result<(), Source> {
    let disk = match layout {
        Layout::Image => Some(wish.size()),
        Layout::Overlay | Layout::Btrfs | Layout::Directory => wish.disk,
    };
    if let (Some(wished), Some(used)) = (disk, usage.disk)
        && used > wished
    {
        let (wished, used) = (Bytes::new(wished), Bytes::new(used));
        let fact = format!("disk: {wished} is below the {used} in use");
        return Err(Source::Refused(fact));
    }
    match (wish.inodes, usage.inodes) {
        (Some(wished), Some(used)) if used > wished => {
            let fact = format!("inodes: {wished} is below the {used} in use");
            Err(Source::Refused(fact))
        }
        _ => Ok(()),
    }
}

/// What it has in use and is held to.
pub(crate) fn usage(ve: &Ve<'_>) -> Result<Usage, Source> {
    Ok(ve.area.layout().usage(&ve.area.private())?)
}

/// Holds it to its limits.
pub(crate) fn apply(ve: &Ve<'_>, wish: &Wish) -> Result<(), Source> {
    ve.step("limit disk");
    Ok(ve.area.layout().limit(&ve.area.private(), wish)?)
}

/// As [`apply`], to one that does not run and is settled: what was not counted is from
/// now on.
pub(crate) fn apply_stopped(ve: &Ve<'_>, wish: &Wish) -> Result<(), Source> {
    let asks = wish.disk.is_some() || wish.inodes.is_some();
    if asks && ve.area.layout() != Layout::Btrfs && !ve.area.is_counted() {
        ve.step("count files");
        let first = ve.host.config().storage.first_project;
        ve.area.count_files(first)?;
        must_fit(ve.area.layout(), wish, &usage(ve)?)?;
    }
    apply(ve, wish)
}

/// Holds a VE that does not run to what its config says, where its files came from
/// elsewhere, or the config was edited.
pub(crate) fn hold(ve: &Ve<'_>) -> Result<(), Source> {
    let config = ve.config()?;
    let wish = wish(ve.host, &config);
    ve.area.layout().settle(&ve.area.private())?;
    let usage = usage(ve)?;
    let is_held = match ve.area.layout() {
        // Of a usual size that the host has changed since, an image keeps its own.
        Layout::Image => wish.disk.is_none() || usage.disk_limit == wish.disk,
        Layout::Btrfs => usage.disk_limit == wish.disk,
        Layout::Overlay | Layout::Directory => {
            (usage.disk_limit, usage.inode_limit) == (wish.disk, wish.inodes)
        }
    };
    if is_held {
        return Ok(());
    }
    check(ve.host, ve.area.layout(), &config)?;
    apply_stopped(ve, &wish)
}
