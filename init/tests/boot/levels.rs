//! Run levels, requests on the fifo, and records, as System V's init has them.

use std::fs::OpenOptions;
use std::io::Write;

use nix::sys::signal::Signal;
use veld_protocol::ending::Ending;
use veld_protocol::init::SIGNAL_POWER_OFF;

use crate::skip_unless_possible;
use crate::ve::{Root, Ve, until};

/// What the jobs write: their run level, the one before, and who they are.
const INITTAB: &str = "\
id:2:initdefault:
si::sysinit:/job sysinit
bo::boot:/job boot
bw::bootwait:/job bootwait
l0:0:wait:/job halt
l2:2:wait:/job two
l3:3:wait:/job three
l6:6:wait:/job reboot
d2:2:respawn:/daemon two
d3:3:respawn:/daemon three
d5:23:respawn:/daemon both
da:a:ondemand:/daemon demand
1:23:respawn:/sbin/getty 38400 tty1
ca:2:ctrlaltdel:/job keys
pf::powerfail:/job power
po::powerokwait:/job back
";

fn root() -> Root {
    let root = Root::bare();
    // The text by which the program is known, and nothing that could be executed.
    root.file("sbin/init", "INIT_VERSION");
    root.file("etc/inittab", INITTAB);
    root.script(
        "job",
        "echo \"$1 $RUNLEVEL $PREVLEVEL $INIT_HALT\" >> /log/jobs",
    );
    root.script("daemon", "echo $1 >> /log/daemons; exec sleep 1000");
    root.script("sbin/getty", "echo getty >> /log/daemons");
    root.file("var/log/wtmp", "");
    root
}

/// Writes a request as telinit and shutdown do.
fn ask(ve: &Ve, command: u32, level: u8, data: &str) {
    let mut request = [0_u8; 384];
    request[..4].copy_from_slice(&0x0309_1969_u32.to_ne_bytes());
    request[4..8].copy_from_slice(&command.to_ne_bytes());
    request[8..12].copy_from_slice(&u32::from(level).to_ne_bytes());
    request[16..16 + data.len()].copy_from_slice(data.as_bytes());
    let path = format!("/proc/{}/root/run/initctl", ve.pid1());
    let mut fifo = OpenOptions::new()
        .write(true)
        .open(path)
        .expect("open the fifo");
    fifo.write_all(&request).expect("write to the fifo");
}

fn jobs(ve: &Ve) -> Vec<String> {
    let text = ve.read("log/jobs");
    text.lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn has_job(ve: &Ve, wanted: &str) {
    until(wanted, || jobs(ve).iter().any(|job| job == wanted));
}

/// The daemons that run, by their operand.
fn daemons(ve: &Ve) -> String {
    let mut started: Vec<String> = ve.read("log/daemons").lines().map(str::to_owned).collect();
    started.sort();
    started.join(" ")
}

fn sleepers(ve: &Ve, count: usize) {
    until(&format!("{count} daemons run"), || {
        ve.enter("ps").matches("sleep 1000").count() == count
    });
}

#[test]
fn run_levels_are_entered_left_and_told() {
    skip_unless_possible!();
    let mut ve = root().boot(&[]);
    ve.ready();
    let mut boot = jobs(&ve);
    // The one that is not awaited may come late.
    has_job(&ve, "boot S N");
    boot.retain(|job| job != "boot S N");
    assert_eq!(boot, ["sysinit S N", "bootwait S N", "two 2 N"]);
    sleepers(&ve, 2);
    assert_eq!(daemons(&ve), "both two");

    ask(&ve, 1, b'3', "");
    has_job(&ve, "three 3 2");
    sleepers(&ve, 2);
    assert_eq!(daemons(&ve), "both three two", "the common one went on");

    ask(&ve, 1, b'a', "");
    sleepers(&ve, 3);
    ask(&ve, 6, 0, "INIT_HALT=POWEROFF");
    ask(&ve, 1, b'0', "");
    assert_eq!(ve.end(), Ending::PowerOff);
    assert_eq!(jobs(&ve).last().unwrap(), "halt 0 3 POWEROFF");
    assert!(!daemons(&ve).contains("getty"));
}

#[test]
fn the_table_is_read_again_when_asked() {
    skip_unless_possible!();
    let ve = root().boot(&[]);
    ve.ready();
    sleepers(&ve, 2);
    let more = INITTAB.replace("d2:2:respawn:/daemon two", "d4:2:respawn:/daemon four");
    ve.root().file("etc/inittab", &more);
    ask(&ve, 1, b'q', "");
    until("another daemon", || daemons(&ve).contains("four"));
    // What is no longer in the table ends.
    sleepers(&ve, 2);
}

#[test]
fn the_host_and_the_keys_and_the_power_are_heard() {
    skip_unless_possible!();
    let mut ve = root().boot(&[]);
    ve.ready();
    ve.signal(Signal::SIGINT as i32);
    has_job(&ve, "keys 2 N");
    ve.signal(Signal::SIGPWR as i32);
    has_job(&ve, "power 2 N");
    ve.enter("echo O > /run/powerstatus");
    ve.signal(Signal::SIGPWR as i32);
    has_job(&ve, "back 2 N");
    ve.signal(SIGNAL_POWER_OFF);
    assert_eq!(ve.end(), Ending::PowerOff);
    assert_eq!(jobs(&ve).last().unwrap(), "halt 0 2");
}

#[test]
fn a_reboot_runs_the_jobs_of_its_level() {
    skip_unless_possible!();
    let mut ve = root().boot(&[]);
    ve.ready();
    ask(&ve, 1, b'6', "");
    assert_eq!(ve.end(), Ending::Reboot);
    assert_eq!(jobs(&ve).last().unwrap(), "reboot 6 2");
}

#[test]
fn nonsense_on_the_fifo_changes_nothing_and_a_lost_fifo_comes_back() {
    skip_unless_possible!();
    let mut ve = root().boot(&[]);
    ve.ready();
    ve.enter("echo 0123456789 > /run/initctl; head -c 4000 /dev/zero > /run/initctl");
    ask(&ve, 12345, b'0', "");
    ask(&ve, 6, 0, "PATH=/nowhere");
    ve.enter("rm /run/initctl; kill -HUP 1");
    until("the fifo is there again", || {
        ve.enter("[ -p /run/initctl ] && echo there")
            .contains("there")
    });
    ask(&ve, 1, b'6', "");
    assert_eq!(ve.end(), Ending::Reboot);
}

#[test]
fn records_tell_of_the_boot_and_the_level() {
    skip_unless_possible!();
    let root = root();
    // As the scripts of a boot make it.
    root.script("job", "[ $1 = sysinit ] && : > /run/utmp; true");
    let ve = root.boot(&[]);
    ve.ready();
    // Type, and for a run level its letter and the one before.
    let utmp = std::fs::read(format!("/proc/{}/root/run/utmp", ve.pid1())).unwrap();
    let kinds: Vec<(u8, u8, u8)> = utmp
        .chunks(384)
        .map(|record| (record[0], record[4], record[5]))
        .collect();
    assert_eq!(kinds, [(2, 0, 0), (1, b'2', b'N')]);
    assert_eq!(
        std::fs::read(ve.root().path("var/log/wtmp")).unwrap().len(),
        2 * 384
    );
}

#[test]
fn a_job_that_fails_is_told_by_name() {
    skip_unless_possible!();
    let root = root();
    root.script("job", "[ $1 != two ]");
    let ve = root.boot(&[]);
    ve.tells("X_VELD_FAILED=job:two");
    ve.says("veld-init: /job two (/etc/inittab:6) ended with status 1\n");
}
