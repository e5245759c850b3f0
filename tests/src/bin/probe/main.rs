//! Answers questions from inside a VE: `probe QUESTION OPERANDS…`.
//!
//! The answer is one line, `ok` or the name of the error (`EPERM`), after what
//! was asked for; the exit status is 0 or 1 likewise.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it is run by tests, which see what it panics with, and prints its answer"
)]

mod attributes;
mod bombs;

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::ptrace;
use nix::unistd::Pid;
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::net::{AddressFamily, Protocol, SendFlags, SocketAddrV4, SocketType};

type Operands<'a> = &'a [String];

/// A question: its name, what it takes, and who answers it.
struct Question {
    name: &'static str,
    operands: &'static str,
    ask: fn(Operands<'_>) -> io::Result<()>,
}

const QUESTIONS: &[Question] = &[
    Question {
        name: "mount",
        operands: "TYPE DIRECTORY",
        ask: mount_new,
    },
    Question {
        name: "bind",
        operands: "FROM TO",
        ask: bind,
    },
    Question {
        name: "remount",
        operands: "DIRECTORY",
        ask: remount,
    },
    Question {
        name: "read",
        operands: "FILE",
        ask: read,
    },
    Question {
        name: "write",
        operands: "FILE TEXT",
        ask: write,
    },
    Question {
        name: "mknod",
        operands: "FILE MAJOR MINOR",
        ask: mknod,
    },
    Question {
        name: "trace",
        operands: "PID",
        ask: trace,
    },
    Question {
        name: "signal",
        operands: "PID NUMBER",
        ask: signal,
    },
    Question {
        name: "join",
        operands: "NAMESPACE-FILE",
        ask: join,
    },
    Question {
        name: "unshare",
        operands: "NAME",
        ask: new_namespace,
    },
    Question {
        name: "hostname",
        operands: "NAME",
        ask: hostname,
    },
    Question {
        name: "descriptors",
        operands: "",
        ask: descriptors,
    },
    Question {
        name: "terminal",
        operands: "",
        ask: terminal,
    },
    Question {
        name: "fork",
        operands: "NUMBER",
        ask: fork,
    },
    Question {
        name: "insist",
        operands: "MILLISECONDS",
        ask: insist,
    },
    Question {
        name: "eat",
        operands: "MEBIBYTES",
        ask: eat,
    },
    Question {
        name: "spin",
        operands: "MILLISECONDS",
        ask: spin,
    },
    Question {
        name: "hang",
        operands: "DIRECTORY",
        ask: hang,
    },
    Question {
        name: "send-from",
        operands: "SOURCE DESTINATION",
        ask: send_from,
    },
    Question {
        name: "fork-bomb",
        operands: "",
        ask: bombs::fork_bomb,
    },
    Question {
        name: "fill-file",
        operands: "FILE MEBIBYTES MILLISECONDS",
        ask: bombs::fill_file,
    },
    Question {
        name: "fill-pipes",
        operands: "MEBIBYTES MILLISECONDS",
        ask: bombs::fill_pipes,
    },
    Question {
        name: "fill-sockets",
        operands: "KIND MEBIBYTES MILLISECONDS",
        ask: bombs::fill_sockets,
    },
    Question {
        name: "take-terminals",
        operands: "WHOSE MILLISECONDS",
        ask: bombs::take_terminals,
    },
    Question {
        name: "make-files",
        operands: "DIRECTORY NUMBER",
        ask: bombs::make_files,
    },
    Question {
        name: "entitle",
        operands: "FILE",
        ask: attributes::entitle,
    },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = words.split_first().and_then(|(name, operands)| {
        let question = QUESTIONS.iter().find(|question| question.name == name)?;
        let wanted = question.operands.split_whitespace().count();
        (operands.len() == wanted).then_some((question, operands))
    });
    let Some((question, operands)) = asked else {
        for question in QUESTIONS {
            println!("probe {} {}", question.name, question.operands);
        }
        return ExitCode::from(2);
    };
    match (question.ask)(operands) {
        Ok(()) => {
            println!("ok");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let number = error.raw_os_error();
            let name = number.map_or_else(
                || error.to_string(),
                |number| format!("{:?}", Errno::from_raw(number)),
            );
            println!("{name}");
            ExitCode::FAILURE
        }
    }
}

fn mount_new(operands: Operands<'_>) -> io::Result<()> {
    let (kind, directory) = (operands[0].as_str(), operands[1].as_str());
    Ok(mount(
        Some(kind),
        directory,
        Some(kind),
        MsFlags::empty(),
        None::<&str>,
    )?)
}

fn bind(operands: Operands<'_>) -> io::Result<()> {
    let (from, to) = (operands[0].as_str(), operands[1].as_str());
    Ok(mount(
        Some(from),
        to,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )?)
}

/// Makes a mount writable, with none of the flags that it has.
fn remount(operands: Operands<'_>) -> io::Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
    Ok(mount(
        None::<&str>,
        operands[0].as_str(),
        None::<&str>,
        flags,
        None::<&str>,
    )?)
}

fn read(operands: Operands<'_>) -> io::Result<()> {
    let mut content = Vec::new();
    File::open(&operands[0])?
        .take(1 << 16)
        .read_to_end(&mut content)?;
    println!("{}", String::from_utf8_lossy(&content).trim_end());
    Ok(())
}

/// In one write and without making the file, as files of the kernel want it.
fn write(operands: Operands<'_>) -> io::Result<()> {
    let mut file = File::options().write(true).open(&operands[0])?;
    file.write_all(operands[1].as_bytes())
}

/// Makes a device, and opens it: a mount without devices allows but the one.
fn mknod(operands: Operands<'_>) -> io::Result<()> {
    let number = |text: &str| text.parse::<u32>().unwrap();
    let device = rustix::fs::makedev(number(&operands[1]), number(&operands[2]));
    let path = Path::new(&operands[0]);
    rustix::fs::mknodat(
        CWD,
        path,
        FileType::BlockDevice,
        Mode::from_raw_mode(0o600),
        device,
    )?;
    rustix::fs::open(path, OFlags::RDONLY, Mode::empty())?;
    Ok(())
}

fn trace(operands: Operands<'_>) -> io::Result<()> {
    Ok(ptrace::seize(pid(&operands[0]), ptrace::Options::empty())?)
}

fn signal(operands: Operands<'_>) -> io::Result<()> {
    let number: i32 = operands[1].parse().unwrap();
    let signal = nix::sys::signal::Signal::try_from(number).ok();
    Ok(nix::sys::signal::kill(pid(&operands[0]), signal)?)
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.parse().unwrap())
}

