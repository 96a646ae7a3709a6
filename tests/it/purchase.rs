//! A purchase, from browsing to the paid order, and the tests of the first version.

use crate::harness::{Account, Answer, Shop, both_deployments, to_address, until};
use serde_json::json;

both_deployments![
    a_purchase,
    the_tests_of_the_first_version_pass,
    a_cart_shows_available_stock,
    sessions_end,
    a_cancelled_order_is_refunded
];

async fn a_purchase(shop: Shop) {
    for answer in purchase(&shop).await {
        assert!(answer.status < 300, "{answer:?}");
    }
}

/// The steps of the README's quick start.
async fn purchase(shop: &Shop) -> Vec<Answer> {
    let mut answers = vec![shop.get("/api/products?per_page=3").await, shop.get("/api/categories").await];
    let product = answers[0].json()["products"][0].clone();
    let (id, stock) = (product["id"].as_i64().unwrap(), product["stock_quantity"].as_i64().unwrap());
    assert!(stock >= 3, "the first product has plenty of stock");

    let register =
        json!({"email": "Leyla@Example.com ", "password": "Saffron-7-Road", "first_name": "Leyla", "last_name": "Aziz"});
    answers.push(shop.post("/api/auth/register", register).await);
    let login = json!({"email": "leyla@example.com", "password": "Saffron-7-Road"});
    answers.push(shop.post("/api/auth/login", login).await);
    let reply = answers[3].expect(200);
    let text = |name: &str| reply[name].as_str().unwrap().to_owned();
    let me = Account { id: reply["user"]["id"].as_i64().unwrap(), token: text("access_token"), refresh: text("refresh_token") };

    answers.push(shop.call(&me, "POST", "/api/cart/items", Some(json!({"product_id": id, "quantity": 2}))).await);
    answers.push(shop.call(&me, "GET", "/api/cart", None).await);
    answers.push(shop.call(&me, "POST", "/api/cart/validate", None).await);
    answers.push(shop.call(&me, "POST", "/api/orders", Some(to_address())).await);
    let order = answers[7].expect(201)["order"].clone();
    assert_eq!((order["status"].as_str(), order["items"][0]["quantity"].as_i64()), (Some("pending"), Some(2)));

    let pay = json!({"order_id": order["id"], "payment_method": "sandbox_success"});
    answers.push(shop.call(&me, "POST", "/api/payments/process", Some(pay)).await);
    let payment = answers[8].expect(200)["payment"].clone();
    assert_eq!((payment["status"].as_str(), &payment["amount"]), (Some("succeeded"), &order["total"]));

    answers.push(shop.call(&me, "GET", &format!("/api/orders/{}", order["id"]), None).await);
    let paid = answers[9].expect(200)["order"].clone();
    assert_eq!(paid["status"], "paid");
    let notes: Vec<_> = paid["timeline"].as_array().unwrap().iter().map(|entry| entry["note"].as_str().unwrap()).collect();
    assert_eq!(notes, ["Order placed", "Payment received"]);
    answers.push(shop.get(&format!("/api/products/{id}")).await);
    assert_eq!(answers[10].expect(200)["stock_quantity"].as_i64(), Some(stock - 2));
    answers.push(shop.call(&me, "GET", "/api/cart", None).await);
    assert_eq!(answers[11].expect(200)["items"], json!([]));
    answers.push(shop.call(&me, "GET", &format!("/api/payments/{}", payment["id"].as_str().unwrap()), None).await);
    answers.push(shop.call(&me, "GET", "/api/orders?status=paid", None).await);
    answers.push(shop.call(&me, "GET", "/api/users/profile", None).await);
    answers
}

/// The two deployments may differ only in times, tokens and random ids.
#[tokio::test]
async fn both_deployments_answer_the_same_bytes() {
    let (one, split) = (Shop::one_process(&[]).await, Shop::split(&[]).await);
    let (one, split) = (purchase(&one).await, purchase(&split).await);
    for (one, split) in std::iter::zip(one, split) {
        assert_eq!((one.status, stable(&one.text)), (split.status, stable(&split.text)));
        let header = |answer: &Answer, name: &str| answer.headers.get(name).cloned();
        for name in ["content-type", "cache-control", "x-content-type-options"] {
            assert_eq!(header(&one, name), header(&split, name), "{name}");
        }
    }
}

/// Replaces every string that is a time, a token or a UUID, and keeps all else, including the order of members.
fn stable(text: &str) -> String {
    let is_varying = |part: &str| {
        let (digits, dashes) = (part.bytes().filter(u8::is_ascii_digit).count(), part.matches('-').count());
        part.len() >= 40 || (part.len() == 36 && dashes == 4) || (part.len() >= 20 && digits >= 14 && part.ends_with('Z'))
    };
    text.split('"').map(|part| if is_varying(part) { "*" } else { part }).collect::<Vec<_>>().join("\"")
}

