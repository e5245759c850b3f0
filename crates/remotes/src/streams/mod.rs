//! Images of a server of simplestreams: indexes in JSON that lead to files, as
//! Incus and LXC have them.

mod find;
mod index;
mod pull;
mod server;
mod signed;

pub use find::Found;
pub use pull::PulledFiles;
pub use server::Streams;
