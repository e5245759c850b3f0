//! One VE of a test.

use std::path::PathBuf;

use serde_json::Value;

use crate::cgroups::Cgroup;
use crate::command::{Cmd, Output};
use crate::host::Host;
use crate::probe;
use crate::template::Template;
use crate::terminal::Terminal;
use crate::wait::until;

/// A VE that is to be made.
#[derive(Debug)]
#[must_use]
pub struct VeBuilder<'h> {
    host: &'h Host,
    name: String,
    template: Template,
    options: Vec<String>,
}

impl<'h> VeBuilder<'h> {
    pub(crate) fn new(host: &'h Host, name: &str) -> Self {
        Self {
            host,
            name: name.to_owned(),
            template: Template::Busybox,
            options: Vec::new(),
        }
    }

    /// Of this template; of [`Template::Busybox`] otherwise.
    pub fn template(mut self, template: Template) -> Self {
        self.template = template;
        self
    }

    /// With these options of `veld create`.
    pub fn with<S: Into<String>>(mut self, options: impl IntoIterator<Item = S>) -> Self {
        self.options.extend(options.into_iter().map(Into::into));
        self
    }

    /// Makes it.
    ///
    /// # Panics
    /// Where that fails.
    pub fn create(self) -> Ve<'h> {
        let template = self.template.name();
        let words = ["create", &self.name, "--template", &template];
        let options = self.options.iter().map(String::as_str);
        self.host.veld(words.into_iter().chain(options)).done();
        Ve::new(self.host, &self.name)
    }

    /// Makes it, starts it and waits until its services are up.
    ///
    /// # Panics
    /// Where that fails.
    pub fn start(self) -> Ve<'h> {
        let ve = self.create();
        ve.start();
        ve
    }
}

/// A VE by its name. It is destroyed with its host.
#[derive(Debug)]
pub struct Ve<'h> {
    host: &'h Host,
    name: String,
}

