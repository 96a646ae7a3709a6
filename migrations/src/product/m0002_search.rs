//! The search index: the words of name and description, and parts of the name.
//!
//! Triggers keep it up to date in tables beside the products: in the table of products, every change of a stock would write it
//! anew.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "0002_search"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if db.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared("CREATE EXTENSION IF NOT EXISTS pg_trgm").await.map_err(|e| {
                DbErr::Migration(format!(
                    "the search needs PostgreSQL's extension pg_trgm (package postgresql-contrib), which the owner of the \
                     database may create, and it could not be created: {e}"
                ))
            })?;
            db.execute_unprepared(POSTGRES).await?;
        } else {
            db.execute_unprepared(SQLITE).await?;
        }
        Ok(())
    }
}

/// `product_words` splits words itself, because PostgreSQL's parser treats addresses, numbers with signs and words with hyphens
/// specially. Letters are those of ICU, whatever the locale of the database is.
const POSTGRES: &str = r#"
-- lower case, without accents, letters and digits only, with single spaces between words
CREATE FUNCTION product_words(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN trim(regexp_replace(
    normalize(regexp_replace(normalize(lower($1 COLLATE "und-x-icu"), NFD), '[\u0300-\u036F]', '', 'g'), NFC),
    '[^[:alnum:]]+', ' ', 'g'));

-- every word is the beginning of one; of those with a weight, if one is given; NULL without words. It is called unsafe so that
-- searches get no parallel workers: to start them takes longer than most searches, and other requests need the cores, too
CREATE FUNCTION product_query(words text, weight text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL UNSAFE
RETURN to_tsquery('simple', replace(nullif(product_words(words), ''), ' ', ':*' || weight || ' & ') || ':*' || weight);

CREATE TABLE product_search (
    product_id bigint NOT NULL PRIMARY KEY,
    name_lower text NOT NULL,
    description text NOT NULL,
    words tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', product_words(name_lower)), 'A') ||
        setweight(to_tsvector('simple', product_words(description)), 'B')) STORED
);

CREATE FUNCTION product_search_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM product_search WHERE product_id = NEW.id;
    IF NEW.deleted_at IS NULL THEN
        INSERT INTO product_search (product_id, name_lower, description) VALUES (NEW.id, NEW.name_lower, NEW.description);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER product_added AFTER INSERT ON products FOR EACH ROW EXECUTE FUNCTION product_search_follows();
CREATE TRIGGER product_changed AFTER UPDATE OF name_lower, description, deleted_at ON products FOR EACH ROW
WHEN ((OLD.name_lower, OLD.description, OLD.deleted_at) IS DISTINCT FROM (NEW.name_lower, NEW.description, NEW.deleted_at))
EXECUTE FUNCTION product_search_follows();

INSERT INTO product_search (product_id, name_lower, description)
SELECT id, name_lower, description FROM products WHERE deleted_at IS NULL;
CREATE INDEX product_search_by_words ON product_search USING gin (words);
CREATE INDEX product_search_by_part ON product_search USING gin (name_lower gin_trgm_ops);
"#;

const SQLITE: &str = r#"
CREATE VIRTUAL TABLE product_words USING fts5(name_lower, description,
    content = 'products', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
-- a word in the name counts ten times as much
INSERT INTO product_words (product_words, rank) VALUES ('rank', 'bm25(10.0, 1.0)');
CREATE VIRTUAL TABLE product_parts USING fts5(name_lower,
    content = 'products', content_rowid = 'id', tokenize = 'trigram case_sensitive 1');

CREATE TRIGGER product_added AFTER INSERT ON products WHEN NEW.deleted_at IS NULL BEGIN
    INSERT INTO product_words (rowid, name_lower, description) VALUES (NEW.id, NEW.name_lower, NEW.description);
    INSERT INTO product_parts (rowid, name_lower) VALUES (NEW.id, NEW.name_lower);
END;
CREATE TRIGGER product_changed AFTER UPDATE OF name_lower, description, deleted_at ON products
WHEN (OLD.name_lower, OLD.description, OLD.deleted_at) IS NOT (NEW.name_lower, NEW.description, NEW.deleted_at) BEGIN
    INSERT INTO product_words (product_words, rowid, name_lower, description)
        SELECT 'delete', OLD.id, OLD.name_lower, OLD.description WHERE OLD.deleted_at IS NULL;
    INSERT INTO product_parts (product_parts, rowid, name_lower) SELECT 'delete', OLD.id, OLD.name_lower WHERE OLD.deleted_at IS NULL;
    INSERT INTO product_words (rowid, name_lower, description)
        SELECT NEW.id, NEW.name_lower, NEW.description WHERE NEW.deleted_at IS NULL;
    INSERT INTO product_parts (rowid, name_lower) SELECT NEW.id, NEW.name_lower WHERE NEW.deleted_at IS NULL;
END;

INSERT INTO product_words (rowid, name_lower, description)
SELECT id, name_lower, description FROM products WHERE deleted_at IS NULL;
INSERT INTO product_parts (rowid, name_lower) SELECT id, name_lower FROM products WHERE deleted_at IS NULL;
"#;
