//! Everything that configures a node.

use crate::{book, pex, switch};

/// The parameters of one network's machine, each part's own.
#[derive(Clone, Debug)]
pub struct Params {
    /// The address book's.
    pub book: book::Params,
    /// The switch's.
    pub switch: switch::Params,
    /// The reactor's.
    pub pex: pex::Params,
}
