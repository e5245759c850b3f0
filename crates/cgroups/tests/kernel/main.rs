//! The crate on the running kernel, as root, in groups of its own.
//!
//! A process that joins a group or is cloned must have one thread, which the
//! usual test harness does not leave it. So this is a harness of its own, of
//! which each runner knows enough: `--list`, `--exact`, names to look for.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test without the test attribute, which clippy does not see as one"
)]

mod devices;
mod freezing;
mod lifecycle;
mod limits;
mod scene;
mod using;
mod v2;

use std::panic::catch_unwind;
use std::process::ExitCode;

/// The tests of a module, by name.
macro_rules! tests {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),*]
    };
}

const TESTS: &[(&str, fn())] = tests![
    devices::what_is_not_on_the_list_is_refused,
    devices::nodes_are_made_only_where_that_is_allowed,
    devices::what_stays_allowed_is_never_refused_while_the_list_changes,
    devices::one_program_replaces_the_other,
    devices::a_host_that_can_hold_nothing_back_says_so,
    devices::a_list_for_a_group_that_is_not_there_is_refused,
    lifecycle::a_group_is_in_every_hierarchy_and_leaves_none,
    lifecycle::a_failed_creation_leaves_what_it_found,
    lifecycle::members_and_their_children_are_counted_once,
    lifecycle::a_member_of_another_user_namespace_joins,
    lifecycle::a_frozen_group_dies,
    lifecycle::a_member_of_v1_alone_dies,
    lifecycle::every_fork_dies_without_cgroup_kill,
    lifecycle::a_process_that_is_left_is_named,
    lifecycle::the_parent_stays_as_long_as_it_is_used,
    lifecycle::neighbours_come_and_go_at_once,
    freezing::each_freezer_freezes_and_thaws,
    freezing::the_part_above_the_members_runs_on,
    limits::limits_are_what_the_kernel_holds,
    limits::limits_are_raised_lowered_and_lifted,
    limits::more_cpus_than_online_are_refused,
    limits::cpus_are_what_a_process_counts,
    limits::memory_kills_inside_only,
    limits::memory_in_use_is_told_when_it_cannot_be_lowered,
    limits::processes_are_refused_past_the_limit,
    limits::cpu_time_is_held_back,
    limits::page_cache_goes_with_the_group,
    using::a_group_uses_what_its_processes_use,
    v2::the_owner_rules_below_and_not_above,
    v2::groups_of_the_owner_go_with_the_group,
    v2::groups_nested_past_any_path_go_too,
    v2::a_group_frozen_by_its_owner_dies,
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let names: Vec<&String> = names.into_iter().filter(|arg| *arg != "terse").collect();
    let wanted = |test: &str| {
        let matches = |name: &&String| match has("--exact") {
            true => test == name.as_str(),
            false => test.contains(name.as_str()),
        };
        !has("--ignored") && (names.is_empty() || names.iter().any(matches))
    };
    let chosen = TESTS.iter().filter(|(name, _)| wanted(name));
    if has("--list") {
        chosen.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if !rustix::process::getuid().is_root() {
        println!("skipped: groups can only be made by root");
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (name, test) in chosen {
        let verdict = match catch_unwind(test) {
            Ok(()) => "ok",
            Err(_) => {
                failed += 1;
                "FAILED"
            }
        };
        println!("test {name} ... {verdict}");
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
