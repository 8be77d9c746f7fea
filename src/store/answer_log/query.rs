//! Reading the log, by a connection of its own: the writer is not waited for and does not wait.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use ipnet::IpNet;
use rusqlite::{Connection, params};

use super::super::history::{self, HistoryError, HistoryPage, HistoryRange, QueryInterrupt, Time};
use super::names;
use crate::types::{NetAddress, NodeId, Wall};

/// Answers that one call looks at, at most.
const MAX_SCAN: usize = 50_000;

/// A node by its ID or its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhoOrWhere {
    /// Whatever its address.
    Id(NodeId),
    /// This very address.
    Address(NetAddress),
    /// At an IP in this range.
    Range(IpNet),
}

impl WhoOrWhere {
    fn admits(&self, id: NodeId, ip: IpAddr, port: u16) -> bool {
        match self {
            WhoOrWhere::Id(wanted) => *wanted == id,
            WhoOrWhere::Address(wanted) => wanted.id() == id && wanted.ip() == ip && wanted.port() == port,
            WhoOrWhere::Range(range) => range.contains(&ip),
        }
    }
}

/// Which answers are asked for.
#[derive(Clone, Debug, Default)]
pub struct AnswerQuery {
    /// Sent to this one; a port says nothing here.
    pub requester: Option<WhoOrWhere>,
    /// That named this.
    pub named: Option<WhoOrWhere>,
    /// Sent in this time.
    pub time: Time,
    /// Whether the addresses are wanted, and not only how many there were.
    pub addresses: bool,
}

/// An answer that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerEntry {
    /// Numbers only grow.
    pub number: u64,
    /// When it was sent.
    pub at: Wall,
    /// To which ID.
    pub id: NodeId,
    /// At which IP.
    pub ip: IpAddr,
    /// How many addresses it named.
    pub count: u32,
    /// What it named, by ID, IP and port, if that was wanted.
    pub addresses: Vec<NetAddress>,
}

/// The answers that were sent, the latest first. There are none when there is no file yet.
///
/// # Errors
/// When the file cannot be read, or `stop` is set.
pub fn answers(
    path: &Path,
    query: &AnswerQuery,
    range: HistoryRange,
    stop: &QueryInterrupt,
) -> Result<HistoryPage<AnswerEntry>, HistoryError> {
    let mut page = HistoryPage { entries: Vec::new(), next: None };
    if !path.exists() {
        return Ok(page);
    }
    let mut conn = history::open(path, stop)?;
    // One view of all tables: the writer may forget an epoch meanwhile.
    let transaction = conn.transaction()?;
    let made: bool =
        transaction.query_row("SELECT count(*) > 0 FROM sqlite_master WHERE name = 'answer'", [], |row| row.get(0))?;
    if !made {
        return Ok(page);
    }
    let mut dictionary = Dictionary { conn: &transaction, epochs: BTreeMap::new() };
    const SQL: &str = "SELECT number, epoch, at_ms, id, ip, names FROM answer WHERE number < ?1 ORDER BY number DESC";
    let mut statement = transaction.prepare(SQL)?;
    let before = range.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let mut rows = statement.query([before])?;
    let mut last = None;
    for _ in 0..MAX_SCAN {
        // Whether there is anything behind a full page is looked at, too: the last page then says that it is.
        let Some(row) = rows.next()? else { return Ok(page) };
        if page.entries.len() >= range.max {
            break;
        }
        let (number, epoch): (i64, i64) = (row.get(0)?, row.get(1)?);
        last = u64::try_from(number).ok();
        let at = Wall::from_millis(row.get(2)?);
        // One that does not read is left out.
        let Some((id, ip)) = read_id(row.get_ref(3)?.as_blob().ok()).zip(read_ip(row.get_ref(4)?.as_blob().ok()))
        else {
            continue;
        };
        let asked_for = query.requester.is_none_or(|wanted| match wanted {
            WhoOrWhere::Id(_) | WhoOrWhere::Range(_) => wanted.admits(id, ip, 0),
            WhoOrWhere::Address(address) => address.id() == id && address.ip() == ip,
        });
        if !asked_for || !history::is_in(query.time, at) {
            continue;
        }
        let names: Vec<u32> = names::decode(row.get_ref(5)?.as_blob().unwrap_or_default()).collect();
        if let Some(named) = &query.named {
            let wanted = dictionary.numbers(epoch, named)?;
            if !names.iter().any(|name| wanted.contains(name)) {
                continue;
            }
        }
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let addresses = if query.addresses { dictionary.addresses(epoch, &names)? } else { Vec::new() };
        page.entries.push(AnswerEntry { number: last.unwrap_or(0), at, id, ip, count, addresses });
    }
    page.next = last;
    Ok(page)
}

/// The dictionaries of the epochs.
struct Dictionary<'a> {
    conn: &'a Connection,
    /// The numbers of what is asked for, by epoch.
    epochs: BTreeMap<i64, BTreeSet<u32>>,
}

impl Dictionary<'_> {
    /// The numbers of an epoch for what is asked for.
    fn numbers(&mut self, epoch: i64, named: &WhoOrWhere) -> rusqlite::Result<&BTreeSet<u32>> {
        if !self.epochs.contains_key(&epoch) {
            let mut numbers = BTreeSet::new();
            let mut statement = self.conn.prepare_cached("SELECT number, id, ip, port FROM name WHERE epoch = ?1")?;
            let mut rows = statement.query([epoch])?;
            while let Some(row) = rows.next()? {
                if let Some(address) = read_name(row)
                    && named.admits(address.id(), address.ip(), address.port())
                {
                    numbers.insert(row.get(0)?);
                }
            }
            self.epochs.insert(epoch, numbers);
        }
        Ok(&self.epochs[&epoch])
    }

    /// The addresses of these numbers of an epoch.
    fn addresses(&self, epoch: i64, numbers: &[u32]) -> rusqlite::Result<Vec<NetAddress>> {
        let sql = "SELECT number, id, ip, port FROM name WHERE epoch = ?1 AND number = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut addresses = Vec::with_capacity(numbers.len());
        for number in numbers {
            let mut rows = statement.query(params![epoch, number])?;
            addresses.extend(rows.next()?.and_then(read_name));
        }
        addresses.sort_unstable();
        Ok(addresses)
    }
}

/// The address of a row of the dictionary; `None` when it does not read.
fn read_name(row: &rusqlite::Row<'_>) -> Option<NetAddress> {
    let id = read_id(row.get_ref(1).ok()?.as_blob().ok())?;
    let ip = read_ip(row.get_ref(2).ok()?.as_blob().ok())?;
    NetAddress::new(id, ip, row.get(3).ok()?).ok()
}

fn read_id(blob: Option<&[u8]>) -> Option<NodeId> {
    Some(NodeId::from_bytes(blob?.try_into().ok()?))
}

fn read_ip(blob: Option<&[u8]>) -> Option<IpAddr> {
    let blob = blob?;
    let v4 = <[u8; 4]>::try_from(blob).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
    v4.or_else(|| <[u8; 16]>::try_from(blob).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets))))
}
