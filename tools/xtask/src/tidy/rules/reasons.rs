//! A lint is silenced only with a reason.

use super::super::{Finding, Source};

const OPENINGS: &[&str] = &["#[allow(", "#![allow(", "#[expect(", "#![expect("];

/// Finds `allow` and `expect` attributes that do not say `reason = …`.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.code().iter().enumerate() {
        for opening in OPENINGS {
            if line.contains(opening) && !attribute(source, number).contains("reason =") {
                let what = format!("{opening}…)] without a reason");
                findings.push(Finding::at(source.path(), number + 1, what));
            }
        }
    }
    findings
}

/// The attribute that begins in a line, to its closing bracket.
fn attribute(source: &Source, line: usize) -> String {
    let mut text = String::new();
    for line in source.code().iter().skip(line) {
        text.push_str(line);
        if line.contains(")]") {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::check;

    #[test]
    fn silence_without_a_reason_is_found() {
        let text =
            "#![allow(unused)]\n#[expect(\n    dead_code,\n    reason = \"x\"\n)]\nfn a() {}\n";
        assert_eq!(
            said(check, "a.rs", text),
            ["a.rs:1: #![allow(…)] without a reason"]
        );
    }
}
