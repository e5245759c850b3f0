//! What is read, on trees of plain files.

use veld_kernfs::mountinfo;

use super::*;
use crate::host::Host;
use crate::plain::Plain;

const PRESSURE: &str = "some avg10=1.50 avg60=0.25 avg300=0.00 total=12345\n\
                        full avg10=0.00 avg60=0.10 avg300=0.00 total=99\n";

/// The use of group `p/n` below the mounts that this table names.
fn usage(table: &str) -> Usage {
    let host = Host::from_mounts(&mountinfo::parse(table), "0").unwrap();
    let mut buffer = Vec::new();
    let group = host.group("p", "n");
    let first = group.usage(&mut buffer);
    // A buffer that others have used makes no difference.
    buffer.fill(b'7');
    assert_eq!(group.usage(&mut buffer), first);
    first
}

fn line(plain: &Plain, fs_type: &str, options: &str) -> String {
    let dir = plain.dir.path().display();
    format!("30 1 0:1 / {dir} rw - {fs_type} cgroup rw{options}\n")
}

fn v2() -> Plain {
    Plain::new(
        Version::V2,
        &[
            ("cgroup.controllers", "cpuset cpu io memory pids\n"),
            (
                "p/n/cpu.stat",
                "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 7\nnr_throttled 2\nthrottled_usec 3\n",
            ),
            ("p/n/memory.current", "1000\n"),
            ("p/n/memory.max", "max\n"),
            (
                "p/n/memory.stat",
                "anon 1\nfile 2\nkernel 3\nkernel_stack 8\nsock 4\nshmem 5\nfile_mapped 6\n",
            ),
            ("p/n/memory.swap.current", "7\n"),
            (
                "p/n/memory.events",
                "low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
            ),
            (
                "p/n/io.stat",
                "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:16 rbytes=10 wbytes=20 rios=30 wios=40\n",
            ),
            ("p/n/pids.current", "6\n"),
            ("p/n/ve/pids.current", "5\n"),
            ("p/n/cpu.pressure", PRESSURE),
            ("p/n/io.pressure", "some avg10=x\n"),
        ],
    )
}

#[test]
fn v2_tells_all_in_its_files() {
    let plain = v2();
    let found = usage(&line(&plain, "cgroup2", ""));
    let cpu = CpuUsage {
        total_usec: Some(9),
        user_usec: Some(5),
        system_usec: Some(4),
        periods: Some(7),
        throttled_periods: Some(2),
        throttled_usec: Some(3),
    };
    let memory = MemoryUsage {
        used: Some(1000),
        limit: None,
        anon: Some(1),
        file: Some(2),
        shmem: Some(5),
        kernel: Some(3),
        sock: Some(4),
        swap: Some(7),
        oom_kills: Some(2),
    };
    let io = IoUsage {
        read_bytes: Some(11),
        written_bytes: Some(22),
        reads: Some(33),
        writes: Some(44),
    };
    assert_eq!((found.cpu, found.memory, found.io), (cpu, memory, io));
    assert_eq!(found.processes, Some(5), "the shim is beside them");
    let some = Stall {
        avg10_percent: 1.5,
        avg60_percent: 0.25,
        total_usec: 12345,
    };
    let waited = found.pressure.cpu.unwrap();
    assert_eq!(waited.some, some);
    assert_eq!(waited.full.unwrap().total_usec, 99);
    assert_eq!((found.pressure.memory, found.pressure.io), (None, None));
    plain.put("p/n/memory.max", "4096\n");
    plain.put("p/n/memory.stat", "anon 1\nkernel_stack 8\nslab 9\n");
    let older = usage(&line(&plain, "cgroup2", ""));
    assert_eq!(older.memory.kernel, Some(17));
    assert_eq!((older.memory.limit, older.memory.sock), (Some(4096), None));
}

