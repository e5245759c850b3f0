//! A host that has no loop device left.

use std::path::Path;

use veld_tests::{Cmd, Host, Output, Template, host};

/// Runs a command where /dev is as it is, without a node of any loop device: a number that
/// is free can be asked for, and nothing is behind it.
const WITHOUT: &str = r#"set -e
    dev=$1; shift; mkdir "$dev"; mount -t tmpfs dev "$dev"
    for file in /dev/*; do
        new=$dev/${file##*/}
        case $file in /dev/loop[0-9]*) continue;; esac
        if [ -L "$file" ]; then cp -P "$file" "$new"
        elif [ -d "$file" ]; then mkdir "$new"; mount --rbind "$file" "$new"
        else : >"$new"; mount --bind "$file" "$new"; fi
    done
    mount --rbind "$dev" /dev
    exec "$@""#;

fn veld_without(host: &Host, words: &[&str]) -> Output {
    let dev = host.directory().join("dev");
    let program = Host::program();
    let mut line = vec![
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        WITHOUT,
        "sh",
    ];
    line.extend([dev.to_str().unwrap(), program.to_str().unwrap()]);
    line.extend(words);
    let said = host.tool(Path::new("unshare"), line).run();
    std::fs::remove_dir(dev).unwrap();
    said
}

fn is_told(said: &Output, what: &str) {
    assert_eq!(said.status, 1, "{}", said.stdout);
    assert!(said.stderr.starts_with(what), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    let why = " a loop device: no loop device is free: /dev/loop";
    assert!(said.stderr.contains(why), "{}", said.stderr);
}

/// Devices that have a file of this host's, also one that is gone.
fn taken(host: &Host) -> Vec<String> {
    let words = ["--list", "--noheadings", "--output", "BACK-FILE"];
    let listed = Cmd::program("losetup", words).run().ok();
    let own = host.directory().to_str().unwrap().to_owned();
    let lines = listed.lines().filter(|line| line.contains(&own));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_host_without_a_free_loop_device_says_so_and_nothing_is_left() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--network", "none", "--layout", "image", "--disk", "64M"])
        .create();
    assert_eq!(taken(&host), Vec::<String>::new());
    let template = Template::Busybox.name();
    let create = [
        "create", "web2", "-t", &template, "--layout", "image", "--disk", "32M",
    ];
    is_told(
        &veld_without(&host, &create),
        "veld: web2: cannot create: cannot ",
    );
    assert!(!host.data().join("ve/web2").exists());
    let volume = [
        "volume", "create", "data", "--layout", "image", "--size", "32M",
    ];
    is_told(
        &veld_without(&host, &volume),
        "veld: volume data: cannot create: cannot ",
    );
    let left = std::fs::read_dir(host.data().join("volumes")).unwrap();
    assert_eq!(left.count(), 0, "nothing is left of the volume");
    is_told(
        &veld_without(&host, &["start", "web1"]),
        "veld: web1: cannot start: cannot ",
    );
    host.nothing_remains();
    assert_eq!(taken(&host), Vec::<String>::new());
    // With a device it is all as it was.
    ve.start();
    ve.sh("echo mine >/file").done();
    ve.veld("destroy", ["--force"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
}
