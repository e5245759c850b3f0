//! Choosing among images: by name, then by machine.

use super::documents::Descriptor;
use super::platform::{machine, runs};
use super::{Wanted, flaw};
use crate::error::Error;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What containerd and newer Docker write beside it: the whole name.
const WHOLE_NAME: &str = "io.containerd.image.name";

impl Descriptor {
    fn annotation(&self, key: &str) -> Option<&str> {
        Some(self.annotations.as_ref()?.get(key)?.as_str())
    }

    /// The name that it is shown and asked for by.
    fn name(&self) -> Option<&str> {
        self.annotation(WHOLE_NAME).or(self.annotation(REF_NAME))
    }

    fn is_called(&self, reference: &str) -> bool {
        let ends = |name: &str| {
            let before = name.strip_suffix(reference);
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        self.digest == reference
            || self.annotation(REF_NAME) == Some(reference)
            || self.annotation(WHOLE_NAME).is_some_and(ends)
    }
}

/// Those of an index of names that are meant. Without a reference all are, if they
/// have one name or none.
pub(super) fn by_name(
    images: Vec<Descriptor>,
    reference: Option<&str>,
) -> Result<Vec<Descriptor>, Error> {
    let mut names: Vec<String> = images
        .iter()
        .map(|image| image.name().unwrap_or(&image.digest).to_owned())
        .collect();
    let unnamed = images.iter().all(|image| image.name().is_none());
    names.sort();
    names.dedup();
    let refused = |wanted: Option<&str>| Error::Choose {
        wanted: wanted.map(str::to_owned),
        there: names.clone(),
    };
    match reference {
        None if unnamed || names.len() == 1 => Ok(images),
        None => Err(refused(None)),
        Some(reference) => {
            let called = |image: &Descriptor| image.is_called(reference);
            let meant: Vec<Descriptor> = images.into_iter().filter(called).collect();
            if meant.is_empty() {
                return Err(refused(Some(reference)));
            }
            Ok(meant)
        }
    }
}

/// The one for this machine. The only one there is may keep its machine to itself:
/// its config says it.
pub(super) fn by_machine(images: Vec<Descriptor>, wanted: Wanted<'_>) -> Result<Descriptor, Error> {
    let is_system = |image: &Descriptor| {
        let platform = image.platform.as_ref();
        platform.is_none_or(super::platform::Platform::is_linux)
    };
    let images: Vec<Descriptor> = images.into_iter().filter(is_system).collect();
    let machine = machine();
    let is_own = |image: &&Descriptor| {
        let platform = image.platform.as_ref();
        platform.is_some_and(|platform| platform.machine() == machine)
    };
    let also = |image: &&Descriptor| {
        let platform = image.platform.as_ref();
        platform.is_some_and(|platform| runs(&machine, platform.machine()))
    };
    let found = images.iter().find(is_own).or(images.iter().find(also));
    if let Some(found) = found {
        return Ok(found.clone());
    }
    let mut rest = images.iter();
    match (rest.next(), rest.next()) {
        (None, _) => Err(flaw("is an index without images")),
        (Some(only), None) if only.platform.is_none() || wanted.any_architecture => {
            Ok(only.clone())
        }
        _ => Err(Error::Platforms {
            machine,
            there: images.iter().map(described).collect(),
        }),
    }
}

fn described(image: &Descriptor) -> String {
    match &image.platform {
        Some(platform) => platform.to_string(),
        None => image.digest.clone(),
    }
}
