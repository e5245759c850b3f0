//! Why a value is refused, wherever it was written.

use veld_units::{Error, Quoted};

/// A value that is not what it should be; the text quotes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A number or a size.
    #[error(transparent)]
    Unit(#[from] Error),
    /// A name without a character.
    #[error("\"\" is not {what}: it is empty")]
    Empty {
        /// What it should be, with its article.
        what: &'static str,
    },
    /// A name with a character that has no place there.
    #[error("{} is not {what}: {character:?} at position {position}", Quoted(text))]
    Character {
        /// What was written.
        text: String,
        /// What it should be, with its article.
        what: &'static str,
        /// The first character that is wrong.
        character: char,
        /// Its place, counted in characters from 0.
        position: usize,
    },
    /// A name with too many characters.
    #[error(
        "{} is not {what}: {length} characters, allowed are {limit}",
        Quoted(text)
    )]
    TooLong {
        /// What was written.
        text: String,
        /// What it should be, with its article.
        what: &'static str,
        /// Its length in characters.
        length: usize,
        /// The greatest length.
        limit: usize,
    },
    /// A VE's name of digits alone, which would name another VE by its id.
    #[error("{} is not a VE name: digits alone are a VE's id", Quoted(text))]
    Digits {
        /// What was written.
        text: String,
    },
    /// A word or a form that is not one of those allowed.
    #[error("{} is not {what}: allowed is {allowed}", Quoted(text))]
    Form {
        /// What was written.
        text: String,
        /// What it should be, with its article.
        what: &'static str,
        /// The words or the form.
        allowed: &'static str,
    },
    /// Not a key of a config.
    #[error("unknown key {}{}", Quoted(text), hint(near.as_deref()))]
    Key {
        /// What was written.
        text: String,
        /// What was most likely meant.
        near: Option<String>,
    },
    /// Not a value of a key.
    #[error("{key}: {what}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong and what is allowed.
        what: String,
    },
    /// Not a value of an interface or of one of its keys.
    #[error("{place}: {what}")]
    Part {
        /// The interface or its key, as `net.eth1.mtu`.
        place: String,
        /// What is wrong and what is allowed.
        what: String,
    },
    /// Not an address at all.
    #[error("{} is not an IP address", Quoted(text))]
    NotAnAddress {
        /// What was written.
        text: String,
    },
    /// An address, or a network of addresses, that no VE can have.
    #[error("{} cannot be used: it is {class}", Quoted(text))]
    Address {
        /// What was written.
        text: String,
        /// What kind of address it is.
        class: &'static str,
    },
    /// A network whose address is not its first one.
    #[error(
        "{} is not a network: bits behind the prefix are set, did you mean {network}?",
        Quoted(text)
    )]
    HostBits {
        /// What was written.
        text: String,
        /// The network that contains it.
        network: String,
    },
    /// An id beyond the last range of user ids.
    #[error("id {id} has no range of user ids: with ids.first = {first} the last id is {last}")]
    NoRange {
        /// The id asked for.
        id: u32,
        /// First user id of the first range.
        first: u32,
        /// The greatest id with a range.
        last: u32,
    },
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(
        || ": veld set --list tells all".to_owned(),
        |near| format!(", did you mean {near}?"),
    )
}

impl Invalid {
    /// A text of a form that is not allowed.
    pub(crate) fn form(text: &str, what: &'static str, allowed: &'static str) -> Self {
        Self::Form {
            text: text.to_owned(),
            what,
            allowed,
        }
    }

    /// Checks a name: not empty, not too long, and `fits` for every character
    /// and its position.
    pub(crate) fn check_name(
        text: &str,
        what: &'static str,
        limit: usize,
        fits: impl Fn(usize, char) -> bool,
    ) -> Result<(), Self> {
        if text.is_empty() {
            return Err(Self::Empty { what });
        }
        let wrong = text.chars().enumerate().find(|&(at, c)| !fits(at, c));
        if let Some((position, character)) = wrong {
            return Err(Self::Character {
                text: text.to_owned(),
                what,
                character,
                position,
            });
        }
        let length = text.chars().count();
        if length > limit {
            return Err(Self::TooLong {
                text: text.to_owned(),
                what,
                length,
                limit,
            });
        }
        Ok(())
    }
}
