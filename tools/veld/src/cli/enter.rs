//! Words of the commands that run a program in a VE.

use std::ffi::OsString;

use clap::Args;
use veld_config::VeRef;

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// As this user: NAME, UID or UID:GID of the VE.
    #[arg(long, short, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// In this directory; the user's home unless given.
    #[arg(long, short = 'w', value_name = "DIR")]
    pub(crate) workdir: Option<OsString>,
    /// One more variable of the environment, repeatable.
    #[arg(long, short, value_name = "K=V", value_parser = variable)]
    pub(crate) env: Vec<String>,
    /// On a terminal of the VE's, even if the caller has none.
    #[arg(long, short)]
    pub(crate) tty: bool,
    /// On no terminal, even if the caller has one.
    #[arg(long, short = 'T', conflicts_with = "tty")]
    pub(crate) no_tty: bool,
    /// The command and its arguments.
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Enter {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// As this user: NAME, UID or UID:GID of the VE.
    #[arg(long, short, value_name = "USER")]
    pub(crate) user: Option<String>,
}

fn variable(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.is_empty() && !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(format!(
            "{} is not a variable: allowed is K=V",
            veld_units::Quoted(text)
        )),
    }
}
