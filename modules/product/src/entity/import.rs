use sea_orm::entity::prelude::*;

/// An import of products from a file.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "imports")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) state: State,
    pub(crate) dry_run: bool,
    pub(crate) set_stock: bool,
    pub(crate) user_id: Option<i64>,
    pub(crate) rows: i64,
    pub(crate) done: i64,
    pub(crate) added: i64,
    pub(crate) changed: i64,
    pub(crate) unchanged: i64,
    pub(crate) wrong: i64,
    /// What is wrong in the file, as JSON; empty if nothing is.
    #[sea_orm(column_type = "Text")]
    pub(crate) wrong_rows: String,
    pub(crate) message: Option<String>,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) finished_at: Option<DateTimeUtc>,
    /// Grows each time an instance takes the import: one that has lost it cannot write any more.
    pub(crate) lease: i64,
    pub(crate) leased_until: Option<DateTimeUtc>,
    /// How often it broke off.
    pub(crate) failures: i64,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub(crate) enum State {
    /// The file is not here yet.
    Receiving,
    Queued,
    Checking,
    Importing,
    Done,
    Refused,
    Failed,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
