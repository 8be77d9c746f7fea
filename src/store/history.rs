//! Reading the dial log and the audit log, by a connection of its own.
//!
//! The writer is not waited for and does not wait. Each call looks at a bounded number of rows and says where to go on.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};

use super::column_text;
use super::column_text::{exact, hex};
use super::load::{BadColumn, Cells};
use crate::node::row::{AuditEntry, DialEntry};
use crate::types::{DialOutcome, NodeId, Wall};

/// Rows that one call looks at, at most.
const MAX_SCAN: usize = 50_000;
/// How long to wait for a file that another program holds.
const BUSY: Duration = Duration::from_secs(2);
/// Steps of SQLite's machine between two looks at [`QueryInterrupt`]: some 50 us.
const STEPS: i32 = 10_000;

/// Stamps of this time: from the first on, before the second; `None` is open.
pub type Time = (Option<Wall>, Option<Wall>);

/// Which dials are asked for.
#[derive(Clone, Debug, Default)]
pub struct DialQuery {
    /// To an IP in this range.
    pub range: Option<IpNet>,
    /// To this ID.
    pub id: Option<NodeId>,
    /// That ended in this time.
    pub time: Time,
    /// That reached the expected node (true), or did not (false).
    pub reached: Option<bool>,
}

/// Which entries of the audit are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Made in this time.
    pub time: Time,
    /// Whose author contains this text, which is in lower case.
    pub author: Option<String>,
    /// Of this method.
    pub method: Option<String>,
}

/// Where a walk goes on, and how far: what is numbered below `before`, at most `max` entries.
#[derive(Clone, Copy, Debug)]
pub struct HistoryRange {
    /// The first number that is not looked at; `None` = from the latest on.
    pub before: Option<u64>,
    /// Entries at most, at least 1.
    pub max: usize,
}

/// A part of a walk, the latest entry first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage<T> {
    /// The entries; perhaps none although more follow.
    pub entries: Vec<T>,
    /// The [`HistoryRange::before`] of the next part; `None` at the end.
    pub next: Option<u64>,
}

/// Ends a query from outside: all clones are one.
#[derive(Clone, Debug, Default)]
pub struct QueryInterrupt(Arc<AtomicBool>);

impl QueryInterrupt {
    /// Has the query end at once.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// [`QueryInterrupt`] was set.
    #[error("it took too long")]
    Stopped,
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => HistoryError::Stopped,
            _ => HistoryError::Unreadable(error.to_string()),
        }
    }
}

/// Our own dials, the latest first.
///
/// # Errors
/// When the file cannot be read, or [`QueryInterrupt`] is set.
pub fn dials(
    path: &Path,
    query: &DialQuery,
    portion: HistoryRange,
    stop: &QueryInterrupt,
) -> Result<HistoryPage<DialEntry>, HistoryError> {
    let alone = query.range.filter(|range| range.prefix_len() == range.max_prefix_len());
    let (column, value) = match (query.id, alone) {
        (Some(id), _) => ("id", Some(hex(id))),
        (None, Some(ip)) => ("ip", Some(ip.addr().to_string())),
        (None, None) => ("", None),
    };
    let select = Select { columns: DIAL, table: "dial", column, value, portion };
    select.walk(&open(path, stop)?, dial, |entry| query.admits(entry))
}

/// What operators changed, the latest first.
///
/// # Errors
/// Those of [`dials`].
pub fn audit(
    path: &Path,
    query: &AuditQuery,
    portion: HistoryRange,
    stop: &QueryInterrupt,
) -> Result<HistoryPage<AuditEntry>, HistoryError> {
    let select = Select { columns: AUDIT, table: "audit", column: "", value: None, portion };
    select.walk(&open(path, stop)?, audit_entry, |entry| query.admits(entry))
}

/// The latest dials, at most `max`, to an ID or to one of these places, whoever was expected there.
///
/// # Errors
/// Those of [`dials`].
pub fn attempts(
    path: &Path,
    id: NodeId,
    places: &[SocketAddr],
    max: usize,
    stop: &QueryInterrupt,
) -> Result<Vec<DialEntry>, HistoryError> {
    let conn = open(path, stop)?;
    let portion = HistoryRange { before: None, max };
    let of_id = Select { columns: DIAL, table: "dial", column: "id", value: Some(hex(id)), portion };
    let mut found = of_id.walk(&conn, dial, |_| true)?.entries;
    for place in places {
        let value = Some(place.ip().to_string());
        let at_place = Select { columns: DIAL, table: "dial", column: "ip", value, portion };
        let is_there = |entry: &DialEntry| entry.target.id() != id && entry.remote == Some(*place);
        found.extend(at_place.walk(&conn, dial, is_there)?.entries);
    }
    found.sort_by_key(|entry| std::cmp::Reverse(entry.number));
    found.truncate(max);
    Ok(found)
}

