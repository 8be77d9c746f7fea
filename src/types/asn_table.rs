//! The autonomous system of an IP, from a MaxMind DB. Others read the file; here are its bytes.

use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use maxminddb::{LookupResult, MaxMindDbError, Reader, path};

use super::Wall;

/// The fields that have the number, as a database has their names: behind a byte of type (text) and length.
const FIELDS: [&[u8]; 2] = [b"\x58autonomous_system_number", b"\x43asn"];

/// Which autonomous system an IP belongs to: a MaxMind DB with the field `autonomous_system_number` (GeoLite2-ASN and
/// those made alike), or with IPinfo's `asn`, in memory. Cheap to clone; equal when the database is the same to the byte.
#[derive(Clone)]
pub struct AsnTable {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: Bytes,
    reader: Reader<Bytes>,
}

/// Why bytes are no [`AsnTable`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsnTableError {
    /// They are no MaxMind DB, or a damaged one.
    #[error("it is no MaxMind DB, or a damaged one ({0})")]
    NotMaxMindDb(String),
    /// They are another database, of this type.
    #[error("it is a MaxMind DB of the type {0:?}, which has no AS numbers")]
    NoAsNumbers(String),
}

impl AsnTable {
    /// The table of a whole MaxMind DB.
    ///
    /// # Errors
    /// When it is none, or has no AS numbers.
    pub fn new(bytes: Vec<u8>) -> Result<Self, AsnTableError> {
        let bytes = Bytes::from(bytes);
        let source = bytes.clone();
        let reader = catch_unwind(move || Reader::from_source(source))
            .map_err(|_| AsnTableError::NotMaxMindDb("its head does not make sense".into()))?
            .map_err(|error| AsnTableError::NotMaxMindDb(error.to_string()))?;
        let table = AsnTable { inner: Arc::new(Inner { bytes, reader }) };
        if !table.has_numbers() {
            return Err(AsnTableError::NoAsNumbers(table.database_type().to_owned()));
        }
        Ok(table)
    }

    /// Whether its records may have AS numbers: the names of their fields are in it. To walk the tree in search of one could
    /// take for ever in a damaged file.
    fn has_numbers(&self) -> bool {
        let has = |name: &[u8]| self.inner.bytes.windows(name.len()).any(|bytes| bytes == name);
        FIELDS.iter().any(|name| has(name))
    }

    /// The number of an IP's autonomous system; `None` when the table does not know the IP, or is damaged there.
    pub fn number(&self, ip: IpAddr) -> Option<u32> {
        unharmed(|| number(&self.inner.reader.lookup(ip).ok()?))
    }

    /// What the database says that it is, such as `GeoLite2-ASN`.
    pub fn database_type(&self) -> &str {
        &self.inner.reader.metadata().database_type
    }

    /// When the database was built, as it says itself.
    pub fn built(&self) -> Wall {
        Wall::from_secs(i64::try_from(self.inner.reader.metadata().build_epoch).unwrap_or(i64::MAX))
    }
}

impl PartialEq for AsnTable {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.inner.bytes == other.inner.bytes
    }
}

impl Eq for AsnTable {}

impl fmt::Debug for AsnTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsnTable").field("type", &self.database_type()).field("built", &self.built()).finish()
    }
}

/// The AS number of a record. 0 stands for none (RFC 7607), as some databases have it for ranges that nobody announces.
fn number<S: AsRef<[u8]>>(record: &LookupResult<'_, S>) -> Option<u32> {
    let or_none = |found: Result<Option<u32>, MaxMindDbError>| found.ok().flatten();
    let by_text = || {
        let text: Option<&str> = record.decode_path(&path!["asn"]).ok().flatten();
        text?.trim_start_matches("AS").parse().ok()
    };
    let found = or_none(record.decode_path(&path!["autonomous_system_number"]));
    found.or_else(|| or_none(record.decode_path(&path!["asn"]))).or_else(by_text).filter(|number| *number != 0)
}

/// What the reader finds. Should it panic at bytes that make no sense, an address without a number is all that comes of it.
fn unharmed<T>(find: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(find)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testkit::{AsnField, asn_database};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn database(field: AsnField) -> Vec<u8> {
        let ranges =
            [("1.2.0.0/16", 64_500), ("1.2.3.0/24", 4_200_000_000), ("2a00:1450::/32", 64_501), ("9.0.0.0/8", 0)];
        asn_database("GeoLite2-ASN", field, &ranges)
    }

    #[test]
    fn the_narrowest_range_tells_the_number_in_either_spelling() {
        for field in [AsnField::MaxMind, AsnField::IpInfo] {
            let table = AsnTable::new(database(field)).unwrap();
            for (text, number) in [
                ("1.2.9.9", Some(64_500)),
                ("1.2.3.4", Some(4_200_000_000)),
                ("2a00:1450:9::1", Some(64_501)),
                ("1.3.0.0", None),
                ("2a00:1451::1", None),
                ("9.9.9.9", None),
            ] {
                assert_eq!(table.number(ip(text)), number, "{text} {field:?}");
            }
            assert_eq!(table.database_type(), "GeoLite2-ASN");
            assert_eq!(table.built(), Wall::from_secs(1_750_000_000));
        }
    }

    #[test]
    fn what_is_no_database_of_as_numbers_is_told_apart() {
        for bytes in [Vec::new(), b"autonomous_system_number".to_vec(), database(AsnField::MaxMind)[..99].to_vec()] {
            assert!(matches!(AsnTable::new(bytes), Err(AsnTableError::NotMaxMindDb(_))));
        }
        let city = asn_database("GeoLite2-City", AsnField::Other, &[("1.2.0.0/16", 1)]);
        assert_eq!(AsnTable::new(city).unwrap_err(), AsnTableError::NoAsNumbers("GeoLite2-City".into()));
    }

    #[test]
    fn the_same_bytes_are_the_same_table() {
        let table = AsnTable::new(database(AsnField::MaxMind)).unwrap();
        assert_eq!(table, table.clone());
        assert_eq!(table, AsnTable::new(database(AsnField::MaxMind)).unwrap());
        assert_ne!(table, AsnTable::new(database(AsnField::IpInfo)).unwrap());
    }

    proptest! {
        #[test]
        fn a_damaged_database_harms_nobody(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
            address in any::<u128>(),
        ) {
            let mut bytes = database(AsnField::MaxMind);
            damage.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
            if let Ok(table) = AsnTable::new(bytes) {
                let _ = table.number(IpAddr::from(address.to_be_bytes()));
                let _ = table.number(ip("1.2.3.4"));
            }
        }
    }
}
