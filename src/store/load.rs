//! SQL into rows. One that does not read is left out, counted and kept in the file.

use std::net::IpAddr;

use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Row as SqlRow};

use super::column_text;
use super::column_text::exact;
use crate::book::{Record, Reliability, Source, TraceRecord};
use crate::node::row::{Ban, Delta, EventMark, ListItem, Rows, SeedHealth, Setting};
use crate::types::{NetAddress, Wall};

/// Rows that are named among those left out; of more than these only the number is reported.
const MAX_NOTES: usize = 8;

/// Characters that a note shows of a row's key.
const MAX_SHOWN: usize = 64;

/// Rows that do not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many were left out.
    pub count: usize,
    /// The first 8 of them: table, first column, and the column that does not read.
    pub notes: Vec<String>,
}

/// Reads every table.
pub(super) fn load(conn: &Connection) -> rusqlite::Result<(Rows, Skipped)> {
    let mut skipped = Skipped::default();
    let skip = &mut skipped;
    let rows = Rows {
        addresses: table(conn, skip, "address", ADDRESS, address)?,
        traces: table(conn, skip, "trace", TRACE, trace)?,
        bans: table(conn, skip, "ban", BAN, ban)?,
        deltas: table(conn, skip, "list_delta", LIST_DELTA, list_delta)?,
        settings: table(conn, skip, "setting_delta", SETTING_DELTA, setting_delta)?,
        seed_health: table(conn, skip, "seed_health", SEED_HEALTH, seed_health)?,
        anchors: table(conn, skip, "anchor", ANCHOR, net_address)?,
        last_audit: last_number(conn, "audit")?,
        last_dial: last_number(conn, "dial")?,
        event_mark: table(conn, skip, "event_mark", EVENT_MARK, event_mark)?.into_iter().next(),
    };
    Ok((rows, skipped))
}

fn table<T>(
    conn: &Connection,
    skipped: &mut Skipped,
    name: &str,
    columns: &str,
    read: fn(&mut Cells<'_, '_>) -> Result<T, BadColumn>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = conn.prepare(&format!("SELECT {columns} FROM {name}"))?;
    let mut rows = statement.query([])?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        match read(&mut Cells::of(row)) {
            Ok(value) => values.push(value),
            Err(bad) => skipped.add(name, row, bad),
        }
    }
    Ok(values)
}

/// The highest number in a ring; one that cannot be read as such counts for nothing.
fn last_number(conn: &Connection, table: &str) -> rusqlite::Result<u64> {
    let last: Option<i64> = conn.query_row(&format!("SELECT max(number) FROM {table}"), [], |row| row.get(0))?;
    Ok(last.and_then(|last| u64::try_from(last).ok()).unwrap_or_default())
}

impl Skipped {
    fn add(&mut self, table: &str, row: &SqlRow<'_>, bad: BadColumn) {
        self.count += 1;
        if self.notes.len() < MAX_NOTES {
            let key = match row.get_ref(0) {
                Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).chars().take(MAX_SHOWN).collect(),
                _ => String::new(),
            };
            let column = row.as_ref().column_name(bad.0).unwrap_or_default();
            self.notes.push(format!("table {table}, row {key:?}: column {column} does not read"));
        }
    }
}

/// The number of the column that does not read.
pub(super) struct BadColumn(usize);

/// A row's columns, drawn in the order of the `SELECT`.
pub(super) struct Cells<'r, 's> {
    row: &'r SqlRow<'s>,
    next: usize,
}

impl<'r, 's> Cells<'r, 's> {
    pub(super) const fn of(row: &'r SqlRow<'s>) -> Self {
        Cells { row, next: 0 }
    }

    pub(super) fn take<T: FromSql>(&mut self) -> Result<T, BadColumn> {
        let at = self.advance();
        self.row.get(at).map_err(|_| BadColumn(at))
    }

    pub(super) fn text<T>(&mut self, read: impl FnOnce(&'r str) -> Option<T>) -> Result<T, BadColumn> {
        self.optional(read)?.ok_or(BadColumn(self.next - 1))
    }

    /// `None` for NULL.
    pub(super) fn optional<T>(&mut self, read: impl FnOnce(&'r str) -> Option<T>) -> Result<Option<T>, BadColumn> {
        let at = self.advance();
        let text = self.row.get_ref(at).ok().and_then(|value| value.as_str_or_null().ok()).ok_or(BadColumn(at))?;
        text.map(|text| read(text).ok_or(BadColumn(at))).transpose()
    }

    pub(super) fn wall(&mut self) -> Result<Wall, BadColumn> {
        self.take().map(Wall::from_millis)
    }

    pub(super) fn number(&mut self) -> Result<u64, BadColumn> {
        u64::try_from(self.take::<i64>()?).map_err(|_| BadColumn(self.next - 1))
    }

    /// `None` where nothing was kept.
    fn reliability(&mut self) -> Result<Option<Reliability>, BadColumn> {
        let at = self.advance();
        match self.row.get_ref(at).ok().and_then(|value| value.as_blob().ok()) {
            Some([]) => Ok(None),
            Some(bytes) => {
                bytes.try_into().map(|bytes| Some(Reliability::from_bytes(bytes))).map_err(|_| BadColumn(at))
            }
            None => Err(BadColumn(at)),
        }
    }

    fn flag(&mut self) -> Result<bool, BadColumn> {
        match self.take::<i64>()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadColumn(self.next - 1)),
        }
    }

