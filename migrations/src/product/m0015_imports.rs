//! Imports of products from files, and the files until they are imported.

use sea_orm_migration::prelude::*;

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0015_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let count = |name: &'static str| ColumnDef::new(name).big_integer().not_null().default(0).to_owned();
        manager
            .create_table(
                Table::create()
                    .table("imports")
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("state").string_len(16).not_null())
                    .col(ColumnDef::new("dry_run").boolean().not_null())
                    .col(ColumnDef::new("set_stock").boolean().not_null())
                    .col(ColumnDef::new("user_id").big_integer())
                    .col(count("rows"))
                    .col(count("done"))
                    .col(count("added"))
                    .col(count("changed"))
                    .col(count("unchanged"))
                    .col(count("wrong"))
                    // what is wrong in the file, as JSON; empty if nothing is
                    .col(ColumnDef::new("wrong_rows").text().not_null().default(""))
                    .col(ColumnDef::new("message").string_len(255))
                    .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
                    .col(ColumnDef::new("finished_at").timestamp_with_time_zone())
                    // grows each time an instance takes the import: one that has lost it cannot write any more
                    .col(count("lease"))
                    .col(ColumnDef::new("leased_until").timestamp_with_time_zone())
                    // how often it broke off
                    .col(count("failures"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("import_chunks")
                    .col(ColumnDef::new("import_id").big_integer().not_null())
                    .col(ColumnDef::new("number").big_integer().not_null())
                    .col(ColumnDef::new("content").blob().not_null())
                    .primary_key(Index::create().col("import_id").col("number"))
                    .foreign_key(ForeignKey::create().from("import_chunks", "import_id").to("imports", "id"))
                    .to_owned(),
            )
            .await?;
        let open = Index::create()
            .name("imports_open")
            .table("imports")
            .col("id")
            .and_where(Expr::col("finished_at").is_null())
            .to_owned();
        manager.create_index(open).await?;
        manager.create_index(Index::create().name("imports_by_time").table("imports").col("created_at").to_owned()).await
    }
}
