//! What is read is what is written, and what makes no sense is refused.

use super::*;

fn same_text<T: std::str::FromStr + std::fmt::Display>(texts: &[&str])
where
    T::Err: std::fmt::Debug,
{
    for text in texts {
        assert_eq!(text.parse::<T>().unwrap().to_string(), *text);
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    same_text::<Publish>(&[
        "8080:80/tcp",
        "127.0.0.1:2222:22/tcp",
        "[::]:5353:53/udp",
        "[2001:db8::1]:80:80/tcp",
    ]);
    same_text::<Rule>(&[
        "in any",
        "in icmp",
        "out udp 53 to 192.0.2.1",
        "in tcp 8000-8100 from 10.0.0.0/8",
        "out tcp to fd00::/8",
    ]);
    same_text::<Ip>(&[
        "10.0.0.1",
        "10.0.0.2/24",
        "fd00::1",
        "fd00::1/64",
        "10.0.0.0/31",
        "public",
        "public:203.0.113.5",
    ]);
    same_text::<Mac>(&["02:00:5e:10:00:ff"]);
    same_text::<Slot>(&["eth0", "eth9"]);
    let short: Publish = "80:8080".parse().unwrap();
    assert_eq!(short.to_string(), "80:8080/tcp");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let ports = [
        "80",
        ":80",
        "0:80",
        "80:0",
        "80:80/sctp",
        "1.2.3:80:80",
        "::1:80:80",
    ];
    for text in ports {
        assert!(text.parse::<Publish>().is_err(), "{text}");
    }
    let loopback = "[::1]:80:80".parse::<Publish>().unwrap_err().to_string();
    assert_eq!(
        loopback,
        "\"::1\" cannot be used: it is not one that a port of the host can lead from"
    );
    let rules = [
        "",
        "in",
        "tcp 80",
        "in tcp 0",
        "in tcp 90-80",
        "in any 80",
        "in tcp 80 to 10.0.0.0/8",
        "out tcp 80 to",
        "in tcp 80 from 10.0.0.1/8",
        "in tcp 80 from 10.0.0.0/8 x",
    ];
    for text in rules {
        assert!(text.parse::<Rule>().is_err(), "{text}");
    }
    let addresses = [
        "",
        "10.0.0.255/24",
        "10.0.0.0/24",
        "fe80::1/64",
        "0.0.0.0/0",
        "Public",
        "public:x",
    ];
    for text in addresses {
        assert!(text.parse::<Ip>().is_err(), "{text}");
    }
    let macs = [
        "",
        "02:00",
        "00:00:00:00:00:00",
        "02:00:00:00:00:0",
        "02:00:00:00:00:+1",
    ];
    for text in macs {
        assert!(text.parse::<Mac>().is_err(), "{text}");
    }
    for text in ["eth", "eth10", "eth+1", "eth01", "lan0"] {
        assert!(text.parse::<Slot>().is_err(), "{text}");
    }
    for text in ["lo", "all", ".", "a/b", "a:b", "a,b", "sixteen-letters."] {
        assert!(text.parse::<LinkName>().is_err(), "{text}");
    }
}

#[test]
fn ports_that_one_connection_could_mean_meet() {
    let meet = |one: &str, other: &str| {
        let [one, other]: [Publish; 2] = [one, other].map(|text| text.parse().unwrap());
        assert_eq!(one.meets(&other), other.meets(&one));
        one.meets(&other)
    };
    assert!(meet("80:80", "80:81"));
    assert!(meet("80:80", "192.0.2.1:80:80"));
    assert!(meet("0.0.0.0:80:80", "192.0.2.1:80:80"));
    assert!(!meet("0.0.0.0:80:80", "[2001:db8::1]:80:80"));
    assert!(!meet("192.0.2.2:80:80", "192.0.2.1:80:80"));
    assert!(!meet("80:80", "80:80/udp"));
    assert!(!meet("80:80", "81:80"));
}
