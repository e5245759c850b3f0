//! Files of a VE that the host has a say in: its name and its resolver.
//!
//! They are a courtesy, written by the child once it is root of the VE and
//! nothing else. Where the VE has something of its own in their place (a link, a
//! fifo, a file that may not be changed, no /etc at all) it is left alone; a disk
//! that is full or broken is not passed over.

use std::fs::DirBuilder;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;

use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};

use crate::inside::Place;

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

/// A file larger than this is left as it is.
const MOST: u64 = 1 << 20;

const ETC: &str = "/etc";
const RUN: &str = "/run";

impl Names {
    /// Sets the host name and brings the files in line with it.
    pub(crate) fn establish(&self) -> Result<(), Failure> {
        fault::point("set host name")
            .and_then(|()| Ok(rustix::system::sethostname(self.hostname.as_bytes())?))
            .context(|| format!("set host name {}", self.hostname))?;
        self.write_files(ETC, RUN)
    }

    fn write_files(&self, etc: &str, run: &str) -> Result<(), Failure> {
        ensure(etc, "hostname", format!("{}\n", self.hostname).as_bytes())?;
        add_to_hosts(etc, &self.hostname)?;
        match &self.resolver {
            Some(resolver) => resolver.establish(etc, run),
            None => Ok(()),
        }
    }
}

/// A host that cannot resolve its own name keeps sudo and mailers waiting.
fn add_to_hosts(etc: &str, name: &str) -> Result<(), Failure> {
    courtesy(etc, "hosts", |place| {
        let before = place.content(MOST)?;
        let missing = missing_from_hosts(before.as_deref().unwrap_or_default(), name);
        match (before, missing) {
            (_, None) => Ok(()),
            (Some(before), Some(missing)) => place.append(before.len(), &missing),
            (None, Some(missing)) => place.replace(&missing),
        }
    })
}

/// What is to be added to the hosts file for `name` to be in it; none where it
/// is already.
fn missing_from_hosts(before: &[u8], name: &str) -> Option<Vec<u8>> {
    const FIRST: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    let known = before.split(|byte| *byte == b'\n').any(|line| {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        line.split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .skip(1)
            .any(|word| word == name.as_bytes())
    });
    if known {
        return None;
    }
    let begin = match before.last() {
        None => FIRST,
        Some(b'\n') => "",
        Some(_) => "\n",
    };
    Some(format!("{begin}127.0.1.1\t{name}\n").into_bytes())
}

impl Resolver {
    /// A distribution whose resolv.conf is a link has a service that owns the
    /// file; systemd's takes servers through /run, others know better than we.
    fn establish(&self, etc: &str, run: &str) -> Result<(), Failure> {
        match std::fs::read_link(format!("{etc}/resolv.conf")) {
            Ok(target) if target.to_string_lossy().contains("systemd/resolve") => {
                let dir = format!("{run}/systemd/resolved.conf.d");
                fault::point("make directory of the VE")
                    .and_then(|()| DirBuilder::new().recursive(true).mode(0o755).create(&dir))
                    .context(|| format!("create {dir} of the VE"))?;
                ensure(&dir, "host.conf", self.for_resolved().as_bytes())
            }
            Ok(_) => Ok(()),
            Err(_) => ensure(etc, "resolv.conf", self.for_resolv_conf().as_bytes()),
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

/// Makes the file hold `content`; one that does already is not touched.
fn ensure(directory: &str, name: &str, content: &[u8]) -> Result<(), Failure> {
    courtesy(directory, name, |place| match place.content(MOST)? {
        Some(same) if same == content => Ok(()),
        _ => place.replace(content),
    })
}

/// Does `work` at a place that may be otherwise in a VE than we think.
fn courtesy(
    directory: &str,
    name: &str,
    work: impl FnOnce(&Place<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    match Place::find(directory, name).and_then(|place| work(&place)) {
        Err(error) if is_of_the_ve(&error) => Ok(()),
        result => result.context(|| format!("write {directory}/{name} of the VE")),
    }
}

/// Whether something that the VE has put in the way says no: a directory that
/// is missing or none, a link, a fifo, a device, a socket, a file that is too
/// large, immutable, or of a user whom the VE does not have.
fn is_of_the_ve(error: &io::Error) -> bool {
    let own = [
        Errno::NOENT,
        Errno::NOTDIR,
        Errno::LOOP,
        Errno::INVAL,
        Errno::ISDIR,
        Errno::NXIO,
        Errno::NODEV,
        Errno::FBIG,
        Errno::ACCESS,
        Errno::PERM,
        Errno::OVERFLOW,
        Errno::EXIST,
    ];
    own.iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests;
