//! Names of guests, told to guests by dnsmasq. A server of ours there is not.
//!
//! ```text
//!  DIR/hosts/web1   "10.117.0.5 web1 web1.veld"  one file per guest, replaced whole
//!  DIR/users/web1   a guest that asks            dnsmasq runs while there is one
//!  DIR/dnsmasq.conf  DIR/dnsmasq.pid  DIR/lock
//! ```
//!
//! dnsmasq watches `hosts` and knows of a file as soon as it is there, and no more once
//! it is gone. It listens on the address that every guest has for its gateway, and on one of IPv6, answers
//! for the domain of guests itself, and asks the host's resolvers for all else. The first
//! guest that asks has it started, the last that goes has it ended; one that died is
//! started again with the next guest.
//!
//! It reads as nobody, so what it reads is for all to read; DIR can be entered by all,
//! and listed by nobody.
//!
//! systemd-resolved cannot do this: it takes names and addresses from nowhere but
//! /etc/hosts, which is the host's.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressFlags, AddressScope};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use veld_durable::{Life, Lock, LockError};
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure, fault};

use crate::link::open_host;
use crate::message::{self, LOOPBACK};
use crate::parts::GATEWAY4;

/// The program, and where it is looked for: a user's PATH may lack the sbin directories.
const PROGRAM: &str = "dnsmasq";
const DIRECTORIES: [&str; 4] = ["/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin"];
/// Where guests without IPv4 ask: an address of the host's `lo` while names are served.
/// Like the gateway's of IPv4 it is one that no packet from afar comes to, whatever
/// addresses guests have; neighbours, who may send some here, are kept off by rules.
pub(crate) const SERVER6: Ipv6Addr = Ipv6Addr::new(0xfd76, 0x656c, 0x64, 0xffff, 0, 0, 0, 0x35);
/// The domain of guests.
pub const DOMAIN: &str = "veld";
const HOSTS: &str = "hosts";
const USERS: &str = "users";
const CONFIG: &str = "dnsmasq.conf";
const PID: &str = "dnsmasq.pid";
const LOCK: &str = "lock";
/// How long dnsmasq may take to say that it serves, which takes it 20 ms, and to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one waits for another that starts or ends it.
const OTHERS: Duration = Duration::from_secs(15);

/// Names of guests, and who serves them.
#[derive(Debug, Clone)]
pub struct Names {
    dir: PathBuf,
}

impl Names {
    /// Names kept in `dir`.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Whether this host has the program.
    #[must_use]
    pub fn can_be_served() -> bool {
        program().is_some()
    }

    /// Where a guest with such addresses asks for names.
    #[must_use]
    pub fn server_for(&self, addresses: &[IpAddr]) -> IpAddr {
        if addresses.iter().any(IpAddr::is_ipv4) {
            GATEWAY4.into()
        } else {
            SERVER6.into()
        }
    }

    /// Tells of a guest: `name` and `name.veld` are its addresses, and no others.
    ///
    /// # Errors
    /// Names the path.
    pub fn put(&self, name: &str, addresses: &[IpAddr]) -> Result<(), Failure> {
        if addresses.is_empty() {
            return remove(&self.hosts().join(name));
        }
        let mut text = String::new();
        for address in addresses {
            // A String takes all that is written to it.
            let _ = writeln!(text, "{address} {name} {name}.{DOMAIN}");
        }
        self.ensure_dirs()?;
        veld_durable::replace_for_all(&self.hosts().join(name), text.as_bytes(), Life::Volatile)
    }

    /// Serves names to guest `name` too, and so has dnsmasq started where it does not
    /// run. `prepare` is called in the process that becomes dnsmasq. This process must
    /// have one thread.
    ///
    /// # Errors
    /// NotFound where there is no dnsmasq; its own words where it refuses; names the
    /// path of a file that could not be written.
    pub fn serve(&self, name: &str, prepare: impl FnOnce()) -> Result<(), Failure> {
        self.ensure_dirs()?;
        let user = self.users().join(name);
        veld_durable::replace(&user, b"", Life::Volatile)?;
        let _lock = self.lock(&format!("names for {name}"))?;
        let config = self.config();
        let held = std::fs::read(self.dir.join(CONFIG)).ok();
        if let Some(running) = self.running() {
            if held.as_deref() == Some(config.as_bytes()) {
                return Ok(());
            }
            // Of a release that ran it otherwise.
            end(&running).context(|| format!("end {PROGRAM}"))?;
        }
        self.enter()?;
        Self::add_address()?;
        veld_durable::replace_for_all(&self.dir.join(CONFIG), config.as_bytes(), Life::Volatile)?;
        self.start(prepare)
    }

