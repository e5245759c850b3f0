//! The code map names every crate, and names none that is not there.

use std::path::Path;

use super::super::{Finding, Tree};

const MAP: &str = "crates/README.md";

/// Finds folders of crates that the map does not name, and the reverse.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.text(MAP) else {
        return vec![Finding::of(MAP, "is missing: it is the code map")];
    };
    let folders: Vec<String> = tree.files().filter_map(|(path, _)| folder(path)).collect();
    let named: Vec<&str> = names(map).collect();
    let unnamed = folders
        .iter()
        .filter(|folder| !named.contains(&folder.as_str()))
        .map(|folder| Finding::of(MAP, format!("does not name `{folder}`")));
    let gone = named
        .iter()
        .filter(|name| !folders.iter().any(|folder| folder == *name))
        .map(|name| Finding::of(MAP, format!("names `{name}`, which is no crate")));
    unnamed.chain(gone).collect()
}

/// The folder of a member's manifest.
fn folder(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|_| path.ends_with("Cargo.toml"))?;
    let folder = folder.to_str().filter(|folder| !folder.is_empty())?;
    Some(folder.to_owned())
}

/// What the first cells of the map's tables quote: a crate's folder each.
fn names(map: &str) -> impl Iterator<Item = &str> {
    map.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_held() {
        let map = "| `crates/a` | 1 |\n| `crates/gone` | 1 |\ntext on `crates/b`\n";
        let tree = Tree::of(&[
            ("Cargo.toml", ""),
            ("crates/README.md", map),
            ("crates/a/Cargo.toml", ""),
            ("crates/b/Cargo.toml", ""),
        ]);
        let said: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "crates/README.md: does not name `crates/b`",
                "crates/README.md: names `crates/gone`, which is no crate",
            ]
        );
    }

    #[test]
    fn a_missing_map_is_found() {
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
