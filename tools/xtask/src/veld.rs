//! The staged `veld`, run with a configuration and a data area of its own, so
//! that the demo and the benchmarks never meet the VEs of this host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::place::{COMMAND, make_directory};
use crate::run;
use crate::workspace::Workspace;

/// What one use of xtask keeps apart from all others on this host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    /// Of the directory below `target/`, the run directory and the cgroup.
    pub(crate) name: &'static str,
    /// Of the links on the host, and of the one nftables table.
    pub(crate) links: &'static str,
    first_uid: u32,
    pool4: &'static str,
    pool6: &'static str,
}

/// The demo's.
pub(crate) const DEMO: Area = Area {
    name: "demo",
    links: "velddem",
    first_uid: 0x6000_0000,
    pool4: "10.118.0.0/16",
    pool6: "fd76:656c:6465::/64",
};

/// The benchmarks'.
pub(crate) const BENCH: Area = Area {
    name: "bench",
    links: "veldbnc",
    first_uid: 0x6800_0000,
    pool4: "10.119.0.0/16",
    pool6: "fd76:656c:6265::/64",
};

impl Area {
    /// The group that its VEs' groups are in.
    pub(crate) fn cgroup(&self) -> String {
        format!("veld-{}", self.name)
    }
}

/// A `veld` with its own paths.
#[derive(Debug, Clone)]
pub(crate) struct Veld {
    program: PathBuf,
    config: PathBuf,
    data: PathBuf,
    run: PathBuf,
    templates: PathBuf,
}

/// How long what was thrown away may take to be removed.
const REMOVAL: Duration = Duration::from_secs(120);

impl Veld {
    /// Writes the configuration of an area and makes what it names.
    ///
    /// The run directory is not below `target/`: sockets have short paths only,
    /// and what it holds means nothing after a reboot. Templates are shared, as
    /// one takes half a minute to make.
    pub(crate) fn with_area(workspace: &Workspace, area: &Area) -> Result<Self> {
        let directory = workspace.target(area.name);
        let veld = Self {
            program: COMMAND.below(&workspace.stage()),
            config: directory.join("veld.toml"),
            data: directory.join("data"),
            run: PathBuf::from(format!("/run/veld-{}", area.name)),
            templates: workspace.target("templates"),
        };
        make_directory(&directory)?;
        let text = veld.config_text(area, &workspace.stage());
        fs::write(&veld.config, text)
            .with_context(|| format!("cannot write {}", veld.config.display()))?;
        Ok(veld)
    }

