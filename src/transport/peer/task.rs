//! The task of a peer: one loop, one message at a time to the network, and its end reported once.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::mpsc::Sender;
use tokio::time::{Sleep, sleep_until};

use super::connection::{Connection, Event};
use super::handle::Shared;
use super::{Ack, FromPeer, PeerHandle, PeerSaid};
use crate::clock::Clock;
use crate::transport::Upgraded;
use crate::types::{CloseHow, CloseReason, ConnId, Fault};

/// Starts to serve a connection. What it says goes to `inbox` under its number; has to be called within a runtime.
pub fn spawn_peer(upgraded: Upgraded, conn: ConnId, inbox: Sender<FromPeer>) -> PeerHandle {
    let shared = Arc::new(Shared::default());
    let (id, remote) = (upgraded.info.id, upgraded.remote);
    let connection = Box::new(Connection::new(upgraded.link, shared.clone(), Clock.mono()));
    tokio::spawn(serve(connection, conn, inbox));
    PeerHandle::new(id, remote, shared)
}

async fn serve(connection: Box<Connection>, conn: ConnId, inbox: Sender<FromPeer>) {
    let fault = {
        let mut running = pin!(run(connection, conn, &inbox));
        // A panic ends this peer, and its network has to know.
        poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
            Ok(poll) => poll,
            Err(_) => Poll::Ready(Fault::Internal),
        })
        .await
    };
    // Without a receiver there is nobody to report to.
    if let Ok(room) = inbox.reserve().await {
        room.send(FromPeer { conn, what: PeerSaid::Closed(fault) });
    }
}

/// Serves the connection until it ends; says why. The socket is closed then.
async fn run(mut connection: Box<Connection>, conn: ConnId, inbox: &Sender<FromPeer>) -> Fault {
    let mut timer = pin!(sleep_until(Clock.deadline(connection.deadline())));
    loop {
        match poll_fn(|cx| connection.poll(cx, timer.as_mut())).await {
            Event::Message(message) => {
                // To reserve takes less of an idle task's memory than to send.
                let Ok(room) = inbox.reserve().await else { return Fault::ClosedByUs(CloseReason::Stopped) };
                let ack = Ack::new(connection.shared());
                room.send(FromPeer { conn, what: PeerSaid::Message(message, ack) });
            }
            Event::Ended(fault) => return fault,
            Event::Close(how) => {
                if how == CloseHow::Flush {
                    flush(&mut connection, timer.as_mut()).await;
                }
                return connection.shared().close_fault().unwrap_or(Fault::Internal);
            }
        }
    }
}

/// Sends what is queued, shuts the write side down and waits for the peer to close, each within its time.
async fn flush(connection: &mut Connection, mut timer: Pin<&mut Sleep>) {
    let settings = connection.local().settings();
    let (write_timeout, drain_timeout) = (settings.write_timeout, settings.drain_timeout);
    timer.as_mut().reset(Clock.deadline(Clock.mono() + write_timeout));
    let flushed = poll_fn(|cx| match connection.poll_flush(cx) {
        Poll::Pending => timer.as_mut().poll(cx).map(|()| false),
        ready => ready,
    });
    if !flushed.await || poll_fn(|cx| connection.poll_shutdown(cx)).await.is_err() {
        return;
    }
    timer.as_mut().reset(Clock.deadline(Clock.mono() + drain_timeout));
    let mut drained = 0;
    poll_fn(|cx| match connection.poll_drain(cx, &mut drained) {
        Poll::Pending => timer.as_mut().poll(cx),
        ready => ready,
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an idle peer's task takes: its future and the connection (dependencies document: 1.1 KB with the kernel's and
    /// tokio's own).
    const BUDGET: usize = 1024;

    fn size_of_task<F: Future>(_: impl FnOnce(Box<Connection>, ConnId, Sender<FromPeer>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_peer_is_small() {
        let total = size_of_task(serve) + size_of::<Connection>() + size_of::<Shared>();
        assert!(total <= BUDGET, "{} + {} + {}", size_of_task(serve), size_of::<Connection>(), size_of::<Shared>());
    }
}
