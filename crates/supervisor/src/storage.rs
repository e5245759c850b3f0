//! What can be done with files of VEs on this host.

use std::path::PathBuf;

use veld_storage::{Feature, Layout, kind_of};

use crate::host::Host;
use crate::layout;

/// The data directory and what each layout can do there.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The data directory.
    pub data: PathBuf,
    /// The file system that it is on.
    pub file_system: String,
    /// The layout of VEs for which none is asked.
    pub default: &'static str,
    /// The file system of new images.
    pub image_fs: &'static str,
    /// All layouts.
    pub layouts: Vec<LayoutHere>,
}

/// A layout on this host.
#[derive(Debug, Clone)]
pub struct LayoutHere {
    /// Which one.
    pub layout: Layout,
    /// Why it cannot be had here.
    pub refusal: Option<String>,
    /// Its features, in the order of [`Feature::ALL`].
    pub features: Vec<(Feature, String)>,
}

/// Looks at the host; no VE is asked.
#[must_use]
pub fn storage(host: &Host) -> Storage {
    let data = host.config().paths.data.clone();
    let layouts = Layout::ALL.into_iter().map(|layout| LayoutHere {
        layout,
        refusal: layout.probe(&data).err().map(|refusal| refusal.0),
        features: Feature::ALL
            .into_iter()
            .map(|feature| (feature, layout.feature(&data, feature)))
            .collect(),
    });
    Storage {
        file_system: kind_of(&data),
        default: layout::host_default(host).unwrap_or_default().name(),
        image_fs: host.config().storage.image_fs,
        layouts: layouts.collect(),
        data,
    }
}
