//! What a file system of a VE's own has, where the kernel and its root are whole.

use veld_tests::{Disk, Host, Template, Ve, status_field};

const MIB: u64 = 1 << 20;

/// `CAP_SYS_RESOURCE` of linux/capability.h.
const SYS_RESOURCE: u64 = 1 << 24;

fn host_with_images(kind: &str) -> Option<(Host, Disk)> {
    let mut host = Host::new(&[Template::Busybox]).ok()?;
    // Where a kernel has quotas of projects, it has them of users.
    let disk = Disk::with_projects("ext4", 1024 * MIB)?;
    host.keep_data_in(&disk.data());
    host.configure(&format!(
        "[storage]\nlayout = \"image\"\nimage_fs = \"{kind}\"\nimage_size = \"320M\"\n"
    ));
    Some((host, disk))
}

/// Writes as a user who has no name, into a directory that all may write to.
fn written_by(ve: &Ve<'_>, uid: u32) -> u64 {
    let uid = uid.to_string();
    let script = format!(
        "dd if=/dev/zero of=/open/{uid} bs=1M count=12 2>/dev/null; stat -c %s /open/{uid}"
    );
    let said = ve.exec_with(["--user", &uid], ["sh", "-c", &script]);
    said.ok().stdout.trim().parse().unwrap()
}

fn users_are_held(kind: &str) {
    let Some((host, disk)) = host_with_images(kind) else {
        return;
    };
    let ve = host.ve("web1").start();
    ve.sh("mkdir /open && chmod 777 /open && echo held:x:2000:2000::/: >>/etc/passwd")
        .ok();
    host.veld([
        "quota", "web1", "set", "held", "--disk", "4M", "--inodes", "20",
    ])
    .ok()
    .says("web1: quota of user held set");
    let held = written_by(&ve, 2000);
    assert!((2 * MIB..=4 * MIB).contains(&held), "{held}");
    assert_eq!(written_by(&ve, 2001), 12 * MIB, "another goes on");
    let listed = host.veld(["quota", "web1", "list", "--json"]).ok().stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let of = |id: u64| {
        let all = listed.as_array().unwrap().iter();
        let mut users = all.filter(|one| one["kind"] == "user");
        users.find(|one| one["id"] == id).unwrap().clone()
    };
    assert_eq!(of(2000)["name"], "held");
    assert_eq!(of(2000)["disk_limit_bytes"], 4 * MIB);
    assert_eq!(of(2000)["inodes_limit"], 20);
    assert!(of(2001)["disk_used_bytes"].as_u64().unwrap() >= 12 * MIB);
    ve.stop();
    let words = [
        "quota", "web1", "set", "2000", "--disk", "none", "--inodes", "none",
    ];
    host.veld(words).ok();
    host.veld(["quota", "web1", "set", "--group", "2001", "--disk", "2M"])
        .ok();
    let refused = host.veld(["quota", "web1", "set", "nobody-here", "--disk", "2M"]);
    let text = "veld: web1: cannot set quota: the VE has no user nobody-here";
    refused.fails(1, text);
    ve.start();
    assert_eq!(written_by(&ve, 2000), 12 * MIB);
    host.veld(["destroy", "--force", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop((host, disk));
}

#[test]
fn users_in_an_image_of_ext4_are_held_to_quotas() {
    users_are_held("ext4");
}

#[test]
fn users_in_an_image_of_xfs_are_held_to_quotas() {
    users_are_held("xfs");
}

#[test]
fn an_image_of_ext4_grows_while_its_ve_runs() {
    let own = std::process::id().cast_signed();
    let effective = u64::from_str_radix(&status_field(own, "CapEff"), 16).unwrap();
    if effective & SYS_RESOURCE == 0 {
        eprintln!("skipped: growing a mounted ext4 takes CAP_SYS_RESOURCE");
        return;
    }
    let host = veld_tests::host!();
    let ve = host
        .ve("web1")
        .with(["--layout", "image", "--disk", "64M"])
        .start();
    ve.veld("set", ["disk=128M"]).done();
    let total = ve.sh("df -k / | tail -1").ok().stdout;
    let total: u64 = total.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(total > 100_000, "df shows {total}K");
    ve.sh("dd if=/dev/zero of=/big bs=1M count=80 2>/dev/null")
        .ok();
    let image = ve.directory().join("private/image");
    assert_eq!(std::fs::metadata(image).unwrap().len(), 128 << 20);
}

#[test]
fn where_users_have_no_quotas_the_choices_are_said() {
    let host = veld_tests::host!();
    host.ve("web1").create();
    host.veld(["quota", "web1", "list"]).fails(
        1,
        "veld: web1: cannot list quotas: layout overlay has no quotas of users; image has, see \
         veld convert",
    );
}
