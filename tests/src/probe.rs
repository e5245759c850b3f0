//! The program that answers questions from inside a VE.
//!
//! It is static and asks the kernel itself, so what it says does not depend on
//! the tools that a distribution has. `ok` and the names of errors (`EPERM`) are
//! its answers; src/bin/probe/ lists the questions.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use crate::command::Cmd;
use crate::disposable::cache;

/// Where it is inside a VE.
pub const INSIDE: &str = "/var/probe";

/// Rebuilt when this is another text.
const SOURCES: [&str; 2] = [
    include_str!("bin/probe/main.rs"),
    include_str!("bin/probe/bombs.rs"),
];

/// A static program needs flags that no other binary of the workspace has.
const FLAGS: &str = "-C target-feature=+crt-static -C relocation-model=static -C strip=symbols";

/// It takes half a minute on a busy machine, with what it is made of.
const PATIENCE: Duration = Duration::from_secs(280);

/// The program, which the first test that needs it builds, as does every
/// command that runs under the product's own flags: `cargo build` has no way to
/// give one binary of a package flags of its own.
///
/// # Panics
/// Where it cannot be built.
#[must_use]
pub fn built() -> PathBuf {
    let built = cache().join(format!("probe-{:016x}", digest()));
    let lock = File::create(cache().join("probe.lock")).unwrap();
    lock.lock().unwrap();
    if !built.exists() {
        let program = build();
        let beside = built.with_extension("new");
        fs::copy(program, &beside).unwrap();
        fs::rename(beside, &built).unwrap();
    }
    built
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Named, so that the flags do not reach proc macros, which cannot be static.
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let directory = cache().join("probe-build");
    let target = directory.display().to_string();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let words = [
        "build",
        "--quiet",
        "--manifest-path",
        manifest,
        "--bin",
        "probe",
    ];
    let place = ["--target", &triple, "--target-dir", &target];
    let mut cmd = Cmd::program(cargo, words.iter().chain(&place));
    cmd.inner().env_remove("CARGO_ENCODED_RUSTFLAGS");
    cmd.env("RUSTFLAGS", FLAGS).within(PATIENCE).run().ok();
    directory.join(triple).join("debug/probe")
}

/// FNV-1a of the sources, which is to tell texts apart and not to withstand anybody.
fn digest() -> u64 {
    let bytes = SOURCES.iter().flat_map(|source| source.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
