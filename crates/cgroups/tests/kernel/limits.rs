//! Limits are what was asked for, and the kernel holds to them.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use veld_cgroups::Controller::{Cpu, Cpuset, Memory, Pids};
use veld_cgroups::{ErrorKind, Limits};
use veld_sys::process::{self, Forked};

use crate::scene::{End, KILLED, OWNER, PATIENCE, Scene, limits, read, sleep_on, wait_for_byte};

const MIB: u64 = 1 << 20;

pub(crate) fn limits_are_what_the_kernel_holds() {
    let scene = Scene::bare("held");
    let asked = Limits {
        memory: Some(64 * MIB),
        swap: Some(16 * MIB),
        cpu_units: Some(500),
        cpu_quota_percent: Some(150),
        cpus: scene.one_cpu(),
        processes: Some(33),
        ..limits()
    };
    scene.group.create(&asked, 0, OWNER).unwrap();
    let knobs = [
        (
            Memory,
            "memory.limit_in_bytes 67108864",
            "memory.max 67108864",
        ),
        (
            Memory,
            "memory.memsw.limit_in_bytes 83886080",
            "memory.swap.max 16777216",
        ),
        (Cpu, "cpu.shares 512", "cpu.weight 50"),
        (Cpu, "cpu.cfs_quota_us 150000", "cpu.max 150000 100000"),
        (Pids, "pids.max 33", "ve/pids.max 33"),
        (Cpuset, "cpuset.cpus 0", "cpuset.cpus 0"),
    ];
    for (controller, v1, v2) in knobs {
        let [v1, v2] = [v1, v2].map(|knob| knob.split_once(' ').unwrap());
        if let Some(path) = scene.knob(controller, [v1.0, v2.0]) {
            let value = if path.ends_with(v2.0) { v2.1 } else { v1.1 };
            assert_eq!(read(&path), value, "{}", path.display());
        }
    }
    let now = scene.group.effective().unwrap();
    assert_eq!(now.memory, asked.memory);
    assert_eq!(now.swap, asked.swap);
    assert_eq!(now.cpu_units, asked.cpu_units);
    assert_eq!(now.cpu_quota_percent, asked.cpu_quota_percent);
    assert_eq!(now.processes, asked.processes);
    assert_eq!(now.cpus, asked.cpus.filter(|_| scene.host.cpus() > 1));
    assert_eq!(now.processes_now, Some(0));
}

/// Each step is one that a wrong order of two writes would fail at on v1.
pub(crate) fn limits_are_raised_lowered_and_lifted() {
    let scene = Scene::new("steps", &limits());
    let steps = [
        (Some(64 * MIB), Some(0)),
        (Some(256 * MIB), Some(0)),
        (Some(32 * MIB), Some(512 * MIB)),
        (Some(32 * MIB), Some(0)),
        (Some(128 * MIB), None),
        (Some(64 * MIB), Some(64 * MIB)),
        (None, None),
        (Some(64 * MIB), Some(MIB)),
    ];
    for (memory, swap) in steps {
        let asked = Limits {
            memory,
            swap,
            ..limits()
        };
        scene.group.apply(&asked, 0).unwrap();
        let now = scene.group.effective().unwrap();
        assert_eq!((now.memory, now.swap), (memory, swap));
    }
    let others = Limits {
        cpu_units: Some(2000),
        cpu_quota_percent: Some(10),
        cpus: scene.one_cpu(),
        processes: Some(10),
        ..limits()
    };
    scene.group.apply(&others, 1).unwrap();
    let now = scene.group.effective().unwrap();
    assert_eq!(now.memory, None);
    assert_eq!(
        (now.cpu_units, now.cpu_quota_percent),
        (Some(2000), Some(10))
    );
    scene.group.apply(&limits(), 1).unwrap();
    let now = scene.group.effective().unwrap();
    assert_eq!((now.cpu_units, now.cpu_quota_percent), (Some(1000), None));
    assert_eq!((now.cpus, now.processes), (None, None));
}

pub(crate) fn more_cpus_than_online_are_refused() {
    let scene = Scene::bare("many");
    if scene.one_cpu().is_none() {
        println!("skipped: there is no cpuset controller");
        return;
    }
    let online = scene.host.cpus();
    let asked = Limits {
        cpus: Some(4096),
        ..limits()
    };
    let error = scene.group.create(&asked, 0, OWNER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        format!("cannot limit CPUs to 4096: the host has {online} online")
    );
    assert!(!scene.group.exists());
}

