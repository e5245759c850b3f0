//! `veld storage` and `veld convert`

use serde::Serialize;
use veld_supervisor::{Host, Storage, storage};

use crate::cli::{Convert, StorageShow};
use crate::json;
use crate::output;
use crate::report::Failed;

pub(crate) fn run(host: &Host, show: &StorageShow) -> Result<(), Failed> {
    let found = storage(host);
    if show.json {
        return json::print(&of(&found));
    }
    output::print(&text(&found))
}

pub(crate) fn convert(host: &Host, convert: &Convert) -> Result<(), Failed> {
    let ve = host.find(&convert.ve)?;
    let done = veld_supervisor::convert(&ve, convert.layout)?;
    output::print(&format!("{}: {}\n", ve.name(), done.what))
}

fn text(found: &Storage) -> String {
    let mut text = format!(
        "data       {} on {}\ndefault    {}\nimage_fs   {}\n",
        found.data.display(),
        found.file_system,
        found.default,
        found.image_fs
    );
    for here in &found.layouts {
        text.push_str(&format!("\n{}\n", here.layout));
        match &here.refusal {
            Some(refusal) => text.push_str(&format!("  refused: {refusal}\n")),
            None => {
                for (feature, word) in &here.features {
                    text.push_str(&format!("  {:<10} {word}\n", feature.name()));
                }
            }
        }
    }
    text
}

/// The schema of `veld storage --json`.
#[derive(Debug, Serialize)]
struct StorageJson {
    data: String,
    file_system: String,
    default_layout: &'static str,
    image_fs: &'static str,
    layouts: Vec<LayoutJson>,
}

#[derive(Debug, Serialize)]
struct LayoutJson {
    layout: &'static str,
    usable: bool,
    refusal: Option<String>,
    features: std::collections::BTreeMap<&'static str, String>,
}

fn of(found: &Storage) -> StorageJson {
    let layouts = found.layouts.iter().map(|here| LayoutJson {
        layout: here.layout.name(),
        usable: here.refusal.is_none(),
        refusal: here.refusal.clone(),
        features: here
            .features
            .iter()
            .map(|(feature, word)| (feature.name(), word.clone()))
            .collect(),
    });
    StorageJson {
        data: found.data.display().to_string(),
        file_system: found.file_system.clone(),
        default_layout: found.default,
        image_fs: found.image_fs,
        layouts: layouts.collect(),
    }
}

#[cfg(test)]
mod tests {
    use veld_supervisor::{Feature, Layout, Limit};

    /// The table of the README, from the code: on a file system that shares blocks, and
    /// after the slash on another, where that differs.
    fn table() -> String {
        let names = Layout::ALL.map(Layout::name).join(" | ");
        let mut table = format!("| | {names} |\n|---|{}\n", "---|".repeat(Layout::ALL.len()));
        for feature in Feature::ALL {
            let words = Layout::ALL.map(|layout| {
                // On a file system that can whatever one can.
                let holds = |limit| (layout, limit) != (Layout::Btrfs, Limit::Inodes);
                let on = |shares| layout.on(shares, feature, holds);
                let (with, without) = (on(true), on(false));
                if with == without {
                    with.to_owned()
                } else {
                    format!("{with} / {without}")
                }
            });
            table.push_str(&format!("| {} | {} |\n", feature.name(), words.join(" | ")));
        }
        table
    }

    #[test]
    fn the_table_of_the_readme_is_true() {
        let readme = include_str!("../../../../README.md");
        let table = table();
        assert!(readme.contains(&table), "the README lacks\n{table}");
    }
}
