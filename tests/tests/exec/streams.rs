//! Input and outputs: bytes as they are, in any amount, and their ends.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use veld_tests::{Cmd, host};

/// More than any buffer on the way, and little enough for a second.
const MEBIBYTES: usize = 256;

#[test]
fn a_stream_into_and_out_of_a_ve_is_the_same_bytes() {
    let host = host!();
    let ve = host.ve("web1").start();
    let source = host.directory().join("source");
    let size = format!("{MEBIBYTES}M");
    let words = ["-c", &size, "/dev/urandom"];
    let mut random = Cmd::program("head", words);
    random.inner().stdout(File::create(&source).unwrap());
    random.spawn_as_it_is().output().ok();

    let name = source.file_name().unwrap().to_str().unwrap();
    let mut pack = Cmd::program("tar", ["c", name]).directory(host.directory());
    pack.inner().stdout(Stdio::piped());
    let mut pack = pack.spawn_as_it_is();
    let mut unpack = ve.exec_cmd(["-w", "/var"], ["tar", "x"]);
    unpack.inner().stdin(pack.child().stdout.take().unwrap());
    let begun = Instant::now();
    unpack.spawn_as_it_is().output().ok();
    pack.output().ok();
    let same = ve.directory().join("private/upper/var").join(name);
    compare(&source, &same);

    let back = host.directory().join("back");
    let mut read = ve.exec_cmd([""; 0], ["cat", &format!("/var/{name}")]);
    read.inner()
        .stdin(Stdio::null())
        .stdout(File::create(&back).unwrap());
    read.spawn_as_it_is().output().ok();
    compare(&source, &back);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

fn compare(a: &std::path::Path, b: &std::path::Path) {
    Cmd::program("cmp", [a, b]).run().done();
}

#[test]
fn bytes_of_every_value_pass_on_each_stream_by_itself() {
    let host = host!();
    let ve = host.ve("web1").start();
    let all: Vec<u8> = (0..=255).collect();
    let mut echo = ve.exec_cmd([""; 0], ["sh", "-c", "tee /var/all; cat /var/all >&2"]);
    echo.inner()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut echo = echo.spawn_as_it_is();
    let child = echo.child();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, &all).unwrap();
    drop(stdin);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut stdout)
        .unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_end(&mut stderr)
        .unwrap();
    assert_eq!((stdout, stderr), (all.clone(), all));
    echo.output().ok();
}

#[test]
fn the_end_of_the_input_is_the_end_of_the_programs_input() {
    let host = host!();
    let ve = host.ve("web1").start();
    let counted = ve.exec_cmd([""; 0], ["wc", "-c"]).input(*b"12345").run();
    assert_eq!(counted.ok().line().trim(), "5");
    assert_eq!(ve.exec(["wc", "-c"]).ok().line().trim(), "0");
}

#[test]
fn a_program_that_reads_nothing_ends_although_its_input_goes_on() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut endless = Cmd::program("yes", [""; 0]);
    endless.inner().stdout(Stdio::piped());
    let mut endless = endless.spawn_as_it_is();
    let mut program = ve.exec_cmd([""; 0], ["echo", "done"]);
    program
        .inner()
        .stdin(endless.child().stdout.take().unwrap())
        .stdout(Stdio::null());
    program.spawn_as_it_is().output().ok();
}

#[test]
fn a_program_whose_reader_goes_ends_too() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut program = ve.exec_cmd([""; 0], ["yes"]);
    program.inner().stdin(Stdio::null()).stdout(Stdio::piped());
    let mut program = program.spawn_as_it_is();
    let mut first = [0; 2];
    let mut stdout = program.child().stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    // 141 is SIGPIPE; BusyBox's own tools may rather report the error and exit 1.
    let status = program.output().status;
    assert!([1, 141].contains(&status), "{status}");
    assert_eq!(ve.exec(["pidof", "yes"]).status, 1);
}

#[test]
fn a_child_in_the_background_that_let_go_of_its_streams_is_not_waited_for() {
    let host = host!();
    let ve = host.ve("web1").start();
    let begun = Instant::now();
    ve.sh("sleep 1000 >/dev/null 2>&1 </dev/null & echo $!")
        .ok();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_program_may_open_its_streams_by_name() {
    let host = host!();
    let ve = host.ve("web1").start();
    let script = "echo of stdout >/dev/stdout; echo of stderr >/dev/stderr; cat /dev/stdin";
    let said = ve
        .exec_cmd([""; 0], ["sh", "-c", script])
        .input(*b"of stdin\n")
        .run();
    let found = (said.status, said.stdout.as_str(), said.stderr.as_str());
    assert_eq!(found, (0, "of stdout\nof stdin\n", "of stderr\n"));
}
