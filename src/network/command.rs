//! What the actor is asked: the commands that a handle sends, each with the channel that its reply goes through.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::counters::Outbound;
use super::error::Error;
use super::tunables::{Configured, NewSetting, SettingsView};
use super::views::{
    Applied, DialReport, Entered, ListenerNumber, Page, Peer, ProbeContext, RefusedSources, Report, Status,
};
use crate::book::Source;
use crate::node::row::{Ban, BanScope, BanTarget, ListItem};
use crate::node::{AddressDiagnosis, AddressRef, AddressView, BookView, ListedView, Preview, SeedView, SourceView};
use crate::transport::Grouping;
use crate::types::{ConnId, Group, NetAddress, NodeId, PeerAddress};

/// What the actor is asked; answers go through the oneshot.
#[derive(Debug)]
pub(super) enum Command {
    Status(oneshot::Sender<Status>),
    Start(Option<ChangeAuthor>, StartWaiter),
    Stop(ChangeAuthor, oneshot::Sender<bool>),
    Peer(PeerCommand),
    Summary(oneshot::Sender<BookView>),
    Addresses {
        after: Option<NetAddress>,
        max: usize,
        reply: oneshot::Sender<Page>,
    },
    Book(BookCommand),
    Seeds(oneshot::Sender<Vec<SeedView>>),
    Bans(oneshot::Sender<Vec<Ban>>),
    Config(ConfigCommand),
    Report(ReportCommand),
    ProbeContext(oneshot::Sender<ProbeContext>),
    ChangeRequest {
        by: ChangeAuthor,
        change: ChangeRequest,
        reply: oneshot::Sender<Result<Applied, Error>>,
    },
    /// Breaks the actor, to see what a fault in it costs the others.
    #[cfg(test)]
    Panic,
}

/// The caller that waits for a start.
pub(super) type StartWaiter = oneshot::Sender<Result<bool, String>>;

/// The author of a change, and the method: what the audit log keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeAuthor {
    /// A token's name, a certificate's subject, or the socket that it came from; at most 256 bytes are kept.
    pub author: Arc<str>,
    /// The method of the admin API, such as `BanService.Ban`.
    pub method: &'static str,
}

/// What operators change: applied, committed, then answered.
#[derive(Debug)]
pub(super) enum ChangeRequest {
    AddSeed(PeerAddress),
    RemoveSeed(PeerAddress),
    Ban { target: BanTarget, scope: BanScope, reason: String, length: Option<Duration> },
    Unban(BanTarget),
    Set(NewSetting),
    Reset(Box<str>),
    Disconnect { id: NodeId, reason: String, ban: Option<Duration> },
    AddListed(ListItem),
    RemoveListed(ListItem),
}

impl ChangeRequest {
    /// Whether it is the configuration that it changes, which the file can forbid. Bans are not: they are what an operator
    /// does about those who come.
    pub(super) const fn is_configuration(&self) -> bool {
        match self {
            ChangeRequest::AddSeed(_)
            | ChangeRequest::RemoveSeed(_)
            | ChangeRequest::AddListed(_)
            | ChangeRequest::RemoveListed(_)
            | ChangeRequest::Set(_)
            | ChangeRequest::Reset(_) => true,
            ChangeRequest::Ban { .. } | ChangeRequest::Unban(_) | ChangeRequest::Disconnect { .. } => false,
        }
    }
}

impl fmt::Display for ChangeRequest {
    /// What the audit says of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeRequest::AddSeed(seed) => write!(f, "added the seed {seed}"),
            ChangeRequest::RemoveSeed(seed) => write!(f, "removed the seed {seed}"),
            ChangeRequest::Ban { target, scope, reason, length } => {
                let what = if *scope == BanScope::All { "banned" } else { "put on the do-not-dial list:" };
                let until =
                    length.map_or_else(|| "for good".to_owned(), |length| format!("for {} s", length.as_secs()));
                write!(f, "{what} {target} {until}: {reason:?}")
            }
            ChangeRequest::Unban(target) => write!(f, "lifted the ban of {target}"),
            ChangeRequest::Set(setting) => write!(f, "set {setting}"),
            ChangeRequest::Reset(key) => write!(f, "reset {key} to what the file says"),
            ChangeRequest::Disconnect { id, reason, ban: None } => write!(f, "disconnected {id}: {reason:?}"),
            ChangeRequest::Disconnect { id, reason, ban: Some(length) } => {
                write!(f, "disconnected {id} and banned it for {} s: {reason:?}", length.as_secs())
            }
            ChangeRequest::AddListed(item) => write!(f, "added {item}"),
            ChangeRequest::RemoveListed(item) => write!(f, "removed {item}"),
        }
    }
}

