//! Access: every operation of every module, as the shop itself lists them.

use crate::harness::{Access, Account, Answer, Operation, Shop, address, both_deployments, operations, to_address, until};
use serde_json::{Value, json};

both_deployments![
    every_operation_checks_its_caller,
    users_cannot_touch_things_of_others,
    internal_operations_are_not_at_the_gateway,
    headers_of_clients_change_nothing,
    a_module_alone_requires_an_internal_token,
    a_removed_admin_can_change_nothing,
    two_admins_cannot_remove_each_other,
    addresses_are_confirmed,
];

/// The path with every parameter filled.
fn filled(path: &str, id: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
}

async fn ask(shop: &Shop, account: Option<&Account>, op: &Operation, path: &str) -> Answer {
    let mut request = shop.request(&op.method, path);
    if let Some(account) = account {
        request = request.bearer_auth(&account.token);
    }
    // an empty body is wrong for most operations, but access is checked first
    shop.send(if op.is_read() { request } else { request.json(&json!({"nonsense": true})) }).await
}

async fn every_operation_checks_its_caller(shop: Shop) {
    let me = shop.customer("me").await;
    for op in operations() {
        let Some(public) = &op.public else { continue };
        let path = filled(public, "1");
        let (stranger, customer) = (ask(&shop, None, op, &path).await, ask(&shop, Some(&me), op, &path).await);
        match &op.access {
            Access::Anyone => assert!(![401, 403].contains(&stranger.status), "{}: {stranger:?}", op.id),
            Access::User => {
                assert_eq!(stranger.problem(401), "unauthenticated", "{}", op.id);
                assert_eq!(stranger.headers["www-authenticate"], "Bearer");
                assert!(![401, 403].contains(&customer.status), "{}: {customer:?}", op.id);
            }
            Access::Role(_) => {
                assert_eq!(stranger.problem(401), "unauthenticated", "{}", op.id);
                assert_eq!(customer.problem(403), "permission_denied", "{}", op.id);
            }
            Access::Modules(_) => panic!("{} is not for the gateway", op.id),
        }
    }
}

/// Ids of one user's things, which another user tries.
struct Things {
    address: Value,
    order: Value,
    payment: Value,
    notification: Value,
}

async fn things(shop: &Shop, me: &Account, product: i64) -> Things {
    let added = shop.call(me, "POST", "/api/users/addresses", Some(address())).await.expect(201);
    let add =
        async || shop.call(me, "POST", "/api/cart/items", Some(json!({"product_id": product, "quantity": 1}))).await.expect(201);
    add().await;
    let order = shop.call(me, "POST", "/api/orders", Some(to_address())).await.expect(201);
    add().await;
    let pay = json!({"order_id": order["order"]["id"], "payment_method": "sandbox_needs_action"});
    let payment = shop.call(me, "POST", "/api/payments/process", Some(pay)).await.expect(200);
    let notifications = async || shop.call(me, "GET", "/api/notifications", None).await.expect(200)["notifications"].clone();
    until(async || notifications().await[0].is_object()).await;
    Things {
        address: added["id"].clone(),
        order: order["order"]["id"].clone(),
        payment: payment["payment"]["id"].clone(),
        notification: notifications().await[0]["id"].clone(),
    }
}

