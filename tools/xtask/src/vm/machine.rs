//! One boot of the guest: QEMU, the streams of the command, and how it ended.
//!
//! The guest has three ports: `out` and `err`, which are the command's streams,
//! and `status`, on which it says `up` and at last `ended N`. The kernel's own
//! words go to a file, and are shown where there is no `ended`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::boot;
use super::command::Job;
use super::disk::Disk;
use super::kernel::Kernel;
use crate::place::make_directory;
use crate::report;
use crate::workspace::Workspace;

const QEMU: &str = "qemu-system-x86_64";

/// Enough for some distributions beside the page cache.
const MEMORY: &str = "3G";

/// With KVM a kernel says that it is up after two or three seconds. One that has
/// not by then never does.
const UP: Duration = Duration::from_secs(15);

const PAUSE: Duration = Duration::from_millis(20);

/// How much of the kernel's words is shown of a guest that failed.
const LAST: usize = 4000;

/// Nothing is defended against in the guest, and what is translated is slow.
const KERNEL_OPTIONS: &str = "console=ttyS0 loglevel=4 panic=-1 audit=0 apparmor=0 nokaslr \
                              mitigations=off init_on_alloc=0 cryptomgr.notests";

/// What executes the guest's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Accelerator {
    Kvm,
    /// QEMU's translation.
    Tcg,
}

impl Accelerator {
    fn options(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            // Without wide vectors, which are slow to translate and long to save.
            Self::Tcg => ["-accel", "tcg", "-cpu", "Nehalem"],
        }
    }
}

impl Accelerator {
    fn processors(self) -> &'static str {
        match self {
            Self::Kvm => "2",
            // With two, translated by a thread each, a guest dies now and then of
            // code that one patches under the other; by one thread, timers get lost.
            Self::Tcg => "1",
        }
    }
}

/// The machine, before it is switched on.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    kernel: &'a Kernel,
    disk: &'a Disk,
    cache: PathBuf,
}

impl<'a> Machine<'a> {
    pub(super) fn new(workspace: &Workspace, kernel: &'a Kernel, disk: &'a Disk) -> Result<Self> {
        let cache = workspace.target("vm-cache");
        make_directory(&cache)?;
        Ok(Self {
            kernel,
            disk,
            cache,
        })
    }

    /// Boots, runs the command, and returns its status.
    ///
    /// # Errors
    /// The guest does not come up, or does not end by itself in time.
    pub(super) fn run(&self, job: &Job, patience: Duration) -> Result<u8> {
        let scratch = Scratch::make(&self.cache)?;
        let initial = boot::initial_root(self.kernel, job, &scratch.directory)?;
        let begin = Instant::now();
        report::heading(&format!("guest, Linux {}", self.kernel.release));
        if self.may_use_kvm() {
            let mut running = self.switch_on(Accelerator::Kvm, &initial, &scratch)?;
            if running.is_up_within(UP)? {
                return running.wait(begin + patience);
            }
            running.end();
            println!("   a kernel does not come up with KVM here: QEMU translates from now on");
            fs::write(self.without_kvm(), "")?;
        }
        let running = self.switch_on(Accelerator::Tcg, &initial, &scratch)?;
        running.wait(begin + patience)
    }

    fn may_use_kvm(&self) -> bool {
        let kvm = fs::OpenOptions::new().write(true).open("/dev/kvm");
        kvm.is_ok() && !self.without_kvm().exists()
    }

    /// There once it was found that KVM does not do.
    fn without_kvm(&self) -> PathBuf {
        self.cache.join("without-kvm")
    }

    fn switch_on(
        &self,
        accelerator: Accelerator,
        initial: &Path,
        scratch: &Scratch,
    ) -> Result<Running> {
        let status = scratch.directory.join("status");
        let console = scratch.directory.join("console");
        fs::write(&status, "")?;
        // Ended with this process, however that ends.
        let mut qemu = Command::new("setpriv");
        qemu.args(["--pdeathsig", "KILL", QEMU, "-machine", "q35"]);
        qemu.args(accelerator.options());
        qemu.args(["-smp", accelerator.processors(), "-m", MEMORY]);
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none"]);
        qemu.args(["-no-reboot", "-net", "none", "-device", "virtio-rng-pci"]);
        qemu.arg("-kernel").arg(self.kernel.image());
        qemu.arg("-initrd").arg(initial);
        qemu.args(["-append", KERNEL_OPTIONS]);
        qemu.arg("-serial")
            .arg(format!("file:{}", console.display()));
        let root = "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap";
        qemu.args(["-fsdev", root]);
        qemu.args(["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"]);
        let disk = self.disk.path.display();
        qemu.arg("-drive").arg(format!(
            "file={disk},format=raw,if=virtio,snapshot=on,cache=unsafe"
        ));
        qemu.args(["-device", "virtio-serial-pci"]);
        let ports = [
            ("out", Path::new("/proc/self/fd/1")),
            ("err", Path::new("/proc/self/fd/2")),
            ("status", &status),
        ];
        for (name, path) in ports {
            qemu.arg("-chardev")
                .arg(format!("file,id={name},path={}", path.display()));
            qemu.arg("-device")
                .arg(format!("virtserialport,name={name},chardev={name}"));
        }
        // Where the snapshot is kept.
        qemu.env("TMPDIR", &scratch.directory);
        Running::start(qemu, status, console)
    }
}

