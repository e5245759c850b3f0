//! Whatever a config says, its file says, and an edit of another's file.

use proptest::prelude::*;

use std::net::IpAddr;

use super::*;
use crate::{Mode, Policy, Traffic, Verdict};

prop_compose! {
    fn resources()(
        ram in proptest::option::of((4_u64 << 20)..1 << 62),
        swap in proptest::option::of(0..1_u64 << 62),
        cpus in 0..8193_u32,
        cpuunits in 0..500_001_u32,
        cpulimit in 0..819_201_u32,
        processes in proptest::option::of(8..4_194_305_u32),
        // Not more than the least RAM and swap there may be.
        protected in proptest::collection::vec(proptest::option::of(0..4_u64 << 20), 4),
        swap_high: bool,
        listed: bool,
        first in 0..10_u32,
        io in (0..1001_u32, proptest::option::of(4096..1_u64 << 62), any::<u32>()),
        oom_score_adj in proptest::option::of(-1000..1001),
    ) -> Resources {
        let part = |at: usize| protected[at].map(Bytes::new);
        let list = format!("{first}-8191,0").parse().unwrap();
        let cpumask = Some(list).filter(|_| listed && cpus < 8000);
        Resources {
            ram: ram.map(Bytes::new),
            ram_guarantee: part(0),
            ram_low: part(1),
            ram_high: part(2),
            swap: swap.map(Bytes::new),
            swap_high: swap.filter(|_| swap_high).map(|swap| Bytes::new(swap / 2)),
            hugepages: part(3),
            cpumask,
            ioweight: Count::new(io.0),
            iolimit: io.1.map(Bytes::new),
            iopslimit: Count::new(io.2),
            oom_score_adj,
            cpus: Count::new(cpus),
            cpuunits: CpuUnits::new(cpuunits),
            cpulimit: Percent::new(cpulimit),
            processes: processes.and_then(Count::new),
        }
    }
}

prop_compose! {
    fn interface()(
        bridged: bool,
        link in proptest::option::of("[a-z.-]{1,14}[a-z]"),
        name in proptest::option::of("[a-z]{3,14}[A-Z]"),
        v4 in proptest::collection::btree_set(0x0a00_0001_u32..0x0aff_ffff, 0..4),
        v6 in proptest::collection::btree_set(0xfd_u128 << 120..0xfe << 120, 0..4),
        mac in proptest::option::of(0x1_0000..0xff_ffff_u32),
        mtu in proptest::option::of(1280..65_536_u32),
        vlan in proptest::option::of(1..4095_u16),
        rates in proptest::collection::vec(proptest::option::of(4096..1_u64 << 39), 2),
    ) -> Interface {
        let v4 = v4.into_iter().map(|bits| IpAddr::from(bits.to_be_bytes()));
        let v6 = v6.into_iter().map(|bits| IpAddr::from(bits.to_be_bytes()));
        let mac = mac.map(|mac| {
            let [_, a, b, c] = mac.to_be_bytes();
            format!("02:00:00:{a:02x}:{b:02x}:{c:02x}").parse().unwrap()
        });
        let rate = |at: usize| rates[at].map(Bytes::new);
        Interface {
            mode: if bridged { Mode::Bridge } else { Mode::Routed },
            link: link.filter(|_| bridged).map(|link| link.parse().unwrap()),
            name: name.map(|name| name.parse().unwrap()),
            ip: v4.chain(v6).map(Ip::from).collect(),
            gateway: Vec::new(),
            mac,
            mtu,
            vlan: vlan.filter(|_| bridged),
            rate_in: rate(0),
            rate_out: rate(1),
        }
    }
}

prop_compose! {
    fn network()(
        first in interface().boxed(),
        mut other in proptest::option::of(interface().boxed()),
        host: bool,
        ports in proptest::collection::btree_set(1..65_535_u16, 0..3),
        denied: bool,
        group in proptest::option::of("[a-z][a-z0-9-]{0,14}"),
        traffic in proptest::option::of(1_u64 << 20..1 << 50),
    ) -> Network {
        if let Some(other) = &mut other {
            other.ip.clear();
            other.name = None;
            other.gateway = vec!["192.0.2.1".parse().unwrap()];
            other.mode = Mode::Bridge;
        }
        let publish = ports.iter().map(|port| format!("{port}:{port}/udp").parse().unwrap());
        let publish = publish.filter(|_| first.mode == Mode::Routed);
        let rules = ports.iter().map(|port| format!("in tcp {port} from 10.0.0.0/8"));
        Network {
            dns: host.then_some(Dns::Host).into_iter().chain([Dns::Veld]).collect(),
            publish: publish.collect(),
            policy: Policy {
                allow: rules.map(|rule| rule.parse().unwrap()).collect(),
                default_in: if denied { Verdict::Deny } else { Verdict::Allow },
                ..Policy::default()
            },
            group: group.map(|group| group.parse().unwrap()),
            traffic: Traffic { limit: traffic.map(Bytes::new), ..Traffic::default() },
            others: other.map(|it| ("eth3".parse().unwrap(), it)).into_iter().collect(),
            first,
        }
    }
}

