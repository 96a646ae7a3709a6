//! What is read, and the statements that answer it, as someone would write them who knows the tables.

use chrono::{DateTime, Utc};
use std::fmt::Write;

pub(crate) const PER_PAGE: u64 = 20;
/// The materials of generated products, and of every tenth product each.
const MATERIALS: [&str; 10] = ["copper", "brass", "clay", "wool", "linen", "silk", "cedar", "glass", "leather", "silver"];

/// The number of the page that is far down the list.
pub(crate) fn far_page(products: u64) -> u64 {
    (products / PER_PAGE).min(5_000)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Product,
    FirstPage,
    SecondPage,
    FarPage,
    Filtered,
    Facets,
    Search,
}

/// What is bound to a statement.
#[derive(Clone)]
pub(crate) enum Value {
    Int(i64),
    Text(String),
    Time(DateTime<Utc>),
}

type Statement = (String, Vec<Value>);

const COLUMNS: &str = "p.id, p.name, p.description, p.price_minor, p.currency, p.category_id, p.stock_quantity, p.slug, p.brand, p.tags, \
    p.attributes, p.languages, p.pictures, p.seo_title, p.seo_description, p.status, p.published_from, p.published_until, p.version, p.created_at, p.updated_at";
/// What everybody sees; $1 is the time.
const SHOWN: &str = "p.deleted_at IS NULL AND p.status = 'active' AND (p.published_from IS NULL OR p.published_from <= $1) \
    AND (p.published_until IS NULL OR p.published_until > $1)";

impl Case {
    pub(crate) const ALL: [Self; 7] =
        [Self::Product, Self::FirstPage, Self::SecondPage, Self::FarPage, Self::Filtered, Self::Facets, Self::Search];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Product => "product by id, with its variants",
            Self::FirstPage => "first page of 20, counted",
            Self::SecondPage => "second page, by cursor",
            Self::FarPage => "page 5,000 or the last, by cursor",
            Self::Filtered => "filtered by attribute, option and stock",
            Self::Facets => "the same with facets",
            Self::Search => "search for a word and a number",
        }
    }

    /// The path of the `n`th request.
    pub(crate) fn path(self, n: u64, products: u64, (second, far): &(String, String)) -> String {
        let mut path = "/api/products".to_owned();
        let material = MATERIALS[scattered(n) as usize % MATERIALS.len()];
        let filter = format!("?per_page={PER_PAGE}&attributes=material:{material}&options=Size:M&in_stock=true");
        let written = match self {
            Self::Product => write!(path, "/{}", id(n, products)),
            Self::FirstPage => write!(path, "?per_page={PER_PAGE}"),
            Self::SecondPage => write!(path, "?per_page={PER_PAGE}&cursor={second}"),
            Self::FarPage => write!(path, "?per_page={PER_PAGE}&cursor={far}"),
            Self::Filtered => write!(path, "{filter}"),
            Self::Facets => write!(path, "{filter}&facets=brand,price,option,attribute"),
            Self::Search => write!(path, "?per_page={PER_PAGE}&search={material}+{}", id(n, products)),
        };
        written.map(|()| path).unwrap_or_default()
    }

    pub(crate) fn statements(self, n: u64, products: u64, is_sqlite: bool) -> Vec<Statement> {
        let now = || Value::Time(Utc::now());
        let material = MATERIALS[scattered(n) as usize % MATERIALS.len()].to_owned();
        let after = |page: u64| {
            let sql = format!("SELECT {COLUMNS} FROM products p WHERE p.id > $2 AND {SHOWN} ORDER BY p.id LIMIT 21");
            vec![(sql, vec![now(), Value::Int(((page - 1) * PER_PAGE).cast_signed())])]
        };
        match self {
            Self::Product => {
                let product = format!("SELECT {COLUMNS} FROM products p WHERE p.id = $2 AND {SHOWN}");
                let variants = "SELECT v.*, i.available FROM variants v JOIN stock_items i ON i.variant_id = v.id \
                    WHERE v.product_id = $1 AND v.deleted_at IS NULL ORDER BY v.position, v.id";
                let id = || Value::Int(id(n, products).cast_signed());
                vec![(product, vec![now(), id()]), (variants.into(), vec![id()])]
            }
            Self::FirstPage => {
                let page = format!("SELECT {COLUMNS} FROM products p WHERE {SHOWN} ORDER BY p.id LIMIT 21");
                vec![(page, vec![now()]), (format!("SELECT COUNT(*) FROM products p WHERE {SHOWN}"), vec![now()])]
            }
            Self::SecondPage => after(2),
            Self::FarPage => after(far_page(products)),
            Self::Filtered => filtered(&material),
            Self::Facets => {
                let mut all = filtered(&material);
                all.extend(facets(&material));
                all
            }
            Self::Search => search(&material, id(n, products), is_sqlite),
        }
    }
}

/// Another product for each request, in no order.
fn id(n: u64, products: u64) -> u64 {
    1 + scattered(n) % products
}

fn scattered(n: u64) -> u64 {
    n.wrapping_mul(7919)
}

/// With pieces of size M; $2 is the material.
const WITH: &str = "p.id IN (SELECT product_id FROM product_attributes WHERE code = 'material' AND value = $2) \
    AND p.stock_quantity > 0 AND p.id IN (SELECT o.product_id FROM variant_options o JOIN stock_items i ON i.variant_id = o.variant_id \
        WHERE o.name_key = 'size' AND o.value_key = 'm' AND i.available > 0)";

