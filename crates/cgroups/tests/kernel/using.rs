//! What the kernel says that a group uses.

use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use veld_cgroups::Controller;

use crate::scene::{KILLED, Scene, limits, sleep_on, wait_for_byte};

const WORK: Duration = Duration::from_millis(100);
const MEMORY: usize = 8 << 20;

pub(crate) fn a_group_uses_what_its_processes_use() {
    let scene = Scene::new("using", &limits());
    let mut buffer = Vec::new();
    let before = scene.group.usage(&mut buffer);
    let (ready, tell) = rustix::pipe::pipe().unwrap();
    let member = scene.child(move || {
        let held = vec![1_u8; MEMORY];
        let begun = Instant::now();
        while begun.elapsed() < WORK {
            let _ = getrlimit(Resource::Core);
        }
        rustix::io::write(&tell, &held[..1]).unwrap();
        sleep_on()
    });
    wait_for_byte(&ready);
    let now = scene.group.usage(&mut buffer);
    let worked = now.cpu.total_usec.unwrap() - before.cpu.total_usec.unwrap();
    assert!((20_000..10_000_000).contains(&worked), "{worked}");
    let parts = now.cpu.user_usec.unwrap() + now.cpu.system_usec.unwrap();
    assert!(parts <= now.cpu.total_usec.unwrap() + 20_000, "{now:?}");
    let missing = scene.host.missing();
    if !missing.contains(&Controller::Memory) {
        let grown = now.memory.used.unwrap() - before.memory.used.unwrap();
        assert!(grown >= MEMORY as u64, "{grown}");
        assert!(now.memory.file.is_some() && now.memory.kernel.is_some());
        assert_eq!((now.memory.limit, now.memory.oom_kills), (None, Some(0)));
    }
    if !missing.contains(&Controller::Pids) {
        assert_eq!((before.processes, now.processes), (Some(0), Some(1)));
    }
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
    let gone = scene.host.group("veld-test-none", "gone");
    assert_eq!(gone.usage(&mut buffer), Default::default());
}
