//! `souk verify` finds nothing in a sound shop, also while it sells, and names every kind of damage.

use crate::harness::{Account, Shop, address, souk, to_address, until};
use kernel::testing::{Kind, Stores};
use mongodb::bson::doc;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tokio::task::JoinSet;

/// Exit code and output of a command.
pub(crate) fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = souk(folder, arguments, settings).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Runs `souk verify` beside the runtime, which the shop's clients need meanwhile.
async fn verify(shop: &Shop) -> (Option<i32>, String) {
    let folder = shop.stores.folder().to_owned();
    tokio::task::spawn_blocking(move || run(&folder, &["verify"], &[])).await.unwrap()
}

async fn order(shop: &Shop, me: &Account, product: i64) -> Value {
    shop.call(me, "POST", "/api/cart/items", Some(json!({"product_id": product, "quantity": 1}))).await.expect(201);
    shop.call(me, "POST", "/api/orders", Some(to_address())).await.expect(201)["order"]["id"].clone()
}

async fn pay(shop: &Shop, me: &Account, order: &Value, method: &str, status: u16) {
    let pay = json!({"order_id": order, "payment_method": method});
    shop.call(me, "POST", "/api/payments/process", Some(pay)).await.expect(status);
}

/// Changes a database as no program of the shop would, and returns the number of rows.
async fn damage(shop: &Shop, module: &str, statement: &str) -> u64 {
    let url = shop.stores.database_url(module);
    if let Some(file) = url.strip_prefix("sqlite://") {
        let options = SqliteConnectOptions::new().filename(file).foreign_keys(false).pragma("ignore_check_constraints", "ON");
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        connection.execute(AssertSqlSafe(statement)).await.unwrap().rows_affected()
    } else {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection.execute("SET session_replication_role = replica").await.unwrap();
        connection.execute(AssertSqlSafe(statement)).await.unwrap().rows_affected()
    }
}

async fn a_shop_that_sells_is_clean(stores: Stores) {
    let shop = Arc::new(Shop::one_process_on(stores, &[]).await);
    let admin = shop.admin().await;
    let product = shop.product(&admin, "Backgammon board", 12.5, 10_000).await;
    let (orders, is_over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let mut buyers = JoinSet::new();
    for name in ["anis", "bilal", "camil"] {
        let (shop, me, orders, is_over) = (shop.clone(), shop.customer(name).await, orders.clone(), is_over.clone());
        buyers.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let n = orders.fetch_add(1, Ordering::Relaxed);
                let order = order(&shop, &me, product).await;
                if n % 4 > 0 {
                    pay(&shop, &me, &order, "sandbox_declined", 402).await;
                    pay(&shop, &me, &order, "sandbox_success", 200).await;
                }
                if n % 4 < 2 {
                    shop.call(&me, "POST", &format!("/api/orders/{order}/cancel"), Some(json!({}))).await.expect(200);
                }
            }
        });
    }
    let mut looks = 0;
    while looks < 5 || orders.load(Ordering::Relaxed) < 20 {
        looks += 1;
        let (code, said) = verify(&shop).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.ends_with("everything adds up\n"), "{said}");
    }
    is_over.store(true, Ordering::Relaxed);
    // a buyer who was refused something panics
    buyers.join_all().await;
}

