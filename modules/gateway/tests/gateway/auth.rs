//! Callers and their access tokens.

use crate::harness::{SigningKey, Store, Users, bearer, but, claims, get, post, send_to, shop, start};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gateway::{Config, Limiting};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};

/// Limits are no part of these tests.
fn unlimited() -> Config {
    Config { limits: Limiting::Off, ..Config::default() }
}

#[actix_web::test]
async fn a_token_names_the_caller() {
    let shop = shop(&unlimited());
    let anonymous = shop.get("/api/users/profile").await;
    assert_eq!((anonymous.status.as_u16(), anonymous.problem().as_str()), (401, "unauthenticated"));
    assert_eq!(anonymous.header("www-authenticate"), Some("Bearer"));
    assert_eq!(anonymous.json()["error"], "Authentication required");

    let profile = shop.send(bearer(get("/api/users/profile"), &shop.token(7))).await;
    assert_eq!((profile.status.as_u16(), profile.json()["user"]["id"].as_i64()), (200, Some(7)));
    assert_eq!(profile.header("cache-control"), Some("no-store"));
    let lower_case = get("/api/users/profile").insert_header(("authorization", format!("bearer {}", shop.token(7))));
    assert_eq!(shop.send(lower_case).await.status, 200);

    let open = shop.get("/.well-known/jwks.json").await;
    assert_eq!((open.status.as_u16(), open.header("cache-control")), (200, None));
}

#[actix_web::test]
async fn roles_come_from_the_token() {
    let shop = shop(&unlimited());
    let accounts = async |role: &str| {
        let token = shop.key.sign(but(claims(7), "role", role.into()));
        shop.send(bearer(get("/api/users"), &token)).await
    };
    assert_eq!(accounts("customer").await.problem(), "permission_denied");
    assert_eq!(accounts("admin").await.status, 200);
    assert_eq!(accounts("root").await.status, 401);
}

#[actix_web::test]
async fn other_headers_change_nothing() {
    let shop = shop(&unlimited());
    for (name, value) in [
        ("x-user-id", "1"),
        ("x_user_id", "1"),
        ("x-user-role", "admin"),
        ("x-internal-token", "1"),
        ("x-http-method-override", "DELETE"),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("souk-deadline-ms", "1"),
        ("connection", "x-user-id"),
    ] {
        let anonymous = shop.send(get("/api/users/profile").insert_header((name, value))).await;
        assert_eq!(anonymous.status, 401, "{name}");
        let profile = shop.send(bearer(get("/api/users/profile").insert_header((name, value)), &shop.token(7))).await;
        assert_eq!(profile.json()["user"]["id"], 7, "{name}");
        let accounts = shop.send(bearer(get("/api/users").insert_header((name, value)), &shop.token(7))).await;
        assert_eq!(accounts.status, 403, "{name}");
    }
}

