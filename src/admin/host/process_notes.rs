//! Notes of what was done to the process: in its audit, on disk before it is answered, and told to who watches its networks.

use futures_util::future::join_all;

use crate::network::{AuditKind, ChangeAuthor, Directory, NewAuditEntry, ProcessAudit, Saved};

/// Notes a change of the process, or of the network with this chain ID that comes or goes. Without an audit of the process the
/// networks' own have it.
///
/// The answer is why it is not on disk, when it is not: the change is in effect, and whoever asked for it is told.
pub(crate) async fn note(
    audit: Option<&ProcessAudit>,
    directory: &Directory,
    by: &ChangeAuthor,
    network: &str,
    summary: &str,
) -> Saved {
    let handles = directory.all(|_| true);
    let Some(audit) = audit else {
        // One that does not answer has no say in it.
        join_all(handles.iter().map(|handle| handle.note(by.clone(), summary.to_owned()))).await;
        return Saved::Yes;
    };
    let told = join_all(handles.iter().map(|handle| handle.announce(by.clone(), summary.to_owned())));
    let entry = NewAuditEntry {
        kind: AuditKind::Change,
        network: network.into(),
        author: (*by.author).into(),
        method: by.method.into(),
        summary: summary.into(),
    };
    let (_, recorded) = tokio::join!(told, audit.record(entry));
    match recorded {
        Ok(()) => Saved::Yes,
        Err(error) => {
            tracing::error!(%error, author = %by.author, method = by.method, "{summary}: done, and not in the audit");
            Saved::No(format!("done, and not in the audit: {error}"))
        }
    }
}
