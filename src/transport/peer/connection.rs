//! A peer's connection: what to do when its socket, its mail or its deadline calls.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::{io, mem};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::handle::Shared;
use super::scratch::{self, Scratch};
use crate::clock::Clock;
use crate::transport::LocalNode;
use crate::transport::handshake::Link;
use crate::transport::limits::ban_gate::Presence;
use crate::transport::os_error::stream_fault;
use crate::types::{CloseHow, Fault, Mono, SeededRng};
use crate::wire::mconn::{
    ByteRateLimiter, DEFAULT_PAYLOAD, Incoming, Keepalive, PacketReader, encode_message, encode_ping, encode_pong,
};
use crate::wire::pex::{self, Received};
use crate::wire::secret::{Opener, SEALED_FRAME, Sealer};

/// Bytes of packets that are sealed and written at once; the message that passes it is the last one.
const BATCH: usize = 32 * 1024;
/// Bytes that are read and dropped while a flushed connection waits for the peer to close it.
const MAX_DRAINED: usize = 64 * 1024;

/// What a peer's task has to act on.
pub(super) enum Event {
    /// A message came in.
    Message(Received),
    /// The network wants the connection closed.
    Close(CloseHow),
    /// The connection is over.
    Ended(Fault),
}

/// An open connection. At rest none of its buffers has memory.
pub(super) struct Connection {
    stream: TcpStream,
    sealer: Sealer,
    opener: Opener,
    reader: PacketReader,
    keepalive: Keepalive,
    send_rate: ByteRateLimiter,
    receive_rate: ByteRateLimiter,
    /// Received and not opened: less than a frame, or what is behind a message that waits.
    raw: Vec<u8>,
    /// Opened and not read: what is behind a message that waits.
    plain: Vec<u8>,
    /// Sealed and not taken by the socket.
    unsent: Vec<u8>,
    /// When what is unsent has to be written.
    stalled_at: Mono,
    /// When the next messages may be written.
    flush_at: Mono,
    /// When a rate or the throttle lets us go on.
    resume_at: Mono,
    ping_owed: bool,
    local: Arc<LocalNode>,
    shared: Arc<Shared>,
    _presence: Option<Presence>,
}

impl Connection {
    pub(super) fn new(link: Link, shared: Arc<Shared>, now: Mono) -> Self {
        let (settings, rates) = (link.local.settings(), link.local.rates());
        // What came with the end of the handshake: with a requester, that is all it sends.
        let opened = if link.plain.is_empty() { 0 } else { SEALED_FRAME };
        shared.counters.received_bytes(link.raw.len() + opened);
        Connection {
            stream: link.stream,
            sealer: link.sealer,
            opener: link.opener,
            reader: PacketReader::new(settings.max_packet_payload),
            keepalive: Keepalive::new(now),
            send_rate: ByteRateLimiter::new(rates.send_rate),
            receive_rate: ByteRateLimiter::new(rates.recv_rate),
            raw: link.raw,
            plain: link.plain,
            unsent: Vec::new(),
            stalled_at: Mono::NEVER,
            flush_at: Mono::ZERO,
            resume_at: Mono::NEVER,
            ping_owed: false,
            local: link.local,
            shared,
            _presence: link.presence,
        }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// When there is something to do although nothing came in.
    pub(super) fn deadline(&self) -> Mono {
        self.keepalive.deadline().min(self.stalled_at).min(self.resume_at)
    }

    /// Sends and receives until there is something to report. `timer` is the connection's only one.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<Event> {
        self.shared.register(cx.waker());
        loop {
            if let Some(how) = self.shared.close() {
                return Poll::Ready(Event::Close(how));
            }
            match self.exchange(cx, Clock.mono()) {
                Ok(None) => {}
                Ok(Some(message)) => return Poll::Ready(Event::Message(message)),
                Err(fault) => return Poll::Ready(Event::Ended(fault)),
            }
            ready!(poll_until(cx, timer.as_mut(), self.deadline()));
        }
    }

    fn exchange(&mut self, cx: &mut Context<'_>, now: Mono) -> Result<Option<Received>, Fault> {
        self.resume_at = Mono::NEVER;
        self.ping_owed |= self.keepalive.on_deadline(now)?;
        if now >= self.stalled_at {
            return Err(Fault::WriteStalled);
        }
        self.send(cx, now)?;
        let message = self.receive(cx, now)?;
        if message.is_none() {
            // Pongs for what came in.
            self.send(cx, now)?;
        }
        Ok(message)
    }

