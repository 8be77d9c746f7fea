//! What the operating system says, in our words.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

use crate::types::{Fault, Stage};

/// Linux's and the BSDs' numbers for "no more files", in this process and on this host.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// Why no TCP connection to `target` could be opened.
pub(super) fn connect_fault(error: &Error, target: SocketAddr) -> Fault {
    if is_exhausted(error) {
        return Fault::LocalResources;
    }
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Fault::Refused,
        ErrorKind::TimedOut => Fault::TimedOut(Stage::Dial),
        // No local port is left. A host without IPv6 says the same of every IPv6 address.
        ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse if target.is_ipv4() => Fault::LocalResources,
        _ => Fault::Unreachable,
    }
}

/// Why a read or write within the handshake failed. A Go node that closes with unread data causes a reset, so that the two
/// mean the same here.
pub(super) fn handshake_fault(error: &Error, stage: Stage) -> Fault {
    match error.kind() {
        ErrorKind::TimedOut => Fault::TimedOut(stage),
        _ => Fault::ClosedInHandshake(stage),
    }
}

/// Why a read or write on an open connection failed.
pub(super) fn stream_fault(error: &Error) -> Fault {
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => Fault::ClosedByPeer,
        _ => Fault::Reset,
    }
}

/// Whether this host has no files or memory left, which passes.
pub(super) fn is_exhausted(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) || error.kind() == ErrorKind::OutOfMemory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_ipv6_is_not_out_of_ports() {
        let none_left = Error::from(ErrorKind::AddrNotAvailable);
        assert_eq!(connect_fault(&none_left, "1.2.3.4:1".parse().unwrap()), Fault::LocalResources);
        assert_eq!(connect_fault(&none_left, "[2a00::1]:1".parse().unwrap()), Fault::Unreachable);
    }

    #[test]
    fn our_own_shortage_is_nobodys_fault() {
        let target = "1.2.3.4:1".parse().unwrap();
        assert_eq!(connect_fault(&Error::from_raw_os_error(EMFILE), target), Fault::LocalResources);
        assert_eq!(connect_fault(&Error::from(ErrorKind::ConnectionRefused), target), Fault::Refused);
        assert_eq!(connect_fault(&Error::from(ErrorKind::HostUnreachable), target), Fault::Unreachable);
        assert_eq!(connect_fault(&Error::from(ErrorKind::PermissionDenied), target), Fault::Unreachable);
    }
}
