//! Memory and swap limits on plain files of both versions.

use super::*;
use crate::plain::Plain;

const V1_NONE: &str = "9223372036854771712\n";

fn limits(memory: Option<u64>, swap: Option<u64>) -> Limits {
    Limits {
        memory,
        swap,
        ..Limits::default()
    }
}

fn effective(plain: &Plain) -> (Option<u64>, Option<u64>, Option<u64>) {
    let mut now = Effective::default();
    read(&plain.place, &mut now).unwrap();
    (now.memory, now.swap, now.memory_used)
}

#[test]
fn v2_swap_is_swap_alone() {
    let plain = Plain::new(
        Version::V2,
        &[(V2_MEMORY, ""), (V2_SWAP, ""), ("memory.current", "4096\n")],
    );
    set(
        &plain.place,
        &limits(Some(8192), Some(512)),
        Before::Defaults,
    )
    .unwrap();
    assert_eq!(plain.text(V2_MEMORY), "8192");
    assert_eq!(plain.text(V2_SWAP), "512");
    assert_eq!(effective(&plain), (Some(8192), Some(512), Some(4096)));
}

#[test]
fn v2_limits_are_lifted_where_there_are_knobs() {
    let plain = Plain::new(Version::V2, &[(V2_MEMORY, "123")]);
    set(&plain.place, &limits(None, None), Before::Anything).unwrap();
    assert_eq!(effective(&plain), (None, None, None));
    let refused = set(&plain.place, &limits(None, Some(1)), Before::Anything).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::NotFound);
}

#[test]
fn v1_swap_is_added_to_the_memory() {
    let plain = Plain::new(
        Version::V1,
        &[(V1_MEMORY, ""), (V1_SUM, ""), (V1_USE, "4096\n")],
    );
    set(
        &plain.place,
        &limits(Some(8192), Some(512)),
        Before::Defaults,
    )
    .unwrap();
    assert_eq!(plain.text(V1_MEMORY), "8192");
    assert_eq!(plain.text(V1_SUM), "8704");
    assert_eq!(effective(&plain), (Some(8192), Some(512), Some(4096)));
}

#[test]
fn v1_bounds_sockets_by_a_quarter_of_the_memory_where_it_counts_them() {
    let plain = Plain::new(Version::V1, &[(V1_MEMORY, ""), (V1_SOCKETS, "")]);
    let set = |memory| set(&plain.place, &limits(memory, None), Before::Anything);
    set(Some(65536)).unwrap();
    assert_eq!(plain.text(V1_SOCKETS), "16384");
    plain.put(V1_SOCKETS, "");
    set(None).unwrap();
    assert_eq!(plain.text(V1_SOCKETS), "-1");
    let without = Plain::new(Version::V1, &[(V1_MEMORY, "")]);
    super::set(&without.place, &limits(Some(65536), None), Before::Defaults).unwrap();
    assert!(!without.place.path(V1_SOCKETS).exists());
}

#[test]
fn v1_without_a_limit_reads_as_none() {
    let plain = Plain::new(
        Version::V1,
        &[(V1_MEMORY, V1_NONE), (V1_SUM, V1_NONE), (V1_USE, "0\n")],
    );
    assert_eq!(effective(&plain), (None, None, Some(0)));
}

#[test]
fn v1_without_swap_accounting_takes_memory_alone() {
    let plain = Plain::new(Version::V1, &[(V1_MEMORY, "")]);
    set(&plain.place, &limits(Some(4096), None), Before::Anything).unwrap();
    assert_eq!(plain.text(V1_MEMORY), "4096");
    let here = plain.hierarchy(&["memory"]);
    let refused = check(Some(&here), &limits(Some(4096), Some(1)));
    assert_eq!(refused.len(), 1);
    assert_eq!(
        refused[0].to_string(),
        "cannot limit swap to 1: there is no memory.memsw.limit_in_bytes: \
         the kernel counts no swap (built without, or booted with swapaccount=0)"
    );
}

#[test]
fn v1_refuses_swap_without_memory_and_v2_does_not() {
    let v1 = Plain::new(Version::V1, &[(V1_MEMORY, ""), (V1_SUM, "")]);
    let refused = check(Some(&v1.hierarchy(&["memory"])), &limits(None, Some(512)));
    assert_eq!(
        refused[0].to_string(),
        "cannot limit swap to 512: memory.memsw.limit_in_bytes of cgroup v1 \
         bounds memory and swap together, and memory has no limit"
    );
    let v2 = Plain::new(
        Version::V2,
        &[
            ("system.slice/memory.max", ""),
            ("system.slice/memory.swap.max", ""),
        ],
    );
    assert_eq!(
        check(Some(&v2.hierarchy(&["memory"])), &limits(None, Some(512))),
        []
    );
}

#[test]
fn v2_without_swap_accounting_is_seen_in_a_neighbour() {
    let v2 = Plain::new(Version::V2, &[("system.slice/memory.max", "")]);
    let refused = check(Some(&v2.hierarchy(&["memory"])), &limits(None, Some(512)));
    assert!(refused[0].reason.starts_with("there is no memory.swap.max"));
}

#[test]
fn an_absent_controller_refuses_both() {
    let refused = check(None, &limits(Some(4096), Some(512)));
    assert_eq!(refused.len(), 2);
    assert!(refused[0].to_string().contains("memory.limit_in_bytes"));
    assert!(refused[1].to_string().contains("memory.swap.max"));
}

#[test]
fn only_charged_memory_is_emptied() {
    let v1 = Plain::new(Version::V1, &[(V1_USE, "0\n"), ("memory.force_empty", "")]);
    empty(&v1.place);
    assert_eq!(v1.text("memory.force_empty"), "");
    v1.put(V1_USE, "8192\n");
    empty(&v1.place);
    assert_eq!(v1.text("memory.force_empty"), "8192");
    let v2 = Plain::new(
        Version::V2,
        &[("memory.current", "4096\n"), ("memory.reclaim", "")],
    );
    empty(&v2.place);
    assert_eq!(v2.text("memory.reclaim"), "4096");
}