#[tokio::test]
async fn an_embedded_shop_that_sells_is_clean() {
    a_shop_that_sells_is_clean(Stores::embedded()).await;
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn a_shop_on_servers_that_sells_is_clean() {
    a_shop_that_sells_is_clean(Stores::servers()).await;
}

/// What is done to a module's store with `{order}`, and what is found about the order.
const DAMAGE: &[(&str, &str, &str, &str)] = &[
    ("product", "UPDATE holds SET status = 'lost' WHERE order_id = {order}", "product.hold_status", "order {order}: lost"),
    ("product", "DELETE FROM hold_lines WHERE order_id = {order}", "product.hold_lines", "order {order}: no lines"),
    ("order", "UPDATE orders SET state = 'lost' WHERE id = {order}", "order.state", "order {order}: lost"),
    ("order", "DELETE FROM order_lines WHERE order_id = {order}", "order.lines", "order {order}: no lines"),
    ("order", "UPDATE orders SET total_minor = 1251 WHERE id = {order}", "order.total", "order {order}: 1251, its lines 1250"),
    (
        "order",
        "UPDATE orders SET state = 'shipped' WHERE id = {order}",
        "order.timeline",
        "order {order}: shipped, its timeline ends with paid",
    ),
    ("order", "UPDATE orders SET state = 'cancelled' WHERE id = {order}", "order.paid", "order {order}: cancelled, paid"),
    (
        "order",
        "DELETE FROM order_timeline WHERE order_id = {order} AND state = 'paid'",
        "order.paid",
        "order {order}: paid, never paid",
    ),
    ("order", "UPDATE orders SET payment_id = NULL WHERE id = {order}", "order.payment", "order {order}: paid"),
    ("order", "UPDATE orders SET state = 'refunding' WHERE id = {order}", "order.refund", "order {order}"),
    (
        "order",
        "INSERT INTO order_effects (order_id, kind, attempts, due_at) VALUES (1000{order}, 'refund', 0, CURRENT_TIMESTAMP)",
        "order.effects",
        "order 1000{order}: refund",
    ),
    (
        "payment",
        "UPDATE payments SET status = 'lost' WHERE order_id = {order}",
        "payment.status",
        "order {order}, attempt 2: lost",
    ),
    (
        "payment",
        "UPDATE payments SET amount_minor = 1 WHERE order_id = {order} AND status = 'failed'",
        "payment.amount",
        "order {order}: 1 to 1250",
    ),
    (
        "payment",
        "UPDATE payments SET status = 'succeeded' WHERE order_id = {order}",
        "payment.one_charge",
        "order {order}: 2 attempts",
    ),
    (
        "payment",
        "UPDATE payments SET provider_reference = NULL WHERE order_id = {order} AND status = 'succeeded'",
        "payment.reference",
        "order {order}, attempt 2: succeeded",
    ),
    (
        "payment",
        "UPDATE payments SET failure_reason = NULL WHERE order_id = {order}",
        "payment.reason",
        "order {order}, attempt 1",
    ),
    (
        "payment",
        "DELETE FROM payments WHERE order_id = {order}",
        "order.payment.charges",
        "order {order}: order has 1250 EUR charged, payment ",
    ),
    (
        "payment",
        "UPDATE payments SET amount_minor = 1249 WHERE order_id = {order}",
        "order.payment.charges",
        "payment has 1249 EUR charged",
    ),
    (
        "payment",
        "UPDATE payments SET status = 'refunded' WHERE order_id = {order} AND status = 'succeeded'",
        "order.payment.charges",
        "payment has 1250 EUR refunded",
    ),
    (
        "order",
        "DELETE FROM orders WHERE id = {order}",
        "order.payment.charges",
        "order {order}: order has nothing, payment has 1250 EUR charged",
    ),
    (
        "product",
        "UPDATE holds SET status = 'released' WHERE order_id = {order}",
        "order.product.stock",
        "order {order}: order has 1 pieces for 1250 sold, product has nothing",
    ),
];

/// The findings of one rule.
fn of<'a>(said: &'a str, name: &str) -> &'a str {
    let section = said.split("\n\n").find(|section| section.trim_start().starts_with(&format!("{name}: ")));
    section.unwrap_or_else(|| panic!("{name} is not found:\n{said}"))
}

