//! One test's host.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::cgroups::Cgroup;
use crate::cleanup::{self, Remains};
use crate::command::{Cmd, Output};
use crate::disposable;
use crate::leaks;
use crate::mirror::Mirror;
use crate::network::OwnNetwork;
use crate::orphans;
use crate::slot::{self, Slot};
use crate::template::{self, Template};
use crate::terminal::Terminal;
use crate::ve::{Ve, VeBuilder};
use crate::wait::within;

/// How long the kernel may take to let go: it takes links down in its own time.
const LETTING_GO: Duration = Duration::from_secs(5);

/// What Veld takes to be a host, and nobody else uses.
#[derive(Debug)]
pub struct Host {
    directory: PathBuf,
    data: PathBuf,
    cgroup_parent: String,
    slot: Slot,
    /// Locked as long as this host is in use.
    _alive: File,
    network: OwnNetwork,
}

/// Hosts of this process so far.
static COUNT: AtomicU32 = AtomicU32::new(0);

impl Host {
    /// A host with these templates, and [`Template::Busybox`] in any case.
    ///
    /// # Errors
    /// What this machine lacks, in words.
    ///
    /// # Panics
    /// Where the machine is not said to be disposable, or something fails.
    pub fn new(templates: &[Template]) -> Result<Self, String> {
        let templates = [&[Template::Busybox], templates].concat();
        if let Some(reason) = disposable::missing(&templates) {
            return Err(reason);
        }
        orphans::become_reaper();
        templates.into_iter().for_each(Template::ensure);
        let hosts = disposable::cache().join("run");
        fs::create_dir_all(&hosts).unwrap();
        cleanup::sweep_hosts(&hosts);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let directory = hosts.join(&name);
        fs::create_dir(&directory).unwrap();
        let alive = slot::lock(&directory.join(cleanup::ALIVE)).unwrap();
        let host = Self {
            data: directory.join("data"),
            cgroup_parent: cleanup::cgroup_parent(&name),
            slot: Slot::take(&disposable::cache().join("slots")),
            _alive: alive,
            network: OwnNetwork::enter(),
            directory,
        };
        host.configure("");
        Ok(host)
    }

