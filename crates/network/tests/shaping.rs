//! Links held to rates, by what really goes over them.
#![allow(
    clippy::unwrap_used,
    reason = "flows of tests are functions; one that fails fails its test"
)]

mod world;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use veld_network::{Error, Rates, counters, meter, shape, shapers, unshape};
use world::{HOST4, HOST6, Netns, World, guest4, guest6};

/// How long a flow is looked at: at the lowest rate here a full bucket is 1 % of it.
const WINDOW: Duration = Duration::from_millis(1500);
/// How long it runs before that: the bucket was full, and TCP begins slowly.
const BEGINNING: Duration = Duration::from_millis(500);

const SHAPER: &str = "veld5o";

fn rates(inbound: impl Into<Option<u64>>, outbound: impl Into<Option<u64>>) -> Rates {
    Rates {
        inbound: inbound.into(),
        outbound: outbound.into(),
    }
}

impl World {
    fn shape(&self, rates: Rates) {
        self.host.run(|| shape("veld5", SHAPER, rates)).unwrap();
    }

    /// Bytes per second that leave the host's link `name` while `flow` runs.
    fn measured(&self, name: &str, flow: impl FnOnce(&AtomicBool) + Send) -> f64 {
        let over = AtomicBool::new(false);
        let bytes = || {
            self.host
                .run(|| counters(name))
                .unwrap()
                .unwrap()
                .received_bytes
        };
        thread::scope(|scope| {
            scope.spawn(|| flow(&over));
            thread::sleep(BEGINNING);
            let (begin, before) = (Instant::now(), bytes());
            thread::sleep(WINDOW);
            let (time, after) = (begin.elapsed(), bytes());
            over.store(true, Ordering::Relaxed);
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let bytes = (after - before) as f64;
            bytes / time.as_secs_f64()
        })
    }
}

/// Sends as much as goes by TCP until it is over.
fn tcp(from: &Netns, to: &Netns, address: IpAddr, over: &AtomicBool) {
    let listener = to.run(|| TcpListener::bind((address, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let mut stream = from.run(|| TcpStream::connect(address)).unwrap();
    let (mut other, _) = listener.accept().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = vec![0; 1 << 17];
            while other.read(&mut buffer).is_ok_and(|read| read > 0) {}
        });
        let buffer = vec![0; 1 << 17];
        while !over.load(Ordering::Relaxed) {
            stream.write_all(&buffer).unwrap();
        }
        // What waits in the sockets is of no interest, and at a low rate takes long.
        stream.shutdown(std::net::Shutdown::Both).unwrap();
        drop(stream);
    });
}

/// Sends datagrams at up to `most` bytes per second until it is over. Nobody reads them.
fn udp(from: &Netns, to: &Netns, address: IpAddr, most: u64, over: &AtomicBool) {
    let sink = to.udp(address, 0);
    let sender: UdpSocket = from.udp_at(SocketAddr::new(world::any(address), 0));
    let target = sink.local_addr().unwrap();
    let begin = Instant::now();
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        let due = u128::from(most) * begin.elapsed().as_micros() / 1_000_000;
        if sent > due {
            thread::sleep(Duration::from_micros(200));
        } else if let Ok(bytes) = sender.send_to(&[0; 1200], target) {
            sent += bytes as u128;
        }
    }
}

#[track_caller]
fn assert_near(measured: f64, rate: u64) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let ratio = measured / rate as f64;
    // A busy machine may do less; nothing makes it do more.
    assert!(
        (0.90..=1.05).contains(&ratio),
        "{measured:.0} of {rate} bytes/s: {ratio:.3}"
    );
}

#[test]
fn tcp_goes_at_the_rate_both_ways_in_both_families() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    let (host, there) = (&world.host, &guest);
    let table = [
        (1_000_000, guest4(5), HOST4),
        (20_000_000, guest6(5), HOST6),
        (200_000_000, guest4(5), HOST4),
    ];
    for (rate, inside, outside) in table {
        world.shape(rates(rate, rate));
        let inbound = world.measured("veld5", |over| tcp(host, there, inside, over));
        assert_near(inbound, rate);
        let outbound = world.measured(SHAPER, |over| tcp(there, host, outside, over));
        assert_near(outbound, rate);
    }
}

#[test]
fn datagrams_above_the_rate_wait_or_are_dropped() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    let rate = 5_000_000;
    world.shape(rates(rate, rate));
    let (host, there) = (&world.host, &guest);
    let inbound = world.measured("veld5", |over| udp(host, there, guest4(5), 4 * rate, over));
    assert_near(inbound, rate);
    let outbound = world.measured(SHAPER, |over| udp(there, host, HOST4, 4 * rate, over));
    assert_near(outbound, rate);
}

#[test]
fn what_is_forwarded_from_a_guest_is_limited_like_what_is_for_the_host() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    let rate = 4_000_000;
    world.shape(rates(None, rate));
    let (lan, there) = (&world.lan, &guest);
    let outbound = world.measured("up0", |over| tcp(there, lan, world::LAN4, over));
    assert_near(outbound, rate);
    // It was masqueraded and checked as ever: an address that is not its own is dropped.
    guest.ip("addr add 10.77.0.99/32 dev eth0");
    let other = [10, 77, 0, 99].into();
    assert_eq!(world::send(&guest, other, &world.lan, world::LAN4), None);
    let seen = world::send(&guest, guest4(5), &world.lan, world::LAN4);
    assert_eq!(seen, Some(HOST4));
}

