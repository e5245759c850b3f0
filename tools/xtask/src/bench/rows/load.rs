//! Something that goes on in a VE while others are measured.

use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use super::Ve;
use crate::run;

/// A shell script in a VE. Dropping it ends the VE, and so whatever it has begun.
pub(super) struct Load<'a> {
    ve: &'a Ve<'a>,
    child: Child,
}

impl<'a> Load<'a> {
    /// Begins it.
    ///
    /// # Errors
    /// The command cannot be executed.
    pub(super) fn begin(ve: &'a Ve<'a>, script: &str) -> Result<Self> {
        let mut exec = ve.exec_command(&["/bin/sh", "-c", script]);
        let silent = [Stdio::null(), Stdio::null(), Stdio::null()];
        let [stdin, stdout, stderr] = silent;
        exec.stdin(stdin).stdout(stdout).stderr(stderr);
        let line = run::line_of(&exec);
        let child = exec.spawn().with_context(|| format!("cannot run {line}"))?;
        Ok(Self { ve, child })
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        // One that has ended of its load is ended.
        let _ = self.ve.kill();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