    // --- sending

    /// Writes what is due, as far as the socket takes it.
    fn send(&mut self, cx: &mut Context<'_>, now: Mono) -> Result<(), Fault> {
        loop {
            if !self.unsent.is_empty() && self.write_unsent(cx)?.is_pending() {
                return Ok(());
            }
            let wait = self.send_rate.wait(now);
            if !wait.is_zero() {
                self.resume_at = self.resume_at.min(now + wait);
                return Ok(());
            }
            if !scratch::with(|scratch| self.write_batch(cx, now, scratch))? {
                return Ok(());
            }
        }
    }

    fn write_unsent(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Fault> {
        let Poll::Ready(written) = poll_write(&mut self.stream, cx, &self.unsent)? else { return Ok(Poll::Pending) };
        self.shared.counters.sent_bytes(written);
        if written < self.unsent.len() {
            self.unsent.drain(..written);
        } else {
            self.unsent = Vec::new();
            self.stalled_at = Mono::NEVER;
        }
        Ok(Poll::Ready(()))
    }

    /// Seals all that is due and gives it to the socket in one write; `false` when there was nothing.
    fn write_batch(&mut self, cx: &mut Context<'_>, now: Mono, scratch: &mut Scratch) -> Result<bool, Fault> {
        let Scratch { plain, sealed, .. } = scratch;
        self.gather(now, plain);
        if plain.is_empty() {
            return Ok(false);
        }
        self.sealer.seal(plain, sealed)?;
        self.send_rate.spend(sealed.len(), now);
        let written = match poll_write(&mut self.stream, cx, sealed)? {
            Poll::Ready(written) => written,
            Poll::Pending => 0,
        };
        self.shared.counters.sent_bytes(written);
        if written < sealed.len() {
            self.unsent = sealed[written..].to_vec();
            self.stalled_at = now + self.local.settings().write_timeout;
        }
        Ok(true)
    }

    /// The packets that are due. Pings and pongs do not wait for the throttle.
    fn gather(&mut self, now: Mono, plain: &mut Vec<u8>) {
        if self.keepalive.take_pong() {
            encode_pong(plain);
        }
        if mem::take(&mut self.ping_owed) {
            encode_ping(plain);
        }
        if now < self.flush_at {
            if self.shared.has_mail() {
                self.resume_at = self.resume_at.min(self.flush_at);
            }
            return;
        }
        let payload = self.local.settings().max_packet_payload.min(DEFAULT_PAYLOAD);
        while plain.len() < BATCH
            && let Some(message) = self.shared.next_message()
        {
            let encoded = pex::encode(&message);
            encode_message(&encoded, payload, plain);
            self.shared.counters.sent(&message);
            self.local.messages().sent(&message, encoded.len());
            self.flush_at = now + self.local.rates().flush_throttle;
        }
    }

    // --- receiving

    /// Reads until a message is whole or the socket has no more. While the network has a message, nothing is read.
    fn receive(&mut self, cx: &mut Context<'_>, now: Mono) -> Result<Option<Received>, Fault> {
        scratch::with(|scratch| {
            loop {
                if self.shared.is_unacknowledged() {
                    return Ok(None);
                }
                if let Some(message) = self.read_kept(now, &mut scratch.rng)? {
                    return Ok(Some(message));
                }
                let wait = self.receive_rate.wait(now);
                if !wait.is_zero() {
                    self.resume_at = self.resume_at.min(now + wait);
                    return Ok(None);
                }
                let Poll::Ready(filled) = self.fill(cx, now, &mut scratch.input)? else { return Ok(None) };
                if let Some(message) = self.open(&mut scratch.input[..filled], now, &mut scratch.rng)? {
                    return Ok(Some(message));
                }
            }
        })
    }

    /// What was left behind the last message.
    fn read_kept(&mut self, now: Mono, rng: &mut SeededRng) -> Result<Option<Received>, Fault> {
        if !self.plain.is_empty() {
            let plain = mem::take(&mut self.plain);
            let message = self.read(&plain, now, rng)?;
            if message.is_some() {
                return Ok(message);
            }
        }
        if self.raw.len() < SEALED_FRAME {
            return Ok(None);
        }
        let mut raw = mem::take(&mut self.raw);
        self.open(&mut raw, now, rng)
    }

    /// Puts the piece of a frame that was kept, and what the socket has, into `input`; says how many bytes are there.
    fn fill(&mut self, cx: &mut Context<'_>, now: Mono, input: &mut [u8]) -> Result<Poll<usize>, Fault> {
        let kept = self.raw.len();
        let mut space = ReadBuf::new(&mut input[kept..]);
        match Pin::new(&mut self.stream).poll_read(cx, &mut space) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(read) => read.map_err(|error| stream_fault(&error))?,
        }
        let read = space.filled().len();
        if read == 0 {
            return Err(Fault::ClosedByPeer);
        }
        self.shared.counters.received_bytes(read);
        self.receive_rate.spend(read, now);
        input[..kept].copy_from_slice(&self.raw);
        self.raw = Vec::new();
        Ok(Poll::Ready(kept + read))
    }

