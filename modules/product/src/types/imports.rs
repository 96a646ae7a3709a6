//! The import of products from a file.

use super::ProductStatus;
use crate::ids::ImportId;
use garde::Validate;
use kernel::{
    Request,
    chrono::{DateTime, Utc},
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::{IntoParams, ToSchema};

/// What is wrong in a file that was to be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrongRow {
    /// The line of the file in which the row begins, from 1. The first line names the columns.
    #[schema(example = 17)]
    pub line: u64,
    /// The column; `null` when it is the whole row.
    #[schema(example = "price")]
    pub column: Option<String>,
    /// What is allowed there.
    #[schema(example = "must be a decimal number such as 29.99")]
    pub reason: String,
}

impl fmt::Display for WrongRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

/// The most rows that the answer of an import names as wrong.
pub const MAX_WRONG_ROWS: usize = 1_000;

/// How an import goes about the stock of variants that exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportStock {
    /// It stays as it is, so that an import does not undo sales. New variants get the stock that the file says.
    #[default]
    Keep,
    /// It is set to what the file says, by movements with the cause `counted`.
    Set,
}

/// How to import a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ImportFile {
    /// `true`: only check the file, and say what an import would do.
    #[garde(skip)]
    #[param(default = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Whether the stock of variants that exist is set.
    #[garde(skip)]
    #[param(inline, default = "keep")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock: Option<ImportStock>,
}

/// Which products to export.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct ExportFile {
    /// Only products of this status; without it all that were not deleted.
    #[garde(skip)]
    #[param(inline)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ProductStatus>,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// The file waits.
    Queued,
    /// The file is checked: nothing is changed yet.
    Checking,
    /// The file has been checked, and its products are written.
    Importing,
    /// All of the file was imported or, in a dry run, nothing is wrong in it.
    Done,
    /// Something is wrong in the file: see `wrong_rows`. Nothing was imported, unless `message` says otherwise.
    Refused,
    /// It broke off several times: see `message`. The same file completes it.
    Failed,
}

/// An import of products from a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Import {
    /// Id of the import.
    pub id: ImportId,
    /// How far it is.
    pub state: ImportState,
    /// Whether the file is only checked.
    pub dry_run: bool,
    /// How it goes about the stock of variants that exist.
    pub stock: ImportStock,
    /// Rows of the file; those that were found so far, until all were checked.
    #[schema(example = 300)]
    pub rows: u64,
    /// Rows that were checked; then those that were imported.
    #[schema(example = 120)]
    pub done: u64,
    /// Products that were added, or would be by the end of a dry run.
    #[schema(example = 1)]
    pub added: u64,
    /// Products that were changed, or would be by the end of a dry run.
    #[schema(example = 7)]
    pub changed: u64,
    /// Products that were as the file has them.
    #[schema(example = 32)]
    pub unchanged: u64,
    /// How much is wrong in the file.
    #[schema(example = 0)]
    pub wrong: u64,
    /// What is wrong in the file, at most 1,000 of it, by lines.
    pub wrong_rows: Vec<WrongRow>,
    /// What else there is to say; `null` if nothing is.
    pub message: Option<String>,
    /// Time at which the file came.
    pub created_at: DateTime<Utc>,
    /// Time at which it ended; `null` until then. It is forgotten 30 days after the file came.
    pub finished_at: Option<DateTime<Utc>>,
}
