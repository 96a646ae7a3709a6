//! The file or variable that sets each setting, so that messages can name it.

use super::mask;
use config::{ConfigError, Map, Value, ValueKind};
use serde::de::DeserializeOwned;
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

/// Every setting that is not a default.
pub(super) struct Origins(BTreeMap<String, Origin>);

struct Origin {
    /// A file or a variable.
    from: String,
    is_secret: bool,
}

impl Origins {
    /// The origins of `values`; `variables` are the well-known variables that are set, or the files with their
    /// values, by their settings.
    pub(super) fn new(values: &Map<String, Value>, variables: &BTreeMap<String, String>) -> Self {
        let mut found = BTreeMap::new();
        values.iter().for_each(|(key, value)| collect(key, value, variables, &mut found));
        Self(found)
    }

    /// The origin of a setting, or of a setting in a table of this name.
    pub(super) fn of(&self, key: &str) -> Option<String> {
        let is_below = |other: &str| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
        let found = self.0.get(key).or_else(|| self.0.iter().find(|(other, _)| is_below(other)).map(|(_, origin)| origin));
        found.map(|origin| origin.from.clone())
    }

    /// The files, each with a secret that it sets, if any.
    pub(super) fn files(&self) -> Vec<(PathBuf, Option<String>)> {
        let mut files: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for (key, Origin { from, is_secret }) in self.0.iter().filter(|(_, origin)| Path::new(&origin.from).is_file()) {
            let secret = files.entry(from).or_default();
            if *is_secret {
                secret.get_or_insert_with(|| key.clone());
            }
        }
        files.into_iter().map(|(path, secret)| (path.into(), secret)).collect()
    }
}

fn collect(key: &str, value: &Value, variables: &BTreeMap<String, String>, found: &mut BTreeMap<String, Origin>) {
    if let ValueKind::Table(table) = &value.kind {
        return table.iter().for_each(|(name, value)| collect(&format!("{key}.{name}"), value, variables, found));
    }
    // `config` does not know the name of a variable, and nothing at all about well-known ones
    let ours = format!("SOUK_{}", key.replace('.', "__")).to_uppercase();
    let from = match value.origin() {
        Some(_) if env::var_os(&ours).is_some() => Some(ours),
        Some(file) => Some(file.to_owned()),
        None => variables.get(key).cloned(),
    };
    let is_secret = mask::is_secret_setting(key, &value.to_string());
    found.extend(from.map(|from| (key.to_owned(), Origin { from, is_secret })));
}

/// Reads settings.
///
/// # Errors
/// The name of the setting that cannot be used, the reason, and the origin.
pub(super) fn read<T: DeserializeOwned>(values: Map<String, Value>, origins: &Origins) -> Result<T, String> {
    let values = Value::new(None, ValueKind::Table(values));
    serde_path_to_error::deserialize(values).map_err(|e| {
        let path = e.path().to_string();
        let why = reason(e.inner());
        match origins.of(&path) {
            Some(origin) => format!("{path}: {why} (from {origin})"),
            None => format!("{path}: {why}"),
        }
    })
}

/// The reason, without the name and the origin, which the error knows only in part.
fn reason(e: &ConfigError) -> String {
    let text = e.to_string();
    text.split(" for key `").next().unwrap_or(&text).to_owned()
}
