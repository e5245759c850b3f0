//! What limits of a VE have refused: how often, as the kernel counts it, and when
//! last, as its shim saw it.

use veld_protocol::limit::Limit;
use veld_protocol::stamp::Stamp;

use crate::error::Source;
use crate::ve::Ve;

/// What one limit has refused in this run, or in the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    /// Which.
    pub limit: Limit,
    /// Its value, in bytes or processes; `None` where it has none or the VE does not
    /// run.
    pub value: Option<u64>,
    /// How often.
    pub times: u64,
    /// When last, where somebody saw it.
    pub last: Option<Stamp>,
}

/// Of a VE that runs.
///
/// # Errors
/// Where the kernel does not tell.
pub(crate) fn now(ve: &Ve<'_>) -> Result<Vec<Refusals>, Source> {
    let seen = ve.run.refusals();
    let counted = ve.group()?.refusals()?;
    let with_last = counted.into_iter().map(|counted| Refusals {
        limit: counted.limit,
        value: counted.value,
        times: counted.times,
        last: seen
            .iter()
            .find(|seen| seen.limit == counted.limit)
            .map(|seen| seen.last),
    });
    Ok(with_last.collect())
}

/// Of one that does not: what its shim saw.
pub(crate) fn of_last_run(ve: &Ve<'_>) -> Vec<Refusals> {
    let seen = ve.run.refusals().into_iter();
    seen.map(|seen| Refusals {
        limit: seen.limit,
        value: None,
        times: seen.times,
        last: Some(seen.last),
    })
    .collect()
}