pub(crate) fn cpus_are_what_a_process_counts() {
    let scene = Scene::bare("cpus");
    let one = Limits {
        cpus: scene.one_cpu(),
        ..limits()
    };
    if one.cpus.is_none() {
        println!("skipped: there is no cpuset controller");
        return;
    }
    scene.group.create(&one, 1, OWNER).unwrap();
    let count = || {
        std::thread::available_parallelism()
            .ok()
            .and_then(|count| i32::try_from(count.get()).ok())
            .unwrap_or(-1)
    };
    assert_eq!(scene.child(count).end(), End::Exited(1));
    scene.group.apply(&limits(), 1).unwrap();
    let all = i32::try_from(scene.host.cpus()).unwrap();
    assert_eq!(scene.child(count).end(), End::Exited(all));
}

pub(crate) fn memory_kills_inside_only() {
    let asked = Limits {
        memory: Some(32 * MIB),
        swap: Some(0),
        ..limits()
    };
    let scene = Scene::new("oom", &asked);
    let member = scene.child(|| {
        let mut memory = vec![0_u8; 128 << 20];
        memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        std::hint::black_box(&memory);
        0
    });
    assert_eq!(member.end(), KILLED);
    let small = scene.child(|| 7);
    assert_eq!(small.end(), End::Exited(7));
    let counters = ["memory.oom_control", "memory.events"];
    let counter = scene.knob(Memory, counters).unwrap();
    assert_eq!(veld_kernfs::keyed(&read(&counter), "oom_kill"), Some("1"));
}

pub(crate) fn memory_in_use_is_told_when_it_cannot_be_lowered() {
    let scene = Scene::new("lower", &limits());
    let Some(knob) = scene.v1("memory", "memory.limit_in_bytes") else {
        return;
    };
    let (ready, tell) = rustix::pipe::pipe().unwrap();
    let member = scene.child(move || {
        let memory = vec![1_u8; 32 << 20];
        std::hint::black_box(&memory);
        rustix::io::write(&tell, b"!").unwrap();
        sleep_on()
    });
    wait_for_byte(&ready);
    let asked = Limits {
        memory: Some(4 * MIB),
        swap: Some(0),
        ..limits()
    };
    // Without swap the kernel cannot put it anywhere.
    if read("/proc/swaps".as_ref()).lines().count() == 1 {
        let error = scene.group.apply(&asked, 0).unwrap_err();
        let text = error.to_string();
        let start = format!("cannot write 4194304 to {} while ", knob.display());
        assert!(text.starts_with(&start), "{text}");
        assert!(text.ends_with(" bytes are in use"), "{text}");
        assert_eq!(error.errno(), Some(rustix::io::Errno::BUSY.raw_os_error()));
        assert_eq!(scene.group.effective().unwrap().memory, None);
    }
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
}

pub(crate) fn processes_are_refused_past_the_limit() {
    let asked = Limits {
        processes: Some(5),
        ..limits()
    };
    let scene = Scene::new("few", &asked);
    let member = scene.child(|| {
        for made in 0..20 {
            match process::fork() {
                Ok(Forked::Parent(_)) => {}
                Ok(Forked::Child) => return sleep_on(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return made,
                Err(_) => return 99,
            }
        }
        98
    });
    assert_eq!(member.end(), End::Exited(4));
    assert_eq!(scene.group.effective().unwrap().processes_now, Some(4));
}

pub(crate) fn cpu_time_is_held_back() {
    let asked = Limits {
        cpu_quota_percent: Some(20),
        ..limits()
    };
    let scene = Scene::new("quota", &asked);
    let spin = || {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(600) {}
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        i32::try_from(used.tv_sec * 1000 + used.tv_nsec / 1_000_000).unwrap_or(-1)
    };
    // 120 ms, and what one more slice may overrun.
    let End::Exited(milliseconds) = scene.child(move || spin() / 4).end() else {
        panic!("the child ends by itself");
    };
    let milliseconds = milliseconds * 4;
    assert!((40..=200).contains(&milliseconds), "{milliseconds} ms");
}

pub(crate) fn page_cache_goes_with_the_group() {
    let keeper = Scene::new("keeper", &limits());
    let scene = Scene::new("cache", &limits());
    let knobs = ["memory.usage_in_bytes", "memory.current"];
    let Some(used) = keeper.knob(Memory, knobs) else {
        return;
    };
    let file = used.file_name().unwrap();
    // The parent is charged for what its dead groups still hold.
    let above = used.ancestors().nth(2).unwrap().join(file);
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(scene.group.label());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = path.clone();
    let member = scene.child(move || {
        let mut file = std::fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(file)
            .unwrap();
        file.write_all(&vec![1; 16 << 20]).unwrap();
        file.sync_all().unwrap();
        0
    });
    assert_eq!(member.end(), End::Exited(0));
    let charged: u64 = read(&above).parse().unwrap();
    assert!(charged >= 16 * MIB, "{charged} bytes of cache");
    scene.group.remove(PATIENCE).unwrap();
    let charged: u64 = read(&above).parse().unwrap();
    assert!(charged < 4 * MIB, "{charged} bytes hold a dead group");
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
