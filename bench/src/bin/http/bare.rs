//! The limit: the same two reads, written by hand on actix-web and sqlx. The same SQL on the same pool, the same JSON, and nothing
//! else: no log, no metrics, no deadline, no access check, no validation, no headers.

use actix_web::{
    App, HttpResponse, HttpServer,
    error::{ErrorInternalServerError, ErrorNotFound},
    web,
};
use chrono::{DateTime, Utc};
use kernel::{Money, Pagination};
use product::{AttributeValues, CategoryId, Product, ProductId, ProductPage, ProductStatus, Variant, VariantId};
use serde::Deserialize;
use sqlx::{
    AssertSqlSafe, ConnectOptions, FromRow, Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};
use std::{path::Path, sync::LazyLock};

/// The columns that sea-orm selects for the module.
const COLUMNS: &str = r#""products"."id", "products"."name", "products"."name_lower", "products"."description", "products"."price_minor", "products"."currency", "products"."category_id", "products"."stock_quantity", "products"."reserved", "products"."created_at", "products"."updated_at", "products"."deleted_at", "products"."version", "products"."status", "products"."published_from", "products"."published_until", "products"."slug", "products"."brand", "products"."brand_key", "products"."seo_title", "products"."seo_description", "products"."tags", "products"."attributes", "products"."languages", "products"."pictures""#;

/// What everybody sees, at a time that is bound twice.
const SHOWN: &str = r#""products"."deleted_at" IS NULL AND "products"."status" = 'active' AND ("products"."published_from" IS NULL OR "products"."published_from" <= ?) AND ("products"."published_until" IS NULL OR "products"."published_until" > ?)"#;

static GET: LazyLock<String> =
    LazyLock::new(|| format!(r#"SELECT {COLUMNS} FROM "products" WHERE "products"."id" = ? AND {SHOWN} LIMIT ?"#));
const VARIANTS: &str = r#"SELECT "variants"."id", "variants"."product_id", "products"."name", "products"."languages", "variants"."sku", "variants"."gtin", "variants"."price_minor", "products"."currency", "variants"."weight_grams", "variants"."length_mm", "variants"."width_mm", "variants"."height_mm", "stock_items"."available", "variants"."updated_at", "variants"."version" FROM "variants" INNER JOIN "products" ON "products"."id" = "variants"."product_id" INNER JOIN "stock_items" ON "stock_items"."variant_id" = "variants"."id" WHERE "variants"."deleted_at" IS NULL AND "products"."deleted_at" IS NULL AND "variants"."product_id" = ? ORDER BY "variants"."product_id" ASC, "variants"."position" ASC, "variants"."id" ASC"#;
static PAGE: LazyLock<String> =
    LazyLock::new(|| format!(r#"SELECT {COLUMNS} FROM "products" WHERE {SHOWN} ORDER BY "products"."id" ASC LIMIT ? OFFSET ?"#));
static COUNT: LazyLock<String> = LazyLock::new(|| {
    format!(r#"SELECT COUNT(*) AS num_items FROM (SELECT {COLUMNS} FROM "products" WHERE {SHOWN}) AS "sub_query""#)
});

/// Serves until it is killed; prints its address in the same form as souk.
pub(crate) fn serve(database: &Path) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let options = SqliteConnectOptions::new().filename(database).read_only(true).disable_statement_logging();
        let options = options.pragma("mmap_size", "268435456").pragma("cache_size", "-16384");
        let pool = SqlitePoolOptions::new().max_connections(8).test_before_acquire(false).connect_with(options).await?;
        let pool = web::Data::new(pool);
        let app = move || {
            App::new()
                .app_data(pool.clone())
                .route("/api/products/{id}", web::get().to(get))
                .route("/api/products", web::get().to(list))
        };
        let server = HttpServer::new(app).bind(("127.0.0.1", 0))?;
        println!("bare listening on http://{}", server.addrs()[0]);
        Ok(server.run().await?)
    })
}

struct Found(Product);

impl FromRow<'_, SqliteRow> for Found {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let wrong = |e: String| sqlx::Error::Decode(e.into());
        let currency = row.try_get::<String, _>(5)?.parse().map_err(|e| wrong(format!("currency: {e}")))?;
        Ok(Self(Product {
            id: ProductId(row.try_get(0)?),
            name: row.try_get(1)?,
            language: "en".into(),
            description: row.try_get(3)?,
            price: Money { minor: row.try_get(4)?, currency }.amount(),
            currency,
            category_id: row.try_get::<Option<i64>, _>(6)?.map(CategoryId),
            stock_quantity: row.try_get(7)?,
            options: Vec::new(),
            variants: None,
            slug: row.try_get(16)?,
            brand: row.try_get(17)?,
            tags: row.try_get::<String, _>(21)?.lines().map(str::to_owned).collect(),
            attributes: AttributeValues::new(),
            pictures: Vec::new(),
            seo_title: row.try_get(19)?,
            seo_description: row.try_get(20)?,
            status: ProductStatus::Active,
            published_from: row.try_get(14)?,
            published_until: row.try_get(15)?,
            version: row.try_get(12)?,
            created_at: row.try_get::<DateTime<Utc>, _>(9)?,
            updated_at: row.try_get::<DateTime<Utc>, _>(10)?,
        }))
    }
}

