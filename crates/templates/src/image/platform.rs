//! What machine an image is for.

use serde::Deserialize;

use crate::error::Error;

/// Names of architectures: as Go has them and registries use, as uname(1) has them.
const NAMES: [(&str, &str); 10] = [
    ("amd64", "x86_64"),
    ("386", "i686"),
    ("arm64", "aarch64"),
    ("arm", "arm"),
    ("ppc64le", "ppc64le"),
    ("s390x", "s390x"),
    ("riscv64", "riscv64"),
    ("loong64", "loongarch64"),
    ("mips64le", "mips"),
    ("mipsle", "mipsel"),
];

/// What an index or a config says of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) os: String,
}

impl Platform {
    /// The name that uname(1) has for its architecture, where we know it.
    pub(super) fn machine(&self) -> &str {
        let mut names = NAMES.iter();
        names
            .find(|(go, _)| *go == self.architecture)
            .map_or(self.architecture.as_str(), |(_, uname)| uname)
    }

    /// Whether it is an image of a system; an index also lists attestations.
    pub(super) fn is_linux(&self) -> bool {
        matches!(self.os.as_str(), "linux" | "")
    }

    /// Refuses what this machine does not run.
    pub(super) fn check(&self) -> Result<(), Error> {
        if !self.is_linux() {
            return Err(super::flaw(&format!("is for {}, not for linux", self.os)));
        }
        if self.architecture.is_empty() {
            return Ok(());
        }
        check_machine(self.machine())
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// This machine, as uname(1) names it.
pub(crate) fn machine() -> String {
    let name = rustix::system::uname();
    let name = name.machine().to_string_lossy().into_owned();
    match name.as_str() {
        "armv6l" | "armv7l" | "armv8l" => "arm".to_owned(),
        "i386" | "i486" | "i586" => "i686".to_owned(),
        _ => name,
    }
}

/// Whether this machine runs programs for another: its own, and those of the 32-bit
/// machine that it is the successor of.
pub(crate) fn runs(machine: &str, found: &str) -> bool {
    machine == found
        || matches!(
            (machine, found),
            ("x86_64", "i686") | ("aarch64", "arm") | ("ppc64", "ppc")
        )
}

/// Refuses an image of another machine than this.
///
/// # Errors
/// [`Error::Architecture`].
pub(crate) fn check_machine(found: &str) -> Result<(), Error> {
    let machine = machine();
    if runs(&machine, found) {
        return Ok(());
    }
    Err(Error::Architecture {
        found: found.to_owned(),
        machine,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_runs_its_own_and_its_predecessors_programs() {
        assert!(runs("x86_64", "x86_64"));
        assert!(runs("x86_64", "i686"));
        assert!(!runs("i686", "x86_64"));
        assert!(!runs("x86_64", "aarch64"));
        assert!(check_machine(&machine()).is_ok());
        assert_eq!(
            check_machine("vax").unwrap_err().to_string(),
            format!("image is for vax, and this machine is {}", machine())
        );
    }

    #[test]
    fn names_of_registries_are_known() {
        let platform = |architecture: &str| Platform {
            architecture: architecture.to_owned(),
            os: "linux".to_owned(),
        };
        assert_eq!(platform("amd64").machine(), "x86_64");
        assert_eq!(platform("arm64").machine(), "aarch64");
        assert_eq!(platform("vax").machine(), "vax");
        assert_eq!(platform("amd64").to_string(), "linux/amd64");
        let windows = Platform {
            os: "windows".to_owned(),
            ..Platform::default()
        };
        assert_eq!(
            windows.check().unwrap_err().to_string(),
            "image is for windows, not for linux"
        );
    }
}
