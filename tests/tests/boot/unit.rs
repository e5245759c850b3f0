//! The unit of systemd, as it is installed: its commands, run as it would.

use std::fs;
use std::path::Path;

use veld_tests::{Host, Output, Template, alive, host};

/// The command of a line of the unit.
fn command(key: &str) -> String {
    let unit = fs::read_to_string(Host::installed("etc/systemd/system/veld.service")).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix(key));
    // A failure does not make the unit fail, which would keep ExecStop away.
    line.unwrap().strip_prefix("=-").unwrap().to_owned()
}

fn run(host: &Host, key: &str) -> Output {
    let command = command(key);
    let mut words = command.split(' ');
    host.tool(Path::new(words.next().unwrap()), words).run()
}

#[test]
fn its_start_brings_ves_up_and_its_stop_takes_them_down() {
    let host = host!(Template::NoInit);
    for (name, order) in [("a", "2"), ("b", "1")] {
        let ve = host.ve(name).template(Template::NoInit);
        ve.with(["--network", "none", "--onboot", "--bootorder", order])
            .create();
    }
    let output = run(&host, "ExecStart");
    assert_eq!(output.ok().line(), "b: started\na: started");
    let shims = ["a", "b"].map(|name| host.existing(name).shim_pid());
    assert!(shims.into_iter().all(alive));
    let stopped = run(&host, "ExecStop").ok();
    let mut lines: Vec<&str> = stopped.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a: stopped", "b: stopped"]);
    host.nothing_remains();
}

#[test]
fn its_last_stop_takes_down_what_the_first_did_not() {
    let host = host!(Template::NoInit);
    let ve = host.ve("a").template(Template::NoInit);
    ve.with(["--network", "none", "--onboot"]).create();
    run(&host, "ExecStart").ok();
    assert_eq!(run(&host, "ExecStopPost").ok().line(), "a: stopped");
    host.nothing_remains();
}

#[test]
fn the_end_of_a_host_has_a_deadline() {
    let unit = fs::read_to_string(Host::installed("etc/systemd/system/veld.service")).unwrap();
    let seconds = |text: &str| -> u32 {
        let last = text.rsplit(['=', ' ']).next().unwrap();
        last.parse().unwrap()
    };
    let line = unit
        .lines()
        .find(|line| line.starts_with("TimeoutStopSec="));
    let all = seconds(line.unwrap());
    assert!(all > 2 * seconds(&command("ExecStop")));
    assert!(all > 2 * seconds(&command("ExecStopPost")));
}
