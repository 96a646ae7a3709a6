//! Conditions, partial changes and cursors as clients use them, in both deployments.

use crate::harness::{Account, Answer, Shop, both_deployments};
use serde_json::{Value, json};

both_deployments![
    an_answer_that_the_caller_has_is_not_sent_again,
    a_change_that_another_would_lose_is_refused,
    a_patch_changes_what_is_sent,
    cursors_lead_through_a_list,
];

fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

/// The movements of the stock of a product, which has no options.
fn movements(product: &str) -> String {
    format!("{}/stock-movements", product.replace("products", "variants"))
}

/// A call of an admin with headers.
async fn call(shop: &Shop, admin: &Account, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
    let request = shop.request(method, path).bearer_auth(&admin.token);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    shop.send(body.iter().fold(request, |request, body| request.json(body))).await
}

async fn an_answer_that_the_caller_has_is_not_sent_again(shop: Shop) {
    let admin = shop.admin().await;
    let path = format!("/api/products/{}", shop.product(&admin, "Lamp", 10.0, 5).await);
    let has = async |tags: &str| shop.send(shop.request("GET", &path).header("if-none-match", tags)).await;
    let first = shop.get(&path).await;
    first.expect(200);
    assert_eq!(first.headers["cache-control"], "private, no-cache");
    for tags in [tag(&first), format!("W/{}", tag(&first)), format!("\"x\", {}", tag(&first)), "*".into()] {
        let again = has(&tags).await;
        assert_eq!((again.status, again.text.as_str(), tag(&again)), (304, "", tag(&first)), "{tags}");
        assert_eq!(again.headers["cache-control"], "private, no-cache");
    }
    has("\"x\"").await.expect(200);
    let broken = has("x").await;
    assert_eq!(
        (broken.problem(400).as_str(), &broken.json()["errors"][0]["pointer"]),
        ("invalid_argument", &json!("/If-None-Match"))
    );
    assert_eq!(broken.headers["cache-control"], "no-store");
    // for those who are logged in, too
    let seen = call(&shop, &admin, "GET", &path, &[("if-none-match", &tag(&first))], None).await;
    assert_eq!((seen.status, &seen.headers["cache-control"]), (304, &"private, no-cache".parse().unwrap()));
    let head = shop.send(shop.request("HEAD", &path)).await;
    assert_eq!((head.status, tag(&head)), (200, tag(&first)));

    // another stock is shown, so it is another answer
    shop.call(&admin, "POST", &movements(&path), Some(json!({"delta": -1}))).await.expect(201);
    let other = has(&tag(&first)).await;
    assert_eq!(other.expect(200)["stock_quantity"], 4);
    assert_ne!(tag(&other), tag(&first));
}

async fn a_change_that_another_would_lose_is_refused(shop: Shop) {
    let admin = &shop.admin().await;
    let path = &format!("/api/products/{}", shop.product(admin, "Lamp", 10.0, 5).await);
    let seen = tag(&shop.get(path).await);
    let put = async |name: &str, condition: &[(&str, &str)]| {
        call(&shop, admin, "PUT", path, condition, Some(json!({"name": name, "price": 10}))).await
    };
    // a sale in between is no change of what is replaced
    shop.call(admin, "POST", &movements(path), Some(json!({"delta": -1}))).await.expect(201);
    let first = put("Lantern", &[("if-match", &seen)]).await;
    assert_eq!(first.expect(200)["version"], 2);
    let late = put("Torch", &[("if-match", &seen)]).await;
    assert_eq!((late.problem(412).as_str(), tag(&late)), ("precondition_failed", tag(&first)));
    assert_eq!(late.json()["etag"], tag(&first));
    assert_eq!(call(&shop, admin, "DELETE", path, &[("if-match", &seen)], None).await.problem(412), "precondition_failed");
    assert_eq!(shop.get(path).await.expect(200), first.json(), "nothing has changed");

    // an absolute number needs a condition, and a sale is one for it
    let set = async |condition: &[(&str, &str)]| {
        call(&shop, admin, "PUT", &format!("{path}/stock"), condition, Some(json!({"quantity": 9}))).await
    };
    let without = set(&[]).await;
    assert_eq!(without.problem(428), "precondition_required");
    assert!(without.text.contains("POST /api/variants/{id}/stock-movements"), "{}", without.text);
    assert_eq!(set(&[("if-match", &seen)]).await.problem(412), "precondition_failed");
    let stock = call(&shop, admin, "GET", &format!("{}/stock", path.replace("products", "variants")), &[], None).await;
    assert_eq!(set(&[("if-match", &tag(&stock))]).await.expect(200)["stock_quantity"], 9);
    let first = shop.get(path).await;

    let weak = format!("W/{}", tag(&first));
    assert_eq!(put("Torch", &[("if-match", &weak)]).await.problem(412), "precondition_failed");
    for broken in ["", "2", "\"2", "*, \"2\""] {
        let answer = put("Torch", &[("if-match", broken)]).await;
        assert_eq!(answer.problem(400), "invalid_argument", "{broken}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/If-Match");
    }
    let stock = call(&shop, admin, "POST", &movements(path), &[("if-match", "*")], Some(json!({"delta": 1}))).await;
    assert_eq!(stock.problem(400), "invalid_argument", "what is not compared is not accepted");
    put("Torch", &[]).await.expect(200);
    put("Torch", &[("if-match", "*")]).await.expect(200);
    let missing = call(&shop, admin, "DELETE", "/api/products/999999", &[("if-match", "*")], None).await;
    assert_eq!(missing.problem(404), "product.not_found");
    let torch = tag(&shop.get(path).await);
    let either = [("if-match", seen.as_str()), ("if-match", torch.as_str())];
    assert_eq!(call(&shop, admin, "DELETE", path, &either, None).await.status, 204);

    let category = call(&shop, admin, "POST", "/api/categories", &[], Some(json!({"name": "Light"}))).await;
    let path = format!("/api/categories/{}", category.expect(201)["id"]);
    let (old, renamed) = (tag(&category), json!({"name": "Lights"}));
    call(&shop, admin, "PUT", &path, &[("if-match", &old)], Some(renamed.clone())).await.expect(200);
    assert_eq!(
        call(&shop, admin, "PATCH", &path, &[("if-match", &old)], Some(renamed)).await.problem(412),
        "precondition_failed"
    );
    let now = tag(&shop.get(&path).await);
    assert_eq!(call(&shop, admin, "DELETE", &path, &[("if-match", &old)], None).await.problem(412), "precondition_failed");
    assert_eq!(call(&shop, admin, "DELETE", &path, &[("if-match", &now)], None).await.status, 204);
}

