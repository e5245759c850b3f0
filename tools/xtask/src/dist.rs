//! What ties Veld to the start and the end of a host, and to its clock: units of
//! systemd and an init script, made of the templates in `dist/`.
//!
//! All call the command below the prefix that it is to run from, wherever a
//! packager puts the files meanwhile.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::place::make_directory;

const UNIT: &str = include_str!("../dist/veld.service");
const SNAPSHOTS: &str = include_str!("../dist/veld-snapshots.service");
const TIMER: &str = include_str!("../dist/veld-snapshots.timer");
const SCRIPT: &str = include_str!("../dist/veld.init");

/// What each VE has to shut down when the host does.
const STOP_SECONDS: &str = "60";
/// What is left for those that were not asked, or not long enough.
const LAST_SECONDS: &str = "10";
/// What all VEs have together: some rounds of those that stop at once.
const STOP_ALL_SECONDS: &str = "300";

/// Prefixes whose `lib/systemd/system` systemd searches.
const SEARCHED: &[&str] = &["/usr", "/usr/local"];

/// One file: its template, where it goes below the root, and its mode.
#[derive(Debug)]
struct File {
    template: &'static str,
    path: PathBuf,
    mode: u32,
}

fn files(prefix: &Path) -> [File; 4] {
    let units = if SEARCHED
        .iter()
        .any(|searched| prefix == Path::new(searched))
    {
        prefix.join("lib/systemd/system")
    } else {
        PathBuf::from("/etc/systemd/system")
    };
    [
        File {
            template: UNIT,
            path: units.join("veld.service"),
            mode: 0o644,
        },
        File {
            template: SNAPSHOTS,
            path: units.join("veld-snapshots.service"),
            mode: 0o644,
        },
        File {
            template: TIMER,
            path: units.join("veld-snapshots.timer"),
            mode: 0o644,
        },
        File {
            template: SCRIPT,
            path: "/etc/init.d/veld".into(),
            mode: 0o755,
        },
    ]
}

/// Refuses a prefix that a unit or a shell would take for something else.
///
/// # Errors
/// Names it.
pub(crate) fn must_be_plain(prefix: &Path) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
    if prefix.to_string_lossy().chars().all(plain) {
        return Ok(());
    }
    let prefix = prefix.display();
    bail!("--prefix {prefix}: has characters besides letters, digits and /._+-");
}

/// Puts all below `root`, for a command that runs from `prefix`.
///
/// # Errors
/// Names the path that cannot be written.
pub(crate) fn place(prefix: &Path, root: &Path) -> Result<()> {
    let text = prefix.to_string_lossy();
    for file in files(prefix) {
        let path = root.join(file.path.strip_prefix("/").unwrap_or(&file.path));
        write(&path, &render(file.template, &text), file.mode)?;
        println!("   {}", path.display());
    }
    Ok(())
}

fn render(template: &str, prefix: &str) -> String {
    template
        .replace("@PREFIX@", prefix.trim_end_matches('/'))
        .replace("@STOP_SECONDS@", STOP_SECONDS)
        .replace("@LAST_SECONDS@", LAST_SECONDS)
        .replace("@STOP_ALL_SECONDS@", STOP_ALL_SECONDS)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let beside = path.with_extension("new");
    fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, fs::Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn read(root: &Path, path: &str) -> String {
        fs::read_to_string(root.join(path)).unwrap()
    }

    #[test]
    fn both_go_where_they_are_looked_for_and_call_the_command_of_the_prefix() {
        for (prefix, unit) in [
            ("/usr", "usr/lib/systemd/system/veld.service"),
            ("/usr/local", "usr/local/lib/systemd/system/veld.service"),
            ("/opt/veld-1.0", "etc/systemd/system/veld.service"),
        ] {
            let root = tempfile::tempdir().unwrap();
            place(Path::new(prefix), root.path()).unwrap();
            let unit = read(root.path(), unit);
            assert!(unit.contains(&format!("\nExecStart=-{prefix}/bin/veld autostart\n")));
            let script = root.path().join("etc/init.d/veld");
            let mode = fs::metadata(&script).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o755);
            let script = read(root.path(), "etc/init.d/veld");
            assert!(script.contains(&format!("\nVELD={prefix}/bin/veld\n")));
            for text in [unit, script] {
                assert!(!text.contains('@'), "{text}");
            }
        }
    }

    #[test]
    fn a_prefix_that_a_shell_would_split_is_refused() {
        for prefix in ["/opt/my veld", "/opt/$x", "/opt/100%"] {
            let error = must_be_plain(Path::new(prefix)).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("--prefix {prefix}: has "))
            );
        }
    }

    #[test]
    fn shells_take_the_script_and_systemd_the_unit() {
        let root = tempfile::tempdir().unwrap();
        let prefix = root.path().join("opt");
        // systemd asks whether the command can be executed.
        fs::create_dir_all(prefix.join("bin")).unwrap();
        fs::copy("/bin/true", prefix.join("bin/veld")).unwrap();
        place(&prefix, root.path()).unwrap();
        let script = root.path().join("etc/init.d/veld");
        let unit = root.path().join("etc/systemd/system/veld.service");
        let snapshots = unit.with_file_name("veld-snapshots.service");
        let timer = unit.with_file_name("veld-snapshots.timer");
        let checks: [(&[&str], &Path); 6] = [
            (&["sh", "-n"], &script),
            (&["dash", "-n"], &script),
            (&["busybox", "sh", "-n"], &script),
            (&["systemd-analyze", "verify", "--man=no"], &unit),
            (&["systemd-analyze", "verify", "--man=no"], &snapshots),
            (&["systemd-analyze", "verify", "--man=no"], &timer),
        ];
        for (words, file) in checks {
            let mut command = Command::new(words[0]);
            match command.args(&words[1..]).arg(file).output() {
                Ok(output) => {
                    let said = String::from_utf8_lossy(&output.stderr);
                    let ours: Vec<&str> = said.lines().filter(|l| l.contains("veld")).collect();
                    assert_eq!(ours, [""; 0], "{words:?}");
                    assert!(output.status.success(), "{words:?}: {said}");
                }
                Err(missing) => println!("skipped: {}: {missing}", words[0]),
            }
        }
    }
}
