//! The exact words of each validator, as file and command line both show them.

use super::*;

fn words<T: fmt::Debug, E: fmt::Display>(read: Result<T, E>) -> String {
    match read {
        Ok(value) => format!("{value:?} was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_refused_number_says_the_range_of_its_parameter() {
    let table = [
        (
            words(ram("12Q")),
            "\"12Q\" is not a size: allowed is a number with K, M, G, T or P (pages)",
        ),
        (
            words(ram("0")),
            "\"0\" is out of range: allowed is 4M or more",
        ),
        (
            words(ram("1")),
            "\"1\" is out of range: allowed is 4M or more",
        ),
        (
            words(ram("4095K")),
            "\"4095K\" is out of range: allowed is 4M or more",
        ),
        (
            words(swap("-1")),
            "\"-1\" is not a size: allowed is a number with K, M, G, T or P (pages)",
        ),
        (
            words(cpus("0")),
            "\"0\" is out of range: allowed is 1 to 8192",
        ),
        (
            words(cpus("1.5")),
            "\"1.5\" is not a whole number: allowed is 1 to 8192",
        ),
        (
            words(processes("0")),
            "\"0\" is out of range: allowed is 8 to 4194304",
        ),
        (
            words(processes("4194305")),
            "\"4194305\" is out of range: allowed is 8 to 4194304",
        ),
        (
            words(start_timeout("0")),
            "\"0\" is out of range: allowed is 1s or more",
        ),
    ];
    for (said, expected) in table {
        assert_eq!(said, expected);
    }
}

#[test]
fn a_refused_number_of_the_kernels_says_its_range() {
    let table = [
        (
            words(io_limit("4095")),
            "\"4095\" is out of range: allowed is 4K or more",
        ),
        (
            words(oom_score_adj("1001")),
            "\"1001\" is out of range: allowed is -1000 to 1000",
        ),
        (
            words(entries("-1")),
            "\"-1\" is out of range: allowed is 0 to 2147483647",
        ),
    ];
    for (said, expected) in table {
        assert_eq!(said, expected);
    }
}

#[test]
fn the_ends_of_a_range_are_allowed() {
    assert_eq!(ram("4M").map(BarrierLimit::limit), Ok(LEAST_RAM));
    assert_eq!(swap("0").map(BarrierLimit::limit), Ok(Bytes::new(0)));
    let barriers = ["0:8M", "8M:8M", "8M", "4M:8M"].map(|text| barrier(ram(text).unwrap()));
    assert_eq!(barriers, [None, None, None, Some(LEAST_RAM)]);
    assert_eq!(io_limit("4K"), Ok(Bytes::new(4096)));
    assert_eq!(oom_score_adj("-1000"), Ok(-1000));
    assert_eq!(entries("0"), Ok(0));
    assert_eq!(io_weight("1000").map(Count::get), Ok(1000));
    assert_eq!(stop_timeout("0"), Ok(Timespan::seconds(0)));
    assert_eq!(cpus("8192").map(Count::get), Ok(8192));
    assert_eq!(processes("8").map(Count::get), Ok(8));
}

#[test]
fn an_address_is_one_that_a_ve_can_have() {
    let table = [
        ("10.0.0.300", "\"10.0.0.300\" is not an IP address"),
        ("10.0.0.3/24", "\"10.0.0.3/24\" is not an IP address"),
        ("010.0.0.3", "\"010.0.0.3\" is not an IP address"),
        ("fe80::1%eth0", "\"fe80::1%eth0\" is not an IP address"),
        ("", "\"\" is not an IP address"),
        ("127.0.0.1", "\"127.0.0.1\" cannot be used: it is loopback"),
        ("::1", "\"::1\" cannot be used: it is loopback"),
        ("0.0.0.0", "\"0.0.0.0\" cannot be used: it is unspecified"),
        ("::", "\"::\" cannot be used: it is unspecified"),
        ("224.0.0.1", "\"224.0.0.1\" cannot be used: it is multicast"),
        ("ff02::1", "\"ff02::1\" cannot be used: it is multicast"),
        (
            "169.254.1.1",
            "\"169.254.1.1\" cannot be used: it is link-local",
        ),
        ("fe80::1", "\"fe80::1\" cannot be used: it is link-local"),
        ("250.0.0.1", "\"250.0.0.1\" cannot be used: it is reserved"),
        (
            "255.255.255.255",
            "\"255.255.255.255\" cannot be used: it is the broadcast address",
        ),
        (
            "::ffff:10.0.0.1",
            "\"::ffff:10.0.0.1\" cannot be used: it is an IPv4 address in IPv6's form",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(words(address(text)), expected);
    }
    for text in [
        "10.117.0.2",
        "203.0.113.7",
        "fd76:656c:64::2",
        "2001:db8::1",
    ] {
        assert_eq!(address(text).unwrap().to_string(), text);
    }
}

#[test]
fn an_init_is_a_word_or_a_path() {
    for text in [
        "auto",
        "hand-over",
        "supervise",
        "/sbin/init",
        "/usr/bin/app --flag x",
        "hand-over /sbin/openrc-init",
        "supervise /srv/services",
    ] {
        assert_eq!(text.parse::<Init>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "sbin/init",
        "Auto",
        "/",
        "/a/../b",
        "/a\nb",
        "/a\0",
        "auto /a",
        "hand-over a",
        "hand-over ",
        "/a b\nc",
    ] {
        assert_eq!(
            words(text.parse::<Init>()),
            format!(
                "{text:?} is not an init: \
                 allowed is auto, hand-over, supervise, an absolute path with operands, \
                 or hand-over or supervise before one"
            )
        );
    }
}

#[test]
fn a_path_is_absolute_and_tidy() {
    assert_eq!(
        absolute_path("/var//lib/./veld/"),
        Ok(PathBuf::from("/var/lib/veld"))
    );
    for text in ["", "veld", "../veld", "/..", "/"] {
        assert_eq!(
            words(absolute_path(text)),
            format!("\"{text}\" is not a path: allowed is an absolute path without ..")
        );
    }
}

#[test]
fn modes_and_name_servers_are_words_or_addresses() {
    for text in ["routed", "bridge", "macvlan", "ipvlan", "physical", "none"] {
        assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
    }
    assert_eq!(
        words("nat".parse::<Mode>()),
        "\"nat\" is not a network mode: \
         allowed is routed, bridge, macvlan, ipvlan, physical or none"
    );
    for text in ["host", "veld", "127.0.0.53", "2001:db8::53"] {
        assert_eq!(text.parse::<Dns>().unwrap().to_string(), text);
    }
    for text in ["", "Host", "dns.example.org", "0.0.0.0", "ff02::fb"] {
        assert_eq!(
            words(text.parse::<Dns>()),
            format!(
                "\"{text}\" is not a name server: allowed is host, veld or the IP address of one"
            )
        );
    }
}
