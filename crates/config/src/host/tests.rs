//! What veld.toml may say, every line that refuses, and where it is looked for.

use super::*;

const FILE: &str = "/etc/veld/veld.toml";

fn parse(text: &str) -> Result<HostConfig, ConfigError> {
    HostConfig::parse(Path::new(FILE), text)
}

fn veld_toml(dir: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = dir.path().join("veld.toml");
    veld_durable::replace(&path, text.as_bytes(), veld_durable::Life::Volatile).unwrap();
    path
}

#[test]
fn an_empty_file_is_all_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config, HostConfig::default());
    assert_eq!(config.paths.data, Path::new("/var/lib/veld"));
    assert_eq!(config.paths.run, Path::new("/run/veld"));
    assert_eq!(config.paths.templates, Path::new("/var/lib/veld/templates"));
    let program = std::env::current_exe().unwrap();
    let prefix = program.parent().unwrap().parent().unwrap();
    assert_eq!(config.paths.libexec, prefix.join("libexec/veld"));
    assert_eq!(config.cgroup_parent, None);
    assert_eq!(config.first_uid, 1_879_048_192);
    assert_eq!(config.network.pool4.to_string(), "10.117.0.0/16");
    assert_eq!(config.network.pool6.to_string(), "fd76:656c:64::/64");
    assert_eq!(config.network.dns, [Dns::Host]);
    assert_eq!(config.network.link_prefix, "veld");
    assert_eq!(config.start_timeout.as_secs(), 90);
    assert_eq!(config.stop_timeout.as_secs(), 60);
}

#[test]
fn a_full_file_is_read_whole() {
    let config = parse(
        r#"
[paths]
data = "/srv/veld/"
run = "/run/ve"
libexec = "/opt/veld/libexec"
[cgroup]
parent = "veld_2.d"
[ids]
first = 0x10000
[network]
pool4 = "192.168.8.0/22"
pool6 = "2001:db8:1::/112"
dns = ["192.0.2.53", "host"]
link_prefix = "ct"
[start]
timeout = 30
[stop]
timeout = "1m30s"
"#,
    )
    .unwrap();
    let (name, template) = ("web1".parse().unwrap(), "debian-12".parse().unwrap());
    let path = |text: &str| PathBuf::from(text);
    assert_eq!(config.ves_dir(), path("/srv/veld/ve"));
    assert_eq!(config.ve_dir(&name), path("/srv/veld/ve/web1"));
    assert_eq!(
        config.ve_config(&name),
        path("/srv/veld/ve/web1/config.toml")
    );
    assert_eq!(config.run_dir(&name), path("/run/ve/web1"));
    assert_eq!(
        config.template_dir(&template),
        path("/srv/veld/templates/debian-12")
    );
    assert_eq!(config.paths.libexec, path("/opt/veld/libexec"));
    assert_eq!(config.cgroup_parent.as_deref(), Some("veld_2.d"));
    assert_eq!(config.overcommit_percent, 100);
    let more = parse("[memory]\novercommit = \"150%\"\n").unwrap();
    assert_eq!(more.overcommit_percent, 150);
    assert_eq!(config.first_uid, 65_536);
    assert_eq!(config.network.pool4.to_string(), "192.168.8.0/22");
    assert_eq!(config.network.pool6.to_string(), "2001:db8:1::/112");
    let server = Dns::Server("192.0.2.53".parse().unwrap());
    assert_eq!(config.network.dns, [server, Dns::Host]);
    assert_eq!(config.network.link_prefix, "ct");
    assert_eq!(config.start_timeout.to_string(), "30s");
    assert_eq!(config.stop_timeout.to_string(), "1m30s");
    let apart = parse("[paths]\ntemplates = \"/t\"\ndata = \"/d\"\n").unwrap();
    assert_eq!(apart.paths.templates, path("/t"));
}