fn filtered(material: &str) -> Vec<Statement> {
    let values = || vec![Value::Time(Utc::now()), Value::Text(material.to_owned())];
    vec![
        (format!("SELECT {COLUMNS} FROM products p WHERE {SHOWN} AND {WITH} ORDER BY p.id LIMIT 21"), values()),
        (format!("SELECT COUNT(*) FROM products p WHERE {SHOWN} AND {WITH}"), values()),
    ]
}

/// Counts of what is found, and of what another material or size would find.
fn facets(material: &str) -> Vec<Statement> {
    let values = || vec![Value::Time(Utc::now()), Value::Text(material.to_owned())];
    let found =
        format!("WITH found AS (SELECT p.id, p.brand_key, p.brand, p.price_minor FROM products p WHERE {SHOWN} AND {WITH})");
    let of_variant = "FROM variant_options o JOIN stock_items i ON i.variant_id = o.variant_id WHERE i.available > 0";
    let together = format!(
        "{found} SELECT 'brand', brand_key, MAX(brand), COUNT(*), NULL, NULL FROM found WHERE brand_key IS NOT NULL GROUP BY brand_key \
        UNION ALL SELECT 'price', '', '', COUNT(*), MIN(price_minor), MAX(price_minor) FROM found \
        UNION ALL SELECT o.name_key, o.value_key, MAX(o.value), COUNT(DISTINCT o.product_id), NULL, NULL {of_variant} \
            AND o.name_key <> 'size' AND o.variant_id IN (SELECT variant_id FROM variant_options WHERE name_key = 'size' AND value_key = 'm') \
            AND o.product_id IN (SELECT id FROM found) GROUP BY o.name_key, o.value_key \
        UNION ALL SELECT code, value, '', COUNT(*), NULL, NULL FROM product_attributes \
            WHERE code <> 'material' AND value <> '' AND product_id IN (SELECT id FROM found) GROUP BY code, value \
        UNION ALL SELECT code, '', '', COUNT(*), CAST(MIN(number) AS bigint), CAST(MAX(number) AS bigint) FROM product_attributes \
            WHERE code <> 'material' AND number IS NOT NULL AND product_id IN (SELECT id FROM found) GROUP BY code"
    );
    let materials = format!(
        "WITH found AS (SELECT p.id FROM products p WHERE {SHOWN} AND p.stock_quantity > 0 AND p.id IN (SELECT o.product_id {of_variant} \
            AND o.name_key = 'size' AND o.value_key = 'm')) \
        SELECT value, COUNT(*) FROM product_attributes WHERE code = 'material' AND product_id IN (SELECT id FROM found) GROUP BY value"
    );
    let sizes = format!(
        "WITH found AS (SELECT p.id FROM products p WHERE {SHOWN} AND p.stock_quantity > 0 \
            AND p.id IN (SELECT product_id FROM product_attributes WHERE code = 'material' AND value = $2)) \
        SELECT o.value_key, MAX(o.value), COUNT(DISTINCT o.product_id) {of_variant} \
            AND o.name_key = 'size' AND o.product_id IN (SELECT id FROM found) GROUP BY o.value_key"
    );
    let names = "SELECT code, name, unit, choices FROM attributes".to_owned();
    vec![(together, values()), (materials, vec![Value::Time(Utc::now())]), (sizes, values()), (names, Vec::new())]
}

/// The statements of `modules/product/src/store/search.rs`.
fn search(word: &str, number: u64, is_sqlite: bool) -> Vec<Statement> {
    let text = format!("{word} {number}");
    let order =
        "CASE WHEN p.name_lower = $2 THEN 0 WHEN p.name_lower LIKE $3 THEN 1 ELSE 2 END, hits.place, hits.badness, p.id LIMIT 21";
    let (hits, mut values) = if is_sqlite {
        let words = format!("\"{word}\" * AND \"{number}\" *");
        let hits = "SELECT id, MIN(place) AS place, MIN(badness) AS badness FROM (\
            SELECT rowid AS id, 1 AS place, 0.0 AS badness FROM product_parts WHERE product_parts MATCH $4 \
            UNION ALL SELECT rowid, 0, rank FROM product_words WHERE product_words MATCH $5 \
            UNION ALL SELECT rowid, 2, rank FROM product_words WHERE product_words MATCH $6) AS found GROUP BY id";
        (hits, vec![Value::Text(format!("\"{text}\"")), Value::Text(format!("{{name_lower}} : ({words})")), Value::Text(words)])
    } else {
        let hits = "SELECT product_id AS id, CASE WHEN words @@ product_query($2, 'A') THEN 0 WHEN name_lower LIKE $4 THEN 1 ELSE 2 END AS place, \
            0 - ts_rank(words, product_query($2, ''), 1) AS badness FROM product_search \
            WHERE words @@ product_query($2, '') OR name_lower LIKE $4";
        (hits, vec![Value::Text(format!("%{text}%"))])
    };
    let mut all = vec![Value::Time(Utc::now()), Value::Text(text.clone()), Value::Text(format!("{text}%"))];
    all.append(&mut values);
    let again = all.clone();
    vec![
        (format!("SELECT {COLUMNS} FROM products p JOIN ({hits}) AS hits ON hits.id = p.id WHERE {SHOWN} ORDER BY {order}"), all),
        // the second and third value are used, so that both statements have the same
        (format!("SELECT COUNT(*) FROM products p JOIN ({hits}) AS hits ON hits.id = p.id WHERE {SHOWN} AND $2 <> $3"), again),
    ]
}
