//! The environment that services start with.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;

/// Where programs are looked for when the environment has no PATH.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What BusyBox gives to its services, where the launcher gave nothing else.
const DEFAULTS: [(&str, &str); 4] = [
    ("PATH", DEFAULT_PATH),
    ("HOME", "/"),
    ("SHELL", "/bin/sh"),
    ("USER", "root"),
];

/// The readiness socket is between the host and PID 1: a service that took it
/// for its own would report the VE ready.
const PRIVATE: &str = "NOTIFY_SOCKET";

/// What services start with: this process's own environment, less what is private,
/// with the defaults and what was set since.
#[derive(Debug)]
pub(crate) struct Environment {
    /// A few: a map would be more code than they are worth.
    set: Vec<(String, String)>,
    strings: Vec<CString>,
}

impl Environment {
    /// Nothing set besides.
    pub(crate) fn new() -> Self {
        Self {
            set: Vec::new(),
            strings: compose(std::env::vars_os().collect()),
        }
    }

    /// Sets a variable, or takes it away.
    pub(crate) fn set(&mut self, name: impl Into<String>, value: Option<String>) {
        let name = name.into();
        self.set.retain(|(other, _)| *other != name);
        if let Some(value) = value
            && self.set.len() < MOST
        {
            self.set.push((name, value));
        }
        let mut variables: Vec<(OsString, OsString)> = std::env::vars_os()
            .filter(|(key, _)| self.set.iter().all(|(name, _)| key != name.as_str()))
            .collect();
        let set = self.set.iter();
        variables.extend(set.map(|(name, value)| (name.into(), value.into())));
        self.strings = compose(variables);
    }

    /// A variable that was set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.set.iter().find(|(other, _)| other == name)?;
        Some(&found.1)
    }

    /// As a process is given it.
    pub(crate) fn strings(&self) -> &[CString] {
        &self.strings
    }
}

/// What tells a distribution that it is in a container, and in whose.
pub(crate) const CONTAINER: &str = "container";

/// More variables are not set: processes of the VE ask for them.
const MOST: usize = 32;

/// This process's environment for an init that takes its place: the readiness socket
/// only for one that knows it, which others would pass on to their services; and as
/// what it is to know where it is, if not as ours.
pub(crate) fn for_init(tells: bool, container: Option<&str>) -> Vec<CString> {
    let known = |key: &OsString| match key.to_str() {
        Some(PRIVATE) => tells,
        Some(CONTAINER) => container.is_none(),
        _ => true,
    };
    let named = container.map(|name| (CONTAINER.into(), name.into()));
    std::env::vars_os()
        .filter(|(key, _)| known(key))
        .chain(named)
        .filter_map(|(key, value)| pair(key, value))
        .collect()
}

fn compose(mut variables: Vec<(OsString, OsString)>) -> Vec<CString> {
    variables.retain(|(key, _)| key != PRIVATE);
    for (key, value) in DEFAULTS {
        if !variables.iter().any(|(present, _)| present == key) {
            variables.push((key.into(), value.into()));
        }
    }
    variables
        .into_iter()
        .filter_map(|(key, value)| pair(key, value))
        .collect()
}

/// None only for a NUL, which an environment cannot hold.
fn pair(key: OsString, value: OsString) -> Option<CString> {
    let mut pair = key.into_vec();
    pair.push(b'=');
    pair.extend(value.into_vec());
    CString::new(pair).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_get_defaults_but_not_the_socket() {
        let given = [
            ("NOTIFY_SOCKET", "/run/host/notify"),
            ("container", "veld"),
            ("HOME", "/root"),
        ];
        let given = given
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()));
        let text: Vec<String> = compose(given.collect())
            .into_iter()
            .map(|pair| pair.into_string().unwrap())
            .collect();
        let path = format!("PATH={DEFAULT_PATH}");
        let wanted = [
            "container=veld",
            "HOME=/root",
            &path,
            "SHELL=/bin/sh",
            "USER=root",
        ];
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_variable_may_be_set_and_taken_away_but_not_without_end() {
        let mut environment = Environment::new();
        let has = |environment: &Environment, text: &str| {
            let mut strings = environment.strings().iter();
            strings.any(|string| string.to_str() == Ok(text))
        };
        environment.set("RUNLEVEL", Some("2".into()));
        environment.set("HOME", Some("/elsewhere".into()));
        assert!(has(&environment, "RUNLEVEL=2") && has(&environment, "HOME=/elsewhere"));
        assert_eq!(environment.get("RUNLEVEL"), Some("2"));
        environment.set("RUNLEVEL", None);
        assert!(!has(&environment, "RUNLEVEL=2"));
        for number in 0..1000 {
            environment.set(format!("INIT_{number}"), Some(String::new()));
        }
        assert_eq!(environment.set.len(), MOST);
    }
}
