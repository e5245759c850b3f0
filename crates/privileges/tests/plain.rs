//! A process that was started in an odd state is an ordinary one afterwards.
#![allow(clippy::unwrap_used, reason = "a test may end by a panic")]

use std::path::Path;

use rustix::process::{Resource, getrlimit, setrlimit};
use veld_privileges::{Bounds, Rlimit, leave_caller, plain_start};

/// More than the kernel's default of some limits, and less of others.
fn bounds() -> Bounds {
    let limit = |name, soft, hard| Rlimit {
        name,
        soft: Some(soft),
        hard: Some(hard),
        at_most: false,
    };
    Bounds {
        rlimits: vec![
            limit("nofile", 512, 2048),
            limit("msgqueue", 5000, 819_200),
            limit("stack", 8 << 20, 9 << 20),
        ],
        oom_score_adj: 0,
    }
}

/// What is tested belongs to the whole process: it gets one of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "a test that starts this very program again"
)]
fn in_a_process_of_its_own(test: &str) {
    let status = std::process::Command::new("/proc/self/exe")
        .args(["--exact", test, "--ignored"])
        .status()
        .unwrap();
    assert!(status.success(), "{test}: {status}");
}

fn read(file: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/thread-self/{file}")).unwrap();
    text.trim().to_owned()
}

fn status(key: &str) -> String {
    let text = read("status");
    let value = text.lines().find_map(|line| line.strip_prefix(key));
    value.unwrap().trim().to_owned()
}

/// Field 19 of proc_pid_stat(5).
fn nice() -> String {
    let stat = read("stat");
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(16).unwrap().to_owned()
}

/// CAP_SYS_NICE over the host, which some have who test.
fn may_be_less_nice() -> bool {
    let held = u64::from_str_radix(&status("CapEff:"), 16).unwrap();
    held & (1 << 23) != 0
}

fn make_odd() -> String {
    let every_processor = status("Cpus_allowed_list:");
    let mut one = rustix::thread::CpuSet::new();
    let all = rustix::thread::sched_getaffinity(None).unwrap();
    let first = (0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu));
    one.set(first.unwrap());
    rustix::thread::sched_setaffinity(None, &one).unwrap();
    for (resource, soft) in [
        (Resource::Fsize, 1 << 30),
        (Resource::Nproc, 4000),
        (Resource::Msgqueue, 100),
        (Resource::Stack, 1 << 20),
        (Resource::Nofile, 100),
    ] {
        let maximum = getrlimit(resource).maximum;
        let current = Some(soft);
        setrlimit(resource, rustix::process::Rlimit { current, maximum }).unwrap();
    }
    rustix::process::nice(7).unwrap();
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(9_000_000)).unwrap();
    veld_kernfs::write(Path::new("/proc/self/oom_score_adj"), 300).unwrap();
    rustix::process::umask(rustix::fs::Mode::RWXO);
    every_processor
}

fn assert_plain(every_processor: &str) {
    assert_eq!(status("Cpus_allowed_list:"), every_processor);
    assert_eq!(getrlimit(Resource::Fsize).current, None);
    assert_eq!(getrlimit(Resource::Stack).current, Some(8 << 20));
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
    assert_eq!(getrlimit(Resource::Nice).maximum, Some(0));
    let processes = getrlimit(Resource::Nproc);
    assert_eq!(processes.current, processes.maximum);
    assert_eq!(rustix::thread::current_timer_slack().unwrap(), 50_000);
    assert_eq!(read("oom_score_adj"), "0");
    assert_eq!(nice(), if may_be_less_nice() { "0" } else { "7" });
}

#[test]
fn a_program_starts_plainly() {
    in_a_process_of_its_own("start_plainly");
}

#[test]
#[ignore = "run by a_program_starts_plainly: it changes its process for good"]
fn start_plainly() {
    let every_processor = make_odd();
    plain_start(&bounds()).unwrap();
    assert_plain(&every_processor);
    for (resource, soft, hard) in [
        (Resource::Nofile, 512, 2048),
        (Resource::Msgqueue, 5000, 819_200),
        (Resource::Stack, 8 << 20, 9 << 20),
    ] {
        let limit = getrlimit(resource);
        assert_eq!((limit.current, limit.maximum), (Some(soft), Some(hard)));
    }
    assert_eq!(status("Umask:"), "0022");
    assert_eq!(status("SigIgn:"), "0000000000000000");
    // It may be done again, with nothing left to do.
    plain_start(&bounds()).unwrap();
    // What was chosen and cannot be had is not passed over.
    let mut more = bounds();
    more.rlimits[0].hard = Some(u64::MAX - 1);
    let error = plain_start(&more).unwrap_err();
    assert!(error.to_string().contains("set the limit of nofile to"));
    more.rlimits[0].at_most = true;
    plain_start(&more).unwrap();
}

#[test]
fn a_launcher_leaves_its_caller() {
    in_a_process_of_its_own("leave");
}

#[test]
#[ignore = "run by a_launcher_leaves_its_caller: it changes its process for good"]
fn leave() {
    let every_processor = make_odd();
    let mut bounds = bounds();
    bounds.rlimits[1].hard = getrlimit(Resource::Msgqueue).maximum;
    leave_caller(&bounds).unwrap();
    assert_plain(&every_processor);
    let queues = getrlimit(Resource::Msgqueue);
    assert_eq!(queues.current, Some(819_200));
    assert!(queues.maximum >= bounds.rlimits[1].hard.min(Some(819_200)));
    assert_eq!(getrlimit(Resource::Nofile).current, Some(100));
    assert_eq!(status("Umask:"), "0000");
    assert_eq!(std::env::current_dir().unwrap().to_str(), Some("/"));
    for number in 0..3 {
        let open = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        assert_eq!(open.to_str(), Some("/dev/null"));
    }
}
