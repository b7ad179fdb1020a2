//! Opening SQLite databases that are ours, and knowing when one is not.

use crate::error::{Error, Result};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How long to wait for another program that reads or checkpoints the same database.
const PATIENCE: Duration = Duration::from_secs(10);

/// What marks a database as ours, and what is in it.
pub(crate) struct Format {
    /// In the file's header, where `file` and others can see it.
    pub application_id: i32,
    /// Rises with every change that an older version cannot read.
    pub version: i64,
    /// Makes an empty database one of this version.
    pub schema: &'static str,
}

/// Makes a new database, or opens one that is there.
pub(crate) fn create(path: &Path, format: &Format) -> Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    prepare_to_write(path, &connection)?;
    let make = || -> rusqlite::Result<bool> {
        // Others may be making it at the same moment: who gets the transaction first does it.
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let empty = is_empty(&connection)?;
        if empty {
            connection.execute_batch(format.schema)?;
            connection.pragma_update(None, "application_id", format.application_id)?;
            connection.pragma_update(None, "user_version", format.version)?;
        }
        connection.execute_batch("COMMIT")?;
        Ok(empty)
    };
    let made = make().map_err(|source| Error::database(path, source))?;
    if !made {
        check_format(path, &connection, format)?;
    }
    Ok(connection)
}

/// Opens a database to write; it must be there.
pub(crate) fn open_to_write(path: &Path, format: &Format) -> Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    check_format(path, &connection, format)?;
    prepare_to_write(path, &connection)?;
    Ok(connection)
}

/// Opens a database to read, also while another process writes to it, and also on a medium that cannot be written.
pub(crate) fn open_to_read(path: &Path, format: &Format) -> Result<Connection> {
    // SQLite falls back to reading by itself where the file cannot be written. Where it can, the last one to close, be it a
    // reader, folds the log into the database; a connection that is opened read-only would leave an empty log behind.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true).map_err(|source| Error::database(path, source))?;
    match check_format(path, &connection, format) {
        // A reader shares memory with writers through a file beside the database. Where that file cannot be made, nobody
        // can be writing either, and a database without a log can be read as it lies.
        Err(Error::ReadOnly { .. } | Error::Database { .. }) if !has_log(path) => {
            let uri = format!("file:{}?immutable=1", uri_path(path));
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let connection = connect(Path::new(&uri), flags)?;
            check_format(path, &connection, format)?;
            Ok(connection)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(connection),
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let failed = |source| Error::database(path, source);
    // A connection stays with one thread at a time (it is `Send`, not `Sync`), so SQLite's own mutexes are not needed.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn prepare_to_write(path: &Path, connection: &Connection) -> Result<()> {
    let failed = |source| Error::database(path, source);
    if connection.is_readonly("main").map_err(failed)? {
        return Err(Error::ReadOnly { path: path.to_owned() });
    }
    // Safe against a killed process; a loss of power may cost the last transactions, never the file.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(failed)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;").map_err(failed)
}

fn check_format(path: &Path, connection: &Connection, format: &Format) -> Result<()> {
    let failed = |source| Error::database(path, source);
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let application_id = pragma("application_id").map_err(failed)?;
    let version = pragma("user_version").map_err(failed)?;
    if application_id != i64::from(format.application_id) {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    if version > format.version {
        return Err(Error::NewerFormat { path: path.to_owned(), found: version, known: format.version });
    }
    // There has been one version so far: an older one is a header that was tampered with.
    if version < format.version {
        let detail = format!("its format is {version}, which never was");
        return Err(Error::Damaged { path: path.to_owned(), detail });
    }
    Ok(())
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|metadata| metadata.len() > 0)
}

/// A path as part of a URI: what means something there is escaped.
fn uri_path(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// Text that is known to be UTF-8, bound without another look at it.
pub(crate) struct Text<'a>(pub &'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { application_id: 77, version: 3, schema: "CREATE TABLE t (x)" };

    #[test]
    fn a_new_database_opens_again_both_ways() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd %20 name?.sqlite");
        create(&path, &FORMAT).unwrap().execute("INSERT INTO t VALUES (1)", []).unwrap();
        create(&path, &FORMAT).unwrap();
        open_to_write(&path, &FORMAT).unwrap();
        let reader = open_to_read(&path, &FORMAT).unwrap();
        assert_eq!(reader.query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
        let refused = reader.execute("INSERT INTO t VALUES (2)", []).unwrap_err();
        assert!(matches!(Error::database(&path, refused), Error::ReadOnly { .. }));
        let uri = format!("file:{}?immutable=1", uri_path(&path));
        let unlocked = connect(Path::new(&uri), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI).unwrap();
        assert_eq!(unlocked.query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }

    #[test]
    fn other_formats_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.sqlite");
        drop(create(&path, &FORMAT).unwrap());
        let newer = Format { version: 2, ..FORMAT };
        assert!(matches!(open_to_write(&path, &newer).unwrap_err(), Error::NewerFormat { found: 3, known: 2, .. }));
        assert!(matches!(open_to_read(&path, &Format { version: 4, ..FORMAT }).unwrap_err(), Error::Damaged { .. }));
        assert!(matches!(
            open_to_write(&path, &Format { application_id: 78, ..FORMAT }).unwrap_err(),
            Error::Foreign { .. }
        ));
        std::fs::write(
            &path,
            b"this is a text file, longer than the header that a database would have at its very start, surely",
        )
        .unwrap();
        assert!(matches!(open_to_write(&path, &FORMAT).unwrap_err(), Error::Damaged { .. }));
    }
}
