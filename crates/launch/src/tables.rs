//! Limits of a user namespace that is in use.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use veld_namespaces::{Table, join_users};
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure, chain};

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
            let said = inside(init, tables, &writer);
            let text = said
                .err()
                .map(|failure| chain(&failure))
                .unwrap_or_default();
            let sent = File::from(writer).write_all(text.as_bytes());
            exit_now(i32::from(sent.is_err()));
        }
        Forked::Parent(child) => {
            drop(writer);
            let mut text = String::new();
            let read = File::from(reader).read_to_string(&mut text);
            let ended = child.reap(PATIENCE);
            read.context(|| "hear of the limits of tables")?;
            let failed = |what: &str| {
                let cause = std::io::Error::other(what.to_owned());
                Err(Failure::new("limit tables of the kernel", cause))
            };
            match ended.and_then(|status| status.exit_status()) {
                Some(0) if text.is_empty() => Ok(()),
                Some(0) => failed(&text),
                _ => failed("the process that does so was killed"),
            }
        }
    }
}

fn inside(init: BorrowedFd<'_>, tables: &[Table], writer: &OwnedFd) -> Result<(), Failure> {
    let_go_of_all_but(&[init, std::os::fd::AsFd::as_fd(writer)])?;
    join_users(init)?;
    veld_namespaces::limit_tables(tables)
}