    /// Writes the host's config: where its things are, and `more` of it.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn configure(&self, more: &str) {
        let text = format!(
            "[paths]\ndata = {:?}\nrun = {:?}\ntemplates = {:?}\n\n[cgroup]\nparent = {:?}\n\n\
             [ids]\nfirst = {}\n\n{more}",
            self.data,
            self.run(),
            template::directory(),
            self.cgroup_parent,
            self.slot.first_id()
        );
        fs::write(self.config(), text).unwrap();
    }

    /// Keeps the data of VEs in another directory from now on.
    pub fn keep_data_in(&mut self, directory: &Path) {
        directory.clone_into(&mut self.data);
        self.configure("");
    }

    /// Keeps templates in a directory of its own from now on, which begins with a copy
    /// of one of all hosts'.
    ///
    /// # Panics
    /// Where it cannot be copied.
    pub fn keep_templates_in(&self, directory: &Path, template: Template) {
        fs::create_dir_all(directory).unwrap();
        let shared = template::directory();
        let from = shared.join(template.name());
        let words = [Path::new("-a"), &from, directory];
        Cmd::program("cp", words).run().ok();
        let config = fs::read_to_string(self.config()).unwrap();
        let (old, new) = (format!("{shared:?}"), format!("{directory:?}"));
        fs::write(self.config(), config.replace(&old, &new)).unwrap();
    }

    /// The directory that all of this host is below.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The config file, which `VELD_CONFIG` names.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.join("veld.toml")
    }

    /// Where VEs and their numbers are kept.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where the records of running VEs are.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.directory.join("run")
    }

    /// The group that all VEs' groups are in.
    #[must_use]
    pub fn group(&self) -> Cgroup {
        Cgroup::at(&self.cgroup_parent)
    }

    /// The name of that group.
    #[must_use]
    pub fn cgroup_parent(&self) -> &str {
        &self.cgroup_parent
    }

    /// A VE that is to be made.
    pub fn ve(&self, name: &str) -> VeBuilder<'_> {
        VeBuilder::new(self, name)
    }

    /// A VE that may be there already.
    #[must_use]
    pub fn existing(&self, name: &str) -> Ve<'_> {
        Ve::new(self, name)
    }

    /// The package mirror of the machine, in reach of a Debian that runs here as
    /// long as this is kept.
    ///
    /// # Panics
    /// Where that cannot be.
    #[must_use]
    pub fn mirror(&self, ve: &Ve<'_>) -> Mirror {
        Mirror::reach_from(ve, self.network.machine())
    }

    /// The command, to be altered before it runs.
    pub fn cmd<S: AsRef<str>>(&self, words: impl IntoIterator<Item = S>) -> Cmd {
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        self.for_this_host(Cmd::program(Self::program(), words))
    }

    /// Another program, which is told of this host and may run the command.
    pub fn tool<S: AsRef<str>>(&self, program: &Path, words: impl IntoIterator<Item = S>) -> Cmd {
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        self.for_this_host(Cmd::program(program, words))
    }

    /// A file that `cargo xtask install` puts below the root of a host.
    #[must_use]
    pub fn installed(path: &str) -> PathBuf {
        disposable::stage().join(path)
    }

    /// Runs the command to its end.
    ///
    /// # Panics
    /// Where it does not end in time.
    pub fn veld<S: AsRef<str>>(&self, words: impl IntoIterator<Item = S>) -> Output {
        self.cmd(words).run()
    }

    /// Starts the command on a terminal that the test looks at and types on.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn terminal<S: AsRef<str>>(&self, words: impl IntoIterator<Item = S>) -> Terminal {
        let program = Self::program().display().to_string();
        let head = ["--ctty".to_owned(), program].into_iter();
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        Terminal::start(self.for_this_host(Cmd::program("setsid", head.chain(words))))
    }

    /// The command's file.
    #[must_use]
    pub fn program() -> PathBuf {
        disposable::stage().join("bin/veld")
    }

    fn for_this_host(&self, mut cmd: Cmd) -> Cmd {
        for variable in ["VELD_STAGE", "VELD_STAGE_FAULTS", "VELD_TEST_CACHE"] {
            cmd.inner().env_remove(variable);
        }
        cmd.env("VELD_CONFIG", self.config())
    }

    /// What there is of running VEs, or of what was one: mounts, groups, links,
    /// rules that name a link, loop devices, processes. A stopped VE has none, a
    /// moment after it stopped.
    #[must_use]
    pub fn remains(&self) -> Vec<String> {
        orphans::reap();
        leaks::remains(&Remains::of(self))
    }

    /// Waits until nothing of any run is left.
    ///
    /// # Panics
    /// With what is, where it does not go.
    pub fn nothing_remains(&self) {
        let left = self.after_letting_go(Self::remains);
        assert!(left.is_empty(), "left behind: {}", left.join(", "));
    }

    /// All that is left of VEs, what a run leaves and files, once the kernel
    /// has had time to let go of it.
    #[must_use]
    pub fn leaks(&self) -> Vec<String> {
        self.after_letting_go(|host| {
            let mut left = host.remains();
            left.extend(leaks::files(&host.run()));
            left.extend(leaks::files(&host.data));
            left
        })
    }

    fn after_letting_go(&self, look: impl Fn(&Self) -> Vec<String>) -> Vec<String> {
        let gone = within(LETTING_GO, || look(self).is_empty().then_some(()));
        gone.map_or_else(|| look(self), |()| Vec::new())
    }
}

impl Drop for Host {
    /// The last act of every test; see the crate's page.
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        let mut wrong = Vec::new();
        if !failed {
            // A test may have left a config that is wrong on purpose.
            self.configure("");
            let destroyed = self.veld(["destroy", "--force", "--all"]);
            if destroyed.status != 0 {
                wrong.push(destroyed.stderr);
            }
            wrong.extend(self.leaks());
        }
        if failed || !wrong.is_empty() {
            self.configure("");
            // Whatever this cannot do, the force that follows does.
            let mut forced = self.cmd(["destroy", "--force", "--all"]).spawn();
            let _ = within(LETTING_GO, || forced.has_ended().then_some(()));
        }
        cleanup::remove(&Remains::of(self));
        assert!(wrong.is_empty(), "left behind: {}", wrong.join(", "));
    }
}
