//! Small roots of all kinds, as tables of files and links.

use super::*;

/// A root of files (path, content) and of inits that links lead to (path, name).
struct Root<'a> {
    files: &'a [(&'a str, &'a str)],
    links: &'a [(&'a str, &'a str)],
}

impl Look for Root<'_> {
    fn file_name(&self, path: &str) -> Option<Vec<u8>> {
        let linked = self.links.iter().find(|(link, _)| *link == path);
        let there = self.files.iter().any(|(file, _)| *file == path);
        let name = match linked {
            Some((_, name)) => name,
            None if there => path.rsplit('/').next()?,
            None => return None,
        };
        Some(name.as_bytes().to_vec())
    }

    fn start(&self, path: &str, limit: u64) -> Option<Vec<u8>> {
        let (_, content) = self.files.iter().find(|(file, _)| *file == path)?;
        let limit = usize::try_from(limit).unwrap();
        Some(content.bytes().take(limit).collect())
    }
}

fn kind(files: &[(&str, &str)], links: &[(&str, &str)]) -> Kind {
    Kind::detect(&Root { files, links })
}

#[test]
fn a_link_tells_by_the_name_it_leads_to() {
    for (found, name) in [
        (Kind::Systemd, "systemd"),
        (Kind::Busybox, "busybox"),
        (Kind::Busybox, "busybox.static"),
        (Kind::Openrc, "openrc-init"),
        (Kind::Runit, "runit-init"),
        (Kind::Finit, "finit"),
        (Kind::S6, "s6-svscan"),
    ] {
        assert_eq!(kind(&[], &[("/sbin/init", name)]), found, "{name}");
    }
}

#[test]
fn a_program_called_init_tells_by_what_is_in_it() {
    for (found, path, content) in [
        (Kind::Sysvinit, "/sbin/init", "\x7fELF..INIT_VERSION=3.06.."),
        (Kind::Finit, "/sbin/init", "\x7fELF../var/run/finit/cond.."),
        (Kind::Runit, "/sbin/init", "\x7fELF../etc/runit/stopit.."),
        (Kind::Runit, "/sbin/init", "\x7fELF../run/runit.stopit.."),
        (
            Kind::Busybox,
            "/sbin/init",
            "/etc/runit/runsvdir..BusyBox v1.36",
        ),
        (
            Kind::Unknown,
            "/sbin/init",
            "\x7fELF..src/definit/mod.rs..strunit..",
        ),
        (
            Kind::S6,
            "/init",
            "#!/bin/sh\nexec /package/admin/s6-overlay/x",
        ),
        (Kind::Unknown, "/etc/init", "#!/bin/sh"),
        (Kind::Unknown, "/bin/init", ""),
    ] {
        assert_eq!(kind(&[(path, content)], &[]), found, "{path} {content}");
    }
}

#[test]
fn openrc_may_stand_on_another_init() {
    let on = |init: &str, files: &[(&str, &str)]| kind(files, &[("/sbin/init", init)]);
    let inittab = |text| [(INITTAB, text)];
    assert_eq!(
        on("busybox", &inittab("::sysinit:/sbin/openrc sysinit\n")),
        Kind::Openrc
    );
    assert_eq!(
        on("busybox", &inittab("::sysinit:/sbin/openrc\n")),
        Kind::Openrc
    );
    assert_eq!(
        on("busybox", &inittab("#::wait:/sbin/openrc boot\n")),
        Kind::Busybox
    );
    let debian = |rc| [(INITTAB, "l2:2:wait:/etc/init.d/rc 2\n"), (RC, rc)];
    assert_eq!(
        on("sysvinit", &debian("exec /sbin/openrc default\n")),
        Kind::Openrc
    );
    assert_eq!(on("sysvinit", &debian("startpar\n")), Kind::Sysvinit);
}

#[test]
fn the_first_place_with_a_program_counts() {
    assert_eq!(kind(&[("/bin/sh", "")], &[]), Kind::None);
    let links = [("/init", "s6-svscan"), ("/sbin/init", "systemd")];
    assert_eq!(kind(&[], &links), Kind::Systemd);
}

#[test]
fn veld_init_powers_off_for_those_whose_work_it_does() {
    for kind in Kind::ALL {
        let presumed = kind.presumed();
        assert_eq!(presumed.kind, kind);
        assert_eq!(presumed.hands_over, !kind.is_supervised(), "{kind}");
    }
    let signals = [
        (Kind::Systemd, SIGNAL_POWER_OFF),
        (Kind::Sysvinit, SIGNAL_POWER_OFF),
        (Kind::Busybox, SIGNAL_POWER_OFF),
        (Kind::Finit, SIGUSR2),
        (Kind::S6, SIGTERM),
        (Kind::Unknown, SIGTERM),
    ];
    for (kind, signal) in signals {
        assert_eq!(kind.presumed().stop_signal, signal, "{kind}");
    }
}

#[test]
fn words_and_kinds_are_one() {
    for kind in Kind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    assert_eq!("upstart".parse::<Kind>(), Err(NoSuchKind));
}

#[test]
fn a_mark_is_found_wherever_it_stands() {
    assert!(contains(b"aab", b"ab") && contains(b"ab", b"ab") && contains(b"x", b""));
    assert!(!contains(b"a", b"ab") && !contains(b"", b"a"));
}