/// A mount on `@`.
fn mount() -> impl Strategy<Value = String> {
    prop_oneof![
        r#"/[a-z"'\\#éß=]{0,20}[a-z]:@(:ro)?(:idmap)?(:recursive)?(:suid)?"#,
        "tmpfs:@(:size=[1-9]{1,5}M)?(:mode=[1-7]{1,4})?",
        "volume:[a-z]{1,9}:@(:ro)?",
    ]
}

prop_compose! {
    fn config()(
        uuid in 1..u128::MAX,
        template in "[a-z0-9][a-z0-9.-]{0,62}",
        hostname in "[a-zA-Z0-9]{1,20}([.-][a-z0-9]{1,9}){0,3}",
        onboot: bool,
        bootorder in -1000..1001,
        restart in prop_oneof![
            Just(RestartPolicy::No), Just(RestartPolicy::OnFailure), Just(RestartPolicy::Always),
        ],
        init in prop_oneof![
            Just(Init::default()),
            (0_usize..3, r#"/[a-z"'\\#éß=]{0,20}[a-z]( [-a-z0-9"=]{1,8}){0,2}"#).prop_map(
                |(way, command)| Init {
                    way: [InitWay::Auto, InitWay::HandOver, InitWay::Supervise][way],
                    command: Some(command),
                },
            ),
        ],
        getty: bool,
        cgroup in prop_oneof![Just(Cgroup::Unified), Just(Cgroup::Legacy)],
        devices in proptest::collection::btree_set("/dev/(x/)?[a-e][-a-z0-9:]{0,9}[a-z]:[rwm]", 0..3),
        resources in resources().boxed(),
        soft in 0..1000_u64,
        more in proptest::option::of(0..1000_u64),
        watches in proptest::option::of(0..100_000_u32),
        network in network().boxed(),
        mounts in proptest::collection::btree_map("/[a-c]{1,9}(/[a-z]{1,4})?", mount(), 0..3),
        disk in proptest::option::of(4096..1_u64 << 40),
        inodes in proptest::option::of(100..u64::from(u32::MAX)),
        schedules in proptest::collection::btree_map(
            "(hourly|daily|weekly|monthly|every [1-9][0-9]{0,2}m)", "(keep [1-9][0-9]{0,2}|for [1-9][0-9]?d)", 0..3,
        ),
    ) -> VeConfig {
        let hex = format!("{uuid:032x}");
        let hard = more.map_or("unlimited".to_owned(), |more| (soft + more).to_string());
        let nofile = Rlimit::of_things(&format!("{soft}:{hard}")).unwrap();
        let rlimits = BTreeMap::from([("nofile", nofile)]);
        let kernel = watches.map(|most| ("inotify-watches", most)).into_iter().collect();
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        VeConfig {
            uuid: parts.join("-").parse().unwrap(),
            template: template.parse().unwrap(),
            hostname: hostname.parse().unwrap(),
            onboot, bootorder, restart, init, getty, cgroup,
            devices: devices.iter().map(|text| text.parse().unwrap()).collect(),
            resources,
            rlimits, kernel, network,
            storage: Storage {
                disk: disk.map(|blocks| Bytes::new(blocks * 4096)),
                inodes,
                mounts: mounts.iter().map(|(place, form)| form.replace('@', place).parse().unwrap()).collect(),
                snapshots: schedules.iter().map(|(period, keep)| format!("{period} {keep}").parse().unwrap()).collect(),
            },
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(config in config()) {
        prop_assert_eq!(parse(&config.to_toml()).unwrap(), config);
    }

    #[test]
    fn an_edit_says_the_new_config(old in config(), new in config()) {
        let edited = new.update(Path::new(FILE), &old.to_toml()).unwrap();
        prop_assert_eq!(parse(&edited).unwrap(), new.clone());
        let edited = new.update(Path::new(FILE), FULL).unwrap();
        prop_assert_eq!(parse(&edited).unwrap(), new);
        prop_assert!(edited.contains("# The shop's web server."));
    }
}
