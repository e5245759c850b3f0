//! Made-up VEs for the tests of what is said about VEs.

use veld_config::{Uuid, VeConfig};
use veld_protocol::ending::{Ended, Ending};
use veld_protocol::init::Found;
use veld_protocol::kind::Kind;
use veld_protocol::limit::Limit;
use veld_protocol::stamp::Stamp;
use veld_protocol::traffic::Counts;
use veld_state::Account;
use veld_supervisor::{Detail, DiskUsage, Limits, Phase, Refusals, Summary};
use veld_units::Bytes;

/// A moment, of which programs are told as 1700000000.25 and so on.
pub(crate) fn at(seconds: u64) -> Stamp {
    Stamp {
        seconds: 1_700_000_000 + seconds,
        nanos: 250_000_000,
    }
}

fn config(name: &str) -> VeConfig {
    let uuid: Uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301".parse().unwrap();
    let name = name.parse().unwrap();
    VeConfig::new(uuid, "debian".parse().unwrap(), &name)
}

/// A VE that has never run.
pub(crate) fn stopped(name: &str, id: u32) -> Summary {
    Summary {
        name: name.parse().unwrap(),
        id: Some(id),
        phase: Phase::Stopped,
        since: None,
        failed: Vec::new(),
        init: None,
        watched: true,
        pid: None,
        shim_pid: None,
        started: None,
        ready: None,
        status: None,
        ended: None,
        failure: None,
        restart_due: None,
        restarts: 0,
        snapshots: 0,
        disk: DiskUsage::default(),
        config: Ok(config(name)),
    }
}

/// A VE of which everything is known.
pub(crate) fn up(name: &str, id: u32) -> Summary {
    let mut ve = stopped(name, id);
    ve.phase = Phase::Up;
    ve.since = Some(at(2));
    ve.init = Some(Found {
        kind: Kind::Systemd,
        hands_over: true,
        stop_signal: 38,
    });
    ve.pid = Some(4000);
    ve.shim_pid = Some(3999);
    ve.started = Some(at(0));
    ve.ready = Some(at(2));
    ve.status = Some("Startup finished".to_owned());
    ve.ended = Some(Ended {
        ending: Ending::Killed(9),
        asked: false,
        at: at(9),
    });
    ve.failure = Some("cannot mount".to_owned());
    let config = ve.config.as_mut().unwrap();
    config.onboot = true;
    config.network.first.ip = vec!["10.117.0.101".parse().unwrap()];
    config.resources.ram = Some(Bytes::mib(512));
    config.devices = vec!["/dev/kvm".parse().unwrap()];
    ve
}

/// All about such a VE.
pub(crate) fn detail(summary: Summary) -> Detail {
    let runs = summary.phase != Phase::Stopped;
    let mut kernel = Limits::default();
    kernel.memory = Some(512 << 20);
    kernel.memory_used = Some(208_236_544);
    kernel.swap = Some(0);
    kernel.cpu_units = Some(1000);
    kernel.cpu_quota_percent = Some(150);
    kernel.cpus = Some(2);
    kernel.processes = Some(500);
    kernel.processes_now = Some(12);
    let link = veld_network::ObservedLink {
        index: 2,
        name: "eth0".to_owned(),
        up: true,
        addresses: vec!["10.117.0.101/32".parse().unwrap()],
    };
    let refusals = Refusals {
        limit: Limit::Processes,
        value: Some(500),
        times: 12,
        last: Some(at(3)),
    };
    Detail {
        health_unknown: None,
        refusals: if runs { vec![refusals] } else { Vec::new() },
        kernel: runs.then_some(kernel),
        oom_score_adj: None,
        tables: std::collections::BTreeMap::new(),
        this_run: None,
        links: if runs { vec![link] } else { Vec::new() },
        traffic: None,
        first_host_id: Some(65_536),
        area: "/var/lib/veld/ve/web1".into(),
        summary,
    }
}

/// What such a VE has moved.
pub(crate) fn account() -> Account {
    let mut account = Account::default();
    let moved = Counts {
        received_bytes: 3 << 30,
        received_packets: 3_000_000,
        sent_bytes: 1 << 30,
        sent_packets: 1_000_000,
    };
    account.enter(at(0), at(0), moved);
    account
}
