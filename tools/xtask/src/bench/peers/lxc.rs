//! LXC: unprivileged containers as an administrator sets them up, with shifted
//! ids by an idmapped mount, all namespaces, a veth pair and the same
//! capabilities taken away as veld takes.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::super::sample::timed;
use super::super::{Bench, process, write};
use super::{FIRST_ID, IDS};
use crate::place::make_directory;
use crate::run;

/// A defined container.
#[derive(Debug)]
pub(crate) struct Lxc {
    /// LXC's directory of containers.
    containers: PathBuf,
    name: String,
}

impl Lxc {
    /// Defines a container on the root `root`; its PID 1 is `init`, or the
    /// distribution's own where that is empty.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub(crate) fn define(bench: &Bench, name: &str, root: &Path, init: &[&str]) -> Result<Self> {
        let container = Self {
            containers: bench.path("lxc"),
            name: name.to_owned(),
        };
        make_directory(&container.directory())?;
        let config = config_text(name, root, init);
        write(&container.directory().join("config"), &config)?;
        Ok(container)
    }

    /// Where LXC has what it knows of the container; `lxc-destroy` removes it.
    pub(crate) fn directory(&self) -> PathBuf {
        self.containers.join(&self.name)
    }

    /// Starts it: the command returns when PID 1 is executed.
    pub(crate) fn start(&self) -> Result<Duration> {
        timed(|| run::output(&mut self.command("lxc-start")).map(drop))
    }

    /// Starts it and returns the process id of its PID 1 on the host, without the
    /// question that [`Lxc::init`] asks.
    pub(crate) fn start_for_init(&self) -> Result<u32> {
        let file = self.directory().join("monitor");
        let mut start = self.command("lxc-start");
        run::output(start.arg("--pidfile").arg(&file))?;
        let monitor = fs::read_to_string(&file)?;
        let monitor = monitor.trim().parse().context("cannot read a pid")?;
        let init = process::children(monitor).first().copied();
        init.with_context(|| format!("{} has ended at once", self.name))
    }

    /// Runs a program inside, to its end.
    pub(crate) fn attach(&self, program: &[&str]) -> Result<Duration> {
        timed(|| run::output(&mut self.attach_command(program)).map(drop))
    }

    /// The command line of [`Lxc::attach`].
    pub(crate) fn attach_command(&self, program: &[&str]) -> Command {
        let mut command = self.command("lxc-attach");
        command.arg("--").args(program);
        command
    }

    /// Kills it and waits for its end.
    pub(crate) fn kill(&self) -> Result<Duration> {
        timed(|| run::output(self.command("lxc-stop").arg("--kill")).map(drop))
    }

    /// Removes it with its root.
    pub(crate) fn destroy(&self) -> Result<Duration> {
        timed(|| run::output(&mut self.command("lxc-destroy")).map(drop))
    }

    /// Gives the container the host's own ids: lxc-copy makes an overlay of no other.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub(crate) fn unshift(&self) -> Result<()> {
        let path = self.directory().join("config");
        let text = fs::read_to_string(&path)?;
        let lines = text.lines().filter(|line| !line.contains("idmap"));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        write(&path, &text)
    }

    /// Makes the container `name`, which shares the files of this one by an overlay
    /// over them, and removes it; how long the making took. This one may run: what it
    /// writes to is shared all the same.
    pub(crate) fn copy_linked(&self, name: &str) -> Result<Duration> {
        let copy = Self {
            containers: self.containers.clone(),
            name: name.to_owned(),
        };
        let mut command = self.command("lxc-copy");
        command.args(["-s", "-a", "-B", "overlay", "-N", name]);
        let time = timed(|| run::output(&mut command).map(drop))?;
        copy.destroy()?;
        Ok(time)
    }

    /// The process id of PID 1 on the host.
    pub(crate) fn init(&self) -> Result<u32> {
        let text = run::output(self.command("lxc-info").args(["--pid", "--no-humanize"]))?;
        text.trim()
            .parse()
            .with_context(|| format!("cannot read a pid in {text:?} of lxc-info"))
    }

    /// The process id of the monitor: what LXC has on the host per container.
    pub(crate) fn monitor(&self) -> Result<u32> {
        process::parent(self.init()?)
    }

    /// Lets the monitor write down what the console is told.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub(crate) fn keep_console(&self) -> Result<()> {
        let path = self.directory().join("config");
        let mut text = fs::read_to_string(&path)?;
        // Writing to a String does not fail.
        let _ = writeln!(text, "lxc.console.logfile = {}", self.console().display());
        write(&path, &text)
    }

    /// The last line that the console was told, as plain text.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read(self.console()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines().map(plain).filter(|line| !line.is_empty());
        lines
            .next_back()
            .unwrap_or_else(|| "it said nothing".to_owned())
    }

    fn console(&self) -> PathBuf {
        self.directory().join("console")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-P").arg(&self.containers);
        command.args(["-n", &self.name]);
        command
    }
}

impl Drop for Lxc {
    fn drop(&mut self) {
        if self.directory().join("config").exists() {
            // One that does not run cannot be killed, and that is fine here.
            let _ = self.kill();
            let _ = fs::remove_dir_all(self.directory());
        }
    }
}

fn config_text(name: &str, root: &Path, init: &[&str]) -> String {
    let mut text = format!(
        "lxc.uts.name = {name}\n\
         lxc.rootfs.path = dir:{}\n\
         lxc.rootfs.options = idmap=container\n\
         lxc.idmap = u 0 {FIRST_ID} {IDS}\n\
         lxc.idmap = g 0 {FIRST_ID} {IDS}\n\
         lxc.net.0.type = veth\n\
         lxc.net.0.flags = up\n\
         lxc.net.0.ipv4.address = 10.120.0.2/32\n\
         lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed\n\
         lxc.cap.drop = sys_module sys_rawio mac_admin mac_override sys_time audit_read audit_control\n\
         lxc.tty.max = 0\n\
         lxc.pty.max = 1024\n\
         lxc.apparmor.profile = unconfined\n",
        root.display()
    );
    if !init.is_empty() {
        // Writing to a String does not fail.
        let _ = writeln!(text, "lxc.init.cmd = {}", init.join(" "));
    }
    text
}

/// A line without what moves a terminal's cursor, changes its colours or would
/// end a cell of a table.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            let _ = characters.find(char::is_ascii_alphabetic);
        } else if !character.is_control() && character != '|' {
            plain.push(character);
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_console_is_read_without_its_colours() {
        assert_eq!(
            plain("[\u{1b}[0;32m  OK  \u{1b}[0m] a | b\r"),
            "[  OK  ] a  b"
        );
    }

    #[test]
    fn the_container_is_unprivileged_and_has_the_init_asked_for() {
        let text = config_text("tiny", Path::new("/srv/tiny"), &["/bin/busybox", "sleep"]);
        assert!(text.contains("\nlxc.idmap = u 0 1577058304 65536\n"));
        assert!(text.ends_with("lxc.init.cmd = /bin/busybox sleep\n"));
        assert!(!config_text("a", Path::new("/a"), &[]).contains("init.cmd"));
    }
}
