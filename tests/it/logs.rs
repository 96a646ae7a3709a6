//! What the log says, and what it never says.

use crate::harness::{LOG_FILE, Shop, modules, until};
use kernel::testing::Stores;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

const EVERYTHING: [(&str, &str); 3] = [(LOG_FILE, "log"), ("SOUK_LOG__FILTER", "trace"), ("SOUK_LOG__FORMAT", "json")];

#[tokio::test]
async fn nothing_personal_or_secret_is_logged_at_any_level() {
    let lines = purchase(Shop::one_process(&EVERYTHING).await).await;
    assert!(lines.iter().all(|line| line["process"] == "souk"));
}

#[tokio::test]
#[ignore = "needs servers: see docs/testing.md"]
async fn nor_by_the_clients_of_servers_and_peers() {
    let lines = purchase(Shop::split_on(Stores::servers(), &EVERYTHING).await).await;
    let processes: BTreeSet<&str> = lines.iter().filter_map(|line| line["process"].as_str()).collect();
    assert_eq!(processes, modules().iter().map(String::as_str).chain(["gateway"]).collect());
}

/// A customer buys something. Nothing of what they type or get that is personal or secret is in the log, whose lines are returned.
async fn purchase(shop: Shop) -> Vec<Value> {
    let person = json!({
        "email": "Zubaydah.Q@example.com", "password": "Tamarind-61-Street", "first_name": "Zubaydah", "last_name": "Qattan",
        "phone": "+49 30 901820"
    });
    let registered = shop.post("/api/auth/register", person).await.expect(201);
    let wrong = json!({"email": "zubaydah.q@example.com", "password": "Cardamom-52-Lane"});
    shop.post("/api/auth/login", wrong).await.expect(401);
    let login = json!({"email": "zubaydah.q@example.com", "password": "Tamarind-61-Street"});
    let session = shop.post("/api/auth/login", login).await.expect(200);
    let token = session["access_token"].as_str().unwrap().to_owned();
    let call = async |method: &str, path: &str, body: Value| {
        shop.send(shop.request(method, path).bearer_auth(&token).header("idempotency-key", "marjoram-key-7").json(&body)).await
    };
    let address = json!({
        "street_address": "9 Quince Alley", "city": "Jbeil", "state": "Keserwan", "postal_code": "1401", "country": "Lebanon"
    });
    call("POST", "/api/users/addresses", address.clone()).await.expect(201);
    call("POST", "/api/cart/items", json!({"product_id": 3, "quantity": 1})).await.expect(201);
    let order = call("POST", "/api/orders", json!({"shipping_address": address})).await.expect(201)["order"]["id"].clone();
    let pay = json!({"order_id": order, "payment_method": "sandbox_success"});
    call("POST", "/api/payments/process", pay).await.expect(200);
    // refusals and malformed requests, too
    call("POST", "/api/users/addresses", json!({"street_address": "9 Quince Alley", "city": 7})).await.expect(400);
    let refresh = session["refresh_token"].as_str().unwrap();
    let fresh = shop.post("/api/auth/refresh", json!({"refresh_token": refresh})).await.expect(200);
    shop.get("/api/products?search=Zubaydah").await.expect(200);
    // a mail has been made from all this
    until(async || shop.get("/api/dev/mailbox").await.text.contains("zubaydah.q")).await;

    let files = shop.processes.iter().map(|process| shop.stores.folder().join(format!("{}.log", process.name)));
    // the last line of a file may be half written
    let complete = |file| {
        let mut log = fs::read_to_string(file).unwrap();
        log.truncate(log.rfind('\n').map_or(0, |end| end + 1));
        log
    };
    let log: String = files.map(complete).collect();
    let secrets = [
        "Tamarind",
        "Cardamom",
        "Zubaydah",
        "zubaydah.q",
        "Qattan",
        "901820",
        "Quince",
        "Keserwan",
        "marjoram",
        &token,
        refresh,
        registered["access_token"].as_str().unwrap(),
        fresh["access_token"].as_str().unwrap(),
        fresh["refresh_token"].as_str().unwrap(),
    ];
    for secret in secrets {
        let line = log.lines().find(|line| line.to_lowercase().contains(&secret.to_lowercase()));
        assert_eq!(line, None, "{secret} is in the log");
    }
    // it is the log of all that: each line is JSON, and those of requests say what was asked for, and by whom
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect();
    assert!(lines.iter().any(|line| line["level"] == "TRACE"));
    let placed = lines.iter().find(|line| line["fields"]["op"] == "order.place").unwrap();
    assert_eq!(placed["fields"]["user"], registered["user"]["id"]);
    assert_eq!(placed["spans"][0]["trace_id"].as_str().unwrap().len(), 32);
    let operations: BTreeSet<&str> = lines.iter().filter_map(|line| line["fields"]["op"].as_str()).collect();
    assert!(operations.contains("user.login") && operations.contains("cart.add"), "{operations:?}");
    lines
}
