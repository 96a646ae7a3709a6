//! The database of the product module.

use sea_orm_migration::prelude::*;

mod m0001_product;
mod m0002_search;
mod m0003_refusals;
mod m0004_name_key;
mod m0005_version;
mod m0006_variants;
mod m0007_first_variants;
mod m0008_publication;
mod m0009_slugs;
mod m0010_brand_and_tags;
mod m0011_translations;
mod m0012_thresholds;
mod m0013_attributes;
mod m0014_media;
mod m0015_imports;

/// Brings the database of the product module up to date.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_product::Step),
            Box::new(m0002_search::Step),
            Box::new(m0003_refusals::Step),
            Box::new(m0004_name_key::Step),
            Box::new(m0005_version::Step),
            Box::new(m0006_variants::Step),
            Box::new(m0007_first_variants::Step),
            Box::new(m0008_publication::Step),
            Box::new(m0009_slugs::Step),
            Box::new(m0010_brand_and_tags::Step),
            Box::new(m0011_translations::Step),
            Box::new(m0012_thresholds::Step),
            Box::new(m0013_attributes::Step),
            Box::new(m0014_media::Step),
            Box::new(m0015_imports::Step),
        ]
    }

    fn migration_table_name() -> DynIden {
        "product_migrations".into_iden()
    }
}
