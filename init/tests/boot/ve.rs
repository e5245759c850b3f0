//! A small VE around veld-init: namespaces made by unshare(1), a root of
//! BusyBox in a temporary directory, a pty for a console, a readiness socket.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the test stands in for the launcher, uses the host's unshare and tells what it saw"
)]

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use veld_protocol::ending::Ending;

const BUSYBOX: &str = "/bin/busybox";
const INIT: &str = env!("CARGO_BIN_EXE_veld-init");

/// Long enough for a busy machine, short enough for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

const APPLETS: [&str; 19] = [
    "cat", "chmod", "echo", "env", "grep", "halt", "kill", "killall", "ls", "poweroff", "ps",
    "reboot", "sh", "sleep", "swapoff", "touch", "true", "umount", "wc",
];

/// Makes the mounts that the launcher makes, and executes veld-init in the root.
const LAUNCH: &str = r#"
set -e
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs tmpfs "$ROOT/run"
mkdir "$ROOT/run/host" "$ROOT/old"
mount --bind "$HOST" "$ROOT/run/host"
mount --bind "$CONSOLE" "$ROOT/dev/console"
mount --bind /dev/null "$ROOT/dev/null"
cd "$ROOT"
pivot_root . old
umount -l /old
exec env -i container=veld PATH=/sbin:/bin HOME=/root TERM=linux \
    NOTIFY_SOCKET=/run/host/notify /veld-init "$@"
"#;

/// What a test needs and this machine lacks.
pub(crate) fn missing() -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        Some("not root")
    } else if !Path::new(BUSYBOX).exists() {
        Some("no /bin/busybox (package busybox-static)")
    } else {
        None
    }
}

/// A root that is not booted yet.
pub(crate) struct Root {
    directory: tempfile::TempDir,
}

impl Root {
    /// A root without an init: BusyBox's tools and the test's veld-init.
    pub(crate) fn bare() -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        let root = Self { directory };
        for name in [
            "bin",
            "sbin",
            "etc/init.d",
            "proc",
            "dev",
            "run",
            "log",
            "host",
            "lib",
        ] {
            fs::create_dir_all(root.path(name)).expect("make a directory");
        }
        for device in ["dev/console", "dev/null"] {
            root.file(device, "");
        }
        fs::copy(BUSYBOX, root.path("bin/busybox")).expect("copy busybox");
        for applet in APPLETS {
            symlink("busybox", root.path("bin").join(applet)).expect("link an applet");
        }
        root.install_init();
        root
    }

    /// A root with BusyBox for an init and this inittab.
    pub(crate) fn busybox(inittab: &str) -> Self {
        let root = Self::bare();
        symlink("../bin/busybox", root.path("sbin/init")).expect("link init");
        root.file("etc/inittab", inittab);
        root
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("make a directory");
        fs::write(&path, content).expect("write a file");
    }

    /// An executable script.
    pub(crate) fn script(&self, name: &str, content: &str) {
        self.file(name, &format!("#!/bin/sh\n{content}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(name), mode).expect("make executable");
    }

    /// The binary and, where it is not static as the shipped one is, its libraries.
    fn install_init(&self) {
        fs::copy(INIT, self.path("veld-init")).expect("copy veld-init");
        let output = Command::new("ldd").arg(INIT).output().expect("run ldd");
        let text = String::from_utf8_lossy(&output.stdout);
        for library in text.split_whitespace().filter(|word| word.starts_with('/')) {
            let inside = self.path(library.trim_start_matches('/'));
            fs::create_dir_all(inside.parent().expect("has a parent")).expect("make a directory");
            fs::copy(library, inside).expect("copy a library");
        }
    }

    pub(crate) fn boot(self, args: &[&str]) -> Ve {
        self.boot_with(args, true)
    }

    /// Boots with a console that nobody reads.
    pub(crate) fn boot_unread(self, args: &[&str]) -> Ve {
        self.boot_with(args, false)
    }

    fn boot_with(self, args: &[&str], read: bool) -> Ve {
        let notify = UnixDatagram::bind(self.path("host/notify")).expect("bind a socket");
        notify
            .set_read_timeout(Some(PATIENCE))
            .expect("set a timeout");
        let (master, console_path) = pty();
        let open = || {
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            rustix::fs::open(&console_path, flags, Mode::empty()).expect("open a pty")
        };
        let unshare = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "--pid", "--net"])
            .args(["--uts", "--ipc", "--cgroup", "--fork", "--kill-child"])
            .args(["setsid", "sh", "-c", LAUNCH, "launch"])
            .args(args)
            .env("ROOT", self.directory.path())
            .env("HOST", self.path("host"))
            .env("CONSOLE", &console_path)
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()))
            .spawn()
            .expect("run unshare");
        let output = Arc::new(Mutex::new(String::new()));
        let master = if read {
            collect(master, Arc::clone(&output));
            None
        } else {
            Some(master)
        };
        Ve {
            root: self,
            unshare,
            notify,
            output,
            unread: master,
        }
    }
}