/// A question about the book or the bans, or a change of the book.
#[derive(Debug)]
pub(super) enum BookCommand {
    /// The present entries of these addresses.
    At(Vec<NetAddress>, oneshot::Sender<Vec<AddressView>>),
    /// All about an address, or those of an ID.
    Diagnoses(AddressRef, oneshot::Sender<Vec<AddressDiagnosis>>),
    /// The accounts of groups of sources after a group.
    Sources { after: Option<Group>, max: usize, reply: oneshot::Sender<Page<SourceView>> },
    /// The present accounts of these groups.
    SourcesAt(Vec<Group>, oneshot::Sender<Vec<SourceView>>),
    /// What a requester would be sent.
    Preview(Option<NodeId>, oneshot::Sender<Preview>),
    /// The bans after a target.
    BansAfter(Option<BanTarget>, usize, oneshot::Sender<Vec<Ban>>),
    /// The bans that keep an ID or an IP out.
    BansOf(Option<NodeId>, Option<IpAddr>, oneshot::Sender<Vec<Ban>>),
    /// Adds addresses to the book, in effect at once and saved soon.
    Enter(Vec<(NetAddress, Option<Source>)>, oneshot::Sender<Result<Entered, Error>>),
    /// Notes what an operator did to the book, and saves it.
    Commit { by: ChangeAuthor, changed: bool, summary: String, reply: oneshot::Sender<Result<Applied, Error>> },
    /// Takes addresses out of the book.
    Remove { by: ChangeAuthor, whose: AddressRef, reply: oneshot::Sender<(u32, Committed)> },
}

/// The end of a change that is in effect: whether it is on disk.
pub(super) type Committed = oneshot::Receiver<Result<Applied, Error>>;

/// See the methods of [`Handle`] below.
#[derive(Debug)]
pub(super) enum ConfigCommand {
    Settings(oneshot::Sender<SettingsView>),
    Reconfigure(Box<Configured>, oneshot::Sender<()>),
    Note(ChangeAuthor, String, oneshot::Sender<Result<Applied, Error>>),
    Announce(ChangeAuthor, String, oneshot::Sender<()>),
}

/// A question about the peers, or a dial.
#[derive(Debug)]
pub(super) enum PeerCommand {
    /// Those whose connection is later.
    After { after: Option<ConnId>, max: usize, reply: oneshot::Sender<Page<Peer>> },
    /// The present ones of these connections.
    At(Vec<ConnId>, oneshot::Sender<Vec<Peer>>),
    /// The one with this ID.
    Of(NodeId, oneshot::Sender<Option<Peer>>),
    /// The entries of the lists that are greater.
    Listed { after: Option<ListItem>, max: usize, reply: oneshot::Sender<Page<ListedView>> },
    /// Dial.
    Dial { by: ChangeAuthor, target: PeerAddress, reply: DialWaiter },
}

/// The caller that waits for the end of a dial.
pub(super) type DialWaiter = oneshot::Sender<Result<DialReport, Error>>;

/// What is asked for it.
#[derive(Debug)]
pub(super) enum ReportCommand {
    /// Everything that is counted.
    All(oneshot::Sender<Box<Report>>),
    /// Whether our dials reach anybody.
    Outbound(oneshot::Sender<Outbound>),
    /// Who was refused.
    Refused(Grouping, oneshot::Sender<RefusedSources>),
    /// Which listener its peers come in at.
    Listener(oneshot::Sender<Option<ListenerNumber>>),
}
