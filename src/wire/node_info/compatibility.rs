//! Whether a node is compatible with us: its identity, chain, block version and channels (docs/protocol/switch.md,
//! "Compatibility").

use crate::types::{Fault, NodeId, NodeInfo};

/// Bytes of a foreign chain ID that a fault keeps: CometBFT's own limit (`types/genesis.go: MaxChainIDLen`).
const MAX_FOREIGN_NETWORK: usize = 50;

/// Whether the key that authenticated is the one that was dialled. To be called before any node information is sent, so
/// that another node does not learn ours.
///
/// # Errors
/// [`Fault::WrongId`].
pub fn check_dialled(authenticated: NodeId, dialled: Option<NodeId>) -> Result<(), Fault> {
    match dialled {
        Some(dialled) if dialled != authenticated => Err(Fault::WrongId { actual: authenticated }),
        _ => Ok(()),
    }
}

/// Whether a peer with this key and node information is compatible, in CometBFT's order of checks
/// (`p2p/transport.go: upgrade`, `p2p/node_info.go: CompatibleWith`).
///
/// # Errors
/// The first rule that is broken, each as its own kind: [`Fault::WrongId`], [`Fault::BadNodeInfo`],
/// [`Fault::Ourselves`], [`Fault::WrongBlockVersion`], [`Fault::WrongNetwork`], [`Fault::NoCommonChannel`].
pub fn check_compatible(
    ours: &NodeInfo,
    theirs: &NodeInfo,
    authenticated: NodeId,
    dialled: Option<NodeId>,
) -> Result<(), Fault> {
    check_dialled(authenticated, dialled)?;
    theirs.validate().map_err(Fault::BadNodeInfo)?;
    if theirs.id != authenticated {
        return Err(Fault::WrongId { actual: authenticated });
    }
    if ours.id == theirs.id {
        return Err(Fault::Ourselves);
    }
    if ours.protocol.block != theirs.protocol.block {
        return Err(Fault::WrongBlockVersion { actual: theirs.protocol.block });
    }
    if ours.network != theirs.network {
        return Err(Fault::WrongNetwork { actual: printable(&theirs.network) });
    }
    if !ours.shares_channel(theirs) {
        return Err(Fault::NoCommonChannel);
    }
    Ok(())
}

/// A foreign chain ID, fit for logs and tables: printable ASCII, at most 50 bytes.
fn printable(name: &str) -> Box<str> {
    let shown = |letter: char| if matches!(letter, ' '..='~') { letter } else { '?' };
    name.chars().take(MAX_FOREIGN_NETWORK).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{NodeInfoError, PEX_CHANNEL, ProtocolVersion};

    fn info(id: u8) -> NodeInfo {
        NodeInfo {
            protocol: ProtocolVersion { p2p: 8, block: 11, app: 0 },
            id: NodeId::from_bytes([id; 20]),
            listen_addr: "tcp://0.0.0.0:26656".into(),
            network: "chain-1".into(),
            version: "0.38.0".into(),
            channels: vec![PEX_CHANNEL],
            moniker: "m".into(),
            tx_index: "on".into(),
            rpc_address: String::new(),
        }
    }

    proptest! {
        #[test]
        fn a_foreign_name_is_short_and_printable(name: String) {
            let shown = printable(&name);
            prop_assert!(shown.len() <= 50 && shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }

    fn fault(change: impl FnOnce(&mut NodeInfo)) -> Option<Fault> {
        let mut theirs = info(2);
        change(&mut theirs);
        check_compatible(&info(1), &theirs, info(2).id, Some(info(2).id)).err()
    }

    #[test]
    fn every_reason_to_refuse_a_peer_has_its_kind() {
        assert_eq!(fault(|_| {}), None);
        assert_eq!(fault(|i| i.channels = vec![0x20, PEX_CHANNEL, 0x40]), None);
        assert_eq!(fault(|i| i.protocol = ProtocolVersion { p2p: 9, block: 11, app: 7 }), None);
        assert_eq!(fault(|i| i.moniker.clear()), Some(Fault::BadNodeInfo(NodeInfoError::Moniker)));
        assert_eq!(fault(|i| i.id = info(3).id), Some(Fault::WrongId { actual: info(2).id }));
        assert_eq!(fault(|i| i.protocol.block = 10), Some(Fault::WrongBlockVersion { actual: 10 }));
        assert_eq!(fault(|i| i.network = "é\n1".into()), Some(Fault::WrongNetwork { actual: "??1".into() }));
        assert_eq!(fault(|i| i.network = "n".repeat(60)), Some(Fault::WrongNetwork { actual: "n".repeat(50).into() }));
        assert_eq!(fault(|i| i.channels = vec![0x20]), Some(Fault::NoCommonChannel));
    }

    #[test]
    fn identity_is_checked_against_what_was_dialled_first() {
        let (ours, theirs) = (info(1), info(2));
        let wrong = Err(Fault::WrongId { actual: theirs.id });
        assert_eq!(check_compatible(&ours, &theirs, theirs.id, Some(info(3).id)), wrong);
        assert_eq!(check_dialled(theirs.id, Some(info(3).id)), wrong);
        assert_eq!(check_compatible(&ours, &theirs, theirs.id, None), Ok(()));
        assert_eq!(check_compatible(&ours, &ours, ours.id, Some(ours.id)), Err(Fault::Ourselves));
        let liar = check_compatible(&ours, &ours, theirs.id, None);
        assert_eq!(liar, wrong, "who names our ID without our key is not ourselves");
    }
}
