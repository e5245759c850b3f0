//! Services that people have VEs for, installed by the distribution's own means,
//! started by its init at boot, and used over the network.

use veld_tests::{Template, Ve, host, until};

use crate::client::{self, Key};
use crate::packages::install;
use crate::systemd::all_units_are_well;

const PACKAGES: [&str; 7] = [
    "at",
    "cron",
    "nginx",
    "openssh-server",
    "postgresql",
    "rsyslog",
    "sudo",
];

/// Finit runs what its administrator lists; ssh and the log are listed by Debian.
const FINIT: &str = "\
service [2345] name:cron /usr/sbin/cron -f -- Jobs
service [2345] name:at /usr/sbin/atd -f -- Jobs that run once
service [2345] name:nginx /usr/sbin/nginx -g 'daemon off;' -- Web server
task [2345] name:postgresql /usr/bin/pg_ctlcluster 17 main start -- Database
";

#[test]
fn they_serve_under_systemd_of_debian_12() {
    serve(Template::Debian);
}

#[test]
fn they_serve_under_systemd_of_debian_13() {
    serve(Template::DebianTrixie);
}

#[test]
fn they_serve_under_sysvinit() {
    serve(Template::Sysvinit);
}

#[test]
fn they_serve_under_openrc() {
    serve(Template::Openrc);
}

#[test]
fn they_serve_under_openrc_init() {
    serve(Template::OpenrcInit);
}

#[test]
fn they_serve_under_runit() {
    serve(Template::Runit);
}

#[test]
fn they_serve_under_finit() {
    serve(Template::Finit);
}

#[test]
fn they_serve_under_busybox() {
    serve(Template::BusyboxDebian);
}

fn serve(template: Template) {
    let host = host!(template);
    let ve = host.ve("srv").template(template).start();
    {
        let _mirror = host.mirror(&ve);
        install(&ve, &PACKAGES);
    }
    let key = Key::make(host.directory());
    key.authorize(&ve);
    prepare(&ve);
    if template == Template::Finit {
        ve.put("/etc/finit.d/test.conf", FINIT, "644");
    }
    // They were started as they were installed; now the init has to.
    ve.stop();
    ve.start();
    serve_outside(&ve, &key);
    serve_inside(&ve);
    if matches!(template, Template::Debian | Template::DebianTrixie) {
        let session = key.ssh(&ve, "loginctl --no-legend list-sessions").ok();
        assert!(session.line().contains("root"), "{}", session.stdout);
        all_units_are_well(&ve);
    }
    ve.stop();
}

/// What an administrator sets up: a database that answers, a user, a job.
fn prepare(ve: &Ve<'_>) {
    ve.sh("cd /etc/postgresql/*/main && \
         echo \"listen_addresses = '*'\" >conf.d/test.conf && \
         echo 'host all all all trust' >>pg_hba.conf && \
         useradd -m -s /bin/bash joe && \
         echo 'joe ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/joe && \
         echo '@reboot echo ran >/home/joe/job' | crontab -u joe -")
        .done();
}

fn serve_outside(ve: &Ve<'_>, key: &Key) {
    until("ssh lets the owner of a key in", || {
        key.ssh(ve, "hostname").stdout == "srv\n"
    });
    let page = client::get(ve);
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.contains("Welcome to nginx"), "{page}");
    assert_eq!(client::query(ve, "select 6 * 7"), "42");
}

fn serve_inside(ve: &Ve<'_>) {
    let runs = |what: &str, script: &str| until(what, || ve.sh(script).status == 0);
    runs("cron runs its job", "grep -q ran /home/joe/job");
    ve.exec(["logger", "a-word-to-the-log"]).done();
    runs(
        "the word is in the log",
        "grep -q a-word-to-the-log /var/log/syslog",
    );
    let user = ve.exec(["su", "-", "joe", "-c", "id -un"]);
    assert_eq!(user.ok().line(), "joe");
    let root = ve.exec(["su", "-", "joe", "-c", "sudo -n id -un"]);
    assert_eq!(root.ok().line(), "root");
    ve.sh("echo 'echo ran >/root/job' | at now 2>&1").ok();
    runs("at runs its job", "grep -q ran /root/job");
}
