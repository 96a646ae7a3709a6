//! Today's program works on the stores of every release since 0.1.0: `upgrade/VERSION/MODULE.{sqlite,postgres}.sql`, which
//! `scripts/upgrade-fixtures` wrote with the program of that release.

use crate::{
    harness::{Shop, modules, to_address, until},
    verify::run,
};
use kernel::testing::{Kind, Stores};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{fs, path::PathBuf, process::Command};

fn releases() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/upgrade");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Fills a database of a module with what the release left there; its URL.
async fn load(release: &std::path::Path, stores: &Stores, module: &str) -> String {
    if stores.kind() == Kind::Embedded {
        let file = stores.folder().join(format!("data/{module}.db"));
        let dump = fs::read_to_string(release.join(format!("{module}.sqlite.sql"))).unwrap();
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true).foreign_keys(false);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        connection.execute(AssertSqlSafe(dump)).await.unwrap();
        connection.close().await.unwrap();
        return format!("sqlite://{}", file.display());
    }
    let url = stores.database(&format!("old_{module}")).await;
    let dump = release.join(format!("{module}.postgres.sql"));
    let psql =
        Command::new("psql").args(["--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-d", &url, "-f"]).arg(dump).output().unwrap();
    assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
    url
}

async fn the_stores_of_every_release_are_those_of_a_sound_shop(kind: Kind) {
    let releases = releases();
    assert!(!releases.is_empty());
    for release in releases {
        let stores = if kind == Kind::Embedded { Stores::embedded() } else { Stores::servers() };
        fs::create_dir(stores.folder().join("data")).unwrap();
        let mut settings = Vec::new();
        for module in modules().iter().filter(|module| release.join(format!("{module}.sqlite.sql")).exists()) {
            let url = load(&release, &stores, module).await;
            settings.push((format!("SOUK_{}__DATABASE_URL", module.to_uppercase()), url));
        }
        let settings: Vec<(&str, &str)> = settings.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
        let shop = Shop::one_process_on(stores, &settings).await;
        an_old_shop_goes_on(&shop).await;
        let (code, said) = run(shop.stores.folder(), &["verify"], &settings);
        assert_eq!(code, Some(0), "{}: {said}", release.display());
    }
}

/// What `scripts/upgrade-fixtures` has left is there, and can be used.
async fn an_old_shop_goes_on(shop: &Shop) {
    let login = json!({"email": "leyla@example.com", "password": "Saffron-7-Road"});
    let leyla = crate::harness::account(&shop.post("/api/auth/login", login).await.expect(200));
    assert_eq!(shop.call(&leyla, "GET", "/api/users/profile", None).await.expect(200)["user"]["phone"], "+4915112345678");
    let orders = async || shop.call(&leyla, "GET", "/api/orders", None).await.expect(200)["orders"].as_array().unwrap().clone();
    let statuses = |orders: &[Value]| orders.iter().map(|order| order["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    // the newest first; the one that was not paid has expired meanwhile
    let expected = ["refunded", "cancelled", "delivered", "shipped", "paid", "expired"];
    until(async || statuses(&orders().await) == expected).await;
    let orders = orders().await;
    assert_eq!((&orders[5]["total"], &orders[4]["total"]), (&json!(59.98), &json!(299.98)));
    assert_eq!(orders[4]["items"].as_array().unwrap().len(), 2, "{}", orders[4]);

    let lamp = async || shop.get("/api/products?search=brass+lamp").await.expect(200)["products"][0].clone();
    // 20, of which three orders of two each were paid and kept
    until(async || lamp().await["stock_quantity"] == 14).await;
    // existing products get slugs
    until(async || lamp().await["slug"].is_string()).await;
    let found = shop.get(&format!("/api/product-slugs/{}", lamp().await["slug"].as_str().unwrap())).await.expect(200);
    assert_eq!((&found["id"], &found["status"]), (&lamp().await["id"], &json!("active")));
    let categories = async || shop.get("/api/categories").await.expect(200).as_array().unwrap().clone();
    until(async || categories().await.iter().all(|category| category["slug"].is_string() && category["position"] == 0)).await;
    let add = json!({"product_id": lamp().await["id"], "quantity": 1});
    shop.call(&leyla, "DELETE", "/api/cart", None).await.expect(200);
    shop.call(&leyla, "POST", "/api/cart/items", Some(add)).await.expect(201);
    let order = shop.call(&leyla, "POST", "/api/orders", Some(to_address())).await.expect(201)["order"]["id"].clone();
    let pay = json!({"order_id": order, "payment_method": "sandbox_success"});
    shop.call(&leyla, "POST", "/api/payments/process", Some(pay)).await.expect(200);
    assert_eq!(lamp().await["stock_quantity"], 13);
    shop.call(&leyla, "POST", &format!("/api/orders/{}/cancel", orders[4]["id"]), Some(json!({}))).await.expect(200);
    until(async || {
        shop.call(&leyla, "GET", &format!("/api/orders/{}", orders[4]["id"]), None).await.expect(200)["order"]["status"]
            == "refunded"
    })
    .await;
}

#[tokio::test]
async fn embedded_stores_of_every_release_are_brought_up_to_date() {
    the_stores_of_every_release_are_those_of_a_sound_shop(Kind::Embedded).await;
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn stores_on_postgresql_of_every_release_are_brought_up_to_date() {
    the_stores_of_every_release_are_those_of_a_sound_shop(Kind::Servers).await;
}
