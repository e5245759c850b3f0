//! What becomes of the files of a VE, whatever it has in their place.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, mkfifoat};

use super::*;

/// /etc and /run of a VE.
struct Guest(tempfile::TempDir);

impl Guest {
    fn new() -> Self {
        let guest = Self(tempfile::tempdir().unwrap());
        fs::create_dir(guest.path("etc")).unwrap();
        fs::create_dir(guest.path("run")).unwrap();
        guest
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn put(&self, below: &str, content: &[u8]) {
        let mut file = File::create(self.path(below)).unwrap();
        file.write_all(content).unwrap();
    }

    fn text(&self, below: &str) -> String {
        String::from_utf8(fs::read(self.path(below)).unwrap()).unwrap()
    }

    fn establish(&self) -> Result<(), Failure> {
        let names = Names {
            hostname: "web1".to_owned(),
            resolver: Some(resolver()),
        };
        let (etc, run) = (self.path("etc"), self.path("run"));
        names.write_files(etc.to_str().unwrap(), run.to_str().unwrap())
    }
}

fn resolver() -> Resolver {
    Resolver {
        servers: vec!["10.0.0.53".parse().unwrap(), "fd00::53".parse().unwrap()],
        search: vec!["example.org".to_owned()],
    }
}

fn missing(before: &[u8]) -> Option<String> {
    missing_from_hosts(before, "web1").map(|added| String::from_utf8(added).unwrap())
}

#[test]
fn hosts_gains_the_name_once() {
    let first = missing(b"").unwrap();
    assert!(first.starts_with("127.0.0.1\tlocalhost\n"), "{first}");
    assert!(first.ends_with("\n127.0.1.1\tweb1\n"), "{first}");
    assert_eq!(missing(first.as_bytes()), None);
    assert_eq!(missing(b"10.0.0.1\ta  web1 # x"), None);
    for before in [&b"# web1\n10.0.0.1 web10"[..], b"web1", b"\xff\xfe web2"] {
        let added = missing(before);
        assert_eq!(added.as_deref(), Some("\n127.0.1.1\tweb1\n"), "{before:?}");
    }
}

#[test]
fn an_empty_etc_gets_all_files_and_a_second_start_changes_none() {
    let guest = Guest::new();
    guest.establish().unwrap();
    assert_eq!(guest.text("etc/hostname"), "web1\n");
    assert!(guest.text("etc/hosts").contains("127.0.1.1\tweb1\n"));
    assert!(guest.text("etc/resolv.conf").contains("10.0.0.53"));
    let state = || {
        let files = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];
        files.map(|file| fs::metadata(guest.path(file)).unwrap().modified().unwrap())
    };
    let before = state();
    guest.establish().unwrap();
    assert_eq!(state(), before);
    assert_eq!(fs::read_dir(guest.path("etc")).unwrap().count(), 3);
}

#[test]
fn bytes_of_a_hosts_file_that_are_no_text_are_kept() {
    let guest = Guest::new();
    guest.put("etc/hosts", b"10.0.0.1\tcaf\xe9");
    guest.establish().unwrap();
    let after = fs::read(guest.path("etc/hosts")).unwrap();
    assert_eq!(after, b"10.0.0.1\tcaf\xe9\n127.0.1.1\tweb1\n");
}

#[test]
fn a_large_hosts_file_is_left_alone() {
    let guest = Guest::new();
    let lines = |bytes: usize| b"0.0.0.0 ads.example\n".repeat(bytes / 20 + 1);
    let large = lines(1 << 20);
    guest.put("etc/hosts", &large);
    guest.establish().unwrap();
    assert_eq!(fs::read(guest.path("etc/hosts")).unwrap(), large);
    let fits = lines(1 << 19);
    guest.put("etc/hosts", &fits);
    guest.establish().unwrap();
    let after = fs::read(guest.path("etc/hosts")).unwrap();
    assert_eq!(
        after.strip_prefix(fits.as_slice()),
        Some(&b"127.0.1.1\tweb1\n"[..])
    );
}

#[test]
fn what_is_no_file_stays_and_does_not_keep_the_ve_from_starting() {
    type Make = fn(&Path);
    let kinds: [(&str, Make); 5] = [
        ("fifo", |path| mkfifoat(CWD, path, Mode::RWXU).unwrap()),
        ("directory", |path| fs::create_dir(path).unwrap()),
        ("loop", |path| symlink(path, path).unwrap()),
        ("dangling link", |path| {
            symlink("nowhere/at/all", path).unwrap()
        }),
        ("socket", |path| {
            std::os::unix::net::UnixListener::bind(path)
                .map(drop)
                .unwrap();
        }),
    ];
    for (kind, make) in kinds {
        let guest = Guest::new();
        for file in ["etc/hosts", "etc/hostname", "etc/resolv.conf"] {
            make(&guest.path(file));
        }
        guest
            .establish()
            .unwrap_or_else(|error| panic!("{kind}: {error}"));
        for file in ["etc/hosts", "etc/hostname", "etc/resolv.conf"] {
            let found = fs::symlink_metadata(guest.path(file)).unwrap();
            assert!(!found.is_file(), "{kind}: {file}");
        }
        assert_eq!(
            fs::read_dir(guest.path("etc")).unwrap().count(),
            3,
            "{kind}"
        );
    }
}

#[test]
fn a_link_to_a_file_is_neither_cut_nor_written_through() {
    let guest = Guest::new();
    guest.put("etc/kept", b"10.0.0.1 other\n");
    symlink("kept", guest.path("etc/hosts")).unwrap();
    guest.establish().unwrap();
    assert_eq!(guest.text("etc/kept"), "10.0.0.1 other\n");
    assert!(guest.path("etc/hosts").is_symlink());
}

#[test]
fn a_template_without_etc_starts() {
    let guest = Guest::new();
    fs::remove_dir(guest.path("etc")).unwrap();
    guest.establish().unwrap();
    guest.put("etc", b"");
    guest.establish().unwrap();
}

#[test]
fn resolved_is_told_through_run() {
    let guest = Guest::new();
    let link = "../run/systemd/resolve/stub-resolv.conf";
    symlink(link, guest.path("etc/resolv.conf")).unwrap();
    guest.establish().unwrap();
    assert_eq!(
        guest.text("run/systemd/resolved.conf.d/host.conf"),
        "[Resolve]\nDNS=10.0.0.53 fd00::53\nDomains=example.org\n"
    );
}

#[test]
fn resolv_conf_holds_servers_and_domains() {
    assert_eq!(
        resolver().for_resolv_conf(),
        "search example.org\nnameserver 10.0.0.53\nnameserver fd00::53\n"
    );
}

#[test]
fn a_full_disk_is_reported() {
    for errno in [Errno::NOSPC, Errno::IO, Errno::DQUOT] {
        assert!(!is_of_the_ve(&errno.into()), "{errno}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let failure = courtesy(path, "hosts", |_| Err(Errno::NOSPC.into())).unwrap_err();
    assert_eq!(
        failure.to_string(),
        format!("cannot write {path}/hosts of the VE")
    );
}
