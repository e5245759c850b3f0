//! What a program of another package is started with, so that it outlives nobody and
//! takes no more memory than it is given.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Has the program be killed when the thread that starts it ends, however that does.
///
/// What the program executes in its place is killed too, unless that gains privileges.
///
/// # Kernel
/// `PR_SET_PDEATHSIG` in prctl(2): Linux 2.1.57. It is cleared by a change of ids.
pub fn ends_with_its_parent(command: &mut Command) -> &mut Command {
    let parent = rustix::process::getpid();
    let ask = move || {
        let signal = libc::c_long::from(libc::SIGKILL);
        // SAFETY: the request takes no pointer.
        done(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) })?;
        // A parent that has ended before that has sent nothing.
        if rustix::process::getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::ESRCH))
        }
    };
    // SAFETY: between fork and exec `ask` makes two system calls and takes no lock and
    // no memory.
    unsafe { command.pre_exec(ask) }
}

/// Gives the program, and what it executes in its place or starts, so many bytes of
/// address space each.
///
/// # Kernel
/// `RLIMIT_AS` in getrlimit(2): past it mmap(2) and brk(2) give ENOMEM.
pub fn limited_to(command: &mut Command, bytes: u64) -> &mut Command {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    let ask = move || {
        // SAFETY: `limit` lives across the call, which only reads it.
        done(unsafe { libc::setrlimit(libc::RLIMIT_AS, std::ptr::from_ref(&limit)) })
    };
    // SAFETY: between fork and exec `ask` makes one system call and takes no lock and
    // no memory.
    unsafe { command.pre_exec(ask) }
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test that starts programs")]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_program_has_no_more_address_space_than_it_is_given() {
        let mut shell = Command::new("sh");
        let limited = limited_to(&mut shell, 512 << 20);
        let output = limited.args(["-c", "ulimit -v"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "524288\n");
    }

    #[test]
    fn a_program_is_killed_with_who_started_it() {
        let itself = std::env::current_exe().unwrap();
        let mut parent = Command::new(itself)
            .args(["--exact", "tool::tests::starts_one", "--ignored"])
            .arg("--nocapture")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
        let pid = lines.find_map(|line| line.unwrap().strip_prefix("pid ").map(str::to_owned));
        let stat = format!("/proc/{}/stat", pid.unwrap());
        assert!(runs(&stat));
        parent.kill().unwrap();
        parent.wait().unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while runs(&stat) {
            assert!(Instant::now() < deadline, "{stat}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// One that nobody has reaped yet does not count.
    fn runs(stat: &str) -> bool {
        let stat = std::fs::read(stat).unwrap_or_default();
        crate::process::state_and_birth(&stat).is_some_and(|(state, _)| state != b'Z')
    }

    #[test]
    #[ignore = "run by a_program_is_killed_with_who_started_it, which kills it"]
    #[allow(clippy::print_stdout, reason = "its parent reads it")]
    fn starts_one() {
        // In its place, as nsenter and others do it.
        let mut shell = Command::new("sh");
        let shell = ends_with_its_parent(&mut shell);
        let mut child = shell.args(["-c", "exec sleep 60"]).spawn().unwrap();
        println!("\npid {}", child.id());
        child.wait().unwrap();
    }
}
