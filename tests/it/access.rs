//! Who may do what: every operation of every module, taken from the modules' own tables.

use crate::harness::{Account, Answer, Shop, both_deployments, until};
use kernel::{Access, Op};
use serde_json::{Value, json};

both_deployments![
    every_operation_asks_who_calls,
    nobody_touches_what_is_anothers,
    internal_operations_are_not_at_the_gateway,
    headers_of_clients_change_nothing,
    a_service_alone_wants_a_token_of_ours,
];

fn operations() -> impl Iterator<Item = &'static Op> {
    [product::OPS, user::OPS, cart::OPS, order::OPS, payment::OPS, notification::OPS].into_iter().flatten()
}

/// The path with every parameter filled.
fn filled(path: &str, id: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
}

async fn ask(shop: &Shop, account: Option<&Account>, op: &Op, path: &str) -> Answer {
    let mut request = shop.request(op.method.as_str(), path);
    if let Some(account) = account {
        request = request.bearer_auth(&account.token);
    }
    // what is asked is wrong: only who asks is looked at before that
    shop.send(if op.is_read() { request } else { request.json(&json!({"nonsense": true})) }).await
}

async fn every_operation_asks_who_calls(shop: Shop) {
    let me = shop.customer("me").await;
    for op in operations() {
        let Some(public) = op.public else { continue };
        let path = filled(public, "1");
        let (stranger, customer) = (ask(&shop, None, op, &path).await, ask(&shop, Some(&me), op, &path).await);
        match op.access {
            Access::Anyone => assert!(![401, 403].contains(&stranger.status) || op.module == "user", "{}: {stranger:?}", op.id),
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

/// Things of one user, with ids that another one tries.
struct Things {
    address: Value,
    order: Value,
    payment: Value,
    notification: Value,
}

async fn things(shop: &Shop, me: &Account, product: i64) -> Things {
    let address = json!({
        "street_address": "12 Spice Lane", "city": "Tripoli", "state": "North", "postal_code": "1300", "country": "Lebanon"
    });
    let added = shop.call(me, "POST", "/api/users/addresses", Some(address.clone())).await.expect(201);
    let add =
        async || shop.call(me, "POST", "/api/cart/items", Some(json!({"product_id": product, "quantity": 1}))).await.expect(201);
    add().await;
    let order = shop.call(me, "POST", "/api/orders", Some(json!({"shipping_address": address}))).await.expect(201);
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

async fn nobody_touches_what_is_anothers(shop: Shop) {
    let (admin, me, stranger) = (shop.admin().await, shop.customer("me").await, shop.customer("stranger").await);
    let lamp = shop.product(&admin, "Lamp", 10.0, 10).await;
    let mine = things(&shop, &me, lamp).await;
    let all = async || {
        let mut state = Vec::new();
        for path in ["/api/users/profile", "/api/cart", "/api/orders"] {
            let mut body = shop.call(&me, "GET", path, None).await.expect(200);
            // reading a cart renews its life
            body.as_object_mut().unwrap().remove("expires_at");
            state.push(body);
        }
        state.push(shop.call(&me, "GET", &format!("/api/payments/{}", mine.payment.as_str().unwrap()), None).await.expect(200));
        state
    };
    let before = all().await;

    let mut tried = 0;
    for op in operations().filter(|op| op.access == Access::User) {
        let Some(public) = op.public else { continue };
        let id = match public {
            path if path.contains("{address}") => mine.address.to_string(),
            path if path.contains("/payments/{") => mine.payment.as_str().unwrap().to_owned(),
            path if path.contains("/notifications/{") => mine.notification.as_str().unwrap().to_owned(),
            path if path.contains("/orders/{") => mine.order.to_string(),
            path if path.contains("{product_id}") => lamp.to_string(),
            // names no thing: it is about the caller
            _ => continue,
        };
        let body = match op.id {
            "cart.change" => json!({"quantity": 1}),
            "user.change_address" => {
                json!({"street_address": "x", "city": "x", "state": "x", "postal_code": "x", "country": "x"})
            }
            _ => json!({}),
        };
        let body = (!op.is_read()).then_some(body);
        let answer = shop.call(&stranger, op.method.as_str(), &filled(public, &id), body.clone()).await;
        let missing = if id.contains('-') { "0197d7a4-0000-7000-8000-000000000000" } else { "987654" };
        let nothing = shop.call(&stranger, op.method.as_str(), &filled(public, missing), body).await;
        assert_eq!(answer.status, 404, "{}: {answer:?}", op.id);
        assert_eq!(answer.problem(404), nothing.problem(404), "{}: the same answer as for what does not exist", op.id);
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
    let public: Vec<String> = operations().filter_map(|op| op.public).map(|path| filled(path, "1")).collect();
    for op in operations() {
        for path in [filled(op.path, "1"), format!("/api{}", filled(op.path, "1"))] {
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

async fn a_service_alone_wants_a_token_of_ours(shop: Shop) {
    let (me, admin) = (shop.customer("me").await, shop.admin().await);
    // one process has no other doors
    for op in operations() {
        let Some(address) = shop.address_of(op.module) else { continue };
        let url = format!("{address}{}", filled(op.path, "1"));
        for token in [None, Some(me.token.as_str()), Some(admin.token.as_str()), Some("x")] {
            let mut request = shop.client.request(op.method.as_str().parse().unwrap(), &url);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = shop.send(request.header("X-User-ID", "1").json(&json!({}))).await;
            assert_eq!(answer.problem(401), "token_refused", "{}", op.id);
        }
    }
}
