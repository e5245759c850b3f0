//! Ports of the host that lead to VEs.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use veld_tests::{Cmd, Host, Output, Template, Ve, host, until};

use crate::lan::{Lan, MACHINE, UPLINK, inside};

/// How curl ends where nobody takes the connection.
const REFUSED: i32 = 7;

/// Fetches a page on the test's host.
fn fetch(url: &str) -> Output {
    Cmd::program("curl", CURL.into_iter().chain([url])).run()
}

const CURL: [&str; 5] = ["--silent", "--show-error", "--fail", "--max-time", "2"];

fn url(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("http://[{address}]:{port}/")
    } else {
        format!("http://{address}:{port}/")
    }
}

/// Has a VE of BusyBox serve its name at port 80, by both protocols.
pub(crate) fn serve(ve: &Ve<'_>) {
    let name = ve.name();
    ve.sh(&format!(
        "mkdir -p /srv && echo {name} >/srv/index.html && httpd -p '[::]:80' -h /srv"
    ))
    .done();
}

/// A VE that serves its name, with these ports of the host.
fn published<'h>(host: &'h Host, name: &str, ports: &[&str]) -> Ve<'h> {
    let options = ports.iter().flat_map(|port| ["--publish", *port]);
    let ve = host.ve(name).with(options).start();
    serve(&ve);
    ve
}

#[test]
fn nginx_is_reached_from_the_world_the_host_other_ves_and_itself() {
    let host = host!(Template::DebianWeb);
    let lan = Lan::new();
    let web = host
        .ve("web1")
        .template(Template::DebianWeb)
        .with(["--publish", "8080:80"])
        .start();
    let other = host.ve("a").start();
    until("nginx serves", || fetch(&url(UPLINK[0], 8080)).status == 0);
    for address in UPLINK {
        let url = url(address, 8080);
        let page = lan.run("curl", &[&CURL[..], &[&url]].concat());
        assert!(page.ok().stdout.contains("nginx"), "{address} from the LAN");
        assert!(fetch(&url).ok().stdout.contains("nginx"), "{address}");
        let get = format!("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {address} 8080");
        let seen = other.sh(&get);
        assert!(seen.ok().stdout.contains("nginx"), "{address} from a VE");
        let seen = web.exec([&["curl"], &CURL[..], &[&url]].concat());
        assert!(seen.ok().stdout.contains("nginx"), "{address} from itself");
    }
    assert!(fetch(&url("127.0.0.1", 8080)).ok().stdout.contains("nginx"));
    // The world is seen as itself.
    let log = web.sh("cat /var/log/nginx/access.log").ok().stdout;
    for address in [MACHINE[0], MACHINE[1]] {
        assert!(log.contains(&format!("{address} - - ")), "{log}");
    }
    web.veld("set", ["publish="]).done();
    assert_eq!(fetch(&url(UPLINK[0], 8080)).status, REFUSED);
}

#[test]
fn ports_come_and_go_while_a_ve_runs() {
    let host = host!();
    let lan = Lan::new();
    let ve = published(&host, "web1", &[]);
    let get = |address: &str, port| fetch(&url(address, port)).status;
    assert_eq!(get(UPLINK[0], 8080), REFUSED);
    ve.veld("set", ["publish+=8080:80", "publish+=127.0.0.1:2222:80"])
        .done();
    assert_eq!(fetch(&url(UPLINK[0], 8080)).ok().line(), "web1");
    assert_eq!(fetch(&url(UPLINK[1], 8080)).ok().line(), "web1");
    assert_eq!(fetch(&url("127.0.0.1", 2222)).ok().line(), "web1");
    assert_eq!(get(UPLINK[0], 2222), REFUSED, "of loopback alone");
    let outside = lan.run("curl", &[&CURL[..], &[&url(UPLINK[0], 2222)]].concat());
    assert_eq!(outside.status, REFUSED);
    ve.veld("set", ["publish-=8080:80"]).done();
    assert_eq!(get(UPLINK[0], 8080), REFUSED);
    assert_eq!(get("127.0.0.1", 2222), 0);
    // With its address the port goes along.
    ve.veld("set", ["ip=10.117.7.7"]).done();
    assert_eq!(get("127.0.0.1", 2222), 0);
    ve.stop();
    assert_eq!(get("127.0.0.1", 2222), REFUSED);
    let rules = Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout;
    assert!(!rules.contains("elements"), "{rules}");
    ve.start();
    serve(&ve);
    assert_eq!(fetch(&url("127.0.0.1", 2222)).ok().line(), "web1");
}

