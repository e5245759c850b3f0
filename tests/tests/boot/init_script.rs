//! The init script of hosts without systemd, as it is installed.

use std::path::Path;

use veld_tests::{Host, Output, Template, host};

/// Runs the script by each shell that such a host may have.
fn script(host: &Host, shell: &[&str], word: &str) -> Output {
    let file = Host::installed("etc/init.d/veld");
    let words = shell[1..].iter().copied();
    let words = words.chain([file.to_str().unwrap(), word]);
    host.tool(Path::new(shell[0]), words).run()
}

fn told(output: &Output) -> (i32, &str, &str) {
    (output.status, output.line(), output.stderr.as_str())
}

#[test]
fn it_starts_and_stops_ves_under_any_shell() {
    let host = host!(Template::NoInit);
    for (name, options) in [("a", &["--onboot"][..]), ("b", &[]), ("c", &[])] {
        let ve = host.ve(name).template(Template::NoInit);
        ve.with(["--network", "none"])
            .with(options.iter().copied())
            .create();
    }
    for shell in [&["sh"][..], &["dash"], &["busybox", "sh"]] {
        let run = |word| script(&host, shell, word);
        assert_eq!(told(&run("status")), (3, "no VE runs", ""), "{shell:?}");
        assert_eq!(told(&run("start")), (0, "a: started", ""));
        assert_eq!(told(&run("start")), (0, "", ""), "it runs already");
        let status = run("status");
        assert_eq!(status.status, 0);
        assert!(status.stdout.contains("\na "), "{}", status.stdout);
        // One that an administrator has started goes down with the others.
        host.existing("b").start();
        let stopped = run("stop");
        assert_eq!((stopped.status, stopped.stderr.as_str()), (0, ""));
        let mut lines: Vec<&str> = stopped.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["a: stopped", "b: stopped"]);
        host.nothing_remains();
        assert_eq!(told(&run("stop")), (0, "", ""), "none runs");
        host.existing("b").start();
        assert_eq!(told(&run("restart")), (0, "b: stopped\na: started", ""));
        assert_eq!(run("stop").status, 0);
        let wrong = run("begin");
        assert_eq!((wrong.status, wrong.stdout.as_str()), (2, ""));
        assert!(wrong.stderr.starts_with("Usage: "), "{}", wrong.stderr);
    }
}

#[test]
fn what_keeps_one_from_starting_is_told() {
    let host = host!(Template::NoInit);
    let ve = host.ve("a").template(Template::NoInit).with(["--onboot"]);
    let ve = ve.create();
    std::fs::remove_dir_all(ve.directory().join("private")).unwrap();
    let output = script(&host, &["sh"], "start");
    assert_eq!(output.status, 1);
    assert!(output.stderr.starts_with("veld: a: cannot start: "));
}
