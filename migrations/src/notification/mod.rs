//! The database of the notification module.

use sea_orm_migration::prelude::*;

mod m0001_notification;
mod m0002_delivery;
mod m0003_trace;

/// Brings the database of the notification module up to date.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_notification::Step), Box::new(m0002_delivery::Step), Box::new(m0003_trace::Step)]
    }

    fn migration_table_name() -> DynIden {
        "notification_migrations".into_iden()
    }
}
