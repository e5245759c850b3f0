//! Templates of VEs that go wrong: the VE is whole, and the template is there or is not.

use std::fs;

use veld_tests::{Host, Template};

use crate::walk::{Kind, walk, walked};

walked!(publishes: a_template_of_a_ve_that_fails_leaves_nothing,
    a_template_of_a_ve_without_space_leaves_nothing,
    a_killed_template_of_a_ve_leaves_nothing);

fn publishes(host: &Host, kind: Kind) {
    let templates = host.directory().join("templates");
    host.keep_templates_in(&templates, Template::NoInit);
    let ve = host.existing("web1");
    walk(
        host,
        ("make a template of it", 1, kind),
        |fault| {
            let ve = host.ve("web1").template(Template::NoInit);
            let ve = ve.with(["--network", "none"]).create();
            fs::write(ve.directory().join("private/upper/mine"), "mine").unwrap();
            fault.veld(host, &["template", "from", "web1", "--name", "gold"])
        },
        |round| {
            let made = host.veld(["template", "show", "gold"]).status == 0;
            assert!(made || !round.is_done(), "it says that it is made");
            assert!(!made || !round.has_failed(), "{}", round.output.stderr);
            if !made {
                host.veld(["template", "from", "web1", "--name", "gold"])
                    .done();
            }
            let mine = templates.join("gold/root/mine");
            assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
            host.veld(["template", "remove", "gold"]).ok();
            let left = fs::read_dir(&templates).unwrap();
            let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let left: Vec<String> = left.filter(|name| name.contains("gold")).collect();
            assert!(left.iter().all(|name| name.ends_with(".lock")), "{left:?}");
            ve.veld("start", [""; 0]).done();
            assert_eq!(
                ve.exec(["/bin/busybox", "cat", "/mine"]).ok().line(),
                "mine"
            );
            ve.veld("destroy", ["--force"]).done();
            host.nothing_remains();
            assert_eq!(host.leaks(), Vec::<String>::new());
        },
    );
}
