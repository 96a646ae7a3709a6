//! The files of a module in layers. The layer of a file follows from its name, and a file imports from its own layer and lower ones.

use super::imports::{Crate, Import};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// The trait, its types, errors and events: all files that are compiled without the implementation.
    Contract,
    /// Tables.
    Entity,
    /// Queries.
    Store,
    /// Rules of the domain, and conversions of rows to types of the contract.
    Pure,
    /// The work of an operation or a job.
    Operation,
    /// The implementation of the trait.
    Service,
    /// Opening and wiring.
    Start,
    /// The exports.
    Lib,
}

/// The layer of each file of a module. An asynchronous file without a fixed name is an operation; any other one holds values or rules,
/// and is as high as the highest file that it imports.
pub(super) fn layers(source: &Path, read: &Crate, imports: &BTreeSet<Import>) -> BTreeMap<PathBuf, Layer> {
    let contract = read.unconditional();
    let mut layers = BTreeMap::new();
    let mut free = BTreeSet::new();
    for file in read.files() {
        let layer = fixed_layer(source, &contract, &file).or_else(|| is_async(&file).then_some(Layer::Operation));
        if layer.is_none() {
            free.insert(file.clone());
        }
        layers.insert(file, layer.unwrap_or(Layer::Contract));
    }
    while let Some(import) = imports.iter().find(|one| free.contains(&one.from) && layers[&one.from] < layers[&one.to]) {
        layers.insert(import.from.clone(), layers[&import.to]);
    }
    layers
}

fn fixed_layer(source: &Path, contract: &BTreeSet<PathBuf>, file: &Path) -> Option<Layer> {
    let first = file.strip_prefix(source).unwrap().components().next().unwrap();
    match first.as_os_str().to_str().unwrap().trim_end_matches(".rs") {
        "lib" => Some(Layer::Lib),
        _ if contract.contains(file) => Some(Layer::Contract),
        "start" => Some(Layer::Start),
        "service" => Some(Layer::Service),
        "rules" | "view" => Some(Layer::Pure),
        "store" => Some(Layer::Store),
        "entity" => Some(Layer::Entity),
        _ => None,
    }
}

fn is_async(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap();
    text.split("#[cfg(test)]").next().unwrap().contains("async ")
}

/// The imports of a module of the shop that point to a higher layer.
pub(super) fn upward(layers: &BTreeMap<PathBuf, Layer>, imports: &BTreeSet<Import>) -> Vec<String> {
    let upward = imports.iter().filter(|import| layers[&import.from] < layers[&import.to]);
    upward.map(|import| format!("{import}: {:?} knows {:?}", layers[&import.from], layers[&import.to])).collect()
}