async fn a_patch_changes_what_is_sent(shop: Shop) {
    let admin = &shop.admin().await;
    let lamp = shop.product(admin, "Lamp", 10.0, 5).await;
    let path = &format!("/api/products/{lamp}");
    let patch = async |kind: &str, body: &str| {
        let request = shop.request("PATCH", path).bearer_auth(&admin.token).header("content-type", kind);
        shop.send(request.body(body.to_owned())).await
    };
    let merge = "application/merge-patch+json";
    let changed = patch(merge, r#"{"price":12.5,"description":"Brass"}"#).await.expect(200);
    assert_eq!((&changed["name"], &changed["price"], &changed["stock_quantity"]), (&json!("Lamp"), &json!(12.5), &json!(5)));
    let changed = patch("application/json", r#"{"description":null}"#).await.expect(200);
    assert_eq!((&changed["description"], &changed["price"], &changed["version"]), (&json!(""), &json!(12.5), &json!(3)));
    // a cart shows it, as it does after a PUT
    let me = shop.customer("me").await;
    shop.call(&me, "POST", "/api/cart/items", Some(json!({"product_id": lamp, "quantity": 1}))).await;
    patch(merge, r#"{"name":"Lantern","price":13}"#).await.expect(200);
    let cart = shop.call(&me, "GET", "/api/cart", None).await.text;
    assert!(cart.contains("\"Lantern\"") && cart.contains("13"), "{cart}");

    for (kind, body, status, code) in [
        ("application/json-patch+json", "[]", 415, "unsupported_media_type"),
        ("text/plain", "{}", 415, "unsupported_media_type"),
        (merge, "", 400, "invalid_argument"),
        (merge, "[]", 400, "invalid_argument"),
        (merge, "null", 400, "invalid_argument"),
        (merge, r#"{"name":null}"#, 400, "invalid_argument"),
        (merge, r#"{"colour":"red"}"#, 400, "invalid_argument"),
        (merge, r#"{"name":"a","name":"b"}"#, 400, "invalid_argument"),
    ] {
        let answer = patch(kind, body).await;
        assert_eq!(answer.problem(status), code, "{kind} {body}");
        assert_eq!(answer.headers.contains_key("accept-patch"), status == 415);
    }
    assert_eq!(call(&shop, &me, "PATCH", path, &[], Some(json!({}))).await.problem(403), "permission_denied");
}

async fn cursors_lead_through_a_list(shop: Shop) {
    let admin = &shop.admin().await;
    for i in 0..7 {
        shop.product(admin, &format!("Wick {i}"), 1.0 + f64::from(i % 2), 5).await;
    }
    for query in ["search=wick&sort=-price", "search=wick"] {
        let list = format!("/api/products?per_page=3&{query}");
        let mut next = None;
        for page in 1..=3 {
            let by_number = shop.get(&format!("{list}&page={page}")).await.expect(200);
            if let Some(cursor) = next {
                assert_eq!(shop.get(&format!("{list}&cursor={cursor}")).await.expect(200), by_number, "{query} {page}");
            }
            next = by_number["pagination"]["next_cursor"].as_str().map(str::to_owned);
            assert_eq!(next.is_some(), page < 3);
        }
    }
    let first = shop.get("/api/products?per_page=3&sort=price").await.expect(200);
    let cursor = first["pagination"]["next_cursor"].as_str().unwrap();
    for wrong in [
        format!("per_page=3&sort=price&cursor={cursor}&page=2"),
        format!("per_page=3&sort=-price&cursor={cursor}"),
        format!("per_page=3&sort=price&search=wick&cursor={cursor}"),
        format!("per_page=4&sort=price&cursor={cursor}"),
        format!("per_page=3&sort=price&cursor={}", &cursor[1..]),
        "cursor=nonsense".into(),
    ] {
        let answer = shop.get(&format!("/api/products?{wrong}")).await;
        assert_eq!(answer.problem(400), "invalid_argument", "{wrong}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "/cursor", "{wrong}");
    }
}
