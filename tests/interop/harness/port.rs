//! Ports that the system chose and keeps for us.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// A loopback address whose port nobody else is given for a minute.
///
/// A node announces its `laddr` as written, so its port must be known before it starts. The side that closes a
/// connection first leaves its port in TIME-WAIT: the system then hands it to nobody, and a server, which sets
/// SO_REUSEADDR, may still bind it.
pub(crate) fn reserve() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let mut client = TcpStream::connect(address).expect("our own listener accepts");
    drop(listener.accept().expect("the connection is there"));
    // The client must see the end before it closes, or both sides close at once and the port is free again.
    let read = client.read(&mut [0]).expect("the end of the stream");
    assert_eq!(read, 0);
    address
}

#[test]
fn a_reserved_port_is_given_to_nobody_and_can_be_bound() {
    let reserved: Vec<_> = (0..10).map(|_| reserve()).collect();
    let mut ports: Vec<_> = reserved.iter().map(SocketAddr::port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), reserved.len());
    for address in reserved {
        TcpListener::bind(address).unwrap();
    }
}
