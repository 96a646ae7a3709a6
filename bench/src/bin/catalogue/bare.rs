//! The limit: the statements of each case on actix-web and sqlx, with every column of every row written as JSON, and nothing else: no log,
//! no metrics, no deadline, no access check, no validation, no headers, no types.

use crate::cases::{Case, Value};
use actix_web::{App, HttpResponse, HttpServer, error::ErrorInternalServerError, web};
use futures_util::future::try_join_all;
use sqlx::{
    AssertSqlSafe, ColumnIndex, ConnectOptions, Decode, PgPool, Row, SqlitePool, Type, TypeInfo, ValueRef,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use std::str::FromStr;

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Serves until it is killed; prints its address in the same form as souk.
pub(crate) fn serve(url: &str, products: u64) -> anyhow::Result<()> {
    actix_web::rt::System::new().block_on(async {
        // as many connections as souk has
        let pool = if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?.read_only(true).disable_statement_logging();
            let options = options.pragma("mmap_size", "268435456").pragma("cache_size", "-16384");
            Pool::Sqlite(SqlitePoolOptions::new().max_connections(8).test_before_acquire(false).connect_with(options).await?)
        } else {
            let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
            Pool::Postgres(PgPoolOptions::new().max_connections(8).test_before_acquire(false).connect_with(options).await?)
        };
        let app =
            move || App::new().app_data(web::Data::new((pool.clone(), products))).route("/{case}/{n}", web::get().to(answer));
        let server = HttpServer::new(app).bind(("127.0.0.1", 0))?;
        println!("bare listening on http://{}", server.addrs()[0]);
        Ok(server.run().await?)
    })
}

async fn answer(shop: web::Data<(Pool, u64)>, path: web::Path<(usize, u64)>) -> actix_web::Result<HttpResponse> {
    let ((pool, products), (case, n)) = (&**shop, path.into_inner());
    let case = Case::ALL[case];
    let statements = case.statements(n, *products, matches!(pool, Pool::Sqlite(_)));
    let answers = try_join_all(statements.into_iter().map(|(sql, values)| async move {
        match pool {
            Pool::Sqlite(pool) => {
                let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
                    Value::Int(value) => query.bind(value),
                    Value::Text(value) => query.bind(value),
                    Value::Time(value) => query.bind(value),
                });
                json(&query.fetch_all(pool).await?)
            }
            Pool::Postgres(pool) => {
                let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
                    Value::Int(value) => query.bind(value),
                    Value::Text(value) => query.bind(value),
                    Value::Time(value) => query.bind(value),
                });
                json(&query.fetch_all(pool).await?)
            }
        }
    }));
    let answers = answers.await.map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(format!("[{}]", answers.join(","))))
}

/// Rows as lists of their values.
fn json<R>(rows: &[R]) -> sqlx::Result<String>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> i32: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> f64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> chrono::DateTime<chrono::Utc>: Decode<'r, R::Database> + Type<R::Database>,
{
    let mut text = String::from("[");
    for row in rows {
        text.push('[');
        for i in 0..row.len() {
            let value = row.try_get_raw(i)?;
            let kind = value.type_info();
            let name = if value.is_null() { "NULL" } else { kind.name() };
            let json = match name {
                "NULL" => serde_json::Value::Null,
                "INTEGER" | "INT8" => row.try_get::<i64, _>(i)?.into(),
                "INT4" => row.try_get::<i32, _>(i)?.into(),
                "REAL" | "FLOAT8" => row.try_get::<f64, _>(i)?.into(),
                "BLOB" | "BYTEA" => row.try_get::<Vec<u8>, _>(i)?.len().into(),
                "TIMESTAMPTZ" | "DATETIME" => row.try_get::<chrono::DateTime<chrono::Utc>, _>(i)?.to_rfc3339().into(),
                _ => row.try_get_unchecked::<String, _>(i)?.into(),
            };
            text += &serde_json::to_string(&json).map_err(|e| sqlx::Error::Decode(e.into()))?;
            text.push(',');
        }
        text.push(']');
    }
    text.push(']');
    Ok(text)
}
