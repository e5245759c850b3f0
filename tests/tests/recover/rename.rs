//! A VE whose renaming goes wrong has one name, the old or the new.

use std::fs;

use veld_tests::{Host, Template};

use crate::walk::{Kind, walk, walked};

walked!(renames: a_rename_that_fails_leaves_one_name,
    a_rename_without_space_leaves_one_name,
    a_killed_rename_leaves_one_name);

fn renames(host: &Host, kind: Kind) {
    let old = host.existing("web1");
    let new = host.existing("www");
    walk(
        host,
        ("rename", 1, kind),
        |fault| {
            let ve = host.ve("web1").template(Template::NoInit);
            let ve = ve.with(["--ip", "10.117.9.9"]).create();
            // Of a run before.
            fs::create_dir_all(ve.run_directory()).unwrap();
            fs::write(ve.run_directory().join("console.log"), "hello\n").unwrap();
            fault.veld(host, &["rename", "web1", "www"])
        },
        |round| {
            let is_new = new.directory().exists();
            assert_ne!(is_new, old.directory().exists(), "it has one name");
            assert!(is_new || !round.is_done(), "it says that it is done");
            assert!(!is_new || !round.has_failed(), "{}", round.output.stderr);
            let (ve, other) = if is_new {
                (&new, "www")
            } else {
                (&old, "web1")
            };
            // Whoever asks for its address hears of it, whatever was noted.
            let template = Template::NoInit.name();
            let wish = [
                "create",
                "web2",
                "--template",
                &template,
                "--ip",
                "10.117.9.9",
            ];
            let refused = host.veld(wish);
            assert_eq!(refused.status, 1);
            let names = ["web1", other].map(|name| {
                format!("veld: web2: cannot create: 10.117.9.9 is an address of VE {name}\n")
            });
            assert!(names.contains(&refused.stderr), "{}", refused.stderr);
            let absent = host.veld(["snapshot", "delete", ve.name(), "none"]);
            absent.fails(1, &format!("veld: {}: has no snapshot none", ve.name()));
            let log = fs::read_to_string(ve.run_directory().join("console.log"));
            let lost = round.point == "hand over a file";
            assert!(lost || log.unwrap() == "hello\n");
            let id = ve.show()["id"].to_string();
            ve.veld("start", [""; 0]).done();
            assert_eq!(host.veld(["show", &id]).ok().status, 0);
            ve.veld("destroy", ["--force"]).done();
            // Of the name that it does not have there may be a lock left.
            for ve in [&old, &new] {
                ve.veld("destroy", [""; 0]);
            }
            host.ve("web2")
                .template(Template::NoInit)
                .with(["--ip", "10.117.9.9"])
                .create();
            host.existing("web2").destroy();
            host.nothing_remains();
            assert_eq!(host.leaks(), Vec::<String>::new());
        },
    );
}
