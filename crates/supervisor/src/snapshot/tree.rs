//! The snapshots of a VE: which goes on from which.

use veld_storage::Record;

/// A snapshot: the name of its directory, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) sid: String,
    pub(crate) record: Record,
}

/// All of one VE, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree(Vec<Known>);

impl Tree {
    pub(crate) fn new(mut known: Vec<Known>) -> Self {
        known.sort_by(|one, other| {
            let key = |known: &Known| (known.record.number, known.sid.clone());
            key(one).cmp(&key(other))
        });
        Self(known)
    }

    pub(crate) fn all(&self) -> &[Known] {
        &self.0
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.0.iter().map(|known| known.record.clone()).collect()
    }

    /// The one of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.record.name == name)
    }

    /// The one in this directory.
    pub(crate) fn get(&self, sid: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.sid == sid)
    }

    /// The number of the next one.
    pub(crate) fn next_number(&self) -> u64 {
        let last = self.0.iter().map(|known| known.record.number).max();
        last.map_or(1, |last| last.saturating_add(1))
    }

    /// A name that none has: `wanted`, or the same with a number behind it.
    pub(crate) fn free_name(&self, wanted: &str) -> String {
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        let free = names.find(|name| self.named(name).is_none());
        free.unwrap_or_default()
    }

    /// Those that go on from a snapshot, with what they are to go on from once it
    /// is gone.
    pub(crate) fn orphans(&self, sid: &str) -> Vec<Known> {
        let heir = self.get(sid).and_then(|gone| gone.record.parent.clone());
        let of_it = |known: &&Known| known.record.parent.as_deref() == Some(sid);
        let adopted = |known: &Known| {
            let mut known = known.clone();
            known.record.parent.clone_from(&heir);
            known
        };
        self.0.iter().filter(of_it).map(adopted).collect()
    }

    /// Depth first, each with how deep it is. One whose parent is not there is at
    /// the top, and a circle, which only an edit can make, is not lost.
    pub(crate) fn walk(&self) -> Vec<(usize, &Known)> {
        let mut walked: Vec<(usize, &Known)> = Vec::new();
        let is_top = |known: &&Known| {
            let parent = known.record.parent.as_deref();
            parent.is_none_or(|parent| self.get(parent).is_none())
        };
        let mut left: Vec<(usize, &Known)> =
            self.0.iter().filter(is_top).map(|it| (0, it)).collect();
        left.reverse();
        while let Some((depth, known)) = left.pop() {
            if walked.iter().any(|(_, other)| other.sid == known.sid) {
                continue;
            }
            walked.push((depth, known));
            let below = |it: &&Known| it.record.parent.as_deref() == Some(known.sid.as_str());
            let below = self.0.iter().filter(below).map(|it| (depth + 1, it));
            left.extend(below.rev());
        }
        for known in &self.0 {
            if !walked.iter().any(|(_, other)| other.sid == known.sid) {
                walked.push((0, known));
            }
        }
        walked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(number: u64, sid: &str, parent: Option<&str>) -> Known {
        let record = Record {
            name: sid.to_uppercase(),
            number,
            parent: parent.map(str::to_owned),
            ..Record::default()
        };
        Known {
            sid: sid.to_owned(),
            record,
        }
    }

    /// `a` with `b` and `d` below it, `c` below `b`; `e` beside it.
    fn tree() -> Tree {
        Tree::new(vec![
            known(5, "e", None),
            known(4, "d", Some("a")),
            known(3, "c", Some("b")),
            known(2, "b", Some("a")),
            known(1, "a", Some("gone")),
        ])
    }

    fn shape(tree: &Tree) -> String {
        let walked = tree.walk();
        let words = walked
            .iter()
            .map(|(depth, it)| format!("{depth}{}", it.sid));
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn it_is_walked_from_each_to_those_that_go_on_from_it() {
        assert_eq!(shape(&tree()), "0a 1b 2c 1d 0e");
        let circle = Tree::new(vec![known(1, "a", Some("b")), known(2, "b", Some("a"))]);
        assert_eq!(shape(&circle), "0a 0b");
    }

    #[test]
    fn who_loses_a_parent_goes_on_from_the_parents() {
        let tree = tree();
        let orphans = tree.orphans("b");
        assert_eq!(orphans, [known(3, "c", Some("a"))]);
        let orphans = tree.orphans("a");
        assert_eq!(
            orphans,
            [known(2, "b", Some("gone")), known(4, "d", Some("gone"))]
        );
        assert!(tree.orphans("e").is_empty());
    }

    #[test]
    fn a_name_is_had_once() {
        let tree = tree();
        assert_eq!(tree.free_name("A"), "A-2");
        assert_eq!(tree.free_name("x"), "x");
        assert_eq!(tree.named("C").map(|it| it.sid.as_str()), Some("c"));
        assert_eq!(tree.next_number(), 6);
        assert_eq!(Tree::default().next_number(), 1);
    }
}
