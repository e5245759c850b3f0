//! Error texts say "cannot VERB OPERANDS".

use super::super::{Finding, Source};

const REFUSED: &[&str] = &["failed to", "unable to", "could not"];

/// What speaks to users. xtask names the refused words, and tests may quote
/// what other programs say.
const PRODUCT: &[&str] = &["crates", "shim", "init", "tools"];
const LEFT_OUT: &[&str] = &["tools/xtask"];

/// Finds refused words in string literals of the product.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    if !source.is_below(PRODUCT) || source.is_below(LEFT_OUT) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for string in source.strings() {
        let text = string.text.to_lowercase();
        let refused = REFUSED.iter().find(|words| text.contains(*words));
        if let Some(words) = refused.filter(|_| !source.is_test(string.line)) {
            let what = format!("a text says \"{words}\", not \"cannot\"");
            findings.push(Finding::at(source.path(), string.line + 1, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::check;

    #[test]
    fn refused_words_are_found_in_texts_of_the_product() {
        let text = "// failed to\nlet a = \"Failed to open\";\n#[cfg(test)]\nmod tests { const A: &str = \"could not\"; }\n";
        assert_eq!(
            said(check, "crates/a/src/a.rs", text),
            ["crates/a/src/a.rs:2: a text says \"failed to\", not \"cannot\""]
        );
        assert!(said(check, "tools/xtask/src/a.rs", text).is_empty());
    }
}
