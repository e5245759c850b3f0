//! Templates from remotes: what a user names is found out, had in the cache of
//! files, and made a template of; and asked for again where it may have changed.
//!
//! The cache is `.cache` among the templates. What no template is made of any more is
//! taken out of it after each pull; what a pull has begun stays for a week.

use std::time::Duration;

use veld_config::{Remote, RemoteKind, TemplateName};
use veld_remotes::{
    Access, Cache, Credentials, Digest, Found, Progress, PulledFiles, PulledImage, Reference,
    Registry, Streams, Swept,
};
use veld_templates::{ImportOptions, Limits, Manifest, Origin, Source as Image, Watch};

use crate::error::{Error, ErrorKind, Source};
use crate::host::Host;
use crate::template::users_of;

/// How long a part of a file is kept for a pull that goes on with it.
const STALE: Duration = Duration::from_hours(7 * 24);

/// What is to become a template.
#[derive(Debug, Clone, Default)]
pub struct Pull {
    /// `REMOTE:IMAGE` or `HOST[:PORT]/REPOSITORY[:TAG]`.
    pub source: String,
    /// What to call it; what the source is called unless given.
    pub name: Option<TemplateName>,
    /// What it must have: `sha256:` and the digest.
    pub digest: Option<String>,
    /// How many bytes of file data it and its updates may have.
    pub max_size: Option<u64>,
}

/// What came of an update.
#[derive(Debug)]
pub enum Updated {
    /// The template is what its remote has.
    Current,
    /// It has been replaced by this one.
    Replaced(Box<Manifest>),
}

/// An image of a remote, found but not had.
enum Place<'h> {
    Registry {
        reference: Reference,
        remote: Option<&'h Remote>,
    },
    Streams {
        alias: String,
        remote: &'h Remote,
    },
}

/// Files of an image, in the cache.
enum Pulled {
    Image(PulledImage),
    Files(PulledFiles),
}

/// The name that a template gets where none is given.
///
/// # Errors
/// [`ErrorKind::Refused`] where the source gives no valid one.
pub fn name_of(host: &Host, source: &str) -> Result<TemplateName, Error> {
    let name = || -> Result<TemplateName, Source> {
        let (remote, reference) = split(host, source);
        let text = place(host, remote, reference)?.name();
        text.parse().map_err(|_| {
            let what = format!("{text:?}, which {source} would be called, is no name: choose one");
            Source::Refused(what)
        })
    };
    name().map_err(|cause| Error::action(source, "pull", cause))
}

/// Makes a template of an image of a remote.
///
/// # Errors
/// [`ErrorKind::Refused`] where the template exists, or its source or digest is none;
/// [`ErrorKind::Failed`]. Of the image nothing but what a next pull goes on with stays.
pub fn pull(
    host: &Host,
    wish: &Pull,
    progress: &Progress,
    watch: &mut Watch<'_>,
) -> Result<Manifest, Error> {
    let name = match &wish.name {
        Some(name) => name.clone(),
        None => name_of(host, &wish.source)?,
    };
    let mut made = || -> Result<Manifest, Source> {
        if host.templates().get(name.as_str()).is_ok() {
            let name = name.to_string();
            return Err(veld_templates::Error::Exists { name }.into());
        }
        let digest = wish.digest.as_deref().map(str::parse::<Digest>).transpose();
        let digest = digest.map_err(|error| Source::Refused(error.to_string()))?;
        let (remote, reference) = split(host, &wish.source);
        let place = place(host, remote, reference)?;
        let origin = Origin {
            remote: remote.map(str::to_owned),
            reference: reference.to_owned(),
            digest: String::new(),
            max_size_bytes: wish.max_size,
        };
        with_files(host, &place, digest.as_ref(), progress, |pulled| {
            let options = options(origin, pulled);
            let store = host.templates();
            Ok(store.import(pulled.image(), name.as_str(), &options, watch)?)
        })
    };
    made().map_err(|cause| Error::action(&name, "pull", cause))
}

