//! Texts in the languages of `Accept-Language`, as clients get them, in both deployments.

use crate::harness::{Account, Answer, Shop, both_deployments};
use serde_json::{Value, json};

both_deployments![texts_are_in_the_language_of_the_reader, a_header_that_says_nothing_is_harmless];

/// A read with this `Accept-Language`, and what else is in the header.
async fn read(shop: &Shop, path: &str, headers: &[(&str, &str)]) -> Answer {
    shop.send(headers.iter().fold(shop.request("GET", path), |request, (name, value)| request.header(*name, *value))).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn translate(shop: &Shop, admin: &Account, path: &str, language: &str, texts: Value) {
    shop.call(admin, "PUT", &format!("{path}/translations/{language}"), Some(texts)).await.expect(200);
}

async fn texts_are_in_the_language_of_the_reader(shop: Shop) {
    let admin = shop.admin().await;
    let category = shop.call(&admin, "POST", "/api/categories", Some(json!({"name": "Light"}))).await.expect(201);
    let category = format!("/api/categories/{}", category["id"]);
    let lamp = format!("/api/products/{}", shop.product(&admin, "Oil lamp", 10.0, 5).await);
    translate(&shop, &admin, &category, "de", json!({"name": "Licht"})).await;
    translate(&shop, &admin, &lamp, "de-at", json!({"name": "Öllampe", "terms": {"Size": "Größe"}})).await;

    let all = shop.call(&admin, "GET", &format!("{lamp}/translations"), None).await;
    let expected = json!([{"language": "de-AT", "texts": {"name": "Öllampe", "terms": {"Size": "Größe"}}}]);
    assert_eq!(all.expect(200)["translations"], expected);
    assert_eq!(shop.get(&format!("{lamp}/translations")).await.status, 401);

    let own = shop.get(&lamp).await;
    assert_eq!((&own.expect(200)["name"], &own.json()["language"]), (&json!("Oil lamp"), &json!("en")));
    let austrian = read(&shop, &lamp, &[("accept-language", "de-AT, en;q=0.5")]).await;
    assert_eq!((&austrian.expect(200)["name"], &austrian.json()["language"]), (&json!("Öllampe"), &json!("de-AT")));
    for answer in [&own, &austrian] {
        assert!(header(answer, "vary").contains("Accept-Language"), "{:?}", answer.headers);
    }
    assert_ne!(header(&own, "etag"), header(&austrian, "etag"));
    let again = read(&shop, &lamp, &[("accept-language", "de-at"), ("if-none-match", header(&austrian, "etag"))]).await;
    assert_eq!((again.status, header(&again, "etag")), (304, header(&austrian, "etag")));
    assert!(header(&again, "vary").contains("Accept-Language"));
    read(&shop, &lamp, &[("if-none-match", header(&austrian, "etag"))]).await.expect(200);

    let listed = read(&shop, "/api/products?search=öllampe", &[("accept-language", "de-AT")]).await.expect(200);
    assert_eq!(listed["products"][0]["name"], "Öllampe");
    let seen = read(&shop, &category, &[("accept-language", "fr"), ("accept-language", "de-CH;q=0.3")]).await;
    assert_eq!(seen.expect(200)["name"], "Licht");
    let all = read(&shop, "/api/categories", &[("accept-language", "de")]).await.expect(200);
    assert!(all.as_array().unwrap().iter().any(|one| one["name"] == "Licht"));

    // a tag is that of the product, in whatever language it was read
    let patch = shop.request("PATCH", &lamp).bearer_auth(&admin.token).header("if-match", header(&austrian, "etag"));
    shop.send(patch.json(&json!({"brand": "Atlas"}))).await.expect(200);
    // what is bought has its name of the shop
    let me = shop.customer("me").await;
    let id: i64 = lamp.rsplit('/').next().unwrap().parse().unwrap();
    let add = shop.request("POST", "/api/cart/items").bearer_auth(&me.token).header("accept-language", "de-AT");
    shop.send(add.json(&json!({"product_id": id, "quantity": 1}))).await.expect(201);
    let cart = shop.request("GET", "/api/cart").bearer_auth(&me.token).header("accept-language", "de-AT");
    assert!(shop.send(cart).await.text.contains("Oil lamp"));
}

async fn a_header_that_says_nothing_is_harmless(shop: Shop) {
    let admin = shop.admin().await;
    let lamp = format!("/api/products/{}", shop.product(&admin, "Oil lamp", 10.0, 5).await);
    translate(&shop, &admin, &lamp, "de", json!({"name": "Öllampe"})).await;
    let own = shop.get(&lamp).await;
    let long = format!("de{}", ",x".repeat(300));
    for wanted in ["*/*;;q=x", "", "*", "de_DE", "de;q=7", ";", "de;q=0", "x-private", "\u{e9}", &long] {
        let answer = read(&shop, &lamp, &[("accept-language", wanted)]).await;
        assert_eq!(answer.expect(200), own.json(), "{wanted}");
    }
    for bad in ["German", "de_DE", "x", "und", "de-", "%20", "i-klingon"] {
        let refused = shop.call(&admin, "PUT", &format!("{lamp}/translations/{bad}"), Some(json!({"name": "x"}))).await;
        assert_eq!(
            (refused.problem(400).as_str(), &refused.json()["errors"][0]["pointer"]),
            ("invalid_argument", &json!("/language"))
        );
    }
    let own = shop.call(&admin, "PUT", &format!("{lamp}/translations/en"), Some(json!({"name": "x"}))).await;
    assert_eq!((own.problem(400).as_str(), &own.json()["errors"][0]["pointer"]), ("invalid_argument", &json!("/language")));
    for (body, pointer) in [
        (json!({"name": 1}), "/name"),
        (json!({"nome": "x"}), "/nome"),
        (json!({"terms": {"a": ""}}), "/terms"),
        (json!({"terms": ["a"]}), "/terms"),
    ] {
        let refused = shop.call(&admin, "PUT", &format!("{lamp}/translations/fr"), Some(body)).await;
        assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (400, &json!(pointer)), "{}", refused.text);
    }
    let missing = shop.call(&admin, "DELETE", &format!("{lamp}/translations/fr"), None).await;
    assert_eq!(missing.problem(404), "product.translation_not_found");
}