async fn every_kind_of_damage_is_named(stores: Stores) {
    let kind = stores.kind();
    let mut shop = Shop::one_process_on(stores, &[]).await;
    let (admin, me) = (shop.admin().await, shop.customer("me").await);
    let product = shop.product(&admin, "Backgammon board", 12.5, 1_000).await;
    let mut orders = Vec::new();
    for _ in DAMAGE {
        let order = order(&shop, &me, product).await;
        pay(&shop, &me, &order, "sandbox_declined", 402).await;
        pay(&shop, &me, &order, "sandbox_success", 200).await;
        orders.push(order.as_i64().unwrap());
    }
    for _ in 0..2 {
        shop.call(&me, "POST", "/api/users/addresses", Some(address())).await.expect(201);
    }
    shop.post("/api/auth/refresh", json!({"refresh_token": me.refresh})).await.expect(200);
    let (code, said) = verify(&shop).await;
    assert_eq!(code, Some(0), "{said}");

    // the first message may not be on its way yet
    match kind {
        Kind::Embedded => {
            until(async || {
                damage(&shop, "notification", "UPDATE notifications SET sent_at = NULL WHERE status = 'sent'").await > 0
            })
            .await;
        }
        Kind::Servers => {
            let client = mongodb::Client::with_uri_str(shop.stores.database_url("notification")).await.unwrap();
            let all = client.default_database().unwrap().collection::<mongodb::bson::Document>("notifications");
            let forget = doc! {"$set": {"sent_at": null}};
            until(async || all.update_many(doc! {"status": "sent"}, forget.clone()).await.unwrap().modified_count > 0).await;
        }
    }
    shop.processes.clear();
    let mut expected: Vec<(String, String)> = vec![("notification.sent".into(), format!("user {}", me.id))];
    let is_embedded = kind == Kind::Embedded;
    damage(&shop, "payment", "DROP INDEX payments_one_per_order").await;
    if !is_embedded {
        let drop = "ALTER TABLE stock_items DROP CONSTRAINT stock_items_available_check, DROP CONSTRAINT stock_items_held_check";
        damage(&shop, "product", drop).await;
    }
    for (order, (module, statement, name, about)) in orders.iter().zip(DAMAGE) {
        let with = |text: &str| text.replace("{order}", &order.to_string());
        assert!(damage(&shop, module, &with(statement)).await > 0, "{statement}");
        expected.push(((*name).into(), with(about)));
    }
    let id = |n: u8| if is_embedded { format!("X'{n:032x}'") } else { format!("'{n:032x}'::uuid") };
    let event = |n, listener: &str, due: &str| {
        let columns = "id, listener, event, attempts, due_at";
        format!("INSERT INTO outbox ({columns}) VALUES ({}, '{listener}', '{{}}', 0, '{due} 00:00:00+00:00')", id(n))
    };
    let others = [
        (
            "product",
            format!("UPDATE stock_items SET available = -1 WHERE variant_id = {product}"),
            "product.stock",
            format!("variant {product}: -1"),
        ),
        (
            "product",
            "UPDATE stock_items SET held = 5 WHERE variant_id = 1".into(),
            "product.held",
            "variant 1: 5 held, 0 by orders".into(),
        ),
        (
            "product",
            "UPDATE stock_movements SET available_change = available_change - 1 WHERE variant_id = 2".into(),
            "product.ledger",
            "variant 2: ".into(),
        ),
        ("product", "UPDATE variants SET price_minor = 1 WHERE id = 3".into(), "product.sums", "product 3: ".into()),
        ("product", "UPDATE products SET slug = 'lost' WHERE id = 3".into(), "product.slugs", "product 3: lost".into()),
        (
            "product",
            "UPDATE categories SET slug = 'lost' WHERE id = 2".into(),
            "product.category_slugs",
            "category 2: lost".into(),
        ),
        ("product", "UPDATE categories SET parent_id = id WHERE id = 1".into(), "product.categories", "category 1".into()),
        ("user", "UPDATE refresh_tokens SET used_at = NULL".into(), "user.sessions", format!("user {}: 2 tokens", me.id)),
        ("user", "UPDATE addresses SET is_default = TRUE".into(), "user.addresses", format!("user {}: 2 default", me.id)),
        ("order", event(1, "nobody", "2026-01-01"), "order.outbox.listener", "for \"nobody\"".into()),
        ("user", event(2, "notification", "2999-01-01"), "user.outbox.due", "due 2999-01-01".into()),
    ];
    for (module, statement, name, about) in others {
        assert!(damage(&shop, module, &statement).await > 0, "{statement}");
        expected.push((name.into(), about));
    }
    if is_embedded {
        // what is left of the order that was deleted
        expected.push(("order.references".into(), "order_timeline, row ".into()));
    }
    let (code, said) = verify(&shop).await;
    assert_eq!(code, Some(1), "{said}");
    let guide = include_str!("../../docs/operating.md");
    for (name, about) in expected {
        let in_guide = name.split_once(".references").map_or(name.clone(), |_| "….references".into());
        let in_guide = in_guide.split_once(".outbox").map_or(in_guide.clone(), |(_, rule)| format!("….outbox{rule}"));
        assert!(guide.contains(&format!("`{in_guide}`")), "{name} is not in docs/operating.md");
        assert!(of(&said, &name).contains(&about), "{name}: {about}:\n{said}");
    }
}

#[tokio::test]
async fn every_kind_of_damage_to_embedded_stores_is_named() {
    every_kind_of_damage_is_named(Stores::embedded()).await;
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn every_kind_of_damage_to_stores_on_servers_is_named() {
    every_kind_of_damage_is_named(Stores::servers()).await;
}

#[tokio::test]
async fn a_hundred_contradictions_are_named_and_the_others_counted() {
    let folder = kernel::testing::folder();
    for arguments in [&["migrate"][..], &["seed", "--products", "150", "--variants", "1"]] {
        let (code, said) = run(folder.path(), arguments, &[]);
        assert_eq!(code, Some(0), "{said}");
    }
    let file = folder.path().join("data/product.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    connection.execute("UPDATE stock_items SET held = 1").await.unwrap();
    let (code, said) = run(folder.path(), &["verify"], &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("product.held: 150 contradict") && said.contains("\n  and 50 more\n"), "{said}");
    assert_eq!(said.matches("1 held, 0 by orders").count(), 100);
}

#[test]
fn what_cannot_be_verified_is_said() {
    let folder = kernel::testing::folder();
    let (code, said) = run(folder.path(), &["verify"], &[]);
    assert!(code == Some(2) && said.contains("payment.db does not exist"), "{code:?} {said}");
    assert!(!folder.path().join("data/payment.db").exists(), "nothing was made");
    let (code, said) = run(folder.path(), &["migrate"], &[]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(folder.path(), &["verify"], &[("PRODUCT_SERVICE_URL", "http://127.0.0.1:9")]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("product: not checked, because it runs elsewhere"), "{said}");
}
