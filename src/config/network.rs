//! A network's `config.toml` and node key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::asn_file::{self, AsnFile};
use super::document::GivenValue;
use super::effective::{self, Entry};
use super::errors::{Diagnostics, Origin};
use super::home::NetworkFolder;
use super::keys::{IGNORED, NETWORK_TABLES, P2p, PROCESS_TABLES, Pex};
use super::layers::{Resolved, Tables as _, is_seed};
use super::layout::Layout;
use super::network_tables::NetworkTables;
use super::node_key;
use super::reachable::reachable_as;
use crate::types::{NodeId, OwnEndpoints, PeerAddress};
use crate::wire::secret::NodeKey;

/// What a network's `config.toml` may hold.
pub(super) const LAYOUT: Layout = Layout {
    tables: &NETWORK_TABLES,
    of_a_node: &["", "p2p"],
    ignored: IGNORED,
    other: ("pexd.toml", &PROCESS_TABLES),
};

/// The moniker of a host without a usable name.
const DEFAULT_MONIKER: &str = "pexd";

/// The configuration of one network, all values parsed and all paths whole.
#[derive(Clone, Debug)]
pub struct Network {
    /// The chain's ID.
    pub chain_id: String,
    /// The network's folder.
    pub home: PathBuf,
    /// The name that peers see; never empty.
    pub moniker: String,
    /// The identity. Networks that share a listener have equal ones.
    pub node_key: Arc<NodeKey>,
    /// The database of the book.
    pub book: PathBuf,
    /// Own dials that are kept in it; 0 = none.
    pub dial_log: u32,
    /// `book.answer_log_mib`: MiB of disk for the log of answers; 0 = none.
    pub answer_log_mib: u32,
    /// `book.max_addresses`: addresses that the book holds.
    pub max_addresses: u32,
    /// `book.asn_file`, if there is one: the autonomous systems that are the groups of addresses.
    pub asn: Option<Arc<AsnFile>>,
    /// CometBFT's keys. `pex` is always true.
    pub p2p: P2p,
    /// Our own keys. `chain_id`, `node_key_file` and an empty `version` are as in the file; use the fields above.
    pub pex: Pex,
    /// The file of the node key.
    pub key_file: PathBuf,
    /// The value of each key of its file with where it comes from, in the order of the reference.
    pub entries: Vec<Entry>,
    /// Where laddr, the book's file and the chain ID were given, for errors that only show beside other networks.
    pub(super) origins: Origins,
}

/// Where the files of a network are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFiles {
    /// The chain's ID.
    pub chain_id: String,
    /// The node key.
    pub key: PathBuf,
    /// The database of the book.
    pub book: PathBuf,
}

impl NetworkFiles {
    /// As a file without any key has it.
    pub fn usual(folder: &NetworkFolder) -> Self {
        NetworkFiles::of(folder, &NetworkTables::defaults(false))
    }

    /// As the tables of a network in this folder have it.
    pub(super) fn of(folder: &NetworkFolder, tables: &NetworkTables) -> Self {
        let chain_id = Some(tables.pex.chain_id.0.clone()).filter(|id| !id.is_empty());
        NetworkFiles {
            chain_id: chain_id.unwrap_or_else(|| folder.name.clone()),
            key: folder.path.join(&tables.pex.node_key_file),
            book: whole_path(folder.path.join(&tables.book.file)),
        }
    }
}

/// Where a network's values were given.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    pub(super) laddr: Origin,
    pub(super) book: Origin,
    pub(super) chain_id: Origin,
}

impl Network {
    /// The node's ID.
    pub fn id(&self) -> NodeId {
        self.node_key.id()
    }

    /// The value of a key of its file with where it comes from; `None` for a path that is none.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.path() == path)
    }

    /// The name of its folder, by which `--network` finds it.
    pub fn folder_name(&self) -> &str {
        self.home.file_name().and_then(|name| name.to_str()).unwrap_or(&self.chain_id)
    }

    /// Where it is to be found, as far as its file says so.
    pub fn own_endpoints(&self) -> OwnEndpoints {
        let external = self.p2p.external_address.as_ref();
        OwnEndpoints::new(self.p2p.laddr, external.map(|external| (external.host.clone(), external.port)))
    }

    /// What to give to others, as far as it is known here: `id@host:port`.
    pub fn node_address(&self) -> String {
        let place = match &self.p2p.external_address {
            Some(address) => address.to_listen_addr(),
            None => reachable_as(self.p2p.laddr).to_string(),
        };
        format!("{}@{place}", self.id())
    }

    /// What NodeInfo says of where we listen: external_address, else laddr.
    pub fn advertised_address(&self) -> String {
        match &self.p2p.external_address {
            Some(address) => address.to_listen_addr(),
            None => format!("tcp://{}", self.p2p.laddr),
        }
    }
}

