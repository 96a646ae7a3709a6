//! Bad input: always a problem document that says what is wrong, never an effect, and the same in both deployments.

use crate::{
    document::operations,
    harness::{self, Account, Answer, Shop, both_deployments},
};
use serde_json::{Value, json};

both_deployments![
    bad_input_is_explained,
    size_limits_hold,
    no_operation_accepts_unknown_members,
    absent_null_and_empty_members_are_the_same
];

async fn bad_input_is_explained(shop: Shop) {
    let (me, admin) = (shop.customer("me").await, shop.admin().await);
    let lamp = shop.product(&admin, "Lamp", 10.0, 5).await;
    let raw = async |account: &Account, method: &str, path: &str, body: &[u8]| {
        let request = shop.request(method, path).bearer_auth(&account.token);
        shop.send(request.header("content-type", "application/json").body(body.to_vec())).await
    };
    let field = |answer: &Answer| answer.json()["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned();

    // paths and methods
    assert_eq!(shop.get("/nowhere").await.problem(404), "not_found");
    assert_eq!(shop.get("/nowhere").await.json()["error"], "Endpoint not found");
    let wrong = shop.send(shop.request("PATCH", "/api/products")).await;
    assert_eq!(wrong.problem(405), "method_not_allowed");
    assert_eq!(wrong.headers["allow"], "GET, HEAD, POST");
    for id in ["0", "-1", "abc", "1.5", "9223372036854775808", "%00", "1%20OR%201=1"] {
        assert_eq!(shop.get(&format!("/api/products/{id}")).await.problem(400), "invalid_argument", "{id}");
    }

    // queries
    for (query, pointer) in [
        ("page=0", "/page"),
        ("page=-1", "page"),
        ("per_page=101", "/per_page"),
        ("per_page=1000000000000", "per_page"),
        ("sort=price;drop", "sort"),
        ("ids=1,x", "ids"),
        ("min_price=abc", "min_price"),
        ("min_price=1.999", "min_price"),
        ("nonsense=1", "nonsense"),
        ("page=1&page=2", "page"),
    ] {
        let answer = shop.get(&format!("/api/products?{query}")).await;
        assert_eq!(answer.problem(400), "invalid_argument", "{query}");
        assert_eq!(field(&answer).trim_start_matches('/'), pointer.trim_start_matches('/'), "{query}: {}", answer.text);
    }
    assert_eq!(shop.get(&format!("/api/products/{lamp}?x=1")).await.problem(400), "invalid_argument");
    assert_eq!(shop.get("/api/products?search=%25").await.expect(200)["pagination"]["total"], 0);

    // only the broken rule
    for (path, rule) in [
        ("products/99999999999999999999", "is too large"),
        ("products/-99999999999999999999", "must be at least 1"),
        ("products/0", "must be at least 1"),
        ("products/1.5", "must be a whole number"),
        ("products?page=-1", "must be at least 1"),
        ("products?per_page=101", "must be at most 100"),
        ("products?per_page=99999999999999999999", "is too large"),
        ("products?category_id=0", "must be at least 1"),
        ("products?ids=1,99999999999999999999", "must be ids separated by commas, such as 1,2,3: one is too large"),
    ] {
        assert_eq!(shop.get(&format!("/api/{path}")).await.json()["errors"][0]["detail"], rule, "{path}");
    }
    assert_eq!(shop.get("/api/products?ids=").await.expect(200)["products"], json!([]), "no ids are not all of them");

    // bodies
    let deep = "[".repeat(100_000);
    for body in [
        &b""[..],
        b"{",
        b"nope",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{\"name\":\"\xff\"}",
        b"{\"name\":\"x\"}",
        b"{\"name\":null,\"price\":1}",
        b"{\"name\":\"x\",\"price\":\"1\"}",
        b"{\"name\":\"x\",\"price\":-1}",
        b"{\"name\":\"x\",\"price\":1e400}",
        b"{\"name\":\"x\",\"price\":1,\"stock_quantity\":-1}",
        b"{\"name\":\"x\",\"price\":1,\"stock_quantity\":1.5}",
        b"{\"name\":\"x\",\"price\":1,\"stock_quantity\":18446744073709551616}",
        b"{\"name\":\"x\",\"price\":1,\"id\":7}",
        b"{\"name\":\"x\",\"name\":\"y\",\"price\":1}",
        b"{\"name\":\"a\\u0000b\",\"price\":1}",
        deep.as_bytes(),
    ] {
        let answer = raw(&admin, "POST", "/api/products", body).await;
        assert_eq!(answer.problem(400), "invalid_argument", "{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        assert!(answer.text.len() < 2_000 && !answer.text.contains("line 1"), "{}", answer.text);
    }
    let far = raw(&admin, "POST", "/api/products", b"{\"name\":\"x\",\"price\":1e400}").await;
    assert_eq!((field(&far).as_str(), &far.json()["errors"][0]["detail"]), ("/price", &json!("is out of range")));
    assert_eq!(raw(&admin, "POST", "/api/products", b"{\"price\":1}").await.json()["error"], "Missing required field: name");
    let form = shop.request("POST", "/api/products").bearer_auth(&admin.token).header("content-type", "text/plain").body("{}");
    assert_eq!(shop.send(form).await.problem(415), "unsupported_media_type");
    // a DELETE with a JSON content type and no body is allowed
    let gone = shop.request("DELETE", "/api/cart/items/1").bearer_auth(&me.token).header("content-type", "application/json");
    assert_eq!(shop.send(gone).await.problem(404), "cart.not_in_cart");
    for quantity in ["-1", "0", "1e9", "1.5", "\"1\"", "9223372036854775808", "null", "true"] {
        let body = format!("{{\"product_id\":{lamp},\"quantity\":{quantity}}}");
        let answer = raw(&me, "POST", "/api/cart/items", body.as_bytes()).await;
        assert_eq!((answer.problem(400), field(&answer)), ("invalid_argument".into(), "/quantity".into()), "{quantity}");
    }
    for email in ["", "x", "a@b@c", "@example.com"] {
        let body = json!({"email": email, "password": "Saffron-7-Road", "first_name": "A", "last_name": "B"});
        assert_eq!(field(&shop.post("/api/auth/register", body).await), "/email", "{email:?}");
    }
    for password in ["short1A", "alllower1", "ALLUPPER1", "NoDigitsHere"] {
        let body = json!({"email": "a@example.com", "password": password, "first_name": "A", "last_name": "B"});
        let answer = shop.post("/api/auth/register", body).await;
        assert_eq!(field(&answer), "/password");
        assert!(answer.json()["error"].as_str().unwrap().starts_with("Password must"), "{}", answer.text);
    }
    let admin_field =
        json!({"email": "a@example.com", "password": "Saffron-7-Road", "first_name": "A", "last_name": "B", "is_admin": true});
    assert_eq!(field(&shop.post("/api/auth/register", admin_field).await), "/is_admin");
    let taken = json!({"email": "ME@Example.COM", "password": "Saffron-7-Road", "first_name": "A", "last_name": "B"});
    let taken = shop.post("/api/auth/register", taken).await;
    assert_eq!(
        (taken.problem(409), taken.json()["error"].clone()),
        ("user.email_taken".into(), json!("Email already registered"))
    );

    // tokens
    for token in ["", "x", "a.b.c", &"x".repeat(5_000), "eyJhbGciOiJub25lIn0.e30."] {
        let answer = shop.send(shop.request("GET", "/api/cart").bearer_auth(token)).await;
        assert_eq!(answer.problem(401), "unauthenticated", "{token:.10}");
    }
    let basic = shop.request("GET", "/api/cart").header("authorization", "Basic eDp5");
    assert_eq!(shop.send(basic).await.problem(401), "unauthenticated");

    // no request had an effect
    assert_eq!(shop.get("/api/products").await.expect(200)["pagination"]["total"], 65);
    assert_eq!(shop.call(&me, "GET", "/api/cart", None).await.expect(200)["items"], json!([]));
    shop.get("/livez").await.expect(200);
}

async fn absent_null_and_empty_members_are_the_same(shop: Shop) {
    let admin = shop.admin().await;
    for (i, phone) in [json!({}), json!({"phone": null}), json!({"phone": " "})].into_iter().enumerate() {
        let mut body =
            json!({"email": format!("absent{i}@example.com"), "password": "Saffron-7-Road", "first_name": "A", "last_name": "B"});
        body.as_object_mut().unwrap().extend(phone.as_object().unwrap().clone());
        assert_eq!(shop.post("/api/auth/register", body).await.expect(201)["user"]["phone"], json!(null));
    }
    // the profile changes only sent members; null and an empty text remove
    let me = shop.customer_with_phone("me", "+96170123456").await;
    let profile = async |body| shop.call(&me, "PUT", "/api/users/profile", Some(body)).await;
    assert_eq!(profile(json!({"last_name": "New"})).await.expect(200)["phone"], "+96170123456");
    for nothing in [json!(null), json!(""), json!("  ")] {
        assert_eq!(profile(json!({"phone": "+96170123456"})).await.expect(200)["phone"], "+96170123456");
        assert_eq!(profile(json!({"phone": nothing})).await.expect(200)["phone"], json!(null));
    }
    for nothing in [json!(null), json!(""), json!("  ")] {
        assert_eq!(profile(json!({"first_name": nothing})).await.problem(400), "invalid_argument");
    }
    // other PUTs replace
    let category = json!({"name": "Lamps", "parent_id": 1});
    let id = shop.call(&admin, "POST", "/api/categories", Some(category)).await.expect(201)["id"].clone();
    let product = json!({"name": "Lamp", "price": 1, "description": "Bright", "category_id": id, "stock_quantity": null});
    let product = shop.call(&admin, "POST", "/api/products", Some(product)).await.expect(201)["id"].clone();
    for absent in [json!({}), json!({"description": null, "category_id": null}), json!({"description": ""})] {
        let path = format!("/api/products/{product}");
        let whole = json!({"name": "Lamp", "price": 1, "description": "Bright", "category_id": id});
        assert_eq!(shop.call(&admin, "PUT", &path, Some(whole)).await.expect(200)["category_id"], id);
        let mut body = json!({"name": "Lamp", "price": 2});
        body.as_object_mut().unwrap().extend(absent.as_object().unwrap().clone());
        let changed = shop.call(&admin, "PUT", &path, Some(body)).await.expect(200);
        assert_eq!((&changed["description"], &changed["category_id"]), (&json!(""), &json!(null)));
    }
    let top = shop.call(&admin, "PUT", &format!("/api/categories/{id}"), Some(json!({"name": "Lamps"}))).await;
    assert_eq!(top.expect(200)["parent_id"], json!(null));
    // and require a body
    for path in ["/api/notifications/preferences", "/api/users/profile", "/api/users/addresses/1", "/api/users/password"] {
        assert_eq!(shop.call(&me, "PUT", path, None).await.problem(400), "invalid_argument", "{path}");
    }
    let off = json!({"locale": "de", "kinds": {"order.placed": {"email": false, "sms": false}}});
    let preferences = async |body| shop.call(&me, "PUT", "/api/notifications/preferences", Some(body)).await.expect(200);
    assert_eq!(preferences(off).await["kinds"]["order.placed"]["email"], false);
    for usual in [json!({}), json!({"locale": null, "kinds": null}), json!({"locale": ""})] {
        let kept = preferences(usual).await;
        assert_eq!((&kept["locale"], &kept["kinds"]["order.placed"]["email"]), (&json!(null), &json!(true)));
    }
}

async fn size_limits_hold(shop: Shop) {
    let admin = shop.admin().await;
    let huge = json!({"name": "x".repeat(10 << 20), "price": 1});
    let request = shop.request("POST", "/api/products").bearer_auth(&admin.token).json(&huge);
    // the answer comes before the whole body is sent, so sending may fail
    if let Ok(response) = request.send().await {
        assert_eq!(response.status(), 413);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    let long = json!({"name": "x".repeat(256), "price": 1});
    let answer = shop.call(&admin, "POST", "/api/products", Some(long)).await;
    assert_eq!((answer.problem(400), answer.json()["errors"][0]["pointer"].clone()), ("invalid_argument".into(), json!("/name")));
    let key = shop.request("POST", "/api/products").bearer_auth(&admin.token).header("idempotency-key", "k".repeat(256));
    assert_eq!(shop.send(key.json(&json!({"name": "x", "price": 1}))).await.problem(400), "invalid_argument");
}

async fn no_operation_accepts_unknown_members(shop: Shop) {
    let admin = shop.admin().await;
    let document = shop.get("/openapi.json").await.expect(200);
    let mut asked = 0;
    for (method, path, operation) in operations(&document) {
        let value = |parameter: &Value| match parameter["schema"]["type"].as_str() {
            Some("integer") => "1",
            _ if parameter["name"] == "language" => "de",
            _ => "01890000-0000-7000-8000-000000000000",
        };
        let path = operation["parameters"].as_array().into_iter().flatten().fold(path.to_owned(), |path, parameter| {
            path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), value(parameter))
        });
        let method = method.to_uppercase();
        // a body that is a file has no members
        let takes_body = operation["requestBody"]["content"]["application/json"].is_object();
        let file = operation["requestBody"]["content"].as_object().and_then(|kinds| kinds.keys().find(|_| !takes_body));
        let request = |query: &str, body: Value| {
            let request = shop.request(&method, &format!("{path}{query}")).bearer_auth(&admin.token);
            match file {
                Some(kind) => request.header("content-type", kind).body("?"),
                None if takes_body => request.json(&body),
                None => request,
            }
        };
        let mut answers = vec![shop.send(request("?surprise=1", json!({}))).await];
        if takes_body {
            answers.push(shop.send(request("", json!({"surprise": 1}))).await);
        }
        for answer in answers {
            assert_eq!(answer.problem(400), "invalid_argument", "{method} {path}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/surprise", "{method} {path}: {}", answer.text);
        }
        asked += 1;
    }
    assert_eq!(asked, harness::operations().iter().filter(|op| op.public.is_some()).count());
}
