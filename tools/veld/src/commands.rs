//! The commands, a file each.

mod autostart;
mod clone;
mod console;
mod create;
mod events;
mod exec;
mod files;
mod host;
mod list;
mod logs;
mod net;
mod pause;
mod quota;
mod remote;
mod rename;
mod restart;
mod set;
mod show;
mod snapshot;
mod start;
mod stats;
mod stop;
mod storage;
mod template;
mod top;
mod volume;

use std::process::ExitCode;

use veld_supervisor::Host;
use veld_sys::Failure;

use crate::cli::Command;
use crate::jobs::each;
use crate::report::{self, Failed, StatusOf};

pub(crate) use list::{Column, Order};
pub(crate) use stats::{Column as Measure, Order as MeasureOrder};

/// Runs a command to its end; the exit status says how it went.
pub(crate) fn run(command: Command) -> ExitCode {
    let status_of = if matches!(command, Command::Exec(_) | Command::Enter(_)) {
        StatusOf::Program
    } else {
        StatusOf::Veld
    };
    dispatch(command).unwrap_or_else(|failed| report::failed(&failed, status_of))
}

/// Whoever may not look at VEs would be told that there are none.
fn must_be_root() -> Result<(), Failure> {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return Ok(());
    }
    let operation = format!("work as user {}", user.as_raw());
    Err(Failure::new(operation, rustix::io::Errno::PERM))
}

fn dispatch(command: Command) -> Result<ExitCode, Failed> {
    must_be_root()?;
    let host = Host::open()?;
    let done = match command {
        Command::Exec(exec) => return exec::exec(&host, exec),
        Command::Enter(enter) => return exec::enter(&host, enter),
        Command::Cp(cp) => return files::cp(&host, &cp),
        Command::Top(top) => return top::run(&host, &top),
        Command::Host(show) => return host::run(&host, &show),
        Command::Console(one) => return console::run(&host, &one),
        Command::Net(net) => net::run(&host, &net),
        Command::Template(command) => template::run(&host, command),
        Command::Create(create) => create::run(&host, create),
        Command::Start(start) => start::run(&host, &start),
        Command::Autostart(autostart) => autostart::run(&host, &autostart),
        Command::Stop(stop) => stop::run(&host, &stop),
        Command::Restart(restart) => restart::run(&host, &restart),
        Command::Pause(pause) => pause::pause(&host, &pause),
        Command::Resume(resume) => pause::resume(&host, &resume),
        Command::Kill(kill) => each(&host, &kill.which, |ve| {
            veld_supervisor::kill(ve, kill.signal.0)
        }),
        Command::List(list) => list::run(&host, &list),
        Command::Storage(show) => storage::run(&host, &show),
        Command::Quota(quota) => quota::run(&host, quota),
        Command::Convert(convert) => storage::convert(&host, &convert),
        Command::Volume(command) => volume::run(&host, command),
        Command::Set(set) => set::run(&host, set),
        Command::Show(show) => show::run(&host, &show),
        Command::Stats(stats) => stats::run(&host, &stats),
        Command::Events(events) => events::run(&host, &events),
        Command::Logs(logs) => logs::run(&host, &logs),
        Command::Destroy(destroy) => {
            // Of one that was killed when its VE was gone already.
            veld_supervisor::empty_in_background(&host);
            each(&host, &destroy.which, |ve| {
                veld_supervisor::destroy(ve, destroy.force)
            })
        }
        Command::Mount(mount) => files::mount(&host, &mount),
        Command::Umount(one) => files::umount(&host, &one),
        Command::Clone(clone) => clone::run(&host, clone),
        Command::Snapshot(command) => snapshot::run(&host, command),
        Command::Rename(rename) => rename::run(&host, &rename),
        Command::Account(one) => {
            veld_supervisor::account(&host.find(&one.ve)?)?;
            Ok(())
        }
        Command::Trash => {
            veld_supervisor::empty_trash(&host)?;
            Ok(())
        }
        Command::AfterEnd(one) => {
            veld_supervisor::after_end(&host.find(&one.ve)?)?;
            Ok(())
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}
