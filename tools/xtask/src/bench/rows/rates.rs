//! Rates of several sides, taken in turns, and the rows that compare them.

use anyhow::{Context, Result};

use super::super::table::{Aim, Peer, Row, Value};

/// The median rate of each of `names`, of so many rounds after `warm_up` that are
/// thrown away; `take` measures the side of this number once.
///
/// # Errors
/// The first of `take`, with the name of the side.
pub(super) fn in_turns(
    names: &[&str],
    warm_up: usize,
    rounds: usize,
    mut take: impl FnMut(usize) -> Result<f64>,
) -> Result<Vec<f64>> {
    let mut rates: Vec<Vec<f64>> = names.iter().map(|_| Vec::new()).collect();
    for round in 0..warm_up + rounds {
        for turn in 0..names.len() {
            let index = (round + turn) % names.len();
            let (Some(name), Some(rates)) = (names.get(index), rates.get_mut(index)) else {
                continue;
            };
            let rate = take(index).with_context(|| (*name).to_owned())?;
            if round >= warm_up {
                rates.push(rate);
            }
        }
    }
    Ok(rates.iter_mut().map(|rates| super::median(rates)).collect())
}

/// A row for each peer, printed too. Veld's is the first of the names where it was
/// measured.
pub(super) fn rows_of(
    what: &str,
    with_veld: bool,
    names: &[&str],
    medians: &[f64],
    aims: &[f64],
) -> Vec<Row> {
    let mut measured = names.iter().zip(medians);
    let veld = with_veld.then(|| measured.next()).flatten();
    for (name, rate) in veld.into_iter().chain(measured.clone()) {
        println!("   {what}: {name} {}", Value::Rate(*rate));
    }
    let rows = measured.zip(aims).map(|((name, rate), aim)| Row {
        what: what.to_owned(),
        veld: veld.map(|(_, rate)| Value::Rate(*rate)),
        peer: Some(Peer::Is((*name).to_owned(), Value::Rate(*rate))),
        aim: Aim::AtLeast(*aim),
    });
    rows.collect()
}