impl<'h> Ve<'h> {
    pub(crate) fn new(host: &'h Host, name: &str) -> Self {
        let name = name.to_owned();
        Self { host, name }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `veld VERB NAME WORDS…`, to be altered before it runs.
    pub fn cmd<S: AsRef<str>>(&self, verb: &str, words: impl IntoIterator<Item = S>) -> Cmd {
        let head = [verb.to_owned(), self.name.clone()].into_iter();
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        self.host.cmd(head.chain(words))
    }

    /// Runs `veld VERB NAME WORDS…`.
    pub fn veld<S: AsRef<str>>(&self, verb: &str, words: impl IntoIterator<Item = S>) -> Output {
        self.cmd(verb, words).run()
    }

    /// Starts it and waits until its services are up.
    ///
    /// # Panics
    /// Where that fails or warns.
    pub fn start(&self) {
        self.veld("start", ["--wait"]).done();
    }

    /// Stops it.
    ///
    /// # Panics
    /// Where that fails or warns, as of a VE that had to be killed.
    pub fn stop(&self) {
        self.veld("stop", [""; 0]).done();
    }

    /// Destroys it.
    ///
    /// # Panics
    /// Where that fails or warns.
    pub fn destroy(&self) {
        self.veld("destroy", [""; 0]).done();
    }

    /// Runs a program inside, on pipes.
    pub fn exec<S: AsRef<str>>(&self, words: impl IntoIterator<Item = S>) -> Output {
        self.exec_cmd([""; 0], words).run()
    }

    /// Runs a program inside with these options of `veld exec`.
    pub fn exec_with<O: AsRef<str>, S: AsRef<str>>(
        &self,
        options: impl IntoIterator<Item = O>,
        words: impl IntoIterator<Item = S>,
    ) -> Output {
        self.exec_cmd(options, words).run()
    }

    /// `veld exec OPTIONS… NAME -- WORDS…`, to be altered before it runs.
    pub fn exec_cmd<O: AsRef<str>, S: AsRef<str>>(
        &self,
        options: impl IntoIterator<Item = O>,
        words: impl IntoIterator<Item = S>,
    ) -> Cmd {
        let mut line = vec!["exec".to_owned()];
        line.extend(options.into_iter().map(|word| word.as_ref().to_owned()));
        line.extend([self.name.clone(), "--".to_owned()]);
        line.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self.host.cmd(line)
    }

    /// Runs a shell script inside.
    pub fn sh(&self, script: &str) -> Output {
        self.exec(["sh", "-c", script])
    }

    /// Runs a program inside on a terminal that the test looks at.
    #[must_use]
    pub fn terminal<S: AsRef<str>>(&self, words: impl IntoIterator<Item = S>) -> Terminal {
        let mut line = vec![
            "exec".to_owned(),
            "-t".to_owned(),
            self.name.clone(),
            "--".to_owned(),
        ];
        line.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self.host.terminal(line)
    }

    /// Asks the probe inside; see [`probe`].
    ///
    /// # Panics
    /// Where the probe cannot be brought in.
    pub fn probe<S: AsRef<str>>(&self, question: impl IntoIterator<Item = S>) -> Output {
        self.bring_probe();
        let question = question.into_iter().map(|word| word.as_ref().to_owned());
        self.exec([probe::INSIDE.to_owned()].into_iter().chain(question))
    }

    /// Brings the probe in, unless it is there.
    ///
    /// # Panics
    /// Where it cannot be brought in.
    pub fn bring_probe(&self) {
        if self.exec(["test", "-x", probe::INSIDE]).status != 0 {
            let program = std::fs::read(probe::built()).unwrap();
            self.put(probe::INSIDE, program, "755");
        }
    }

    /// Makes a file inside, with this mode.
    ///
    /// # Panics
    /// Where that fails.
    pub fn put(&self, path: &str, content: impl Into<Vec<u8>>, mode: &str) {
        let script = format!("cat >'{path}' && chmod {mode} '{path}'");
        self.exec_cmd([""; 0], ["sh", "-c", &script])
            .input(content)
            .run()
            .done();
    }

    /// All that `veld show --json` says of it.
    ///
    /// # Panics
    /// Where there is no such VE.
    #[must_use]
    pub fn show(&self) -> Value {
        let shown = self.veld("show", ["--json"]).ok();
        serde_json::from_str(&shown.stdout).unwrap()
    }

    /// What it does, in a word: `up`, `stopped` …
    #[must_use]
    pub fn status(&self) -> String {
        self.show()["status"].as_str().unwrap().to_owned()
    }

    /// Waits until it does this.
    ///
    /// # Panics
    /// Where it does not come to that.
    pub fn becomes(&self, status: &str) {
        until(&format!("{} is {status}", self.name), || {
            self.status() == status
        });
    }

    /// PID 1, as the machine numbers it.
    ///
    /// # Panics
    /// Where it does not run.
    #[must_use]
    pub fn init_pid(&self) -> i32 {
        self.number("init_pid")
    }

    /// Its shim.
    ///
    /// # Panics
    /// Where it has none.
    #[must_use]
    pub fn shim_pid(&self) -> i32 {
        self.number("shim_pid")
    }

    fn number(&self, key: &str) -> i32 {
        let shown = self.show();
        let number = shown[key]
            .as_i64()
            .unwrap_or_else(|| panic!("no {key} in {shown}"));
        number.try_into().unwrap()
    }

    /// How its last run ended, in words; empty where it has had none.
    #[must_use]
    pub fn last_end(&self) -> String {
        self.show()["last_end"]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Its group.
    #[must_use]
    pub fn group(&self) -> Cgroup {
        Cgroup::at(&format!("{}/{}", self.host.cgroup_parent(), self.name))
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.host.data().join("ve").join(&self.name)
    }

    /// Its config file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory().join("config.toml")
    }

    /// Its run directory.
    #[must_use]
    pub fn run_directory(&self) -> PathBuf {
        self.host.run().join(&self.name)
    }
}