    /// The same command, but its VEs' data are in another directory; `config` is
    /// written for that.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn with_data_in(&self, config: &Path, data: &Path) -> Result<Self> {
        self.rewrite(config, "data", data)?;
        Ok(Self {
            config: config.to_owned(),
            data: data.to_owned(),
            ..self.clone()
        })
    }

    /// The same with its templates in another directory.
    ///
    /// # Errors
    /// Names the file.
    pub(crate) fn with_templates_in(&self, config: &Path, templates: &Path) -> Result<Self> {
        self.rewrite(config, "templates", templates)?;
        Ok(Self {
            config: config.to_owned(),
            templates: templates.to_owned(),
            ..self.clone()
        })
    }

    /// Writes the configuration to `config`, one path of it altered.
    fn rewrite(&self, config: &Path, key: &str, path: &Path) -> Result<()> {
        let text = fs::read_to_string(&self.config)
            .with_context(|| format!("cannot read {}", self.config.display()))?;
        let start = format!("{key} = ");
        let lines = text.lines().map(|line| match line.strip_prefix(&start) {
            Some(_) => format!("{key} = {path:?}\n"),
            None => format!("{line}\n"),
        });
        fs::write(config, lines.collect::<String>())
            .with_context(|| format!("cannot write {}", config.display()))
    }

    /// The prefix that the command, the shim and the init are staged below.
    pub(crate) fn prefix(&self) -> Option<&Path> {
        self.program.parent()?.parent()
    }

    /// A `veld` command line.
    pub(crate) fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("VELD_CONFIG", &self.config);
        command
    }

    /// Runs a command line and returns what it printed.
    ///
    /// # Errors
    /// It ends otherwise than with 0; the error has what it wrote.
    pub(crate) fn output<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<String> {
        run::output(&mut self.command(arguments))
    }

    /// Makes a template of a directory, in place of one of this name.
    ///
    /// # Errors
    /// As [`Veld::output`].
    pub(crate) fn import(&self, name: &str, directory: &Path) -> Result<()> {
        if self.output(["template", "show", name]).is_ok() {
            self.output(["template", "remove", name])?;
        }
        let source = directory.to_string_lossy();
        self.output(["template", "import", "--name", name, &source])?;
        Ok(())
    }

    /// Runs a command line and says how long it took.
    ///
    /// # Errors
    /// As [`Veld::output`].
    pub(crate) fn timed<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Duration> {
        let mut command = self.command(arguments);
        let begin = Instant::now();
        run::output(&mut command)?;
        Ok(begin.elapsed())
    }

    /// Whether there is a VE of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        run::collect(&mut self.command(["show", name])).is_ok_and(|shown| shown.status.success())
    }

    /// Makes a Debian template of this name unless there is one, and says how
    /// long that took.
    pub(crate) fn ensure_debian(&self, name: &str) -> Result<Option<Duration>> {
        let mut show = self.command(["template", "show", name]);
        if run::collect(&mut show)?.status.success() {
            return Ok(None);
        }
        let begin = Instant::now();
        run::run(&mut self.command(["template", "build", name, "--suite", "bookworm"]))?;
        Ok(Some(begin.elapsed()))
    }

    /// Ends and removes a VE where there is one, and then the run directory
    /// where nothing is left in it.
    pub(crate) fn clear(&self, name: &str) -> Result<()> {
        if self.has(name) {
            // One that does not run cannot be stopped, and is to be destroyed all the same.
            let _ = self.output(["stop", name, "--force"]);
            self.output(["destroy", name])?;
        }
        self.remove_run_directory();
        Ok(())
    }

    /// Waits until what was thrown away is removed, which is done in the background:
    /// the next measurement is not of that.
    ///
    /// # Errors
    /// It is not within two minutes.
    pub(crate) fn empty_trash(&self) -> Result<()> {
        let trash = self.data.join("trash");
        let is_thrown =
            |entry: &fs::DirEntry| !entry.file_name().as_encoded_bytes().starts_with(b".");
        let begin = Instant::now();
        loop {
            // Another may be at it, and then this does nothing.
            self.output(["trash"])?;
            let Ok(entries) = fs::read_dir(&trash) else {
                return Ok(());
            };
            if !entries
                .filter_map(Result::ok)
                .any(|entry| is_thrown(&entry))
            {
                return Ok(());
            }
            anyhow::ensure!(
                begin.elapsed() < REMOVAL,
                "{} is not empty",
                trash.display()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Removes the run directory, which is ours alone, where no VE has anything in it.
    pub(crate) fn remove_run_directory(&self) {
        let Ok(entries) = fs::read_dir(&self.run) else {
            return;
        };
        // What all VEs share is behind a dot.
        let of_all = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
        if entries.filter_map(Result::ok).all(|entry| of_all(&entry)) {
            // What stays is the leak check's to judge.
            let _ = fs::remove_dir_all(&self.run);
        }
    }

    fn config_text(&self, area: &Area, stage: &Path) -> String {
        let libexec = stage.join("libexec/veld");
        let (data, run, templates) = (&self.data, &self.run, &self.templates);
        let Area {
            name,
            links,
            first_uid,
            pool4,
            pool6,
        } = area;
        format!(
            "# Written by cargo xtask {name}.\n\
             [paths]\ndata = {data:?}\nrun = {run:?}\nlibexec = {libexec:?}\ntemplates = {templates:?}\n\n\
             [cgroup]\nparent = \"veld-{name}\"\n\n\
             [ids]\nfirst = {first_uid}\n\n\
             [network]\npool4 = {pool4:?}\npool6 = {pool6:?}\nlink_prefix = {links:?}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_every_path() {
        let veld = Veld {
            program: "/w/target/stage/bin/veld".into(),
            config: "/w/target/demo/veld.toml".into(),
            data: "/w/target/demo/data".into(),
            run: "/run/veld-demo".into(),
            templates: "/w/target/templates".into(),
        };
        let text = veld.config_text(&DEMO, Path::new("/w/target/stage"));
        for line in [
            "data = \"/w/target/demo/data\"",
            "libexec = \"/w/target/stage/libexec/veld\"",
            "parent = \"veld-demo\"",
            "first = 1610612736",
            "link_prefix = \"velddem\"",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}");
        }
    }

    #[test]
    fn areas_keep_apart() {
        assert_ne!(DEMO.links, BENCH.links);
        assert_ne!(DEMO.first_uid, BENCH.first_uid);
        assert_ne!(DEMO.pool4, BENCH.pool4);
        assert_ne!(DEMO.pool6, BENCH.pool6);
    }
}