/// A variant of a product without options: the catalogue of the benchmark has no others.
struct Sold(Variant);

impl FromRow<'_, SqliteRow> for Sold {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let wrong = |e: String| sqlx::Error::Decode(e.into());
        let currency = row.try_get::<String, _>(7)?.parse().map_err(|e| wrong(format!("currency: {e}")))?;
        Ok(Self(Variant {
            id: VariantId(row.try_get(0)?),
            product_id: ProductId(row.try_get(1)?),
            name: row.try_get(2)?,
            options: Vec::new(),
            sku: row.try_get(4)?,
            gtin: row.try_get(5)?,
            price: Money { minor: row.try_get(6)?, currency }.amount(),
            currency,
            weight_grams: row.try_get(8)?,
            length_mm: row.try_get(9)?,
            width_mm: row.try_get(10)?,
            height_mm: row.try_get(11)?,
            stock_quantity: row.try_get(12)?,
            updated_at: row.try_get::<DateTime<Utc>, _>(13)?,
            version: row.try_get(14)?,
        }))
    }
}

async fn get(pool: web::Data<SqlitePool>, id: web::Path<i64>) -> actix_web::Result<HttpResponse> {
    let now = Utc::now();
    let query = sqlx::query_as(AssertSqlSafe(GET.as_str())).bind(*id).bind(now).bind(now).bind(1_i64);
    let variants = sqlx::query_as(VARIANTS).bind(*id);
    let (found, variants): (Option<Found>, Vec<Sold>) =
        tokio::try_join!(query.fetch_optional(&**pool), variants.fetch_all(&**pool)).map_err(ErrorInternalServerError)?;
    let product = found.ok_or_else(|| ErrorNotFound("Product not found"))?.0;
    let variants = Some(variants.into_iter().map(|sold| sold.0).collect());
    Ok(HttpResponse::Ok().json(Product { variants, ..product }))
}

#[derive(Deserialize)]
struct List {
    page: u32,
    per_page: u32,
}

async fn list(pool: web::Data<SqlitePool>, list: web::Query<List>) -> actix_web::Result<HttpResponse> {
    let offset = i64::from(list.page - 1) * i64::from(list.per_page);
    let now = Utc::now();
    let page = sqlx::query_as(AssertSqlSafe(PAGE.as_str())).bind(now).bind(now).bind(i64::from(list.per_page)).bind(offset);
    let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(COUNT.as_str())).bind(now).bind(now);
    let (rows, total): (Vec<Found>, i64) =
        tokio::try_join!(page.fetch_all(&**pool), count.fetch_one(&**pool)).map_err(ErrorInternalServerError)?;
    let products = rows.into_iter().map(|found| found.0).collect();
    let pagination = Pagination::new(list.page, list.per_page, total.cast_unsigned());
    Ok(HttpResponse::Ok().json(ProductPage { products, pagination, facets: None }))
}