/// Replaces a template by what its remote has now, where that is something else. It may
/// become as large as `max_size` bytes, or else as when it was pulled.
///
/// # Errors
/// [`ErrorKind::Refused`] where it was not pulled, or VEs stand on it that have not
/// noted on which version; [`ErrorKind::NotFound`]; [`ErrorKind::Failed`].
pub fn update(
    host: &Host,
    name: &TemplateName,
    max_size: Option<u64>,
    progress: &Progress,
    watch: &mut Watch<'_>,
) -> Result<Updated, Error> {
    let template = host.templates().get(name.as_str());
    let template = template.map_err(|cause| Error::action(name, "update", cause))?;
    let Some(mut origin) = template.manifest().origin.clone() else {
        let fact = "was not pulled, so there is nothing to update it from";
        return Err(Error::fact(ErrorKind::Refused, name, fact));
    };
    origin.max_size_bytes = max_size.or(origin.max_size_bytes);
    let mut updated = || -> Result<Updated, Source> {
        let place = place(host, origin.remote.as_deref(), &origin.reference)?;
        if place.resolve(progress)?.to_string() == origin.digest {
            return Ok(Updated::Current);
        }
        with_files(host, &place, None, progress, |pulled| {
            let options = options(origin.clone(), pulled);
            let (store, image) = (host.templates(), pulled.image());
            let users = |_: &str| users_of(host, name.as_str());
            let made = store.replace(image, name.as_str(), &options, watch, users)?;
            Ok(Updated::Replaced(Box::new(made)))
        })
    };
    updated().map_err(|cause| Error::action(name, "update", cause))
}

/// Images that a remote has for this machine, of which a name or the title has a word.
///
/// # Errors
/// [`ErrorKind::Refused`] for a remote that is none or is a registry, which keeps no
/// list; [`ErrorKind::Failed`].
pub fn search(
    host: &Host,
    remote: &str,
    word: Option<&str>,
    progress: &Progress,
) -> Result<Vec<Found>, Error> {
    let listed = || -> Result<Vec<Found>, Source> {
        let (_, found) = host
            .config()
            .remote(remote)
            .ok_or_else(|| no_remote(remote))?;
        if found.kind == RemoteKind::Oci {
            let what = "a registry of OCI images has no list of them".to_owned();
            return Err(Source::Refused(what));
        }
        Ok(streams(found, progress)?.list()?)
    };
    let mut found = listed().map_err(|cause| Error::action(remote, "search", cause))?;
    if let Some(word) = word.map(str::to_lowercase) {
        let has = |text: &String| text.to_lowercase().contains(&word);
        found.retain(|image| has(&image.title) || image.aliases.iter().any(has));
    }
    Ok(found)
}

/// Takes images out of the cache that no template is made of, and what pulls have
/// begun and nobody went on with for a week.
///
/// # Errors
/// Where something is pulled just then; where a file cannot be removed.
pub fn sweep_cache(host: &Host) -> Result<Swept, Error> {
    let cache = cache(host);
    let listing = host.templates().list().unwrap_or_default();
    let names: Vec<String> = listing
        .templates
        .iter()
        .filter_map(|template| template.origin.as_ref())
        .filter_map(|origin| place(host, origin.remote.as_deref(), &origin.reference).ok())
        .filter_map(|place| match place {
            Place::Registry { reference, .. } => Some(reference.to_string()),
            Place::Streams { .. } => None,
        })
        .collect();
    let swept = cache.sweep(STALE, |name| names.iter().any(|used| used == name));
    swept.map_err(|cause| Error::action("cache", "sweep", cause))
}

/// The cache is in order again after the next pull, if not after this one.
fn tidy(host: &Host) {
    if let Err(error) = sweep_cache(host) {
        tracing::debug!(%error, "the cache was not swept");
    }
}

fn cache(host: &Host) -> Cache {
    Cache::new(&host.config().paths.templates.join(".cache"))
}

/// The remote that a source begins with, where it is one, and the rest.
fn split<'t>(host: &Host, source: &'t str) -> (Option<&'t str>, &'t str) {
    match source.split_once(':') {
        Some((remote, rest)) if host.config().remote(remote).is_some() => (Some(remote), rest),
        _ => (None, source),
    }
}

fn place<'h>(host: &'h Host, remote: Option<&str>, reference: &str) -> Result<Place<'h>, Source> {
    let Some(name) = remote else {
        let reference = reference.parse()?;
        let remote = None;
        return Ok(Place::Registry { reference, remote });
    };
    let (_, remote) = host.config().remote(name).ok_or_else(|| no_remote(name))?;
    Ok(match remote.kind {
        RemoteKind::Oci => Place::Registry {
            reference: Reference::at(&remote.url, reference)?,
            remote: Some(remote),
        },
        RemoteKind::Simplestreams => Place::Streams {
            alias: reference.to_owned(),
            remote,
        },
    })
}

