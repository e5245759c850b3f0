//! Files of a VE that the host has a say in: its name and its resolver.
//!
//! Written by the child once it is root of the VE and nothing else: a link of
//! the VE's can lead it nowhere that the VE could not go by itself.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use veld_sys::{Context, Failure, fault};

use crate::inside;

/// What the VE is called and whom it asks for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Host name; kept in /etc/hostname and /etc/hosts too.
    pub hostname: String,
    /// Name servers; `None` leaves the VE's own alone.
    pub resolver: Option<Resolver>,
}

/// The content of resolv.conf(5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolver {
    /// Servers, in the order they are asked.
    pub servers: Vec<IpAddr>,
    /// Domains that short names are tried in.
    pub search: Vec<String>,
}

/// A hosts file larger than this is left as it is.
const MOST: u64 = 1 << 20;

impl Names {
    /// Sets the host name and brings the files in line with it.
    pub(crate) fn establish(&self) -> Result<(), Failure> {
        fault::point("set host name")
            .and_then(|()| Ok(rustix::system::sethostname(self.hostname.as_bytes())?))
            .context(|| format!("set host name {}", self.hostname))?;
        ensure("/etc/hostname", &format!("{}\n", self.hostname))?;
        self.add_to_hosts()?;
        match &self.resolver {
            Some(resolver) => resolver.establish(),
            None => Ok(()),
        }
    }

    /// A host that cannot resolve its own name keeps sudo and mailers waiting.
    fn add_to_hosts(&self) -> Result<(), Failure> {
        let path = "/etc/hosts";
        let before = read(path).context(|| format!("read {path}"))?;
        match hosts_with(before.as_deref(), &self.hostname) {
            Some(after) => ensure(path, &after),
            None => Ok(()),
        }
    }
}

/// The hosts file with `name` in it; none where it need not change.
fn hosts_with(before: Option<&str>, name: &str) -> Option<String> {
    const FIRST: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    let before = before.unwrap_or(FIRST);
    let known = before
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .any(|line| {
            line.split_ascii_whitespace()
                .skip(1)
                .any(|word| word == name)
        });
    if known {
        return None;
    }
    let gap = if before.is_empty() || before.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    Some(format!("{before}{gap}127.0.1.1\t{name}\n"))
}

impl Resolver {
    /// A distribution whose resolv.conf is a link has a service that owns the
    /// file; systemd's takes servers through /run, others know better than we.
    fn establish(&self) -> Result<(), Failure> {
        match std::fs::read_link("/etc/resolv.conf") {
            Ok(target) if target.to_string_lossy().contains("systemd/resolve") => {
                let dir = "/run/systemd/resolved.conf.d";
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o755)
                    .create(dir)
                    .context(|| format!("create {dir}"))?;
                ensure(&format!("{dir}/host.conf"), &self.for_resolved())
            }
            Ok(_) => Ok(()),
            Err(_) => ensure("/etc/resolv.conf", &self.for_resolv_conf()),
        }
    }

    fn for_resolv_conf(&self) -> String {
        let mut text = String::new();
        if !self.search.is_empty() {
            text += &format!("search {}\n", self.search.join(" "));
        }
        for server in &self.servers {
            text += &format!("nameserver {server}\n");
        }
        text
    }

    fn for_resolved(&self) -> String {
        let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        format!(
            "[Resolve]\nDNS={}\nDomains={}\n",
            servers.join(" "),
            self.search.join(" ")
        )
    }
}

/// Makes `path` hold `content`; a file that does already is not touched.
fn ensure(path: &str, content: &str) -> Result<(), Failure> {
    if let Ok(Some(same)) = read(path)
        && same == content
    {
        return Ok(());
    }
    fault::point("write file of the VE")
        .and_then(|()| replace(path, content))
        .context(|| format!("write {path} of the VE"))
}

fn replace(path: &str, content: &str) -> io::Result<()> {
    let beside = format!("{path}.veld");
    // What a former start left half-written, or somebody put in the way.
    let _ = std::fs::remove_file(&beside);
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o644);
    let mut file = options.open(&beside)?;
    file.write_all(content.as_bytes())?;
    std::fs::rename(&beside, path)
}

fn read(path: &str) -> io::Result<Option<String>> {
    match inside::read(path, MOST) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_gains_the_name_once() {
        let first = hosts_with(None, "web1").unwrap();
        assert!(first.ends_with("\n127.0.1.1\tweb1\n"), "{first}");
        assert_eq!(hosts_with(Some(&first), "web1"), None);
        assert_eq!(
            hosts_with(Some("# web1\n10.0.0.1 web10"), "web1").unwrap(),
            "# web1\n10.0.0.1 web10\n127.0.1.1\tweb1\n"
        );
    }

    #[test]
    fn resolver_files_hold_servers_and_domains() {
        let resolver = Resolver {
            servers: vec!["10.0.0.53".parse().unwrap(), "fd00::53".parse().unwrap()],
            search: vec!["example.org".to_owned()],
        };
        assert_eq!(
            resolver.for_resolv_conf(),
            "search example.org\nnameserver 10.0.0.53\nnameserver fd00::53\n"
        );
        assert_eq!(
            resolver.for_resolved(),
            "[Resolve]\nDNS=10.0.0.53 fd00::53\nDomains=example.org\n"
        );
    }
}
