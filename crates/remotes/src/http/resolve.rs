//! Addresses of names, as this host knows them.
//!
//! A static program cannot load what /etc/nsswitch.conf names, so getent(1) is asked,
//! which the C library comes with; it can also be given up, which a look-up within
//! the process cannot.

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// As many addresses as there is place for.
const MOST: usize = 16;
const TICK: Duration = Duration::from_millis(5);
/// In any case.
const LONGEST: Duration = Duration::from_secs(60);

/// Asks getent(1), until told to stop.
#[derive(Debug)]
pub(super) struct Getent {
    stop: Arc<AtomicBool>,
}

/// A host that has no address.
#[derive(Debug, thiserror::Error)]
#[error("no address of host {0} is known")]
pub(super) struct NoAddress(pub(super) String);

impl Getent {
    pub(super) fn new(stop: Arc<AtomicBool>) -> Self {
        Self { stop }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the C library's own program is the one that knows how names are looked up here"
    )]
    fn look_up(&self, host: &str, patience: Duration) -> Result<Vec<IpAddr>, ureq::Error> {
        let mut child = Command::new("getent")
            .args(["ahosts", "--", host])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let ended = self.wait(&mut child, Instant::now() + patience.min(LONGEST));
        if !ended {
            let _ = child.kill();
            let _ = child.wait();
            return Err(ureq::Error::Timeout(ureq::Timeout::Resolve));
        }
        let mut text = String::new();
        // At most what a pipe holds, or it would not have ended.
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_string(&mut text)?;
        }
        Ok(addresses(&text))
    }

    fn wait(&self, child: &mut Child, deadline: Instant) -> bool {
        loop {
            match child.try_wait() {
                Ok(None) if self.stop.load(Ordering::Relaxed) => return false,
                Ok(None) if Instant::now() >= deadline => return false,
                Ok(None) => std::thread::sleep(TICK),
                Ok(Some(_)) => return true,
                Err(_) => return false,
            }
        }
    }
}

impl Resolver for Getent {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let usual = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(usual);
        let addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.look_up(host, *timeout.after)?,
        };
        if addresses.is_empty() {
            let unknown = NoAddress(host.to_owned());
            return Err(ureq::Error::Other(Box::new(unknown)));
        }
        let mut found = self.empty();
        for address in addresses.into_iter().take(MOST) {
            found.push(SocketAddr::new(address, port));
        }
        Ok(found)
    }
}

/// The first word of each line is an address, once for each kind of socket.
fn addresses(text: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let words = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    for address in words.filter_map(|word| word.parse().ok()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_taken_once_and_in_order() {
        let text = "::1             STREAM localhost\n::1             DGRAM  \n\
                    127.0.0.1       STREAM \n127.0.0.1       RAW    \nx\n";
        let expected: [IpAddr; 2] = ["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        assert_eq!(addresses(text), expected);
    }

    #[test]
    fn a_name_of_this_host_is_known_and_no_name_is_an_option() {
        let getent = Getent::new(Arc::default());
        let patience = Duration::from_secs(20);
        let found = getent.look_up("localhost", patience).unwrap();
        assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty());
        assert_eq!(
            getent.look_up("--help", patience).unwrap(),
            [] as [IpAddr; 0]
        );
    }
}
