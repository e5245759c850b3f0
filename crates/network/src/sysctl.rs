//! Forwarding, which the host must do for its guests.

use std::io::ErrorKind;
use std::path::Path;

use veld_sys::{Context, Failure};

/// /proc/sys/net shows the network namespace of whoever looks.
const FORWARD4: &str = "/proc/sys/net/ipv4/ip_forward";
const CONF6: &str = "/proc/sys/net/ipv6/conf";

/// Switches forwarding on where it is off. An IPv6 that the kernel does not have
/// is fine.
///
/// # Errors
/// Names the file.
///
/// # Kernel
/// ip-sysctl.rst. For IPv4 it also stops the host from believing redirects.
pub(crate) fn ensure_forwarding(link_prefix: &str) -> Result<(), Failure> {
    let path = Path::new(FORWARD4);
    if veld_kernfs::read(path)? != "1" {
        veld_kernfs::write(path, 1)?;
    }
    let path = Path::new(CONF6).join("all/forwarding");
    match veld_kernfs::read(&path) {
        Ok(value) if value == "1" => Ok(()),
        Ok(_) => {
            keep_router_advertisements(link_prefix)?;
            veld_kernfs::write(&path, 1)
        }
        Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Whether the links of this network namespace to come have IPv6: neither its kernel
/// was booted without nor was it switched off here. Links that are not routed do
/// without the host's.
///
/// # Errors
/// Where the file is there and cannot be read.
///
/// # Kernel
/// ip-sysctl.rst, `disable_ipv6` of `conf/default`.
pub fn host_has_ipv6() -> Result<bool, Failure> {
    let path = Path::new(CONF6).join("default/disable_ipv6");
    match veld_kernfs::read(&path) {
        Ok(value) => Ok(value == "0"),
        Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Lets each link that now takes its IPv6 address and default route from router
/// advertisements go on doing so.
///
/// With forwarding on, `accept_ra` 1 means no and only 2 means yes: without this
/// a host on such a network would lose its IPv6 within the hour. The default for
/// links to come stays as it is, since it is also that of our host ends; an
/// uplink that appears later and needs advertisements is for the administrator.
fn keep_router_advertisements(link_prefix: &str) -> Result<(), Failure> {
    let conf = Path::new(CONF6);
    let list = || format!("list {CONF6}");
    for entry in std::fs::read_dir(conf).context(list)? {
        let name = entry.context(list)?.file_name();
        let name = name.to_string_lossy();
        if ["all", "default", "lo"].contains(&name.as_ref()) || name.starts_with(link_prefix) {
            continue;
        }
        let link = conf.join(name.as_ref());
        let accepted = is(&link.join("accept_ra"), "1")? && is(&link.join("forwarding"), "0")?;
        if accepted {
            match veld_kernfs::write(&link.join("accept_ra"), 2) {
                Err(failure) if failure.kind() != ErrorKind::NotFound => return Err(failure),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether a file has this value; one of a link that went away has none.
fn is(path: &Path, value: &str) -> Result<bool, Failure> {
    match veld_kernfs::read(path) {
        Ok(found) => Ok(found == value),
        Err(failure) if failure.kind() == ErrorKind::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}