/// Makes the network of its values and its node key; `None` when there is no usable key, which is noted. `given` is what
/// the values were resolved from.
pub(super) fn build(
    folder: &NetworkFolder,
    resolved: Resolved<NetworkTables>,
    given: &[GivenValue],
    notes: &mut Diagnostics,
) -> Option<Network> {
    let file = folder.config_file();
    if !resolved.values.p2p.pex {
        let origin = resolved.origin("p2p.pex", &file);
        notes.error(origin, "p2p.pex is false: peer exchange is all that pexd does, write pex = true");
    }
    let origins = Origins {
        laddr: resolved.origin("p2p.laddr", &file),
        book: resolved.origin("book.file", &file),
        chain_id: resolved.origin("pex.chain_id", &file),
    };
    let asn_origin = resolved.origin("book.asn_file", &file);
    let files = NetworkFiles::of(folder, &resolved.values);
    let NetworkTables { top, p2p, pex, book } = resolved.values;
    let asn = book.asn_file.and_then(|path| read_asn(&folder.path.join(path), asn_origin, notes));
    let node_key = read_key(&files.key, notes)?;
    let network = Network {
        chain_id: files.chain_id,
        home: folder.path.clone(),
        moniker: Some(top.moniker.0).filter(|name| !name.is_empty()).unwrap_or_else(default_moniker),
        node_key: Arc::new(node_key),
        dial_log: book.dial_log,
        answer_log_mib: book.answer_log_mib,
        max_addresses: book.max_addresses,
        asn,
        book: files.book,
        key_file: whole_path(files.key),
        entries: effective::entries(&NETWORK_TABLES, given, p2p.seed_mode),
        p2p,
        pex,
        origins,
    };
    warn_of_ourselves(&network, notes);
    Some(network)
}

/// Warns of addresses of this node itself where others are to be named: nobody is asked there, and they count for nothing.
fn warn_of_ourselves(network: &Network, notes: &mut Diagnostics) {
    let own = network.own_endpoints();
    let is_ours = |address: &&PeerAddress| address.id() == network.id() || own.contains(address);
    for (path, addresses) in
        [("p2p.seeds", &network.p2p.seeds), ("p2p.persistent_peers", &network.p2p.persistent_peers)]
    {
        let ours: Vec<String> = addresses.iter().filter(is_ours).map(ToString::to_string).collect();
        let Some(origin) = network.entry(path).and_then(|entry| entry.origin.clone()).filter(|_| !ours.is_empty())
        else {
            continue;
        };
        let rest = if ours.len() == addresses.len() { ", and nobody else" } else { "" };
        let text = format!("{path} names this node itself{rest}: remove {}, which counts for nothing", ours.join(", "));
        notes.warning(origin, text);
    }
}

/// The one path of a file that may not exist yet, so that two spellings of it are equal.
fn whole_path(path: PathBuf) -> PathBuf {
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    match (parent, path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path,
    }
}

/// The autonomous systems of a file; `None` with a note when it cannot be used.
fn read_asn(path: &Path, origin: Origin, notes: &mut Diagnostics) -> Option<Arc<AsnFile>> {
    let wrong = |error| notes.error(origin, format!("book.asn_file is {}: {error}", path.display()));
    asn_file::load(path).map_err(wrong).ok()
}

fn read_key(path: &Path, notes: &mut Diagnostics) -> Option<NodeKey> {
    match node_key::read(path) {
        Ok(key) => {
            if node_key::is_open_to_others(path) {
                let fix = format!("others can read this secret: chmod 600 {}", path.display());
                notes.warning(Origin::path(path), fix);
            }
            Some(key)
        }
        Err(error) => {
            notes.error(Origin::path(path), error.to_string());
            None
        }
    }
}

/// Warns of values that came with a full node's section and do not fit a seed.
pub(super) fn warn_of_pasted_limits(from_file: &[GivenValue], all: &[GivenValue], notes: &mut Diagnostics) {
    if !is_seed(all) {
        return;
    }
    for given in from_file {
        if let Some(seed_default) = given.key.seed_default
            && given.text == given.key.default
        {
            let (path, text) = (given.key.path(), &given.text);
            let text =
                format!("{path} = {text} is a full node's default: a seed has {seed_default}, remove the line for it");
            notes.warning(given.origin.clone(), text);
        }
    }
}

/// The host's name, when peers would accept it as a moniker.
pub(super) fn default_moniker() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    let name = name.unwrap_or_default().trim().to_owned();
    let usable = !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic());
    if usable { name } else { DEFAULT_MONIKER.to_owned() }
}
