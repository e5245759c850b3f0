//! A Rust file, taken apart just far enough for the rules: which characters of
//! each line are code, what the comments and the string literals say, and which
//! lines are tests.
//!
//! This is a scanner, not a parser: it knows literals, comments and braces. A
//! macro that makes code of odd tokens can confuse a rule, never crash it.

mod scan;

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A Rust file as the rules see it. Lines count from 0 here and from 1 in
/// findings.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    lines: Vec<String>,
    code: Vec<String>,
    comments: Vec<Text>,
    strings: Vec<Text>,
    tests: Vec<Range<usize>>,
}

/// A comment or the content of a string literal, and the line it begins in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Source {
    /// Takes the file at `path` (from the top of the checkout) apart.
    pub(crate) fn parse(path: &Path, text: &str) -> Self {
        let scan::Parts {
            code,
            comments,
            strings,
        } = scan::split(text);
        let code: Vec<String> = code.lines().map(str::to_owned).collect();
        let tests = test_modules(&code);
        Self {
            path: path.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
            code,
            comments,
            strings,
            tests,
        }
    }

    /// From the top of the checkout.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// As written.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The same lines without comments and without the content of literals.
    pub(crate) fn code(&self) -> &[String] {
        &self.code
    }

    /// Each comment, a line comment with its slashes.
    pub(crate) fn comments(&self) -> &[Text] {
        &self.comments
    }

    /// Each string literal's content, escapes as written.
    pub(crate) fn strings(&self) -> &[Text] {
        &self.strings
    }

    /// Whether the file is below one of these directories.
    pub(crate) fn is_below(&self, directories: &[&str]) -> bool {
        directories
            .iter()
            .any(|directory| self.path.starts_with(directory))
    }

    /// Whether a line belongs to tests: a module under `cfg(test)`, a file
    /// `tests.rs`, or a file in a directory `tests`.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        let in_tests = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs";
        self.path.iter().any(in_tests) || self.tests.iter().any(|range| range.contains(&line))
    }

    /// How many lines of code come from the line where a brace opens, at or
    /// after `line`, to the one where it closes, both counted. None where no
    /// brace opens before a semicolon.
    pub(crate) fn body_lines(&self, line: usize) -> Option<usize> {
        let range = block(&self.code, line)?;
        let code = self.code.get(range)?;
        Some(code.iter().filter(|line| !line.trim().is_empty()).count())
    }
}

fn test_modules(code: &[String]) -> Vec<Range<usize>> {
    code.iter()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("#[cfg(test)]"))
        .filter_map(|(number, _)| block(code, number))
        .collect()
}

/// The lines from `line` to the one that closes the first brace opened there or
/// later; none where a semicolon ends the item before.
fn block(code: &[String], line: usize) -> Option<Range<usize>> {
    let (mut braces, mut brackets, mut opened) = (0_usize, 0_usize, false);
    for (number, text) in code.iter().enumerate().skip(line) {
        for character in text.chars() {
            match character {
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets = brackets.saturating_sub(1),
                ';' if !opened && brackets == 0 => return None,
                '{' => {
                    braces += 1;
                    opened = true;
                }
                '}' => braces = braces.saturating_sub(1),
                _ => {}
            }
            if opened && braces == 0 {
                return Some(line..number + 1);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str, text: &str) -> Source {
        Source::parse(Path::new(path), text)
    }

    #[test]
    fn a_test_module_ends_at_its_brace() {
        let source = parse(
            "a.rs",
            "fn a() {}\n#[cfg(test)]\nmod tests {\n}\nfn b() {}\n",
        );
        let tests: Vec<_> = (0..5).map(|line| source.is_test(line)).collect();
        assert_eq!(tests, [false, true, true, true, false]);
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_is_told_by_its_name() {
        let source = parse("a/b.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n");
        assert!(!source.is_test(2));
        assert!(parse("a/b/tests.rs", "fn a() {}").is_test(0));
        assert!(parse("crates/a/tests/b.rs", "fn a() {}").is_test(0));
    }

    #[test]
    fn a_body_counts_lines_of_code() {
        let source = parse("a.rs", "fn a(x: [u8; 2]) {\n    // why\n\n    b();\n}\n");
        assert_eq!(source.body_lines(0), Some(3));
        assert_eq!(parse("a.rs", "fn a();\nfn b() {}").body_lines(0), None);
    }
}
