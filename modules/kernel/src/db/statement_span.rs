//! Spans of SQL statements in recorded traces.

use crate::trace::{self, Kind};
use sea_orm::DbBackend;
use std::fmt;
use tracing::Span;

/// The span of a statement, which has parameters in place of values.
pub(super) fn statement_span(backend: DbBackend, sql: &str) -> Span {
    let span = trace::span(Kind::Client, Summary(sql));
    if !span.is_none() {
        trace::set(&span, "db.system.name", if backend == DbBackend::Postgres { "postgresql" } else { "sqlite" });
        trace::set(&span, "db.query.text", sql.to_owned());
    }
    span
}

/// A short name of a statement: `SELECT products`.
struct Summary<'a>(&'a str);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.0.split_whitespace();
        let operation = words.next().unwrap_or("SQL");
        f.write_str(operation)?;
        let table = if operation == "UPDATE" { words.next() } else { words.skip_while(|w| !["FROM", "INTO"].contains(w)).nth(1) };
        match table {
            Some(table) => write!(f, " {}", table.trim_matches(|c: char| !c.is_ascii_alphanumeric())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_statement_is_its_operation_and_its_table() {
        for (sql, name) in [
            (r#"SELECT "id", "name" FROM "products" WHERE "id" = $1"#, "SELECT products"),
            (r#"INSERT INTO "orders" ("id") VALUES (?)"#, "INSERT orders"),
            (r#"UPDATE "holds" SET "state" = $1"#, "UPDATE holds"),
            (r#"DELETE FROM "holds""#, "DELETE holds"),
            ("BEGIN IMMEDIATE", "BEGIN"),
            ("", "SQL"),
        ] {
            assert_eq!(Summary(sql).to_string(), name);
        }
    }
}
