//! Processors and their time.

use veld_tests::host;

#[test]
fn a_ve_sees_as_many_processors_as_it_may_use() {
    let host = host!();
    let ve = host.ve("web1").with(["--cpus", "1"]).start();
    assert_eq!(ve.exec(["nproc"]).ok().line(), "1");
    let all = std::thread::available_parallelism().unwrap().get();
    let other = host.ve("other").start();
    assert_eq!(other.exec(["nproc"]).ok().line(), all.to_string());
}

#[test]
fn time_is_held_to_the_limit_for_programs_that_were_brought_in_too() {
    let host = host!();
    let ve = host.ve("web1").with(["--cpulimit", "20%"]).start();
    let had = ve.probe(["spin", "1500"]).ok();
    let milliseconds: u64 = had.lines().next().unwrap().parse().unwrap();
    // 300 of 1500, and a period of 100 at either end.
    assert!(milliseconds <= 520, "{milliseconds}");
}

#[test]
fn more_processors_than_there_are_are_refused_when_the_ve_is_made() {
    let host = host!();
    let all = std::thread::available_parallelism().unwrap().get();
    let wanted = (all + 1).to_string();
    let template = veld_tests::Template::Busybox.name();
    let refused = host.veld(["create", "web1", "-t", &template, "--cpus", &wanted]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.starts_with("veld: web1: cannot create: "),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains(&all.to_string()),
        "{}",
        refused.stderr
    );
    assert_eq!(host.leaks(), Vec::<String>::new());
}
