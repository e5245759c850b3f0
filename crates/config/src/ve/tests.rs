//! What config.toml may say, every line that refuses, and that edits keep what
//! a person wrote.

mod random;

use super::*;
use crate::{Dns, InitWay, Interface, Ip};

const FILE: &str = "/var/lib/veld/ve/web1/config.toml";

const FULL: &str = r#"# The shop's web server.
version = 1
uuid = "01234567-89ab-4def-8123-456789abcdef"
template = "debian-12"
hostname = "web1.example.org"
onboot = true # since the move
bootorder = -5
restart = "on-failure"
init = "hand-over"
getty = false
devices = ["/dev/kvm", "b:7:*:r"]

[resources]
ram = "512M"
swap = 0
cpus = 2
cpuunits = 1_500
cpulimit = "150%"
# Mail queues fork a lot.
processes = 0x200

[network]
mode = "routed"
ip = [
    "10.117.0.2", # inside
    "fd76:656c:64::2",
]
dns = ["host", "192.0.2.53"]

[storage]
disk = "10G"
inodes = 500000
mounts = ["/srv/data:/data:ro:idmap", "tmpfs:/cache:size=64M"]
snapshots = ["hourly keep 24", "weekly for 60d"]
"#;

const LEAST: &str = r#"version = 1
uuid = "01234567-89ab-4def-8123-456789abcdef"
template = "debian-12"
hostname = "web1"
"#;

fn parse(text: &str) -> Result<VeConfig, ConfigError> {
    VeConfig::parse(Path::new(FILE), text)
}

fn least() -> VeConfig {
    parse(LEAST).unwrap()
}

/// What is said of the least config with `more` at its end, line 5 on, less the
/// file's name.
fn refusal(more: &str) -> String {
    let said = parse(&format!("{LEAST}{more}")).unwrap_err().to_string();
    said.replace(&format!("{FILE}:"), "")
}

