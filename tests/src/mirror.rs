//! The machine's package mirror, for VEs of a test's host.
//!
//! A test's host is a network namespace without an uplink. So a thread listens
//! at an address of that host and passes on what arrives, as bytes, to the mirror,
//! which it reaches through the machine's own namespace. A VE takes the address
//! to be the mirror's by a line in its /etc/hosts. Nothing is changed on the
//! machine, and neither apt nor the mirror can tell, whatever they speak.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};

use crate::command::Cmd;
use crate::ve::Ve;

/// Where the first mirror seems to be; kept for documentation by RFC 5737.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// How often a thread looks whether it is still needed.
const TICK: Duration = Duration::from_millis(20);

/// The mirrors that one VE's apt knows, until it is dropped.
#[derive(Debug)]
pub struct Mirror {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Mirror {
    /// Makes the mirrors of a Debian in reach of it.
    ///
    /// # Panics
    /// Where its apt has no mirror that is asked by name.
    pub(crate) fn reach_from(ve: &Ve<'_>, machine: BorrowedFd<'_>) -> Self {
        let mut mirror = Self {
            over: Arc::default(),
            threads: Vec::new(),
        };
        let sources = ve.sh("cat /etc/apt/sources.list").ok().stdout;
        let mirrors = mirrors(&sources);
        assert!(!mirrors.is_empty(), "no mirror in: {sources}");
        let mut address = FIRST;
        for (name, port) in mirrors {
            mirror.pass_on(SocketAddr::from((address, port)), &name, machine);
            ve.sh(&format!("echo {address} {name} >>/etc/hosts")).done();
            address = Ipv4Addr::from_bits(address.to_bits() + 1);
        }
        mirror
    }

    /// Passes on what comes to `here` to the same port of `name`.
    fn pass_on(&mut self, here: SocketAddr, name: &str, machine: BorrowedFd<'_>) {
        // A VE before may have had the same mirrors.
        let address = here.ip().to_string();
        Cmd::program("ip", ["address", "replace", &address, "dev", "lo"])
            .run()
            .ok();
        let listener = TcpListener::bind(here).unwrap();
        listener.set_nonblocking(true).unwrap();
        let there = (name.to_owned(), here.port());
        let machine = File::from(machine.try_clone_to_owned().unwrap());
        let over = Arc::clone(&self.over);
        self.threads.push(std::thread::spawn(move || {
            setns(machine.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
            let there: Vec<SocketAddr> = there.to_socket_addrs().unwrap().collect();
            accept(&listener, &there, &over);
        }));
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that could not reach the mirror has said so.
            let _ = thread.join();
        }
    }
}

/// Serves connections until it is over. Threads of this one are in its namespace.
fn accept(listener: &TcpListener, there: &[SocketAddr], over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((client, _)) => {
                client.set_nonblocking(false).unwrap();
                if let Ok(server) = TcpStream::connect(there) {
                    relay(&client, &server);
                    relay(&server, &client);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(TICK),
            Err(error) => panic!("cannot accept: {error}"),
        }
    }
}

/// Copies one direction in a thread that ends with the connection.
fn relay(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        // Either side may go away at any time; the other learns it by this.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// The names and ports of the addresses in lines of sources.list.
fn mirrors(sources: &str) -> Vec<(String, u16)> {
    let words = sources.lines().flat_map(str::split_whitespace);
    let mut found: Vec<(String, u16)> = words.filter_map(mirror).collect();
    found.sort();
    found.dedup();
    found
}

fn mirror(address: &str) -> Option<(String, u16)> {
    let (rest, usual) = match address.split_once("://")? {
        ("http", rest) => (rest, 80),
        ("https", rest) => (rest, 443),
        _ => return None,
    };
    let place = rest.split('/').next().unwrap_or_default();
    match place.split_once(':') {
        Some((name, port)) => Some((name.to_owned(), port.parse().ok()?)),
        None => Some((place.to_owned(), usual)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mirror_is_found_once() {
        let sources = "deb http://m.test/debian trixie main\n\n\
                       deb http://m.test/debian trixie-updates main\n\
                       deb https://s.test:8443/security trixie-security main\n\
                       deb file:/mirror trixie main\n";
        let expected = [("m.test".to_owned(), 80), ("s.test".to_owned(), 8443)];
        assert_eq!(mirrors(sources), expected);
    }
}
