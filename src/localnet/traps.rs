//! The addresses that lead nowhere.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Accepts connections and never says a word.
#[derive(Debug)]
pub(super) struct Silent {
    pub(super) at: SocketAddr,
    task: JoinHandle<()>,
}

impl Silent {
    pub(super) async fn open() -> io::Result<Self> {
        /// Connections that are held; older ones are closed.
        const HELD: usize = 64;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let at = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut held: std::collections::VecDeque<TcpStream> = std::collections::VecDeque::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push_back(stream);
                if held.len() > HELD {
                    held.pop_front();
                }
            }
        });
        Ok(Silent { at, task })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Does not even answer a SYN: its queue of unaccepted connections is full.
#[derive(Debug)]
pub(super) struct BlackHole {
    pub(super) at: SocketAddr,
    /// The listener, which never accepts, and what fills its queue.
    _sockets: Vec<Socket>,
}

impl BlackHole {
    pub(super) fn open() -> io::Result<Self> {
        /// More than any system keeps for a backlog of one.
        const FILLING: usize = 8;
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        listener.listen(1)?;
        let at = listener.local_addr()?;
        let mut sockets = vec![listener];
        for _ in 0..FILLING {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_nonblocking(true)?;
            // Under way is what it is meant to stay.
            let _ = socket.connect(&at);
            sockets.push(socket);
        }
        let at = at.as_socket().ok_or_else(|| io::Error::other("the system gave no IP address"))?;
        Ok(BlackHole { at, _sockets: sockets })
    }
}
