//! `veld`: virtual environments from the command line.
//!
//! `main` parses, hands over to one file of [`commands`] and turns what comes
//! back into an exit status. Only [`report`] prints errors; only the command
//! that was asked for prints anything else.
mod amount;
mod cli;
mod commands;
mod debug;
mod downloads;
mod gate;
mod jobs;
mod json;
mod limits;
mod moment;
mod output;
mod progress;
mod refusal;
mod report;
#[cfg(test)]
mod samples;
mod settings;
mod signal;
mod table;
mod tail;
mod usage;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error),
    };
    if cli.debug {
        debug::to_stderr();
    }
    commands::run(cli.command)
}
