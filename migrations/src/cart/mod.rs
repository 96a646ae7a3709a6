//! The database of the cart module.

use sea_orm_migration::prelude::*;

mod m0001_cart;
mod m0002_refusals;
mod m0003_variants;

/// Brings the database of the cart module up to date.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_cart::Step), Box::new(m0002_refusals::Step), Box::new(m0003_variants::Step)]
    }

    fn migration_table_name() -> DynIden {
        "cart_migrations".into_iden()
    }
}