#[test]
fn a_rate_changes_under_a_flow_and_is_lifted_again() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    world.shape(rates(1_000_000, 1_000_000));
    let (host, there) = (&world.host, &guest);
    let flow = |over: &AtomicBool| {
        world.shape(rates(8_000_000, None));
        tcp(host, there, guest4(5), over);
    };
    assert_near(world.measured("veld5", flow), 8_000_000);
    assert!(!world.exists(SHAPER), "what nothing is led through is gone");
    let back = |over: &AtomicBool| tcp(there, host, HOST4, over);
    world.shape(Rates::default());
    let free = world.measured("veld5", |over| tcp(host, there, guest4(5), over));
    assert!(free > 40_000_000.0, "{free}");
    let seen = || host.run(|| counters("veld5")).unwrap().unwrap().sent_bytes;
    let before = seen();
    world.measured("veld5", back);
    assert!(seen() - before > 60_000_000, "{}", seen() - before);
    let queues = world.host.run(|| world::tool("tc", "qdisc show dev veld5"));
    assert!(
        !queues.contains("tbf") && !queues.contains("clsact"),
        "{queues}"
    );
}

#[test]
fn shaping_twice_is_shaping_once_and_mends_what_is_half_there() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    let look = || {
        let look = |arguments| world.host.run(|| world::tool("tc", arguments));
        [
            look("qdisc show"),
            look("filter show dev veld5 ingress"),
            world.host.ip("-o link show type ifb"),
        ]
    };
    world.shape(rates(3_000_000, 5_000_000_000));
    let once = look();
    assert!(
        once[0].contains("rate 24Mbit") && once[0].contains("rate 40Gbit"),
        "{once:?}"
    );
    assert_eq!(once[1].matches("mirred").count(), 1, "{once:?}");
    world.shape(rates(3_000_000, 5_000_000_000));
    let twice = look();
    assert_eq!(twice[1].matches("mirred").count(), 1, "{twice:?}");
    assert_eq!(once[0], twice[0]);
    // Without the link that it is led through, nothing gets out of the guest.
    world.host.ip("link del veld5o");
    assert!(!world::talks(&guest, &world.host, HOST4));
    world.shape(rates(3_000_000, 5_000_000_000));
    assert!(world::talks(&guest, &world.host, HOST4));
    assert_eq!(look()[1].matches("mirred").count(), 1);
}

#[test]
fn nothing_goes_at_rate_0_until_it_is_lifted() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    world.shape(Rates::default().at_most(1_000_000));
    assert!(world::talks(&guest, &world.host, HOST4));
    world.shape(rates(1_000_000, None).at_most(0));
    for (from, to, address) in [
        (&guest, &world.host, HOST4),
        (&world.host, &guest, guest4(5)),
        (&world.host, &guest, guest6(5)),
    ] {
        let sent = world::send(from, world::any(address), to, address);
        assert_eq!(sent, None, "{address}");
    }
    // Whatever root of the guest does about it.
    guest.ip("link set eth0 down");
    guest.ip("link set eth0 up");
    guest.ip("route add 169.254.0.1 dev eth0");
    guest.ip("route add default via 169.254.0.1");
    assert_eq!(world::send(&guest, guest4(5), &world.host, HOST4), None);
    world.shape(Rates::default());
    // It asks once a second who the gateway is.
    let patience = Instant::now() + Duration::from_secs(10);
    while !world::talks(&guest, &world.host, HOST4) {
        assert!(Instant::now() < patience, "nothing goes any more");
    }
    assert!(world::talks(&world.host, &guest, guest4(5)));
}

#[test]
fn what_is_left_of_a_guest_that_is_gone_is_found_and_removed() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    world.shape(rates(None, 1_000_000));
    drop(guest);
    world.detach("veld5").unwrap();
    world.host.ip("link add other0 type ifb");
    let found = |prefix| world.host.run(|| shapers(prefix)).unwrap();
    assert_eq!(found("veld"), [SHAPER]);
    world.host.run(|| unshape([SHAPER])).unwrap();
    world.host.run(|| unshape([SHAPER])).unwrap();
    assert_eq!(found("veld"), [""; 0]);
    assert_eq!(found("other"), ["other0"]);
}

#[test]
fn a_link_is_metered_by_the_number_that_it_has() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    assert!(world::talks(&guest, &world.host, HOST4));
    let metered = world.host.run(|| meter(["veld5", "veld6"])).unwrap();
    let [link] = metered[..] else {
        panic!("one link of two is there: {metered:?}");
    };
    let shown = world.host.ip("-o link show veld5");
    assert!(shown.starts_with(&format!("{}: ", link.number)), "{shown}");
    assert!(
        link.counters.sent_bytes > 0 && link.counters.received_bytes > 0,
        "{link:?}"
    );
}

#[test]
fn links_of_other_kinds_are_left_alone() {
    let Some(world) = World::new() else { return };
    let guest = world.guest(5);
    world.host.ip("link add veld5o type bridge");
    let refused = world
        .host
        .run(|| shape("veld5", SHAPER, rates(None, 1_000_000)));
    assert!(
        matches!(refused, Err(Error::NotAnIfb { .. })),
        "{refused:?}"
    );
    let refused = world.host.run(|| unshape([SHAPER]));
    assert!(
        matches!(refused, Err(Error::NotAnIfb { .. })),
        "{refused:?}"
    );
    assert!(world.exists(SHAPER));
    assert!(world::talks(&guest, &world.host, HOST4));
    let missing = world.host.run(|| shape("veld6", "veld6o", rates(1, None)));
    let missing = missing.unwrap_err();
    assert_eq!(missing.to_string(), "cannot find link veld6");
    assert_eq!(missing.errno(), Some(19));
}
