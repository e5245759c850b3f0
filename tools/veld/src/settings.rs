//! The options of `create` that set something: one for each key of a config, made
//! from the table of keys.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use veld_config::{Assignment, Key, OPENVZ_WORDS};

/// The option of interfaces beside the first; each of its values was checked to be
/// one.
const INTERFACES: &str = "net";

/// What was set on the command line.
#[derive(Debug, Default)]
pub(crate) struct Settings(pub(crate) Vec<Assignment>);

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        command
            .args(Key::all().map(argument))
            .args(OPENVZ_WORDS.map(|(word, own)| of_openvz(word, own)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(key: Key) -> Arg {
    let argument = Arg::new(key.word())
        .long(key.word())
        .help(key.help())
        .help_heading(heading(key));
    if key.is_switch() {
        return argument.action(ArgAction::SetTrue);
    }
    let action = if key.is_list() || key.is_interfaces() {
        ArgAction::Append
    } else {
        ArgAction::Set
    };
    argument
        .action(action)
        .value_name(key.placeholder())
        .allow_hyphen_values(key.placeholder() != "ADDRESS")
        .value_parser(move |text: &str| key.check(text).map(|()| text.to_owned()))
}

fn of_openvz(word: &'static str, own: &'static str) -> Arg {
    Arg::new(word)
        .long(word)
        .help(format!("OpenVZ's word for --{own}"))
        .value_name("SOFT:HARD")
        .conflicts_with(own)
        .value_parser(move |text: &str| format!("{word}={text}").parse::<Assignment>())
}

/// What the sections of the file are to a person.
fn heading(key: Key) -> Option<&'static str> {
    match key.section() {
        "resources" => Some("Resources of the VE"),
        "rlimits" => Some("Limits of each of its processes, SOFT:HARD or one number for both"),
        "kernel" => Some("Tables of the kernel, for each of its users"),
        "network" => Some("Network"),
        "" if key.is_interfaces() => Some("Network"),
        _ => None,
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let fixed = Key::all().filter(|key| !key.is_interfaces());
        let settings = fixed.filter_map(|key| {
            if key.is_switch() {
                let given = matches.get_flag(key.word());
                return given.then(|| Assignment::new(key, "true"));
            }
            let values = matches.get_many::<String>(key.word())?;
            let values: Vec<&str> = values.map(String::as_str).collect();
            Some(Assignment::new(key, &values.join(",")))
        });
        let others = OPENVZ_WORDS.iter();
        let others = others.filter_map(|(word, _)| matches.get_one::<Assignment>(word).cloned());
        let interfaces = matches.get_many::<String>(INTERFACES).into_iter().flatten();
        let interfaces = interfaces.filter_map(|text| format!("{INTERFACES}.{text}").parse().ok());
        Ok(Self(settings.chain(others).chain(interfaces).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
