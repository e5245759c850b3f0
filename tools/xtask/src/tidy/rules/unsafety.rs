//! Unsafe code has one home.

use super::super::{Finding, Source};

const HOME: &str = "crates/sys";

/// Finds the word in the code of any other crate.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    if source.is_below(&[HOME]) {
        return Vec::new();
    }
    let says_unsafe = |line: &String| {
        let mut words =
            line.split(|character: char| !character.is_alphanumeric() && character != '_');
        words.any(|word| word == "unsafe")
    };
    let code = source.code().iter().enumerate();
    code.filter(|(_, line)| says_unsafe(line))
        .map(|(number, _)| {
            let what = format!("unsafe code outside {HOME}");
            Finding::at(source.path(), number + 1, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::check;

    #[test]
    fn unsafe_is_found_outside_its_home_only() {
        let text = "// unsafe\nlet unsafe_code = 1;\nunsafe { a() }\n";
        assert_eq!(
            said(check, "crates/rootfs/src/a.rs", text),
            ["crates/rootfs/src/a.rs:3: unsafe code outside crates/sys"]
        );
        assert!(said(check, "crates/sys/src/a.rs", text).is_empty());
    }
}
