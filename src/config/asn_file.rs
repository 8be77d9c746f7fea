//! `book.asn_file`: a database of autonomous systems, read once for all networks that name it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use crate::regular_file::open_regular;
use crate::types::{AsnTable, AsnTableError};

/// Bytes of a database at most: GeoLite2-ASN has some 10 million, and databases with much more in each record a few times as
/// many.
const MAX_FILE: u64 = 256 << 20;

/// A database of autonomous systems that was read; equal when the databases are, wherever they lie.
#[derive(Clone, Debug)]
pub struct AsnFile {
    /// Where it lies, links followed.
    pub path: PathBuf,
    /// What it holds.
    pub table: AsnTable,
}

impl AsnFile {
    /// What it says that it is, and when it was built: `GeoLite2-ASN of 2025-06-15T15:06:40Z`.
    pub fn edition(&self) -> String {
        let seconds = self.table.built().as_millis() / 1_000;
        format!("{} of {}", self.table.database_type(), prost_types::Timestamp { seconds, nanos: 0 })
    }
}

impl PartialEq for AsnFile {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Eq for AsnFile {}

/// Why a database cannot be used. The texts name the fix.
#[derive(Debug, thiserror::Error)]
pub enum AsnFileError {
    /// There is none.
    #[error("there is no such file: {FIX}")]
    Missing,
    /// It is a folder, a device or the like.
    #[error("it is no regular file: {FIX}")]
    NoFile,
    /// It cannot be read.
    #[error("it cannot be read ({0}): let the user that pexd runs as read it")]
    Io(io::Error),
    /// It is larger than any such database.
    #[error("it has more than {} MiB: {FIX}", MAX_FILE >> 20)]
    TooLarge,
    /// It is not what it has to be.
    #[error("{0}: {FIX}")]
    Content(#[from] AsnTableError),
}

const FIX: &str = "put a MaxMind DB with AS numbers there, such as GeoLite2-ASN.mmdb, or remove the line, so that ranges \
                   are the groups";

impl From<io::Error> for AsnFileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => AsnFileError::Missing,
            _ => AsnFileError::Io(error),
        }
    }
}

/// What a file is known by without reading it: its size and when it was last written.
type Stamp = (u64, Option<SystemTime>);

struct Read {
    stamp: Stamp,
    file: Weak<AsnFile>,
}

/// What is in use in the process, by path: dozens of networks have one database in memory once.
static IN_USE: Mutex<BTreeMap<PathBuf, Read>> = Mutex::new(BTreeMap::new());

/// The database at `path`, read when nobody in the process has it, or when it was written anew.
///
/// # Errors
/// When it is missing, unreadable, too large, or no database of autonomous systems.
pub(super) fn load(path: &Path) -> Result<Arc<AsnFile>, AsnFileError> {
    let path = path.canonicalize()?;
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.retain(|_, read| read.file.strong_count() > 0);
    let metadata = fs::metadata(&path)?;
    if !metadata.is_file() {
        return Err(AsnFileError::NoFile);
    }
    let stamp = (metadata.len(), metadata.modified().ok());
    let known = in_use.get(&path).and_then(|read| Some((read.stamp, read.file.upgrade()?)));
    if let Some((_, file)) = known.as_ref().filter(|(known, _)| *known == stamp) {
        return Ok(file.clone());
    }
    let table = AsnTable::new(read(&path)?)?;
    let file = match known {
        // Touched and not changed: the networks that have it keep sharing it.
        Some((_, file)) if file.table == table => file,
        _ => Arc::new(AsnFile { path: path.clone(), table }),
    };
    in_use.insert(path, Read { stamp, file: Arc::downgrade(&file) });
    Ok(file)
}

fn read(path: &Path) -> Result<Vec<u8>, AsnFileError> {
    let (file, mut bytes) = (open_regular(path)?, Vec::new());
    if file.metadata()?.len() > MAX_FILE {
        return Err(AsnFileError::TooLarge);
    }
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE { Err(AsnFileError::TooLarge) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::testkit::{AsnField, asn_database};

    fn database(number: u32) -> Vec<u8> {
        asn_database("GeoLite2-ASN", AsnField::MaxMind, &[("1.2.0.0/16", number)])
    }

    #[test]
    fn a_file_is_read_once_until_it_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asn.mmdb");
        fs::write(&path, database(64_500)).unwrap();
        let first = load(&path).unwrap();
        let detour = folder.path().join("..").join(folder.path().file_name().unwrap()).join("asn.mmdb");
        assert!(Arc::ptr_eq(&first, &load(&detour).unwrap()));
        assert_eq!(first.edition(), "GeoLite2-ASN of 2025-06-15T15:06:40Z");

        let touch = |seconds| {
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
        };
        touch(1);
        assert!(Arc::ptr_eq(&first, &load(&path).unwrap()), "what was only touched stays shared");
        fs::write(&path, database(64_501)).unwrap();
        touch(2);
        let second = load(&path).unwrap();
        assert_ne!(first, second);
        assert_eq!(first.table.number("1.2.3.4".parse().unwrap()), Some(64_500));
        assert_eq!(second.table.number("1.2.3.4".parse().unwrap()), Some(64_501));
    }

    #[test]
    fn every_mistake_has_its_own_error_with_the_fix() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asn.mmdb");
        let fix = "such as GeoLite2-ASN.mmdb, or remove the line";
        let error = |path: &Path| load(path).unwrap_err().to_string();
        let of = |text: String, what: &str| assert!(text.contains(what) && text.contains(fix), "{text}");
        of(error(&path), "there is no such file");
        of(error(folder.path()), "no regular file");
        fs::write(&path, "<html>").unwrap();
        of(error(&path), "no MaxMind DB");
        let city = asn_database("GeoLite2-City", AsnField::Other, &[("1.2.0.0/16", 1)]);
        fs::write(&path, city).unwrap();
        of(error(&path), "of the type \"GeoLite2-City\", which has no AS numbers");
        File::create(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
        of(error(&path), "more than 256 MiB");
        assert!(
            AsnFileError::from(io::Error::from(io::ErrorKind::PermissionDenied)).to_string().contains("let the user")
        );
    }
}
