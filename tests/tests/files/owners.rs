//! Whose copies are, and what else of a file is kept.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use veld_tests::{Cmd, host};

use crate::{cp, scratch, skipped, text};

#[test]
fn owners_are_those_of_the_other_side() {
    let host = host!();
    let scratch = scratch(&host);
    let ve = host.ve("web1").with(["--network", "none"]).start();
    let first = u32::try_from(ve.show()["first_host_id"].as_u64().unwrap()).unwrap();
    for (name, id) in [("root", 0), ("ve", first + 33), ("other", 1000)] {
        let file = scratch.join(name);
        fs::write(&file, "").unwrap();
        std::os::unix::fs::chown(&file, Some(id), Some(id)).unwrap();
    }
    let files: Vec<String> = ["root", "ve", "other"]
        .map(|name| text(&scratch.join(name)).to_owned())
        .to_vec();
    let inside = |ve: &veld_tests::Ve<'_>, directory: &str| {
        let script = format!("cd {directory} && stat -c '%n %u:%g' other root ve");
        ve.sh(&script).ok().stdout
    };
    ve.sh("mkdir /plain /kept /given").done();
    let to = |options: &[&str], place: &str| {
        let words = options.iter().map(|word| (*word).to_owned());
        let words = words.chain(files.iter().cloned());
        cp(&host, words.chain([format!("web1:{place}")])).done();
    };
    to(&[], "/plain");
    to(&["-a"], "/kept/");
    to(&["--uid", "5", "--gid", "6", "--mode", "604"], "/given");
    assert_eq!(inside(&ve, "/plain"), "other 0:0\nroot 0:0\nve 33:33\n");
    assert_eq!(
        inside(&ve, "/kept"),
        "other 1000:1000\nroot 0:0\nve 33:33\n"
    );
    assert_eq!(inside(&ve, "/given"), "other 5:6\nroot 5:6\nve 5:6\n");
    let mode = ve.exec(["stat", "-c", "%a", "/given/ve"]).ok();
    assert_eq!(mode.line(), "604");
    // Out again, plainly the caller's.
    let out = scratch.join("out");
    cp(&host, ["web1:/kept", text(&out)]).done();
    let owner = |path: &std::path::Path| {
        let found = fs::metadata(path).unwrap();
        (found.uid(), found.gid())
    };
    assert_eq!(owner(&out.join("other")), (0, 0));
    let kept = scratch.join("kept");
    cp(&host, ["-a", "web1:/kept", text(&kept)]).done();
    assert_eq!(owner(&kept.join("other")), (1000, 1000));
    assert_eq!(owner(&kept.join("ve")), (33, 33));
    ve.stop();
    let stopped = scratch.join("stopped");
    cp(&host, ["-a", "web1:/kept", text(&stopped)]).done();
    assert_eq!(owner(&stopped.join("ve")), (33, 33));
}

#[test]
fn a_program_of_the_ves_does_not_run_as_the_hosts_root() {
    let host = host!();
    let scratch = scratch(&host);
    let ve = host.ve("web1").with(["--network", "none"]).start();
    ve.sh("cp /bin/busybox /su && chmod 6755 /su").done();
    let mode = |name: &str| {
        fs::metadata(scratch.join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    cp(&host, ["web1:/su", text(&scratch.join("plain"))]).done();
    assert_eq!(mode("plain") & 0o7777, 0o755);
    cp(&host, ["-a", "web1:/su", text(&scratch.join("kept"))]).done();
    assert_eq!(mode("kept") & 0o7777, 0o6755);
}

#[test]
fn attributes_lists_and_capabilities_are_kept() {
    let host = host!();
    for program in ["setfattr", "getfattr", "setfacl", "setcap"] {
        if !Cmd::is_there(program) {
            skipped(&format!("there is no {program}"));
            return;
        }
    }
    let scratch = scratch(&host);
    let file = scratch.join("file");
    fs::write(&file, "x").unwrap();
    let run = |program: &str, words: &[&str]| Cmd::program(program, words).run();
    let set = run("setfattr", &["-n", "user.note", "-v", "hello", text(&file)]);
    if set.status != 0 || run("setfacl", &["-m", "u:1000:r", text(&file)]).status != 0 {
        skipped("this file system has no attributes or lists");
        return;
    }
    run("setcap", &["cap_net_raw+ep", text(&file)]).done();
    let all = |path: &std::path::Path| {
        let words = ["--absolute-names", "-d", "-m", "-", "-e", "hex", text(path)];
        let told = run("getfattr", &words).ok().stdout;
        told.lines()
            .skip(1)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let before = all(&file);
    assert!(
        before.contains("security.capability") && before.contains("posix_acl"),
        "{before}"
    );
    let ve = host.ve("web1").with(["--network", "none"]).start();
    cp(&host, ["-a", text(&file), "web1:/running"]).done();
    cp(&host, ["-a", "web1:/running", text(&scratch.join("back1"))]).done();
    assert_eq!(all(&scratch.join("back1")), before);
    ve.stop();
    cp(&host, ["-a", "web1:/running", text(&scratch.join("back2"))]).done();
    assert_eq!(all(&scratch.join("back2")), before);
    cp(&host, ["-a", text(&file), "web1:/stopped"]).done();
    ve.start();
    cp(&host, ["-a", "web1:/stopped", text(&scratch.join("back3"))]).done();
    assert_eq!(all(&scratch.join("back3")), before);
    cp(&host, [text(&file), "web1:/bare"]).done();
    cp(&host, ["-a", "web1:/bare", text(&scratch.join("bare"))]).done();
    assert_eq!(all(&scratch.join("bare")), "");
}
