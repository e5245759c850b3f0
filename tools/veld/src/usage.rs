//! A command line that makes no sense: one line that says which word, as all
//! other errors are one line, and status 2.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "clap may add kinds in any release; its own words do for those"
)]

use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::report;

/// Exit status of a command line that was not understood.
const USAGE: u8 = 2;

/// Prints help that was asked for, or what is wrong.
pub(crate) fn report(error: &Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(USAGE)
        }
        _ => {
            let words: Vec<String> = std::env::args_os()
                .skip(1)
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            report::line(&line(error, &words));
            if let Some(hint) = hint(error) {
                report::hint(&hint);
            }
            ExitCode::from(USAGE)
        }
    }
}

/// What is wrong with a command line of these words, after the command that was
/// not understood.
fn line(error: &Error, words: &[String]) -> String {
    format!("{}{}", subcommand(error, words), problem(error))
}

/// What to try instead.
fn hint(error: &Error) -> Option<String> {
    // The one that is most like it is the last.
    texts(error, ContextKind::SuggestedArg)
        .pop()
        .or_else(|| texts(error, ContextKind::SuggestedSubcommand).pop())
        .map(|better| format!("did you mean {better}"))
        .or_else(|| {
            (error.kind() == ErrorKind::InvalidSubcommand)
                .then(|| "veld --help lists the commands".to_owned())
        })
}

/// The words before the first option of the command.
fn subcommand(error: &Error, words: &[String]) -> String {
    let unknown = text(error, ContextKind::InvalidSubcommand);
    let words: Vec<&str> = words
        .iter()
        .skip_while(|word| word.starts_with('-'))
        .take_while(|word| !word.starts_with('-') && Some(*word) != unknown.as_ref())
        .take(2)
        .map(String::as_str)
        .collect();
    match words.as_slice() {
        [first, second] if *first == "template" => format!("{first} {second}: "),
        [first, ..] => format!("{first}: "),
        [] => String::new(),
    }
}

fn problem(error: &Error) -> String {
    let argument = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            format!("unknown option {argument}")
        }
        ErrorKind::UnknownArgument => format!("one word too many: {argument}"),
        ErrorKind::InvalidSubcommand => {
            let word = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("unknown command {word}")
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = texts(error, ContextKind::InvalidArg);
            let missing: Vec<String> = missing.iter().map(|argument| plain(argument)).collect();
            format!("missing {}", missing.join(", "))
        }
        ErrorKind::MissingSubcommand => "missing command".to_owned(),
        ErrorKind::ArgumentConflict => {
            let other = text(error, ContextKind::PriorArg).unwrap_or_default();
            if other == argument {
                format!("{} may be given once only", option(&argument))
            } else {
                format!("{} does not go with {}", option(&argument), option(&other))
            }
        }
        ErrorKind::ValueValidation => {
            // The validator's text names the value and what is allowed.
            let cause = std::error::Error::source(error).map(ToString::to_string);
            format!("{}{}", place(&argument), cause.unwrap_or(value))
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("{} needs a value", option(&argument))
        }
        ErrorKind::InvalidValue => {
            let allowed = text(error, ContextKind::ValidValue).unwrap_or_default();
            format!("{}\"{value}\" is not one of {allowed}", place(&argument))
        }
        ErrorKind::TooManyValues => format!("{} takes no value", option(&argument)),
        ErrorKind::InvalidUtf8 => "a word is not UTF-8".to_owned(),
        _ => error.kind().to_string(),
    }
}

/// Where a value stands: after an option. One that stands by itself is its own place.
fn place(argument: &str) -> String {
    if argument.starts_with('-') {
        format!("{}: ", option(argument))
    } else {
        String::new()
    }
}

/// `--ram <SIZE>` without the placeholder, and `[VE]...` without what says that
/// it is one.
fn option(argument: &str) -> &str {
    if argument.starts_with('-') {
        argument.split([' ', '[', '=']).next().unwrap_or(argument)
    } else {
        argument.trim_matches(['[', ']', '<', '>', '.'])
    }
}

/// An argument as a person would write its name: `--template <NAME>` is
/// `--template`, `<COMMAND>...` is `COMMAND`, `<VE|--all>` is `VE or --all`.
fn plain(argument: &str) -> String {
    option(argument).replace('|', " or ")
}

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    let texts = texts(error, kind);
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn texts(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        Some(ContextValue::StyledStrs(texts)) => texts.iter().map(ToString::to_string).collect(),
        Some(ContextValue::Number(number)) => vec![number.to_string()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