    /// Opens whole frames until a message is whole, and keeps the rest.
    fn open(&mut self, raw: &mut [u8], now: Mono, rng: &mut SeededRng) -> Result<Option<Received>, Fault> {
        let (mut message, mut opened) = (None, 0);
        while message.is_none()
            && let Some(frame) = raw.get_mut(opened..opened + SEALED_FRAME)
        {
            opened += SEALED_FRAME;
            let chunk = self.opener.open(frame)?;
            message = self.read(chunk, now, rng)?;
        }
        self.raw = raw[opened..].to_vec();
        Ok(message)
    }

    /// Reads packets until a message is whole, and keeps the rest.
    fn read(&mut self, mut chunk: &[u8], now: Mono, rng: &mut SeededRng) -> Result<Option<Received>, Fault> {
        while let Some(item) = self.reader.read(&mut chunk)? {
            match item {
                Incoming::Ping => self.keepalive.on_ping(now)?,
                Incoming::Pong => self.keepalive.on_pong(),
                Incoming::Message(encoded) => {
                    let message = pex::decode(&encoded, rng)?;
                    self.shared.counters.received(&message);
                    self.local.messages().received(&message, encoded.len());
                    self.plain = chunk.to_vec();
                    return Ok(Some(message));
                }
            }
        }
        Ok(None)
    }

    // --- closing

    /// Writes all that is queued, without throttle and rate; `true` when it is written, `false` when it cannot be.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.shared.register(cx.waker());
        if self.shared.close() == Some(CloseHow::Now) {
            return Poll::Ready(false);
        }
        self.flush_at = Mono::ZERO;
        self.send_rate = ByteRateLimiter::new(0);
        loop {
            if self.send(cx, Clock.mono()).is_err() {
                return Poll::Ready(false);
            }
            if !self.unsent.is_empty() {
                return Poll::Pending;
            }
            if !self.shared.has_mail() {
                return Poll::Ready(true);
            }
            self.flush_at = Mono::ZERO;
        }
    }

    /// Tells the peer that nothing follows.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// Drops what still comes in until the peer closes, or `drained` has reached its bound: to close with unread bytes
    /// would reset the connection and destroy what the peer has not read.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>, drained: &mut usize) -> Poll<()> {
        self.shared.register(cx.waker());
        scratch::with(|scratch| {
            while *drained < MAX_DRAINED && self.shared.close() != Some(CloseHow::Now) {
                let mut space = ReadBuf::new(&mut scratch.input);
                match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut space)) {
                    Ok(()) if !space.filled().is_empty() => *drained += space.filled().len(),
                    _ => break,
                }
            }
            Poll::Ready(())
        })
    }

    pub(super) fn local(&self) -> &LocalNode {
        &self.local
    }
}

fn poll_write(stream: &mut TcpStream, cx: &mut Context<'_>, bytes: &[u8]) -> Result<Poll<usize>, Fault> {
    match Pin::new(stream).poll_write(cx, bytes) {
        Poll::Pending => Ok(Poll::Pending),
        Poll::Ready(Ok(written)) => Ok(Poll::Ready(written)),
        Poll::Ready(Err(error)) => Err(stream_fault(&error)),
    }
}

/// Waits for `deadline`. A timer that is set to an earlier time is left alone until it fires: most deadlines move away
/// before they come.
fn poll_until(cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>, deadline: Mono) -> Poll<()> {
    let wanted = Clock.deadline(deadline);
    if wanted < timer.deadline() {
        timer.as_mut().reset(wanted);
    }
    loop {
        ready!(timer.as_mut().poll(cx));
        if Clock.mono() >= deadline {
            return Poll::Ready(());
        }
        timer.as_mut().reset(wanted);
    }
}
