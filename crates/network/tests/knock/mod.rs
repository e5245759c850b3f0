//! Connections and datagrams between namespaces, and who is seen to make them.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of each test file, which uses a part of what is here"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a failed test"
)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use veld_network::{GuestRules, Publish, Transport};

use crate::world::{Netns, any, guest4, guest6};

/// How long a connection may take; one that is dropped takes this long.
const PATIENCE: Duration = Duration::from_millis(300);

/// How a connection went.
#[derive(Debug, PartialEq, Eq)]
pub enum Knock {
    /// Made, and who made it as the other side sees it.
    From(IpAddr),
    /// Refused, by whom there is nobody listening at or who forbids it.
    Refused,
    /// Nobody answered.
    Silence,
}

/// Connects from a namespace to an address, where `at` listens to port `inner`.
pub fn knock(from: &Netns, to: SocketAddr, at: &Netns, inner: u16) -> Knock {
    // A program that another test has begun keeps the last listener open until it
    // runs.
    let listener = patiently(|| at.run(|| TcpListener::bind((any(to.ip()), inner)))).unwrap();
    knock_at(from, to, &listener)
}

pub fn knock_at(from: &Netns, to: SocketAddr, listener: &TcpListener) -> Knock {
    listener.set_nonblocking(true).unwrap();
    let mut stream = match from.run(|| TcpStream::connect_timeout(&to, PATIENCE)) {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::TimedOut => return Knock::Silence,
        Err(_) => return Knock::Refused,
    };
    let (mut accepted, seen) = patiently(|| listener.accept()).unwrap();
    // Both ways, so that addresses are right on the way back too.
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    accepted.set_nonblocking(false).unwrap();
    accepted.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut word = [0; 2];
    stream.write_all(b"hi").unwrap();
    accepted.read_exact(&mut word).unwrap();
    accepted.write_all(&word).unwrap();
    stream.read_exact(&mut word).unwrap();
    Knock::From(seen.ip())
}

/// Tries what soon succeeds.
fn patiently<T>(attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
            result => return result,
        }
    }
}

/// Sends a datagram from one to `to`, where `at` listens to port `inner`, and
/// says who sent it, if it and its answer arrive.
pub fn ask(from: &Netns, to: SocketAddr, at: &Netns, inner: u16) -> Option<IpAddr> {
    let listener = at.udp(any(to.ip()), inner);
    let sender = from.udp(any(to.ip()), 0);
    sender.connect(to).ok()?;
    sender.send(b"hello").ok()?;
    let mut buffer = [0; 16];
    let (_, seen) = listener.recv_from(&mut buffer).ok()?;
    listener.send_to(b"hello yourself", seen).ok()?;
    sender.recv(&mut buffer).ok()?;
    Some(seen.ip())
}

/// Rules of guest `id` with link `veldID`, as yet none.
pub fn rules(id: u8) -> GuestRules {
    GuestRules {
        number: id.into(),
        links: vec![format!("veld{id}")],
        addresses: vec![guest4(id), guest6(id)],
        ..GuestRules::default()
    }
}

pub fn tcp(address: Option<&str>, port: u16, inner: u16) -> Publish {
    Publish {
        address: address.map(|address| address.parse().unwrap()),
        port,
        inner,
        transport: Transport::Tcp,
    }
}

pub fn udp(address: Option<&str>, port: u16, inner: u16) -> Publish {
    Publish {
        transport: Transport::Udp,
        ..tcp(address, port, inner)
    }
}

/// `ADDRESS:PORT`.
pub fn at(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address, port)
}
