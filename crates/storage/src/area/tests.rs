//! The directory of a VE, made and removed, whole and half.

use rustix::fs::{IFlags, ioctl_setflags};

use super::*;

fn area() -> (tempfile::TempDir, Area) {
    let dir = tempfile::tempdir().unwrap();
    let area = Area::new(dir.path(), "web1");
    (dir, area)
}

#[test]
fn a_finished_ve_is_whole_and_alone() {
    let (_dir, area) = area();
    let making = area.make().unwrap();
    std::fs::create_dir(making.private().join("upper")).unwrap();
    assert!(!area.exists());
    making.set_id(101).unwrap();
    making.finish("version = 1\n").unwrap();
    assert_eq!(area.id().unwrap(), 101);
    assert!(area.private().join("upper").is_dir());
    assert_eq!(
        std::fs::read_dir(area.path().parent().unwrap())
            .unwrap()
            .count(),
        1
    );
    area.put_aside().unwrap();
    area.put_aside().unwrap();
    assert_eq!(area.unswept_ids(), [101]);
    assert!(area.is_unswept());
    area.sweep().unwrap();
    area.sweep().unwrap();
    assert!(!area.is_unswept());
    assert!(!area.exists());
}

#[test]
fn an_unfinished_ve_is_swept_and_its_id_known() {
    let (_dir, area) = area();
    area.make().unwrap().set_id(102).unwrap();
    assert_eq!(area.unswept_ids(), [102]);
    area.sweep().unwrap();
    assert_eq!(area.unswept_ids(), [0_u32; 0]);
    area.make().unwrap().finish("").unwrap_err();
}

#[test]
fn what_a_removal_left_is_known_without_its_number() {
    let (_dir, area) = area();
    assert!(!area.is_unswept());
    area.make().unwrap().set_id(103).unwrap();
    std::fs::rename(area.unmade(), area.gone()).unwrap();
    std::fs::remove_file(area.gone().join(ID)).unwrap();
    assert_eq!(area.unswept_ids(), [0_u32; 0]);
    assert!(area.is_unswept());
    area.sweep().unwrap();
    assert!(!area.is_unswept());

    // Not even a directory.
    File::create(area.gone()).unwrap();
    assert!(area.is_unswept());
    area.sweep().unwrap();
    assert!(!area.is_unswept());
}

#[test]
fn the_number_outlasts_a_removal_that_fails() {
    let (_dir, area) = area();
    let making = area.make().unwrap();
    making.set_id(104).unwrap();
    std::fs::create_dir(making.private().join("upper")).unwrap();
    let stuck = File::create(making.private().join("upper/stuck")).unwrap();
    if let Err(errno) = ioctl_setflags(&stuck, IFlags::IMMUTABLE) {
        eprintln!("skipped: no file can be made that even root cannot remove: {errno}");
        return;
    }
    let text = area.sweep().unwrap_err().to_string();
    let left = (area.is_unswept(), area.unswept_ids());
    ioctl_setflags(&stuck, IFlags::empty()).unwrap();
    assert!(text.starts_with("cannot remove stuck below "), "{text}");
    assert_eq!(left, (true, vec![104]));
    area.sweep().unwrap();
    assert!(!area.is_unswept());
}

#[test]
fn an_existing_ve_is_not_replaced() {
    let (_dir, area) = area();
    let first = area.make().unwrap();
    first.set_id(101).unwrap();
    first.finish("one").unwrap();
    let second = area.make().unwrap();
    second.set_id(102).unwrap();
    assert_eq!(
        second.finish("two").unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    assert_eq!(area.id().unwrap(), 101);
}
