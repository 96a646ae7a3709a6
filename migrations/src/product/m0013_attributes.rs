//! Attributes of products, and what lists are restricted and counted by: values of attributes, and of the options of variants.

use kernel::serde_json::{self, Value};
use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0013_attributes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("attributes")
                    .col(ColumnDef::new("code").string_len(40).not_null().primary_key())
                    .col(ColumnDef::new("name").string_len(100).not_null())
                    .col(ColumnDef::new("kind").string_len(16).not_null())
                    .col(ColumnDef::new("unit").string_len(20))
                    // codes and names of the values that can be chosen, as JSON
                    .col(ColumnDef::new("choices").text().not_null())
                    // names in other languages, as JSON; empty if there are none
                    .col(ColumnDef::new("translations").text().not_null())
                    .col(ColumnDef::new("version").big_integer().not_null().default(1))
                    .to_owned(),
            )
            .await?;
        // code and value of each attribute as JSON; empty without attributes
        let values = ColumnDef::new("attributes").text().not_null().default("").to_owned();
        manager.alter_table(Table::alter().table("products").add_column(values).to_owned()).await?;
        // codes of the attributes that products of the category must have, as JSON; empty if there are none
        let required = ColumnDef::new("required_attributes").text().not_null().default("").to_owned();
        manager.alter_table(Table::alter().table("categories").add_column(required).to_owned()).await?;
        manager
            .create_table(
                Table::create()
                    .table("product_attributes")
                    .col(ColumnDef::new("product_id").big_integer().not_null())
                    .col(ColumnDef::new("code").string_len(40).not_null())
                    // code of what was chosen, `true` or `false`; empty for texts and numbers
                    .col(ColumnDef::new("value").string_len(40).not_null())
                    .col(ColumnDef::new("number").double())
                    .primary_key(Index::create().col("product_id").col("code").col("value"))
                    .foreign_key(ForeignKey::create().from("product_attributes", "product_id").to("products", "id"))
                    .foreign_key(ForeignKey::create().from("product_attributes", "code").to("attributes", "code"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("variant_options")
                    .col(ColumnDef::new("variant_id").big_integer().not_null())
                    // name and value in lower case
                    .col(ColumnDef::new("name_key").string_len(120).not_null())
                    .col(ColumnDef::new("value_key").string_len(180).not_null())
                    .col(ColumnDef::new("product_id").big_integer().not_null())
                    .col(ColumnDef::new("name").string_len(40).not_null())
                    .col(ColumnDef::new("value").string_len(60).not_null())
                    .primary_key(Index::create().col("variant_id").col("name_key"))
                    .foreign_key(ForeignKey::create().from("variant_options", "variant_id").to("variants", "id"))
                    .to_owned(),
            )
            .await?;
        let index = |name: &'static str, table: &'static str, columns: &[&'static str]| {
            let mut index = Index::create().name(name).table(table).to_owned();
            for column in columns {
                index.col(*column);
            }
            index
        };
        for index in [
            index("product_attributes_by_value", "product_attributes", &["code", "value", "product_id"]),
            index("product_attributes_by_number", "product_attributes", &["code", "number", "product_id"]),
            index("variant_options_by_value", "variant_options", &["name_key", "value_key", "product_id", "variant_id"]),
            index("variant_options_of_product", "variant_options", &["product_id"]),
        ] {
            manager.create_index(index).await?;
        }
        index_options(manager.get_connection()).await
    }
}

/// Adds the options of the variants that there are. In Rust, because SQLite knows lower case of ASCII letters only.
async fn index_options(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let mut after = 0_i64;
    loop {
        let find = Query::select()
            .columns(["id", "product_id", "options"])
            .from("variants")
            .and_where(Expr::col("id").gt(after))
            .and_where(Expr::col("options").ne(""))
            .and_where(Expr::col("deleted_at").is_null())
            .order_by("id", Order::Asc)
            .limit(500)
            .to_owned();
        let rows = db.query_all(&find).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let columns = ["variant_id", "name_key", "value_key", "product_id", "name", "value"];
        let mut insert = Query::insert().into_table("variant_options").columns(columns).to_owned();
        for row in rows {
            let (id, product): (i64, i64) = (row.try_get("", "id")?, row.try_get("", "product_id")?);
            let options: String = row.try_get("", "options")?;
            let wrong = |why| DbErr::Migration(format!("options of variant {id}: {why}"));
            let options: Vec<Value> = serde_json::from_str(&options).map_err(|e| wrong(e.to_string()))?;
            for option in &options {
                let text = |member| option[member].as_str().ok_or_else(|| wrong(format!("no {member}")));
                let (name, value) = (text("name")?, text("value")?);
                let (name_key, value_key) = (name.to_lowercase(), value.to_lowercase());
                insert
                    .values([id.into(), name_key.into(), value_key.into(), product.into(), name.into(), value.into()])
                    .map_err(|e| wrong(e.to_string()))?;
            }
            after = id;
        }
        db.execute(&insert).await?;
    }
}
