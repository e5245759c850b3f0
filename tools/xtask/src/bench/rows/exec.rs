//! /bin/true inside a running container, the whole command.

use anyhow::Result;

use super::super::peers::{Lxc, Runc, nsenter};
use super::super::sample::Candidate;
use super::super::table::{Aim, Row};
use super::super::{Bench, tiny};
use super::{Ve, compare};

const TRUE: &[&str] = &["/bin/true"];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let root = tiny::root(bench);
    let ve = bench.veld.as_ref().map(|veld| Ve::tiny(veld, "exec"));
    let ve = ve.transpose()?;
    if let Some(ve) = &ve {
        ve.start()?;
    }
    let lxc = Lxc::define(bench, "exec", &root, tiny::SLEEPER)?;
    lxc.start()?;
    let init = lxc.init()?;
    let runc = Runc::define(bench, "exec", &root, tiny::SLEEPER)?;
    runc.start()?;

    let veld = ve
        .as_ref()
        .map(|ve| Candidate::new("veld exec", || ve.exec(TRUE)));
    let peers = vec![
        Candidate::new("lxc-attach", || lxc.attach(TRUE)),
        Candidate::new("runc exec", || runc.exec(TRUE)),
        Candidate::new("nsenter --all", || nsenter(init)),
    ];
    compare(bench, "exec of /bin/true", veld, peers, Aim::Ratio(0.3))
}
