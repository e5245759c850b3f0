//! Listing two hundred containers, none of which runs.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::super::peers::Lxc;
use super::super::sample::{Candidate, timed};
use super::super::table::{Aim, Row, Value};
use super::super::{Bench, tiny};
use super::{Ve, compare};
use crate::run;

const NUMBER: usize = 200;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let root = tiny::root(bench);
    let names: Vec<String> = (0..NUMBER)
        .map(|number| format!("list{number:03}"))
        .collect();
    let containers = names
        .iter()
        .map(|name| Lxc::define(bench, name, &root, tiny::SLEEPER));
    let containers = containers.collect::<Result<Vec<_>>>()?;
    let ves = match &bench.veld {
        Some(veld) => names
            .iter()
            .map(|name| Ve::tiny(veld, name))
            .collect::<Result<Vec<_>>>()?,
        None => Vec::new(),
    };

    let veld = bench
        .veld
        .as_ref()
        .map(|veld| Candidate::new("veld list --all", || veld.timed(["list", "--all"])));
    let peer = Candidate::new("lxc-ls", || {
        let mut list = Command::new("lxc-ls");
        list.arg("-P").arg(bench.path("lxc"));
        timed(|| run::output(&mut list).map(drop))
    });
    let aim = Aim::AtMost(Value::Time(Duration::from_millis(30)));
    let rows = compare(bench, "list of 200", veld, vec![peer], aim);
    drop((ves, containers));
    rows
}
