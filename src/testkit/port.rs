//! Ports that the system chose and keeps for us.

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// A loopback address whose port nobody else is given for a minute.
///
/// A node announces its `laddr` as written, so its port must be known before it starts. The side that closes a
/// connection first leaves its port in TIME-WAIT: the system then hands it to nobody, and a server, which sets
/// SO_REUSEADDR, may still bind it.
///
/// # Errors
/// When loopback has no port left.
pub fn reserve_port() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut client = TcpStream::connect(address)?;
    drop(listener.accept()?);
    // The client must see the end before it closes, or both sides close at once and the port is free again.
    match client.read(&mut [0])? {
        0 => Ok(address),
        _ => Err(io::Error::other("somebody else answers at our own port")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_reserved_port_is_given_to_nobody_and_can_be_bound() {
        let reserved: BTreeSet<_> = (0..10).map(|_| reserve_port().unwrap()).collect();
        assert_eq!(reserved.len(), 10);
        for address in reserved {
            TcpListener::bind(address).unwrap();
        }
    }
}
