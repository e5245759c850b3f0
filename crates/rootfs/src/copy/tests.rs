//! Copies beside what `cp` and `tar` say of them.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;

struct Scene {
    directory: tempfile::TempDir,
    events: Vec<CopyEvent>,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        fs::create_dir(directory.path().join("host")).unwrap();
        Self {
            directory,
            events: Vec::new(),
        }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn host(&self, name: &str) -> String {
        let path = self.directory.path().join("host").join(name);
        path.to_str().unwrap().to_owned()
    }

    fn guest(&self) -> CopyTree {
        let ids = Ids::Guest { first: 0, shift: 0 };
        CopyTree::of_guest(RootDir::open(&self.root()).unwrap(), "web1", ids)
    }

    fn put(&mut self, sources: &[String], destination: &str) -> Result<(), String> {
        let guest = self.guest();
        self.copy(&CopyTree::of_host(), sources, &guest, destination)
    }

    fn get(&mut self, source: &str, destination: &str) -> Result<(), String> {
        let guest = self.guest();
        self.copy(
            &guest,
            &[source.to_owned()],
            &CopyTree::of_host(),
            destination,
        )
    }

    fn copy(
        &mut self,
        from: &CopyTree,
        sources: &[String],
        to: &CopyTree,
        destination: &str,
    ) -> Result<(), String> {
        let wish = CopyWish {
            archive: true,
            ..CopyWish::default()
        };
        let events = &mut self.events;
        copy_files(
            CopyJob { from, to, wish },
            sources,
            destination,
            &mut |event| {
                events.push(event);
                Ok(())
            },
        )
        .map_err(|failure| veld_sys::chain(&failure))
    }
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: owners are changed by root");
    }
    root
}

#[test]
fn a_destination_is_a_directory_or_a_name() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let one = scene.host("one");
    fs::write(&one, "1").unwrap();
    fs::create_dir(scene.root().join("dir")).unwrap();
    scene.put(std::slice::from_ref(&one), "/new").unwrap();
    scene.put(std::slice::from_ref(&one), "/dir").unwrap();
    scene.put(std::slice::from_ref(&one), "/dir/").unwrap();
    for path in ["new", "dir/one"] {
        assert_eq!(fs::read_to_string(scene.root().join(path)).unwrap(), "1");
    }
    let refused = |scene: &mut Scene, sources: &[String], destination| {
        scene.put(sources, destination).unwrap_err()
    };
    assert_eq!(
        refused(&mut scene, std::slice::from_ref(&one), "/none/"),
        "cannot copy to web1:/none/: Not a directory (os error 20)"
    );
    assert_eq!(
        refused(&mut scene, std::slice::from_ref(&one), "/none/x"),
        "cannot copy to web1:/none/x: No such file or directory (os error 2)"
    );
    assert_eq!(
        refused(&mut scene, &[one.clone(), one.clone()], "/new"),
        "cannot copy to web1:/new: Not a directory (os error 20)"
    );
    let missing = scene.host("missing");
    assert_eq!(
        refused(&mut scene, std::slice::from_ref(&missing), "/new"),
        format!("cannot open {missing}: No such file or directory (os error 2)")
    );
}

#[test]
fn a_directory_goes_into_one_or_becomes_it() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let tree = scene.host("tree");
    fs::create_dir_all(format!("{tree}/a/b")).unwrap();
    fs::write(format!("{tree}/a/b/file"), "x").unwrap();
    scene.put(std::slice::from_ref(&tree), "/tree2").unwrap();
    scene.put(std::slice::from_ref(&tree), "/tree2").unwrap();
    scene.put(&[format!("{tree}/.")], "/tree2/a").unwrap();
    for path in ["tree2/a/b/file", "tree2/tree/a/b/file", "tree2/a/a/b/file"] {
        assert!(scene.root().join(path).exists(), "{path}");
    }
    // Into itself.
    let guest = scene.guest();
    let sources = ["/tree2".to_owned()];
    scene.copy(&guest, &sources, &guest, "/tree2/a").unwrap();
    assert!(scene.root().join("tree2/a/tree2/a/b/file").exists());
    assert!(!scene.root().join("tree2/a/tree2/a/tree2").exists());
}

#[test]
fn a_directory_does_not_go_into_its_own_copy() {
    let mut scene = Scene::new();
    fs::create_dir_all(scene.root().join("a/x")).unwrap();
    fs::create_dir(scene.root().join("b")).unwrap();
    let guest = scene.guest();
    let sources = ["/b", "/a"].map(str::to_owned);
    scene.copy(&guest, &sources, &guest, "/a/x").unwrap();
    let warning = "left out web1:/a/x/a, which is the copy itself";
    let told = |event: &CopyEvent| *event == CopyEvent::Warning(warning.to_owned());
    assert!(scene.events.iter().any(told));
    assert!(scene.root().join("a/x/a/x/b").exists());
    assert!(!scene.root().join("a/x/a/x/a").exists());
    for (source, destination) in [("/a/.", "/a"), ("/a", "/")] {
        let refused = scene.copy(&guest, &[source.to_owned()], &guest, destination);
        assert_eq!(
            refused.unwrap_err(),
            format!("cannot copy web1:{source} to itself: Invalid argument (os error 22)")
        );
    }
}

