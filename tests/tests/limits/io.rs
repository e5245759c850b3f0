//! Reading and writing of the disk that VEs are on.

use serde_json::json;
use veld_tests::{Cgroup, Disk, Ve, host};

/// A megabyte, as rates are counted in.
const MIB: f64 = 1_048_576.0;

#[test]
fn bytes_a_second_are_held_changed_and_lifted() {
    let Some(disk) = Disk::new("ext4") else {
        return;
    };
    let mut host = host!();
    host.keep_data_in(&disk.data());
    let ve = host.ve("web1").with(["--iolimit", "10M"]).start();
    assert_eq!(rates(&ve.group(), &disk), [Some(10 << 20), None]);
    is_held(&ve, "write at 10M", 10.0 * MIB, &write(30));
    is_held(&ve, "read at 10M", 10.0 * MIB, &read(30));
    ve.veld("set", ["iolimit=20M"]).done();
    assert_eq!(rates(&ve.group(), &disk), [Some(20 << 20), None]);
    assert_eq!(
        ve.show()["kernel"]["io_limit_bytes_per_second"],
        json!(20 << 20)
    );
    is_held(&ve, "write at 20M", 20.0 * MIB, &write(60));
    ve.veld("set", ["iolimit="]).done();
    assert_eq!(rates(&ve.group(), &disk), [None, None]);
    let free = write(60).rate(&ve);
    assert!(
        free > 25.0 * MIB,
        "{free:.0} bytes a second without a limit"
    );
}

#[test]
fn operations_a_second_are_held_changed_and_lifted() {
    let Some(disk) = Disk::new("ext4") else {
        return;
    };
    let mut host = host!();
    host.keep_data_in(&disk.data());
    let ve = host.ve("web1").start();
    // So few that the slowest disk does several times as many.
    ve.veld("set", ["iopslimit=50"]).done();
    assert_eq!(rates(&ve.group(), &disk), [None, Some(50)]);
    let expected = 50.0 * 4096.0;
    is_held(&ve, "50 operations", expected, &pieces(150));
    ve.veld("set", ["iopslimit=100"]).done();
    is_held(&ve, "100 operations", 2.0 * expected, &pieces(300));
    ve.veld("set", ["iopslimit="]).done();
    assert_eq!(rates(&ve.group(), &disk), [None, None]);
    let free = pieces(600).rate(&ve);
    assert!(
        free > 3.0 * expected,
        "{free:.0} bytes a second without a limit"
    );
}

#[test]
fn both_rates_are_set_in_one_and_for_one_run() {
    let Some(disk) = Disk::new("ext4") else {
        return;
    };
    let mut host = host!();
    host.keep_data_in(&disk.data());
    let ve = host.ve("web1").with(["--iolimit", "50M"]).start();
    ve.veld("set", ["iopslimit=1000", "--runtime"]).done();
    assert_eq!(rates(&ve.group(), &disk), [Some(50 << 20), Some(1000)]);
    ve.veld("set", ["iolimit="]).done();
    assert_eq!(rates(&ve.group(), &disk), [None, Some(1000)]);
    ve.stop();
    ve.start();
    assert_eq!(rates(&ve.group(), &disk), [None, None]);
}

#[test]
fn the_device_of_a_file_system_without_a_number_of_its_own_is_found() {
    let Some(disk) = Disk::new("btrfs") else {
        return;
    };
    let mut host = host!();
    host.keep_data_in(&disk.data());
    let ve = host.ve("web1").with(["--iolimit", "10M"]).start();
    assert_eq!(rates(&ve.group(), &disk), [Some(10 << 20), None]);
    is_held(&ve, "write at 10M", 10.0 * MIB, &write(30));
}

#[test]
fn a_rate_without_a_device_is_refused() {
    let mut host = host!();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    host.keep_data_in(memory.path());
    let ve = host.ve("web1").create();
    ve.veld("set", ["iolimit=10M"]).fails(
        1,
        "veld: web1: cannot set: cannot limit I/O rate to 10M/s: its files are on no block device",
    );
    ve.destroy();
    host.keep_data_in(&host.directory().join("data"));
}

#[test]
fn a_share_of_the_disk_counts_under_a_scheduler_that_has_shares() {
    let Some(disk) = Disk::new("ext4") else {
        return;
    };
    if !disk.schedule("bfq") {
        return;
    }
    let mut host = host!();
    host.keep_data_in(&disk.data());
    let large = host.ve("large").with(["--ioweight", "900"]).start();
    let small = host.ve("small").with(["--ioweight", "100"]).start();
    let [mut most, mut least] = [&large, &small].map(|ve| {
        ve.sh("dd if=/dev/zero of=/root/file oflag=direct bs=1M count=16 2>/dev/null")
            .done();
        let forever = "while :; do dd if=/root/file of=/dev/null iflag=direct bs=64k; done";
        ve.exec_cmd([""; 0], ["sh", "-c", forever]).spawn()
    });
    std::thread::sleep(std::time::Duration::from_secs(1));
    let before = [&large, &small].map(|ve| served(ve, &disk));
    std::thread::sleep(std::time::Duration::from_secs(3));
    let after = [&large, &small].map(|ve| served(ve, &disk));
    most.kill();
    least.kill();
    let [large, small] = [0, 1].map(|at| after[at] - before[at]);
    // Nine times as much where the disk is all that they wait for.
    assert!(large > small + small / 4, "{large} against {small} bytes");
}