/// A guest that runs. The streams are pipes, since QEMU opens them by path, and
/// a file so opened would be cut to nothing.
struct Running {
    qemu: Child,
    status: PathBuf,
    console: PathBuf,
    streams: Vec<std::thread::JoinHandle<io::Result<u64>>>,
}

impl Running {
    fn start(mut command: Command, status: PathBuf, console: PathBuf) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut qemu = command
            .spawn()
            .with_context(|| format!("cannot run {QEMU}"))?;
        let mut streams = Vec::new();
        if let Some(mut out) = qemu.stdout.take() {
            streams.push(std::thread::spawn(move || {
                io::copy(&mut out, &mut io::stdout())
            }));
        }
        if let Some(mut err) = qemu.stderr.take() {
            streams.push(std::thread::spawn(move || {
                io::copy(&mut err, &mut io::stderr())
            }));
        }
        Ok(Self {
            qemu,
            status,
            console,
            streams,
        })
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.status).unwrap_or_default()
    }

    fn is_up_within(&mut self, patience: Duration) -> Result<bool> {
        let deadline = Instant::now() + patience;
        loop {
            if is_up(&self.said()) {
                return Ok(true);
            }
            if Instant::now() >= deadline || self.qemu.try_wait()?.is_some() {
                return Ok(false);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits for its end by itself.
    fn wait(mut self, deadline: Instant) -> Result<u8> {
        while self.qemu.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                self.end();
                bail!("the guest took too long{}", self.last_words());
            }
            std::thread::sleep(PAUSE);
        }
        self.end();
        match ended(&self.said()) {
            Some(status) => Ok(status),
            None => bail!("the guest ended before its command{}", self.last_words()),
        }
    }

    fn end(&mut self) {
        // One that has ended cannot be killed, and that is as good.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        for stream in self.streams.drain(..) {
            let _ = stream.join();
        }
    }

    fn last_words(&self) -> String {
        let console = fs::read(&self.console).unwrap_or_default();
        let last = &console[console.len().saturating_sub(LAST)..];
        let text = String::from_utf8_lossy(last);
        if text.trim().is_empty() {
            return String::new();
        }
        format!("; its kernel said:\n{}", text.trim_end())
    }
}

fn is_up(said: &str) -> bool {
    said.lines().any(|line| line == "up")
}

fn ended(said: &str) -> Option<u8> {
    let number = said.lines().find_map(|line| line.strip_prefix("ended "))?;
    number.parse().ok()
}

/// How directories of boots are named, before the number of their process.
const BOOT: &str = "boot-";

/// A directory of this boot's own.
struct Scratch {
    directory: PathBuf,
}

impl Scratch {
    fn make(cache: &Path) -> Result<Self> {
        Self::sweep(cache)?;
        let directory = cache.join(format!("{BOOT}{}", std::process::id()));
        make_directory(&directory)?;
        Ok(Self { directory })
    }

    /// Removes what processes left that were killed.
    fn sweep(cache: &Path) -> Result<()> {
        for entry in fs::read_dir(cache)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some(pid) = name.strip_prefix(BOOT) else {
                continue;
            };
            let runs =
                pid != std::process::id().to_string() && Path::new("/proc").join(pid).exists();
            if !runs {
                fs::remove_dir_all(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_runs_is_not() {
        let cache = tempfile::tempdir().unwrap();
        // No process has a number as high.
        for name in ["boot-1", "boot-4999999", "disks"] {
            fs::create_dir(cache.path().join(name)).unwrap();
        }
        let scratch = Scratch::make(cache.path()).unwrap();
        let there = |name: &str| cache.path().join(name).exists();
        assert!(there("boot-1") && there("disks") && scratch.directory.exists());
        assert!(!there("boot-4999999"));
    }

    #[test]
    fn the_status_is_what_the_guest_said_last() {
        assert!(is_up("up\n"));
        assert!(!is_up(""));
        assert_eq!(ended("up\nended 7\n"), Some(7));
        assert_eq!(ended("up\n"), None);
        assert_eq!(ended("up\nended 1000\n"), None);
    }
}
