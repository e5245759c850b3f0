//! systemd: handed over to, with units masked that have no use in a VE: its login
//! prompts, and those that must fail.
//!
//! Debian 11 to 13 and its next (systemd 247 to 262) come up with no unit failed.
//! What that took, of Debian's own units and of those of packages that people
//! install without a thought:
//!
//! | unit | releases | why it would fail | what is done |
//! |---|---|---|---|
//! | `systemd-journald-audit.socket` | 247 | it takes the audit log of the machine | no `cap_audit_read` |
//! | `systemd-modules-load` | 257 | kmod finds no `/proc/modules` | no `cap_sys_module` |
//! | `sys-kernel-debug.mount`, `sys-kernel-tracing.mount` | all | the file systems are the machine's | no `cap_sys_rawio` |
//! | `systemd-timesyncd`, `chrony`, `ntpsec` | all | the clock is the machine's | no `cap_sys_time`: they are skipped, or serve without setting it |
//! | `systemd-udevd`, `systemd-udev-trigger` | all | devices are the machine's | `/sys` is read-only: skipped |
//! | `auditd`, `audit-rules` | all | the kernel gives its audit log to nobody else | masked here |
//! | `nfs-server`, `run-rpc_pipefs.mount`, `proc-fs-nfsd.mount` | all | the kernel's NFS is for the machine alone | masked here; services that need them stay down |
//! | `rngd` | all | it feeds the machine's entropy | masked here |
//! | `acct` | all | processes are accounted for the machine alone | masked here |
//! | `multipathd`, `iscsid`, `open-iscsi` | 247 | block devices are the machine's | masked here; later ones are skipped in a container |
//! | `usbguard`, `usbguard-dbus` | all | USB devices are the machine's | masked here |
//!
//! What drives a machine's own parts (`ksmtuned`, `zram-tools`, `rasdaemon`) fails in
//! a VE as it does on a machine without them, and is not masked.
//!
//! A mask is of no consequence where the unit is not installed.

use super::RunFiles;

/// The one directory below /run that comes before /etc in the unit load path
/// and that systemd neither empties nor generates when it starts. A link in
/// /run/systemd/system would lose to a copy of the unit in /etc, which images
/// made for other machines have.
///
/// systemd.unit(5), "Unit File Load Path"; the same in releases 247 to 262.
const DIRECTORY: &str = "/run/systemd/system.control";

/// Generators of units for the machine's disks: what they look for is not in a VE,
/// and to look takes a tenth of the time of a boot.
///
/// systemd.generator(7).
const GENERATORS: RunFiles = RunFiles {
    directory: "/run/systemd/system-generators",
    names: &[
        "systemd-cryptsetup-generator",
        "systemd-gpt-auto-generator",
        "systemd-hibernate-resume-generator",
        "systemd-integritysetup-generator",
        "systemd-veritysetup-generator",
    ],
    text: None,
};

/// All that are masked in a VE without a login prompt; the one on the console is
/// the first.
const ALL: [&str; 18] = [
    "console-getty.service",
    "container-getty@.service",
    "getty@.service",
    "serial-getty@.service",
    // An alias of getty@ that logind starts, and what starts getty@ by name.
    "autovt@.service",
    "getty-static.service",
    // What only the machine can have; the table above says why.
    "acct.service",
    "audit-rules.service",
    "auditd.service",
    "iscsid.service",
    "multipathd.service",
    "nfs-server.service",
    "open-iscsi.service",
    "proc-fs-nfsd.mount",
    "rngd.service",
    "run-rpc_pipefs.mount",
    "usbguard-dbus.service",
    "usbguard.service",
];

/// The units to mask. A prompt that is wanted is the one on the console, which
/// systemd's generator starts in a container; the others have no device here.
pub(super) fn masks(getty: bool) -> Vec<RunFiles> {
    let names = match (getty, ALL.split_first()) {
        (true, Some((_console, others))) => others,
        _ => &ALL,
    };
    let units = RunFiles {
        directory: DIRECTORY,
        names,
        text: None,
    };
    vec![units, GENERATORS]
}
