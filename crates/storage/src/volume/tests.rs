//! Volumes in a directory of the test's own.

use std::os::unix::fs::PermissionsExt;

use super::*;

const WISH: Wish = Wish {
    disk: None,
    inodes: None,
    image_fs: veld_images::FileSystem::Ext4,
    image_size: 16 << 20,
};

fn made_at(created: u64) -> NewVolume {
    NewVolume {
        layout: Layout::Directory,
        wish: WISH,
        created,
        first_project: 65_536,
    }
}

#[test]
fn a_volume_is_there_whole_or_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    let volumes = Volumes::new(data.path());
    assert_eq!(volumes.names().unwrap(), Vec::<String>::new());
    volumes.sweep().unwrap();
    let volume = volumes.volume("media");
    assert!(!volume.exists());
    assert_eq!(volume.lock().unwrap_err().kind(), io::ErrorKind::NotFound);
    volumes.create("media", &made_at(7)).unwrap();
    assert!(volume.exists());
    assert_eq!(volume.created(), Some(7));
    assert_eq!(volume.layout(), Layout::Directory);
    let root = volume.path().join("root");
    assert_eq!(volume.root().unwrap(), Root::Tree(root.clone()));
    assert_eq!(
        fs::metadata(&root).unwrap().permissions().mode() & 0o7777,
        0o755
    );
    let names = all_names(volume.path()).unwrap();
    assert_eq!(names.len(), 2, "{names:?}");
    let again = volumes.create("media", &made_at(8));
    assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(all_names(&volumes.dir).unwrap(), ["media"]);
    volumes.remove(&volume, volume.lock().unwrap()).unwrap();
    assert!(!volume.exists());
}

#[test]
fn what_nobody_works_on_is_swept() {
    let data = tempfile::tempdir().unwrap();
    let volumes = Volumes::new(data.path());
    volumes.create("a", &made_at(7)).unwrap();
    let (left, busy) = (volumes.unmade("b"), volumes.unmade("c"));
    for path in [&left, &busy] {
        fs::create_dir_all(path.join("root/dir")).unwrap();
    }
    fs::create_dir(volumes.dir.join("a").join(NEW_IMAGE)).unwrap();
    let _lock = lock_exclusive(&busy).unwrap();
    volumes.sweep().unwrap();
    assert!(!left.exists() && busy.exists());
    assert!(!volumes.dir.join("a").join(NEW_IMAGE).exists());
    assert!(volumes.volume("a").exists());
}

#[test]
fn users_share_the_lock_and_keep_others_out() {
    let data = tempfile::tempdir().unwrap();
    let volumes = Volumes::new(data.path());
    volumes.create("a", &made_at(7)).unwrap();
    let volume = volumes.volume("a");
    let users = [
        volume.lock_for_use().unwrap(),
        volume.lock_for_use().unwrap(),
    ];
    assert!(lock::try_exclusive(volume.path()).unwrap().is_none());
    drop(users);
    let alone = volume.lock().unwrap();
    assert!(lock::try_exclusive(volume.path()).unwrap().is_none());
    drop(alone);
    assert!(lock::try_exclusive(volume.path()).unwrap().is_some());
}
