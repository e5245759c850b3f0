//! runc: an application container of all namespaces with shifted ids, on a
//! read-only root. Its ids on disk are not shifted, so it could not write.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::super::sample::timed;
use super::super::{Bench, write};
use super::{FIRST_ID, IDS};
use crate::run;

/// A bundle and the one container that is run of it.
#[derive(Debug)]
pub(crate) struct Runc {
    bundle: PathBuf,
    state: PathBuf,
    id: String,
}

impl Runc {
    /// Writes a bundle whose container executes `program` on the root `root`.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub(crate) fn define(bench: &Bench, id: &str, root: &Path, program: &[&str]) -> Result<Self> {
        let bundle = bench.fresh_directory(&format!("runc-{id}"))?;
        write(&bundle.join("config.json"), &config_text(root, program))?;
        Ok(Self {
            state: bundle.join("state"),
            bundle,
            id: format!("veld-bench-{id}"),
        })
    }

    /// Starts the container: the command returns when its program is executed.
    pub(crate) fn start(&self) -> Result<Duration> {
        let mut command = self.command();
        command.args(["run", "--detach", "--bundle"]);
        command.arg(&self.bundle).arg(&self.id);
        // The container keeps what it is given: a pipe would never be closed.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        timed(|| run::run(&mut command)).with_context(|| self.log())
    }

    /// Runs a program inside, to its end.
    pub(crate) fn exec(&self, program: &[&str]) -> Result<Duration> {
        timed(|| run::output(self.command().args(["exec", &self.id]).args(program)).map(drop))
    }

    /// Kills the container and removes it.
    pub(crate) fn delete(&self) -> Result<Duration> {
        timed(|| run::output(self.command().args(["delete", "--force", &self.id])).map(drop))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(&self.state);
        command.arg("--log").arg(self.bundle.join("log"));
        command
    }

    /// What runc wrote of its last fault.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.bundle.join("log")).unwrap_or_default();
        log.lines().last().unwrap_or("no word from runc").to_owned()
    }
}

impl Drop for Runc {
    fn drop(&mut self) {
        // Forced, it is content with a container that is not there.
        let _ = self.delete();
        let _ = std::fs::remove_dir_all(&self.bundle);
    }
}

fn config_text(root: &Path, program: &[&str]) -> String {
    let map = format!("{{\"containerID\": 0, \"hostID\": {FIRST_ID}, \"size\": {IDS}}}");
    let namespaces = ["pid", "network", "ipc", "uts", "mount", "user", "cgroup"]
        .map(|kind| format!("{{\"type\": \"{kind}\"}}"))
        .join(", ");
    // Debug text of a Rust string without control characters is JSON's.
    format!(
        "{{\n\
         \"ociVersion\": \"1.0.2\",\n\
         \"hostname\": \"bench\",\n\
         \"root\": {{\"path\": {root:?}, \"readonly\": true}},\n\
         \"process\": {{\"user\": {{\"uid\": 0, \"gid\": 0}}, \"cwd\": \"/\", \"args\": {program:?}, \"env\": [\"PATH=/bin\"]}},\n\
         \"mounts\": [{{\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"}}, {{\"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [\"mode=755\"]}}],\n\
         \"linux\": {{\"namespaces\": [{namespaces}], \"uidMappings\": [{map}], \"gidMappings\": [{map}]}}\n\
         }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_quotes_what_it_is_given() {
        let text = config_text(Path::new("/srv/tiny"), &["/bin/busybox", "sleep"]);
        assert!(text.contains("\"path\": \"/srv/tiny\""));
        assert!(text.contains("\"args\": [\"/bin/busybox\", \"sleep\"]"));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
