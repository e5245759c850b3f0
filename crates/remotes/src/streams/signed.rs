//! Signed indexes: gpgv(1) says whether the signature is of a trusted key, and only
//! what it gives out as signed is read.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use veld_sys::{Context, Failure, fault};

use crate::error::Error;

/// What of a message of gpgv's is passed on, and bytes of all messages that are kept.
const SAID: usize = 200;
const KEPT: u64 = 64 * 1024;

/// The signed part of a clear-signed text that came from `url`. It is shorter than the
/// text: a message that unfolds to more than that is none of an index, and gpgv would
/// give it out before it knows whose it is.
///
/// # Errors
/// [`Error::Signature`] where there is no good signature of a key of `keyring`.
///
/// # Kernel
/// No system call is of interest; see gpgv(1) and doc/DETAILS of GnuPG.
#[expect(
    clippy::disallowed_methods,
    reason = "gpgv is the one that checks signatures on this host, for apt too"
)]
pub(super) fn verified(text: &[u8], url: &str, keyring: &Path) -> Result<Vec<u8>, Error> {
    if let Err(cause) = std::fs::File::open(keyring) {
        return Err(Failure::new(format!("read {}", keyring.display()), cause).into());
    }
    let starting = || "run gpgv";
    fault::point("start gpgv").context(starting)?;
    let mut child = Command::new("gpgv")
        .arg("--keyring")
        .arg(keyring)
        .args(["--status-fd", "2", "--output", "-", "-"])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(starting)?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let most = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let (mut signed, mut messages) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| -> io::Result<()> {
        scope.spawn(|| {
            // It may have seen enough before the end.
            let _ = stdin.map(|mut stdin| stdin.write_all(text));
        });
        scope.spawn(|| {
            if let Some(mut stderr) = stderr {
                let _ = (&mut stderr).take(KEPT).read_to_end(&mut messages);
                // It is not to wait for a reader.
                let _ = io::copy(&mut stderr, &mut io::sink());
            }
        });
        match child.stdout.take() {
            Some(stdout) => stdout.take(most).read_to_end(&mut signed).map(drop),
            None => Ok(()),
        }
    })
    .context(starting)?;
    let status = child.wait().context(starting)?;
    let messages = String::from_utf8_lossy(&messages);
    let is_good = |line: &str| line.starts_with("[GNUPG:] GOODSIG ");
    if status.success() && messages.lines().any(is_good) {
        return Ok(signed);
    }
    Err(Error::Signature {
        url: url.to_owned(),
        keyring: keyring.to_owned(),
        said: said(&messages),
    })
}

/// What is wrong, mostly in the last of gpgv's own words.
fn said(messages: &str) -> String {
    let mut words = messages
        .lines()
        .filter_map(|line| line.strip_prefix("gpgv: "));
    let mut last = words.next_back().unwrap_or("it has no signature");
    // Of such a one gpgv also says that it is good.
    if messages.contains("[GNUPG:] EXPKEYSIG ") {
        last = "its key has expired";
    }
    last.chars().take(SAID).collect()
}
