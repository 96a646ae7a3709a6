//! What a product shows: from a draft to its page.

use crate::harness::{Shop, both_deployments, to_address};
use serde_json::{Value, json};

both_deployments![a_draft_is_published_and_moves_to_another_address];

async fn a_draft_is_published_and_moves_to_another_address(shop: Shop) {
    let (admin, me) = (shop.admin().await, shop.customer("me").await);
    let new = json!({"name": "Çay bardağı", "price": 4.5, "stock_quantity": 9, "status": "draft"});
    let draft = shop.call(&admin, "POST", "/api/products", Some(new)).await.expect(201);
    assert_eq!((&draft["status"], &draft["slug"]), (&json!("draft"), &json!("cay-bardagi")));
    let id = draft["id"].as_i64().unwrap();
    let (path, page) = (format!("/api/products/{id}"), "/api/product-slugs/cay-bardagi");

    // nobody sees it, or gets it into a cart
    let item = json!({"product_id": id, "quantity": 2});
    let add = async || shop.call(&me, "POST", "/api/cart/items", Some(item.clone())).await;
    let listed = async || shop.get(&format!("/api/products?ids={id}")).await.expect(200)["pagination"]["total"].clone();
    for path in [&path, page, &format!("/api/variants/{id}")] {
        assert_eq!(shop.get(path).await.status, 404, "{path}");
        assert_eq!(shop.call(&me, "GET", path, None).await.status, 404, "{path}");
        assert_eq!(shop.call(&admin, "GET", path, None).await.expect(200)["id"], id, "{path}");
    }
    assert_eq!(listed().await, 0);
    assert_eq!(add().await.problem(404), "cart.product_not_found");
    assert_eq!(shop.get("/api/products?status=draft").await.problem(403), "product.status_for_admins");
    let drafts = shop.call(&admin, "GET", "/api/products?status=draft", None).await.expect(200);
    assert_eq!(drafts["products"].as_array().unwrap().iter().map(|one| &one["id"]).collect::<Vec<_>>(), [&json!(id)]);
    // a client of before publishes nothing
    let old = json!({"name": "Çay bardağı", "price": 4.5, "description": "For tea"});
    shop.call(&admin, "PUT", &path, Some(old)).await.expect(200);
    assert_eq!(shop.get(&path).await.status, 404);

    let patch = async |change: Value| shop.call(&admin, "PATCH", &path, Some(change)).await;
    let shown = patch(json!({"status": "active"})).await.expect(200);
    assert_eq!(shop.get(&path).await.expect(200), shown);
    assert_eq!(shop.get(page).await.expect(200), shown);
    assert_eq!(listed().await, 1);
    add().await.expect(201);

    // no longer sold: the cart says so, and it cannot be ordered
    let past = json!({"published_until": "2020-01-01T00:00:00Z"});
    patch(past).await.expect(200);
    let cart = shop.call(&me, "GET", "/api/cart", None).await.expect(200);
    assert_eq!(cart["items"][0]["unavailable"], true, "{cart}");
    assert!(shop.call(&me, "POST", "/api/orders", Some(to_address())).await.status >= 400);
    let wrong = patch(json!({"published_from": "2030-01-01T00:00:00Z"})).await;
    assert_eq!(
        (wrong.problem(400), &wrong.json()["errors"][0]["pointer"]),
        ("invalid_argument".into(), &json!("/published_until"))
    );
    patch(json!({"published_until": null})).await.expect(200);
    let order = shop.call(&me, "POST", "/api/orders", Some(to_address())).await.expect(201);
    assert_eq!(order["order"]["items"][0]["product_id"], id);

    // what helps to find it
    let texts = json!({"brand": "Paşabahçe", "tags": ["Glass", "tea"], "seo_title": "Glasses for tea"});
    let found = patch(texts).await.expect(200);
    for filter in ["brand=pa%C5%9Fabah%C3%A7e", "tag=TEA", "tag=glass&in_stock=true"] {
        let list = shop.get(&format!("/api/products?{filter}")).await.expect(200);
        assert_eq!(list["products"].as_array().unwrap().iter().map(|one| &one["tags"]).collect::<Vec<_>>(), [&found["tags"]]);
    }
    assert_eq!(shop.get("/api/products?tag=glass&in_stock=false").await.expect(200)["pagination"]["total"], 0);
    let twice = patch(json!({"tags": ["tea", "Tea"]})).await;
    assert_eq!((twice.problem(400), &twice.json()["errors"][0]["pointer"]), ("invalid_argument".into(), &json!("/tags")));

    // its page moves, and the old address finds it
    let moved = patch(json!({"slug": "tea-glass"})).await.expect(200);
    assert_eq!(moved["slug"], "tea-glass");
    for slug in ["tea-glass", "cay-bardagi"] {
        assert_eq!(shop.get(&format!("/api/product-slugs/{slug}")).await.expect(200), moved, "{slug}");
    }
    let other = json!({"name": "Tea glass", "price": 1, "slug": "cay-bardagi"});
    assert_eq!(shop.call(&admin, "POST", "/api/products", Some(other)).await.problem(409), "product.slug_taken");
    assert_eq!(shop.get("/api/product-slugs/Tea%20Glass").await.problem(400), "invalid_argument");
    let wrong = patch(json!({"slug": "Tea Glass"})).await;
    assert_eq!((wrong.problem(400), &wrong.json()["errors"][0]["pointer"]), ("invalid_argument".into(), &json!("/slug")));
}
