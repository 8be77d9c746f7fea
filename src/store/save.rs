//! Rows into SQL.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::column_text::{self, hex, list_item, target_text};
use super::writer::Batch;
use crate::book::{Record, TraceRecord};
use crate::node::row::{AuditEntry, Ban, Delta, DialEntry, EventMark, Key, ListItem, Row, SeedHealth, Setting};
use crate::types::{DialOutcome, NetAddress};

/// Commits `changes` in one transaction: all of them or none.
pub(super) fn save(conn: &mut Connection, changes: &Batch) -> rusqlite::Result<()> {
    if !conn.is_autocommit() {
        // An earlier transaction failed and so did its rollback.
        conn.execute_batch("ROLLBACK")?;
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (key, row) in changes {
        match row {
            Some(row) => put(&transaction, key, row)?,
            None => delete(&transaction, key)?,
        }
    }
    transaction.commit()
}

fn put(transaction: &Transaction<'_>, key: &Key, row: &Row) -> rusqlite::Result<()> {
    match (key, row) {
        (_, Row::Address(record)) => put_address(transaction, record),
        (_, Row::Trace(trace)) => put_trace(transaction, trace),
        (_, Row::Ban(ban)) => put_ban(transaction, ban),
        (_, Row::Delta(delta)) => put_delta(transaction, delta),
        (_, Row::Setting(setting)) => put_setting(transaction, setting),
        (_, Row::SeedHealth(health)) => put_seed_health(transaction, health),
        (Key::Anchor(slot), Row::Anchor(address)) => put_anchor(transaction, *slot, address),
        (Key::Audit(slot), Row::Audit(entry)) => put_audit(transaction, *slot, entry),
        (Key::Dial(slot), Row::Dial(entry)) => put_dial(transaction, *slot, entry),
        (_, Row::EventMark(mark)) => put_event_mark(transaction, mark),
        // A key of another variant than its row's is nobody's slot.
        (_, Row::Anchor(_) | Row::Audit(_) | Row::Dial(_)) => Ok(()),
    }
}

fn put_address(transaction: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO address (id, ip, port, state, source_id, source_ip, added_ms, attempts, outcome,
            last_attempt_ms, last_success_ms, reached_since_ms, reliability, verified)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
        ON CONFLICT DO UPDATE SET state = ?4, source_id = ?5, source_ip = ?6, added_ms = ?7, attempts = ?8, outcome = ?9,
            last_attempt_ms = ?10, last_success_ms = ?11, reached_since_ms = ?12, reliability = ?13, verified = ?14";
    transaction.prepare_cached(SQL)?.execute(params![
        hex(record.address.id()),
        record.address.ip().to_string(),
        record.address.port(),
        record.state.name(),
        hex(record.source.id),
        record.source.ip.to_string(),
        record.added.as_millis(),
        record.attempts,
        record.outcome.name(),
        record.last_attempt.as_millis(),
        record.last_success.as_millis(),
        record.reached_since.as_millis(),
        record.reliability.to_bytes(),
        record.verified,
    ])?;
    Ok(())
}

fn put_trace(transaction: &Transaction<'_>, trace: &TraceRecord) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO trace (hash, last_attempt_ms, attempts, outcome) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET last_attempt_ms = ?2, attempts = ?3, outcome = ?4";
    transaction.prepare_cached(SQL)?.execute(params![
        trace.hash.cast_signed(),
        trace.last_attempt.as_millis(),
        trace.attempts,
        trace.outcome.name(),
    ])?;
    Ok(())
}

fn put_ban(transaction: &Transaction<'_>, ban: &Ban) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO ban (target, reason, since_ms, until_ms, by_operator, author, scope)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT DO UPDATE SET reason = ?2, since_ms = ?3, until_ms = ?4, by_operator = ?5, author = ?6, scope = ?7";
    transaction.prepare_cached(SQL)?.execute(params![
        target_text(ban.target),
        ban.reason,
        ban.since.as_millis(),
        ban.until.as_millis(),
        ban.by_operator,
        ban.author,
        ban.scope.name(),
    ])?;
    Ok(())
}

fn put_delta(transaction: &Transaction<'_>, delta: &Delta<ListItem>) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO list_delta (list, item, added, author, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO UPDATE SET added = ?3, author = ?4, at_ms = ?5";
    let (list, item) = list_item(&delta.item);
    transaction.prepare_cached(SQL)?.execute(params![list, item, delta.added, delta.author, delta.at.as_millis()])?;
    Ok(())
}

fn put_setting(transaction: &Transaction<'_>, setting: &Setting) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO setting_delta (key, value, author, at_ms) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET value = ?2, author = ?3, at_ms = ?4";
    let at = setting.at.as_millis();
    transaction.prepare_cached(SQL)?.execute(params![setting.key, setting.value, setting.author, at])?;
    Ok(())
}

fn put_anchor(transaction: &Transaction<'_>, slot: u8, address: &NetAddress) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO anchor (slot, id, ip, port) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET id = ?2, ip = ?3, port = ?4";
    let ip = address.ip().to_string();
    transaction.prepare_cached(SQL)?.execute(params![slot, hex(address.id()), ip, address.port()])?;
    Ok(())
}

fn put_audit(transaction: &Transaction<'_>, slot: u32, entry: &AuditEntry) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO audit (slot, number, at_ms, author, method, summary) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT DO UPDATE SET number = ?2, at_ms = ?3, author = ?4, method = ?5, summary = ?6";
    transaction.prepare_cached(SQL)?.execute(params![
        slot,
        number(entry.number),
        entry.at.as_millis(),
        entry.author,
        entry.method,
        entry.summary,
    ])?;
    Ok(())
}

fn put_dial(transaction: &Transaction<'_>, slot: u32, entry: &DialEntry) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO dial (slot, number, at_ms, id, target, ip, port, purpose, outcome, fault, detail)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT DO UPDATE SET number = ?2, at_ms = ?3, id = ?4, target = ?5, ip = ?6, port = ?7, purpose = ?8,
            outcome = ?9, fault = ?10, detail = ?11";
    let target = entry.target.to_string();
    transaction.prepare_cached(SQL)?.execute(params![
        slot,
        number(entry.number),
        entry.at.as_millis(),
        hex(entry.target.id()),
        target.split_once('@').map_or(target.as_str(), |(_, place)| place),
        entry.remote.map(|remote| remote.ip().to_string()),
        entry.remote.map(|remote| remote.port()),
        entry.purpose.name(),
        entry.outcome.map_or(column_text::INCONCLUSIVE, DialOutcome::name),
        entry.fault,
        entry.detail,
    ])?;
    Ok(())
}

fn put_event_mark(transaction: &Transaction<'_>, mark: &EventMark) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO event_mark (one, epoch, reserved, clean, uncertain) VALUES (1, ?1, ?2, ?3, ?4)
        ON CONFLICT DO UPDATE SET epoch = ?1, reserved = ?2, clean = ?3, uncertain = ?4";
    let (reserved, uncertain) = (number(mark.reserved), number(mark.uncertain));
    transaction.prepare_cached(SQL)?.execute(params![mark.epoch, reserved, mark.clean, uncertain])?;
    Ok(())
}

/// SQLite's integers are signed; no counter comes that far.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn put_seed_health(transaction: &Transaction<'_>, health: &SeedHealth) -> rusqlite::Result<()> {
    const SQL: &str =
        "INSERT INTO seed_health (seed, last_dialled_ms, last_success_ms, last_fault, latency_ms, actual_id,
            actual_network, addresses, last_answer_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT DO UPDATE SET last_dialled_ms = ?2, last_success_ms = ?3, last_fault = ?4, latency_ms = ?5,
            actual_id = ?6, actual_network = ?7, addresses = ?8, last_answer_ms = ?9";
    transaction.prepare_cached(SQL)?.execute(params![
        health.seed.to_string(),
        health.last_dialled.as_millis(),
        health.last_success.as_millis(),
        health.last_fault,
        health.latency_ms,
        health.actual_id.map(hex),
        health.actual_network,
        health.addresses,
        health.last_answer.as_millis(),
    ])?;
    Ok(())
}

