//! The order and the columns of the list.

use super::*;
use crate::samples::{at, stopped, up};

/// Three VEs that every column but `onboot` and `status` orders differently from
/// their names: b, c, a in most.
fn three() -> Vec<Summary> {
    let mut ves = vec![up("a", 103), up("b", 101), up("c", 102)];
    let set = [
        (3_u8, "10.0.0.30", 30, 10),
        (1, "10.0.0.4", 10, 30),
        (2, "10.0.0.20", 20, 20),
    ];
    for (ve, (number, ip, pid, started)) in ves.iter_mut().zip(set) {
        let config = ve.config.as_mut().unwrap();
        config.template = format!("t{number}").parse().unwrap();
        config.hostname = format!("h{number}").parse().unwrap();
        config.network.first.ip = vec![ip.parse().unwrap()];
        ve.pid = Some(pid);
        ve.started = Some(at(started));
        ve.since = Some(at(started));
        ve.snapshots = usize::from(number);
        ve.disk.disk = Some(u64::from(number) << 30);
    }
    ves[0].config.as_mut().unwrap().onboot = false;
    ves[1].phase = Phase::Booting;
    ves[2].phase = Phase::Stopping;
    ves
}

fn sorted(order: &str) -> String {
    let mut ves = three();
    order.parse::<Order>().unwrap().sort(&mut ves);
    ves.iter().map(|ve| ve.name.as_str()).collect()
}

#[test]
fn every_column_has_an_order_and_its_reverse() {
    for (column, names) in [
        ("name", "abc"),
        ("id", "bca"),
        ("status", "bca"), // booting, stopping, up
        ("ip", "bca"),     // as numbers: 4, 20, 30
        ("template", "bca"),
        ("hostname", "bca"),
        ("pid", "bca"),
        ("since", "bca"),  // the last that changed is first
        ("uptime", "bca"), // the last started is up the shortest
        ("snapshots", "bca"),
        ("disk", "bca"),
    ] {
        assert_eq!(sorted(column), names, "{column}");
        let reverse: String = names.chars().rev().collect();
        assert_eq!(sorted(&format!("-{column}")), reverse, "-{column}");
    }
    assert_eq!(
        Column::value_variants().len(),
        12,
        "each is in a table here"
    );
}

#[test]
fn those_that_are_equal_stay_in_the_order_of_their_names() {
    assert_eq!(sorted("onboot"), "abc");
    assert_eq!(sorted("-onboot"), "bca");
}

#[test]
fn what_a_ve_does_not_have_comes_first() {
    let mut ves = vec![up("a", 101), stopped("b", 102)];
    "pid".parse::<Order>().unwrap().sort(&mut ves);
    assert_eq!(ves[0].name.as_str(), "b");
}

#[test]
fn a_column_that_there_is_not_is_answered_with_those_that_there_are() {
    for (text, quoted) in [
        ("x", "\"x\""),
        ("-x", "\"-x\""),
        ("", "\"\""),
        ("Name", "\"Name\""),
    ] {
        assert_eq!(
            text.parse::<Order>().unwrap_err(),
            format!(
                "{quoted} is not a column: allowed are name, id, status, since, ip, template, hostname, pid, uptime, onboot, snapshots, disk"
            )
        );
    }
}

#[test]
fn columns_come_as_they_were_asked_for_with_or_without_a_header() {
    let ves = [up("a", 103), stopped("b", 1)];
    let columns = [
        Column::Id,
        Column::Pid,
        Column::Name,
        Column::Ip,
        Column::Onboot,
    ];
    assert_eq!(
        table(&columns, true, &ves),
        "ID   PID   NAME  IP            ONBOOT\n\
         103  4000  a     10.117.0.101  yes\n\
         1    -     b     -             no\n"
    );
    assert_eq!(table(&[Column::Name], false, &ves), "a\nb\n");
    assert_eq!(table(&USUAL, true, &[]), "NAME  ID  STATUS  IP  TEMPLATE\n");
    assert_eq!(table(&USUAL, false, &[]), "");
}

#[test]
fn a_ve_with_something_wrong_is_listed_with_what_it_is() {
    let mut broken = up("a", 101);
    broken.config = Err("FILE:1: bad".to_owned());
    let mut unwatched = up("b", 102);
    unwatched.watched = false;
    let columns = [
        Column::Name,
        Column::Status,
        Column::Template,
        Column::Hostname,
        Column::Onboot,
    ];
    assert_eq!(
        table(&columns, false, &[broken, unwatched]),
        "a  up, config broken  -       -  -\n\
         b  up, no shim        debian  b  yes\n"
    );
    let mut hostile = stopped("c", 1);
    hostile.status = Some("\u{1b}[2J".to_owned());
    assert_eq!(table(&[Column::Uptime], false, &[hostile]), "-\n");
}