    /// Takes away what is told of a guest, and what is served to it: dnsmasq ends with
    /// the last. A guest of which nothing is told is fine.
    ///
    /// # Errors
    /// Names the path; ETIMEDOUT where dnsmasq does not end.
    pub fn withdraw(&self, name: &str) -> Result<(), Failure> {
        remove(&self.hosts().join(name))?;
        let user = self.users().join(name);
        if !user.exists() {
            return Ok(());
        }
        let _lock = self.lock(&format!("names for {name}"))?;
        remove(&user)?;
        if self.has_users() {
            return Ok(());
        }
        if let Some(running) = self.running() {
            fault::point("end dnsmasq")
                .and_then(|()| end(&running))
                .context(|| format!("end {PROGRAM}"))?;
        }
        Self::delete_address()?;
        remove(&self.dir.join(PID))?;
        remove(&self.dir.join(CONFIG))
    }

    fn hosts(&self) -> PathBuf {
        self.dir.join(HOSTS)
    }

    fn users(&self) -> PathBuf {
        self.dir.join(USERS)
    }

    fn has_users(&self) -> bool {
        let names = std::fs::read_dir(self.users()).into_iter().flatten();
        // Others are what a replacement left that was killed.
        names
            .flatten()
            .any(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
    }

    fn ensure_dirs(&self) -> Result<(), Failure> {
        for (dir, mode) in [(self.users(), 0o700), (self.hosts(), 0o755)] {
            if !dir.is_dir() {
                veld_durable::ensure_dir(&dir, Life::Volatile)?;
                set_mode(&dir, mode)?;
                set_mode(&self.dir, 0o711)?;
            }
        }
        Ok(())
    }

    /// Lets dnsmasq through to what it reads. What is beside has directories of its own,
    /// which are closed.
    fn enter(&self) -> Result<(), Failure> {
        match self.dir.parent() {
            Some(parent) => set_mode(parent, 0o711),
            None => Ok(()),
        }
    }

    fn lock(&self, what: &str) -> Result<Lock, Failure> {
        let path = self.dir.join(LOCK);
        Lock::acquire(&path, OTHERS, what).map_err(|error| match error {
            LockError::Failed(failure) => failure,
            LockError::Held(holder) => {
                let by = holder.map_or_else(String::new, |holder| format!(" by {holder}"));
                let held = io::Error::new(ErrorKind::WouldBlock, format!("is held{by}"));
                Failure::new(format!("lock {}", path.display()), held)
            }
        })
    }

    /// # Kernel
    /// None: dnsmasq(8). `bind-dynamic` waits for an address that the host does not
    /// have yet, and leaves other addresses to other servers.
    fn config(&self) -> String {
        format!(
            "no-hosts\nhostsdir={}\npid-file={}\nlisten-address={GATEWAY4}\n\
             listen-address={SERVER6}\nbind-dynamic\nlocal=/{DOMAIN}/\nuser=nobody\n\
             cache-size=1000\nno-dhcp-interface=*\n",
            self.hosts().display(),
            self.dir.join(PID).display(),
        )
    }

    /// The words that it is run with, by which it is known again.
    fn words(&self, program: &Path) -> [String; 2] {
        let config = self.dir.join(CONFIG);
        [
            program.display().to_string(),
            format!("--conf-file={}", config.display()),
        ]
    }

    /// The dnsmasq that runs for this directory.
    ///
    /// Its number may be another's by now, and the file is dnsmasq's own to write: the
    /// process of the number is only believed if it was run with just our words.
    fn running(&self) -> Option<OwnedFd> {
        let text = std::fs::read_to_string(self.dir.join(PID)).ok()?;
        // A number below 0 would be a group of processes.
        let number: i32 = text.trim().parse().ok().filter(|number| *number > 0)?;
        let pidfd = pidfd_open(Pid::from_raw(number)?, PidfdFlags::empty()).ok()?;
        let words = std::fs::read(format!("/proc/{number}/cmdline")).ok()?;
        let is_ours = |directory: &str| {
            let program = Path::new(directory).join(PROGRAM);
            let ours: String = self
                .words(&program)
                .iter()
                .map(|word| format!("{word}\0"))
                .collect();
            words == ours.as_bytes()
        };
        DIRECTORIES.iter().any(|it| is_ours(it)).then_some(pidfd)
    }

    /// Has it started by a child that becomes it. It puts itself into the background
    /// once it serves; the child then ends, by 0.
    fn start(&self, prepare: impl FnOnce()) -> Result<(), Failure> {
        let what = || format!("run {PROGRAM}");
        let program = program().ok_or(Errno::NOENT).context(what)?;
        fault::point("start dnsmasq").context(what)?;
        let (mut said, says) = io::pipe().context(what)?;
        let child = match fork().context(what)? {
            Forked::Child => {
                prepare();
                let [name, config] = self.words(&program);
                // Where it returns, that is why.
                let error = command(&name, &config, says).exec();
                exit_now(error.raw_os_error().unwrap_or(1));
            }
            Forked::Parent(child) => child,
        };
        drop(says);
        let status = child.reap(PATIENCE);
        if status
            .as_ref()
            .and_then(rustix::process::WaitIdStatus::exit_status)
            == Some(0)
        {
            return Ok(());
        }
        if status.is_none() {
            child.end(PATIENCE);
            return Err(Errno::TIMEDOUT).context(what);
        }
        let mut text = String::new();
        let _ = said.by_ref().take(4096).read_to_string(&mut text);
        let line = text.lines().find(|line| !line.trim().is_empty());
        let line = line.unwrap_or("it says nothing").trim().to_owned();
        Err(io::Error::other(line)).context(what)
    }

    fn add_address() -> Result<(), Failure> {
        let address = message::address(
            LOOPBACK,
            SERVER6.into(),
            128,
            AddressScope::Host,
            AddressFlags::empty(),
        );
        let new = NLM_F_CREATE | NLM_F_EXCL;
        match open_host()?.change("add resolver address", address, new) {
            // A host without IPv6 serves those of its guests that have IPv4.
            Err(error)
                if matches!(
                    Errno::from_io_error(&error),
                    Some(Errno::EXIST | Errno::OPNOTSUPP | Errno::ACCESS | Errno::AFNOSUPPORT)
                ) =>
            {
                Ok(())
            }
            result => result.context(|| format!("add address {SERVER6} to link lo")),
        }
    }

    fn delete_address() -> Result<(), Failure> {
        let address = message::delete_address(LOOPBACK, SERVER6.into(), 128);
        match open_host()?.change("remove resolver address", address, 0) {
            Err(error)
                if matches!(
                    Errno::from_io_error(&error),
                    Some(Errno::ADDRNOTAVAIL | Errno::OPNOTSUPP | Errno::AFNOSUPPORT)
                ) =>
            {
                Ok(())
            }
            result => result.context(|| format!("remove address {SERVER6} from link lo")),
        }
    }
}

fn program() -> Option<PathBuf> {
    let paths = DIRECTORIES.map(|directory| Path::new(directory).join(PROGRAM));
    paths.into_iter().find(|path| path.is_file())
}

fn command(program: &str, config: &str, says: io::PipeWriter) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "names are served by a server that the host has, not by one of ours"
    )]
    let mut command = Command::new(program);
    command
        .arg(config)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(says);
    command
}

