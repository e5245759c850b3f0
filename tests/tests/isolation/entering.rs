//! Whoever enters a VE is watched, and led astray, by those inside.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use veld_tests::{Host, Ve, host, walk};

/// What only the command's own environment has.
const SECRET: &str = "a-secret-of-the-host";

/// An id that only the host's file gives to anybody.
const FOREIGN: &str = "4242";

#[test]
fn a_process_that_is_brought_in_shows_nothing_of_the_host() {
    let host = host!();
    let ve = host.ve("web1").start();
    let own = ve.exec(["cat", "/proc/1/mountinfo"]).ok();
    let own: BTreeSet<String> = own.lines().map(str::to_owned).collect();
    // It looks at every process but PID 1 until it is told to end, and keeps
    // each line that it sees once.
    let watch = "while [ ! -e /var/done ]; do for p in /proc/[0-9]*; do \
                 [ $p = /proc/1 ] && continue; \
                 sed 's/^/mount: /' $p/mountinfo; tr '\\0' '\\n' <$p/environ; \
                 ls -l $p/fd | sed 's/.* -> /open: /'; cat $p/maps; \
                 readlink $p/exe $p/root $p/cwd; \
                 head -c 1 $p/mem; done; done 2>/dev/null | awk '!seen[$0]++'";
    let watcher = ve.exec_cmd([""; 0], ["sh", "-c", watch]).spawn();
    for _ in 0..100 {
        ve.exec_cmd([""; 0], ["true"])
            .env("SECRET", SECRET)
            .run()
            .done();
    }
    ve.sh("touch /var/done").done();
    let seen = watcher.output();
    let mounts: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.strip_prefix("mount: "))
        .collect();
    assert!(!mounts.is_empty(), "{}", seen.stderr);
    for mount in mounts {
        assert!(own.contains(mount), "{mount}");
    }
    let program = Host::program();
    let stage = program.parent().unwrap().parent().unwrap();
    for secret in [
        SECRET,
        &host.directory().display().to_string(),
        &stage.display().to_string(),
    ] {
        let line = seen.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[test]
fn links_in_the_place_of_files_lead_no_exec_out_of_the_ve() {
    let host = host!();
    let bait = Bait::lay(&host);
    let ve = host.ve("web1").start();
    // Without the bait the user is found, so it is the bait that is refused.
    assert_eq!(
        ve.exec_with(["-u", "alice"], ["id", "-u"]).ok().line(),
        "1000"
    );
    ve.sh("mv /etc /etc.mine; mkdir /etc").done();
    for number in 3..16 {
        let way = bait.way(number).display().to_string();
        let script = format!("cd /etc; for f in passwd group hosts; do ln -sf {way}/$f $f; done");
        ve.sh(&script).done();
        bait.not_taken(&ve, number);
    }
    ve.sh("rm -rf /etc").done();
    for number in 3..16 {
        ve.sh(&format!(
            "rm -f /etc; ln -s {} /etc",
            bait.way(number).display()
        ))
        .done();
        bait.not_taken(&ve, number);
    }
    bait.is_untouched();
}

#[test]
fn links_in_the_place_of_files_lead_no_start_out_of_the_ve() {
    let host = host!();
    let bait = Bait::lay(&host);
    let ve = host.ve("web1").start();
    for number in [3, 6, 9, 12] {
        let ways: Vec<PathBuf> = (number..number + 3)
            .map(|number| bait.way(number))
            .collect();
        let script = format!(
            "cd /etc; ln -sf {}/hosts hosts; ln -sf {}/hostname hostname; ln -sf {}/resolv.conf resolv.conf",
            ways[0].display(),
            ways[1].display(),
            ways[2].display()
        );
        restart_after(&ve, &script);
        bait.not_seen(&ve);
    }
    bait.is_untouched();
}

#[test]
fn a_link_in_the_place_of_etc_leads_no_start_out_of_the_ve() {
    let host = host!();
    let bait = Bait::lay(&host);
    let ve = host.ve("web1").start();
    ve.sh("cp -r /etc /etc.mine").done();
    for number in 3..9 {
        let script = format!("rm -rf /etc; ln -s {} /etc", bait.way(number).display());
        restart_after(&ve, &script);
        bait.not_seen(&ve);
    }
    bait.is_untouched();
}

#[test]
fn an_exec_during_a_start_sees_the_ve_or_nothing() {
    let host = host!();
    let (ve, root) = marked(&host);
    let mut all = BTreeSet::new();
    for _ in 0..20 {
        kill(&ve);
        all.extend(look_during(&ve, || ve.veld("start", ["--wait"]).done()));
        // The first after the start gets in for certain.
        assert_eq!(ve.exec(["ls", "/"]).ok().stdout, root);
    }
    assert_each_is_inside_or_refused(&all, &root);
}

#[test]
fn an_exec_during_a_kill_sees_the_ve_or_nothing() {
    let host = host!();
    let (ve, root) = marked(&host);
    let mut all = BTreeSet::new();
    for _ in 0..20 {
        all.extend(look_during(&ve, || kill(&ve)));
        ve.start();
    }
    assert_each_is_inside_or_refused(&all, &root);
}

/// A VE that runs, and what is to be seen in its root directory.
fn marked(host: &Host) -> (Ve<'_>, String) {
    let ve = host.ve("web1").start();
    ve.sh("touch /of-the-ve").done();
    let root = ve.exec(["ls", "/"]).ok().stdout;
    assert!(root.contains("of-the-ve"));
    (ve, root)
}

fn kill(ve: &Ve<'_>) {
    ve.veld("kill", [""; 0]).done();
    ve.becomes("stopped");
}

/// What an exec ended with: status, standard output, standard error.
type Seen = (i32, String, String);

/// Lists the root directory inside, over and over, while something is done.
fn look_during(ve: &Ve<'_>, deed: impl FnOnce()) -> BTreeSet<Seen> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                let looked = ve.exec(["ls", "/"]);
                seen.insert((looked.status, looked.stdout, looked.stderr));
            }
            seen
        });
        deed();
        done.store(true, Ordering::Relaxed);
        looking.join().unwrap()
    })
}