/// The steps of the specification's `integration_tests.py`, in their order.
async fn the_tests_of_the_first_version_pass(shop: Shop) {
    let health = shop.get("/health").await.expect(200);
    assert_eq!((health["status"].as_str(), health["service"].as_str()), (Some("healthy"), Some("api-gateway")));
    for name in ["user", "product", "cart", "order", "payment"] {
        let expected = json!({"healthy_instances": 1, "total_instances": 1, "status": "healthy"});
        assert_eq!(health["services"][name], expected, "{name}");
    }
    let me = shop.customer("first").await;
    let products = shop.get("/api/products").await.expect(200);
    let first = products["products"][0]["id"].as_i64().unwrap();
    assert!(products["products"][0]["price"].is_number() && products["pagination"]["total"].as_i64() >= Some(60));
    shop.get(&format!("/api/products/{first}")).await.expect(200);
    assert!(shop.get("/api/categories").await.expect(200).is_array());

    assert_eq!(shop.call(&me, "GET", "/api/cart", None).await.expect(200)["items"], json!([]));
    let add = json!({"product_id": first, "quantity": 2});
    let cart = shop.call(&me, "POST", "/api/cart/items", Some(add)).await.expect(201);
    assert_eq!((cart["items"][0]["product_id"].as_i64(), cart["items"][0]["quantity"].as_i64()), (Some(first), Some(2)));
    let line = format!("/api/cart/items/{first}");
    let cart = shop.call(&me, "PUT", &line, Some(json!({"quantity": 3}))).await.expect(200);
    assert_eq!(cart["items"][0]["quantity"], 3);
    assert_eq!(shop.call(&me, "DELETE", &line, None).await.expect(200)["items"], json!([]));

    let add = json!({"product_id": first, "quantity": 1});
    shop.call(&me, "POST", "/api/cart/items", Some(add)).await.expect(201);
    let order = shop.call(&me, "POST", "/api/orders", Some(to_address())).await.expect(201)["order"]["id"].clone();
    assert!(order.is_i64());
    assert_eq!(shop.call(&me, "GET", "/api/orders", None).await.expect(200)["orders"][0]["id"], order);
    shop.call(&me, "GET", &format!("/api/orders/{order}"), None).await.expect(200);
}

async fn a_cart_shows_available_stock(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer("me").await);
    let lamp = shop.product(&admin, "Lamp", 29.99, 5).await;
    let add = async |quantity: i64| {
        let body = json!({"product_id": lamp, "quantity": quantity});
        shop.call(&me, "POST", "/api/cart/items", Some(body)).await
    };
    let cart = add(3).await.expect(201);
    assert_eq!((cart["total_amount"].to_string(), cart["total_items"].to_string()), ("89.97".into(), "3".into()));
    // pieces in the cart count, too
    let error = add(3).await;
    assert_eq!(error.problem(400), "cart.insufficient_stock");
    assert_eq!(error.json()["details"], json!({"requested": 6, "available": 5}));
    assert_eq!(add(0).await.json()["error"], "Quantity must be positive");
    assert_eq!(add(-1).await.status, 400);
    let gone = shop.call(&me, "POST", "/api/cart/items", Some(json!({"product_id": 999_999, "quantity": 1}))).await;
    assert_eq!((gone.problem(404), gone.json()["error"].clone()), ("cart.product_not_found".into(), json!("Product not found")));
    let cleared = shop.call(&me, "DELETE", "/api/cart", None).await.expect(200);
    assert_eq!(cleared["message"], "Cart cleared successfully");
}

async fn sessions_end(shop: Shop) {
    let me = shop.customer("me").await;
    let refreshed = shop.post("/api/auth/refresh", json!({"refresh_token": me.refresh})).await.expect(200);
    assert_eq!(
        shop.post("/api/auth/refresh", json!({"refresh_token": me.refresh})).await.problem(401),
        "user.invalid_refresh_token"
    );
    // the refused reuse ended the session: its access tokens stop working within seconds, in both deployments
    let new = refreshed["access_token"].as_str().unwrap();
    until(async || shop.send(shop.request("GET", "/api/users/profile").bearer_auth(new)).await.status == 401).await;
}

async fn a_cancelled_order_is_refunded(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer("me").await);
    let lamp = shop.product(&admin, "Lamp", 10.0, 5).await;
    shop.call(&me, "POST", "/api/cart/items", Some(json!({"product_id": lamp, "quantity": 2}))).await.expect(201);
    let order = shop.call(&me, "POST", "/api/orders", Some(to_address())).await.expect(201)["order"]["id"].clone();
    let pay = |method: &str| json!({"order_id": order, "payment_method": method});
    let declined = shop.call(&me, "POST", "/api/payments/process", Some(pay("sandbox_declined"))).await;
    assert_eq!(
        (declined.problem(402), declined.json()["details"]["reason"].clone()),
        ("order.declined".into(), json!("card_declined"))
    );
    let down = shop.call(&me, "POST", "/api/payments/process", Some(pay("sandbox_provider_down"))).await;
    assert_eq!(down.problem(503), "order.provider_unavailable");
    let action = shop.call(&me, "POST", "/api/payments/process", Some(pay("sandbox_needs_action"))).await.expect(200);
    assert_eq!(action["payment"]["status"], "requires_action");
    let confirm = format!("/api/payments/{}/confirm", action["payment"]["id"].as_str().unwrap());
    assert_eq!(shop.call(&me, "PUT", &confirm, None).await.expect(200)["payment"]["status"], "succeeded");
    let cancel = shop.call(&me, "POST", &format!("/api/orders/{order}/cancel"), None).await;
    assert_eq!(cancel.expect(200)["order"]["status"], "cancelled");
    let (order, product) = (format!("/api/orders/{order}"), format!("/api/products/{lamp}"));
    let back = async || {
        let status = shop.call(&me, "GET", &order, None).await.expect(200)["order"]["status"].clone();
        status == "refunded" && shop.get(&product).await.expect(200)["stock_quantity"] == 5
    };
    let waiting = async {
        while !back().await {
            // not more calls than the limits of the gateway allow
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), waiting).await.unwrap();
}
