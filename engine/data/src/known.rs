use crate::{Locations, cifar, digits, fashion_mnist, idx};
use serde::Serialize;
use std::path::PathBuf;

/// A data set that Pleach knows: by name, or by the form of its files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Known {
    /// What stands at `dataset:` in an experiment.
    pub name: &'static str,
    /// What it is, in a few words.
    pub kind: &'static str,
    /// The number of examples, own test part included.
    pub examples: usize,
    /// The shape of one input: (channels, height, width).
    pub shape: Vec<usize>,
    /// The number of classes.
    pub classes: usize,
    /// Who made it and where it comes from.
    pub source: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// Whether it can be used here and now.
    pub presence: Presence,
}

/// Where a known data set is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Carried by Pleach itself.
    Carried,
    /// In this folder.
    Here(PathBuf),
    /// Not here; [`fetch`](crate::fetch) gets it.
    Fetchable,
    /// An experiment names the folder in which its files lie, as in `cifar_10: FOLDER`.
    ByPath,
}

/// The data sets that Pleach knows, and where they are. Only looks whether files exist.
pub fn known(locations: &Locations) -> Vec<Known> {
    let folders = fashion_mnist::folders(&locations.caches);
    let fashion = fashion_mnist::find(&folders).ok().filter(|folder| idx::find(folder).is_ok());
    vec![
        Known {
            name: "digits",
            kind: "grey images of handwritten digits",
            examples: digits::EXAMPLES,
            shape: digits::SHAPE.to_vec(),
            classes: digits::CLASSES,
            source: "Alpaydin and Kaynak 1998, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49 (test part)",
            licence: "CC BY 4.0",
            presence: Presence::Carried,
        },
        Known {
            name: "fashion_mnist",
            kind: "grey images of clothes",
            examples: fashion_mnist::EXAMPLES,
            shape: fashion_mnist::SHAPE.to_vec(),
            classes: fashion_mnist::CLASSES.len(),
            source: "Xiao, Rasul and Vollgraf 2017, Zalando SE, Debian package dataset-fashion-mnist",
            licence: "MIT",
            presence: fashion.map_or(Presence::Fetchable, |folder| Presence::Here(folder.to_owned())),
        },
        Known {
            name: "idx",
            kind: "four IDX files, such as MNIST: grey images of handwritten digits",
            examples: 70_000,
            shape: vec![1, 28, 28],
            classes: 10,
            source: "LeCun, Cortes and Burges 1998, http://yann.lecun.com/exdb/mnist/",
            licence: "CC BY-SA 3.0",
            presence: Presence::ByPath,
        },
        Known {
            name: "cifar_10",
            kind: "colour images of animals and vehicles, binary version",
            examples: 60_000,
            shape: cifar::SHAPE.to_vec(),
            classes: cifar::TEN.classes().len(),
            source: "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
            licence: "none stated; for research",
            presence: Presence::ByPath,
        },
        Known {
            name: "cifar_100",
            kind: "colour images of 100 kinds of thing, binary version",
            examples: 60_000,
            shape: cifar::SHAPE.to_vec(),
            classes: cifar::HUNDRED.classes().len(),
            source: "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
            licence: "none stated; for research",
            presence: Presence::ByPath,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_set_in_a_cache_is_found_once_it_is_whole() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("fashion_mnist");
        std::fs::create_dir(&folder).unwrap();
        let locations = Locations { base: PathBuf::new(), caches: vec![cache.path().to_owned()] };
        let presence = || known(&locations).into_iter().find(|known| known.name == "fashion_mnist").unwrap().presence;
        let here = Presence::Here(folder.clone());
        assert_ne!(presence(), here);
        if !Path::new(fashion_mnist::SYSTEM_FOLDER).exists() {
            assert_eq!(presence(), Presence::Fetchable);
        }
        crate::idx::tests::write(&folder);
        assert_eq!(presence(), here);
    }

    #[test]
    fn names_are_those_of_the_specification() {
        for known in known(&Locations::default()) {
            let value = match known.presence {
                Presence::ByPath => format!(r#"{{"{}": "folder"}}"#, known.name),
                _ => format!(r#""{}""#, known.name),
            };
            serde_json::from_str::<pleach_spec::Dataset>(&value).unwrap_or_else(|error| panic!("{value}: {error}"));
        }
    }
}