fn no_remote(name: &str) -> Source {
    Source::Refused(format!("there is no [remote.{name}] in veld.toml"))
}

/// Has the files of an image, and holds them while something is made of them. Where
/// it is told to stop, they stay for the next time.
fn with_files<T>(
    host: &Host,
    place: &Place<'_>,
    digest: Option<&Digest>,
    progress: &Progress,
    make: impl FnOnce(&Pulled) -> Result<T, Source>,
) -> Result<T, Source> {
    let cache = cache(host);
    let held = cache.hold()?;
    let pulled = place.pull(digest, progress, &cache)?;
    let made = make(&pulled);
    if let Err(Source::Template(veld_templates::Error::Interrupted)) = &made {
        return made;
    }
    drop(held);
    // An image of a registry stays, for what the next one has in common with it, if a
    // template was made of it.
    if let Pulled::Files(files) = pulled
        && let Err(error) = files.remove(&cache)
    {
        tracing::debug!(%error, "files stay in the cache");
    }
    tidy(host);
    made
}

fn options(origin: Origin, pulled: &Pulled) -> ImportOptions {
    let usual = Limits::default();
    ImportOptions {
        limits: Limits {
            size: origin.max_size_bytes.unwrap_or(usual.size),
            ..usual
        },
        origin: Some(Origin {
            digest: pulled.digest().to_string(),
            ..origin
        }),
        ..ImportOptions::default()
    }
}

fn access(remote: Option<&Remote>) -> Result<Access, veld_remotes::Error> {
    let Some(remote) = remote else {
        return Ok(Access::default());
    };
    let login = remote.login.as_ref();
    let credentials = login.map(|(user, file)| Credentials::from_file(user, file));
    Ok(Access {
        insecure: remote.insecure,
        ca: remote.ca.clone(),
        credentials: credentials.transpose()?,
        ..Access::default()
    })
}

fn streams(remote: &Remote, progress: &Progress) -> Result<Streams, veld_remotes::Error> {
    let keyring = remote.keyring.as_deref();
    Streams::new(&remote.url, keyring, &access(Some(remote))?, progress)
}

impl Place<'_> {
    /// What a template of it would be called.
    fn name(&self) -> String {
        let text = match self {
            Self::Registry { reference, .. } => match reference.short() {
                (last, None | Some("latest")) => last.to_owned(),
                (last, Some(tag)) => format!("{last}-{tag}"),
            },
            Self::Streams { alias, .. } => {
                let parts = alias.split('/').filter(|part| *part != "default");
                parts.collect::<Vec<&str>>().join("-")
            }
        };
        text.to_lowercase().replace('_', "-")
    }

    fn registry(
        reference: &Reference,
        remote: Option<&Remote>,
        progress: &Progress,
    ) -> Result<Registry, veld_remotes::Error> {
        let url = remote.map(|remote| remote.url.as_str());
        Registry::new(reference, url, &access(remote)?, progress)
    }

    fn resolve(&self, progress: &Progress) -> Result<Digest, veld_remotes::Error> {
        match self {
            Self::Registry { reference, remote } => {
                Self::registry(reference, *remote, progress)?.resolve()
            }
            Self::Streams { alias, remote } => streams(remote, progress)?.resolve(alias),
        }
    }

    fn pull(
        &self,
        digest: Option<&Digest>,
        progress: &Progress,
        cache: &Cache,
    ) -> Result<Pulled, veld_remotes::Error> {
        match self {
            Self::Registry { reference, remote } => {
                let registry = Self::registry(reference, *remote, progress)?;
                registry.pull(digest, cache).map(Pulled::Image)
            }
            Self::Streams { alias, remote } => {
                let streams = streams(remote, progress)?;
                streams.pull(alias, digest, cache).map(Pulled::Files)
            }
        }
    }
}

impl Pulled {
    fn digest(&self) -> &Digest {
        match self {
            Self::Image(image) => &image.digest,
            Self::Files(files) => &files.digest,
        }
    }

    fn image(&self) -> Image<'_> {
        match self {
            Self::Image(image) => Image::OciLayout {
                directory: &image.layout,
                reference: Some(&image.name),
            },
            Self::Files(files) => match &files.metadata {
                Some(metadata) => Image::Split {
                    metadata,
                    rootfs: &files.root,
                },
                None => Image::File(&files.root),
            },
        }
    }
}
