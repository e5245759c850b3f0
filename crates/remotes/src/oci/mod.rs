//! Images of a registry, by the distribution protocol of the OCI.

mod auth;
mod challenge;
mod credentials;
mod layout;
mod manifest;
mod platform;
mod pull;
mod reference;
mod registry;

pub use credentials::Credentials;
pub(crate) use layout::{forget, referred};
pub use pull::PulledImage;
pub use reference::Reference;
pub use registry::Registry;