    fn advance(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }
}

const ADDRESS: &str =
    "id, ip, port, state, source_id, source_ip, added_ms, attempts, outcome, last_attempt_ms, last_success_ms,
    reached_since_ms, reliability, verified";

fn address(cells: &mut Cells<'_, '_>) -> Result<Record, BadColumn> {
    let mut record = Record {
        address: net_address(cells)?,
        state: cells.text(column_text::state)?,
        source: Source { id: cells.text(column_text::id)?, ip: cells.text(exact)? },
        added: cells.wall()?,
        attempts: cells.take()?,
        outcome: cells.text(column_text::outcome)?,
        last_attempt: cells.wall()?,
        last_success: cells.wall()?,
        reached_since: cells.wall()?,
        reliability: Reliability::default(),
        verified: false,
    };
    let reliability = cells.reliability()?;
    // A book from before windows were kept has none: what its times say is a beginning.
    record.reliability =
        reliability.unwrap_or_else(|| Reliability::of_a_streak(record.last_success.since(record.reached_since)));
    record.verified = cells.flag()?;
    Ok(record)
}

fn net_address(cells: &mut Cells<'_, '_>) -> Result<NetAddress, BadColumn> {
    let id = cells.text(column_text::id)?;
    let ip: IpAddr = cells.text(exact)?;
    let at = cells.next - 1;
    let port = cells.take()?;
    let address = NetAddress::new(id, ip, port).map_err(|_| BadColumn(at))?;
    // An IPv4 address mapped into IPv6 is a second spelling of the same key.
    if address.ip() == ip { Ok(address) } else { Err(BadColumn(at)) }
}

const TRACE: &str = "hash, last_attempt_ms, attempts, outcome";

fn trace(cells: &mut Cells<'_, '_>) -> Result<TraceRecord, BadColumn> {
    Ok(TraceRecord {
        hash: cells.take::<i64>()?.cast_unsigned(),
        last_attempt: cells.wall()?,
        attempts: cells.take()?,
        outcome: cells.text(column_text::outcome)?,
    })
}

const BAN: &str = "target, reason, since_ms, until_ms, by_operator, author, scope";

fn ban(cells: &mut Cells<'_, '_>) -> Result<Ban, BadColumn> {
    Ok(Ban {
        target: cells.text(column_text::target)?,
        reason: cells.take()?,
        since: cells.wall()?,
        until: cells.wall()?,
        by_operator: cells.flag()?,
        author: cells.take::<String>()?.into(),
        scope: cells.text(column_text::scope)?,
    })
}

const LIST_DELTA: &str = "list, item, added, author, at_ms";

fn list_delta(cells: &mut Cells<'_, '_>) -> Result<Delta<ListItem>, BadColumn> {
    let list: String = cells.take()?;
    Ok(Delta {
        item: cells.text(|item| column_text::read_list_item(&list, item))?,
        added: cells.flag()?,
        author: cells.take::<String>()?.into(),
        at: cells.wall()?,
    })
}

const SETTING_DELTA: &str = "key, value, author, at_ms";

fn setting_delta(cells: &mut Cells<'_, '_>) -> Result<Setting, BadColumn> {
    Ok(Setting {
        key: cells.take::<String>()?.into(),
        value: cells.take::<String>()?.into(),
        author: cells.take::<String>()?.into(),
        at: cells.wall()?,
    })
}

const EVENT_MARK: &str = "epoch, reserved, clean, uncertain";

fn event_mark(cells: &mut Cells<'_, '_>) -> Result<EventMark, BadColumn> {
    Ok(EventMark {
        epoch: cells.take::<String>()?.into(),
        reserved: cells.number()?,
        clean: cells.flag()?,
        uncertain: cells.number()?,
    })
}

const ANCHOR: &str = "id, ip, port";

const SEED_HEALTH: &str = "seed, last_dialled_ms, last_success_ms, last_fault, latency_ms, actual_id, actual_network,
    addresses, last_answer_ms";

fn seed_health(cells: &mut Cells<'_, '_>) -> Result<SeedHealth, BadColumn> {
    Ok(SeedHealth {
        seed: cells.text(exact)?,
        last_dialled: cells.wall()?,
        last_success: cells.wall()?,
        last_fault: cells.take()?,
        latency_ms: cells.take()?,
        actual_id: cells.optional(column_text::id)?,
        actual_network: cells.take()?,
        addresses: cells.take()?,
        last_answer: cells.wall()?,
    })
}
