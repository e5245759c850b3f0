//! Memory that is guaranteed: no more than there is to all VEs together.

use veld_cgroups::{Error as CgroupError, Group, Limits};
use veld_units::Bytes;

use crate::error::Source;
use crate::plan;
use crate::ve::Ve;

/// Guarantees the VE what its limits say, and nothing where that is more than
/// the host has to give.
pub(crate) fn promise(ve: &Ve<'_>, group: &Group, limits: &Limits) -> Result<(), Source> {
    let memory = veld_kernfs::memory_total()?;
    let host = ve.host.config();
    match group.promise(limits, plan::guarantees(host, memory)) {
        Err(CgroupError::Promised {
            asked,
            others,
            capacity,
        }) => {
            let size = |bytes| format!("{:#}", Bytes::new(bytes));
            Err(Source::Refused(format!(
                "cannot guarantee {}: others that run have {}, together {}, and {} may be \
                 guaranteed, which is {}% of the host's {}",
                size(asked),
                size(others),
                size(asked.saturating_add(others)),
                size(capacity),
                host.overcommit_percent,
                size(memory),
            )))
        }
        result => Ok(result?),
    }
}
