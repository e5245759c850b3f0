//! A VE whose shim was killed: nobody listens to its console any more.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use veld_tests::{Template, alive, host, signal, until};

#[test]
fn a_debian_without_a_shim_goes_down_in_its_own_way() {
    let host = host!(Template::Debian);
    let ve = host.ve("deb").template(Template::Debian).start();
    let shim = ve.shim_pid();
    signal(shim, Signal::KILL);
    until("the shim is gone", || !alive(shim));
    let begun = Instant::now();
    // Which would be warned of if it had to be killed.
    ve.stop();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    host.nothing_remains();
}

#[test]
fn a_console_of_the_ves_own_making_is_left_alone() {
    let host = host!();
    let ve = host.ve("web1").start();
    let shim = ve.shim_pid();
    ve.sh("mkdir /var/devices && touch /var/devices/console && mount --bind /var/devices /dev")
        .done();
    signal(shim, Signal::KILL);
    until("the shim is gone", || !alive(shim));
    let stopped = ve.veld("stop", [""; 0]);
    assert_eq!(
        (stopped.status, stopped.stdout.as_str()),
        (0, "web1: stopped\n")
    );
    assert_eq!(
        stopped.stderr,
        "veld: web1: warning: cannot quiet the console: cannot find the tmpfs /dev of the VE: \
         No such device (os error 19)\n"
    );
    let made = ve.directory().join("private/upper/var/devices/console");
    assert!(made.metadata().unwrap().is_file());
    host.nothing_remains();
}
