//! The database of the order module.

use sea_orm_migration::prelude::*;

mod m0001_order;
mod m0002_outbox;
mod m0003_version;
mod m0004_outbox_listener;
mod m0005_refusals;
mod m0006_variants;

/// Brings the database of the order module up to date.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_order::Step),
            Box::new(m0002_outbox::Step),
            Box::new(m0003_version::Step),
            Box::new(m0004_outbox_listener::Step),
            Box::new(m0005_refusals::Step),
            Box::new(m0006_variants::Step),
        ]
    }

    fn migration_table_name() -> DynIden {
        "order_migrations".into_iden()
    }
}
