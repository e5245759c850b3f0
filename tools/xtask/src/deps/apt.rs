//! apt-get and dpkg-query, as `deps` uses them.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::packages::Package;
use crate::root;
use crate::run;

/// How long another apt may keep the lock of dpkg.
const PATIENCE: &str = "DPkg::Lock::Timeout=300";

/// apt-get does not wait for the lock of the package lists, so `update` is
/// tried this often, with [`PAUSE`] between.
const UPDATES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(10);

/// Those of `wanted` that are not installed.
pub(super) fn missing(wanted: &[Package]) -> Result<Vec<Package>> {
    // dpkg-query ends with 1 where it does not know a package, and still lists the others.
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${Package} ${db:Status-Status}\\n"]);
    query.args(wanted.iter().map(|package| package.name));
    let output = run::collect(&mut query)?;
    let installed = installed_in(&String::from_utf8_lossy(&output.stdout));
    Ok(wanted
        .iter()
        .filter(|package| !installed.iter().any(|name| name == package.name))
        .copied()
        .collect())
}

/// Installs `missing`, with fresh package lists where these do not know them or
/// where what they know is gone from the mirror.
pub(super) fn install(missing: &[Package]) -> Result<()> {
    if !lists_know(missing)? {
        println!("   the package lists do not know all of them");
        update()?;
        return apt_get("install", missing);
    }
    apt_get("install", missing).or_else(|_| {
        println!("   the package lists may be too old");
        update()?;
        apt_get("install", missing)
    })
}

fn lists_know(missing: &[Package]) -> Result<bool> {
    let mut show = Command::new("apt-cache");
    show.args(["show", "--no-all-versions"]);
    show.args(missing.iter().map(|package| package.name));
    Ok(run::collect(&mut show)?.status.success())
}

/// Fetches the package lists anew.
pub(crate) fn update() -> Result<()> {
    for _ in 1..UPDATES {
        if apt_get("update", &[]).is_ok() {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    apt_get("update", &[])
}

fn apt_get(action: &str, packages: &[Package]) -> Result<()> {
    let mut command = root::command("installing packages", "env")?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command.args([
        "-q",
        "-y",
        "-o",
        PATIENCE,
        "--no-install-recommends",
        action,
    ]);
    command.args(packages.iter().map(|package| package.name));
    println!("   {}", run::line_of(&command));
    run::run(&mut command)
}

/// The names in lines of `NAME STATUS` whose status says installed.
fn installed_in(list: &str) -> Vec<String> {
    list.lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_with_files_left_is_missing() {
        let list = "gcc installed\nlxc config-files\nrunc not-installed\n";
        assert_eq!(installed_in(list), ["gcc"]);
    }
}
