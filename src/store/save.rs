//! Rows into SQL.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::column::{buckets_text, hex, outcome_word, state_word, target_text};
use super::writer::Batch;
use crate::book::Record;
use crate::node::row::{Ban, Key, Row, SeedDelta, SeedHealth};

/// Commits `changes` in one transaction: all of them or none.
pub(super) fn save(conn: &mut Connection, changes: &Batch) -> rusqlite::Result<()> {
    if !conn.is_autocommit() {
        // An earlier transaction failed and so did its rollback.
        conn.execute_batch("ROLLBACK")?;
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (key, row) in changes {
        match row {
            Some(row) => put(&transaction, row)?,
            None => delete(&transaction, key)?,
        }
    }
    transaction.commit()
}

fn put(transaction: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
    match row {
        Row::Address(record) => put_address(transaction, record),
        Row::Ban(ban) => put_ban(transaction, ban),
        Row::SeedDelta(delta) => put_seed_delta(transaction, delta),
        Row::SeedHealth(health) => put_seed_health(transaction, health),
    }
}

fn put_address(transaction: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO address (id, ip, port, state, buckets, source_id, source_ip, added_ms, attempts, outcome,
            last_attempt_ms, last_success_ms, reached_since_ms, verified)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
        ON CONFLICT DO UPDATE SET state = ?4, buckets = ?5, source_id = ?6, source_ip = ?7, added_ms = ?8, attempts = ?9,
            outcome = ?10, last_attempt_ms = ?11, last_success_ms = ?12, reached_since_ms = ?13, verified = ?14";
    transaction.prepare_cached(SQL)?.execute(params![
        hex(record.address.id()),
        record.address.ip().to_string(),
        record.address.port(),
        state_word(record.state),
        buckets_text(&record.buckets),
        hex(record.source.id),
        record.source.ip.to_string(),
        record.added.as_millis(),
        record.attempts,
        outcome_word(record.outcome),
        record.last_attempt.as_millis(),
        record.last_success.as_millis(),
        record.reached_since.as_millis(),
        record.verified,
    ])?;
    Ok(())
}

fn put_ban(transaction: &Transaction<'_>, ban: &Ban) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO ban (target, reason, since_ms, until_ms, by_operator) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO UPDATE SET reason = ?2, since_ms = ?3, until_ms = ?4, by_operator = ?5";
    transaction.prepare_cached(SQL)?.execute(params![
        target_text(ban.target),
        ban.reason,
        ban.since.as_millis(),
        ban.until.as_millis(),
        ban.by_operator,
    ])?;
    Ok(())
}

fn put_seed_delta(transaction: &Transaction<'_>, delta: &SeedDelta) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO seed_delta (seed, added, at_ms) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET added = ?2, at_ms = ?3";
    let at = delta.at.as_millis();
    transaction.prepare_cached(SQL)?.execute(params![delta.seed.to_string(), delta.added, at])?;
    Ok(())
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
        Key::Ban(target) => {
            transaction.prepare_cached("DELETE FROM ban WHERE target = ?1")?.execute([target_text(*target)])?;
        }
        Key::SeedDelta(seed) => {
            transaction.prepare_cached("DELETE FROM seed_delta WHERE seed = ?1")?.execute([seed.to_string()])?;
        }
        Key::SeedHealth(seed) => {
            transaction.prepare_cached("DELETE FROM seed_health WHERE seed = ?1")?.execute([seed.to_string()])?;
        }
    }
    Ok(())
}
