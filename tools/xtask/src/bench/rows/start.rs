//! From the command line to the return of a command that starts a container:
//! its PID 1 then executes.
//!
//! All have the same root, all namespaces with shifted ids, and a cgroup in
//! every hierarchy. Veld and LXC have a veth pair; veld's also has an address, a
//! route and the anti-spoofing rule. PID 1 is a sleeper under the peers and
//! veld's own init under veld. systemd-nspawn and unshare cannot leave what they
//! start behind: theirs is /bin/true to its end.

use anyhow::Result;

use super::super::peers::{Lxc, Runc, nspawn_true, unshare_true};
use super::super::sample::Candidate;
use super::super::table::{Aim, Row};
use super::super::{Bench, tiny};
use super::{Ve, compare};

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let root = tiny::root(bench);
    let ve = bench.veld.as_ref().map(|veld| Ve::tiny(veld, "start"));
    let ve = ve.transpose()?;
    let lxc = Lxc::define(bench, "start", &root, tiny::SLEEPER)?;
    let runc = Runc::define(bench, "start", &root, tiny::SLEEPER)?;

    let veld = ve.as_ref().map(|ve| {
        Candidate::new("veld start", || {
            let time = ve.start()?;
            ve.kill()?;
            Ok(time)
        })
    });
    let peers = vec![
        Candidate::new("lxc-start", || {
            let time = lxc.start()?;
            lxc.kill()?;
            Ok(time)
        }),
        Candidate::new("runc run", || {
            let time = runc.start()?;
            runc.delete()?;
            Ok(time)
        }),
        Candidate::new("systemd-nspawn true", || nspawn_true(&root)),
        Candidate::new("unshare true", unshare_true),
    ];
    let what = "start until PID 1 executes";
    compare(bench, what, veld, peers, Aim::Ratio(0.25))
}