impl DialQuery {
    fn admits(&self, entry: &DialEntry) -> bool {
        let in_range = |range: IpNet| entry.remote.is_some_and(|remote| range.contains(&remote.ip()));
        let reached = entry.outcome.is_some_and(DialOutcome::is_success);
        self.range.is_none_or(in_range)
            && self.id.is_none_or(|id| id == entry.target.id())
            && is_in(self.time, entry.at)
            && self.reached.is_none_or(|wanted| wanted == reached)
    }
}

impl AuditQuery {
    pub(super) fn admits(&self, entry: &AuditEntry) -> bool {
        let by = |author: &String| entry.author.to_lowercase().contains(author.as_str());
        is_in(self.time, entry.at)
            && self.author.as_ref().is_none_or(by)
            && self.method.as_ref().is_none_or(|method| **method == *entry.method)
    }
}

pub(super) fn is_in((from, before): Time, at: Wall) -> bool {
    from.is_none_or(|from| at >= from) && before.is_none_or(|before| at < before)
}

pub(super) fn open(path: &Path, stop: &QueryInterrupt) -> Result<Connection, HistoryError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    let stop = stop.clone();
    conn.progress_handler(STEPS, Some(move || stop.is_set()))?;
    Ok(conn)
}

/// A walk down the numbers of a ring, perhaps only through rows of one value, for which there is an index.
pub(super) struct Select {
    pub(super) columns: &'static str,
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    pub(super) value: Option<String>,
    pub(super) portion: HistoryRange,
}

impl Select {
    pub(super) fn walk<T>(
        self,
        conn: &Connection,
        read: fn(&mut Cells<'_, '_>) -> Result<T, BadColumn>,
        admits: impl Fn(&T) -> bool,
    ) -> Result<HistoryPage<T>, HistoryError> {
        let before = self.portion.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
        let mut values = vec![Value::Integer(before)];
        let mut sql = format!("SELECT {} FROM {} WHERE number < ?1", self.columns, self.table);
        if let Some(value) = self.value {
            sql.push_str(&format!(" AND {} = ?2", self.column));
            values.push(Value::Text(value));
        }
        sql.push_str(" ORDER BY number DESC");
        let mut statement = conn.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let (mut part, mut last) = (HistoryPage { entries: Vec::new(), next: None }, None);
        for _ in 0..MAX_SCAN {
            // Whether there is anything behind a full page is looked at, too: the last page then says that it is.
            let Some(row) = rows.next()? else { return Ok(part) };
            if part.entries.len() >= self.portion.max {
                part.next = last;
                return Ok(part);
            }
            last = row.get(0).ok().and_then(|number: i64| u64::try_from(number).ok());
            // One that does not read is left out, as at the start.
            part.entries.extend(read(&mut Cells::of(row)).ok().filter(&admits));
        }
        part.next = last;
        Ok(part)
    }
}

const DIAL: &str = "number, at_ms, id, target, ip, port, purpose, outcome, fault, detail";

fn dial(cells: &mut Cells<'_, '_>) -> Result<DialEntry, BadColumn> {
    let (number, at) = (cells.number()?, cells.wall()?);
    let id = cells.text(column_text::id)?;
    let target = cells.text(|place| format!("{id}@{place}").parse().ok())?;
    let (ip, port): (Option<IpAddr>, Option<u16>) = (cells.optional(exact)?, cells.take()?);
    Ok(DialEntry {
        number,
        at,
        target,
        remote: ip.zip(port).map(SocketAddr::from),
        purpose: cells.text(column_text::purpose)?,
        outcome: cells.text(|word| {
            if word == column_text::INCONCLUSIVE { Some(None) } else { column_text::outcome(word).map(Some) }
        })?,
        fault: cells.take::<String>()?.into(),
        detail: cells.take::<String>()?.into(),
    })
}

const AUDIT: &str = "number, at_ms, author, method, summary";

pub(super) fn audit_entry(cells: &mut Cells<'_, '_>) -> Result<AuditEntry, BadColumn> {
    Ok(AuditEntry {
        number: cells.number()?,
        at: cells.wall()?,
        author: cells.take::<String>()?.into(),
        method: cells.take::<String>()?.into(),
        summary: cells.take::<String>()?.into(),
    })
}
