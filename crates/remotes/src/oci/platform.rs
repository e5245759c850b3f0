//! Which machine an image is for.

use std::fmt;

/// An operating system and a machine, as Go calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Platform {
    pub(super) os: String,
    pub(super) architecture: String,
    /// `v7`, or empty.
    pub(super) variant: String,
}

impl Platform {
    /// This machine's.
    pub(super) fn here() -> Self {
        let (architecture, variant) = go_name(std::env::consts::ARCH);
        Self {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.to_owned(),
        }
    }

    /// How well an image for the other runs here: less is better, none is not at all.
    pub(super) fn distance(&self, other: &Self) -> Option<u32> {
        if other.os != self.os || other.architecture != self.architecture {
            return None;
        }
        if other.variant == self.variant {
            return Some(0);
        }
        let level = |variant: &str| {
            variant
                .strip_prefix('v')
                .and_then(|v| v.parse::<u32>().ok())
        };
        match (level(&self.variant), level(&other.variant)) {
            // Usual ones are marked on no machine, or on all.
            (_, None) => Some(1),
            // What a newer one has, this machine lacks.
            (None, Some(1)) => Some(1),
            (Some(own), Some(others)) if others < own => Some(1 + own - others),
            _ => None,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

/// What Go calls a machine that Rust calls otherwise.
fn go_name(rust: &str) -> (&str, &str) {
    match rust {
        "x86_64" => ("amd64", ""),
        "x86" => ("386", ""),
        "aarch64" => ("arm64", "v8"),
        "arm" => ("arm", "v7"),
        "powerpc64" => ("ppc64le", ""),
        "loongarch64" => ("loong64", ""),
        same => (same, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Platform {
            os: next(),
            architecture: next(),
            variant: next(),
        }
    }

    #[test]
    fn an_older_variant_runs_and_a_newer_one_does_not() {
        for (here, image, distance) in [
            ("linux/amd64", "linux/amd64", Some(0)),
            ("linux/amd64", "linux/amd64/v1", Some(1)),
            ("linux/amd64", "linux/amd64/v3", None),
            ("linux/arm64/v8", "linux/arm64", Some(1)),
            ("linux/arm/v7", "linux/arm/v6", Some(2)),
            ("linux/arm/v7", "linux/arm/v5", Some(3)),
            ("linux/arm/v6", "linux/arm/v7", None),
            ("linux/amd64", "linux/arm64", None),
            ("linux/amd64", "windows/amd64", None),
        ] {
            let found = platform(here).distance(&platform(image));
            assert_eq!(found, distance, "{image} on {here}");
        }
        assert_eq!(platform("linux/arm/v7").to_string(), "linux/arm/v7");
    }
}
