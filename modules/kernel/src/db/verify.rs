//! Checks of a database, all in one snapshot of it.

use super::{connection::Options, database::Db, tx::TxConnection};
use crate::verify::{Check, Finding, NAMED};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

/// SQLite does not check references that were written while it was told not to.
const REFERENCES: Check = Check {
    name: "references",
    rule: "every row that refers to another one finds it",
    query: "SELECT \"table\" || ', row ' || rowid || ': none in ' || parent AS found FROM pragma_foreign_key_check",
};

impl Db {
    /// Looks for contradictions of these rules, in one snapshot, while the database is used. Large tables take their time: there is no
    /// limit to it.
    ///
    /// # Errors
    /// When the store is not there or cannot be reached, or its tables are not those of this program.
    pub async fn verify(&self, checks: &[Check]) -> Result<Vec<Finding>, DbErr> {
        if let Options::Sqlite(options) = &self.shared.options
            && !options.get_filename().exists()
        {
            return Err(DbErr::Custom(format!("{} does not exist", options.get_filename().display())));
        }
        self.must_be_up_to_date().await?;
        let snapshot = TxConnection::snapshot(self).await?;
        let mut findings = Vec::new();
        if snapshot.get_database_backend() == DbBackend::Sqlite {
            findings.extend(look(&snapshot, &REFERENCES, format!("{}.{}", self.module(), REFERENCES.name)).await?);
        }
        for check in checks {
            findings.extend(look(&snapshot, check, check.name.into()).await?);
        }
        Ok(findings)
    }
}

async fn look(db: &TxConnection, check: &Check, name: String) -> Result<Option<Finding>, DbErr> {
    let (rule, query) = (check.rule.into(), check.query);
    let backend = db.get_database_backend();
    let some = Statement::from_string(backend, format!("{query} LIMIT {NAMED}"));
    let text = |row: QueryResult| row.try_get_by_index::<String>(0);
    let named = db.query_all_raw(some).await?.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    if named.len() < NAMED {
        let count = named.len() as u64;
        return Ok((count > 0).then_some(Finding { name, rule, count, named }));
    }
    let all = Statement::from_string(backend, format!("SELECT count(*) FROM ({query}) AS contradictions"));
    let count = db.query_one_raw(all).await?.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
    Ok(Some(Finding { name, rule, count: count.unwrap_or_default().unsigned_abs(), named }))
}