/// Ends it and waits until it has ended.
fn end(pidfd: &OwnedFd) -> io::Result<()> {
    for signal in [Signal::TERM, Signal::KILL] {
        match pidfd_send_signal(pidfd.as_fd(), signal) {
            Err(Errno::SRCH) => return Ok(()),
            result => result?,
        }
        let patience = Timespec::try_from(PATIENCE).map_err(|_| Errno::INVAL)?;
        let mut ended = [PollFd::new(pidfd, PollFlags::IN)];
        if retry_on_intr(|| poll(&mut ended, Some(&patience)))? > 0 {
            return Ok(());
        }
    }
    Err(Errno::TIMEDOUT.into())
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Failure> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
        .context(|| format!("set the mode of {}", path.display()))
}

/// Removes a file; one that is not there is fine.
fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(()),
        result => result.context(|| format!("remove {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_for_all_to_read_while_it_has_addresses() {
        let dir = tempfile::tempdir().unwrap();
        let names = Names::new(dir.path().join("names"));
        let addresses = ["10.0.0.5", "fd77::5"].map(|it| it.parse().unwrap());
        names.put("web1", &addresses).unwrap();
        let file = dir.path().join("names/hosts/web1");
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, "10.0.0.5 web1 web1.veld\nfd77::5 web1 web1.veld\n");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o644);
        assert_eq!(mode(&dir.path().join("names/hosts")), 0o755);
        assert_eq!(mode(&dir.path().join("names")), 0o711);
        names.put("web1", &[]).unwrap();
        assert!(!file.exists());
        names.put("web1", &addresses).unwrap();
        names.withdraw("web1").unwrap();
        names.withdraw("web1").unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn a_guest_asks_where_it_can() {
        let names = Names::new(PathBuf::from("/run/x"));
        let server = |addresses: &[&str]| {
            let addresses: Vec<IpAddr> = addresses.iter().map(|it| it.parse().unwrap()).collect();
            names.server_for(&addresses).to_string()
        };
        assert_eq!(server(&["fd77::5", "10.0.0.5"]), "169.254.0.1");
        assert_eq!(server(&["fd77::5"]), "fd76:656c:64:ffff::35");
    }

    #[test]
    fn only_what_was_run_for_this_directory_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let names = Names::new(dir.path().to_owned());
        assert!(names.running().is_none());
        for number in ["", "x", "-1", "0", &std::process::id().to_string()] {
            veld_durable::replace(&dir.path().join(PID), number.as_bytes(), Life::Volatile)
                .unwrap();
            assert!(names.running().is_none(), "{number}");
        }
    }
}
