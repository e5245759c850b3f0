//! Limits of a user namespace that is in use.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use veld_namespaces::{Table, join_users};
use veld_sys::process::{Child, Forked, exit_now, fork};
use veld_sys::{Context, Failure};

use crate::inherited::let_go_of_all_but;

/// How long the child may take to write a dozen files.
const PATIENCE: Duration = Duration::from_secs(5);

/// Limits what each user of the VE whose PID 1 this is may have, by a child that
/// goes into its user namespace and into nothing else of it.
///
/// # Errors
/// As [`veld_namespaces::limit_tables`]; some of the tables are limited then.
pub fn limit_tables(init: BorrowedFd<'_>, tables: &[Table]) -> Result<(), Failure> {
    let limited = inside(init, "limit", || {
        veld_namespaces::limit_tables(tables)?;
        Ok(String::new())
    });
    limited.map(drop)
}

/// What each user of the VE whose PID 1 this is may have of these tables.
///
/// # Errors
/// As [`veld_namespaces::read_tables`].
pub fn read_tables(init: BorrowedFd<'_>, names: &[&'static str]) -> Result<Vec<Table>, Failure> {
    let text = inside(init, "read", || {
        let tables = veld_namespaces::read_tables(names)?;
        let words = tables
            .iter()
            .map(|Table { name, most }| format!("{name}={most} "));
        Ok(words.collect())
    })?;
    let tables = text.split_ascii_whitespace().filter_map(|word| {
        let (name, most) = word.split_once('=')?;
        let name = names.iter().find(|known| **known == name)?;
        let most = most.parse().ok()?;
        Some(Table { name, most })
    });
    Ok(tables.collect())
}

/// Has a child do something in the user namespace of this PID 1; what it says.
fn inside(
    init: BorrowedFd<'_>,
    verb: &str,
    work: impl FnOnce() -> Result<String, Failure>,
) -> Result<String, Failure> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).context(|| "create a pipe")?;
    let what = || format!("{verb} tables of the kernel");
    match fork().context(what)? {
        Forked::Child => {
            drop(reader);
            let done = enter(init, &writer).and_then(|()| work());
            let said = match done {
                Ok(text) => format!("{DONE}{text}"),
                Err(failure) => worded(&failure),
            };
            let sent = File::from(writer).write_all(said.as_bytes());
            exit_now(i32::from(sent.is_err()));
        }
        Forked::Parent(child) => {
            drop(writer);
            if !has_ended(&child, Instant::now() + PATIENCE) {
                child.end(Duration::ZERO);
                let late = format!("it took more than {} s", PATIENCE.as_secs());
                return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, late)).context(what);
            }
            // All of it is in the pipe, which holds more.
            let mut said = String::new();
            File::from(reader).read_to_string(&mut said).context(what)?;
            heard(&said, what)
        }
    }
}

/// Waits for a child; a wait that a signal interrupts is taken up again.
fn has_ended(child: &Child, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if child.reap(left).is_some() {
            return true;
        }
        if left.is_zero() {
            return false;
        }
    }
}

fn enter(init: BorrowedFd<'_>, writer: &OwnedFd) -> Result<(), Failure> {
    let_go_of_all_but(&[init, writer.as_fd()])?;
    join_users(init)
}

/// What the child says first when it has done its work.
const DONE: &str = "done ";

/// A failure on its way to the parent: errno and operation.
fn worded(failure: &Failure) -> String {
    let errno = failure.errno().unwrap_or(Errno::IO.raw_os_error());
    format!("{errno} {}", failure.operation())
}

fn heard(said: &str, what: impl FnOnce() -> String) -> Result<String, Failure> {
    if let Some(text) = said.strip_prefix(DONE) {
        return Ok(text.to_owned());
    }
    let failure = said.split_once(' ').and_then(|(errno, operation)| {
        let errno = std::io::Error::from_raw_os_error(errno.parse().ok()?);
        Some(Failure::new(operation, errno))
    });
    Err(failure.unwrap_or_else(|| {
        let cause = "the process that does so died before reporting";
        Failure::new(what(), std::io::Error::other(cause))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_arrives_as_it_was() {
        let failure = Failure::new("write 5 to /proc/sys/user/x", Errno::PERM);
        let what = || "limit tables".to_owned();
        let heard = heard(&worded(&failure), what).unwrap_err();
        assert_eq!(heard.to_string(), failure.to_string());
        assert_eq!(heard.errno(), failure.errno());
        assert_eq!(super::heard("done x=5", what).unwrap(), "x=5");
    }

    #[test]
    fn silence_is_a_death() {
        let heard = heard("", || "limit tables of the kernel".to_owned()).unwrap_err();
        assert_eq!(
            veld_sys::chain(&heard),
            "cannot limit tables of the kernel: the process that does so died before reporting"
        );
    }
}
