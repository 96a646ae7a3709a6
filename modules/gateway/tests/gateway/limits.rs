//! How often one caller may call.
#![cfg(feature = "actix-governor")]

use crate::harness::{Answer, Shop, Store, Users, bearer, get, post, send_to, shop, start};
use actix_web::test::TestRequest;
use gateway::{Config, Limiting};
use serde_json::json;

fn login() -> TestRequest {
    post("/api/auth/login", &json!({"email": "a@example.com", "password": "Wrong-1-password"}))
}

fn from(request: TestRequest, peer: &str) -> TestRequest {
    request.peer_addr(peer.parse().unwrap())
}

/// How many of `calls` requests are not over the limit.
async fn passed(shop: &Shop, calls: u32, request: impl Fn() -> TestRequest) -> u32 {
    let mut passed = 0;
    for _ in 0..calls {
        passed += u32::from(shop.send(request()).await.status != 429);
    }
    passed
}

fn limit(answer: &Answer) -> [Option<&str>; 4] {
    ["ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining"].map(|name| answer.header(name))
}

#[actix_web::test]
async fn calls_are_counted_and_refused() {
    let shop = shop(&Config::default());
    let first = shop.send(login()).await;
    assert_eq!(first.problem(), "user.wrong_credentials");
    let policy = Some(r#""user.login";q=10;w=60"#);
    assert_eq!(limit(&first), [policy, Some(r#""user.login";r=9;t=6"#), Some("10"), Some("9")]);
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert_eq!(passed(&shop, 9, login).await, 9);

    let over = shop.send(login()).await;
    assert_eq!((over.status.as_u16(), over.problem().as_str()), (429, "too_many_requests"));
    assert_eq!(
        (over.json()["error"].as_str(), over.json()["instance"].as_str()),
        (Some("Rate limit exceeded"), Some("/api/auth/login"))
    );
    assert_eq!(limit(&over), [policy, Some(r#""user.login";r=0;t=60"#), Some("10"), Some("0")]);
    let wait: u64 = over.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=6).contains(&wait), "{wait}");
    // another operation, another caller
    assert_eq!(shop.get("/.well-known/jwks.json").await.status, 200);
    assert_eq!(passed(&shop, 1, || from(login(), "203.0.113.2:1")).await, 1);
}

#[actix_web::test]
async fn a_logged_in_user_is_one_caller_at_any_address() {
    let shop = shop(&Config::default());
    let profile = |user, peer: &str| from(bearer(get("/api/users/profile"), &shop.token(user)), peer);
    assert_eq!(passed(&shop, 15, || profile(7, "203.0.113.1:1")).await, 15);
    assert_eq!(passed(&shop, 20, || profile(7, "203.0.113.2:1")).await, 15);
    assert_eq!(passed(&shop, 31, || profile(8, "203.0.113.1:1")).await, 30, "a colleague in the same office");
}

#[actix_web::test]
async fn an_account_gets_no_quota_of_its_own_for_logins() {
    let shop = shop(&Config::default());
    assert_eq!(passed(&shop, 10, login).await, 10);
    for user in 1..=3 {
        assert_eq!(passed(&shop, 5, || bearer(login(), &shop.token(user))).await, 0);
    }
}

#[actix_web::test]
async fn anonymous_callers_and_invalid_tokens_are_limited_before_they_are_refused() {
    let shop = shop(&Config::default());
    for _ in 0..30 {
        assert_eq!(shop.get("/api/users/profile").await.status, 401);
    }
    assert_eq!(shop.get("/api/users/profile").await.problem(), "too_many_requests");
    let guess = || from(bearer(get("/api/users/profile"), "a.b.c"), "203.0.113.3:1");
    for _ in 0..30 {
        assert_eq!(shop.send(guess()).await.status, 401);
    }
    assert_eq!(shop.send(guess()).await.problem(), "too_many_requests");
}

#[actix_web::test]
async fn addresses_cannot_be_forged() {
    let shop = shop(&Config::default());
    let mut n = 0;
    let mut spoofed = 0;
    for _ in 0..200 {
        n += 1;
        let address = format!("198.51.100.{n}");
        let request = ["x-forwarded-for", "true-client-ip", "x-real-ip"]
            .iter()
            .fold(login(), |r, name| r.insert_header((*name, address.as_str())));
        let request = request.insert_header(("forwarded", format!("for={address}")));
        spoofed += u32::from(shop.send(request).await.status != 429);
    }
    assert_eq!(spoofed, 10);

    let mut walked = 0;
    for host in 1..=50 {
        let walk = from(login(), &format!("[2001:db8:1:2::{host:x}]:4711"));
        walked += u32::from(shop.send(walk).await.status != 429);
    }
    assert_eq!(walked, 10, "a /64 is one client");
    assert_eq!(passed(&shop, 1, || from(login(), "[2001:db8:1:3::1]:4711")).await, 1);
}

#[actix_web::test]
async fn clients_behind_a_trusted_proxy_are_distinguished() {
    let config = Config { trusted_proxies: vec!["203.0.113.0/24".parse().unwrap()], ..Config::default() };
    let shop = shop(&config);
    let behind = |client: &str| login().insert_header(("x-forwarded-for", format!("192.0.2.77, {client}")));
    assert_eq!(passed(&shop, 12, || behind("198.51.100.1")).await, 10);
    assert_eq!(passed(&shop, 12, || behind("198.51.100.2")).await, 10, "whatever the client itself wrote there");
}

#[actix_web::test]
async fn workers_count_together() {
    // each request of these tests has a worker of its own
    let shop = shop(&Config::default());
    assert_eq!(passed(&shop, 12, login).await, 10);
    assert_eq!(send_to(&shop.gateway.clone(), login()).await.status, 429);
}

#[actix_web::test]
async fn health_probes_and_documents_are_exempt() {
    let shop = shop(&Config::default());
    for path in ["/health", "/livez", "/openapi.json", "/docs/", "/nowhere"] {
        let mut last = None;
        for _ in 0..60 {
            let answer = shop.get(path).await;
            assert_ne!(answer.status, 429, "{path}");
            last = Some(answer);
        }
        assert_eq!(limit(&last.unwrap()), [None; 4], "{path}");
    }
}

#[actix_web::test]
async fn limits_can_be_set() {
    let rates = |id: &str, rate: &str| [(id.to_owned(), rate.to_owned())].into();
    let off = shop(&Config { limits: Limiting::Off, ..Config::default() });
    assert_eq!(passed(&off, 30, login).await, 30);
    assert_eq!(limit(&off.send(login()).await), [None; 4]);
    let doubled = shop(&Config { limits: Limiting::Factor(2.0), ..Config::default() });
    assert_eq!(passed(&doubled, 30, login).await, 20);
    let changed = shop(&Config { rates: rates("user.login", "3/hour"), ..Config::default() });
    assert_eq!(passed(&changed, 30, login).await, 3);
    assert_eq!(changed.send(login()).await.header("ratelimit-policy"), Some(r#""user.login";q=3;w=3600"#));
    let both = shop(&Config { limits: Limiting::Factor(2.0), rates: rates("user.login", "3/min"), ..Config::default() });
    assert_eq!(passed(&both, 30, login).await, 6);

    for (id, rate) in [("user.logon", "3/min"), ("user.verify", "3/min"), ("user.login", "3/week")] {
        let config = Config { rates: rates(id, rate), ..Config::default() };
        let refused = start(&config, &Users::default(), &Store::default(), &Default::default()).err().unwrap().to_string();
        assert!(refused.contains("gateway.rates") && refused.contains(id), "{refused}");
    }
}
