//! How the launcher becomes the shim, and what the shim leaves in the VE's run
//! directory for the commands.
//!
//! The launcher executes the shim over itself with the arguments of
//! [`arguments`], standard input, output and error on /dev/null, seven descriptors
//! at the numbers below, and from [`WATCHED`] on one for each word of its
//! arguments that says what there is to watch: see [`crate::watched`]. Its environment is the one the shim will
//! give to its successor. The shim, in turn, executes the command named in its
//! arguments once the VE has ended, unless [`STOPPING`] says that a command is
//! at work on the VE and does what is left to do. Of its descriptors it leaves
//! [`NETWORK`] open to that command.
//!
//! That command may execute the shim once more, by [`waiting_arguments`], to
//! wait before the VE is started again: with no descriptor but
//! [`RUN_DIRECTORY`], it sleeps that long and executes the command anew.

/// Name of the program: `argv[0]`, and how it shows in a process list.
pub const PROGRAM: &str = "veld-shim";

/// First descriptor number; the rest follow without a gap, in the order of the
/// constants. They are above what a launcher has open, which must not lose its
/// lock and its way to report while it tries to execute the shim; and below 64,
/// up to which a process's table needs no memory of its own.
pub const FIRST_DESCRIPTOR: i32 = 48;
/// pidfd of the VE's PID 1, which is the launcher's child.
pub const INIT: i32 = 48;
/// Master of the pty that is the VE's console. Nobody else may hold it: when the
/// shim dies the console must hang up, else writers in the VE block for ever.
pub const CONSOLE: i32 = 49;
/// Listening stream socket for console clients, at [`CONSOLE_SOCKET`].
pub const CLIENTS: i32 = 50;
/// Datagram socket that PID 1 knows as `NOTIFY_SOCKET`. `SO_PASSCRED` is set on
/// it before PID 1 starts, since a message sent earlier carries no sender.
pub const NOTICES: i32 = 51;
/// The VE's run directory.
pub const RUN_DIRECTORY: i32 = 52;
/// A slave of the console's pty, kept open so that the master never reports an
/// error while nobody in the VE has the console open.
pub const CONSOLE_SLAVE: i32 = 53;
/// The VE's network namespace. It outlives the VE until what went over its links has
/// been counted, and until the shim's successor, who has it at the same number, has
/// taken out what links of the host's are in it.
pub const NETWORK: i32 = 54;
/// First of what is watched for refusals.
pub const WATCHED: i32 = 55;
/// How many descriptors there are from [`WATCHED`] on at most.
pub const MOST_WATCHED: usize = 9;

/// What the shim's successor is called with, between `veld` and the VE's name.
pub const AFTER_END: &str = "after-end";

/// What the shim has done about a VE's traffic, likewise.
pub const ACCOUNT: &str = "account";

/// What a shim without a VE is told before how long it waits.
pub const WAIT: &str = "wait";

/// Socket of the console's clients.
pub const CONSOLE_SOCKET: &str = "console.sock";

/// Output of the console, raw; at most [`LOG_LIMIT`] bytes and one write more.
pub const CONSOLE_LOG: &str = "console.log";
/// The output before that: the log as it was when it passed its limit.
pub const CONSOLE_LOG_BEFORE: &str = "console.log.1";
/// PID 1 said that its services are up: a [`crate::stamp::Stamp`] of when.
pub const READY: &str = "ready";
/// PID 1 said that it is shutting down: a [`crate::stamp::Stamp`] of when.
pub const STOPPING_INSIDE: &str = "stopping-inside";
/// Which init PID 1 found, and what it did about it: a line of
/// [`crate::init::Found`].
pub const FOUND: &str = "init";
/// The services that do not run as they should, by PID 1's word: names with
/// blanks between them; empty once all run again.
pub const FAILED: &str = "failed";
/// What PID 1 last said it is doing: one line without control characters.
pub const STATUS: &str = "status";
/// How PID 1 ended: a line of [`crate::ending::Ended`].
pub const ENDED: &str = "ended";
/// Made by a command, under the VE's lock, before it ends the VE: a line of
/// [`crate::stopper::Stopper`]. The shim leaves what comes after the end to that
/// command, if it still lives.
pub const STOPPING: &str = "stopping";

/// How often limits refused something: lines of [`crate::refused::Refused`].
pub const REFUSALS: &str = "refusals";
/// What of the VE's traffic the shim is to look at: a [`crate::traffic::Metered`].
pub const TRAFFIC: &str = "traffic";
/// What went over the VE's links in all its run: [`crate::traffic::Counts`].
pub const COUNTS: &str = "counts";
/// What happened to the VE: lines of [`crate::event::Event`], appended by its shim
/// and by commands; at most [`EVENTS_LIMIT`] bytes and one line more.
pub const EVENTS: &str = "events";
/// The events before those: the file as it was when it passed its limit.
pub const EVENTS_BEFORE: &str = "events.1";
/// Size past which events are put aside by whoever wrote the last one. It renames
/// the file under an exclusive flock(2) of it, and only if it still has its name.
pub const EVENTS_LIMIT: u64 = 64 * 1024;

/// Size past which the console's log is put aside and begun anew, in bytes.
pub const LOG_LIMIT: u64 = 256 * 1024;
/// Longest [`STATUS`] and longest [`FAILED`], in bytes.
pub const STATUS_LIMIT: usize = 256;

/// The arguments that the shim of VE `name` is executed with, before the words
/// for what is watched; `command` is the path of the veld binary.
#[must_use]
pub fn arguments<'a>(name: &'a str, command: &'a str) -> [&'a str; 3] {
    [PROGRAM, name, command]
}

/// The arguments of a shim that has no VE: it waits for so many milliseconds.
#[must_use]
pub fn waiting_arguments<'a>(name: &'a str, command: &'a str, wait: &'a str) -> [&'a str; 5] {
    let [program, name, command] = arguments(name, command);
    [program, name, command, WAIT, wait]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_follow_each_other_from_the_first() {
        let numbers = [
            INIT,
            CONSOLE,
            CLIENTS,
            NOTICES,
            RUN_DIRECTORY,
            CONSOLE_SLAVE,
            NETWORK,
            WATCHED,
        ];
        assert!(
            numbers
                .into_iter()
                .eq((FIRST_DESCRIPTOR..).take(numbers.len()))
        );
        // A table of descriptors takes no memory of its own up to here.
        let last = WATCHED + i32::try_from(MOST_WATCHED).unwrap() - 1;
        assert_eq!(last, 63);
    }
}
