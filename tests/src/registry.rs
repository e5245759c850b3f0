//! A real registry, Debian's `docker-registry`.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::command::{Cmd, Running};
use crate::needs::lacks;
use crate::wait::until;

/// What it and its images are made with.
const PROGRAMS: &[&str] = &["docker-registry", "skopeo", "umoci"];

/// A registry until it is dropped.
#[derive(Debug)]
pub struct Registry {
    port: u16,
    _running: Running,
}

impl Registry {
    /// What this machine lacks for one.
    #[must_use]
    pub fn lacks() -> Option<String> {
        lacks(PROGRAMS)
    }

    /// Starts one that keeps its files in a directory.
    ///
    /// # Panics
    /// Where it does not listen in time.
    #[must_use]
    pub fn start(directory: &Path) -> Self {
        fs::create_dir_all(directory).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let config = directory.join("config.yml");
        let store = directory.join("store").display().to_string();
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {store}\n\
             http:\n  addr: 127.0.0.1:{port}\n"
        );
        fs::write(&config, text).unwrap();
        let config = config.display().to_string();
        let running = Cmd::program("docker-registry", ["serve", &config])
            .within(Duration::from_secs(600))
            .spawn();
        until("the registry listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            port,
            _running: running,
        }
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Pushes an OCI image layout's `1` as `box:1`, with a manifest of the OCI or of
    /// Docker: `oci` or `v2s2`.
    ///
    /// # Panics
    /// Where skopeo(1) does not.
    pub fn push(&self, layout: &Path, format: &str) {
        let from = format!("oci:{}:1", layout.display());
        let to = format!("docker://{}/box:1", self.host());
        let words = [
            "--insecure-policy",
            "copy",
            "--quiet",
            "--dest-tls-verify=false",
        ];
        let more = ["--format", format, &from, &to];
        Cmd::program("skopeo", words.into_iter().chain(more))
            .run()
            .ok();
    }
}
