//! The import of products from a file.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

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

/// How far an import is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportCounts {
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
    /// How much is wrong in the file. If anything is, nothing is imported.
    #[schema(example = 0)]
    pub wrong: u64,
}
