//! `veld console`

use std::process::ExitCode;

use veld_console::{Left, User};
use veld_supervisor::{Host, open_console};

use crate::cli::One;
use crate::output;
use crate::report::Failed;

pub(crate) fn run(host: &Host, one: &One) -> Result<ExitCode, Failed> {
    let ve = host.find(&one.ve)?;
    let socket = open_console(&ve)?;
    let text = match veld_console::attach(socket, &User::standard()?)? {
        Left::Detached => "detached",
        Left::Ended => "console closed",
        Left::Signal(number) => {
            return Ok(ExitCode::from(
                u8::try_from(128 + number).unwrap_or(u8::MAX),
            ));
        }
    };
    output::print(&format!("\n{}: {text}\n", ve.name()))?;
    Ok(ExitCode::SUCCESS)
}
