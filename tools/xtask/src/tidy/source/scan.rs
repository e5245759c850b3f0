//! Telling code, comments and literals of a Rust file apart.

use super::Text;

/// A file's characters, sorted. `code` has all line breaks of the file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) code: String,
    pub(super) comments: Vec<Text>,
    pub(super) strings: Vec<Text>,
}

/// Sorts the characters of a file.
pub(super) fn split(text: &str) -> Parts {
    let mut scanner = Scanner {
        rest: text,
        line: 0,
        parts: Parts::default(),
    };
    while scanner.step() {}
    scanner.parts
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    parts: Parts,
}

impl Scanner<'_> {
    /// Takes one token or character; false at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            self.comment(length);
        } else if self.rest.starts_with("/*") {
            self.comment(block_comment(self.rest));
        } else if let Some((open, close)) = raw_string(self.rest).filter(|_| self.at_token()) {
            let content = self.rest.get(open..).unwrap_or_default();
            let length = content.find(&close).unwrap_or(content.len());
            self.string(open, length, close.len());
        } else if first == '"' {
            let content = self.rest.get(1..).unwrap_or_default();
            self.string(1, plain_string(content), 1);
        } else if let Some(length) = character(self.rest) {
            self.parts.code.push_str("' '");
            self.skip(length);
        } else {
            self.parts.code.push(first);
            self.skip(first.len_utf8());
        }
        true
    }

    /// Whether no identifier goes on here: the `r` of `for"` opens nothing.
    fn at_token(&self) -> bool {
        let before = self.parts.code.chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    }

    fn comment(&mut self, length: usize) {
        let text = self.rest.get(..length).unwrap_or_default().to_owned();
        let line = self.line;
        self.keep_breaks(length);
        self.parts.comments.push(Text { line, text });
        self.skip(length);
    }

    /// A literal of `open` bytes of opening, `length` of content, and `close`.
    fn string(&mut self, open: usize, length: usize, close: usize) {
        let content = self.rest.get(open..open + length).unwrap_or_default();
        let text = content.to_owned();
        let line = self.line;
        self.parts.code.push('"');
        self.keep_breaks(open + length);
        self.parts.code.push('"');
        self.parts.strings.push(Text { line, text });
        self.skip((open + length + close).min(self.rest.len()));
    }

    fn keep_breaks(&mut self, length: usize) {
        let breaks = line_breaks(self.rest.get(..length).unwrap_or_default());
        self.parts.code.extend(std::iter::repeat_n('\n', breaks));
    }

    fn skip(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.line += line_breaks(taken);
        self.rest = rest;
    }
}

fn line_breaks(text: &str) -> usize {
    text.matches('\n').count()
}

/// The length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of the opening of a raw string, and what closes it.
fn raw_string(text: &str) -> Option<(usize, String)> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let after = text.get(prefix.len()..)?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let quoted = after.get(hashes..)?.starts_with('"');
    quoted.then(|| {
        let open = prefix.len() + hashes + 1;
        (open, format!("\"{}", "#".repeat(hashes)))
    })
}

/// The length of the content of a string up to its closing quote.
fn plain_string(content: &str) -> usize {
    let mut escaped = false;
    for (at, character) in content.char_indices() {
        match character {
            '"' if !escaped => return at,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    content.len()
}

/// The length of a character literal; none where the quote begins a lifetime.
fn character(text: &str) -> Option<usize> {
    let content = text.strip_prefix('\'')?;
    let mut characters = content.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        let (_, _escaped) = characters.next()?;
        let (end, _) = characters.find(|(_, character)| *character == '\'')?;
        return Some(end + 2);
    }
    let (end, last) = characters.next()?;
    (last == '\'').then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[Text]) -> Vec<(usize, &str)> {
        texts
            .iter()
            .map(|text| (text.line, text.text.as_str()))
            .collect()
    }

    #[test]
    fn comments_and_strings_are_told_from_code() {
        let parts = split("a(\"x // \\\" y\"); // z \"\n/* b /* c */\n */ d\n");
        assert_eq!(parts.code, "a(\"\"); \n\n d\n");
        assert_eq!(texts(&parts.strings), [(0, "x // \\\" y")]);
        assert_eq!(
            texts(&parts.comments),
            [(0, "// z \""), (1, "/* b /* c */\n */")]
        );
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        let parts = split("f(r#\"a \"b\" \n\"#, br\"c\\\", for_\"d\")");
        let found: Vec<_> = parts
            .strings
            .iter()
            .map(|text| text.text.as_str())
            .collect();
        assert_eq!(found, ["a \"b\" \n", "c\\", "d"]);
    }

    #[test]
    fn a_quote_in_a_character_opens_no_string_and_lifetimes_are_code() {
        let parts = split("f::<'a>('\"', '\\'', '\\u{1f}', 'ä', b'\"') \"s\"");
        assert_eq!(texts(&parts.strings), [(0, "s")]);
        assert!(parts.code.starts_with("f::<'a>(' ', ' '"));
    }

    #[test]
    fn what_is_not_closed_ends_with_the_file() {
        for text in ["\"a", "/* a", "r#\"a", "'", "'\\", "//"] {
            split(text);
        }
        assert_eq!(texts(&split("\"a").strings), [(0, "a")]);
    }
}
