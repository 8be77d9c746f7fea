//! What is reported of a network besides its status: for metrics, for the health of our dials, and for the sources of
//! floods.

use super::Handle;
use crate::network::command::{Command, ReportCommand};
use crate::network::counters::Outbound;
use crate::network::error::Error;
use crate::network::views::{ListenerNumber, RefusedSources, Report};
use crate::transport::Grouping;

impl Handle {
    /// All that is counted.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn report(&self) -> Result<Box<Report>, Error> {
        self.ask(|reply| Command::Report(ReportCommand::All(reply))).await
    }

    /// How our dials of the last ten minutes ended.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn outbound(&self) -> Result<Outbound, Error> {
        self.ask(|reply| Command::Report(ReportCommand::Outbound(reply))).await
    }

    /// From where connections were refused most often.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn refused(&self, grouping: Grouping) -> Result<RefusedSources, Error> {
        self.ask(|reply| Command::Report(ReportCommand::Refused(grouping, reply))).await
    }

    /// Which listener its peers come in at; `None` while it has none.
    ///
    /// # Errors
    /// See [`Handle::status`].
    pub async fn listener(&self) -> Result<Option<ListenerNumber>, Error> {
        self.ask(|reply| Command::Report(ReportCommand::Listener(reply))).await
    }
}
