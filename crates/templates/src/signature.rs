//! Detached OpenPGP signatures, checked by gpgv(1) with the keys of one keyring.
//!
//! What is checked is a copy that nobody else can write to, and that copy is what
//! is unpacked afterwards: the file itself may change in between.
//!
//! gpgv ends well, too, where the key of a signature has expired; so what counts is
//! what it says on its status lines (doc/DETAILS of GnuPG).

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::process::{Command, Stdio};

use veld_sys::{Context, fault};

use crate::error::Error;
use crate::import::Signature;
use crate::program;

/// What a status line of gpgv begins with.
const STATUS: &str = "[GNUPG:] ";

/// Whether the signature holds for all of `file`.
///
/// # Errors
/// [`Error::MissingProgram`]; [`Error::Signature`] with what gpgv says.
#[expect(
    clippy::disallowed_methods,
    reason = "gpgv is the one that knows OpenPGP, and is made for this alone"
)]
pub(crate) fn check(file: &mut File, signed: &Signature) -> Result<(), Error> {
    program::find("gpgv")?;
    let starting = || "start gpgv";
    // A keyring without a slash would be looked for in a home directory.
    let resolve = |path: &std::path::Path| {
        std::fs::canonicalize(path).context(|| format!("open {}", path.display()))
    };
    let keyring = resolve(&signed.keyring)?;
    let signature = resolve(&signed.file)?;
    file.seek(SeekFrom::Start(0)).context(starting)?;
    fault::point("start gpgv").context(starting)?;
    let child = Command::new("gpgv")
        .args(["--status-fd", "2", "--keyring"])
        .arg(&keyring)
        .arg("--")
        .arg(&signature)
        .arg("-")
        .env("LC_ALL", "C")
        .stdin(Stdio::from(file.try_clone().context(starting)?))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context(starting)?;
    let (status, said) = program::wait(child, "gpgv")?;
    let (told, words): (Vec<&str>, Vec<&str>) =
        said.lines().partition(|line| line.starts_with(STATUS));
    let has = |word: &str| {
        told.iter()
            .any(|line| line.starts_with(&[STATUS, word].concat()))
    };
    if status.success() && has("GOODSIG ") {
        return Ok(());
    }
    let lines = if has("EXPKEYSIG ") {
        "its key has expired".to_owned()
    } else {
        program::last_lines(&words.join("\n"))
    };
    Err(Error::Signature {
        signature: signed.file.display().to_string(),
        lines,
    })
}
