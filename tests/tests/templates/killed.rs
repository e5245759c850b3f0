//! A SIGKILL at each step of an import, and of one that replaces.

use std::fs;
use std::path::{Path, PathBuf};

use veld_tests::{Cmd, Host, host};

use crate::{archive, names, own_store, path};

/// No operation has more points.
const MOST: usize = 200;

/// The command that was built with fault points, killed at one. The points passed.
fn killed_at(host: &Host, number: usize, words: &[&str]) -> (i32, usize) {
    let stage = std::env::var_os("VELD_STAGE_FAULTS").expect("cargo xtask test sets it");
    let log = host.directory().join("faults");
    let _ = fs::remove_file(&log);
    let mut cmd = Cmd::program(Path::new(&stage).join("bin/veld"), words);
    for variable in ["VELD_STAGE", "VELD_STAGE_FAULTS", "VELD_TEST_CACHE"] {
        cmd.inner().env_remove(variable);
    }
    let output = cmd
        .env("VELD_CONFIG", host.config())
        .env("VELD_FAULT_LOG", &log)
        .env("VELD_FAULT", format!("{number}:KILL"))
        .run();
    let passed = fs::read_to_string(&log).unwrap_or_default();
    (output.status, passed.lines().count())
}

/// Walks all points; `then` is told whether the command came to its end.
fn walk(host: &Host, words: &[&str], then: impl Fn(bool)) {
    for number in 1..MOST {
        let (status, passed) = killed_at(host, number, words);
        let unharmed = passed < number;
        assert_eq!(status, if unharmed { 0 } else { 137 }, "at point {number}");
        then(unharmed);
        if unharmed {
            assert!(number > 5, "only {passed} points are walked");
            return;
        }
    }
    panic!("it does not end within {MOST} points");
}

fn store_of(host: &Host) -> PathBuf {
    let store = host.directory().join("store");
    own_store(host, &store);
    store
}

#[test]
fn a_killed_import_is_done_again() {
    let host = host!();
    let store = store_of(&host);
    let one = archive(&host, "one");
    let words = ["template", "import", path(&one), "--name", "base"];
    walk(&host, &words, |_| {
        let again = host.veld(words);
        if again.status != 0 {
            again.fails(1, "veld: template base exists already");
        }
        assert_eq!(names(&store), ["base"]);
        assert!(store.join("base/root/etc/one").exists());
        host.veld(["template", "remove", "base"]).ok();
        assert_eq!(names(&store), Vec::<String>::new());
    });
}

#[test]
fn who_stands_on_a_template_finds_it_whenever_an_update_is_killed() {
    let host = host!();
    let store = store_of(&host);
    let [one, two] = ["one", "two"].map(|file| archive(&host, file));
    let first = ["template", "import", path(&one), "--name", "base"];
    let words = [
        "template",
        "import",
        path(&two),
        "--name",
        "base",
        "--replace",
    ];
    begin(&host, &first);
    walk(&host, &words, |_| {
        assert!(store.join("base/root/etc").is_dir(), "base is gone");
        let version = format!("base@{}", noted(&host));
        host.veld(["template", "show", &version]).ok();
        host.veld(["template", "gc"]).ok();
        let trees = ["base", &version].map(|name| store.join(name).join("root/etc/one"));
        let whole = trees.iter().filter(|tree| tree.exists()).count();
        assert_eq!(whole, 1, "{:?}", names(&store));
        host.veld(["destroy", "web1"]).done();
        host.veld(["template", "gc"]).ok();
        assert_eq!(names(&store), ["base"]);
        host.veld(["template", "remove", "base"]).ok();
        begin(&host, &first);
    });
}

/// The version that the VE has noted.
fn noted(host: &Host) -> String {
    let below = host.existing("web1").directory().join("private/below");
    let text = fs::read_to_string(below).unwrap();
    text.split_whitespace().nth(2).unwrap().to_owned()
}

/// The first template, and a VE that stands on it.
fn begin(host: &Host, first: &[&str]) {
    host.veld(first.iter().copied()).ok();
    let shown = host
        .veld(["template", "show", "base", "--json"])
        .ok()
        .stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    host.veld(["create", "web1", "-t", "base", "--network", "none"])
        .done();
    let below = host.existing("web1").directory().join("private/below");
    let id = shown["id"].as_str().unwrap();
    fs::write(below, format!("template base {id}\n")).unwrap();
}
