//! What a server wants to be shown: the header `WWW-Authenticate` of RFC 9110.

/// One way to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// `bearer` or `basic`, in lower case.
    pub(crate) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter by its name in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// All ways that a header offers. What cannot be read ends the list.
pub(crate) fn parse(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return found;
        }
        let word = word.to_ascii_lowercase();
        let after_space = after.trim_start_matches([' ', '\t']);
        let value = after_space.strip_prefix('=');
        match (value, found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, left)) = read_value(value.trim_start()) else {
                    return found;
                };
                challenge.parameters.push((word, value));
                rest = left;
            }
            (Some(_), None) => return found,
            (None, _) => {
                found.push(Challenge {
                    scheme: word,
                    parameters: Vec::new(),
                });
                rest = after;
            }
        }
    }
}

/// A token or a quoted string, and what follows it.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_belong_to_the_scheme_before_them() {
        let header = "Bearer realm=\"https://t.test/token\",service=\"a, b\",\
                      Scope=\"repository:x/y:pull,push\" , Basic realm=\"q\\\"q\"";
        let found = parse(header);
        let schemes: Vec<&str> = found.iter().map(|one| one.scheme.as_str()).collect();
        assert_eq!(schemes, ["bearer", "basic"]);
        assert_eq!(found[0].get("realm"), Some("https://t.test/token"));
        assert_eq!(found[0].get("service"), Some("a, b"));
        assert_eq!(found[0].get("scope"), Some("repository:x/y:pull,push"));
        assert_eq!(found[1].get("realm"), Some("q\"q"));
        assert_eq!(parse("Basic").len(), 1);
        assert_eq!(parse("realm=x"), []);
        assert_eq!(parse("Bearer realm=\"open")[0].get("realm"), None);
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_parser(text in ".{0,80}", more in "[a-zé=\",\\\\ ]{0,40}") {
            let _ = parse(&text);
            let _ = parse(&format!("Bearer realm={more}"));
        }
    }
}
