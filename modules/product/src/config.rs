//! Settings of the module.

use kernel::{Currency, Language, db::Pool};
use serde::{Deserialize, Serialize};

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// URL of the database, e.g. `sqlite://data/product.db`.
    pub database_url: String,
    /// Where pictures are: `file://FOLDER`, or `s3://KEY_ID:SECRET@BUCKET/PREFIX?region=..&endpoint=..`.
    pub media_url: String,
    /// Pool of the database.
    pub pool: Pool,
    /// The shop's currency. Must not change once there are products.
    pub currency: Currency,
    /// The shop's own language, in which products and categories are written: a BCP 47 tag. Must not change once there are products.
    pub language: Language,
    /// Seconds between two searches for expired holds; at least 1.
    pub hold_sweep_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        let database_url = "sqlite://data/product.db".into();
        Self {
            database_url,
            media_url: "file://data/media".into(),
            pool: Pool::default(),
            currency: Currency::default(),
            language: Language::default(),
            hold_sweep_seconds: 5,
        }
    }
}
