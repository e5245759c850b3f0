//! VEs that the project quota of ext4 and xfs holds, on kernels that have it.

use std::fs;

use std::path::Path;

use veld_tests::{Cmd, Disk, Host, Template, Ve};

const MIB: u64 = 1 << 20;

/// Writes more than it may, and says how much that came to.
const FILL: &str = "dd if=/dev/zero of=/big bs=1M count=40 2>&1 | head -1; stat -c %s /big";

fn filled(ve: &Ve<'_>) -> u64 {
    let said = ve.sh(FILL).ok().stdout;
    let refused = said.contains("uota exceeded") || said.contains("No space left");
    assert!(refused, "{said}");
    said.lines().last().unwrap().parse().unwrap()
}

/// What `df` shows inside, in KiB.
fn size_inside(ve: &Ve<'_>) -> u64 {
    let total = ve.sh("df -k / | tail -1").ok().stdout;
    total.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn host_with(kind: &str) -> Option<(Host, Disk)> {
    let mut host = Host::new(&[Template::Busybox]).ok()?;
    let disk = Disk::with_projects(kind, 512 * MIB)?;
    host.keep_data_in(&disk.data());
    Some((host, disk))
}

/// A limit on disk, shown by `df`, that another does not notice, and that is live.
fn is_held(kind: &str, layout: &str) {
    let Some((host, disk)) = host_with(kind) else {
        return;
    };
    let options = ["--layout", layout, "--disk", "24M", "--inodes", "2000"];
    let ve = host.ve("web1").with(options).start();
    let other = host.ve("web2").with(["--layout", layout]).start();
    let size = filled(&ve);
    assert!((8 * MIB..24 * MIB).contains(&size), "{size}");
    assert_eq!(size_inside(&ve), 24 << 10);
    other.sh("echo more >/file && cat /file").ok().says("more");
    ve.veld("set", ["disk=64M"]).done();
    ve.sh("dd if=/dev/zero of=/more bs=1M count=10 2>/dev/null")
        .ok();
    assert_eq!(size_inside(&ve), 64 << 10);
    let refused = ve.veld("set", ["disk=16M"]);
    assert!(
        refused.stderr.contains("disk: 16M is below the "),
        "{}",
        refused.stderr
    );
    ve.sh("mkdir /many; for n in $(seq 150); do : >/many/$n; done")
        .ok();
    let refused = ve.veld("set", ["inodes=100"]);
    assert!(
        refused.stderr.contains("inodes: 100 is below the "),
        "{}",
        refused.stderr
    );
    host.veld(["destroy", "--force", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop((host, disk));
}

#[test]
fn an_overlay_on_ext4_is_held() {
    is_held("ext4", "overlay");
}

#[test]
fn an_overlay_on_xfs_is_held() {
    is_held("xfs", "overlay");
}

#[test]
fn a_directory_on_ext4_is_held() {
    is_held("ext4", "directory");
}

#[test]
fn as_many_inodes_can_be_made_as_are_allowed() {
    let Some((host, disk)) = host_with("ext4") else {
        return;
    };
    let ve = host.ve("web1").with(["--inodes", "100"]).start();
    let script = "mkdir /many; n=0; while [ $n -lt 200 ] && touch /many/$n; do n=$((n+1)); done 2>/dev/null; echo $n";
    let made: u32 = ve.sh(script).ok().line().parse().unwrap();
    assert!((60..100).contains(&made), "{made}");
    host.veld(["destroy", "--force", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop((host, disk));
}

/// A frozen layer counts for the VE that it is of; a clone has a limit of its own; a
/// restored VE has the old one; and a new VE of an old number begins with nothing.
#[test]
fn limits_stay_over_snapshots_clones_and_new_layouts() {
    let Some((host, disk)) = host_with("ext4") else {
        return;
    };
    let ve = host.ve("web1").with(["--disk", "48M"]).create();
    let upper = ve.directory().join("private/upper");
    fs::write(upper.join("old"), vec![7; 20 << 20]).unwrap();
    host.veld(["snapshot", "create", "web1", "before"]).ok();
    let refused = ve.veld("set", ["disk=16M"]);
    assert!(
        refused.stderr.contains("disk: 16M is below the 20"),
        "{}",
        refused.stderr
    );
    host.veld(["clone", "web1", "web2"]).ok();
    host.veld(["set", "web2", "disk=16M"]).ok();
    host.veld(["snapshot", "restore", "web1", "before"]).ok();
    ve.start();
    assert_eq!(size_inside(&ve), 48 << 10);
    assert!(filled(&ve) < 28 * MIB);
    // The clone stands on the layer, which is counted by the project of the old.
    ve.stop();
    ve.destroy();
    let again = host.ve("web1").with(["--disk", "16M"]).start();
    assert!((8 * MIB..16 * MIB).contains(&filled(&again)));
    again.stop();
    again.veld("set", ["disk=48M"]).done();
    again.veld("convert", ["--layout", "directory"]).ok();
    again.start();
    assert_eq!(size_inside(&again), 48 << 10);
    host.veld(["destroy", "--force", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop((host, disk));
}

/// Made before the data directory was mounted so.
#[test]
fn files_that_nobody_counted_are_counted_from_the_first_limit() {
    let Some((host, disk)) = host_with("ext4") else {
        return;
    };
    let ve = host.ve("web1").create();
    let private = ve.directory().join("private");
    let (upper, bare) = (private.join("upper"), private.with_file_name("bare"));
    fs::create_dir_all(bare.join("upper")).unwrap();
    fs::create_dir(bare.join("work")).unwrap();
    fs::copy(private.join("below"), bare.join("below")).unwrap();
    fs::remove_dir_all(&private).unwrap();
    fs::rename(&bare, &private).unwrap();
    fs::write(upper.join("file"), vec![7; 4 << 20]).unwrap();
    std::os::unix::fs::symlink("file", upper.join("link")).unwrap();
    ve.start();
    let refused = ve.veld("set", ["disk=16M"]);
    assert!(
        refused.stderr.contains("are not counted yet"),
        "{}",
        refused.stderr
    );
    ve.stop();
    ve.veld("set", ["disk=24M"]).done();
    ve.start();
    ve.sh("mv /link /moved && cmp /moved /file").ok();
    assert_eq!(size_inside(&ve), 24 << 10);
    assert!(filled(&ve) < 21 * MIB);
    host.veld(["destroy", "--force", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop((host, disk));
}

/// The project that a directory passes on.
fn project(directory: &Path) -> u32 {
    let words = ["-pd", directory.to_str().unwrap()];
    let said = Cmd::program("lsattr", words).run().ok();
    said.line()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// The first project that the host says, and the first of volumes.
const FIRST: u32 = 131_072;
const BEYOND: u32 = FIRST + 128 * 65_536;

#[test]
fn projects_are_of_the_range_that_the_host_says() {
    let Some((host, disk)) = host_with("ext4") else {
        return;
    };
    host.configure(&format!("[storage]\nprojects = {FIRST}\n"));
    let made = host.ve("web1").create();
    let number = fs::read_to_string(made.directory().join("id")).unwrap();
    let number: u32 = number.trim().parse().unwrap();
    assert_eq!(project(&made.directory().join("private")), FIRST + number);
    for (name, at) in [("one", BEYOND), ("two", BEYOND + 1)] {
        host.veld(["volume", "create", name, "--size", "16M"])
            .says(&format!("volume {name}: created in layout directory, 16M"));
        assert_eq!(project(&host.data().join("volumes").join(name)), at);
    }
    made.destroy();
    for name in ["one", "two"] {
        host.veld(["volume", "remove", name]).ok();
    }
    veld_tests::until("the trash is empty", || host.leaks().is_empty());
    drop((host, disk));
}

#[test]
fn a_volume_in_a_directory_is_held_to_its_size_which_is_live() {
    let Some((host, disk)) = host_with("ext4") else {
        return;
    };
    host.veld(["volume", "create", "data", "--size", "16M"])
        .says("volume data: created in layout directory, 16M");
    let ve = host
        .ve("web1")
        .with(["--mount", "volume:data:/data"])
        .start();
    let script = "dd if=/dev/zero of=/data/big bs=1M count=40 2>&1 | head -1; stat -c %s /data/big";
    let filled = || {
        let said = ve.sh(script).ok().stdout;
        assert!(
            said.contains("uota exceeded") || said.contains("No space left"),
            "{said}"
        );
        said.lines().last().unwrap().parse::<u64>().unwrap()
    };
    let size = filled();
    assert!((8 * MIB..=16 * MIB).contains(&size), "{size}");
    ve.sh("echo more >/file").done();
    let refused = host.veld(["volume", "resize", "data", "8M"]);
    assert!(
        refused.stderr.contains("8M is below the "),
        "{}",
        refused.stderr
    );
    host.veld(["volume", "resize", "data", "24M"])
        .says("volume data: resized to 24M");
    let size = filled();
    assert!((18 * MIB..=24 * MIB).contains(&size), "{size}");
    host.veld(["destroy", "--force", "--all"]).done();
    host.veld(["volume", "remove", "data"]).ok();
    veld_tests::until("the trash is empty", || host.leaks().is_empty());
    drop((host, disk));
}
