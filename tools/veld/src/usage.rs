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
            report::line(&format!("{}{}", subcommand(error), words(error)));
            if let Some(better) = text(error, ContextKind::SuggestedArg)
                .or_else(|| text(error, ContextKind::SuggestedSubcommand))
            {
                report::hint(&format!("did you mean {better}"));
            }
            ExitCode::from(USAGE)
        }
    }
}

/// The words before the first option: which command was not understood.
fn subcommand(error: &Error) -> String {
    let unknown = text(error, ContextKind::InvalidSubcommand);
    let words = std::env::args().skip(1);
    let words: Vec<String> = words
        .take_while(|word| !word.starts_with('-') && Some(word) != unknown.as_ref())
        .take(2)
        .collect();
    match words.as_slice() {
        [first, second] if first == "template" => format!("{first} {second}: "),
        [first, ..] => format!("{first}: "),
        [] => String::new(),
    }
}

fn words(error: &Error) -> String {
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
        ErrorKind::MissingRequiredArgument => format!("missing {argument}"),
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

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        ContextValue::StyledStrs(texts) => Some(
            texts
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ContextValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
