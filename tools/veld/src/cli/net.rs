//! What may be said of the network of all VEs together.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Net {
    /// Put back the rules of all VEs that run, after somebody has changed or flushed them.
    Repair,
}
