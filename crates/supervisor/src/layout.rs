//! Which layout the files of a VE have, and what it is asked for.

use veld_config::VeConfig;
use veld_storage::{Base, Layout, Template, Wish};

use crate::error::Source;
use crate::host::Host;

/// The layout that is asked for, or the host's.
///
/// # Errors
/// Why it cannot be had here.
pub(crate) fn chosen(host: &Host, asked: Option<Layout>) -> Result<Layout, Source> {
    let layout = match asked {
        Some(layout) => layout,
        None => host_default(host)?,
    };
    layout
        .probe(&host.config().paths.data)
        .map_err(|refusal| Source::Refused(format!("layout {layout} is refused: {refusal}")))?;
    Ok(layout)
}

/// The layout of VEs for which none is asked.
pub(crate) fn host_default(host: &Host) -> Result<Layout, Source> {
    let name = host.config().storage.layout;
    name.parse()
        .map_err(|refusal| Source::Reported(format!("storage.layout: {refusal}")))
}

/// What a part is to be like by a config.
pub(crate) fn wish(host: &Host, config: &VeConfig) -> Wish {
    let storage = &host.config().storage;
    Wish {
        disk: config.storage.disk.map(|size| size.get()),
        inodes: config.storage.inodes.filter(|count| *count != 0),
        image_fs: storage.image_fs.parse().unwrap_or_default(),
        image_size: storage.image_size.get(),
    }
}

/// A template as a layout takes it.
pub(crate) fn template<'a>(
    host: &'a Host,
    base: &'a Base,
    root: &'a std::path::Path,
    wish: Wish,
) -> Template<'a> {
    Template {
        base,
        root,
        data: &host.config().paths.data,
        wish,
    }
}
