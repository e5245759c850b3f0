//! One process under a shim, and what a test asks about it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use veld_protocol::console::{Size, data_header, resize};
use veld_protocol::shim;
use veld_protocol::stamp::Stamp;
use veld_protocol::stopper::Stopper;

/// More than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Boot {
    pub(crate) directory: TempDir,
    shim: Child,
}

/// Starts a shell script as "PID 1"; None, said aloud, where there is no root.
pub(crate) fn script(text: &str) -> Option<Boot> {
    boot(&[], &["/bin/sh", "-c", text])
}

/// The same in a pid namespace of its own.
pub(crate) fn script_in_namespace(text: &str) -> Option<Boot> {
    boot(&["--namespace"], &["/bin/sh", "-c", text])
}

pub(crate) fn boot(options: &[&str], program: &[&str]) -> Option<Boot> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root may be a client of a shim");
        return None;
    }
    let directory = tempfile::Builder::new().prefix("ve").tempdir().unwrap();
    let command = directory.path().join("veld");
    // What follows the shim here writes down how it was called.
    std::os::unix::fs::symlink(launcher(), &command).unwrap();
    let shim = Command::new(launcher())
        .arg("boot")
        .arg(directory.path())
        .arg(shim_program())
        .arg(&command)
        .args(options)
        .args(program)
        .spawn()
        .unwrap();
    let boot = Boot { directory, shim };
    // It may be over before one looks.
    until("the shim is there", || {
        boot.comm() == shim::PROGRAM || boot.path(shim::ENDED).exists()
    });
    Some(boot)
}

pub(crate) fn launcher() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/launcher")
}

pub(crate) fn shim_program() -> PathBuf {
    std::env::var_os("VELD_SHIM").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_veld-shim")),
        PathBuf::from,
    )
}

/// Whether the shim under test is built as it is shipped.
pub(crate) fn shipped() -> bool {
    std::env::var_os("VELD_SHIM").is_some()
}

pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Boot {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The content of a file in the run directory; empty where it is not there.
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.file(name)).into_owned()
    }

    pub(crate) fn until_log_has(&self, words: &str) {
        until(words, || self.text(shim::CONSOLE_LOG).contains(words));
    }

    pub(crate) fn touch(&self, name: &str) {
        std::fs::File::create(self.path(name)).unwrap();
    }

    /// As a command does that is about to end the VE.
    pub(crate) fn say_stopping(&self, stopper: Stopper) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.path(shim::STOPPING)).unwrap();
        writeln!(file, "{stopper}").unwrap();
    }

    pub(crate) fn attach(&self) -> UnixStream {
        let client = UnixStream::connect(self.path(shim::CONSOLE_SOCKET)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        client
    }

    pub(crate) fn shim_pid(&self) -> u32 {
        self.shim.id()
    }

    /// The "PID 1": the only child of the shim.
    pub(crate) fn init_pid(&self) -> i32 {
        let pid = self.shim.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        children.unwrap().trim().parse().unwrap()
    }

    pub(crate) fn comm(&self) -> String {
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", self.shim.id()));
        comm.unwrap_or_default().trim().to_owned()
    }

    /// Memory that is the shim's alone in KiB. Pages of its file are shared by
    /// all shims of a host, and look private while there is only one.
    pub(crate) fn private_kib(&self) -> u64 {
        let path = format!("/proc/{}/smaps_rollup", self.shim.id());
        let rollup = std::fs::read_to_string(path).unwrap();
        rollup
            .lines()
            .filter(|line| line.starts_with("Anonymous:"))
            .map(|line| {
                line.split_whitespace()
                    .nth(1)
                    .unwrap()
                    .parse::<u64>()
                    .unwrap()
            })
            .sum()
    }

    /// Processor time that the shim has used, in clock ticks (10 ms).
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.shim.id())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1;
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks.map(|field| field.parse::<u64>().unwrap()).sum()
    }

    pub(crate) fn kill_shim(&mut self) {
        self.shim.kill().unwrap();
        self.shim.wait().unwrap();
    }

    /// Waits for the shim, or what it became, to end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the shim has ended", || {
            status = self.shim.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Boot {
    fn drop(&mut self) {
        if self.shim.try_wait().unwrap().is_none() {
            self.say_stopping(word_of(std::process::id()));
            kill(self.init_pid(), rustix::process::Signal::KILL);
            let _ = self.shim.wait();
        }
    }
}

/// The word of a command that is the process of this number.
pub(crate) fn word_of(pid: u32) -> Stopper {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    Stopper {
        pid: pid.cast_signed(),
        born: fields.split(' ').nth(19).unwrap().parse().unwrap(),
        until: Stamp::now(),
    }
}

pub(crate) fn kill(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let _ = rustix::process::kill_process(pid, signal);
}

pub(crate) fn type_in(client: &mut UnixStream, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap();
    client.write_all(&data_header(length)).unwrap();
    client.write_all(bytes).unwrap();
}

pub(crate) fn set_size(client: &mut UnixStream, columns: u16, rows: u16) {
    client.write_all(&resize(Size { columns, rows })).unwrap();
}

/// Reads until `words` have come; what came, with them.
pub(crate) fn read_until(client: &mut UnixStream, words: &str) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if text.contains(words) {
            return text;
        }
        let length = client.read(&mut buffer).expect(words);
        assert_ne!(length, 0, "ended before {words:?}: {text:?}");
        seen.extend_from_slice(&buffer[..length]);
    }
}

/// Everything until the shim closes the connection.
pub(crate) fn read_all(client: &mut UnixStream) -> String {
    let mut seen = Vec::new();
    client.read_to_end(&mut seen).unwrap();
    String::from_utf8_lossy(&seen).into_owned()
}

pub(crate) fn size_of_file(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}
