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
    let usage = usage(ve)?;
    let wished = match layout {
        Layout::Image => Some(new.size()),
        Layout::Overlay | Layout::Btrfs | Layout::Directory => new.disk,
    };
    let Some(wished) = wished else {
        return Ok(());
    };
    let word = |bytes: u64| Bytes::new(bytes);
    if let Some(used) = usage.disk.filter(|used| *used > wished) {
        let (wished, used) = (word(wished), word(used));
        let fact = format!("disk: {wished} is below the {used} in use");
        return Err(Source::Refused(fact));
    }
    match usage.disk_limit {
        Some(has) if runs && layout == Layout::Image && wished < has => {
            let (wished, has) = (word(wished), word(has));
            let fact = format!(
                "disk: an image becomes smaller, from {has} to {wished}, only while its VE is stopped"
            );
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

/// Holds a VE that does not run to what its config says, where its files came from
/// elsewhere, or the config was edited.
pub(crate) fn hold(ve: &Ve<'_>) -> Result<(), Source> {
    let config = ve.config()?;
    let wish = wish(ve.host, &config);
    if wish.disk.is_none() || usage(ve)?.disk_limit == wish.disk {
        return Ok(());
    }
    check(ve.host, ve.area.layout(), &config)?;
    apply(ve, &wish)
}
