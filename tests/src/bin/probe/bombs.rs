//! Attacks: what takes all that it can get of one thing.
//!
//! Each says how much it got, keeps that for a time, and ends as the kernel had it:
//! `ok` where it got what it asked for, the error where that was refused.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Operands;

const MEBIBYTE: usize = 1 << 20;

/// Says how much there is, keeps it, and ends as it went.
fn keep<T>(got: usize, kept: T, milliseconds: &str, ended: io::Result<()>) -> io::Result<()> {
    println!("{got}");
    io::stdout().flush()?;
    std::thread::sleep(Duration::from_millis(milliseconds.parse().unwrap()));
    drop(kept);
    ended
}

fn number(text: &str) -> usize {
    text.parse().unwrap()
}

/// As many descriptors as the process may have.
fn open_many() {
    let most = getrlimit(Resource::Nofile).maximum;
    let all = Rlimit {
        current: most,
        maximum: most,
    };
    setrlimit(Resource::Nofile, all).unwrap();
}

/// Makes processes that do the same, without end.
pub(super) fn fork_bomb(_: Operands<'_>) -> io::Result<()> {
    loop {
        #[allow(clippy::disallowed_methods, reason = "children are what was asked for")]
        let child = std::process::Command::new("/proc/self/exe")
            .arg("fork-bomb")
            .spawn();
        // One that was refused is asked for again.
        drop(child);
    }
}

/// Writes a file and reads it, and says how many mebibytes it could write.
pub(super) fn fill_file(operands: Operands<'_>) -> io::Result<()> {
    let wanted = number(&operands[1]);
    let block = vec![1_u8; MEBIBYTE];
    let mut file = File::create(&operands[0])?;
    let mut written = 0;
    let mut ended = Ok(());
    while written < wanted && ended.is_ok() {
        ended = file.write_all(&block);
        written += usize::from(ended.is_ok());
    }
    let mut read = vec![0_u8; MEBIBYTE];
    let mut file = File::open(&operands[0])?;
    while file.read(&mut read)? > 0 {}
    keep(written, file, &operands[2], ended)
}

/// Fills pipes that nobody reads, and says how many mebibytes they hold.
pub(super) fn fill_pipes(operands: Operands<'_>) -> io::Result<()> {
    let flags = PipeFlags::NONBLOCK | PipeFlags::CLOEXEC;
    let pair = || -> io::Result<(OwnedFd, File)> {
        let (from, to) = pipe_with(flags)?;
        Ok((from, to.into()))
    };
    fill(pair, operands)
}

/// Fills connections that nobody reads from, `unix` or `tcp`.
pub(super) fn fill_sockets(operands: Operands<'_>) -> io::Result<()> {
    let (kind, operands) = (operands[0].as_str(), &operands[1..]);
    match kind {
        "unix" => {
            let pair = || {
                let (from, to) = UnixStream::pair()?;
                to.set_nonblocking(true)?;
                Ok((from, to))
            };
            fill(pair, operands)
        }
        "tcp" => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            let pair = || {
                let to = TcpStream::connect(address)?;
                to.set_nonblocking(true)?;
                Ok((listener.accept()?.0, to))
            };
            fill(pair, operands)
        }
        _ => Err(ErrorKind::InvalidInput.into()),
    }
}

/// Makes pairs and writes to each what it takes, until that was enough.
fn fill<F, T: Write>(
    pair: impl Fn() -> io::Result<(F, T)>,
    operands: Operands<'_>,
) -> io::Result<()> {
    open_many();
    let wanted = number(&operands[0]) * MEBIBYTE;
    let block = vec![1_u8; 1 << 16];
    let (mut kept, mut held) = (Vec::new(), 0);
    let ended = loop {
        if held >= wanted {
            break Ok(());
        }
        let (from, mut to) = match pair() {
            Ok(pair) => pair,
            Err(refused) => break Err(refused),
        };
        // By pages at last: a pipe takes no part of a page that it has not room for.
        for size in [block.len(), 4096] {
            while let Ok(written @ 1..) = to.write(&block[..size]) {
                held += written;
            }
        }
        kept.push((from, to));
    };
    keep(held / MEBIBYTE, kept, &operands[1], ended)
}

/// Opens terminals until there are no more, of the devpts at /dev/pts or of one
/// that it mounts itself, and says how many.
pub(super) fn take_terminals(operands: Operands<'_>) -> io::Result<()> {
    open_many();
    let devpts = match operands[0].as_str() {
        "own" => openat(CWD, "/dev/pts", OFlags::DIRECTORY, Mode::empty())?,
        "new" => new_devpts()?,
        _ => return Err(ErrorKind::InvalidInput.into()),
    };
    let mut kept = Vec::new();
    let refused = loop {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        match openat(&devpts, "ptmx", flags, Mode::empty()) {
            Ok(terminal) => kept.push(terminal),
            Err(refused) => break refused,
        }
    };
    keep(kept.len(), kept, &operands[1], Err(refused.into()))
}

fn new_devpts() -> Result<OwnedFd, Errno> {
    let opened = rustix::mount::fsopen("devpts", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(opened.as_fd(), "ptmxmode", "0666")?;
    rustix::mount::fsconfig_create(opened.as_fd())?;
    rustix::mount::fsmount(
        opened.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )
}

/// Makes empty files in a directory, which it makes.
pub(super) fn make_files(operands: Operands<'_>) -> io::Result<()> {
    let directory = Path::new(&operands[0]);
    fs::create_dir(directory)?;
    for number in 0..number(&operands[1]) {
        File::create(directory.join(number.to_string()))?;
    }
    println!("{}", operands[1]);
    Ok(())
}
