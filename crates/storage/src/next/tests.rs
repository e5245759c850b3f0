//! Parts exchanged, layers frozen and let go of, and what a kill leaves.

use std::fs::File;

use super::*;
use crate::below::Base;
use crate::layers::Layers;
use crate::layout::make_layer;

fn base() -> Below {
    Below::Template(Base {
        name: "debian".to_owned(),
        id: None,
    })
}

/// A VE with an overlay that has one file.
fn ve(data: &Path, name: &str, id: u32) -> Area {
    let area = Area::new(data, name);
    let making = area.make().unwrap();
    making.set_id(id).unwrap();
    base().write(&making.private()).unwrap();
    make_layer(&making.private()).unwrap();
    File::create(making.private().join("upper/first")).unwrap();
    making.finish("old").unwrap();
    area
}

fn layers_of(area: &Area) -> Vec<LayerId> {
    match Layout::Overlay.root(&area.private(), area.layers().path()) {
        Ok(crate::layout::Root::Overlay(stack)) => {
            let names = stack.layers.iter().map(|path| path.parent().unwrap());
            names
                .map(|path| LayerId::parse(path.file_name().unwrap().to_str().unwrap()).unwrap())
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

fn users(layers: &Layers, layer: &LayerId) -> Vec<String> {
    let mut names = crate::area::names(&layers.of(layer).join(USERS)).unwrap();
    names.sort();
    names
}

#[test]
fn a_frozen_layer_is_below_an_empty_one() {
    let data = tempfile::tempdir().unwrap();
    let area = ve(data.path(), "web1", 101);
    let snapshot = User::Snapshot(101, "a".to_owned());
    let first = area.freeze(std::slice::from_ref(&snapshot)).unwrap();
    let second = area.freeze(&[]).unwrap();
    assert_eq!(layers_of(&area), [second.clone(), first.clone()]);
    assert!(area.layers().of(&first).join("upper/first").exists());
    assert!(!area.private().join("upper/first").exists());
    let layers = area.layers();
    assert_eq!(
        users(layers, &first),
        [
            format!("layer.{}", second.as_str()),
            "snapshot.101.a".to_owned()
        ]
    );
    assert_eq!(users(layers, &second), ["ve.101"]);
    // The last of those who stand on them takes both.
    layers.release(&first, &snapshot).unwrap();
    assert!(layers.has(&first));
    area.put_aside().unwrap();
    area.sweep().unwrap();
    assert_eq!(layers.all().unwrap(), []);
}

#[test]
fn a_part_is_switched_with_its_config() {
    let data = tempfile::tempdir().unwrap();
    let area = ve(data.path(), "web1", 101);
    let layer = area.freeze(&[]).unwrap();
    let next = area.begin().unwrap();
    base().write(&next).unwrap();
    make_layer(&next).unwrap();
    area.switch(Some("new")).unwrap();
    assert_eq!(std::fs::read(area.config()).unwrap(), b"new");
    assert_eq!(Below::read(&area.private()).unwrap(), Some(base()));
    assert!(!area.next().exists());
    assert!(!area.layers().has(&layer), "nobody stands on it any more");
}

/// Each stop on the way of a freeze is settled to the old or the new.
#[test]
fn a_freeze_that_was_killed_is_settled() {
    type Stop = fn(&Area, &LayerId);
    let stops: [(&str, Stop); 3] = [
        ("users noted", |area, _| {
            open_users(&area.private(), &[User::Ve(101)]).unwrap();
        }),
        ("next made", |area, layer| {
            open_users(&area.private(), &[User::Ve(101)]).unwrap();
            let next = area.begin().unwrap();
            Below::Layer(layer.clone()).write(&next).unwrap();
            make_layer(&next).unwrap();
            let Some(Below::Layer(below)) = Below::read(&area.private()).unwrap() else {
                panic!("it stands on a layer");
            };
            let user = User::Layer(layer.clone());
            area.layers().hold(&below, &user).unwrap();
        }),
        ("exchanged", |area, layer| {
            let Some(Below::Layer(below)) = Below::read(&area.private()).unwrap() else {
                panic!("it stands on a layer");
            };
            open_users(&area.private(), &[User::Ve(101)]).unwrap();
            let next = area.begin().unwrap();
            Below::Layer(layer.clone()).write(&next).unwrap();
            make_layer(&next).unwrap();
            let user = User::Layer(layer.clone());
            area.layers().hold(&below, &user).unwrap();
            area.exchange().unwrap();
        }),
    ];
    for (name, stop) in stops {
        let data = tempfile::tempdir().unwrap();
        let area = ve(data.path(), "web1", 101);
        let first = area.freeze(&[]).unwrap();
        let layer = LayerId::random().unwrap();
        stop(&area, &layer);
        area.settle().unwrap();
        area.settle().unwrap();
        assert!(!area.next().exists(), "{name}");
        assert!(!area.private().join(USERS).exists(), "{name}");
        let done = name == "exchanged";
        let expected = if done {
            vec![layer.clone(), first.clone()]
        } else {
            vec![first.clone()]
        };
        assert_eq!(layers_of(&area), expected, "{name}");
        let holder = if done {
            format!("layer.{}", layer.as_str())
        } else {
            "ve.101".to_owned()
        };
        assert_eq!(users(area.layers(), &first), [holder], "{name}");
    }
}

#[test]
fn a_word_that_a_power_loss_cut_off_stands_in_nobodys_way() {
    let data = tempfile::tempdir().unwrap();
    let area = ve(data.path(), "web1", 101);
    let snapshot = User::Snapshot(101, "a".to_owned());
    let layer = area.freeze(std::slice::from_ref(&snapshot)).unwrap();
    let next = area.begin().unwrap();
    File::create(next.join("below")).unwrap();
    area.settle().unwrap();
    assert!(!next.exists());
    assert_eq!(layers_of(&area), std::slice::from_ref(&layer));
    // It may be that of a part that goes.
    let part = data.path().join("part");
    std::fs::create_dir(&part).unwrap();
    File::create(part.join("below")).unwrap();
    area.layers().release_part(&part, &snapshot).unwrap();
    assert!(area.layers().has(&layer));
}