#[test]
fn a_full_file_is_read_whole() {
    let config = parse(FULL).unwrap();
    let ip = ["10.117.0.2", "fd76:656c:64::2"].map(|text| text.parse::<Ip>().unwrap());
    let expected = VeConfig {
        uuid: "01234567-89ab-4def-8123-456789abcdef".parse().unwrap(),
        template: "debian-12".parse().unwrap(),
        hostname: "web1.example.org".parse().unwrap(),
        onboot: true,
        bootorder: -5,
        restart: RestartPolicy::OnFailure,
        init: "hand-over".parse().unwrap(),
        getty: false,
        cgroup: Cgroup::Unified,
        devices: ["/dev/kvm:rw", "b:7:*:r"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        resources: Resources {
            ram: Some(Bytes::mib(512)),
            swap: Some(Bytes::new(0)),
            cpus: Count::new(2),
            cpuunits: CpuUnits::new(1500),
            cpulimit: Percent::new(150),
            processes: Count::new(512),
            ..Resources::default()
        },
        rlimits: BTreeMap::new(),
        kernel: BTreeMap::new(),
        network: Network {
            first: Interface {
                ip: ip.to_vec(),
                ..Interface::default()
            },
            dns: vec![Dns::Host, Dns::Server("192.0.2.53".parse().unwrap())],
            ..Network::default()
        },
        storage: Storage {
            disk: Some(Bytes::new(10 << 30)),
            inodes: Some(500_000),
            mounts: ["/srv/data:/data:ro:idmap", "tmpfs:/cache:size=64M"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            snapshots: ["hourly keep 24", "weekly for 60d"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
        },
    };
    assert_eq!(config, expected);
}

#[test]
fn what_is_absent_has_its_default() {
    let name: VeName = "web1".parse().unwrap();
    let config = least();
    let new = VeConfig::new(config.uuid, config.template.clone(), &name);
    assert_eq!(config, new);
}

const MISTAKES: &[(&str, &str)] = &[
    (
        "[resources]\nrma = \"1G\"\n",
        "6: unknown key resources.rma, did you mean resources.ram?",
    ),
    (
        "ram = \"1G\"\n",
        "5: unknown key ram, did you mean resources.ram?",
    ),
    (
        "[network]\nquota = 1500\n",
        "6: unknown key network.quota: allowed are mode, link, name, ip, gateway, mac, mtu, vlan, \
         rate-in, rate-out, dns, publish, allow, deny, default-in, default-out, group, traffic, \
         traffic-over, traffic-rate",
    ),
    (
        "[netwrok]\nmtu = 1500\n",
        "5: unknown key netwrok, did you mean network?",
    ),
    (
        "\"re.so\\n\" = 1\n",
        "5: unknown key \"re.so\\n\": allowed are version, uuid, template, hostname, \
             onboot, bootorder, restart, init, getty, cgroup, devices, resources, rlimits, kernel, network, net, storage",
    ),
    (
        "resources = 5\n",
        "5: resources: is one value: allowed is a table",
    ),
    ("[[network]]\n", "5: network: is a list: allowed is a table"),
    (
        "[init]\npath = \"/x\"\n",
        "5: init: is a table: allowed is one value",
    ),
    (
        "onboot = \"yes\"\n",
        "5: onboot: \"yes\" is not a switch: allowed is true or false",
    ),
    (
        "onboot = [true]\n",
        "5: onboot: is a list: allowed is one value",
    ),
    (
        "bootorder = 1001\n",
        "5: bootorder: \"1001\" is out of range: allowed is -1000 to 1000",
    ),
    (
        "bootorder = \"first\"\n",
        "5: bootorder: \"first\" is not a whole number: allowed is -1000 to 1000",
    ),
    (
        "restart = true\n",
        "5: restart: \"true\" is not a restart policy: allowed is no, on-failure or always",
    ),
    (
        "[resources]\nram = 1\n",
        "6: resources.ram: \"1\" is out of range: allowed is 4M or more",
    ),
    (
        "[resources]\nram = 1.5\n",
        "6: resources.ram: \"1.5\" is not a size: \
             allowed is a number with K, M, G, T or P (pages)",
    ),
    (
        "[resources]\nram = true\n",
        "6: resources.ram: \"true\" is not a size: \
             allowed is a number with K, M, G, T or P (pages)",
    ),
    (
        "[resources]\ncpus = -0x1\n",
        "6: not TOML: integers with a radix cannot be signed",
    ),
    (
        "[resources]\ncpus = -1\n",
        "6: resources.cpus: \"-1\" is not a whole number: allowed is 1 to 8192",
    ),
    (
        "[network]\nip = \"10.0.0.3\"\n",
        "6: network.ip: is one value: allowed is a list",
    ),
    (
        "[network]\nip = [\n\"10.0.0.3\",\n\"10.0.0.300\"]\n",
        "8: network.ip: \"10.0.0.300\" is not an IP address",
    ),
    (
        "[network]\nip = [\"fd00::3\",\n\"fd00:0::3\"]\n",
        "7: network.ip: \"fd00:0::3\" is there twice",
    ),
    (
        "[network]\nip = [[\"10.0.0.3\"]]\n",
        "6: network.ip: is a list: allowed is one value",
    ),
    (
        "[net.eth1]\nmode = \"bridge\"\nip = [\"10.0.1.2/24\", \"10.0.1.0/24\"]\n",
        "7: net.eth1.ip: \"10.0.1.0/24\" cannot be used: it is the address of a network",
    ),
    (
        "[net.eth1]\nmtuu = 5\n[net.eth10]\n",
        "6: net.eth1.mtuu: unknown key, did you mean mtu?\n\
         7: net.eth10: \"eth10\" is not an interface: allowed is eth0 to eth9; its key \"name\" \
         gives it another name inside",
    ),
    (
        "[net.eth1]\nmode = \"macvlan\"\nname = \"eth0\"\n",
        " net.eth1.link: macvlan needs an interface of the host's\n \
         net.eth1.name: another interface is called eth0",
    ),
    (
        "[network]\nmode = \"none\"\npublish = [\"80:80\", \"0.0.0.0:80:8080\"]\n",
        " network.publish: ports lead to a routed interface, of which there is none\n \
         network.publish: 0.0.0.0:80:8080/tcp is the same port of the host as 80:80/tcp",
    ),
    (
        "id = 101\n",
        "5: unknown key id: allowed are version, uuid, template, hostname, \
             onboot, bootorder, restart, init, getty, cgroup, devices, resources, rlimits, kernel, network, net, storage",
    ),
    ("hostname = \"web2\"\n", "5: not TOML: duplicate key"),
    (
        "[storage]\nmounts = [\"/srv:/a\",\n\"tmpfs:/a\"]\n",
        " storage.mounts: two mounts on /a",
    ),
    (
        "[storage]\nmounts = [\"/srv:/proc/a\",\n\"srv:/a\"]\n",
        "6: storage.mounts: \"/proc/a\" is not a place for a mount: allowed is one other than /run, and \
         outside of /proc, /sys and /dev\n\
         7: storage.mounts: \"srv\" is not a path of the host's: allowed is an absolute path without .., colon and \
         comma",
    ),
    (
        "[storage]\nsnapshots = [\"daily keep 7\", \"daily for 7d\"]\n",
        " storage.snapshots: two schedules that are daily",
    ),
    (
        "[storage]\nsnapshots = [\"every 6h keep 0\"]\n",
        "6: storage.snapshots: \"0\" is not a number to keep: allowed is 1 to 1000",
    ),
    (
        "devices = [\"/dev/kvm\",\n\"/dev/kvm:rw\"]\n",
        "6: devices: \"/dev/kvm:rw\" is there twice",
    ),
    (
        "devices = [\"/dev/kvm:x\"]\n",
        "5: devices: \"x\" is not an access to a device: allowed is r, w, m or more of them",
    ),
];

#[test]
fn each_mistake_has_its_line() {
    for (more, expected) in MISTAKES {
        assert_eq!(refusal(more), *expected, "{more}");
    }
}

#[test]
fn all_mistakes_are_reported_in_the_order_of_their_lines() {
    let text = r#"hostname = "a_b"
onbot = true
uuid = "x"
[network]
ip = ["10.0.0.300", "::"]
mode = "nat"
[resources]
ram = "12Q"
processes = 3
"#;
    let error = parse(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let expected = r#"
FILE:1: hostname: "a_b" is not a host name: '_' at position 1
FILE:2: unknown key onbot, did you mean onboot?
FILE:3: uuid: "x" is not a UUID: allowed is 8-4-4-4-12 hexadecimal digits, not all zero
FILE:5: network.ip: "10.0.0.300" is not an IP address
FILE:5: network.ip: "::" cannot be used: it is unspecified
FILE:6: network.mode: "nat" is not a network mode: allowed is routed, bridge, macvlan, ipvlan, physical or none
FILE:8: resources.ram: "12Q" is not a size: allowed is a number with K, M, G, T or P (pages)
FILE:9: resources.processes: "3" is out of range: allowed is 8 to 4194304
FILE: version: is missing: allowed is 1
FILE: template: is missing: allowed is the name of a template"#;
    assert_eq!(error.to_string(), expected.trim().replace("FILE", FILE));
    let problem = &error.problems()[1];
    assert_eq!((problem.line, problem.key.as_deref()), (Some(2), None));
}

#[test]
fn errors_of_syntax_are_reported_with_their_lines() {
    let error = parse("onboot = \nuuid = \"x\n[network\n")
        .unwrap_err()
        .to_string();
    let lines: Vec<&str> = error.lines().collect();
    let expected = [
        ":1: not TOML: string values must be quoted, expected literal string",
        ":2: not TOML: invalid basic string, expected `\"`",
        ":3: not TOML: unclosed table, expected `]`",
    ];
    assert_eq!(lines, expected.map(|line| format!("{FILE}{line}")));
}

#[test]
fn a_file_of_a_newer_veld_is_not_judged() {
    let error = parse("uuid = 0\nversion = 2\nquota = \"1G\"\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Newer);
    assert_eq!(
        error.to_string(),
        format!("{FILE}:2: version: config file of version 2, this veld knows up to 1")
    );
    let old = LEAST.replace("version = 1", "version = 0");
    assert_eq!(
        parse(&old).unwrap_err().to_string(),
        format!("{FILE}:1: version: \"0\" is not a version of this file: allowed is 1")
    );
}

#[test]
fn a_hundred_problems_are_enough() {
    let many: String = (0..150).map(|n| format!("quota{n} = 1\n")).collect();
    let error = parse(&format!("{LEAST}{many}")).unwrap_err();
    assert_eq!(error.problems().len(), 101);
    let last = error.to_string();
    assert!(
        last.ends_with(&format!("\n{FILE}: 50 more problems")),
        "{last}"
    );
}

#[test]
fn a_list_has_an_end() {
    let many = "\"10.0.0.3\",".repeat(257);
    assert_eq!(
        refusal(&format!("network.ip = [{many}]\n")),
        "5: network.ip: 257 elements, allowed are 256"
    );
}

#[test]
fn a_value_cannot_forge_a_line() {
    let said = refusal("init = \"x\\n/etc/passwd:1: gone\\u001b[2J\"\n");
    let expected = r#"5: init: "x\n/etc/passwd:1: gone\u{1b}[2J" is not an init: allowed is auto, hand-over, supervise, an absolute path with operands, or hand-over or supervise before one"#;
    assert_eq!(said, expected);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read() {
    let text = format!("\u{feff}{}", FULL.replace('\n', "\r\n"));
    assert_eq!(parse(&text).unwrap(), parse(FULL).unwrap());
}

#[test]
fn a_new_file_says_what_it_is() {
    let text = parse(FULL).unwrap().to_toml();
    let (header, body) = text.split_once("\n\n").unwrap();
    assert!(header.starts_with("# Settings of one VE."), "{header}");
    let expected = r#"version = 1
uuid = "01234567-89ab-4def-8123-456789abcdef"
template = "debian-12"
hostname = "web1.example.org"
onboot = true
bootorder = -5
restart = "on-failure"
init = "hand-over"
getty = false
cgroup = "unified"
devices = ["/dev/kvm:rw", "b:7:*:r"]

[resources]
ram = "512M"
swap = "0"
cpus = 2
cpuunits = 1500
cpulimit = "150%"
processes = 512

[network]
mode = "routed"
ip = ["10.117.0.2", "fd76:656c:64::2"]
dns = ["host", "192.0.2.53"]

[storage]
disk = "10G"
inodes = 500000
mounts = ["/srv/data:/data:ro:idmap", "tmpfs:/cache:size=64M"]
snapshots = ["hourly keep 24", "weekly for 60d"]
"#;
    assert_eq!(body, expected);
}

#[test]
fn an_edit_keeps_what_a_person_wrote() {
    let mut config = parse(FULL).unwrap();
    config.onboot = false;
    config.resources.ram = Some(Bytes::mib(1024));
    config.resources.cpus = None;
    config.network.dns.clear();
    let edited = config.update(Path::new(FILE), FULL).unwrap();
    let expected = FULL
        .replace("onboot = true #", "onboot = false #")
        .replace("\"512M\"", "\"1G\"")
        .replace("cpus = 2\n", "")
        .replace("[\"host\", \"192.0.2.53\"]", "[]");
    assert_eq!(edited, expected);
}

#[test]
fn words_of_openvz_in_a_file_become_ours_when_it_is_saved() {
    let text = format!("{LEAST}[storage]\ndiskspace = \"10G:11G\"\ndiskinodes = 200000\n");
    let config = parse(&text).unwrap();
    assert_eq!(config.storage.disk.unwrap().to_string(), "11G");
    assert_eq!(config.storage.inodes, Some(200_000));
    let saved = config.update(Path::new(FILE), &text).unwrap();
    assert!(
        !saved.contains("diskspace") && saved.contains("disk = \"11G\""),
        "{saved}"
    );
    assert_eq!(parse(&saved).unwrap(), config);
    for both in [
        "disk = \"1G\"\ndiskspace = \"1G\"",
        "diskinodes = 500\ninodes = 500",
    ] {
        let said = refusal(&format!("[storage]\n{both}\n"));
        assert!(said.contains("another key says it already"), "{said}");
    }
}

#[test]
fn an_edit_adds_sections_in_every_style() {
    let mut config = least();
    config.resources.ram = Some(Bytes::mib(64));
    config.resources.swap = Some(Bytes::mib(64));
    let styles = [
        ("", "\n[resources]\nram = \"64M\"\nswap = \"64M\"\n"),
        (
            "resources = { ram = \"1G\" } # little\n",
            "resources = { ram = \"64M\" , swap = \"64M\" } # little\n",
        ),
        (
            "resources.ram = \"1G\"\n",
            "resources.ram = \"64M\"\nresources.swap = \"64M\"\n",
        ),
    ];
    for (before, after) in styles {
        let edited = config
            .update(Path::new(FILE), &format!("{LEAST}{before}"))
            .unwrap();
        assert_eq!(edited, format!("{LEAST}{after}"));
        assert_eq!(parse(&edited).unwrap(), config);
    }
}

#[test]
fn a_file_is_saved_and_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let mut config = parse(FULL).unwrap();
    config.save(&path).unwrap();
    assert_eq!(VeConfig::load(&path).unwrap(), config);

    let commented = format!("# mine\n{}", std::fs::read_to_string(&path).unwrap());
    veld_durable::replace(&path, commented.as_bytes(), Life::Volatile).unwrap();
    config.hostname = "web2".parse().unwrap();
    config.save(&path).unwrap();
    assert_eq!(VeConfig::load(&path).unwrap(), config);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# mine\n"), "{text}");

    config.resources.ram = Some(Bytes::new(1));
    let refused = config.save(&path).unwrap_err().to_string();
    assert!(refused.ends_with("resources.ram: \"1\" is out of range: allowed is 4M or more"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let path = path.with_file_name("new.toml");
    assert_eq!(config.save(&path).unwrap_err().kind(), ErrorKind::Invalid);
    assert!(!path.exists());
}
