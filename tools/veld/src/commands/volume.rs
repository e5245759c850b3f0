//! `veld volume …`

use serde::Serialize;
use veld_config::VolumeName;
use veld_protocol::stamp::Stamp;
use veld_supervisor::{
    Done, Error, Host, VolumeState, VolumeWish, all_volumes, create_volume, remove_volume,
    resize_volume, volume_state,
};
use veld_units::Bytes;

use crate::cli::{Volume, VolumeList, VolumeShow};
use crate::output::{self, escape};
use crate::report::{self, Failed};
use crate::{json, moment, table};

pub(crate) fn run(host: &Host, command: Volume) -> Result<(), Failed> {
    match command {
        Volume::Create(create) => {
            let wish = VolumeWish {
                size: create.size,
                layout: create.layout,
            };
            tell(&create.name, &create_volume(host, &create.name, &wish)?)
        }
        Volume::List(list) => self::list(host, &list),
        Volume::Show(show) => self::show(host, &show),
        Volume::Resize(resize) => tell(
            &resize.name,
            &resize_volume(host, &resize.name, resize.size)?,
        ),
        Volume::Remove(remove) => self::remove(&remove.names, |name| remove_volume(host, name)),
    }
}

fn tell(name: &VolumeName, done: &Done) -> Result<(), Failed> {
    output::print(&format!("volume {name}: {}\n", done.what))
}

/// One that cannot be removed does not keep the others.
fn remove(
    names: &[VolumeName],
    action: impl Fn(&VolumeName) -> Result<Done, Error>,
) -> Result<(), Failed> {
    let mut failed = false;
    for name in names {
        match action(name) {
            Ok(done) => tell(name, &done)?,
            Err(error) => {
                report::action(&error);
                failed = true;
            }
        }
    }
    Failed::reported_if(failed)
}

/// A volume as JSON. What is not known or not limited is null.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    name: &'a str,
    layout: &'static str,
    size_bytes: Option<u64>,
    used_bytes: Option<u64>,
    created_unix_seconds: Option<u64>,
    used_by: &'a [String],
    directory: String,
}

impl<'a> Shown<'a> {
    fn new(volume: &'a VolumeState) -> Self {
        Self {
            name: volume.name.as_str(),
            layout: volume.layout.name(),
            size_bytes: volume.usage.disk_limit,
            used_bytes: volume.usage.disk,
            created_unix_seconds: volume.created,
            used_by: &volume.users,
            directory: volume.path.display().to_string(),
        }
    }
}

fn size(bytes: Option<u64>, otherwise: &str) -> String {
    bytes.map_or_else(
        || otherwise.to_owned(),
        |bytes| format!("{:#}", Bytes::new(bytes)),
    )
}

fn list(host: &Host, list: &VolumeList) -> Result<(), Failed> {
    let found = all_volumes(host)?;
    if list.json {
        let all: Vec<Shown<'_>> = found.iter().map(Shown::new).collect();
        return json::print(&all);
    }
    let header = ["VOLUME", "LAYOUT", "SIZE", "USED", "VES"];
    let rows = std::iter::once(header.map(str::to_owned).to_vec());
    let rows: Vec<Vec<String>> = rows.chain(found.iter().map(row)).collect();
    output::print(&table::render(&rows))
}

fn row(volume: &VolumeState) -> Vec<String> {
    let users = match volume.users.as_slice() {
        [] => "-".to_owned(),
        users => users.join(", "),
    };
    let cells = [
        volume.name.to_string(),
        volume.layout.to_string(),
        size(volume.usage.disk_limit, "-"),
        size(volume.usage.disk, "-"),
        users,
    ];
    cells.iter().map(|cell| escape(cell)).collect()
}

fn show(host: &Host, show: &VolumeShow) -> Result<(), Failed> {
    let volume = volume_state(host, &show.name)?;
    if show.json {
        return json::print(&Shown::new(&volume));
    }
    let made = |seconds| moment::utc(Stamp { seconds, nanos: 0 });
    let users = match volume.users.as_slice() {
        [] => "none".to_owned(),
        users => users.join(", "),
    };
    let rows = [
        ("name", volume.name.to_string()),
        ("layout", volume.layout.to_string()),
        ("size", size(volume.usage.disk_limit, "not limited")),
        ("used", size(volume.usage.disk, "not known")),
        (
            "made",
            volume.created.map_or_else(|| "not known".to_owned(), made),
        ),
        ("used by", users),
        ("directory", volume.path.display().to_string()),
    ];
    let lines = rows.map(|(key, value)| format!("{key:<12} {}\n", escape(&value)));
    output::print(&lines.concat())
}