fn join(operands: Operands<'_>) -> io::Result<()> {
    Ok(setns(File::open(&operands[0])?, CloneFlags::empty())?)
}

fn new_namespace(operands: Operands<'_>) -> io::Result<()> {
    let flag = match operands[0].as_str() {
        "user" => CloneFlags::CLONE_NEWUSER,
        "mnt" => CloneFlags::CLONE_NEWNS,
        "net" => CloneFlags::CLONE_NEWNET,
        "pid" => CloneFlags::CLONE_NEWPID,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    Ok(unshare(flag)?)
}

fn hostname(operands: Operands<'_>) -> io::Result<()> {
    Ok(rustix::system::sethostname(operands[0].as_bytes())?)
}

/// Lists what is open, as `NUMBER TARGET`.
fn descriptors(_: Operands<'_>) -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let target = std::fs::read_link(entry.path());
        // The directory that is just being read is not there any more.
        if let Ok(target) = target
            && !target.starts_with("/proc")
        {
            println!(
                "{} {}",
                entry.file_name().to_string_lossy(),
                target.display()
            );
        }
    }
    Ok(())
}

/// Opens the controlling terminal and says which and how large it is.
fn terminal(_: Operands<'_>) -> io::Result<()> {
    let terminal = rustix::fs::open("/dev/tty", OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    let size = rustix::termios::tcgetwinsize(&terminal)?;
    let name = rustix::termios::ttyname(std::io::stdin(), Vec::new())?;
    println!("{} {}x{}", name.to_string_lossy(), size.ws_col, size.ws_row);
    Ok(())
}

/// Makes processes that wait, and says how many before it was refused one.
fn fork(operands: Operands<'_>) -> io::Result<()> {
    let wanted: usize = operands[0].parse().unwrap();
    let mut made = Vec::new();
    let result = loop {
        if made.len() == wanted {
            break Ok(());
        }
        // Of itself: the VE may have no other program.
        #[allow(clippy::disallowed_methods, reason = "children are what was asked for")]
        let child = std::process::Command::new("/proc/self/exe")
            .args(["spin", "60000"])
            .spawn();
        match child {
            Ok(child) => made.push(child),
            Err(refused) => break Err(refused),
        }
    };
    println!("{}", made.len());
    for mut child in made {
        child.kill()?;
        child.wait()?;
    }
    result
}

/// Makes threads until none can be made, goes on trying for a time, and says how
/// often that was refused.
fn insist(operands: Operands<'_>) -> io::Result<()> {
    let wanted = Duration::from_millis(operands[0].parse().unwrap());
    let begun = Instant::now();
    let mut refused: u64 = 0;
    while begun.elapsed() < wanted {
        let thread = std::thread::Builder::new().stack_size(16 << 10);
        let made = thread.spawn(|| std::thread::sleep(Duration::from_secs(1000)));
        refused += u64::from(made.is_err());
    }
    println!("{refused}");
    Ok(())
}

/// Uses memory, every page of it.
fn eat(operands: Operands<'_>) -> io::Result<()> {
    let mebibytes: usize = operands[0].parse().unwrap();
    let mut eaten = vec![0_u8; mebibytes << 20];
    for page in eaten.chunks_mut(4096) {
        page[0] = 1;
    }
    println!("{}", std::hint::black_box(&eaten).len() >> 20);
    Ok(())
}

/// Uses a processor for a time by the wall clock, and says how many
/// milliseconds of it were had.
fn spin(operands: Operands<'_>) -> io::Result<()> {
    let wanted = Duration::from_millis(operands[0].parse().unwrap());
    let begun = Instant::now();
    while begun.elapsed() < wanted {
        std::hint::spin_loop();
    }
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    println!("{}", used.tv_sec * 1000 + used.tv_nsec / 1_000_000);
    Ok(())
}

/// Sends an IPv4 packet without content that claims to come from SOURCE.
fn send_from(operands: Operands<'_>) -> io::Result<()> {
    let address = |text: &str| text.parse::<Ipv4Addr>().unwrap();
    let (source, destination) = (address(&operands[0]), address(&operands[1]));
    // IPPROTO_RAW: the header is given, too. The kernel fills in length and checksum.
    let raw = Protocol::from_raw(std::num::NonZeroU32::new(255).unwrap());
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::RAW, Some(raw))?;
    // Version 4 and 5 words; 20 bytes; a lifetime of 64; protocol 253, for experiments.
    let mut packet = [
        0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    packet[12..16].copy_from_slice(&source.octets());
    packet[16..20].copy_from_slice(&destination.octets());
    let to = SocketAddrV4::new(destination, 0);
    rustix::net::sendto(&socket, &packet, SendFlags::empty(), &to)?;
    Ok(())
}

/// Mounts a file system that it serves itself, and opens a file of it: the
/// request is taken and never answered, and `asked` said.
fn hang(operands: Operands<'_>) -> io::Result<()> {
    let directory = operands[0].as_str();
    let mut server = File::options().read(true).write(true).open("/dev/fuse")?;
    let data = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0",
        server.as_raw_fd()
    );
    mount(
        Some("fuse"),
        directory,
        Some("fuse"),
        MsFlags::empty(),
        Some(data.as_str()),
    )?;
    // Both have the server open, so it is not closed before both have ended.
    std::thread::spawn(move || {
        begin_service(&mut server).unwrap();
        next_request(&mut server).unwrap();
        println!("asked");
        loop {
            std::thread::park();
        }
    });
    File::open(Path::new(directory).join("file")).map(drop)
}

/// Answers FUSE_INIT, without which no request comes: version 7.31, no features.
fn begin_service(server: &mut File) -> io::Result<()> {
    let request = next_request(server)?;
    // fuse_out_header: length, error, and the request's number, which is its
    // second word of eight bytes; then fuse_init_out of 64 bytes.
    let mut answer = Vec::new();
    answer.extend(80_u32.to_ne_bytes());
    answer.extend(0_u32.to_ne_bytes());
    answer.extend(&request[8..16]);
    answer.extend(7_u32.to_ne_bytes());
    answer.extend(31_u32.to_ne_bytes());
    answer.resize(80, 0);
    server.write_all(&answer)
}

fn next_request(server: &mut File) -> io::Result<Vec<u8>> {
    let mut request = vec![0; 1 << 17];
    let length = server.read(&mut request)?;
    request.truncate(length);
    Ok(request)
}
