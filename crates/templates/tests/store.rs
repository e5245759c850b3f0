//! The store as a whole: what shows, what is refused, what a crash leaves.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by a panic and runs others"
)]

mod common;

use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Archive, Host, chain, is_root};
use veld_templates::{Error, ImportOptions, Source, Store, User};

fn sample() -> Vec<u8> {
    Archive::new().directory("d").file("d/f", b"data").end()
}

#[test]
fn a_store_that_is_not_there_is_empty_and_stays_so() {
    let host = Host::new();
    let listing = host.store().list().unwrap();
    assert!(listing.templates.is_empty() && listing.damaged.is_empty());
    let missing = "no template debian";
    assert_eq!(host.store().get("debian").unwrap_err().to_string(), missing);
    let error = host.store().lock_shared("debian").unwrap_err();
    assert_eq!(error.to_string(), missing);
    let error = host
        .store()
        .remove("debian", || Ok(Vec::new()))
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
    assert!(!host.path().exists());
}

#[test]
fn a_template_is_for_root_only_and_listed_by_name() {
    use std::os::unix::fs::PermissionsExt;
    let host = Host::new();
    host.import(&sample(), "debian").unwrap();
    host.import(&sample(), "alpine").unwrap();
    let listing = host.store().list().unwrap();
    let names: Vec<_> = listing.templates.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["alpine", "debian"]);
    let template = host.store().get("debian").unwrap();
    assert_eq!(template.root(), host.root("debian"));
    assert_eq!(std::fs::read(template.root().join("d/f")).unwrap(), b"data");
    let outer = std::fs::metadata(host.path().join("debian")).unwrap();
    assert_eq!(outer.permissions().mode() & 0o777, 0o700);
    assert_eq!(host.names(), ["alpine", "debian"]);
}

#[test]
fn a_damaged_template_is_told_and_hides_no_other() {
    let host = Host::new();
    host.import(&sample(), "good").unwrap();
    host.import(&sample(), "rootless").unwrap();
    host.import(&sample(), "nameless").unwrap();
    std::fs::remove_dir_all(host.root("rootless")).unwrap();
    std::fs::remove_file(host.path().join("nameless/manifest.toml")).unwrap();
    std::fs::create_dir_all(host.path().join(".half.new/root")).unwrap();
    std::fs::create_dir(host.path().join("lost+found")).unwrap();
    let listing = host.store().list().unwrap();
    assert_eq!(listing.templates.len(), 1);
    let damaged: Vec<String> = listing.damaged.iter().map(|(_, e)| e.to_string()).collect();
    assert_eq!(
        damaged,
        [
            "template nameless is damaged: it has no manifest.toml",
            "template rootless is damaged: it has no root directory",
        ]
    );
    host.store().remove("rootless", || Ok(Vec::new())).unwrap();
    assert_eq!(host.names(), ["good", "lost+found", "nameless"]);
}

#[test]
fn a_name_is_given_once() {
    let host = Host::new();
    host.import(&sample(), "debian").unwrap();
    let error = host.import(&sample(), "debian").unwrap_err();
    assert_eq!(chain(&error), "template debian exists already");
    let error = host.import(&sample(), "../x").unwrap_err();
    assert_eq!(
        chain(&error),
        "\"../x\" is not a template name: it must start with a-z or 0-9"
    );
    assert_eq!(host.names(), ["debian"]);
}

#[test]
fn a_template_in_use_is_not_removed() {
    let host = Host::new();
    host.import(&sample(), "debian").unwrap();
    let user = |name: &str| User {
        name: name.to_owned(),
        version: None,
    };
    let users = || Ok(vec![user("web1"), user("web2")]);
    let error = host.store().remove("debian", users).unwrap_err();
    assert_eq!(chain(&error), "template debian is in use by web1, web2");
    host.store().get("debian").unwrap();
    host.store().remove("debian", || Ok(Vec::new())).unwrap();
    assert_eq!(host.names(), Vec::<String>::new());
}

