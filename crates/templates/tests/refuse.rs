//! Archives that want more than to become a template: each is refused in so many
//! words, and nothing is left of it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by a panic and asks other programs"
)]

mod common;

use std::io::Write;

use common::{Archive, Host, chain, small};
use veld_templates::ImportOptions;

/// One row for each way out of a tree.
#[test]
fn paths_that_lead_out_are_refused() {
    let host = Host::new();
    let rows: Vec<(Archive, &str)> = vec![
        (
            Archive::new().file("../x", b""),
            "entry ../x has .. in its path",
        ),
        (
            Archive::new().file("a/../../x", b""),
            "entry a/../../x has .. in its path",
        ),
        (
            Archive::new().file("/etc/passwd", b""),
            "entry /etc/passwd has an absolute path",
        ),
        (
            Archive::new().pax(&[("path", b"../x")]).file("x", b""),
            "entry ../x has .. in its path",
        ),
        (
            Archive::new().pax(&[("path", b"a\0b")]).file("x", b""),
            "entry a\0b has a NUL byte in its name",
        ),
        (
            Archive::new().symlink("l", "/etc").file("l/x", b""),
            "entry l/x goes through the symbolic link l",
        ),
        (
            Archive::new().symlink("a/l", ".").directory("a/l/d/e"),
            "entry a/l/d/e goes through the symbolic link a/l",
        ),
        (
            Archive::new().file("f", b"").file("f/x", b""),
            "entry f/x goes through f, which is not a directory",
        ),
        (
            Archive::new().file("d/x", b"").file("d", b""),
            "entry d would replace a directory that is not empty",
        ),
        (
            Archive::new().file(".", b""),
            "entry . is the root, but not a directory",
        ),
    ];
    for (archive, text) in rows {
        assert_eq!(host.refused(&archive.end()), text);
    }
}

