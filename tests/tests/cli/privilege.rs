//! Who is not root.

use std::os::unix::fs::PermissionsExt;

use veld_tests::{Cmd, Host, host};

#[test]
fn who_is_not_root_is_told_so_and_not_that_there_is_no_ve() {
    let host = host!();
    host.ve("web1").create();
    let readable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(host.config(), readable).unwrap();
    // Where the programs are staged may be closed to others.
    let program = std::env::temp_dir().join(format!("veld-of-nobody-{}", std::process::id()));
    std::fs::copy(Host::program(), &program).unwrap();
    let path = program.display().to_string();
    let run = |words: &str| {
        let head = ["--reuid=65534", "--regid=65534", "--clear-groups", &path];
        let words = head.into_iter().chain(words.split(' '));
        Cmd::program("setpriv", words)
            .env("VELD_CONFIG", host.config())
            .run()
    };
    let line = "veld: cannot work as user 65534: Operation not permitted (os error 1)";
    let results: Vec<_> = [
        "list",
        "start web1",
        "show web1",
        "stop --all",
        "template list",
    ]
    .into_iter()
    .map(|words| (run(words), 1))
    .chain([(run("exec web1 true"), 125), (run("enter web1"), 125)])
    .collect();
    let help = run("--help");
    std::fs::remove_file(&program).unwrap();
    for (refused, status) in results {
        refused.fails(status, line);
    }
    assert_eq!(help.status, 0);
}

#[test]
fn what_is_kept_of_a_ve_is_for_root_alone() {
    let host = host!();
    let ve = host.ve("web1").start();
    for path in [
        ve.directory(),
        ve.directory().join("private"),
        ve.run_directory(),
    ] {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", path.display());
    }
    let socket = ve.run_directory().join("console.sock");
    let mode = std::fs::metadata(socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}
