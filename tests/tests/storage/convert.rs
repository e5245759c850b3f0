//! From each layout to each other.

use veld_tests::{Disk, host};

#[test]
fn a_ve_has_all_its_files_in_every_layout() {
    let mut host = host!();
    let Some(disk) = Disk::sized("btrfs", 2 << 30) else {
        return;
    };
    host.keep_data_in(&disk.data());
    host.configure("[storage]\nimage_size = \"64M\"\n");
    let ve = host.ve("web1").start();
    let script = "set -e
        echo mine >/root/file; chown 7:8 /root/file; chmod 4711 /root/file
        rm -rf /usr/share /etc/group; mkdir -p /gone; rmdir /gone
        ln -s /nowhere /link; mkfifo /pipe";
    ve.sh(script).ok();
    let look = "find / -xdev ! -path '/proc*' ! -path '/sys*' ! -path '/run*' ! -path '/dev*' \
        ! -path '/tmp*' ! -path '/var*' ! -path '/lost*' -exec stat -c '%n %u %g %a %F' {} + | sort";
    let before = ve.sh(look).ok().stdout;
    assert!(before.contains("/root/file 7 8 4711"), "{before}");
    let running = ve.veld("convert", ["--layout", "image"]);
    running.fails(1, "veld: web1: is running; stop it first\n");
    ve.stop();
    let ways = [
        "btrfs",
        "image",
        "directory",
        "overlay",
        "image",
        "btrfs",
        "overlay",
        "directory",
        "btrfs",
        "directory",
        "image",
        "overlay",
        "btrfs",
        "overlay",
    ];
    for (number, layout) in ways.into_iter().enumerate() {
        ve.veld("convert", ["--layout", layout]).ok();
        let again = ve.veld("convert", ["--layout", layout]);
        assert!(again.stderr.contains("already"), "{}", again.stderr);
        if number % 3 == 0 || number + 1 == ways.len() {
            ve.start();
            assert_eq!(ve.sh(look).ok().stdout, before, "in {layout}");
            ve.stop();
        }
    }
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop(host);
}
