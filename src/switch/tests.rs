//! Random lives of a switch: what the limits are checked against is what is connected.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng as _;

use super::*;
use crate::testkit::sim::{EPOCH, node_info, params};
use crate::types::{Direction, Ticket};

/// Few, so that they meet.
const IDS: u8 = 6;
const MAX_INBOUND: u32 = 2;

#[derive(Clone, Copy, Debug)]
enum Op {
    Inbound(u8),
    Dial(u8),
    Closed(u8),
    Disconnect(u8),
    Unconditional(u8, bool),
    Persistent(u8, bool),
    Ban(u8),
    Wait,
}

fn op() -> impl Strategy<Value = Op> {
    let id = || 1..=IDS;
    prop_oneof![
        3 => id().prop_map(Op::Inbound),
        2 => id().prop_map(Op::Dial),
        1 => id().prop_map(Op::Closed),
        1 => id().prop_map(Op::Disconnect),
        2 => (id(), any::<bool>()).prop_map(|(id, add)| Op::Unconditional(id, add)),
        1 => (id(), any::<bool>()).prop_map(|(id, add)| Op::Persistent(id, add)),
        1 => id().prop_map(Op::Ban),
        1 => Just(Op::Wait),
    ]
}

fn id(n: u8) -> NodeId {
    NodeId::from_bytes([n; 20])
}

fn place(n: u8) -> SocketAddr {
    SocketAddr::new([20, n, 7, 1].into(), 26_656)
}

fn address(n: u8) -> PeerAddress {
    format!("{}@{}", id(n), place(n)).parse().unwrap()
}

fn handshaken(n: u8) -> Handshaken {
    Handshaken { remote: place(n), info: node_info(id(n), "chain", place(n)), took: Duration::from_millis(1) }
}

struct Life {
    switch: Switch,
    out: Outbox,
    now: Now,
    rng: SeededRng,
}

impl Life {
    fn new() -> Self {
        let own = params(id(0), place(0), false).switch;
        let switch = Switch::new(
            Params { limits: SwitchLimits { max_inbound: MAX_INBOUND, ..own.limits }, ..own },
            RestoredState::default(),
        );
        Life {
            switch,
            out: Outbox::default(),
            now: Now { mono: Mono::ZERO, wall: EPOCH },
            rng: SeededRng::seed_from_u64(1),
        }
    }

    fn apply(&mut self, op: Op) {
        let now = self.now;
        match op {
            Op::Inbound(n) => self.inbound(n),
            Op::Dial(n) => {
                if let Ok(conn) = self.switch.dial(&mut self.out, now, address(n), Purpose::Manual) {
                    let reached = Ok(Box::new(handshaken(n)));
                    self.switch.dialled(&mut self.out, now, conn, Some(place(n)), reached, &mut self.rng).unwrap();
                }
            }
            Op::Closed(n) => {
                if let Some(conn) = self.switch.conn_of(&id(n)) {
                    self.switch.closed(&mut self.out, now, conn, &Fault::ClosedByPeer, &mut self.rng).unwrap();
                }
            }
            Op::Disconnect(n) => {
                if let Some(conn) = self.switch.conn_of(&id(n)) {
                    self.switch.hold(&id(n));
                    let operator = Fault::ClosedByUs(CloseReason::Operator);
                    self.switch.close(&mut self.out, now, conn, CloseHow::Flush, operator).unwrap();
                }
            }
            Op::Unconditional(n, true) => drop(self.switch.add_unconditional(now, id(n), "ops").unwrap()),
            Op::Unconditional(n, false) => drop(self.switch.remove_unconditional(now, &id(n), "ops")),
            Op::Persistent(n, true) => drop(self.switch.add_persistent(now, address(n), "ops", true).unwrap()),
            Op::Persistent(n, false) => drop(self.switch.remove_persistent(now, &address(n), "ops")),
            Op::Ban(n) => {
                let length = Some(Duration::from_secs(5));
                let ban = Ban::new(BanTarget::Id(id(n)), String::new(), now.wall, length, Some("ops"));
                self.switch.ban(&mut self.out, now, ban).unwrap();
            }
            Op::Wait => {
                self.now = now.after(Duration::from_secs(6));
                self.switch.handle_timeout(&mut self.out, self.now);
            }
        }
    }

    /// An inbound peer is let in exactly when there is a slot or it needs none.
    fn inbound(&mut self, n: u8) {
        let needs_none = self.switch.unconditional().contains(&id(n));
        let room = needs_none || self.count(Direction::Inbound) < MAX_INBOUND;
        let barred = self.switch.is_connected(&id(n)) || self.switch.bans_id(&id(n), self.now.wall);
        let admitted = self.switch.inbound(&mut self.out, self.now, Ticket(1), handshaken(n)).is_some();
        assert_eq!(admitted, room && !barred);
    }

    fn count(&self, direction: Direction) -> u32 {
        let counts = |peer: &&Peer| peer.direction == direction && !peer.unconditional;
        self.switch.peers().filter(counts).count() as u32
    }

    fn check(&self) {
        assert_eq!(self.switch.counted(), (self.count(Direction::Inbound), self.count(Direction::Outbound)));
        for peer in self.switch.peers() {
            let id = peer.info.id;
            assert_eq!(peer.unconditional, self.switch.unconditional().contains(&id));
            assert_eq!(peer.persistent, self.switch.persistent().iter().any(|address| address.id() == id));
            assert_eq!(self.switch.conn_of(&id), Some(peer.conn));
            assert!(peer.persistent || peer.purpose != Some(Purpose::Persistent));
        }
    }
}

proptest! {
    #[test]
    fn the_limits_count_what_is_connected_whatever_operators_change(ops in prop::collection::vec(op(), 0..120)) {
        let mut life = Life::new();
        for op in ops {
            life.apply(op);
            life.check();
        }
    }
}
