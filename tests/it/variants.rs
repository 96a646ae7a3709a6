//! Products with options, from the catalogue to the door, and the movements of their stock.

use crate::harness::{Shop, both_deployments, to_address};
use serde_json::{Value, json};

both_deployments![a_size_is_bought, the_stock_of_a_size_is_told];

/// Gives a product three sizes; the ids of the variants.
async fn sizes(shop: &Shop, admin: &crate::harness::Account, shirt: i64) -> Vec<i64> {
    let size = |name: &str| json!([{"name": "Size", "value": name}]);
    let variants = json!({"variants": [
        {"id": shirt, "options": size("S"), "sku": "SHIRT-S"},
        {"options": size("M"), "sku": "SHIRT-M", "price": 21.5, "stock_quantity": 3},
        {"options": size("L")},
    ]});
    let path = format!("/api/products/{shirt}/variants");
    let product = shop.call(admin, "PUT", &path, Some(variants)).await.expect(200);
    assert_eq!(product["options"], json!([{"name": "Size", "values": ["S", "M", "L"]}]));
    product["variants"].as_array().unwrap().iter().map(|variant| variant["id"].as_i64().unwrap()).collect()
}

async fn a_size_is_bought(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer("me").await);
    let shirt = shop.product(&admin, "Linen shirt", 20.0, 5).await;
    let ids = sizes(&shop, &admin, shirt).await;
    let found = shop.get("/api/variants?sku=shirt-m").await.expect(200);
    assert_eq!((&found["variants"][0]["id"], &found["variants"][0]["name"]), (&json!(ids[1]), &json!("Linen shirt (M)")));
    let listed = shop.get(&format!("/api/products?ids={shirt}")).await.expect(200)["products"][0].clone();
    assert_eq!((&listed["price"], &listed["stock_quantity"], listed.get("variants")), (&json!(20), &json!(8), None));

    let add = async |body: Value| shop.call(&me, "POST", "/api/cart/items", Some(body)).await;
    assert_eq!(add(json!({"product_id": shirt, "quantity": 1})).await.problem(409), "cart.variant_required");
    add(json!({"product_id": shirt, "variant_id": ids[1], "quantity": 1})).await.expect(201);
    let cart = add(json!({"product_id": shirt, "variant_id": ids[0], "quantity": 2})).await.expect(201);
    assert_eq!((&cart["items"][0]["variant_id"], &cart["total_amount"]), (&json!(ids[1]), &json!(61.5)));
    let line = format!("/api/cart/items/{}", ids[1]);
    let cart = shop.call(&me, "PUT", &line, Some(json!({"quantity": 2}))).await.expect(200);
    assert_eq!((&cart["items"][0]["quantity"], &cart["items"][0]["product_id"]), (&json!(2), &json!(shirt)));

    let order = shop.call(&me, "POST", "/api/orders", Some(to_address())).await.expect(201)["order"].clone();
    let expected = json!([
        {"product_id": shirt, "variant_id": ids[0], "sku": "SHIRT-S", "name": "Linen shirt (S)", "unit_price": 20, "quantity": 2, "subtotal": 40},
        {"product_id": shirt, "variant_id": ids[1], "sku": "SHIRT-M", "name": "Linen shirt (M)", "unit_price": 21.5, "quantity": 2, "subtotal": 43},
    ]);
    assert_eq!((&order["items"], &order["total"]), (&expected, &json!(83)));
    let pay = json!({"order_id": order["id"], "payment_method": "sandbox_success"});
    shop.call(&me, "POST", "/api/payments/process", Some(pay)).await.expect(200);

    // a changed price is told by variant, and a size that is sold out by its own
    add(json!({"product_id": shirt, "variant_id": ids[1], "quantity": 1})).await.expect(201);
    let size = |name: &str| json!([{"name": "Size", "value": name}]);
    let dearer = json!({"variants": [{"id": ids[0], "options": size("S")}, {"id": ids[1], "options": size("M"), "price": 25}]});
    shop.call(&admin, "PUT", &format!("/api/products/{shirt}/variants"), Some(dearer)).await.expect(200);
    let changed = shop.call(&me, "POST", "/api/orders", Some(to_address())).await;
    assert_eq!(changed.problem(409), "order.price_changed");
    let line = &changed.json()["details"]["lines"][0];
    assert_eq!(*line, json!({"product_id": shirt, "variant_id": ids[1], "seen": 21.5, "now": 25}));
    shop.call(&me, "GET", "/api/cart", None).await.expect(200);
    let taken = json!({"delta": -1, "note": "in the window"});
    shop.call(&admin, "POST", &format!("/api/variants/{}/stock-movements", ids[1]), Some(taken)).await.expect(201);
    let short = shop.call(&me, "POST", "/api/orders", Some(to_address())).await;
    assert_eq!(short.problem(409), "order.out_of_stock");
    let line = &short.json()["details"]["lines"][0];
    assert_eq!(*line, json!({"product_id": shirt, "variant_id": ids[1], "requested": 1, "available": 0}));
}

async fn the_stock_of_a_size_is_told(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer("me").await);
    let shirt = shop.product(&admin, "Linen shirt", 20.0, 5).await;
    let ids = sizes(&shop, &admin, shirt).await;
    let item = json!({"product_id": shirt, "variant_id": ids[1], "quantity": 2});
    shop.call(&me, "POST", "/api/cart/items", Some(item)).await.expect(201);
    let order = shop.call(&me, "POST", "/api/orders", Some(to_address())).await.expect(201)["order"]["id"].clone();

    let stock = format!("/api/variants/{}/stock", ids[1]);
    let told = shop.call(&admin, "GET", &stock, None).await.expect(200);
    assert_eq!((&told["on_hand"], &told["held"], &told["available"]), (&json!(3), &json!(2), &json!(1)));
    let movements = format!("{stock}-movements");
    let counted = shop.call(&admin, "POST", &movements, Some(json!({"counted": 1}))).await;
    assert_eq!(counted.problem(409), "product.stock_out_of_range");
    assert_eq!(counted.json()["details"], json!({"rule": "fewer_than_held", "available": 1, "held": 2}));
    let received = json!({"delta": 10, "reason": "received", "note": "delivery 7"});
    let received = shop.call(&admin, "POST", &movements, Some(received)).await.expect(201);
    shop.call(&me, "POST", &format!("/api/orders/{order}/cancel"), Some(json!({}))).await.expect(200);

    let path = format!("/api/stock-movements?variant_id={}", ids[1]);
    let found = shop.call(&admin, "GET", &path, None).await.expect(200);
    let seen = |name: &str| found["movements"].as_array().unwrap().iter().map(|m| m[name].clone()).collect::<Value>();
    assert_eq!(seen("kind"), json!(["released", "received", "held", "received"]));
    assert_eq!(seen("available_change"), json!([2, 10, -2, 3]));
    assert_eq!(seen("order_id"), json!([order, null, order, null]));
    assert_eq!(seen("user_id"), json!([null, admin.id, null, admin.id]));
    assert_eq!((&found["movements"][1], found["pagination"]["total"].as_i64()), (&received, Some(4)));
    for (method, path) in [("GET", &stock), ("POST", &movements), ("GET", &path)] {
        let body = (method == "POST").then(|| json!({"delta": 1}));
        assert_eq!(shop.call(&me, method, path, body).await.problem(403), "permission_denied");
    }
}
