//! Settings of the module.

use kernel::{Secret, db::Pool};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// URL of the database, e.g. `sqlite://data/user.db`.
    pub database_url: String,
    /// Pool of the database.
    pub pool: Pool,
    /// The Ed25519 key that signs access tokens, as a PEM file (PKCS #8). All processes of this module share it.
    pub signing_key_file: PathBuf,
    /// The same key as text, where secrets come as variables. If it is not empty, no file is read or made.
    pub signing_key: Secret,
    /// Whether to generate a missing file. Otherwise the module does not start without the key.
    pub generate_signing_key: bool,
    /// Lifetime of an access token in seconds, 60 to 86,400.
    pub access_token_seconds: u32,
    /// Lifetime of a session and its refresh tokens in days, 1 to 3,650.
    pub refresh_token_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: "sqlite://data/user.db".into(),
            pool: Pool::default(),
            signing_key_file: "data/user-signing-key.pem".into(),
            signing_key: Secret::default(),
            generate_signing_key: true,
            access_token_seconds: 900,
            refresh_token_days: 30,
        }
    }
}
