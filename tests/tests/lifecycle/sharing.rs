//! One template, many VEs: it is never written, and its pages are there once.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};

use veld_tests::{Template, host, walk};

#[test]
fn a_template_is_as_it_was_after_a_ve_wrote_over_all_of_it() {
    let host = host!();
    let before = walk(&Template::Busybox.root());
    let ve = host.ve("web1").start();
    ve.sh("echo mine >/etc/passwd; rm -rf /home /usr/local; chmod 700 /etc; touch /bin/busybox")
        .ok();
    ve.sh("chown 33:33 /var; mv /etc/inittab /etc/inittab.mine; ln /bin/busybox /bin/other")
        .ok();
    assert_eq!(ve.exec(["cat", "/etc/passwd"]).ok().line(), "mine");
    ve.veld("stop", ["--force"]).done();
    ve.destroy();
    assert_eq!(walk(&Template::Busybox.root()), before);
}

#[test]
fn two_ves_see_one_inode_and_neither_sees_what_the_other_writes() {
    let host = host!();
    let (a, b) = (host.ve("a").start(), host.ve("b").start());
    let inode = |ve: &veld_tests::Ve<'_>| {
        ve.exec(["stat", "-c", "%i %u:%g", "/bin/busybox"])
            .ok()
            .line()
            .to_owned()
    };
    assert_eq!(inode(&a), inode(&b));
    assert!(inode(&a).ends_with(" 0:0"));
    assert_ne!(a.show()["first_host_id"], b.show()["first_host_id"]);
    a.sh("echo of a >/etc/motd").done();
    assert_eq!(b.exec(["test", "-e", "/etc/motd"]).status, 1);
}

#[test]
fn what_a_ve_writes_is_owned_on_disk_by_its_own_ids() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("touch /root/mine; touch /root/hers; chown alice:users /root/hers")
        .done();
    let upper = ve.directory().join("private/upper/root");
    let owner = |name: &str| {
        let about = fs::metadata(upper.join(name)).unwrap();
        (about.uid(), about.gid())
    };
    assert_eq!(owner("mine"), (0, 0));
    assert_eq!(owner("hers"), (1000, 100));
}

#[test]
fn two_ves_run_a_program_from_the_same_physical_pages() {
    let host = host!();
    let ves = [host.ve("a").start(), host.ve("b").start()];
    let frames = ves.each_ref().map(|ve| {
        let daemon = ve.group().processes().into_iter().find(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name == "syslogd\n"
        });
        frame_of_text(daemon.unwrap())
    });
    assert_ne!(frames[0], 0);
    assert_eq!(frames[0], frames[1]);
}

/// The physical page behind the first one of a program's text, which every
/// program that runs has been in.
///
/// # Kernel
/// Documentation/admin-guide/mm/pagemap.rst: 8 bytes per page, the frame in
/// bits 0 to 54 and bit 63 where there is one.
fn frame_of_text(pid: i32) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let text = maps.lines().find(|line| line.contains(" r-xp ")).unwrap();
    let start = u64::from_str_radix(text.split('-').next().unwrap(), 16).unwrap();
    let map = fs::File::open(format!("/proc/{pid}/pagemap")).unwrap();
    let mut entry = [0; 8];
    map.read_exact_at(&mut entry, start / 4096 * 8).unwrap();
    let entry = u64::from_ne_bytes(entry);
    assert_eq!(entry >> 63, 1, "the page is not there");
    entry & ((1 << 55) - 1)
}
