//! From the start command to `running`, as a Debian's own systemctl says.
//!
//! Both have the same root: LXC a copy of the template, of its own so that
//! nothing lies between it and the disk. Both are asked in the same way, each
//! by its own command.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::super::peers::Lxc;
use super::super::sample::Candidate;
use super::super::table::{Aim, Row};
use super::super::{Bench, trees};
use super::{Ve, compare};
use crate::run;

const TEMPLATE: &str = "debian";

/// A Debian that is not up by then never will be.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two questions while nobody can answer yet.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits inside for the end of the boot; it ends at once with an error until
/// the system's bus is there.
pub(super) const QUESTION: &[&str] = &["systemctl", "is-system-running", "--wait"];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    if let Some(veld) = &bench.veld {
        veld.ensure_debian(TEMPLATE)?;
    }
    let root = trees::copy(bench, TEMPLATE)?;
    let ve = bench
        .veld
        .as_ref()
        .map(|veld| Ve::create(veld, "boot", TEMPLATE))
        .transpose()?;
    let lxc = Lxc::define(bench, "boot", &root, &[])?;

    let veld = ve.as_ref().map(|ve| {
        Candidate::new("veld start", || {
            let begin = Instant::now();
            ve.start()?;
            wait_until_running(begin, || ve.exec_command(QUESTION))?;
            let time = begin.elapsed();
            ve.kill()?;
            Ok(time)
        })
    });
    let peer = Candidate::new("lxc-start", || {
        let begin = Instant::now();
        lxc.start()?;
        wait_until_running(begin, || lxc.attach_command(QUESTION))?;
        let time = begin.elapsed();
        lxc.kill()?;
        Ok(time)
    });
    let what = "start until Debian is running";
    compare(bench, what, veld, vec![peer], Aim::Ratio(0.85))
}

pub(super) fn wait_until_running(
    begin: Instant,
    mut question: impl FnMut() -> Command,
) -> Result<()> {
    loop {
        let output = run::collect(&mut question())?;
        let answer = String::from_utf8_lossy(&output.stdout);
        match answer.trim() {
            "running" => return Ok(()),
            "degraded" | "maintenance" => bail!("the system is {}", answer.trim()),
            _ if begin.elapsed() > PATIENCE => {
                let said = String::from_utf8_lossy(&output.stderr);
                bail!("the system is not running after 60 s: {}", said.trim());
            }
            _ => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_the_wait() {
        let shell = |script: &'static str| {
            move || {
                let mut command = Command::new("sh");
                command.args(["-c", script]);
                command
            }
        };
        wait_until_running(Instant::now(), shell("echo running")).unwrap();
        let error = wait_until_running(Instant::now(), shell("echo degraded; exit 1"));
        assert_eq!(error.unwrap_err().to_string(), "the system is degraded");
    }
}