/// Bytes that the group has read and written of the disk.
fn served(ve: &Ve<'_>, disk: &Disk) -> u64 {
    let files = ["io.stat", "blkio.bfq.io_service_bytes"];
    let text = ve.group().knob(&files).unwrap();
    let numbers = disk.numbers();
    let mut sum = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix(&numbers)) {
        let words = line.split_ascii_whitespace();
        let v2 = words.clone().filter_map(|word| {
            let (key, value) = word.split_once('=')?;
            matches!(key, "rbytes" | "wbytes").then(|| value.parse::<u64>().unwrap())
        });
        sum += v2.sum::<u64>();
        if line.starts_with(" Read ") || line.starts_with(" Write ") {
            sum += words.last().unwrap().parse::<u64>().unwrap();
        }
    }
    sum
}

/// Bytes and operations a second that the kernel holds for the disk, reads and
/// writes alike.
fn rates(group: &Cgroup, disk: &Disk) -> [Option<u64>; 2] {
    let numbers = disk.numbers();
    let of_v1 = |what: &str| {
        let [read, write] = ["read", "write"].map(|way| {
            let text = group.knob(&[&format!("blkio.throttle.{way}_{what}_device")])?;
            let line = text.lines().find_map(|line| line.strip_prefix(&numbers))?;
            line.trim().parse::<u64>().ok()
        });
        assert_eq!(read, write);
        read
    };
    let of_v2 = |text: &str, words: [&str; 2]| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&numbers))
            .unwrap_or_default();
        let [read, write] = words.map(|word| {
            let mut words = line.split(' ').filter_map(|it| it.split_once('='));
            words.find(|(key, _)| *key == word)?.1.parse::<u64>().ok()
        });
        assert_eq!(read, write);
        read
    };
    match group.knob(&["io.max"]) {
        Some(text) => [
            of_v2(&text, ["rbps", "wbps"]),
            of_v2(&text, ["riops", "wiops"]),
        ],
        None => ["bps", "iops"].map(of_v1),
    }
}

/// What dd is told, and how many bytes that is.
struct Copy {
    operands: String,
    bytes: u64,
}

fn write(megabytes: u32) -> Copy {
    Copy {
        operands: "if=/dev/zero of=/root/file oflag=direct conv=notrunc bs=1M".to_owned(),
        bytes: u64::from(megabytes) << 20,
    }
    .count(1 << 20)
}

fn read(megabytes: u32) -> Copy {
    Copy {
        operands: "if=/root/file of=/dev/null iflag=direct bs=1M".to_owned(),
        bytes: u64::from(megabytes) << 20,
    }
    .count(1 << 20)
}

/// Pieces of 4 KiB, each an operation.
fn pieces(count: u32) -> Copy {
    Copy {
        operands: "if=/dev/zero of=/root/few oflag=direct conv=notrunc bs=4096".to_owned(),
        bytes: u64::from(count) * 4096,
    }
    .count(4096)
}

impl Copy {
    fn count(self, size: u64) -> Self {
        let operands = format!("{} count={}", self.operands, self.bytes / size);
        Self { operands, ..self }
    }

    /// Bytes a second, by a clock inside.
    fn rate(&self, ve: &Ve<'_>) -> f64 {
        let script = "read before _ </proc/uptime; dd \"$@\" 2>/dev/null || exit; \
                      read after _ </proc/uptime; echo $before $after";
        let words = ["sh", "-c", script, "sh"].into_iter();
        let output = ve.exec(words.chain(self.operands.split(' '))).ok();
        let mut times = output
            .line()
            .split(' ')
            .map(|time| time.parse::<f64>().unwrap());
        let (before, after) = (times.next().unwrap(), times.next().unwrap());
        let bytes = u32::try_from(self.bytes).unwrap();
        // The clock tells hundredths.
        f64::from(bytes) / (after - before).max(0.01)
    }
}

/// The rate, within 10 %. A busy machine may be slower, not faster.
fn is_held(ve: &Ve<'_>, what: &str, limit: f64, copy: &Copy) {
    let mut best = 0.0_f64;
    for _ in 0..4 {
        let found = copy.rate(ve);
        assert!(found <= 1.1 * limit, "{what}: {found:.0} bytes a second");
        best = best.max(found);
        if best >= 0.9 * limit {
            return;
        }
    }
    panic!("{what}: never more than {best:.0} bytes a second");
}