const REFUSED: &[(&str, &str)] = &[
    (
        "paths.data = \"veld\"",
        "paths.data: \"veld\" is not a path: allowed is an absolute path without ..",
    ),
    (
        "memory.overcommit = \"2000%\"",
        "memory.overcommit: \"2000%\" is out of range: \
         allowed is 0% to 1000%, 100% is all memory of the host",
    ),
    (
        "memory.overcommit = \"half\"",
        "memory.overcommit: \"half\" is not a share of the memory: \
         allowed is 0% to 1000%, 100% is all memory of the host",
    ),
    (
        "ids.first = 100000",
        "ids.first: \"100000\" is not the first id of a range: \
         allowed is a multiple of 65536, from 65536 to 4294836224",
    ),
    (
        "ids.first = 0",
        "ids.first: \"0\" is out of range: \
         allowed is a multiple of 65536, from 65536 to 4294836224",
    ),
    (
        "ids.first = 4294901760",
        "ids.first: \"4294901760\" is out of range: \
         allowed is a multiple of 65536, from 65536 to 4294836224",
    ),
    (
        "network.pool4 = \"10.117.0.1/16\"",
        "network.pool4: \"10.117.0.1/16\" is not a network: \
         bits behind the prefix are set, did you mean 10.117.0.0/16?",
    ),
    (
        "network.pool4 = \"10.117.0.0\"",
        "network.pool4: \"10.117.0.0\" is not a pool: \
         allowed is an IPv4 network with a prefix of 8 to 28 bits, as 10.117.0.0/16",
    ),
    (
        "network.pool4 = \"fd00::/64\"",
        "network.pool4: \"fd00::/64\" is not a pool: \
         allowed is an IPv4 network with a prefix of 8 to 28 bits, as 10.117.0.0/16",
    ),
    (
        "network.pool4 = \"127.0.0.0/8\"",
        "network.pool4: \"127.0.0.0/8\" cannot be used: it is loopback",
    ),
    (
        "network.pool6 = \"fd00::/120\"",
        "network.pool6: \"fd00::/120\" is not a pool: \
         allowed is an IPv6 network with a prefix of 16 to 112 bits, as fd76:656c:64::/64",
    ),
    (
        "network.pool6 = \"fe80::/64\"",
        "network.pool6: \"fe80::/64\" cannot be used: it is link-local",
    ),
    (
        "network.pool6 = \"fd00::1/64\"",
        "network.pool6: \"fd00::1/64\" is not a network: \
         bits behind the prefix are set, did you mean fd00::/64?",
    ),
    (
        "network.link_prefix = \"veldveldv\"",
        "network.link_prefix: \"veldveldv\" is not the beginning of a link's name: \
         allowed is 1 to 7 lower-case letters",
    ),
    (
        "network.dns = [\"dns\"]",
        "network.dns: \"dns\" is not a name server: allowed is host, veld or the IP address of one",
    ),
    (
        "start.timeout = 0",
        "start.timeout: \"0\" is out of range: allowed is 1s or more",
    ),
    (
        "stop.timeout = \"1w\"",
        "stop.timeout: \"1w\" is not a duration: \
         allowed is seconds, or a number with s, m, h or d, as 1h30m",
    ),
    (
        "network.pool = \"10.0.0.0/8\"",
        "unknown key network.pool, did you mean pool?",
    ),
    (
        "pool.public.nat = false",
        "pool.public.network: is missing: allowed is a network of addresses, as 203.0.113.0/28",
    ),
    (
        "group.blue.allow = [\"tcp 80\"]",
        "group.blue.allow: \"tcp 80\" is not a rule: allowed is in or out, then any, icmp, tcp or \
         udp with a port or a range of ports or without, then from or to a network or nothing, \
         as \"in tcp 80 from 10.0.0.0/8\"",
    ),
    (
        "vswap = 1",
        "unknown key vswap: allowed are paths, cgroup, memory, ids, network, pool, group, remote, \
         storage, start, stop",
    ),
];

#[test]
fn each_mistake_has_its_line() {
    for (line, what) in REFUSED {
        let said = parse(&format!("# mine\n{line}\n")).unwrap_err();
        assert_eq!(said.to_string(), format!("{FILE}:2: {what}"));
        assert_eq!(said.kind(), ErrorKind::Invalid);
    }
}

#[test]
fn the_parent_of_all_groups_is_one_name() {
    let longest = "v".repeat(64);
    for name in ["veld", "Veld-2", ".veld", "...", "0", &longest] {
        let config = parse(&format!("cgroup.parent = \"{name}\"")).unwrap();
        assert_eq!(config.cgroup_parent.as_deref(), Some(name));
    }
    let long = "v".repeat(65);
    for name in [
        "", ".", "..", "/", "/veld", "veld/", "a/b", "../veld", "a b", "véld", "a\\n", "a\\u0000",
        &long,
    ] {
        let shown = name.replace("\\u0000", "\\0");
        assert_eq!(
            parse(&format!("cgroup.parent = \"{name}\""))
                .unwrap_err()
                .to_string(),
            format!(
                "{FILE}:1: cgroup.parent: \"{shown}\" is not the name of a cgroup: \
                 allowed is 1 to 64 letters, digits, '.', '_' and '-', but not . or .."
            )
        );
    }
}

