//! `veld net list`: the interfaces of all VEs.

use veld_supervisor::{Host, connections};

use super::view::{self, HEADER};
use crate::cli::NetList;
use crate::report::{self, Failed};
use crate::{json, output, table};

pub(super) fn run(host: &Host, list: &NetList) -> Result<(), Failed> {
    let (connections, wrong) = connections(host)?;
    let shown = connections
        .iter()
        .filter(|connection| list.all || connection.is_running);
    if list.json {
        let all: Vec<view::Ve> = shown.map(view::Ve::new).collect();
        json::print(&all)?;
    } else {
        let header = HEADER.map(str::to_owned).to_vec();
        let rows = shown.flat_map(view::rows);
        let lines: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
        output::print(&table::render(&lines))?;
    }
    for error in &wrong {
        error.lines().iter().for_each(|line| report::line(line));
    }
    Failed::reported_if(!wrong.is_empty())
}
