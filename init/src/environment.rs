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

/// This process's own environment, less what is private, with the defaults.
pub(crate) fn for_services() -> Vec<CString> {
    compose(std::env::vars_os().collect())
}

/// This process's environment as it is, for an init that takes its place.
pub(crate) fn for_init() -> Vec<CString> {
    std::env::vars_os()
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
}