#[test]
fn projects_begin_where_a_range_does_and_leave_room_for_all() {
    assert_eq!(parse("").unwrap().storage.first_project, 1_577_058_304);
    for first in [65_536, 131_072, 4_278_190_080] {
        let config = parse(&format!("storage.projects = {first}")).unwrap();
        assert_eq!(config.storage.first_project, first);
    }
    for (first, what) in [
        ("0", "out of range"),
        ("65537", "not the first of the projects"),
        ("4278255616", "out of range"),
        ("4294967296", "not the first of the projects"),
        ("\"all\"", "not the first of the projects"),
    ] {
        let said = parse(&format!("storage.projects = {first}")).unwrap_err();
        let said = said.to_string();
        assert!(said.contains(what), "{said}");
        let allowed = "allowed is a multiple of 65536, from 65536 to 4278190080";
        assert!(said.contains(allowed), "{said}");
    }
}

#[test]
fn every_id_of_the_default_has_a_range_and_none_holds_the_last_ids() {
    let config = HostConfig::default();
    assert_eq!(config.uid_of(VeId::MIN), Ok(1_879_048_192));
    assert_eq!(
        config.uid_of(VeId::new(2).unwrap()),
        Ok(1_879_048_192 + 65_536)
    );
    assert_eq!(config.uid_of(VeId::MAX), Ok(4_294_770_688));
    let config = parse("ids.first = 4294836224").unwrap();
    assert_eq!(config.uid_of(VeId::MIN), Ok(4_294_836_224));
    assert_eq!(
        config
            .uid_of(VeId::new(2).unwrap())
            .unwrap_err()
            .to_string(),
        "id 2 has no range of user ids: with ids.first = 4294836224 the last id is 1"
    );
}

#[test]
fn the_environment_names_the_file_and_the_programs() {
    let dir = tempfile::tempdir().unwrap();
    let path = veld_toml(&dir, "[paths]\nlibexec = \"/a\"\ndata = \"/d\"\n");
    let file = |variable: &str| (variable == "VELD_CONFIG").then(|| path.clone().into());
    let config = HostConfig::load_from(file).unwrap();
    assert_eq!(config.paths.data, Path::new("/d"));
    assert_eq!(config.paths.libexec, Path::new("/a"));

    let both = |variable: &str| match variable {
        "VELD_LIBEXEC" => Some("/b".into()),
        _ => file(variable),
    };
    let config = HostConfig::load_from(both).unwrap();
    assert_eq!(config.paths.libexec, Path::new("/b"));
}

#[test]
fn a_named_file_must_be_there_and_its_name_absolute() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.toml");
    let missing =
        HostConfig::load_from(|name| (name == "VELD_CONFIG").then(|| path.clone().into()))
            .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Missing);
    assert_eq!(
        missing.to_string(),
        format!("cannot read {}", path.display())
    );
    for variable in ["VELD_CONFIG", "VELD_LIBEXEC"] {
        let relative = HostConfig::load_from(|name| (name == variable).then(|| "veld".into()));
        assert_eq!(
            relative.unwrap_err().to_string(),
            format!("{variable}: \"veld\" is not a path: allowed is an absolute path without ..")
        );
    }
}

#[test]
fn pools_have_no_address_in_common() {
    let text = "[pool.public]\nnetwork = \"203.0.113.0/28\"\nnat = false\n\
                [pool.part]\nnetwork = \"203.0.113.8/29\"\n";
    assert_eq!(
        parse(text).unwrap_err().to_string(),
        format!(
            "{FILE}: pool.public.network: 203.0.113.0/28 has addresses of pool.part.network, \
             203.0.113.8/29"
        )
    );
    let text = "[pool.inner]\nnetwork = \"10.117.4.0/24\"\n";
    assert!(parse(text).is_err(), "the default pool has them");
    let text = "[pool.public]\nnetwork = \"203.0.113.0/28\"\nnat = false\n\
                [group.blue]\nisolated = true\nallow = [\"in tcp 80\"]\n";
    let config = parse(text).unwrap();
    let pool = config.pools[&"public".parse().unwrap()];
    assert!(!pool.nat && pool.network.prefix() == 28);
    let group = &config.groups[&"blue".parse().unwrap()];
    assert!(group.isolated && group.policy.allow.len() == 1);
}
