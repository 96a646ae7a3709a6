//! Translations of products and categories; slugs, positions and descriptions of categories.
//!
//! The translated words that a search finds are in a table of their own, with an index of their own: no index need be built anew, and a
//! row of a product stays as short as it is.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0011_translations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        manager
            .create_table(
                Table::create()
                    .table("translations")
                    .col(ColumnDef::new("kind").string_len(16).not_null())
                    .col(ColumnDef::new("id").big_integer().not_null())
                    .col(ColumnDef::new("language").string_len(35).not_null())
                    // JSON
                    .col(ColumnDef::new("texts").text().not_null())
                    .primary_key(Index::create().col("kind").col("id").col("language"))
                    .to_owned(),
            )
            .await?;
        // the languages that something is translated into, separated by spaces
        for table in ["products", "categories"] {
            let languages = ColumnDef::new("languages").text().not_null().default("").to_owned();
            manager.alter_table(Table::alter().table(table).add_column(languages).to_owned()).await?;
        }
        db.execute_unprepared(if db.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE }).await?;

        for column in [
            ColumnDef::new("slug").string_len(100).to_owned(),
            ColumnDef::new("position").integer().not_null().default(0).to_owned(),
            ColumnDef::new("description").text().not_null().default("").to_owned(),
        ] {
            manager.alter_table(Table::alter().table("categories").add_column(column).to_owned()).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("category_slugs")
                    .col(ColumnDef::new("slug").string_len(100).not_null().primary_key())
                    .col(ColumnDef::new("category_id").big_integer().not_null())
                    .foreign_key(
                        // the release before deletes categories, and knows no slugs
                        ForeignKey::create()
                            .from("category_slugs", "category_id")
                            .to("categories", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        for (name, table, columns) in [
            ("category_slugs_by_category", "category_slugs", &["category_id"][..]),
            ("categories_by_position", "categories", &["position", "id"]),
        ] {
            let index = columns.iter().fold(Index::create(), |mut index, column| index.col(*column).to_owned());
            manager.create_index(index.clone().name(name).table(table).to_owned()).await?;
        }
        let without = Index::create()
            .name("categories_without_slug")
            .table("categories")
            .col("id")
            .and_where(Expr::col("slug").is_null())
            .to_owned();
        manager.create_index(without).await
    }
}

/// The words are in the index of m0002, so that a search looks into one table; they are not in its `words`, which would be written
/// anew for every product.
const POSTGRES: &str = "
CREATE TABLE product_translated (
    product_id bigint NOT NULL PRIMARY KEY REFERENCES products (id),
    texts text NOT NULL
);
ALTER TABLE product_search ADD COLUMN translated tsvector;
CREATE INDEX product_search_by_translated ON product_search USING gin (translated) WHERE translated IS NOT NULL;

CREATE FUNCTION product_translated_words(text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN setweight(to_tsvector('simple', product_words($1)), 'B');

CREATE FUNCTION product_translated_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE product_search SET translated = product_translated_words(NEW.texts) WHERE product_id = NEW.product_id;
    RETURN NULL;
END $$;
CREATE TRIGGER product_translated_changed AFTER INSERT OR UPDATE ON product_translated FOR EACH ROW
EXECUTE FUNCTION product_translated_follows();

CREATE OR REPLACE FUNCTION product_search_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM product_search WHERE product_id = NEW.id;
    IF NEW.deleted_at IS NULL THEN
        INSERT INTO product_search (product_id, name_lower, description, translated)
        VALUES (NEW.id, NEW.name_lower, NEW.description,
            (SELECT product_translated_words(texts) FROM product_translated WHERE product_id = NEW.id));
    END IF;
    RETURN NULL;
END $$;
";

const SQLITE: &str = "
CREATE TABLE product_translated (
    product_id integer NOT NULL PRIMARY KEY REFERENCES products (id),
    texts text NOT NULL
);
CREATE VIRTUAL TABLE product_translated_words USING fts5(texts,
    content = 'product_translated', content_rowid = 'product_id', tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
CREATE TRIGGER product_translated_added AFTER INSERT ON product_translated BEGIN
    INSERT INTO product_translated_words (rowid, texts) VALUES (NEW.product_id, NEW.texts);
END;
CREATE TRIGGER product_translated_changed AFTER UPDATE ON product_translated BEGIN
    INSERT INTO product_translated_words (product_translated_words, rowid, texts) VALUES ('delete', OLD.product_id, OLD.texts);
    INSERT INTO product_translated_words (rowid, texts) VALUES (NEW.product_id, NEW.texts);
END;
CREATE TRIGGER product_translated_removed AFTER DELETE ON product_translated BEGIN
    INSERT INTO product_translated_words (product_translated_words, rowid, texts) VALUES ('delete', OLD.product_id, OLD.texts);
END;
";
