//! A backup that is taken under load is one moment of the shop, and a shop goes on from it.

use crate::{
    harness::{Account, Shop, to_address, until},
    verify,
};
use kernel::testing::Stores;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use std::{fs, path::Path, sync::Arc};
use tokio::task::JoinSet;

/// Whether a command succeeds, and its output.
fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String) {
    let (code, said) = verify::run(folder, arguments, settings);
    (code == Some(0), said)
}

/// Orders and pays for a piece of the product.
async fn buy(shop: &Shop, me: &Account, product: i64) {
    shop.call(me, "POST", "/api/cart/items", Some(json!({"product_id": product, "quantity": 1}))).await.expect(201);
    let order = shop.call(me, "POST", "/api/orders", Some(to_address())).await.expect(201);
    let pay = json!({"order_id": order["order"]["id"], "payment_method": "sandbox_success"});
    shop.call(me, "POST", "/api/payments/process", Some(pay)).await.expect(200);
}

/// Whatever was under way: nothing has been done for an order that is not there, and nothing is missing for one that is.
async fn must_be_one_moment(backup: &Path, product: i64, stock: i64) {
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}/order.db", backup.display())).await.unwrap();
    for module in ["product", "payment"] {
        let attach = format!("ATTACH '{}/{module}.db' AS {module}", backup.display());
        connection.execute(AssertSqlSafe(attach)).await.unwrap();
    }
    for contradiction in [
        "SELECT count(*) FROM product.holds WHERE status IN ('held', 'committed') AND order_id NOT IN (SELECT id FROM orders)",
        "SELECT count(*) FROM orders WHERE state IN ('pending', 'paid') AND id NOT IN (SELECT order_id FROM product.holds)",
        "SELECT count(*) FROM orders WHERE state = 'paid' \
            AND id NOT IN (SELECT order_id FROM payment.payments WHERE status = 'succeeded')",
        "SELECT count(*) FROM payment.payments WHERE order_id NOT IN (SELECT id FROM orders)",
    ] {
        let found: i64 = sqlx::query_scalar(AssertSqlSafe(contradiction)).fetch_one(&mut connection).await.unwrap();
        assert_eq!(found, 0, "{contradiction}");
    }
    let sum = "SELECT stock_quantity + (SELECT sum(quantity) FROM product.hold_lines WHERE product_id = id) FROM product.products \
               WHERE id = ?";
    let all: i64 = sqlx::query_scalar(sum).bind(product).fetch_one(&mut connection).await.unwrap();
    assert_eq!(all, stock, "what is left, and what is held or sold");
}

#[tokio::test]
async fn a_backup_under_load_is_restored_to_a_consistent_shop() {
    const STOCK: i64 = 10_000;
    let shop = Arc::new(Shop::one_process(&[]).await);
    let admin = shop.admin().await;
    let product = shop.product(&admin, "Backgammon board", 12.5, STOCK as u32).await;
    let mut buyers = JoinSet::new();
    for name in ["anis", "bilal", "camil", "dunya"] {
        let (shop, me) = (shop.clone(), shop.customer(name).await);
        buyers.spawn(async move {
            let mut bought = 0;
            loop {
                buy(&shop, &me, product).await;
                bought += 1;
                if bought >= 10 && shop.stores.folder().join("backup-3").exists() {
                    return bought;
                }
            }
        });
    }
    let folder = shop.stores.folder().to_owned();
    let orders = async || shop.call(&admin, "GET", "/api/admin/orders", None).await.expect(200)["pagination"]["total"].as_i64();
    for n in 1..=3 {
        let before = orders().await;
        until(async || orders().await > before).await;
        let (folder, name) = (folder.clone(), format!("backup-{n}"));
        let done = tokio::task::spawn_blocking(move || run(&folder, &["backup", &name], &[])).await.unwrap();
        assert!(done.0, "{}", done.1);
    }
    let all: i64 = buyers.join_all().await.into_iter().sum();

    for n in 1..=3 {
        let (elsewhere, from) = (Stores::embedded(), folder.join(format!("backup-{n}")));
        must_be_one_moment(&from, product, STOCK).await;
        let (is_restored, said) = run(elsewhere.folder(), &["restore", from.to_str().unwrap()], &[]);
        assert!(is_restored && said.ends_with("everything adds up\n"), "{said}");
        let again = Shop::one_process_on(elsewhere, &[]).await;
        // the same keys: a token of before is good
        let page = again.call(&admin, "GET", "/api/admin/orders", None).await.expect(200);
        assert!((1..all).contains(&page["pagination"]["total"].as_i64().unwrap()), "{page} of {all}");
        let me = again.customer("later").await;
        buy(&again, &me, product).await;
    }
}

#[tokio::test]
async fn a_backup_is_checked_before_it_is_used_and_overwrites_nothing() {
    let shop = Shop::one_process(&[]).await;
    let folder = shop.stores.folder();
    let (is_done, said) = run(folder, &["backup", "copy"], &[]);
    assert!(is_done, "{said}");
    let (is_done, said) = run(folder, &["backup", "copy"], &[]);
    assert!(!is_done && said.contains("copy exists already"), "{said}");
    let (is_done, said) = run(folder, &["restore", "copy"], &[]);
    assert!(!is_done && said.contains("exists already: stop the shop"), "{said}");

    let elsewhere = tempfile::tempdir().unwrap();
    let copy = folder.join("copy");
    let restore = || run(elsewhere.path(), &["restore", copy.to_str().unwrap()], &[]);
    let order = copy.join("order.db");
    let mut bytes = fs::read(&order).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&order, &bytes).unwrap();
    let (is_done, said) = restore();
    assert!(!is_done && said.contains("order.db has changed"), "{said}");
    fs::remove_file(&order).unwrap();
    let (is_done, said) = restore();
    assert!(!is_done && said.contains("order.db is missing"), "{said}");
    let (is_done, said) = run(elsewhere.path(), &["restore", elsewhere.path().to_str().unwrap()], &[]);
    assert!(!is_done && said.contains("is no backup"), "{said}");
    assert!(!elsewhere.path().join("data").exists(), "nothing was written");
}
