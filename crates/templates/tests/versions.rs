//! Templates that are replaced while others stand on them.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which leaves what a killed command would"
)]

mod common;

use std::fs;
use std::io::Cursor;
use std::ops::ControlFlow;

use common::{Archive, Host, chain};
use veld_templates::{Error, ImportOptions, Manifest, Source, User};

fn archive(file: &str) -> Vec<u8> {
    Archive::new()
        .directory("etc/")
        .file(&format!("etc/{file}"), b"")
        .end()
}

fn user(name: &str, version: Option<&str>) -> User {
    User {
        name: name.to_owned(),
        version: version.map(str::to_owned),
    }
}

fn replace(host: &Host, file: &str, users: &[User]) -> Result<Manifest, Error> {
    let archive = archive(file);
    let mut stream = Cursor::new(&archive);
    let source = Source::Stream(&mut stream, "test");
    let options = ImportOptions::default();
    let mut watch = |_: veld_templates::Progress<'_>| ControlFlow::Continue(());
    host.store()
        .replace(source, "base", &options, &mut watch, |_| Ok(users.to_vec()))
}

fn id(manifest: &Manifest) -> String {
    manifest.id.clone().unwrap()
}

#[test]
fn what_is_used_stays_as_a_version() {
    let host = Host::new();
    let one = id(&replace(&host, "one", &[]).unwrap());
    let users = [user("web1", Some(&one))];
    let two = replace(&host, "two", &users).unwrap();
    assert_eq!(two.replaces.as_deref(), Some(one.as_str()));
    assert_eq!(host.names(), ["base".to_owned(), format!("base@{one}")]);
    assert!(host.root("base").join("etc/two").exists());
    let old = host.store().get_version("base", &one).unwrap();
    assert!(old.root().join("etc/one").exists());
    let new = host.store().get_version("base", &id(&two)).unwrap();
    assert!(new.root().join("etc/two").exists());
    let listing = host.store().list().unwrap();
    assert_eq!(listing.versions[0].version_name(), format!("base@{one}"));
    // Nobody uses the second, so nothing of it stays.
    replace(&host, "three", &users).unwrap();
    assert_eq!(host.names(), ["base".to_owned(), format!("base@{one}")]);
    let refused = host
        .store()
        .remove_version("base", &one, || Ok(users.to_vec()));
    assert_eq!(
        chain(&refused.unwrap_err()),
        format!("template base@{one} is in use by web1")
    );
    let garbage = host.store().garbage(|_| Ok(users.to_vec())).unwrap();
    assert_eq!(garbage.versions, []);
    let garbage = host.store().garbage(|_| Ok(Vec::new())).unwrap();
    assert_eq!(garbage.versions.len(), 1);
    host.store().collect_garbage(|_| Ok(Vec::new())).unwrap();
    assert_eq!(host.names(), ["base"]);
    assert_eq!(
        chain(&host.store().get_version("base", &one).unwrap_err()),
        format!("no template base@{one}")
    );
}

#[test]
fn nobody_is_moved_to_a_new_tree() {
    let host = Host::new();
    replace(&host, "one", &[]).unwrap();
    let error = replace(&host, "two", &[user("web1", None)]).unwrap_err();
    assert_eq!(chain(&error), "template base is in use by web1");
    assert_eq!(host.names(), ["base"]);
    assert!(host.root("base").join("etc/one").exists());
}

#[test]
fn a_template_of_before_is_given_an_id() {
    let host = Host::new();
    replace(&host, "one", &[]).unwrap();
    let path = host.path().join("base/manifest.toml");
    let text = fs::read_to_string(&path).unwrap();
    let without: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("id"))
        .collect();
    fs::write(&path, without.join("\n")).unwrap();
    let archive = archive("two");
    let mut stream = Cursor::new(&archive);
    let source = Source::Stream(&mut stream, "test");
    let mut asked = String::new();
    let users = |id: &str| {
        asked = id.to_owned();
        Ok(vec![user("web1", Some(id))])
    };
    let options = ImportOptions::default();
    host.store()
        .replace(
            source,
            "base",
            &options,
            &mut |_| ControlFlow::Continue(()),
            users,
        )
        .unwrap();
    assert_eq!(host.names(), ["base".to_owned(), format!("base@{asked}")]);
}

#[test]
fn what_was_exchanged_when_a_command_was_killed_is_found_again() {
    let host = Host::new();
    let one = id(&replace(&host, "one", &[]).unwrap());
    replace(&host, "two", &[user("web1", Some(&one))]).unwrap();
    // As a kill right after the exchange leaves it.
    let [version, left] =
        [format!("base@{one}"), ".base.new".to_owned()].map(|name| host.path().join(name));
    fs::rename(&version, &left).unwrap();
    let found = host.store().get_version("base", &one).unwrap();
    assert!(found.root().join("etc/one").exists());
    host.import(&archive("other"), "other").unwrap();
    assert!(version.is_dir() && !left.exists());
    // One that never took a place is swept, whole or not.
    let two = host.store().get("base").unwrap().manifest().clone();
    fs::rename(host.path().join("other"), &left).unwrap();
    let garbage = host
        .store()
        .garbage(|_| Ok(vec![user("web1", Some(&one))]))
        .unwrap();
    assert_eq!(garbage.leftovers, [".base.new"]);
    host.store()
        .collect_garbage(|_| Ok(vec![user("web1", Some(&one))]))
        .unwrap();
    assert_eq!(host.names(), ["base".to_owned(), format!("base@{one}")]);
    assert_eq!(*host.store().get("base").unwrap().manifest(), two);
}

#[test]
fn an_older_version_does_not_keep_the_present_one() {
    let host = Host::new();
    let one = id(&replace(&host, "one", &[]).unwrap());
    let users = [user("web1", Some(&one))];
    replace(&host, "two", &users).unwrap();
    host.store().remove("base", || Ok(users.to_vec())).unwrap();
    let kept = host.store().get_version("base", &one).unwrap();
    assert!(kept.root().join("etc/one").exists());
}

#[test]
fn what_may_be_in_use_is_not_taken_away() {
    let host = Host::new();
    let one = id(&replace(&host, "one", &[]).unwrap());
    let two = id(&replace(&host, "two", &[user("web1", Some(&one))]).unwrap());
    // Where it cannot be found out who uses it, all stays.
    let unknown = || {
        let cause = std::io::Error::from(std::io::ErrorKind::InvalidData);
        Err(veld_sys::Failure::new("read the VEs".to_owned(), cause))
    };
    let said = [
        host.store().remove("base", unknown),
        host.store().remove_version("base", &one, unknown),
        host.store().garbage(|_| unknown()).map(drop),
        host.store().collect_garbage(|_| unknown()).map(drop),
    ];
    for said in said {
        assert!(chain(&said.unwrap_err()).starts_with("cannot read the VEs: "));
    }
    // One whose manifest is gone is still what stands under those who noted its id.
    fs::remove_file(host.path().join("base/manifest.toml")).unwrap();
    let users = [user("web1", Some(&one)), user("web2", Some(&two))];
    let refused = host.store().remove("base", || Ok(users.to_vec()));
    assert_eq!(
        chain(&refused.unwrap_err()),
        "template base is in use by web2"
    );
    host.store()
        .remove("base", || Ok(users[..1].to_vec()))
        .unwrap();
    assert_eq!(host.names(), [format!("base@{one}")]);
}
