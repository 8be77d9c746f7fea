//! The configuration: one table of keys ([`keys`]) that gives files, environment, flags and the reference.
//!
//! [`load`] reads a home into a [`Config`] with every value parsed, or reports all [`ConfigErrors`] at once, each with its
//! line and the fix. [`create_network`] makes a new network's files.

mod access_edit;
pub mod access_file;
mod admin_checks;
mod asn_file;
mod broken_network;
pub mod chain_id;
mod conflicts;
mod create;
mod document;
pub mod duration;
mod effective;
mod errors;
pub mod files;
mod home;
pub mod keys;
mod layers;
mod layout;
mod load;
mod nearest_key;
mod network;
mod network_tables;
pub mod node_key;
mod node_value;
mod process;
mod reachable;
mod reference;
mod sample_files;
mod section;
pub mod value;
mod value_source;

pub use access_edit::{AccessEditError, add_token, remove_token};
pub use asn_file::{AsnFile, AsnFileError};
pub use broken_network::BrokenNetwork;
pub use create::{CreateError, Created, create_network, create_or_complete_network};
pub use effective::{Difference, Entry, differences, is_same, network_key, read_value};
pub use errors::{ConfigErrors, Diagnostic, Origin};
pub use home::{Home, NetworkFolder};
pub use load::{Config, Sources, load, load_beside, load_one, load_process_again, load_process_alone, network_files};
pub use network::{Network, NetworkFiles};
pub use process::ProcessConfig;
pub use reachable::reachable_as;
pub use reference::reference;
pub use sample_files::{NewNetwork, SharedListener};
pub use section::Key;