#[test]
fn holes_links_and_times_are_as_they_were() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let tree = scene.host("tree");
    fs::create_dir(&tree).unwrap();
    let sparse = File::create(format!("{tree}/sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", 32 << 20).unwrap();
    fs::hard_link(format!("{tree}/sparse"), format!("{tree}/other")).unwrap();
    symlink("/etc/../nowhere", format!("{tree}/link")).unwrap();
    fs::set_permissions(format!("{tree}/sparse"), fs::Permissions::from_mode(0o4751)).unwrap();
    std::os::unix::fs::lchown(format!("{tree}/link"), Some(7), Some(8)).unwrap();
    rustix::fs::mknodat(
        CWD,
        format!("{tree}/fifo"),
        FileType::Fifo,
        Mode::from_raw_mode(0o620),
        0,
    )
    .unwrap();
    scene.put(std::slice::from_ref(&tree), "/tree").unwrap();
    let copy = |name: &str| fs::symlink_metadata(scene.root().join("tree").join(name)).unwrap();
    let of = |name: &str| fs::symlink_metadata(format!("{tree}/{name}")).unwrap();
    for name in ["sparse", "link", "fifo", "other", "."] {
        let (one, other) = (of(name), copy(name));
        let told = |it: &fs::Metadata| (it.mode(), it.uid(), it.gid(), it.mtime_nsec(), it.nlink());
        assert_eq!(told(&one), told(&other), "{name}");
    }
    assert_eq!(copy("sparse").ino(), copy("other").ino());
    assert_eq!(copy("sparse").len(), 64 << 20);
    assert!(copy("sparse").blocks() * 512 < 1 << 20);
    assert!(copy("fifo").file_type().is_fifo());
    let link = fs::read_link(scene.root().join("tree/link")).unwrap();
    assert_eq!(link.to_str(), Some("/etc/../nowhere"));
}

#[test]
fn links_of_the_guest_lead_nowhere_outside() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let secret = scene.host("secret");
    fs::write(&secret, "secret").unwrap();
    let outside = scene.directory.path().join("host");
    let root = scene.root();
    symlink(&outside, root.join("abs")).unwrap();
    symlink("../host", root.join("up")).unwrap();
    symlink("/proc/self/root", root.join("magic")).unwrap();
    symlink(&secret, root.join("file")).unwrap();
    for place in ["/abs/new", "/up/new", "/magic/tmp/new"] {
        let refused = scene.put(std::slice::from_ref(&secret), place).unwrap_err();
        assert_eq!(
            refused,
            format!("cannot copy to web1:{place}: No such file or directory (os error 2)")
        );
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    // What has the name is replaced, and not what it leads to.
    let new = scene.host("new");
    fs::write(&new, "new").unwrap();
    scene.put(std::slice::from_ref(&new), "/file").unwrap();
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    assert!(fs::symlink_metadata(root.join("file")).unwrap().is_file());
    let got = scene.host("got");
    let refused = scene.get("/abs/secret", &got).unwrap_err();
    assert_eq!(
        refused,
        "cannot open web1:/abs/secret: No such file or directory (os error 2)"
    );
    scene.get("/abs", &got).unwrap();
    assert_eq!(fs::read_link(&got).unwrap(), outside);
}

#[test]
fn devices_and_sockets_are_left_out_and_told() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let root = scene.root();
    fs::create_dir(root.join("d")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("d/socket")).unwrap();
    let mode = Mode::from_raw_mode(0o600);
    let null = rustix::fs::makedev(1, 3);
    rustix::fs::mknodat(
        CWD,
        root.join("d/null"),
        FileType::CharacterDevice,
        mode,
        null,
    )
    .unwrap();
    let got = scene.host("got");
    scene.get("/d", &got).unwrap();
    assert_eq!(fs::read_dir(&got).unwrap().count(), 0);
    let mut warnings: Vec<&str> = scene
        .events
        .iter()
        .filter_map(|event| match event {
            CopyEvent::Warning(text) => Some(text.as_str()),
            CopyEvent::Bytes(_) | CopyEvent::Entry => None,
        })
        .collect();
    warnings.sort_unstable();
    assert_eq!(
        warnings,
        [
            "left out web1:/d/null, which is a device",
            "left out web1:/d/socket, which is a socket",
        ]
    );
}

#[test]
fn one_who_is_told_ends_the_copy_and_half_a_file_goes() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let large = scene.host("large");
    fs::write(&large, vec![1; 3 << 20]).unwrap();
    let guest = scene.guest();
    let job = CopyJob {
        from: &CopyTree::of_host(),
        to: &guest,
        wish: CopyWish::default(),
    };
    let failed = copy_files(job, std::slice::from_ref(&large), "/large", &mut |_| {
        Err(Errno::INTR.into())
    })
    .unwrap_err();
    assert_eq!(failed.errno(), Some(Errno::INTR.raw_os_error()));
    assert_eq!(fs::read_dir(scene.root()).unwrap().count(), 0);
    scene.put(&[large], "/large").unwrap();
    assert_eq!(scene.events.len(), 4);
}
