//! Bytes that nobody meant: whatever comes in, there is no panic, and there is
//! either a whole template or nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use common::layout::{config, digest, here};
use common::{Archive, Host, small};
use proptest::prelude::*;

/// An archive with every kind of header in it.
fn sample() -> Vec<u8> {
    let sparse: [(&str, &[u8]); 3] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.realsize", b"9000"),
    ];
    let mut map = b"2\n0\n4\n8000\n4\n".to_vec();
    map.resize(512, 0);
    map.extend_from_slice(b"datadata");
    Archive::new()
        .directory("./")
        .directory("d")
        .file("d/file", b"some data")
        .pax(&[("mtime", b"1.5"), ("SCHILY.xattr.user.a", b"\n1\n")])
        .hard_link("d/link", "d/file")
        .pax(&sparse)
        .file("sparse", &map)
        .with(b'S', b"old", b"", b"data", |header| {
            let header = header.as_gnu_mut().unwrap();
            header.sparse[0].set_offset(4096);
            header.sparse[0].set_length(4);
            header.set_real_size(8192);
        })
        .entry(b'L', b"", b"", &[b'n'; 200])
        .symlink("short", "d/file")
        .pax(&[("SCHILY.acl.access", b"user::rw-,group::r--,other::r--")])
        .entry(b'6', b"fifo", b"", b"")
        .entry(b'3', b"device", b"", b"")
        .end()
}

/// An archive of an image of two layers.
fn image() -> Vec<u8> {
    let layers = [
        Archive::new().directory("a").file("a/b", b"").end(),
        Archive::new()
            .file("a/.wh.b", b"")
            .file(".wh..wh..opq", b"")
            .end(),
    ];
    let ids = layers.each_ref().map(|layer| digest(layer));
    let config = config(here(), &ids);
    let name = digest(config.as_bytes());
    let name = name.trim_start_matches("sha256:");
    let manifest =
        format!(r#"[{{"Config":"{name}.json","Layers":["x/layer.tar","y/layer.tar"]}}]"#);
    Archive::new()
        .file(&format!("{name}.json"), config.as_bytes())
        .file("x/layer.tar", &layers[0])
        .file("y/layer.tar", &layers[1])
        .file("manifest.json", manifest.as_bytes())
        .end()
}

/// Sets the checksum of each block that looks like a header, so that the change
/// gets past the first gate.
fn mend(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

fn whole_or_nothing(host: &Host, archive: &[u8]) {
    match host.import_with(archive, "any", &small(1 << 20, 1000)) {
        Ok(_) => {
            assert_eq!(host.names(), ["any"]);
            host.store().remove("any", || Ok(Vec::new())).unwrap();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    assert_eq!(host.names(), Vec::<String>::new());
    let beside: Vec<_> = std::fs::read_dir(host.scratch())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(beside.len() <= 1, "{beside:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..4096), magic in 0..5_usize) {
        let magics: [&[u8]; 5] = [
            b"", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08\0", b"\xfd7zXZ\0\0\x04", &[b'x'; 257],
        ];
        let archive = [magics[magic], &bytes].concat();
        whole_or_nothing(&Host::new(), &archive);
    }

    #[test]
    fn changed_archives(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut archive = sample();
        for (at, byte) in changes {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        mend(&mut archive);
        if let Some(cut) = cut {
            archive.truncate(cut.index(archive.len()));
        }
        whole_or_nothing(&Host::new(), &archive);
    }

    #[test]
    fn changed_images(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut archive = image();
        for (at, byte) in changes {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        mend(&mut archive);
        if let Some(cut) = cut {
            archive.truncate(cut.index(archive.len()));
        }
        whole_or_nothing(&Host::new(), &archive);
    }

    #[test]
    fn random_documents(bytes in prop::collection::vec(any::<u8>(), 0..512), oci in any::<bool>()) {
        let archive = if oci {
            Archive::new().file("oci-layout", b"{}").file("index.json", &bytes)
        } else {
            Archive::new().file("manifest.json", &bytes)
        };
        whole_or_nothing(&Host::new(), &archive.end());
    }

    #[test]
    fn changed_compressed_archives(
        at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut archive = zstd::encode_all(sample().as_slice(), 1).unwrap();
        let at = at.index(archive.len());
        archive[at] = byte;
        whole_or_nothing(&Host::new(), &archive);
    }
}

#[test]
fn the_sample_itself_is_good() {
    let host = Host::new();
    let made = host.import(&sample(), "sample").unwrap();
    assert_eq!((made.entries, made.skipped_devices), (9, 1));
}
