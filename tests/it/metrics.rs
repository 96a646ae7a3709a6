//! The metrics of a shop after a purchase are documented, explain themselves, and count business facts once. Every alert has its
//! runbook.

use crate::harness::{Account, Answer, Shop, both_deployments, to_address, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

both_deployments![metrics_are_documented_and_count_facts_once];

/// The names in the tables of `docs/metrics.md`.
fn documented() -> BTreeSet<&'static str> {
    let rows = include_str!("../../docs/metrics.md").lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split(['`', '{']).next()).collect()
}

/// The metrics of all processes of the shop.
async fn scrape(shop: &Shop) -> String {
    let mut all = String::new();
    for process in &shop.processes {
        all += &shop.ops(process, "/metrics").await.text;
    }
    all
}

/// The sum of a series over all processes, by its full name.
fn sum(metrics: &str, series: &str) -> u64 {
    metrics.lines().filter_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse::<u64>().ok()).sum()
}

async fn keyed(shop: &Shop, account: &Account, path: &str, key: &str, body: &Value) -> Answer {
    shop.send(shop.request("POST", path).bearer_auth(&account.token).header("Idempotency-Key", key).json(body)).await
}

async fn metrics_are_documented_and_count_facts_once(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer("counted").await);
    let lamp = shop.product(&admin, "Lamp", 29.99, 3).await;
    let address = to_address();
    let item = |quantity: i64| json!({"product_id": lamp, "quantity": quantity});
    shop.call(&me, "POST", "/api/cart/items", Some(item(2))).await.expect(201);
    let mut orders = Vec::new();
    for _ in 0..2 {
        orders.push(keyed(&shop, &me, "/api/orders", "place", &address).await.expect(201)["order"]["id"].clone());
    }
    assert_eq!(orders[0], orders[1], "the second reply is the stored one");
    let pay = json!({"order_id": orders[0], "payment_method": "sandbox_success"});
    for _ in 0..2 {
        keyed(&shop, &me, "/api/payments/process", "pay", &pay).await.expect(200);
    }
    // two carts want the last lamp
    let other = shop.customer("late").await;
    for customer in [&me, &other] {
        shop.call(customer, "POST", "/api/cart/items", Some(item(1))).await.expect(201);
    }
    let second = keyed(&shop, &me, "/api/orders", "second", &address).await.expect(201)["order"]["id"].clone();
    keyed(&shop, &other, "/api/orders", "late", &address).await.expect(409);
    for _ in 0..2 {
        keyed(&shop, &me, &format!("/api/orders/{second}/cancel"), "cancel", &json!({})).await.expect(200);
    }
    keyed(&shop, &me, &format!("/api/orders/{}/cancel", orders[0]), "refund", &json!({})).await.expect(200);
    let wrong = json!({"email": "counted@example.com", "password": "Wrong-1-password"});
    shop.post("/api/auth/login", wrong).await.problem(401);

    // refunds are effects, gauges are set every few seconds
    let last =
        ["souk_orders_total{state=\"refunded\"} 1", "souk_outbox_events{", "souk_database_connections{", "process_open_fds "];
    until(async || {
        let metrics = scrape(&shop).await;
        last.iter().all(|line| metrics.contains(line))
    })
    .await;
    let metrics = scrape(&shop).await;
    for (series, expected) in [
        ("souk_orders_total{state=\"placed\"}", 2),
        ("souk_orders_total{state=\"paid\"}", 1),
        ("souk_orders_total{state=\"cancelled\"}", 2),
        ("souk_orders_total{state=\"refunded\"}", 1),
        ("souk_orders_total{state=\"expired\"}", 0),
        ("souk_payments_total{outcome=\"succeeded\"}", 1),
        ("souk_payments_total{outcome=\"refunded\"}", 1),
        ("souk_revenue_minor_units_total{currency=\"EUR\"}", 5998),
        ("souk_refunds_minor_units_total{currency=\"EUR\"}", 5998),
        ("souk_stock_conflicts_total", 1),
        ("souk_sign_ups_total", 2),
        ("souk_logins_total{outcome=\"wrong_credentials\"}", 1),
        ("souk_logins_total{outcome=\"succeeded\"}", 1),
    ] {
        assert!(metrics.contains(&format!("{series} ")), "{series} is missing");
        assert_eq!(sum(&metrics, series), expected, "{series}");
    }

    let documented = documented();
    let names = |prefix: &str| -> BTreeSet<&str> {
        metrics.lines().filter_map(|line| line.strip_prefix(prefix)?.split_once(' ')).map(|(name, _)| name).collect()
    };
    let (seen, explained) = (names("# TYPE "), names("# HELP "));
    assert!(seen.contains("souk_build_info") && seen.len() > 30, "{seen:?}");
    let missing: Vec<_> = seen.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/metrics.md lacks {missing:?}");
    // Prometheus gives these to every series, and renames ours
    for label in ["job", "instance"] {
        assert!(![format!("{{{label}=\""), format!(",{label}=\"")].iter().any(|text| metrics.contains(text)), "a label {label}");
    }
    let unexplained: Vec<_> = seen.difference(&explained).collect();
    assert!(unexplained.is_empty(), "no describe_… for {unexplained:?}");
}

#[test]
fn every_alert_has_its_runbook() {
    let rules = include_str!("../../deploy/prometheus/rules/souk.yml");
    let sections: BTreeSet<String> = include_str!("../../docs/runbooks.md")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("## ")?.to_lowercase().replace(' ', "-")))
        .collect();
    let after = |name: &str| -> Vec<&str> { rules.lines().filter_map(|line| line.trim().strip_prefix(name)).collect() };
    let (alerts, runbooks) = (after("- alert: "), after("runbook: docs/runbooks.md#"));
    assert!(!alerts.is_empty());
    assert_eq!(alerts.len(), runbooks.len(), "each alert has a runbook");
    for (alert, runbook) in std::iter::zip(alerts, runbooks) {
        assert_eq!(alert.to_lowercase(), runbook);
        assert!(sections.contains(runbook), "docs/runbooks.md has no section {alert}");
    }
}