fn assert_each_is_inside_or_refused(seen: &BTreeSet<Seen>, root: &str) {
    assert!(!seen.is_empty());
    for (_, stdout, _) in seen {
        assert!(stdout.is_empty() || stdout == root, "{stdout}");
    }
    let other: Vec<_> = seen
        .iter()
        .filter(|(status, stdout, stderr)| match status {
            0 => stdout != root,
            // Whoever is inside when the VE is killed is killed with it.
            137 => !stderr.is_empty(),
            _ => (*status, stderr.as_str()) != (125, "veld: web1: is not running\n"),
        })
        .collect();
    assert!(other.is_empty(), "{other:?}");
}

/// Stops a VE after a deed, and starts it; it need not come up, for it may have
/// taken away what it needs.
fn restart_after(ve: &Ve<'_>, script: &str) {
    ve.sh(script).done();
    ve.veld("kill", [""; 0]).ok();
    ve.becomes("stopped");
    ve.veld("start", [""; 0]).ok();
}

/// Files of the host's that anybody may read and write, in the way of whoever
/// follows a link of the VE's.
struct Bait {
    directory: PathBuf,
    before: veld_tests::Walk,
}

impl Bait {
    fn lay(host: &Host) -> Self {
        let directory = host.directory().join("bait");
        fs::create_dir(&directory).unwrap();
        open_to_all(&directory, 0o777);
        let line = format!("alice:x:{FOREIGN}:{FOREIGN}:{SECRET}:/:/bin/sh\n");
        for name in ["passwd", "group", "hosts", "hostname", "resolv.conf"] {
            fs::write(directory.join(name), &line).unwrap();
            open_to_all(&directory.join(name), 0o666);
        }
        let before = walk(&directory);
        let bait = Self { directory, before };
        // Whoever follows the way from a directory of the host's gets there.
        let open = File::open(host.data().parent().unwrap()).unwrap();
        let number = open.as_raw_fd().cast_unsigned();
        let found = fs::read_to_string(bait.way(number).join("passwd")).unwrap();
        assert_eq!(found, line);
        bait
    }

    /// The way to it from a directory that somebody of the host's has open.
    fn way(&self, number: u32) -> PathBuf {
        let up = "/..".repeat(16);
        PathBuf::from(format!(
            "/proc/self/fd/{number}{up}{}",
            self.directory.display()
        ))
    }

    /// No program is run as the host's file has it, and none sees it.
    fn not_taken(&self, ve: &Ve<'_>, number: u32) {
        let as_alice = ve.exec_with(["-u", "alice"], ["id"]);
        assert!(
            !as_alice.stdout.contains(FOREIGN),
            "{number}: {}",
            as_alice.stdout
        );
        assert!(
            !as_alice.stderr.contains(SECRET),
            "{number}: {}",
            as_alice.stderr
        );
        self.not_seen(ve);
    }

    fn not_seen(&self, ve: &Ve<'_>) {
        let script = "cat /etc/* /etc.mine/* /run/* 2>/dev/null; hostname; ls -a /etc/ 2>&1";
        let seen = ve.sh(script);
        assert!(!seen.stdout.contains(SECRET), "{}", seen.stdout);
        assert!(!seen.stdout.is_empty(), "{}", seen.stderr);
    }

    fn is_untouched(&self) {
        assert_eq!(walk(&self.directory), self.before);
    }
}

fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
