//! The table and the schema, of made-up VEs.

use std::time::{Duration, Instant};

use veld_network::Counters;
use veld_supervisor::{DiskUsage, Phase, Pressure, Stall, Usage};

use super::*;
use crate::samples::at;

/// A VE of which everything is known.
pub(crate) fn busy(name: &str, clock: Instant) -> Sample {
    let mut usage = Usage::default();
    usage.cpu.total_usec = Some(61_500_000);
    usage.cpu.user_usec = Some(60_000_000);
    usage.cpu.system_usec = Some(1_500_000);
    usage.cpu.periods = Some(100);
    usage.cpu.throttled_periods = Some(3);
    usage.cpu.throttled_usec = Some(250_000);
    usage.memory.used = Some(208_236_544);
    usage.memory.limit = Some(512 << 20);
    usage.memory.anon = Some(100 << 20);
    usage.memory.file = Some(90 << 20);
    usage.memory.shmem = Some(1 << 20);
    usage.memory.kernel = Some(8 << 20);
    usage.memory.sock = Some(4096);
    usage.memory.swap = Some(0);
    usage.memory.oom_kills = Some(2);
    usage.io.read_bytes = Some(5 << 30);
    usage.io.written_bytes = Some(1536);
    usage.io.reads = Some(7);
    usage.io.writes = Some(1);
    usage.processes = Some(12);
    let mut some = Stall::default();
    some.avg10_percent = 1.5;
    some.avg60_percent = 0.25;
    some.total_usec = 9000;
    let mut pressure = Pressure::default();
    pressure.some = some;
    usage.pressure.cpu = Some(pressure);
    Sample {
        name: name.parse().unwrap(),
        id: Some(101),
        phase: Phase::Up,
        init_pid: 4000,
        started: at(0),
        at: at(90),
        clock,
        usage,
        disk: DiskUsage {
            disk: Some(3 << 30),
            disk_limit: Some(10 << 30),
            inodes: Some(1234),
            inode_limit: None,
        },
        traffic: Some(crate::samples::account()),
        network: Some(Counters {
            received_bytes: 1_000_000,
            received_packets: 900,
            sent_bytes: 2048,
            sent_packets: 20,
        }),
    }
}

/// A VE of which this host tells nothing.
pub(crate) fn silent(name: &str, clock: Instant) -> Sample {
    Sample {
        id: None,
        usage: Usage::default(),
        disk: DiskUsage::default(),
        network: None,
        ..busy(name, clock)
    }
}

fn cells(row: &Row<'_>, columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| column.cell(row)).collect()
}

#[test]
fn a_line_says_what_a_ve_uses() {
    let now = Instant::now();
    let before = busy("web1", now);
    let mut later = busy("web1", now + Duration::from_secs(1));
    later.usage.cpu.total_usec = Some(62_000_000);
    let row = Row {
        sample: &later,
        rates: Rates::between(&before, &later),
        host_memory: Some(1 << 30),
    };
    let expected = [
        "web1", "up", "50.0", "198M", "512M", "38.8", "0", "100M", "90.0M", "8.0M", "5.0G", "1.5K",
        "976K", "2.0K", "12", "1.5", "-",
    ];
    assert_eq!(cells(&row, &USUAL), expected);
    let more = [
        Column::CpuTime,
        Column::Throttled,
        Column::Oom,
        Column::Sock,
        Column::RxPackets,
        Column::Disk,
        Column::DiskLimit,
        Column::Inodes,
    ];
    let expected = ["1m2s", "0.25s", "2", "4.0K", "900", "3.0G", "10.0G", "1234"];
    assert_eq!(cells(&row, &more), expected);
    let nothing = silent("web2", now);
    let row = Row {
        sample: &nothing,
        rates: Rates::default(),
        host_memory: None,
    };
    let cells = cells(&row, &USUAL);
    assert_eq!(cells[..2], ["web2", "up"]);
    assert!(cells[2..].iter().all(|cell| cell == "-"), "{cells:?}");
}

#[test]
fn the_usual_columns_fit() {
    let now = Instant::now();
    let sample = busy("a-name-of-20-letters", now);
    let row = Row {
        sample: &sample,
        rates: Rates::default(),
        host_memory: None,
    };
    let header: Vec<String> = USUAL.iter().map(|column| column.header()).collect();
    let text = table::render(&[header, cells(&row, &USUAL)]);
    let widest = text.lines().map(str::len).max().unwrap();
    assert!(widest <= 140, "{widest}: {text}");
}