#[test]
fn links_that_lead_out_are_refused() {
    let host = Host::new();
    let rows: Vec<(Archive, &str)> = vec![
        (
            Archive::new().hard_link("h", "../../etc/shadow"),
            "entry h is a hard link to ../../etc/shadow, which has .. in its path",
        ),
        (
            Archive::new().hard_link("h", "/etc/shadow"),
            "entry h is a hard link to /etc/shadow, which has an absolute path",
        ),
        (
            Archive::new()
                .symlink("a/l", "/etc")
                .hard_link("h", "a/l/shadow"),
            "entry h is a hard link to a/l/shadow, which goes through the symbolic link a/l",
        ),
        (
            Archive::new().hard_link("h", "nowhere"),
            "entry h is a hard link to nowhere, which is not there",
        ),
        (
            Archive::new().directory("d").hard_link("h", "d"),
            "entry h is a hard link to d, which is a directory",
        ),
        (
            Archive::new().directory("d").hard_link("h", "."),
            "entry h is a hard link to ., which is a directory",
        ),
        (
            Archive::new().symlink("l", ""),
            "entry l is a symbolic link whose target is empty or too long",
        ),
        (
            Archive::new()
                .pax(&[("linkpath", b"a\0b")])
                .symlink("l", "x"),
            "entry l has a NUL byte in its name",
        ),
    ];
    for (archive, text) in rows {
        assert_eq!(host.refused(&archive.end()), text);
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let host = Host::new();
    let acl = b"user::rw-,user:70000:r--,group::r--,mask::r--,other::r--";
    let rows: Vec<(Archive, &str)> = vec![
        (
            Archive::new().with(b'0', b"f", b"", b"", |h| h.set_uid(65_536)),
            "entry f belongs to user 65536, above 65535",
        ),
        (
            Archive::new().pax(&[("gid", b"4294967296")]).file("f", b""),
            "entry f belongs to group 4294967296, above 65535",
        ),
        (
            Archive::new()
                .pax(&[("SCHILY.acl.access", acl)])
                .file("f", b""),
            "entry f belongs to user 70000, above 65535",
        ),
        (
            Archive::new().with(b'0', b"f", b"", b"", |h| {
                h.as_old_mut().mode.copy_from_slice(b"rwxrwxrw");
            }),
            "entry f has a malformed mode field",
        ),
        (
            Archive::new().pax(&[("mtime", b"soon")]).file("f", b""),
            "entry f has a malformed mtime field",
        ),
        (
            Archive::new().entry(b'Q', b"f", b"", b""),
            "entry f is of the unknown type 'Q'",
        ),
    ];
    for (archive, text) in rows {
        assert_eq!(host.refused(&archive.end()), text);
    }
}

#[test]
fn headers_that_are_too_large_are_refused() {
    let host = Host::new();
    let rows: Vec<(Archive, String)> = vec![
        (
            Archive::new().with(b'x', b"f", b"", b"", |h| h.set_size(1 << 40)),
            "entry f has an extension header of 1099511627776 bytes".to_owned(),
        ),
        (
            Archive::new()
                .entry(b'L', b"", b"", &[b'a'; 5000])
                .file("f", b""),
            format!("entry {} has a name that is too long", "a".repeat(5000)),
        ),
        (
            Archive::new()
                .pax(&[("path", "d/".repeat(300).as_bytes())])
                .directory("d"),
            format!(
                "entry {} is nested deeper than 256 directories",
                "d/".repeat(300)
            ),
        ),
        (
            Archive::new()
                .pax(&[("SCHILY.xattr.user.a", &[0; 1_100_000])])
                .file("f", b""),
            "entry f has extended attributes that are too many or too large".to_owned(),
        ),
    ];
    for (archive, text) in rows {
        assert_eq!(host.refused(&archive.end()), text);
    }
}

#[test]
fn sparse_maps_that_lie_are_refused() {
    let host = Host::new();
    let text = "entry f has a malformed sparse map";
    let map = |map: &'static [u8], size: &'static [u8]| {
        Archive::new()
            .pax(&[("GNU.sparse.size", size), ("GNU.sparse.map", map)])
            .file("f", b"data")
    };
    // Overlapping, outside the file, more data than there is, a number missing.
    for archive in [map(b"0,2,1,2", b"9"), map(b"8,4", b"9"), map(b"0,9", b"9")] {
        assert_eq!(host.refused(&archive.end()), text);
    }
    let odd = map(b"0,4,5", b"9").end();
    assert_eq!(host.refused(&odd), "entry f has a malformed sparse map");
    let embedded = |data: &[u8]| {
        let records: [(&str, &[u8]); 3] = [
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.realsize", b"10"),
        ];
        Archive::new().pax(&records).file("f", data).end()
    };
    for data in [&b"x\n"[..], b"999999999\n", b"", &[b'1'; 512]] {
        assert_eq!(host.refused(&embedded(data)), text);
    }
}

#[test]
fn a_bomb_is_refused_by_what_it_says_of_itself() {
    let host = Host::new();
    let bomb = Archive::new()
        .file("small", b"1234")
        .with(b'0', b"big", b"", b"", |h| h.set_size(1 << 50));
    let error = host
        .import_with(&bomb.end(), "bomb", &small(1 << 20, 100))
        .unwrap_err();
    assert_eq!(
        chain(&error),
        "entry big makes the template larger than 1048576 bytes"
    );
    // Headers that are followed by headers only.
    let endless = (0..3000).fold(Archive::new(), |a, _| a.entry(b'g', b"", b"", b""));
    let error = host
        .import_with(&endless.0, "bomb", &small(1 << 20, 100))
        .unwrap_err();
    assert_eq!(
        chain(&error),
        "entry . makes the template larger than 1048576 bytes"
    );
    let hole: [(&str, &[u8]); 2] = [
        ("GNU.sparse.size", b"1000000000000"),
        ("GNU.sparse.map", b""),
    ];
    let error = host
        .import_with(
            &Archive::new().pax(&hole).file("hole", b"").end(),
            "bomb",
            &small(1 << 20, 100),
        )
        .unwrap_err();
    assert_eq!(
        chain(&error),
        "entry hole makes the template larger than 1048576 bytes"
    );
    let many = (0..20).fold(Archive::new(), |archive, n| {
        archive.file(&format!("f{n}"), b"")
    });
    let error = host
        .import_with(&many.end(), "bomb", &small(1 << 20, 10))
        .unwrap_err();
    assert_eq!(
        chain(&error),
        "entry f10 makes the template larger than 10 entries"
    );
    assert_eq!(host.names(), Vec::<String>::new());
}

/// A few kilobytes that decompress to gigabytes of nothing behind the end mark.
#[test]
fn a_bomb_of_zeros_is_not_read_to_its_end() {
    let host = Host::new();
    let mut plain = Archive::new().file("f", b"").end();
    plain.resize(64 << 20, 0);
    let packed = zstd::encode_all(plain.as_slice(), 1).unwrap();
    let error = host
        .import_with(&packed, "bomb", &small(1 << 20, 10))
        .unwrap_err();
    assert_eq!(
        chain(&error),
        "entry f makes the template larger than 1048576 bytes"
    );
}

fn packed(plain: &[u8]) -> [Vec<u8>; 3] {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(plain).unwrap();
    [
        zstd::encode_all(plain, 1).unwrap(),
        gzip.finish().unwrap(),
        xz.finish().unwrap(),
    ]
}

fn sample() -> Vec<u8> {
    let noise: Vec<u8> = (0..50_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    Archive::new().directory("d").file("d/noise", &noise).end()
}

#[test]
fn each_compression_is_told_by_its_first_bytes() {
    let host = Host::new();
    let plain = sample();
    for (number, archive) in packed(&plain).iter().chain([&plain]).enumerate() {
        let name = format!("t{number}");
        let manifest = host.import(archive, &name).unwrap();
        assert_eq!((manifest.size, manifest.entries), (200_000, 2));
        assert_eq!(
            std::fs::read(host.root(&name).join("d/noise")).unwrap(),
            plain[1024..201_024]
        );
    }
}

#[test]
fn a_stream_that_is_cut_off_is_refused_wherever_the_cut_is() {
    let host = Host::new();
    let plain = sample();
    for (name, archive) in ["zstd", "gzip", "xz", "tar"]
        .iter()
        .zip(packed(&plain).iter().chain([&plain]))
    {
        let length = archive.len();
        for cut in [
            1,
            5,
            100,
            length / 2,
            length - 1500,
            length - 1024,
            length - 5,
        ] {
            let text = host.import(&archive[..cut], "cut").map(|_| ());
            if *name == "tar" && cut > length - 1024 {
                // A stump of the end mark is one: some writers make it that short.
                assert!(text.is_ok());
                host.store().remove("cut", || Ok(Vec::new())).unwrap();
                continue;
            }
            let text = chain(&text.expect_err("the archive is cut off"));
            assert!(
                text.starts_with("archive is cut off") || text.starts_with("cannot read archive"),
                "{name} {cut}: {text}"
            );
            assert_eq!(host.names(), Vec::<String>::new());
        }
    }
}

#[test]
fn damage_is_named_with_the_last_good_entry() {
    let host = Host::new();
    let mut broken = Archive::new()
        .file("first", b"1")
        .file("second", b"2")
        .end();
    broken[1024 + 10] ^= 1;
    assert_eq!(
        host.refused(&broken),
        "archive has a header with a wrong checksum after entry first"
    );
    assert_eq!(
        host.refused(&Archive::new().file("f", b"").0),
        "archive is cut off after entry f"
    );
    assert_eq!(host.refused(b""), "archive is empty");
    assert_eq!(host.refused(&[b'x'; 2000]), "archive is not a tar archive");
    assert_eq!(host.refused(&[0; 1024]), "archive has no entries");
    let mut more = Archive::new().file("f", b"").end();
    more.extend_from_slice(&Archive::new().file("g", b"").end());
    assert_eq!(
        host.refused(&more),
        "archive goes on after its end mark after entry f"
    );
    let orphan = Archive::new().file("f", b"").pax(&[("path", b"x")]).end();
    assert_eq!(
        host.refused(&orphan),
        "archive ends between the headers of an entry after entry f"
    );
    for archive in packed(&sample()) {
        let mut garbage = archive.clone();
        garbage.extend_from_slice(b"garbage behind the stream");
        let text = host.refused(&garbage);
        assert!(text.starts_with("cannot read archive"), "{text}");
    }
}

#[test]
fn the_digest_is_that_of_the_file() {
    let host = Host::new();
    let archive = Archive::new().file("f", b"x").end();
    let asked = |digest: &str| ImportOptions {
        digest: Some(digest.to_owned()),
        ..ImportOptions::default()
    };
    let made = host.import(&archive, "one").unwrap();
    let digest = made.digest.unwrap();
    let path = host.scratch().join("archive.tar");
    std::fs::File::create(&path)
        .unwrap()
        .write_all(&archive)
        .unwrap();
    let program = std::process::Command::new("sha256sum").arg(&path).output();
    let said = String::from_utf8(program.unwrap().stdout).unwrap();
    assert_eq!(
        digest,
        format!("sha256:{}", said.split(' ').next().unwrap())
    );
    host.import_with(
        &archive,
        "two",
        &asked(&digest.to_uppercase().replace("SHA256:", "")),
    )
    .unwrap();
    let error = host
        .import_with(&archive, "three", &asked("sha256:00"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("source has digest {digest}, not sha256:00")
    );
    assert_eq!(host.names(), ["one", "two"]);
}
