//! Limits of a user namespace that is in use.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use veld_namespaces::{Table, join_users};
use veld_sys::process::{Forked, exit_now, fork};
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
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).context(|| "create a pipe")?;
    match fork().context(|| "create a process that limits tables")? {
        Forked::Child => {
            drop(reader);
            let said = match inside(init, tables, &writer) {
                Ok(()) => DONE.to_owned(),
                Err(failure) => worded(&failure),
            };
            let sent = File::from(writer).write_all(said.as_bytes());
            exit_now(i32::from(sent.is_err()));
        }
        Forked::Parent(child) => {
            drop(writer);
            let mut said = String::new();
            let read = File::from(reader).read_to_string(&mut said);
            let _ = child.reap(PATIENCE);
            read.context(|| "hear of the limits of tables")?;
            heard(&said)
        }
    }
}

/// What the child says when all is limited.
const DONE: &str = "done";

/// A failure on its way to the parent: errno and operation.
fn worded(failure: &Failure) -> String {
    let errno = failure.errno().unwrap_or(Errno::IO.raw_os_error());
    format!("{errno} {}", failure.operation())
}

fn heard(said: &str) -> Result<(), Failure> {
    let failure = said.split_once(' ').and_then(|(errno, operation)| {
        let errno = std::io::Error::from_raw_os_error(errno.parse().ok()?);
        Some(Failure::new(operation, errno))
    });
    match failure {
        _ if said == DONE => Ok(()),
        Some(failure) => Err(failure),
        None => Err(Failure::new(
            "limit tables of the kernel",
            std::io::Error::other("the process that does so died before reporting"),
        )),
    }
}

fn inside(init: BorrowedFd<'_>, tables: &[Table], writer: &OwnedFd) -> Result<(), Failure> {
    let_go_of_all_but(&[init, std::os::fd::AsFd::as_fd(writer)])?;
    join_users(init)?;
    veld_namespaces::limit_tables(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_arrives_as_it_was() {
        let failure = Failure::new("write 5 to /proc/sys/user/x", Errno::PERM);
        let heard = heard(&worded(&failure)).unwrap_err();
        assert_eq!(heard.to_string(), failure.to_string());
        assert_eq!(heard.errno(), failure.errno());
        assert!(super::heard(DONE).is_ok());
    }

    #[test]
    fn silence_is_a_death() {
        let heard = heard("").unwrap_err();
        assert_eq!(
            veld_sys::chain(&heard),
            "cannot limit tables of the kernel: the process that does so died before reporting"
        );
    }
}