#[test]
fn numbers_are_sorted_as_numbers() {
    let now = Instant::now();
    let (mut a, b, mut c) = (busy("a", now), silent("b", now), busy("c", now));
    a.usage.memory.used = Some(9 << 20);
    c.usage.memory.used = Some(100);
    let row = |sample| Row {
        sample,
        rates: Rates::default(),
        host_memory: None,
    };
    let mut rows = [row(&a), row(&b), row(&c)];
    let names = |rows: &[Row<'_>]| -> String {
        rows.iter().map(|row| row.sample.name.to_string()).collect()
    };
    "mem".parse::<Order>().unwrap().sort(&mut rows);
    assert_eq!(names(&rows), "bca");
    "-mem".parse::<Order>().unwrap().sort(&mut rows);
    assert_eq!(names(&rows), "acb");
    "-name".parse::<Order>().unwrap().sort(&mut rows);
    assert_eq!(names(&rows), "cba");
    let refused = "nonsense".parse::<Order>().unwrap_err();
    let head = "\"nonsense\" is not a column: allowed are name, id, status, uptime, cpu%, ";
    assert!(refused.starts_with(head), "{refused}");
}

#[test]
fn a_block_on_a_terminal_is_cut_to_it() {
    let text = "NAME  MEM\nweb1  1\nweb2  2\n";
    assert_eq!(
        in_place(text, 5, 3),
        "\x1b[HNAME \x1b[K\nweb1 \x1b[K\n\x1b[J"
    );
    assert!(in_place(text, 0, 0).contains("web2  2\x1b[K\n"));
}

const SCHEMA: &str = r#"{
  "name": "web1",
  "id": 101,
  "status": "up",
  "init_pid": 4000,
  "started_unix_seconds": 1700000000.25,
  "sampled_unix_seconds": 1700000090.25,
  "cpu": {
    "usage_usec": 61500000,
    "user_usec": 60000000,
    "system_usec": 1500000,
    "periods_total": 100,
    "throttled_periods_total": 3,
    "throttled_usec": 250000
  },
  "memory": {
    "used_bytes": 208236544,
    "limit_bytes": 536870912,
    "anon_bytes": 104857600,
    "file_bytes": 94371840,
    "shmem_bytes": 1048576,
    "kernel_bytes": 8388608,
    "sock_bytes": 4096,
    "swap_bytes": 0,
    "oom_kills_total": 2
  },
  "io": {
    "read_bytes": 5368709120,
    "written_bytes": 1536,
    "reads_total": 7,
    "writes_total": 1
  },
  "disk": {
    "used_bytes": 3221225472,
    "limit_bytes": 10737418240,
    "inodes": 1234,
    "inodes_limit": null
  },
  "network": {
    "received_bytes": 1000000,
    "received_packets_total": 900,
    "sent_bytes": 2048,
    "sent_packets_total": 20
  },
  "traffic": {
    "month": "2023-11",
    "used_up": false,
    "this_month": {
      "received_bytes": 3221225472,
      "received_packets": 3000000,
      "sent_bytes": 1073741824,
      "sent_packets": 1000000
    },
    "last_month": {
      "received_bytes": 0,
      "received_packets": 0,
      "sent_bytes": 0,
      "sent_packets": 0
    },
    "total": {
      "received_bytes": 3221225472,
      "received_packets": 3000000,
      "sent_bytes": 1073741824,
      "sent_packets": 1000000
    }
  },
  "processes": 12,
  "pressure": {
    "cpu": {
      "some": {
        "avg10_percent": 1.5,
        "avg60_percent": 0.25,
        "total_usec": 9000
      },
      "full": null
    },
    "memory": null,
    "io": null
  }
}"#;

#[test]
fn the_schema_is_stable() {
    let now = Instant::now();
    let shown = json::of(&[busy("web1", now)]);
    assert_eq!(serde_json::to_string_pretty(&shown[0]).unwrap(), SCHEMA);
    let silent = serde_json::to_value(&json::of(&[silent("web2", now)])[0]).unwrap();
    let all: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    for part in ["cpu", "memory", "io"] {
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value[part].as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&silent), keys(&all), "{part}");
        let values = silent[part].as_object().unwrap().values();
        assert!(values.into_iter().all(serde_json::Value::is_null));
    }
}
