//! Links of the host's that a VE has as long as it runs.

use veld_tests::{Ve, host, until};

use crate::modes::{Link, make_cable, soon_reaches};
use crate::{HOST, ip, reaches};

const MAC: &str = "52:54:00:00:00:07";

fn nic() -> Link {
    let cable = make_cable("nic0", "far0", "10.8.0.1/24");
    ip(&["link", "set", "nic0", "address", MAC, "mtu", "1450"]);
    cable
}

fn is_back() -> bool {
    let links = ip(&["-o", "link"]);
    let nic = links.lines().find(|line| line.contains(" nic0"));
    nic.is_some_and(|line| line.contains(MAC) && line.contains("mtu 1450"))
}

fn with_nic<'h>(ve: Ve<'h>) -> Ve<'h> {
    let set = "net.eth1=physical:nic0,ip=10.8.0.2/24,mtu=1300,name=wan0";
    ve.veld("set", [set]).ok();
    ve
}

#[test]
fn a_nic_is_back_however_the_ve_ends() {
    let host = host!();
    let _nic = nic();
    let ve = with_nic(host.ve("a").create());
    let ends: [(&str, &dyn Fn()); 4] = [
        ("stopped", &|| ve.stop()),
        ("killed", &|| ve.veld("stop", ["--force"]).done()),
        ("powered off", &|| {
            ve.exec(["poweroff"]);
            until("it has ended", || ve.status() == "stopped");
        }),
        ("PID 1 killed", &|| {
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(ve.init_pid()),
                nix::sys::signal::Signal::SIGKILL,
            )
            .unwrap();
            until("it has ended", || ve.status() == "stopped");
        }),
    ];
    for (how, end) in ends {
        ve.start();
        assert!(!is_back());
        assert!(soon_reaches(&ve, "10.8.0.1"), "{how}");
        ve.sh("ip link set wan0 down; ip link set wan0 name mine0")
            .done();
        end();
        until(how, is_back);
    }
}

#[test]
fn a_nic_comes_and_goes_while_the_ve_runs() {
    let host = host!();
    let _nic = nic();
    let ve = with_nic(host.ve("a").start());
    assert!(soon_reaches(&ve, "10.8.0.1"));
    let again = host.ve("b").create();
    again.veld("set", ["net.eth1=physical:nic0"]).ok();
    let refused = again.veld("start", [] as [&str; 0]);
    refused.fails(1, "veld: b: cannot start: there is no link nic0");
    ve.veld("set", ["net.eth1.name=wan1"]).ok();
    let links = ve.exec(["ls", "/sys/class/net"]).ok().stdout;
    assert!(links.contains("wan1"), "{links}");
    ve.veld("set", ["net.eth1="]).ok();
    assert!(is_back());
    assert!(
        !ve.exec(["ls", "/sys/class/net"])
            .ok()
            .stdout
            .contains("wan")
    );
}

#[test]
fn a_nic_of_a_ve_without_a_shim_is_taken_back_by_a_stop() {
    let host = host!();
    let _nic = nic();
    let ve = with_nic(host.ve("a").start());
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(ve.shim_pid()),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    ve.stop();
    assert!(is_back());
}

#[test]
fn a_nic_that_came_to_a_running_ve_is_back_when_that_powers_off() {
    let host = host!();
    let _nic = nic();
    let ve = with_nic(host.ve("a").start());
    assert!(!is_back());
    ve.exec(["poweroff"]);
    until("the NIC is back", is_back);
}

#[test]
fn a_nic_is_in_the_ve_again_after_a_reboot_from_inside() {
    let host = host!();
    crate::give_addresses();
    let _nic = nic();
    let ve = with_nic(host.ve("a").start());
    let init = ve.init_pid();
    let _ = ve.exec(["reboot"]);
    until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
    assert!(soon_reaches(&ve, "10.8.0.1") && reaches(&ve, HOST[0]));
    ve.stop();
    assert!(is_back());
}

#[test]
fn a_start_that_fails_gives_the_nic_back() {
    let host = host!();
    let _nic = nic();
    let ve = with_nic(host.ve("a").create());
    ve.veld("set", ["net.eth2=bridge:br9"]).ok();
    let failed = ve.veld("start", [] as [&str; 0]);
    failed.fails(1, "veld: a: cannot start: there is no link br9");
    assert!(is_back());
}

#[test]
fn a_nic_that_a_ve_hides_is_missed() {
    let host = host!();
    let _nic = nic();
    let ve = with_nic(host.ve("a").start());
    let hide = "unshare -n sleep 600 >/dev/null 2>&1 & sleep 0.5; ip link set wan0 netns $!";
    ve.sh(hide).done();
    let taken = ve.veld("set", ["net.eth1="]).ok();
    let warning = "the VE has hidden or removed nic0, which is not back";
    assert!(taken.stderr.contains(warning), "{}", taken.stderr);
}