fn delete(transaction: &Transaction<'_>, key: &Key) -> rusqlite::Result<()> {
    match key {
        Key::Address(address) => {
            let mut sql = transaction.prepare_cached("DELETE FROM address WHERE id = ?1 AND ip = ?2 AND port = ?3")?;
            sql.execute(params![hex(address.id()), address.ip().to_string(), address.port()])?;
        }
        Key::Trace(hash) => {
            transaction.prepare_cached("DELETE FROM trace WHERE hash = ?1")?.execute([hash.cast_signed()])?;
        }
        Key::Ban(target) => {
            transaction.prepare_cached("DELETE FROM ban WHERE target = ?1")?.execute([target_text(*target)])?;
        }
        Key::Delta(item) => {
            let (list, item) = list_item(item);
            transaction
                .prepare_cached("DELETE FROM list_delta WHERE list = ?1 AND item = ?2")?
                .execute(params![list, item])?;
        }
        Key::Setting(key) => {
            transaction.prepare_cached("DELETE FROM setting_delta WHERE key = ?1")?.execute([key])?;
        }
        Key::Anchor(slot) => {
            transaction.prepare_cached("DELETE FROM anchor WHERE slot = ?1")?.execute([slot])?;
        }
        Key::Audit(slot) => {
            transaction.prepare_cached("DELETE FROM audit WHERE slot = ?1")?.execute([slot])?;
        }
        Key::Dial(slot) => {
            transaction.prepare_cached("DELETE FROM dial WHERE slot = ?1")?.execute([slot])?;
        }
        Key::EventMark => {
            transaction.prepare_cached("DELETE FROM event_mark")?.execute([])?;
        }
        Key::SeedHealth(seed) => {
            transaction.prepare_cached("DELETE FROM seed_health WHERE seed = ?1")?.execute([seed.to_string()])?;
        }
    }
    Ok(())
}
