//! A VE made of a template. It shares the template's files, so there is nothing
//! to copy; the peers have no such thing, they unpack or copy a root.

use std::time::Duration;

use anyhow::Result;

use super::super::sample::Candidate;
use super::super::table::{Aim, Row, Value};
use super::super::{Bench, tiny};
use super::compare;

const VE: &str = "create";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let Some(veld) = &bench.veld else {
        println!("   no peer has this");
        return Ok(Vec::new());
    };
    veld.clear(VE)?;
    let candidate = Candidate::new("veld create", || {
        let time = veld.timed(["create", VE, "--template", tiny::TEMPLATE])?;
        veld.output(["destroy", VE])?;
        Ok(time)
    });
    let aim = Aim::AtMost(Value::Time(Duration::from_millis(10)));
    compare(
        bench,
        "create from a template",
        Some(candidate),
        Vec::new(),
        aim,
    )
}