async fn users_cannot_touch_things_of_others(shop: Shop) {
    let (admin, me, stranger) = (shop.admin().await, shop.customer("me").await, shop.customer("stranger").await);
    let lamp = shop.product(&admin, "Lamp", 10.0, 10).await;
    let mine = things(&shop, &me, lamp).await;
    let all = async || {
        let mut state = Vec::new();
        for path in ["/api/users/profile", "/api/cart", "/api/orders"] {
            let mut body = shop.call(&me, "GET", path, None).await.expect(200);
            // reading a cart renews its expiry
            body.as_object_mut().unwrap().remove("expires_at");
            state.push(body);
        }
        state.push(shop.call(&me, "GET", &format!("/api/payments/{}", mine.payment.as_str().unwrap()), None).await.expect(200));
        state
    };
    let before = all().await;

    let mut tried = 0;
    for op in operations().iter().filter(|op| op.access == Access::User) {
        let Some(public) = &op.public else { continue };
        let id = match public.as_str() {
            path if path.contains("{address}") => mine.address.to_string(),
            path if path.contains("/payments/{") => mine.payment.as_str().unwrap().to_owned(),
            path if path.contains("/notifications/{") => mine.notification.as_str().unwrap().to_owned(),
            path if path.contains("/orders/{") => mine.order.to_string(),
            path if path.contains("/cart/items/{") => lamp.to_string(),
            // a product is nobody's
            path if path.contains("{product_id}") && path.matches('{').count() == 1 => continue,
            // without an id, the operation is about the caller
            path if !path.contains('{') => continue,
            path => panic!(
                "{}: {path} has an id that this test does not know: add one of another user to `Things`, or skip the path if the thing is nobody's",
                op.id
            ),
        };
        let body = match op.id.as_str() {
            "cart.change" => json!({"quantity": 1}),
            "user.change_address" => {
                json!({"street_address": "x", "city": "x", "state": "x", "postal_code": "x", "country": "x"})
            }
            _ => json!({}),
        };
        let body = (!op.is_read()).then_some(body);
        let answer = shop.call(&stranger, &op.method, &filled(public, &id), body.clone()).await;
        let missing = if id.contains('-') { "0197d7a4-0000-7000-8000-000000000000" } else { "987654" };
        let nothing = shop.call(&stranger, &op.method, &filled(public, missing), body).await;
        assert_eq!(answer.status, 404, "{}: {answer:?}", op.id);
        assert_eq!(answer.problem(404), nothing.problem(404), "{}: the same answer as for a missing thing", op.id);
        tried += 1;
    }
    assert!(tried >= 8, "only {tried} operations name a thing of a user");
    // ids in bodies
    let pay = json!({"order_id": mine.order, "payment_method": "sandbox_success"});
    assert_eq!(shop.call(&stranger, "POST", "/api/payments/process", Some(pay)).await.problem(404), "order.not_found");
    assert_eq!(all().await, before);
}

async fn internal_operations_are_not_at_the_gateway(shop: Shop) {
    let admin = shop.admin().await;
    let public: Vec<String> = operations().iter().filter_map(|op| op.public.as_deref()).map(|path| filled(path, "1")).collect();
    for op in operations() {
        for path in [filled(&op.path, "1"), format!("/api{}", filled(&op.path, "1"))] {
            if !public.contains(&path) {
                assert_eq!(ask(&shop, Some(&admin), op, &path).await.problem(404), "not_found", "{}", op.id);
            }
        }
    }
    for path in
        ["/api/products/1/", "/API/products/1", "/api//products/1", "/api/%2e%2e/holds/1", "/holds/1;x", "/internal/holds"]
    {
        assert_eq!(shop.get(path).await.problem(404), "not_found", "{path}");
    }
}

async fn headers_of_clients_change_nothing(shop: Shop) {
    let (me, stranger) = (shop.customer("me").await, shop.customer("stranger").await);
    let headers = [
        ("X-User-ID", me.id.to_string()),
        ("x_user_id", me.id.to_string()),
        ("X-User-Role", "admin".into()),
        ("X-Internal-Token", "x".into()),
        ("Souk-Deadline-Ms", "1".into()),
        ("X-HTTP-Method-Override", "DELETE".into()),
        ("Connection", "X-User-ID".into()),
    ];
    let with = |mut request: reqwest::RequestBuilder| {
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        request
    };
    let profile = shop.send(with(shop.request("GET", "/api/users/profile").bearer_auth(&stranger.token))).await;
    assert_eq!(profile.expect(200)["user"]["id"], stranger.id);
    assert_eq!(shop.send(with(shop.request("GET", "/api/users/profile"))).await.problem(401), "unauthenticated");
    assert_eq!(shop.send(with(shop.request("GET", "/api/admin/orders").bearer_auth(&me.token))).await.status, 403);
}

async fn a_module_alone_requires_an_internal_token(shop: Shop) {
    let (me, admin) = (shop.customer("me").await, shop.admin().await);
    // one process has no ports of modules
    for op in operations() {
        let Some(address) = shop.address_of(&op.module) else { continue };
        let url = format!("{address}{}", filled(&op.path, "1"));
        for token in [None, Some(me.token.as_str()), Some(admin.token.as_str()), Some("x")] {
            let mut request = shop.client.request(op.method.parse().unwrap(), &url);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = shop.send(request.header("X-User-ID", "1").json(&json!({}))).await;
            assert_eq!(answer.problem(401), "token_refused", "{}", op.id);
        }
    }
}

