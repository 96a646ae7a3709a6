//! What can be seen, and bought.

use crate::entity::product::{Column, Status};
use kernel::chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, ExprTrait, sea_query::Expr};

/// Which products the caller sees, of those that were not deleted.
#[derive(Clone, Copy)]
pub(crate) enum Sight {
    /// What is shown to everybody at this time, by the clock of the database.
    Public(DateTime<Utc>),
    /// All, as admins do.
    All,
    /// Those of a status.
    Of(Status),
}

impl Sight {
    /// The one rule of what can be seen and bought.
    pub(crate) fn condition(self) -> Condition {
        let living = Condition::all().add(Column::DeletedAt.is_null());
        match self {
            Self::All => living,
            Self::Of(Status::Active) => living.add(Column::Status.eq(Status::Active)),
            // as the index has it
            Self::Of(status) => living.add(Column::Status.eq(status)).add(Expr::cust("products.status <> 'active'")),
            Self::Public(now) => living
                .add(Column::Status.eq(Status::Active))
                .add(Column::PublishedFrom.is_null().or(Column::PublishedFrom.lte(now)))
                .add(Column::PublishedUntil.is_null().or(Column::PublishedUntil.gt(now))),
        }
    }
}
