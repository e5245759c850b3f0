//! Images that are to grow when something goes wrong: the file is as long as the file
//! system at the next look, and grows when it is asked to again.

use std::cell::Cell;
use std::fs;

use veld_tests::{Cmd, Host, Template, Ve};

use crate::walk::{Kind, Round, walk, walked};

walked!(in_use: a_growth_of_an_image_in_use_that_fails_is_undone,
    a_growth_of_an_image_in_use_without_space_is_undone,
    a_killed_growth_of_an_image_in_use_is_put_right_by_the_next_look);

walked!(at_rest: a_growth_of_an_image_at_rest_that_fails_is_undone,
    a_growth_of_an_image_at_rest_without_space_is_undone,
    a_killed_growth_of_an_image_at_rest_is_put_right_by_the_next_start);

const MIB: u64 = 1 << 20;
/// What a growth adds, and what a file system keeps for itself at most.
const STEP: u64 = 256 * MIB;
const OWN: u64 = 120 * MIB;

/// One with xfs, which may grow on every host while it is mounted.
fn in_use(host: &Host, kind: Kind) {
    if !Cmd::is_there("mkfs.xfs") {
        #[allow(clippy::print_stderr, reason = "whoever reads the log wants to know")]
        {
            eprintln!("skipped: there is no mkfs.xfs");
        }
        return;
    }
    host.configure("[storage]\nlayout = \"image\"\nimage_fs = \"xfs\"\nimage_size = \"320M\"\n");
    let ve = host.ve("web1").template(Template::Busybox);
    let ve = ve.with(["--network", "none"]).start();
    grows(host, &ve, kind, || {
        let _ = ve.show();
    });
    ends(host, &ve);
}

/// One with ext4, whose VE has no limit of its own.
fn at_rest(host: &Host, kind: Kind) {
    host.configure("[storage]\nlayout = \"image\"\nimage_size = \"64M\"\n");
    let ve = host.ve("web1").template(Template::Busybox);
    let ve = ve.with(["--network", "none"]).create();
    grows(host, &ve, kind, || ve.start());
    ends(host, &ve);
}

fn ends(host: &Host, ve: &Ve<'_>) {
    ve.veld("destroy", ["--force"]).done();
    veld_tests::until("the trash is empty", || host.leaks().is_empty());
}

/// `look` is what puts it right, after which the VE runs.
fn grows(host: &Host, ve: &Ve<'_>, kind: Kind, look: impl Fn()) {
    let image = ve.directory().join("private/image");
    let length = || fs::metadata(&image).unwrap().len();
    let wished = Cell::new(length());
    walk(
        host,
        ("set", 1, kind),
        |fault| {
            wished.set(length() + STEP);
            let disk = format!("disk={}", wished.get());
            fault.veld(host, &["set", "web1", &disk])
        },
        |round: &Round<'_>| {
            let was_running = ve.status() == "up";
            look();
            is_filled(ve, length());
            assert!(length() == wished.get() || !round.is_done());
            if !was_running {
                ve.stop();
            }
            ve.veld("set", [format!("disk={}", wished.get())]).done();
            assert_eq!(length(), wished.get());
            if !was_running {
                ve.start();
            }
            is_filled(ve, length());
            if !was_running {
                ve.stop();
                // So that nothing but what it is says what it is to be.
                ve.veld("set", ["disk="]);
            }
        },
    );
}

/// The file system is as long as its file.
fn is_filled(ve: &Ve<'_>, length: u64) {
    let said = ve.sh("df -k / | tail -1").ok().stdout;
    let total: u64 = said.split_whitespace().nth(1).unwrap().parse().unwrap();
    let total = total * 1024;
    assert!(
        total <= length && total + OWN > length,
        "df shows {total}, and the image has {length}"
    );
}
