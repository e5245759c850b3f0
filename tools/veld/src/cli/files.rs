//! What may be said of files of VEs.

use std::str::FromStr;

use clap::Args;
use veld_config::VeRef;
use veld_units::Quoted;

/// Whose copies are.
pub(super) const COPIES: &str = "\
Examples:
  veld cp site.conf web1:/etc/nginx/conf.d/
  veld cp -a web1:/srv/data /backup
  veld cp web1:/etc/hosts web2:/etc/hosts
  tar c site | veld cp - web1:/root/site.tar
Directories are copied with all that is in them; SRC/. is what is in SRC. In a VE all belongs to
its root, unless it belongs to ids of the VE already, on the host to root; with --archive numbers
are kept. Devices and sockets are left out.";

/// What to expect of a mounted root.
pub(super) const LOOKS: &str = "\
It lasts until umount, or until the VE starts or ends. Owners in a VE that is stopped are as on
disk, in one that runs as the host has them; what is mounted in the VE by others is not there.";

#[derive(Debug, Args)]
pub(crate) struct Cp {
    /// What is copied: paths of the host or, all of one VE, VE:PATH; - is standard input.
    #[arg(value_name = "SRC", required = true)]
    pub(crate) sources: Vec<Place>,
    /// A directory, or what the only one becomes; - is standard output.
    #[arg(value_name = "DST", required = true)]
    pub(crate) destination: Place,
    /// Keep owners, extended attributes and ACLs.
    #[arg(long, short)]
    pub(crate) archive: bool,
    /// Owner of all that is copied.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(..65_536))]
    pub(crate) uid: Option<u32>,
    /// Group of all that is copied.
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(..65_536))]
    pub(crate) gid: Option<u32>,
    /// Permissions of all files that are copied, in octal.
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(crate) mode: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Mount {
    /// Name or number of the VE.
    #[arg(value_name = "VE")]
    pub(crate) ve: VeRef,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// In this VE; on the host where there is none.
    pub(crate) ve: Option<VeRef>,
    pub(crate) path: String,
}

impl Place {
    /// Whether it is a standard stream.
    pub(crate) fn is_stream(&self) -> bool {
        self.ve.is_none() && self.path == "-"
    }
}

impl FromStr for Place {
    type Err = String;

    /// What has a slash before its first colon, or no colon, is a path of the host's.
    fn from_str(text: &str) -> Result<Self, String> {
        let (ve, path) = match text.split_once(':') {
            Some((ve, path)) if !ve.contains('/') => {
                let ve: VeRef = ve.parse().map_err(|_| {
                    let allowed = "PATH, VE:PATH, and ./PATH for one with a colon";
                    format!(
                        "{} is not a place of a file: allowed is {allowed}",
                        Quoted(text)
                    )
                })?;
                (Some(ve), path)
            }
            _ => (None, text),
        };
        if path.contains('\0') || (path.is_empty() && ve.is_none()) {
            return Err(format!("{} is not a place of a file", Quoted(text)));
        }
        let path = if ve.is_some() && !path.starts_with('/') {
            format!("/{path}")
        } else {
            path.to_owned()
        };
        Ok(Self { ve, path })
    }
}

fn mode(text: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| digits && *mode <= 0o7777)
        .ok_or_else(|| {
            format!(
                "{} is not a mode: allowed is octal, 0 to 7777",
                Quoted(text)
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> (Option<String>, String) {
        let place: Place = text.parse().unwrap();
        (place.ve.map(|ve| ve.to_string()), place.path)
    }

    #[test]
    fn a_place_is_of_the_host_or_of_a_ve() {
        let in_ve = |path: &str| (Some("web1".to_owned()), path.to_owned());
        assert_eq!(place("web1:/etc/passwd"), in_ve("/etc/passwd"));
        assert_eq!(place("web1:etc/"), in_ve("/etc/"));
        assert_eq!(place("web1:"), in_ve("/"));
        for text in ["/srv/a:b", "./a:b", "file", "-"] {
            assert_eq!(place(text), (None, text.to_owned()));
        }
        assert!("-".parse::<Place>().unwrap().is_stream());
        assert!(!"web1:-".parse::<Place>().unwrap().is_stream());
        assert_eq!(
            "A b:c".parse::<Place>().unwrap_err(),
            "\"A b:c\" is not a place of a file: allowed is PATH, VE:PATH, and ./PATH for one \
             with a colon"
        );
        assert!("".parse::<Place>().is_err());
    }

    #[test]
    fn a_mode_is_octal() {
        assert_eq!(mode("755"), Ok(0o755));
        assert!(mode("8").is_err() && mode("+1").is_err() && mode("77777").is_err());
    }
}
