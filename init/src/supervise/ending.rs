//! The end of a supervised VE: the kernel tells it to the host.

use rustix::system::{RebootCommand, reboot};
use veld_protocol::init::exit;
use veld_sys::Context;

use super::table::End;
use crate::console;

/// Leaves for good; a code to exit with only where the kernel refuses.
///
/// No sync(2): it would wait for every file system of the host, and what the
/// VE wrote is in the host's page cache, which does not end with the VE.
///
/// # Kernel
/// reboot(2) in a pid namespace ends its PID 1, seen from outside as killed by
/// SIGHUP for a restart and by SIGINT for a halt or a power-off:
/// pid_namespaces(7), Linux 3.4.
pub(crate) fn leave(end: End) -> u8 {
    let (command, word, code) = match end {
        // A restart that went wrong has nothing left to run.
        End::Restart | End::Exit | End::Halt => (RebootCommand::Halt, "halt", exit::STOPPED),
        End::PowerOff => (RebootCommand::PowerOff, "power off", exit::STOPPED),
        End::Reboot => (RebootCommand::Restart, "reboot", exit::REBOOT),
    };
    if let Err(failure) = reboot(command).context(|| word) {
        console::report(&failure);
    }
    code
}
