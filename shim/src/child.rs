//! A command that runs beside the shim.

use std::time::Duration;

use veld_sys::Failure;
use veld_sys::process::{self, Forked};
use veld_sys::{Context, exec};

use crate::end;
use crate::start::Successor;

/// How long a killed process may take to be dead.
const DYING: Duration = Duration::from_secs(1);
/// What a shell gives for a program that cannot be executed.
const NOT_EXECUTED: i32 = 126;

/// A child of the shim's that executes a command.
#[derive(Debug)]
pub(crate) struct Child(process::Child);

impl Child {
    /// Runs the command that looks after the account of the VE.
    ///
    /// # Errors
    /// Those of clone3(2).
    pub(crate) fn run(successor: &Successor) -> Result<Self, Failure> {
        match process::fork().context(|| "fork for the account of the VE")? {
            Forked::Parent(child) => Ok(Self(child)),
            Forked::Child => {
                let _ = exec::close_on_exec_from(3);
                // Nobody is there to hear why.
                let _ = end::execute(&successor.command, &successor.account);
                process::exit_now(NOT_EXECUTED)
            }
        }
    }

    /// Whether it has ended, and is reaped.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.reap(Duration::ZERO).is_some()
    }

    /// Kills it. Whatever it was at is done again by whoever comes next.
    pub(crate) fn end(self) {
        self.0.end(DYING);
    }
}