#[actix_web::test]
async fn bad_tokens_are_refused_everywhere() {
    let shop = shop(&unlimited());
    let now = get_current_timestamp();
    let good = shop.token(7);
    assert_eq!(shop.send(bearer(get("/api/users/profile"), &good)).await.status, 200, "the test must know good from bad");

    let mut bad: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, token: String| bad.push((name.to_owned(), token));

    for (name, claim, value) in [
        ("another issuer", "iss", json!("mallory")),
        ("no issuer", "iss", Value::Null),
        ("two issuers", "iss", json!(["souk", "mallory"])),
        ("another audience", "aud", json!("other-api")),
        ("no audience", "aud", Value::Null),
        ("no subject", "sub", Value::Null),
        ("a number as subject", "sub", json!(7)),
        ("a subject that is no id", "sub", json!("admin")),
        ("subject zero", "sub", json!("0")),
        ("no expiry", "exp", Value::Null),
        ("text as expiry", "exp", json!("tomorrow")),
        ("negative expiry", "exp", json!(-1)),
        ("expired", "exp", json!(now - 61)),
        ("expired beyond the leeway", "exp", json!(now - 12)),
        ("not valid yet", "nbf", json!(now + 3600)),
        ("not valid yet, beyond the leeway", "nbf", json!(now + 60)),
        ("issued in the future", "iat", json!(now + 3600)),
        ("issued in the future, beyond the leeway", "iat", json!(now + 60)),
        ("no role", "role", Value::Null),
        ("an unknown role", "role", json!("root")),
        ("a list of roles", "role", json!(["admin"])),
        ("no session", "sid", Value::Null),
    ] {
        add(name, shop.key.sign(but(claims(7), claim, value)));
    }

    let with_header = |header: Header| encode(&header, &claims(7), &shop.key.secret).unwrap();
    for typ in ["JWT", "rt+jwt", "at+jwt+x", "application/jwt", ""] {
        add(&format!("type {typ:?}"), with_header(Header { typ: Some(typ.into()), ..shop.key.header() }));
    }
    add("no type", with_header(Header { typ: None, ..shop.key.header() }));
    add("no key id", with_header(Header { kid: None, ..shop.key.header() }));
    add("a critical extension", with_header(Header { crit: Some(vec!["x".into()]), ..shop.key.header() }));
    for kid in ["../../../etc/passwd", "' OR 1=1 --", "k2", "", "/dev/null"] {
        add(&format!("key id {kid:?}"), with_header(Header { kid: Some(kid.into()), ..shop.key.header() }));
    }

    // the public key as a secret, and weak ones
    for (name, algorithm) in [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let header = Header { alg: algorithm, ..shop.key.header() };
        for secret in [shop.key.public.as_str(), "secret", "", "your-secret-key-change-in-production"] {
            add(
                &format!("{name} with {secret:?}"),
                encode(&header, &claims(7), &EncodingKey::from_secret(secret.as_bytes())).unwrap(),
            );
        }
    }
    let mallory = SigningKey::new("k1");
    add("another key under the same id", mallory.sign(claims(7)));
    let own = json!({"kty": "OKP", "crv": "Ed25519", "x": mallory.public, "kid": "k1"});
    for (name, header) in [
        ("jwk", json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1", "jwk": own})),
        ("jku", json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1", "jku": "https://mallory.example/jwks.json"})),
        ("x5u", json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1", "x5u": "https://mallory.example/cert.pem"})),
        ("x5c", json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1", "x5c": ["AAAA"]})),
    ] {
        add(name, sign_raw(&mallory, &header.to_string(), &claims(7).to_string()));
    }

    // by hand: without a signature, or with parts of a good one
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    for alg in ["none", "None", "NoNe", "NONE", "", "RS256", "ES256", "HS256", "EdDSA"] {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"k1"}}"#).as_bytes());
        add(&format!("algorithm {alg:?} without a signature"), format!("{header}.{payload}."));
    }
    let none = URL_SAFE_NO_PAD.encode(br#"{"alg":"none","typ":"at+jwt","kid":"k1"}"#);
    add("none with the signature of another token", format!("{none}.{payload}.{signature}"));
    let (header, _) = message.split_once('.').unwrap();
    let admin = URL_SAFE_NO_PAD.encode(but(claims(7), "role", "admin".into()).to_string().as_bytes());
    add("a changed payload", format!("{header}.{admin}.{signature}"));
    add("a cut signature", good[..good.len() - 2].to_owned());
    add("no signature", message.to_owned());
    add("four parts", format!("{good}.x"));
    let twice = claims(7).to_string().replacen('{', r#"{"role":"admin","#, 1);
    add("a claim twice", sign_raw(&shop.key, &header_json(), &twice));
    let two_algorithms = header_json().replacen('{', r#"{"alg":"none","#, 1);
    add("two algorithms", sign_raw(&shop.key, &two_algorithms, &claims(7).to_string()));
    add("claims that are no object", sign_raw(&shop.key, &header_json(), "[]"));

    for (name, token) in [("nothing", ""), ("spaces", "   "), ("dots", ".."), ("garbage", "a.b.c"), ("not base64", "@@.@@.@@")] {
        add(name, token.to_owned());
    }
    add("10 KB", "a".repeat(10_240));
    add("a good one with 10 KB before it", format!("{}{good}", " ".repeat(10_240)).replace(' ', "a"));

    assert!(bad.len() >= 60, "{}", bad.len());
    for (name, token) in &bad {
        for path in ["/api/users/profile", "/.well-known/jwks.json"] {
            let answer = shop.send(bearer(get(path), token)).await;
            assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (401, "unauthenticated"), "{name} at {path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{name}");
        }
    }
    for (name, value) in [("basic", "Basic YTpi".to_owned()), ("no scheme", good.clone()), ("no token", "Bearer".to_owned())] {
        let answer = shop.send(get("/api/users/profile").insert_header(("authorization", value))).await;
        // they sent no token
        assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, Some("Bearer")), "{name}");
    }
    let two = bearer(get("/api/users/profile"), &good).append_header(("authorization", format!("Bearer {}", shop.token(8))));
    assert_eq!(shop.send(two).await.status, 400, "two tokens");
    // a customer at an operation of admins
    let denied = shop.send(bearer(get("/api/users"), &good)).await;
    assert_eq!((denied.status.as_u16(), denied.header("www-authenticate")), (403, Some("Bearer error=\"insufficient_scope\"")));
    // a wrong password is independent of the old token sent along
    let login = bearer(post("/api/auth/login", &json!({"email": "a@example.com", "password": "x"})), &good);
    let login = shop.send(login).await;
    assert_eq!((login.status.as_u16(), login.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(shop.send(bearer(get("/api/users/profile"), &good)).await.status, 200, "still");
}

#[actix_web::test]
async fn clocks_may_differ_by_ten_seconds() {
    let shop = shop(&unlimited());
    let now = get_current_timestamp();
    for (claim, at) in [("exp", now - 5), ("iat", now + 9), ("nbf", now + 9)] {
        let token = shop.key.sign(but(claims(7), claim, at.into()));
        assert_eq!(shop.send(bearer(get("/api/users/profile"), &token)).await.status, 200, "{claim}");
    }
}

#[actix_web::test]
async fn tokens_of_ended_sessions_are_refused() {
    let shop = shop(&unlimited());
    let request = |user| bearer(get("/api/users/profile"), &shop.token(user));
    assert_eq!(
        (shop.send(request(7)).await.status, shop.send(request(8)).await.status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    shop.users.end("s7").await;
    assert_eq!(shop.send(request(7)).await.status, 401);
    assert_eq!(shop.send(request(8)).await.status, 200);
}

/// The time of the test is its own: an hour passes in no time, and jobs run when they are due.
#[actix_web::test]
async fn while_ended_sessions_are_unknown_no_user_is_logged_in() {
    tokio::time::pause();
    let shop = shop(&unlimited());
    let profile = async || shop.send(bearer(get("/api/users/profile"), &shop.token(7))).await;
    assert_eq!(profile().await.status, 200);
    shop.users.end("s8").await;

    shop.users.be_away(true);
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(profile().await.status, 200, "what was heard five seconds ago is good enough");
    tokio::time::sleep(std::time::Duration::from_secs(7)).await;
    let refused = profile().await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (503, "unavailable"));
    assert!(refused.header("retry-after").is_some());
    let ended = shop.send(bearer(get("/api/users/profile"), &shop.token(8))).await;
    assert_eq!(ended.status, 401, "of this one it is known");
    let open = shop.send(bearer(get("/.well-known/jwks.json"), &shop.token(7))).await;
    assert_eq!(open.status, 200, "what is open to anyone stays open");

    shop.users.be_away(false);
    shop.users.polled().await;
    assert_eq!(profile().await.status, 200);
}

#[actix_web::test]
async fn before_ended_sessions_are_known_no_user_is_logged_in() {
    tokio::time::pause();
    let users = Users::default();
    let key = SigningKey::new("k1");
    users.publish(&[&key]);
    users.be_away(true);
    let gateway = start(&unlimited(), &users, &Store::default(), &Default::default()).unwrap();
    let request = || bearer(get("/api/users/profile"), &key.sign(claims(7)));
    assert_eq!(send_to(&gateway, request()).await.status, 503);
    users.be_away(false);
    users.polled().await;
    assert_eq!(send_to(&gateway, request()).await.status, 200);
}

#[actix_web::test]
async fn a_removed_admin_changes_nothing_at_once() {
    let shop = shop(&unlimited());
    let writes = [
        ("PUT", "/api/users/9/access", json!({"is_active": true, "role": "admin"})),
        ("PUT", "/api/users/7/access", json!({"is_active": true, "role": "admin"})),
        ("POST", "/api/products", json!({"name": "Lamp", "price": 1, "stock_quantity": 1})),
        ("POST", "/api/variants/1/stock-movements", json!({"delta": 1})),
        ("DELETE", "/api/products/1", Value::Null),
        ("PUT", "/api/orders/1/status", json!({"status": "shipped"})),
        // open to every user, and an admin may do it to anyone's
        ("POST", "/api/orders/1/cancel", json!({})),
    ];
    let admin = shop.key.sign(but(claims(7), "role", "admin".into()));
    let try_all = async |expected: &[u16]| {
        for (method, path, body) in &writes {
            let request = get(path).method(method.parse().unwrap()).set_json(body);
            let answer = shop.send(bearer(request, &admin)).await;
            assert!(expected.contains(&answer.status.as_u16()), "{method} {path}: {} {}", answer.status, answer.json());
        }
    };
    // the user module knows no such user, and the others are away: all are asked
    try_all(&[404, 503]).await;
    let problem = async || shop.send(bearer(post(writes[2].1, &writes[2].2), &admin)).await.json();
    assert_eq!(problem().await["error"], "Service product not available", "it went to the module");

    shop.users.be_away(true);
    try_all(&[503]).await;
    assert_eq!(problem().await["error"], "Service user not available", "no module was called");
    shop.users.be_away(false);

    shop.users.remove(7);
    try_all(&[401]).await;
    assert_eq!(shop.send(bearer(get("/api/users"), &admin)).await.status, 200, "reads may take two seconds");
}

#[actix_web::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let shop = shop(&unlimited());
    let request = |token: &str| bearer(get("/api/users/profile"), token);
    assert_eq!(shop.send(request(&shop.token(7))).await.status, 200);
    let next = SigningKey::new("k2");
    shop.users.publish(&[&next, &shop.key]);
    assert_eq!(shop.send(request(&next.sign(claims(7)))).await.status, 200);
    assert_eq!(shop.send(request(&shop.token(7))).await.status, 200, "the old key still verifies");
    let last = SigningKey::new("k3");
    shop.users.publish(&[&last]);
    assert_eq!(shop.send(request(&last.sign(claims(7)))).await.status, 200);
    assert_eq!(shop.send(request(&shop.token(7))).await.status, 401, "the old key was dropped");
}

#[actix_web::test]
async fn without_keys_only_operations_for_anyone_work() {
    let users = Users::default();
    let gateway = start(&unlimited(), &users, &Store::default(), &Default::default()).unwrap();
    let key = SigningKey::new("k1");
    let token = key.sign(claims(7));
    let profile = send_to(&gateway, bearer(get("/api/users/profile"), &token)).await;
    assert_eq!((profile.status.as_u16(), profile.problem().as_str()), (503, "unavailable"));
    assert_eq!(profile.json()["error"], "Service user not available");
    assert!(profile.header("retry-after").is_some());
    // invalid tokens cannot be distinguished from valid ones; all are refused
    let open = send_to(&gateway, bearer(get("/api/products"), &token)).await;
    assert_eq!(open.json()["error"], "Service product not available", "it went to the module");
    assert_eq!(send_to(&gateway, get("/api/users/profile")).await.status, 401);

    users.publish(&[&key]);
    assert_eq!(send_to(&gateway, bearer(get("/api/users/profile"), &token)).await.status, 200);
}

fn header_json() -> String {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}).to_string()
}

/// A token of exactly these texts, with a valid signature.
fn sign_raw(key: &SigningKey, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.as_bytes()), URL_SAFE_NO_PAD.encode(claims.as_bytes()));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.secret, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}
