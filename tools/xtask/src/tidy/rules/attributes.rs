//! Attributes that hide what a test says.
//!
//! `should_panic` passes on any panic, also on one that is a bug; an ignored
//! test is a promise that nobody checks.

use super::super::{Finding, Source};

const REFUSED: &[(&str, &str)] = &[
    (
        "#[should_panic",
        "assert the error itself, not that something panics",
    ),
    ("#[ignore", "mend the test, or remove it"),
];

/// Finds refused attributes.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.code().iter().enumerate() {
        for (attribute, instead) in REFUSED {
            if line.contains(attribute) {
                let what = format!("{attribute}]: {instead}");
                findings.push(Finding::at(source.path(), number + 1, what));
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
    fn both_are_found_also_with_a_message() {
        let text = "#[should_panic(expected = \"x\")]\nfn a() {}\n#[ignore]\nfn b() {}\n";
        let said = said(check, "a.rs", text);
        assert_eq!(said.len(), 2);
        assert!(said[1].starts_with("a.rs:3: #[ignore]"));
    }
}
