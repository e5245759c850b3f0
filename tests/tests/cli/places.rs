//! Several hosts on one machine: what each has does not show in the other.

use veld_tests::{Host, Ve, host};

#[test]
fn two_hosts_have_ves_of_one_name_side_by_side() {
    let one = host!();
    let two = host!();
    let (a, b) = (without_links(&one), without_links(&two));
    assert_ne!(a.show()["first_host_id"], b.show()["first_host_id"]);
    a.sh("echo of a >/root/note").done();
    assert_eq!(b.exec(["test", "-e", "/root/note"]).status, 1);
    a.stop();
    assert_eq!(b.status(), "up");
    one.nothing_remains();
}

/// Both hosts are in one network namespace here, where a name is a link's once.
fn without_links(host: &Host) -> Ve<'_> {
    host.ve("web1").with(["--network", "none"]).start()
}
