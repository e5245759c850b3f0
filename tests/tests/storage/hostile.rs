//! Root of a VE that wants more of the disk than it may have, or what others may have.

use veld_tests::{Disk, Template, host};

/// Makes subvolumes that count in no quota group, and in the group `1/GROUP`: the request
/// names the groups, and no privilege is asked for. See `struct btrfs_ioctl_vol_args_v2`.
const MAKE: &str = r#"
    sub make { my ($name, @groups) = @_;
        my $inherit = pack("Q9Q*", 0, scalar @groups, (0) x 7, @groups);
        my $at = unpack("Q", pack("P", $inherit));
        my $words = pack("qQQQQQQa4040", 0, 0, 4, length $inherit, $at, 0, 0, $name);
        sysopen(my $root, "/", 0) or die "open: $!";
        print ioctl($root, 0x50009418, $words) ? "$name made\n" : "$name: $!\n";
    }
    make("alone"); make("guest", (1 << 48) | $ARGV[0]);"#;

#[test]
fn no_subvolume_of_a_ve_counts_past_its_limit_or_in_anothers() {
    let mut host = host!(Template::Debian);
    let Some(disk) = Disk::sized("btrfs", 2 << 30) else {
        return;
    };
    host.keep_data_in(&disk.data());
    let options = ["--layout", "btrfs", "--network", "none", "--disk"];
    let other = host.ve("web1").with(options).with(["64M"]).create();
    let ve = host.ve("web2").template(Template::Debian);
    let ve = ve.with(options).with(["64M"]).start();
    let root = other.directory().join("private/root");
    let words = ["inspect-internal", "rootid", root.to_str().unwrap()];
    let group = veld_tests::Cmd::program("btrfs", words).run().ok();
    let said = ve.exec(["perl", "-e", MAKE, group.line()]).ok().stdout;
    let refused = "Inappropriate ioctl for device";
    assert_eq!(said, format!("alone: {refused}\nguest: {refused}\n"));
    host.veld(["destroy", "--force", "--all"]).done();
    veld_tests::until("the trash is empty", || host.leaks().is_empty());
    drop(host);
}