#[test]
fn datagrams_are_published() {
    let host = host!();
    let lan = Lan::new();
    let ve = host
        .ve("dns1")
        .with(["--publish", "[::]:5353:53/udp"])
        .start();
    let server = inside(&ve, || UdpSocket::bind("[::]:53").unwrap());
    let client = lan.there(|| UdpSocket::bind("[::]:0").unwrap());
    for socket in [&server, &client] {
        socket
            .set_read_timeout(Some(Duration::from_secs(2)))
            .unwrap();
    }
    let to: IpAddr = UPLINK[1].parse().unwrap();
    let mut word = [0; 5];
    client.send_to(b"hello", (to, 5353)).unwrap();
    let (_, seen) = server.recv_from(&mut word).unwrap();
    assert_eq!(seen.ip().to_string(), MACHINE[1]);
    server.send_to(&word, seen).unwrap();
    let (_, from) = client.recv_from(&mut word).unwrap();
    assert_eq!(
        (&word, from.port()),
        (b"hello", 5353),
        "back from whom it asked"
    );
}

#[test]
fn who_has_a_port_is_named() {
    let host = host!();
    let _lan = Lan::new();
    let web = published(&host, "web1", &["8080:80"]);
    let other = host.ve("web2").with(["--publish", "8080:80"]).create();
    let refused = host.veld(["start", "web2"]);
    assert_eq!(refused.status, 1);
    assert!(
        refused
            .stderr
            .contains("8080/tcp is already published by web1"),
        "{}",
        refused.stderr
    );
    other.veld("set", ["publish=8081:80"]).done();
    other.start();
    let refused = other.veld("set", ["publish+=[::]:8080:80"]);
    assert_eq!(refused.status, 1);
    let text = "[::]:8080/tcp is already published by web1";
    assert!(refused.stderr.contains(text), "{}", refused.stderr);
    // Nothing was changed, not even for the one who has it.
    serve(&other);
    assert_eq!(fetch(&url(UPLINK[0], 8081)).ok().line(), "web2");
    assert_eq!(fetch(&url(UPLINK[1], 8080)).ok().line(), "web1");
    web.stop();
    other.veld("set", ["publish+=[::]:8080:80"]).done();
    assert_eq!(fetch(&url(UPLINK[1], 8080)).ok().line(), "web2");
}

#[test]
fn a_port_of_a_service_of_the_host_stays_its() {
    let host = host!();
    let _lan = Lan::new();
    let _service = std::net::TcpListener::bind((UPLINK[0], 8080)).unwrap();
    let ve = host.ve("web1").with(["--publish", "8080:80"]).create();
    let refused = host.veld(["start", "web1"]);
    let text = "8080/tcp is in use by a process of the host";
    assert!(refused.stderr.contains(text), "{}", refused.stderr);
    ve.veld("set", ["publish=127.0.0.1:8080:80"]).done();
    ve.start();
    serve(&ve);
    assert_eq!(fetch(&url("127.0.0.1", 8080)).ok().line(), "web1");
}

#[test]
fn addresses_that_are_routed_are_seen_as_they_are() {
    let host = host!();
    host.configure("[pool.public]\nnetwork = \"203.0.113.0/28\"\nnat = false\n");
    let lan = Lan::new();
    let ve = host.ve("web1").with(["--ip", "203.0.113.5"]).start();
    serve(&ve);
    assert_eq!(addresses_of(&ve), ["203.0.113.5"]);
    lan.run("ip", &["route", "add", "203.0.113.0/28", "via", UPLINK[0]])
        .ok();
    let page = lan.run("curl", &[&CURL[..], &[&url("203.0.113.5", 80)]].concat());
    assert_eq!(page.ok().line(), "web1");
    let listener = lan.listen(7000);
    let seen_as = |ve: &Ve<'_>| {
        let call = format!("nc {} 7000 </dev/null >/dev/null 2>&1 &", MACHINE[0]);
        ve.sh(&call).done();
        listener.accept().unwrap().1.ip().to_canonical().to_string()
    };
    assert_eq!(seen_as(&ve), "203.0.113.5");
    assert_eq!(seen_as(&host.ve("a").start()), UPLINK[0], "of a pool");
}

fn addresses_of(ve: &Ve<'_>) -> Vec<String> {
    let shown = ve.show();
    let list = shown["addresses"].as_array().unwrap().iter();
    list.map(|address| address.as_str().unwrap().to_owned())
        .collect()
}
