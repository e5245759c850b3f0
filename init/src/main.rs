//! veld-init: PID 1 of a VE. It finds out which init the distribution has and
//! brings its services up without getty, by one of two ways:
//!
//! - *hand-over*: it masks the login prompts through /run and executes the
//!   distribution's own init in its place ([`hand_over`]);
//! - *supervise*: it stays PID 1 and does that init's work itself ([`supervise`]).
//!
//! [`flavour`] holds the table of inits and which way each of them goes.
//!
//! The launcher executes it by descriptor with /proc, /dev and /run mounted and
//! standard input and output on the console, and waits for it to begin: what
//! keeps it from that is told to both. It is synchronous, has no thread and keeps
//! no descriptor but those it reads signals and requests from. All it says goes to
//! the console; its end is told as `veld_protocol::init` has it.
//!
//! What this program must not know: anything of the host.

#![cfg_attr(not(test), no_main)]

mod command;
mod console;
mod disguise;
mod environment;
mod flavour;
mod getty;
mod hand_over;
mod herald;
mod host_keys;
mod inittab;
mod launcher;
mod level;
mod loopback;
mod notify;
mod plan;
mod supervise;

use veld_protocol::init::{FOUND, Options, exit};

use crate::flavour::Way;
use crate::launcher::Launcher;
use crate::notify::Notify;

#[cfg(not(test))]
veld_sys::entry!(start);

/// The whole program; its exit status is one of `veld_protocol::init::exit`.
#[cfg_attr(test, allow(dead_code, reason = "the test harness starts elsewhere"))]
fn start() -> u8 {
    // Outside a pid namespace of its own the reboot(2) at the end would take
    // the whole machine along.
    if !rustix::process::getpid().is_init() {
        console::say_on_stderr("must be PID 1 of a pid namespace");
        return exit::USAGE;
    }
    console::hook_panics();
    // Executed by descriptor, the process has that descriptor's number for a name.
    let _ = rustix::thread::set_name(c"veld-init");
    match run() {
        Ok(code) | Err(code) => code,
    }
}

/// Goes one of the two ways; the codes are those of `veld_protocol::init::exit`.
fn run() -> Result<u8, u8> {
    let launcher = Launcher::take();
    let options = Options::parse(std::env::args_os().skip(1)).map_err(|error| {
        console::say(&error.to_string());
        launcher.refused(&error.to_string());
        exit::USAGE
    })?;
    let way = flavour::choose(&options);
    if let Err(failure) = disguise::put_on(&way, &launcher) {
        console::report(&failure);
    }
    let found = format!("{FOUND}{}", way.told());
    match way {
        Way::Nowhere(fact) => {
            console::say(&fact);
            launcher.refused(&fact);
            Err(exit::NOT_FOUND)
        }
        Way::HandOver(over) => Err(hand_over::run(&over, &found, &launcher)),
        Way::Supervise(manners, _) => {
            Notify::from_environment().send(&found);
            supervise::run(manners, &options, launcher).map_err(|failure| {
                console::report(&failure);
                exit::SETUP
            })
        }
    }
}
