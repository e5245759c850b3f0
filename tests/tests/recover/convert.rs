//! Conversions that go wrong: the VE is in the one layout or the other, and whole.

use std::fs;

use veld_tests::{Host, Template};

use crate::walk::{Kind, Round, walk, walked};

walked!(to_directory: a_conversion_to_a_directory_that_fails_loses_nothing,
    a_conversion_to_a_directory_without_space_loses_nothing,
    a_killed_conversion_to_a_directory_loses_nothing);

walked!(to_image: a_conversion_to_an_image_that_fails_loses_nothing,
    a_conversion_to_an_image_without_space_loses_nothing,
    a_killed_conversion_to_an_image_loses_nothing);

walked!(to_overlay: a_conversion_to_an_overlay_that_fails_loses_nothing,
    a_conversion_to_an_overlay_without_space_loses_nothing,
    a_killed_conversion_to_an_overlay_loses_nothing);

fn to_directory(host: &Host, kind: Kind) {
    converts(host, kind, "overlay", "directory");
}

fn to_image(host: &Host, kind: Kind) {
    converts(host, kind, "overlay", "image");
}

fn to_overlay(host: &Host, kind: Kind) {
    converts(host, kind, "directory", "overlay");
}

fn converts(host: &Host, kind: Kind, from: &str, to: &str) {
    host.configure("[storage]\nimage_size = \"32M\"\n");
    let ve = host.existing("web1");
    let words = ["convert", "web1", "--layout", to];
    let prepare = || {
        let ve = host.ve("web1").template(Template::NoInit);
        let ve = ve.with(["--network", "none", "--layout", from]).create();
        let files = match from {
            "overlay" => "private/upper",
            _ => "private/root",
        };
        fs::write(ve.directory().join(files).join("mine"), "mine").unwrap();
    };
    walk(
        host,
        ("convert", 1, kind),
        |fault| {
            prepare();
            fault.veld(host, &words)
        },
        |round: &Round<'_>| {
            let again = host.veld(words);
            if again.status == 0 {
                assert!(!round.is_done(), "converted twice");
            } else {
                let text = format!("veld: web1: cannot convert: it is in layout {to} already");
                again.fails(1, &text);
                assert!(!round.has_failed(), "{}", round.output.stderr);
            }
            ve.veld("start", ["--wait"]).done();
            let read = ve.exec(["/bin/busybox", "cat", "/mine"]);
            assert_eq!(read.ok().line(), "mine");
            ve.veld("destroy", ["--force"]).done();
            host.nothing_remains();
            assert_eq!(host.leaks(), Vec::<String>::new());
        },
    );
}
