//! The files of a module in layers: what a file is for follows from its name, and a file knows its own layer and the ones below.

use super::imports::Crate;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// The trait, its types, errors and events: whatever is compiled without the implementation.
    Contract,
    /// Tables.
    Entity,
    /// Queries.
    Store,
    /// Rules of the domain, and rows as types of the contract.
    Pure,
    /// What an operation or a job does, and what operations share.
    Operation,
    /// The implementation of the trait.
    Service,
    /// Opening and wiring.
    Start,
    /// The exports.
    Lib,
}

/// The layer of a file below `src`; `contract` are the files that are compiled without the implementation.
pub(super) fn layer(source: &Path, contract: &BTreeSet<PathBuf>, file: &Path) -> Layer {
    let first = file.strip_prefix(source).unwrap().components().next().unwrap();
    match first.as_os_str().to_str().unwrap().trim_end_matches(".rs") {
        "lib" => Layer::Lib,
        _ if contract.contains(file) => Layer::Contract,
        "start" => Layer::Start,
        "service" => Layer::Service,
        "rules" | "view" => Layer::Pure,
        "store" => Layer::Store,
        "entity" => Layer::Entity,
        _ => Layer::Operation,
    }
}

/// The imports of a module of the shop that point to a higher layer.
pub(super) fn upward(source: &Path, read: &Crate) -> Vec<String> {
    let contract = read.unconditional();
    let layer = |file: &Path| layer(source, &contract, file);
    let imports = read.imports().into_iter().filter(|import| layer(&import.from) < layer(&import.to));
    imports.map(|import| format!("{import}: {:?} knows {:?}", layer(&import.from), layer(&import.to))).collect()
}
