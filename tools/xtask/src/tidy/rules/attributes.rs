//! Attributes that hide what a test says.
//!
//! `should_panic` passes on any panic, also on one that is a bug; an ignored
//! test is a promise that nobody checks. A function that another test runs in a
//! process of its own is no such promise: it says so, as `#[ignore = "run by …"]`.

use super::super::{Finding, Source};

const REFUSED: &[(&str, &str)] = &[
    (
        "#[should_panic",
        "assert the error itself, not that something panics",
    ),
    ("#[ignore", "mend the test, or remove it"),
];

/// How a test begins that is no test of its own.
const RUN_BY_ANOTHER: &str = "#[ignore = \"run by ";

/// Finds refused attributes.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, (code, line)) in source.code().iter().zip(source.lines()).enumerate() {
        for (attribute, instead) in REFUSED {
            if code.contains(attribute) && !line.contains(RUN_BY_ANOTHER) {
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
    fn what_another_test_runs_is_fine() {
        let text = "#[ignore = \"run by the test above\"]\nfn a() {}\n";
        assert!(said(check, "a.rs", text).is_empty());
    }

    #[test]
    fn both_are_found_also_with_a_message() {
        let text = "#[should_panic(expected = \"x\")]\nfn a() {}\n#[ignore]\nfn b() {}\n";
        let said = said(check, "a.rs", text);
        assert_eq!(said.len(), 2);
        assert!(said[1].starts_with("a.rs:3: #[ignore]"));
    }
}
