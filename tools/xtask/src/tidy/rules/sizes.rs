//! Files and functions past the size where one should look again. A size is a
//! reason to look, not a fault, so these are notes.

use super::super::{Finding, Source};

const FILE: usize = 500;
const FUNCTION: usize = 60;

/// Names what is past the sizes, tests aside.
pub(crate) fn notes(source: &Source) -> Vec<Finding> {
    let count = source.lines().len();
    let lines = (0..count).filter(|line| !source.is_test(*line)).count();
    let mut notes = Vec::new();
    if lines > FILE {
        notes.push(Finding::of(
            source.path(),
            format!("{lines} lines without its tests"),
        ));
    }
    for (number, line) in source.code().iter().enumerate() {
        let Some(name) = function(line).filter(|_| !source.is_test(number)) else {
            continue;
        };
        let length = source.body_lines(number).unwrap_or(0);
        if length > FUNCTION {
            let what = format!("{name} has {length} lines");
            notes.push(Finding::at(source.path(), number + 1, what));
        }
    }
    notes
}

/// The name of the function that a line of code begins.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let after = match line.strip_prefix("fn ") {
        Some(after) => after,
        None => line.split_once(" fn ")?.1,
    };
    after
        .split(['(', '<'])
        .next()
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::{function, notes};

    #[test]
    fn a_long_function_and_a_long_file_are_named() {
        let body = "    a();\n".repeat(600);
        let text = format!("pub(crate) fn long<T>() {{\n{body}}}\n");
        assert_eq!(
            said(notes, "a.rs", &text),
            [
                "a.rs: 602 lines without its tests",
                "a.rs:1: long has 602 lines"
            ]
        );
    }

    #[test]
    fn tests_are_not_counted() {
        let body = "    a();\n".repeat(600);
        let text = format!("#[cfg(test)]\nmod tests {{\nfn long() {{\n{body}}}\n}}\n");
        assert!(said(notes, "a.rs", &text).is_empty());
        assert_eq!(function("pub const fn a<T>() {"), Some("a"));
        assert_eq!(function("let f = g;"), None);
    }
}
