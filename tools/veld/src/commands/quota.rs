//! `veld quota`

use serde::Serialize;
use veld_supervisor::{Host, QuotaOf, QuotaWish, Quoted, quotas, set_quota};

use crate::amount::size;
use crate::cli::{Quota, QuotaAction, QuotaSet};
use crate::jobs::tell;
use crate::output::{self, escape};
use crate::report::Failed;
use crate::{json, table};

pub(crate) fn run(host: &Host, quota: Quota) -> Result<(), Failed> {
    let ve = host.find(&quota.ve)?;
    let list = match quota.action {
        QuotaAction::Set(set) => return self::set(host, &quota.ve, set),
        QuotaAction::List(list) => list,
    };
    let all = quotas(&ve)?;
    if list.json {
        let all: Vec<Shown<'_>> = all.iter().map(Shown::new).collect();
        return json::print(&all);
    }
    let header = ["KIND", "ID", "NAME", "DISK", "LIMIT", "INODES", "MOST"];
    let rows = std::iter::once(header.map(str::to_owned).to_vec());
    let rows: Vec<Vec<String>> = rows.chain(all.iter().map(row)).collect();
    output::print(&table::render(&rows))
}

fn set(host: &Host, ve: &veld_config::VeRef, set: QuotaSet) -> Result<(), Failed> {
    let ve = host.find(ve)?;
    let whom = Quoted {
        is_group: set.group.is_some(),
        who: set.group.or(set.user).unwrap_or_default(),
    };
    let wish = QuotaWish {
        disk: set.disk.map(|most| most.0),
        inodes: set.inodes.map(|most| most.0),
    };
    Failed::reported_if(tell(&ve, set_quota(&ve, &whom, wish))?)
}

fn row(of: &QuotaOf) -> Vec<String> {
    let quota = &of.quota;
    let limit = |limit: u64, text: String| if limit == 0 { "-".to_owned() } else { text };
    vec![
        kind(of).to_owned(),
        quota.id.to_string(),
        escape(of.name.as_deref().unwrap_or("-")),
        size(quota.bytes),
        limit(quota.most_bytes, size(quota.most_bytes)),
        quota.inodes.to_string(),
        limit(quota.most_inodes, quota.most_inodes.to_string()),
    ]
}

fn kind(of: &QuotaOf) -> &'static str {
    if of.is_group { "group" } else { "user" }
}

/// The schema of `veld quota VE list --json`.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    kind: &'static str,
    id: u32,
    name: Option<&'a str>,
    disk_used_bytes: u64,
    disk_limit_bytes: Option<u64>,
    inodes_used: u64,
    inodes_limit: Option<u64>,
}

impl<'a> Shown<'a> {
    fn new(of: &'a QuotaOf) -> Self {
        let limit = |limit: u64| (limit != 0).then_some(limit);
        Self {
            kind: kind(of),
            id: of.quota.id,
            name: of.name.as_deref(),
            disk_used_bytes: of.quota.bytes,
            disk_limit_bytes: limit(of.quota.most_bytes),
            inodes_used: of.quota.inodes,
            inodes_limit: limit(of.quota.most_inodes),
        }
    }
}
