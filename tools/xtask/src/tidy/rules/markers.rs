//! No marker for work left over: it is done, or it is an issue, not a comment.

use super::super::{Finding, Source};

const MARKERS: &[&str] = &["TODO", "FIXME", "XXX"];

/// Finds comments with a marker as a word of its own.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for comment in source.comments() {
        for (below, line) in comment.text.lines().enumerate() {
            let mut words = line.split(|character: char| !character.is_alphanumeric());
            if let Some(marker) = words.find(|word| MARKERS.contains(word)) {
                let number = comment.line + below + 1;
                let what = format!("a comment says {marker}");
                findings.push(Finding::at(source.path(), number, what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::check;

    #[test]
    fn a_marker_in_a_comment_is_found_and_one_in_a_string_is_not() {
        let text = "let a = \"TODO\"; // fine\n/* b\n TODO: c */\n";
        assert_eq!(said(check, "a.rs", text), ["a.rs:3: a comment says TODO"]);
        assert!(said(check, "a.rs", "// XXXL is a size\n").is_empty());
    }
}
