//! The dials' ring when its size is another than before.

use rusqlite::{Connection, TransactionBehavior, params};

/// Leaves the latest `slots` dials, each in the slot of its number, so that the next one takes the place of the oldest.
pub(super) fn fit(conn: &mut Connection, slots: u32) -> rusqlite::Result<()> {
    if slots == 0 {
        return conn.execute("DELETE FROM dial", []).map(|_| ());
    }
    const FITS: &str = "SELECT NOT EXISTS (SELECT 1 FROM dial WHERE slot <> number % ?1)";
    if conn.query_row(FITS, [slots], |row| row.get(0))? {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Negative slots are free: a row that moves meets no other.
    const DROP: &str = "DELETE FROM dial WHERE number <= (SELECT max(number) FROM dial) - ?1";
    transaction.execute(DROP, params![slots])?;
    transaction.execute("UPDATE dial SET slot = -1 - number % ?1", params![slots])?;
    transaction.execute("UPDATE dial SET slot = -1 - slot", [])?;
    transaction.commit()
}
