//! Node information: what a node announces about itself in the handshake.

use super::NodeId;

/// The one channel that pexd speaks (CometBFT `p2p/pex/pex_reactor.go: PexChannel`).
pub const PEX_CHANNEL: u8 = 0x00;

/// Channels that a node may announce at most (CometBFT `p2p/node_info.go: maxNumChannels`).
const MAX_CHANNELS: usize = 16;

/// The versions in a [`NodeInfo`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolVersion {
    /// Of the p2p layer; never compared.
    pub p2p: u64,
    /// Of the block format; must be equal on both sides.
    pub block: u64,
    /// Of the application; never compared.
    pub app: u64,
}

/// CometBFT's `DefaultNodeInfo` (`p2p/node_info.go`; docs/protocol/wire.md, "NodeInfo handshake").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Protocol versions.
    pub protocol: ProtocolVersion,
    /// The ID that the node announces; the transport compares it with the key that authenticated.
    pub id: NodeId,
    /// Where the node says it listens: host and port, perhaps after a `scheme://`.
    pub listen_addr: String,
    /// The chain ID.
    pub network: String,
    /// The software's version, free text.
    pub version: String,
    /// Channels the node speaks, a byte each.
    pub channels: Vec<u8>,
    /// The operator's name for the node.
    pub moniker: String,
    /// `on`, `off` or empty.
    pub tx_index: String,
    /// Where the node's RPC listens; free text.
    pub rpc_address: String,
}

/// Why a [`NodeInfo`] is refused, whatever its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeInfoError {
    /// The ID is not 40 hex digits.
    #[error("the node ID is not 40 hex digits")]
    Id,
    /// `listen_addr` is not host:port.
    #[error(
        "listen_addr is not host:port with a host that is an IP or a name, and without an ID (the peer sets laddr or \
         external_address)"
    )]
    ListenAddr,
    /// `version` is not printable ASCII.
    #[error("version is not printable ASCII")]
    Version,
    /// More than 16 channels.
    #[error("more than {MAX_CHANNELS} channels")]
    TooManyChannels,
    /// A channel is announced twice.
    #[error("channel {0:#04x} is announced twice")]
    DuplicateChannel(u8),
    /// The moniker is empty or not printable ASCII.
    #[error("the moniker is empty or not printable ASCII")]
    Moniker,
    /// `tx_index` is not "", "on" or "off".
    #[error("tx_index is none of \"\", \"on\", \"off\"")]
    TxIndex,
    /// `rpc_address` is not ASCII.
    #[error("rpc_address is not printable ASCII")]
    RpcAddress,
}

impl NodeInfo {
    /// Checks what can be checked without knowing our own network (CometBFT `p2p/node_info.go: Validate`).
    ///
    /// # Errors
    /// The first rule that is broken. A host name in the listen address is not resolved here.
    pub fn validate(&self) -> Result<(), NodeInfoError> {
        self.listen_host_and_port().ok_or(NodeInfoError::ListenAddr)?;
        if !self.version.is_empty() && !is_printable(&self.version) {
            return Err(NodeInfoError::Version);
        }
        if self.channels.len() > MAX_CHANNELS {
            return Err(NodeInfoError::TooManyChannels);
        }
        for (index, channel) in self.channels.iter().enumerate() {
            if self.channels[..index].contains(channel) {
                return Err(NodeInfoError::DuplicateChannel(*channel));
            }
        }
        if !is_printable(&self.moniker) {
            return Err(NodeInfoError::Moniker);
        }
        if !matches!(self.tx_index.as_str(), "" | "on" | "off") {
            return Err(NodeInfoError::TxIndex);
        }
        if !self.rpc_address.is_empty() && !is_printable(&self.rpc_address) {
            return Err(NodeInfoError::RpcAddress);
        }
        Ok(())
    }

    /// Host and port of `listen_addr`; `None` when it is not of that form. Read as CometBFT reads it
    /// (`p2p/netaddress.go: removeProtocolIfDefined`, `NewNetAddressString`; Go's `net.SplitHostPort`), which puts the ID and
    /// an `@` in front, so that a second `@` is refused.
    pub fn listen_host_and_port(&self) -> Option<(&str, u16)> {
        let text = self.listen_addr.split("://").nth(1).unwrap_or(&self.listen_addr);
        let (host, port) = text.rsplit_once(':')?;
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        let bare = bracketed.is_some() || !host.contains(':');
        let named =
            !host.is_empty() && host.is_ascii() && !host.contains(|c: char| c.is_whitespace() || "@[]".contains(c));
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        (named && bare && digits).then_some(())?;
        Some((host, port.parse().ok()?))
    }

