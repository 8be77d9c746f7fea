//! What a connection costs on the wire's side: the handshake, the frames, and an answer of 250 addresses.

#![allow(missing_docs)]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::BytesMut;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pexd::types::{NetAddress, NodeId, SeededRng};
use pexd::wire::mconn::{DEFAULT_PAYLOAD, Incoming, PacketReader, encode_message};
use pexd::wire::pex::{self, Outgoing};
use pexd::wire::secret::{Authenticated, FRAME_DATA, Handshake, NodeKey, Opener, SEALED_FRAME, Sealer, Step};
use rand::SeedableRng as _;

/// Both sides in turn, until both are done.
fn join(a_key: &Arc<NodeKey>, b_key: &Arc<NodeKey>) -> (Authenticated, Authenticated) {
    let (mut to_a, mut to_b) = (Vec::new(), Vec::new());
    let a = Handshake::new(Arc::clone(a_key), [3; 32], &mut to_b);
    let b = Handshake::new(Arc::clone(b_key), [4; 32], &mut to_a);
    let Ok(Step::More(a)) = a.advance(&mut BytesMut::from(&to_a[..]), &mut to_b) else { panic!("a has more to do") };
    to_a.clear();
    let Ok(Step::Done(b)) = b.advance(&mut BytesMut::from(&to_b[..]), &mut to_a) else { panic!("b is done") };
    let Ok(Step::Done(a)) = a.advance(&mut BytesMut::from(&to_a[..]), &mut to_b) else { panic!("a is done") };
    (a, b)
}

fn connection() -> (Sealer, Opener) {
    let (a, b) = join(&key(1), &key(2));
    (a.sealer, b.opener)
}

fn key(seed: u8) -> Arc<NodeKey> {
    Arc::new(NodeKey::from_seed([seed; 32]))
}

fn answer() -> Outgoing {
    let address = |n: u8| {
        let ip = Ipv4Addr::new(100, n, n, 200);
        NetAddress::new(NodeId::from_bytes([n; 20]), ip.into(), 26_656).expect("a plain address")
    };
    Outgoing::Addresses((0..250).map(address).collect())
}

fn handshake(c: &mut Criterion) {
    let (a, b) = (key(1), key(2));
    c.bench_function("handshake/both sides", |bench| bench.iter(|| black_box(join(&a, &b))));
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame");
    group.throughput(Throughput::Bytes(FRAME_DATA as u64));
    let (mut sealer, mut opener) = connection();
    let mut out = Vec::with_capacity(SEALED_FRAME);
    group.bench_function("seal", |bench| {
        bench.iter(|| {
            out.clear();
            sealer.seal(&[7; FRAME_DATA], &mut out).expect("counters last");
        });
    });
    let (mut sealer, _) = connection();
    let mut sealed = || {
        let mut frame = Vec::with_capacity(SEALED_FRAME);
        sealer.seal(&[7; FRAME_DATA], &mut frame).expect("counters last");
        frame
    };
    // One batch at a time keeps the frames in the order of their counters.
    group.bench_function("open", |bench| {
        bench.iter_batched_ref(
            &mut sealed,
            |frame| black_box(opener.open(frame).expect("an honest frame").len()),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn answers(c: &mut Criterion) {
    let mut group = c.benchmark_group("answer of 250");
    let answer = answer();
    let send = |sealer: Option<&mut Sealer>| {
        let mut packets = Vec::new();
        encode_message(&pex::encode(&answer), DEFAULT_PAYLOAD, &mut packets);
        let mut out = Vec::new();
        sealer.map(|sealer| sealer.seal(&packets, &mut out)).transpose().expect("counters last");
        (packets, out)
    };
    let (mut sealer, _) = connection();
    group.bench_function("encode", |bench| bench.iter(|| send(None)));
    group.bench_function("encode and seal", |bench| bench.iter(|| send(Some(&mut sealer))));

    let (packets, _) = send(None);
    let mut rng = SeededRng::from_seed([0; 32]);
    group.bench_function("decode", |bench| {
        bench.iter(|| {
            let (mut reader, mut chunk) = (PacketReader::new(DEFAULT_PAYLOAD), &packets[..]);
            let Ok(Some(Incoming::Message(message))) = reader.read(&mut chunk) else { panic!("a whole message") };
            pex::decode(&message, &mut rng).expect("an honest answer")
        });
    });
    group.finish();
}

criterion_group!(benches, handshake, frames, answers);
criterion_main!(benches);
