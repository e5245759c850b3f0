//! One template, many VEs: it is never written, and its pages are there once.

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
    use std::os::unix::fs::MetadataExt;
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("touch /root/mine; touch /root/hers; chown alice:users /root/hers")
        .done();
    let upper = ve.directory().join("private/upper/root");
    let owner = |name: &str| {
        let about = std::fs::metadata(upper.join(name)).unwrap();
        (about.uid(), about.gid())
    };
    assert_eq!(owner("mine"), (0, 0));
    assert_eq!(owner("hers"), (1000, 100));
}
