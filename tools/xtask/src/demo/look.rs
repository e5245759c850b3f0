//! What the demo looks at inside the VE, and what it expects there.

use anyhow::{Result, bail};

use crate::report::heading;
use crate::run;
use crate::veld::Veld;

/// Lists processes where the distribution has no ps.
const PROCESSES: &str = "for process in /proc/[0-9]*; do \
    printf '%6s  ' \"${process#/proc/}\"; tr '\\0' ' ' <\"$process/cmdline\"; echo; done";

/// Lists addresses where the distribution has no ip.
const ADDRESSES: &str = "hostname -I";

/// What the VE says it is.
pub(super) fn distribution(veld: &Veld, ve: &str) -> Result<()> {
    heading("distribution");
    let text = inside(veld, ve, "cat /etc/os-release")?;
    print(&text);
    must_be_debian(&text)
}

/// Whether its init says that everything is up.
pub(super) fn services(veld: &Veld, ve: &str) -> Result<()> {
    heading("services");
    // systemctl ends with 1 for any state but `running`; the word says which.
    let state = inside(veld, ve, "systemctl is-system-running || true")?;
    println!("   systemctl is-system-running: {state}");
    let failed = inside(veld, ve, "systemctl --failed --no-legend --plain")?;
    println!("   systemctl --failed: {}", or_none(&failed));
    must_be_up(&state, &failed)
}

/// What runs in it: its services, and no getty.
pub(super) fn processes(veld: &Veld, ve: &str) -> Result<()> {
    heading("processes");
    let list =
        inside(veld, ve, "exec ps -eo pid,user,args").or_else(|_| inside(veld, ve, PROCESSES))?;
    print(&list);
    must_have_no_getty(&list)?;
    println!("   no getty");
    Ok(())
}

/// Its addresses.
pub(super) fn addresses(veld: &Veld, ve: &str) -> Result<()> {
    heading("addresses");
    let list = inside(veld, ve, "exec ip -br addr").or_else(|_| inside(veld, ve, ADDRESSES))?;
    print(&list);
    must_have_an_address(&list)
}

/// Prints a program's output, set in.
pub(super) fn print(text: &str) {
    for line in text.lines() {
        println!("   {line}");
    }
}

fn inside(veld: &Veld, ve: &str, script: &str) -> Result<String> {
    run::output(&mut veld.command(["exec", ve, "--", "sh", "-c", script]))
}

fn must_be_debian(os_release: &str) -> Result<()> {
    if !os_release.lines().any(|line| line == "ID=debian") {
        bail!("the distribution does not say that it is Debian");
    }
    Ok(())
}

fn must_be_up(state: &str, failed: &str) -> Result<()> {
    if !failed.is_empty() {
        let units: Vec<&str> = failed.lines().map(first_word).collect();
        bail!("units failed: {}", units.join(", "));
    }
    if state != "running" {
        bail!("the system is {state}, not running");
    }
    Ok(())
}

fn must_have_no_getty(list: &str) -> Result<()> {
    if let Some(line) = list.lines().find(|line| line.contains("getty")) {
        bail!("a getty runs: {}", line.trim());
    }
    Ok(())
}

/// An address of its own, beside those of the loopback link and the link-local
/// ones that every link has.
fn must_have_an_address(list: &str) -> Result<()> {
    let own = list
        .lines()
        .filter(|line| first_word(line) != "lo")
        .flat_map(str::split_whitespace)
        .any(|word| word.contains(['.', ':']) && !word.starts_with("fe80:"));
    if !own {
        bail!("no address but the loopback link's");
    }
    Ok(())
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_expectation_says_what_was_found_instead() {
        let said = |result: Result<()>| result.unwrap_err().to_string();
        assert_eq!(
            said(must_be_up(
                "degraded",
                "a.service loaded failed\nb.mount loaded"
            )),
            "units failed: a.service, b.mount"
        );
        assert_eq!(
            said(must_be_up("starting", "")),
            "the system is starting, not running"
        );
        assert_eq!(
            said(must_have_no_getty("1 root /sbin/init\n 7 root agetty tty1")),
            "a getty runs: 7 root agetty tty1"
        );
        assert!(must_be_debian("ID=alpine").is_err());
    }

    #[test]
    fn a_loopback_or_link_local_address_is_none_of_its_own() {
        let lo = "lo   UNKNOWN  127.0.0.1/8 ::1/128\n";
        assert!(must_have_an_address(lo).is_err());
        assert!(must_have_an_address(&format!("{lo}eth0@if7 UP fe80::1/64")).is_err());
        must_have_an_address(&format!("{lo}eth0@if7 UP 10.118.0.2/32")).unwrap();
    }
}