    /// Whether both sides speak at least one channel.
    pub fn shares_channel(&self, other: &NodeInfo) -> bool {
        self.channels.iter().any(|channel| other.channels.contains(channel))
    }
}

/// CometBFT's `libs/strings/string.go: IsASCIIText` and a non-empty `ASCIITrim`: 0x20 to 0x7e, and not only spaces.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) && text.bytes().any(|byte| byte != b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> NodeInfo {
        NodeInfo {
            protocol: ProtocolVersion { p2p: 8, block: 11, app: 0 },
            id: NodeId::from_bytes([1; 20]),
            listen_addr: "tcp://0.0.0.0:26656".into(),
            network: "chain".into(),
            version: "0.38.0".into(),
            channels: vec![PEX_CHANNEL],
            moniker: "m".into(),
            tx_index: "on".into(),
            rpc_address: "tcp://0.0.0.0:26657".into(),
        }
    }

    fn with(change: impl FnOnce(&mut NodeInfo)) -> Result<(), NodeInfoError> {
        let mut info = info();
        change(&mut info);
        info.validate()
    }

    #[test]
    fn what_full_nodes_send_is_taken() {
        assert_eq!(info().validate(), Ok(()));
        assert_eq!(with(|i| i.version.clear()), Ok(()));
        assert_eq!(with(|i| i.rpc_address.clear()), Ok(()));
        assert_eq!(with(|i| i.tx_index.clear()), Ok(()));
        assert_eq!(with(|i| i.listen_addr = "[::]:26656".into()), Ok(()));
        assert_eq!(with(|i| i.listen_addr = "node.example.org:26656".into()), Ok(()));
    }

    /// What `DefaultNodeInfo.Validate` of CometBFT 0.38.17 said to each, run on these texts. Names that do not resolve are left
    /// out: it looks them up at once.
    #[test]
    fn listen_addresses_are_taken_and_refused_as_comet_does() {
        let id = NodeId::from_bytes([7; 20]);
        for (text, taken) in [
            ("tcp://0.0.0.0:26656", true),
            ("1.2.3.4:26656", true),
            ("a@tcp://1.2.3.4:1", true),
            ("tcp://1.2.3.4:1://z", true),
            ("[::1]:1", true),
            ("[::]:26656", true),
            ("[fe80::1%eth0]:1", true),
            ("[1.2.3.4]:1", true),
            ("[localhost]:1", true),
            ("localhost:1", true),
            ("1.2.3.4:0", true),
            ("1.2.3.4:01", true),
            ("x@1.2.3.4:26656", false),
            (&*format!("{id}@1.2.3.4:26656"), false),
            ("tcp://a@1.2.3.4:1", false),
            ("@1.2.3.4:1", false),
            ("1.2.3.4:1@", false),
            ("tcp://x://1.2.3.4:1", false),
            ("::1:1", false),
            ("a:b:1", false),
            ("[]:1", false),
            (":1", false),
            ("tcp://:26656", false),
            ("1.2.3.4", false),
            ("1.2.3.4:", false),
            ("1.2.3.4:65536", false),
            ("1.2.3.4:-1", false),
            ("1.2.3.4:+1", false),
            ("1.2.3.4:1 ", false),
            ("1.2.3.4:http", false),
            ("[1.2.3.4:1", false),
            ("1.2.3.4]:1", false),
            ("[[::1]]:1", false),
            ("a]b:1", false),
            ("a[b:1", false),
        ] {
            assert_eq!(with(|i| i.listen_addr = text.into()).is_ok(), taken, "{text}");
        }
    }

    #[test]
    fn every_broken_rule_is_named() {
        for bad in ["", "26656", ":26656", "host", "host:", "host:x", "host:65536", "ho st:1", "host]:1", "ho[st:1"] {
            assert_eq!(with(|i| i.listen_addr = bad.into()), Err(NodeInfoError::ListenAddr), "{bad}");
        }
        assert_eq!(with(|i| i.version = "   ".into()), Err(NodeInfoError::Version));
        assert_eq!(with(|i| i.version = "\t".into()), Err(NodeInfoError::Version));
        assert_eq!(with(|i| i.channels = (0..17).collect()), Err(NodeInfoError::TooManyChannels));
        assert_eq!(with(|i| i.channels = vec![0, 1, 0]), Err(NodeInfoError::DuplicateChannel(0)));
        assert_eq!(with(|i| i.moniker = " ".into()), Err(NodeInfoError::Moniker));
        assert_eq!(with(|i| i.moniker = "é".into()), Err(NodeInfoError::Moniker));
        assert_eq!(with(|i| i.tx_index = "yes".into()), Err(NodeInfoError::TxIndex));
        assert_eq!(with(|i| i.rpc_address = "é".into()), Err(NodeInfoError::RpcAddress));
    }
}