fn pty() -> (OwnedFd, String) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags).expect("open a pty");
    rustix::pty::grantpt(&master).expect("grant a pty");
    rustix::pty::unlockpt(&master).expect("unlock a pty");
    let name = rustix::pty::ptsname(&master, Vec::new()).expect("name a pty");
    (master, name.into_string().expect("is a path"))
}

/// Reads until the last slave is closed.
fn collect(master: OwnedFd, output: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut master = fs::File::from(master);
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).replace('\r', "");
            output.lock().expect("not poisoned").push_str(&text);
        }
    });
}

/// A booting, running or ended VE; dropped, it is gone.
pub(crate) struct Ve {
    root: Root,
    unshare: Child,
    notify: UnixDatagram,
    output: Arc<Mutex<String>>,
    /// Keeps a console that nobody reads from being hung up.
    unread: Option<OwnedFd>,
}

impl Ve {
    /// The next message on the readiness socket.
    pub(crate) fn message(&self) -> String {
        let mut buffer = [0; 4096];
        let count = self.notify.recv(&mut buffer).expect("a message comes");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    /// Waits for readiness; gives the messages before it, less the first, which
    /// says what was found.
    pub(crate) fn ready(&self) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let message = self.message();
            if message.starts_with("READY=1\n") {
                return before;
            }
            if !message.starts_with("X_VELD_INIT=") {
                before.push(message);
            }
        }
    }

    /// Waits for a message.
    pub(crate) fn tells(&self, wanted: &str) {
        while self.message() != wanted {}
    }

    /// PID 1, as the host numbers it.
    pub(crate) fn pid1(&self) -> Pid {
        let parent = self.unshare.id();
        let path = format!("/proc/{parent}/task/{parent}/children");
        let mut number = None;
        until("unshare has a child", || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            number = text
                .split_whitespace()
                .next()
                .and_then(|word| word.parse().ok());
            number.is_some()
        });
        Pid::from_raw(number.expect("was found"))
    }

    /// Sends PID 1 a signal by number, real-time ones too.
    pub(crate) fn signal(&self, signal: i32) {
        let sent = Command::new("kill")
            .args([format!("-{signal}"), self.pid1().to_string()])
            .status()
            .expect("run kill");
        assert!(sent.success());
    }

    /// How many children PID 1 has, ended ones that it has not waited for among them.
    pub(crate) fn children(&self) -> usize {
        let pid = self.pid1();
        let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        text.unwrap_or_default().split_whitespace().count()
    }

    /// Runs a command inside, as an entering administrator would.
    pub(crate) fn enter(&self, command: &str) -> String {
        let output = Command::new("nsenter")
            .args(["--target", &self.pid1().to_string(), "--all", "--"])
            .args(["/bin/sh", "-c", command])
            .output()
            .expect("run nsenter");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a file of the root holds; nothing where there is none.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.path(name)).unwrap_or_default()
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// What the console has shown.
    pub(crate) fn console(&self) -> String {
        self.output.lock().expect("not poisoned").clone()
    }

    /// Waits until the console shows a text.
    pub(crate) fn says(&self, text: &str) {
        until(&format!("the console says {text:?}"), || {
            self.console().contains(text)
        });
    }

    /// Waits for the end.
    pub(crate) fn end(&mut self) -> Ending {
        let mut status: Option<ExitStatus> = None;
        until("the VE ends", || {
            status = self.unshare.try_wait().expect("wait for unshare");
            status.is_some()
        });
        let status = status.expect("has ended");
        // unshare ends as its child did, by signal or by code.
        match (status.signal(), status.code()) {
            (Some(signal), _) => Ending::by_signal(signal.try_into().expect("is small")),
            (None, Some(code)) => Ending::by_exit(code.try_into().expect("is small")),
            (None, None) => Ending::Unseen,
        }
    }
}

impl Drop for Ve {
    fn drop(&mut self) {
        if matches!(self.unshare.try_wait(), Ok(None)) {
            let _ = kill(self.pid1(), Signal::SIGKILL);
            // unshare has a last word, which a full console would hold up.
            self.unread = None;
            let _ = self.unshare.wait();
        }
        if std::thread::panicking() {
            eprintln!("console:\n{}", self.console());
        }
    }
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