/// A new admin, made by another one.
async fn new_admin(shop: &Shop, by: &Account, name: &str) -> Account {
    let account = shop.customer(name).await;
    let access = json!({"is_active": true, "role": "admin"});
    shop.call(by, "PUT", &format!("/api/users/{}/access", account.id), Some(access)).await.expect(200);
    // the role is in the token
    let login = json!({"email": format!("{name}@example.com"), "password": "Saffron-7-Road"});
    let reply = shop.post("/api/auth/login", login).await.expect(200);
    Account { id: account.id, token: reply["access_token"].as_str().unwrap().into(), refresh: account.refresh }
}

async fn a_removed_admin_can_change_nothing(shop: Shop) {
    let boss = shop.admin().await;
    let accomplice = shop.customer("accomplice").await;
    let lamp = shop.product(&boss, "Lamp", 10.0, 10).await;
    let access = |is_active: bool, role: &str| Some(json!({"is_active": is_active, "role": role}));
    let of = |account: &Account| format!("/api/users/{}/access", account.id);

    for (number, (is_active, role)) in [(true, "customer"), (false, "admin"), (false, "customer")].into_iter().enumerate() {
        let mallory = new_admin(&shop, &boss, &format!("mallory-{number}")).await;
        for own in [access(true, "admin"), access(true, "customer"), access(false, "admin")] {
            assert_eq!(shop.call(&mallory, "PUT", &of(&mallory), own).await.problem(409), "user.own_access");
        }
        shop.call(&boss, "PUT", &of(&mallory), access(is_active, role)).await.expect(200);
        // the token is still valid: gateways learn of the end of its session only within two seconds
        let tries = [
            ("PUT", of(&mallory), access(true, "admin")),
            ("PUT", of(&accomplice), access(true, "admin")),
            ("PUT", of(&boss), access(false, "customer")),
            ("PUT", format!("/api/products/{lamp}/stock"), Some(json!({"quantity": 0}))),
            ("POST", "/api/products".into(), Some(json!({"name": "Trap", "price": 1, "stock_quantity": 1}))),
            ("DELETE", format!("/api/products/{lamp}"), None),
        ];
        for (method, path, body) in tries {
            let answer = shop.call(&mallory, method, &path, body).await;
            assert!([401, 403].contains(&answer.status), "{method} {path}: {answer:?}");
        }
    }
    let users = shop.call(&boss, "GET", "/api/users?per_page=100", None).await.expect(200);
    let admins = users["users"].as_array().unwrap().iter().filter(|user| user["is_admin"] == true && user["is_active"] == true);
    assert_eq!(admins.map(|user| user["id"].clone()).collect::<Vec<_>>(), [json!(boss.id)]);
    assert_eq!(shop.get(&format!("/api/products/{lamp}")).await.expect(200)["stock_quantity"], 10);
}

async fn two_admins_cannot_remove_each_other(shop: Shop) {
    let boss = shop.admin().await;
    for round in 0..5 {
        let (a, b) = (new_admin(&shop, &boss, &format!("a{round}")).await, new_admin(&shop, &boss, &format!("b{round}")).await);
        let remove = async |by: &Account, other: &Account| {
            let access = Some(json!({"is_active": true, "role": "customer"}));
            shop.call(by, "PUT", &format!("/api/users/{}/access", other.id), access).await
        };
        let (one, other) = tokio::join!(remove(&a, &b), remove(&b, &a));
        let mut answers = [one.status, other.status];
        answers.sort_unstable();
        assert!(answers[0] == 200 && [401, 403].contains(&answers[1]), "{answers:?}");
    }
}

async fn addresses_are_confirmed(shop: Shop) {
    let me = shop.customer("me").await;
    let profile = async || shop.call(&me, "GET", "/api/users/profile", None).await.expect(200)["user"].clone();
    assert_eq!(profile().await["email_confirmed"], false);
    for path in ["/api/auth/confirm-email", "/api/auth/disown-email"] {
        let wrong = shop.post(path, json!({"token": "0".repeat(64)})).await;
        assert_eq!(wrong.problem(400), "user.invalid_email_token", "{path}");
        assert_eq!(wrong.headers["cache-control"], "no-store");
    }
    shop.call(&me, "POST", "/api/users/email-confirmation", None).await.expect(204);
    let demo = shop.admin().await;
    assert_eq!(shop.call(&demo, "POST", "/api/users/email-confirmation", None).await.problem(409), "user.email_confirmed");
}
