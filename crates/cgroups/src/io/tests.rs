//! Shares and rates on plain files of both versions.

use super::*;
use crate::plain::Plain;

const DISK: Device = Device {
    major: 253,
    minor: 0,
};

fn limits(weight: Option<u32>, bytes: Option<u64>, operations: Option<u64>) -> Limits {
    Limits {
        io_weight: weight,
        io_bytes: bytes,
        io_operations: operations,
        io_devices: vec![DISK],
        ..Limits::default()
    }
}

fn effective(plain: &Plain) -> (Option<u32>, Option<u64>, Option<u64>) {
    let mut now = Effective::default();
    read(&plain.place, &mut now).unwrap();
    (now.io_weight, now.io_bytes, now.io_operations)
}

#[test]
fn v2_has_all_rates_of_a_device_in_one_line() {
    let plain = Plain::new(
        Version::V2,
        &[(V2_MAX, ""), (V2_COST, "default 100\n8:0 50\n")],
    );
    let asked = limits(Some(300), Some(1 << 20), None);
    set(&plain.place, &asked, Before::Defaults).unwrap();
    assert_eq!(plain.text(V2_COST), "default 300\n8:0 50\n");
    assert_eq!(
        plain.text(V2_MAX),
        "253:0 rbps=1048576 wbps=1048576 riops=max wiops=max"
    );
    assert_eq!(effective(&plain), (Some(300), Some(1 << 20), None));
}

#[test]
fn v1_has_a_file_for_each_rate() {
    let mut files: Vec<(&str, &str)> = vec![(V1_BFQ, "100\n")];
    files.extend(
        RATES
            .iter()
            .flat_map(|rate| rate.files)
            .map(|file| (file, "")),
    );
    let plain = Plain::new(Version::V1, &files);
    let asked = limits(None, Some(4096), Some(50));
    set(&plain.place, &asked, Before::Defaults).unwrap();
    assert_eq!(plain.text("blkio.throttle.write_bps_device"), "253:0 4096");
    assert_eq!(plain.text("blkio.throttle.read_iops_device"), "253:0 50");
    assert_eq!(effective(&plain), (Some(100), Some(4096), Some(50)));
}

#[test]
fn a_limit_is_lifted_on_every_device_that_has_one() {
    let lines = "8:0 rbps=1 wbps=max";
    let plain = Plain::new(Version::V2, &[(V2_MAX, lines)]);
    set(&plain.place, &limits(None, None, None), Before::Anything).unwrap();
    assert_eq!(
        plain.text(V2_MAX),
        "8:0 rbps=max wbps=max riops=max wiops=max"
    );
    let read_bps = "blkio.throttle.read_bps_device";
    let plain = Plain::new(Version::V1, &[(read_bps, "8:0 7")]);
    assert_eq!(effective(&plain), (None, Some(7), None));
    set(&plain.place, &limits(None, None, None), Before::Anything).unwrap();
    assert_eq!(plain.text(read_bps), "8:0 0");
}

#[test]
fn what_cannot_be_held_is_refused() {
    let plain = Plain::new(Version::V1, &[("g/blkio.throttle.read_bps_device", "")]);
    let here = plain.hierarchy(&["blkio"]);
    let texts = |limits: &Limits| -> Vec<String> {
        let refused = check(Some(&here), limits);
        refused.iter().map(Refusal::to_string).collect()
    };
    assert_eq!(
        texts(&limits(Some(100), Some(1), None)),
        [
            "cannot limit I/O weight to 100: there is no blkio.bfq.weight: \
          the kernel was built without a scheduler that has shares"
        ]
    );
    let nowhere = Limits {
        io_devices: Vec::new(),
        ..limits(Some(5000), None, Some(10))
    };
    assert_eq!(
        texts(&nowhere),
        [
            "cannot limit I/O weight to 5000: it goes from 1 to 1000",
            "cannot limit I/O operations to 10/s: its files are on no block device"
        ]
    );
    assert_eq!(check(None, &limits(Some(1), Some(1), Some(1))).len(), 3);
}