fn v1() -> Plain {
    Plain::new(
        Version::V1,
        &[
            ("p/n/cpuacct.usage", "9999\n"),
            ("p/n/cpuacct.usage_user", "5000\n"),
            ("p/n/cpuacct.usage_sys", "4000\n"),
            (
                "p/n/cpu.stat",
                "nr_periods 7\nnr_throttled 2\nthrottled_time 3000\n",
            ),
            ("p/n/memory.usage_in_bytes", "1000\n"),
            ("p/n/memory.kmem.usage_in_bytes", "3\n"),
            ("p/n/memory.kmem.tcp.usage_in_bytes", "4\n"),
            (
                "p/n/memory.stat",
                "cache 0\nrss 0\nhierarchical_memory_limit 9223372036854771712\ntotal_cache 2\ntotal_rss 1\ntotal_shmem 5\ntotal_swap 7\n",
            ),
            (
                "p/n/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            ),
            (
                "p/n/blkio.throttle.io_service_bytes_recursive",
                "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\n8:16 Read 10\n8:16 Write 20\nTotal 33\n",
            ),
            (
                "p/n/blkio.throttle.io_serviced_recursive",
                "8:0 Read 3\n8:0 Write 4\nTotal 7\n",
            ),
            ("p/n/pids.current", "5\n"),
        ],
    )
}

#[test]
fn v1_tells_the_same_but_for_pressure() {
    let plain = v1();
    let options = ",cpu,cpuacct,memory,blkio,pids";
    let found = usage(&line(&plain, "cgroup", options));
    assert_eq!(found.cpu.total_usec, Some(9));
    assert_eq!(
        (found.cpu.user_usec, found.cpu.system_usec),
        (Some(5), Some(4))
    );
    assert_eq!(found.cpu.throttled_periods, Some(2));
    assert_eq!(found.cpu.throttled_usec, Some(3));
    assert_eq!((found.memory.used, found.memory.limit), (Some(1000), None));
    assert_eq!((found.memory.anon, found.memory.file), (Some(1), Some(2)));
    assert_eq!((found.memory.kernel, found.memory.sock), (Some(3), Some(4)));
    assert_eq!((found.memory.shmem, found.memory.swap), (Some(5), Some(7)));
    assert_eq!(found.memory.oom_kills, Some(2));
    assert_eq!(
        (found.io.read_bytes, found.io.written_bytes),
        (Some(11), Some(22))
    );
    assert_eq!((found.io.reads, found.io.writes), (Some(3), Some(4)));
    assert_eq!(found.processes, Some(5));
    assert_eq!(found.pressure, PressureUsage::default());
}

#[test]
fn a_bare_v2_tree_beside_v1_tells_cpu_time_and_pressure() {
    let v1 = v1();
    let v2 = Plain::new(
        Version::V2,
        &[
            ("cgroup.controllers", "hugetlb\n"),
            (
                "p/n/cpu.stat",
                "usage_usec 77\nuser_usec 70\nsystem_usec 7\n",
            ),
            ("p/n/memory.pressure", PRESSURE),
        ],
    );
    let options = ",cpu,cpuacct,memory,blkio,pids";
    let table = line(&v1, "cgroup", options) + &line(&v2, "cgroup2", "");
    let found = usage(&table);
    assert_eq!(found.cpu.total_usec, Some(77));
    assert_eq!(found.cpu.throttled_usec, Some(3));
    assert_eq!(found.memory.used, Some(1000));
    assert_eq!(found.pressure.memory.unwrap().some.total_usec, 12345);
}

#[test]
fn nothing_is_known_of_a_group_that_is_gone_or_makes_no_sense() {
    let plain = Plain::new(Version::V2, &[("cgroup.controllers", "memory pids io\n")]);
    let table = line(&plain, "cgroup2", "");
    assert_eq!(usage(&table), Usage::default());
    for file in ["cpu.stat", "memory.stat", "memory.current", "pids.current"] {
        plain.put(&format!("p/n/{file}"), "\u{fffd} x -1\n\n=");
    }
    assert_eq!(usage(&table), Usage::default());
}

#[test]
fn a_file_longer_than_the_buffer_is_read_whole() {
    let plain = Plain::new(Version::V2, &[("cgroup.controllers", "io\n")]);
    let lines = (0..2000).map(|disk| format!("8:{disk} rbytes=1 wbytes=2 rios=1 wios=1\n"));
    plain.put("p/n/io.stat", &lines.collect::<String>());
    let found = usage(&line(&plain, "cgroup2", ""));
    assert_eq!(
        (found.io.read_bytes, found.io.written_bytes),
        (Some(2000), Some(4000))
    );
}