#[test]
fn removing_follows_no_link() {
    let host = Host::new();
    let kept = host.scratch().join("kept");
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(kept.join("file"), b"").unwrap();
    let archive = Archive::new().symlink("l", kept.to_str().unwrap());
    host.import(&archive.end(), "debian").unwrap();
    host.store().remove("debian", || Ok(Vec::new())).unwrap();
    assert!(kept.join("file").exists());
}

#[test]
fn making_a_ve_and_removing_its_template_do_not_cross() {
    let host = Host::new();
    host.import(&sample(), "debian").unwrap();
    let one = host.store().lock_shared("debian").unwrap();
    let two = host.store().lock_shared("debian").unwrap();
    let error = host
        .store()
        .remove("debian", || Ok(Vec::new()))
        .unwrap_err();
    assert_eq!(
        chain(&error),
        "template debian is locked by another command"
    );
    let listing = host.store().list().unwrap();
    assert_eq!((listing.templates.len(), listing.damaged.len()), (1, 0));
    drop(one);
    assert_eq!(host.names(), [".debian.lock", "debian"]);
    drop(two);
    assert_eq!(host.names(), ["debian"]);
    let users = || {
        let error = host.store().lock_shared("debian").unwrap_err();
        Ok(vec![User {
            name: error.to_string(),
            version: None,
        }])
    };
    let error = host.store().remove("debian", users).unwrap_err();
    let pid = std::process::id();
    assert_eq!(
        chain(&error),
        format!("template debian is in use by template debian is locked by pid {pid} (remove)")
    );
}

#[test]
fn an_import_can_be_stopped_by_its_watcher() {
    let host = Host::new();
    let big = Archive::new().file("f", &vec![1; 4 << 20]).end();
    let mut calls = 0;
    let mut stream = std::io::Cursor::new(&big);
    let error = host
        .store()
        .import(
            Source::Stream(&mut stream, "test"),
            "debian",
            &ImportOptions::default(),
            &mut |progress| {
                calls += 1;
                assert!(progress.read > 0 && progress.total.is_none());
                match calls {
                    1 => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            },
        )
        .unwrap_err();
    assert_eq!((chain(&error), calls), ("interrupted".to_owned(), 2));
    assert_eq!(host.names(), Vec::<String>::new());
}

#[test]
fn a_source_that_holds_the_store_is_refused() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let error = host.import_path(host.scratch(), "self").unwrap_err();
    assert_eq!(
        chain(&error),
        "entry templates is the templates directory itself"
    );
    assert_eq!(host.names(), Vec::<String>::new());
}

#[test]
fn a_source_that_cannot_be_read_is_named() {
    let host = Host::new();
    let error = host
        .import_path(Path::new("/no/such/archive.tar"), "debian")
        .unwrap_err();
    assert_eq!(
        chain(&error),
        "cannot open /no/such/archive.tar: No such file or directory (os error 2)"
    );
    assert_eq!(error.errno(), Some(2));
    assert_eq!(host.names(), Vec::<String>::new());
}

