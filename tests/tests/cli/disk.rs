//! A disk that is full.

use std::fs;
use std::path::PathBuf;

use veld_tests::{Cmd, Host, Template, host, until};

/// A file system of two mebibytes that data of VEs is kept in.
struct Small {
    place: PathBuf,
}

impl Small {
    fn mount(host: &mut Host) -> Self {
        let place = host.directory().join("small");
        fs::create_dir(&place).unwrap();
        let path = place.display().to_string();
        Cmd::program(
            "mount",
            ["-t", "tmpfs", "-o", "size=2m,nr_inodes=200", "tmpfs", &path],
        )
        .run()
        .done();
        host.keep_data_in(&place.join("data"));
        Self { place }
    }

    /// Leaves not a block.
    fn fill(&self) {
        let file = self.place.join("ballast");
        let path = file.display().to_string();
        let filled = Cmd::program("dd", ["if=/dev/zero", &format!("of={path}"), "bs=4k"]).run();
        assert!(
            filled.stderr.contains("No space left on device"),
            "{}",
            filled.stderr
        );
    }

    fn empty(&self) {
        fs::remove_file(self.place.join("ballast")).unwrap();
    }

    fn unmount(self) {
        let path = self.place.display().to_string();
        until("the small disk is free", || {
            Cmd::program("umount", [&path]).run().status == 0
        });
    }
}

const FULL: &str = "No space left on device (os error 28)";

#[test]
fn on_a_full_disk_no_ve_is_made_and_nothing_is_left() {
    let mut host = host!();
    let small = Small::mount(&mut host);
    host.ve("web1").create();
    small.fill();
    let template = Template::Busybox.name();
    let refused = host.veld(["create", "web2", "-t", &template]);
    assert_eq!(refused.status, 1);
    let stderr = refused.stderr.trim_end();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("veld: web2: cannot create: cannot "),
        "{stderr}"
    );
    assert!(stderr.ends_with(FULL), "{stderr}");
    assert_eq!(host.veld(["list", "-aq"]).ok().stdout, "web1\n");
    small.empty();
    host.ve("web2").create();
    host.veld(["destroy", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    small.unmount();
}

#[test]
fn on_a_full_disk_a_start_says_so_and_leaves_nothing() {
    let mut host = host!();
    let small = Small::mount(&mut host);
    let ve = host.ve("web1").create();
    small.fill();
    let refused = ve.veld("start", [""; 0]);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    let stderr = refused.stderr.trim_end();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("veld: web1: cannot start: cannot "),
        "{stderr}"
    );
    assert!(stderr.ends_with(FULL), "{stderr}");
    assert_eq!(ve.status(), "stopped");
    host.nothing_remains();
    small.empty();
    ve.start();
    // A VE that fills its disk can be stopped and destroyed.
    small.fill();
    ve.sh("echo more >/root/more; true").ok();
    ve.veld("stop", [""; 0]).ok();
    ve.destroy();
    small.unmount();
}
