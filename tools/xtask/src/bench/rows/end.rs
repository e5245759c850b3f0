//! A running container killed and removed with all its files: a root of a dozen
//! files under LXC, an untouched private area under veld.

use anyhow::Result;

use super::super::peers::{Lxc, Runc};
use super::super::sample::Candidate;
use super::super::table::{Aim, Row};
use super::super::{Bench, tiny};
use super::{Ve, compare};

const NAME: &str = "end";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let root = tiny::root(bench);
    let runc = Runc::define(bench, NAME, &root, tiny::SLEEPER)?;
    let veld = bench.veld.as_ref().map(|veld| {
        Candidate::new("veld stop --force, destroy", || {
            let ve = Ve::tiny(veld, NAME)?;
            ve.start()?;
            let stopped = ve.kill()?;
            Ok(stopped + veld.timed(["destroy", NAME])?)
        })
    });
    let peers = vec![
        Candidate::new("lxc-stop --kill, lxc-destroy", || {
            let lxc = Lxc::define(bench, NAME, &bench.path("lxc/end/rootfs"), tiny::SLEEPER)?;
            tiny::copy(bench, &lxc.directory().join("rootfs"))?;
            lxc.start()?;
            Ok(lxc.kill()? + lxc.destroy()?)
        }),
        Candidate::new("runc delete --force", || {
            runc.start()?;
            runc.delete()
        }),
    ];
    compare(bench, "kill and remove", veld, peers, Aim::Ratio(0.5))
}