/// Runs one of the functions below in a process of its own.
fn elsewhere(act: &str, path: &Path, before: &[&str]) -> Command {
    let exe = std::env::current_exe().unwrap();
    let words = [before, &[exe.to_str().unwrap()]].concat();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .args(["--exact", act, "--ignored", "--nocapture"])
        .env("VELD_TEST_STORE", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Where the test that runs this process wants the store; nothing where somebody
/// runs all ignored tests.
fn asked_path() -> Option<PathBuf> {
    std::env::var_os("VELD_TEST_STORE").map(PathBuf::from)
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn act_import_stdin() {
    let Some(path) = asked_path() else { return };
    let mut stdin = std::io::stdin();
    let source = Source::Stream(&mut stdin, "stdin");
    let options = ImportOptions::default();
    Store::new(&path)
        .import(source, "victim", &options, &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
}

/// Starts an import in another process that has got half of its archive.
fn half_way(host: &Host) -> (Child, Vec<u8>) {
    let mut child = elsewhere("act_import_stdin", &host.path(), &[])
        .spawn()
        .unwrap();
    let archive = Archive::new()
        .file("first", b"1")
        .file("second", &vec![2; 2 << 20])
        .end();
    let (half, rest) = archive.split_at(archive.len() / 2);
    child.stdin.as_mut().unwrap().write_all(half).unwrap();
    let first = host.path().join(".victim.new/root/second");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !first.exists() {
        assert!(Instant::now() < deadline, "the import does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    (child, rest.to_vec())
}

#[test]
fn what_a_killed_import_leaves_is_swept_by_the_next() {
    let host = Host::new();
    let (mut child, _) = half_way(&host);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(host.names(), [".victim.lock", ".victim.new"]);
    let listing = host.store().list().unwrap();
    assert!(listing.templates.is_empty() && listing.damaged.is_empty());
    host.import(&sample(), "other").unwrap();
    assert_eq!(host.names(), ["other"]);
    let (mut child, _) = half_way(&host);
    child.kill().unwrap();
    child.wait().unwrap();
    host.import(&sample(), "victim").unwrap();
    assert_eq!(host.names(), ["other", "victim"]);
}

#[test]
fn a_live_import_is_not_swept_and_keeps_its_name() {
    let host = Host::new();
    let (mut child, rest) = half_way(&host);
    host.import(&sample(), "other").unwrap();
    let error = host.import(&sample(), "victim").unwrap_err();
    let pid = child.id();
    assert_eq!(
        chain(&error),
        format!("template victim is locked by pid {pid} (import)")
    );
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&rest).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(host.names(), ["other", "victim"]);
    let second = std::fs::read(host.root("victim").join("second")).unwrap();
    assert_eq!(second, vec![2; 2 << 20]);
}

#[test]
fn what_a_killed_remove_leaves_is_swept_by_the_next() {
    let host = Host::new();
    host.import(&sample(), "debian").unwrap();
    let gone = host.path().join(".debian.gone");
    std::fs::rename(host.path().join("debian"), gone).unwrap();
    host.import(&sample(), "debian").unwrap();
    assert_eq!(host.names(), ["debian"]);
}

/// In a mount namespace of its own, on a file system with almost no room.
#[test]
#[ignore = "run by other tests in a process of its own"]
fn act_full_disk() {
    let Some(path) = asked_path() else { return };
    let path = path.as_path();
    let mount = |options: &str| {
        let args = ["-t", "tmpfs", "-o", options, "tmpfs"];
        let status = Command::new("mount").args(args).arg(path).status().unwrap();
        assert!(status.success());
    };
    let import = |archive: &[u8]| {
        let mut stream = archive;
        let source = Source::Stream(&mut stream, "test");
        let error = Store::new(path)
            .import(source, "debian", &ImportOptions::default(), &mut |_| {
                ControlFlow::Continue(())
            })
            .unwrap_err();
        assert_eq!(error.errno(), Some(28));
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
        chain(&error)
    };
    mount("size=1m");
    let big = Archive::new()
        .file("a/small", b"x")
        .file("a/big", &vec![1; 4 << 20]);
    println!("said: {}", import(&big.end()));
    mount("size=1m,nr_inodes=10");
    let many = (0..20).fold(Archive::new(), |a, n| a.file(&format!("f{n}"), b""));
    println!("said: {}", import(&many.end()));
}

fn said(mut command: Command) -> Vec<String> {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{error}");
    let lines = text.lines().filter_map(|line| line.split_once("said: "));
    lines.map(|(_, line)| line.to_owned()).collect()
}

const OWN_MOUNTS: [&str; 4] = ["unshare", "-m", "--propagation", "private"];

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    std::fs::create_dir(host.path()).unwrap();
    let lines = said(elsewhere("act_full_disk", &host.path(), &OWN_MOUNTS));
    assert_eq!(
        lines[0],
        "cannot unpack a/big: No space left on device (os error 28)"
    );
    let (start, end) = lines[1].split_at(15);
    assert_eq!(start, "cannot unpack f");
    assert!(end.ends_with(": No space left on device (os error 28)"));
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn act_mounts() {
    let Some(path) = asked_path() else { return };
    let mount = |args: &[&str], at: &Path| {
        let status = Command::new("mount").args(args).arg(at).status().unwrap();
        assert!(status.success());
    };
    let source = path.join("source");
    for name in ["tmpfs", "bind", "plain"] {
        std::fs::create_dir_all(source.join(name)).unwrap();
    }
    std::fs::write(source.join("plain/file"), b"").unwrap();
    std::fs::write(source.join("covered"), b"").unwrap();
    mount(&["-t", "tmpfs", "tmpfs"], &source.join("tmpfs"));
    std::fs::write(source.join("tmpfs/secret"), b"").unwrap();
    let plain = source.join("plain").to_str().unwrap().to_owned();
    mount(&["--bind", &plain], &source.join("bind"));
    mount(
        &["--bind", &format!("{plain}/file")],
        &source.join("covered"),
    );
    let store = Store::new(&path.join("templates"));
    let options = ImportOptions::default();
    let found = Source::at(&source);
    store
        .import(
            found,
            "debian",
            &options,
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
    let root = store.get("debian").unwrap().root().to_owned();
    let names: Vec<String> = common::look(&root).into_keys().collect();
    assert_eq!(names, ["", "bind", "plain", "plain/file", "tmpfs"]);
    mount(&["--bind", source.to_str().unwrap()], &root.join("bind"));
    println!(
        "said: {}",
        store.remove("debian", || Ok(Vec::new())).unwrap_err()
    );
    assert!(source.join("plain/file").exists());
}

#[test]
fn what_is_mounted_below_is_neither_copied_nor_deleted() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let lines = said(elsewhere("act_mounts", host.scratch(), &OWN_MOUNTS));
    let mount = host.root("debian").join("bind");
    assert_eq!(
        lines,
        [format!(
            "template debian is in use by the mount on {}",
            mount.display()
        )]
    );
}

/// A file that is a link by the time it is opened is not followed.
#[test]
fn a_source_that_changes_is_never_followed() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let secret = host.scratch().join("secret");
    std::fs::write(&secret, b"secret").unwrap();
    let source = host.scratch().join("source");
    std::fs::create_dir(&source).unwrap();
    let script = "while :; do echo x > n; mv n a; ln -s \"$0\" l; mv l a; \
                  mkdir d; mv -T d e 2>/dev/null || rmdir d; ln -s \"${0%/*}\" m; \
                  rmdir e 2>/dev/null; mv -T m e; rm -f e; done";
    let mut churn = Command::new("sh")
        .args(["-c", script, secret.to_str().unwrap()])
        .current_dir(&source)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(2);
    let mut made = 0;
    while Instant::now() < deadline {
        if host.import_path(&source, "moving").is_ok() {
            made += 1;
            let file = host.root("moving").join("a");
            if file.symlink_metadata().is_ok_and(|found| found.is_file()) {
                let mut text = String::new();
                std::fs::File::open(file)
                    .unwrap()
                    .read_to_string(&mut text)
                    .unwrap();
                assert_ne!(text, "secret");
            }
            let names = common::look(&host.root("moving"));
            assert!(!names.keys().any(|name| name.starts_with("e/")));
            host.store().remove("moving", || Ok(Vec::new())).unwrap();
        }
    }
    churn.kill().unwrap();
    churn.wait().unwrap();
    assert!(made > 0, "no import came to its end");
}
