//! A program that somebody named and that is no init: it runs under this one,
//! which reaps for it, and the VE ends as it does.

use veld_protocol::init::Options;

use super::{AfterMain, Manners, PLAIN};
use crate::plan::{Job, Plan};
use crate::supervise::End;

pub(super) static MANNERS: Manners = Manners {
    load,
    after_main: |_| AfterMain::Stop(End::Exit),
    is_command: true,
    ..PLAIN
};

fn load(options: &Options) -> Plan {
    let process = options.init.iter().map(|init| init.to_string_lossy());
    Plan {
        main: process.map(|process| Job::new("init", process)).next(),
        ..Plan::default()
    }
}
