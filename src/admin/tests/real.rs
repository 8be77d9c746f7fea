//! A real network, stopped or running, behind a served admin API.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::connect;
use crate::admin::{Admin, AdminSettings};
use crate::book::Record;
use crate::clock::entropy;
use crate::network::{self, Directory, Handle, SharedListener};
use crate::node::row::{Key, Row, RowChange};
use crate::store::{self, Store};
use crate::testkit::NoFiles;
use crate::testkit::sim::{node_info, params};
use crate::transport::{DialLimits, Dialler, HandshakeLimits, LocalNode};
use crate::types::NodeId;
use crate::wire::secret::NodeKey;

const CHAIN: &str = "real-1";

/// A seed network whose reactor is not started, and its API.
pub(super) struct Real {
    pub(super) handle: Handle,
    pub(super) channel: Channel,
    pub(super) id: NodeId,
    shutdown: CancellationToken,
    _folder: TempDir,
    _stop: oneshot::Sender<()>,
}

impl Drop for Real {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Serves a network whose book has these records.
pub(super) async fn real(records: Vec<Record>) -> Real {
    real_with(records, |_| {}).await
}

/// As [`real`], with other parameters.
pub(super) async fn real_with(records: Vec<Record>, change: impl FnOnce(&mut crate::node::Params)) -> Real {
    let (folder, shutdown) = (tempfile::tempdir().unwrap(), CancellationToken::new());
    let key = Arc::new(NodeKey::from_seed(entropy()));
    let (id, at) = (key.id(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let book = folder.path().join("book.db");
    let (store, _) = Store::open(&book, CHAIN, [7; 32]).unwrap();
    let row = |record: Record| RowChange { key: Key::Address(record.address), row: Some(Row::Address(record)) };
    store.write(records.into_iter().map(row).collect()).await.unwrap();
    store.close().await.unwrap();
    let transport =
        crate::transport::ConnectionSettings { strict: false, ..crate::transport::ConnectionSettings::default() };
    let mut params = params(id, at, true);
    change(&mut params);
    let config = network::Config {
        chain_id: CHAIN.into(),
        params,
        local: LocalNode::new(key, node_info(id, CHAIN, at), transport),
        shared_listener: SharedListener::new(at, HandshakeLimits::default()),
        book,
        store: store::StoreSettings::default(),
        answer_log_bytes: 64 << 20,
        changeable: network::Changeable::default(),
    };
    let running = network::spawn(config, Dialler::new(DialLimits::default()), shutdown.clone()).await;
    let directory = Directory::new([running.handle.clone()], None);
    let mut settings = AdminSettings::open_loopback(0);
    settings.limits.rate.per_second = 0;
    let admin = Admin::bind(settings).await.unwrap();
    let addr = admin.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(admin.serve(directory, Arc::new(NoFiles), NoFiles::process(), async move { drop(stopped.await) }));
    Real { handle: running.handle, channel: connect(addr).await, id, shutdown, _folder: folder, _stop: stop }
}
