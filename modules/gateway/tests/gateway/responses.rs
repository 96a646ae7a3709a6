//! What every response has, and that every failure has one form.

use crate::harness::{Answer, Shop, Store, Users, bearer, get, post, shop, start};
use actix_web::{
    http::{ConnectionType, Method},
    test::{TestRequest, call_service, init_service},
};
use gateway::{Config, Limiting};
use kernel::server::{Serving, Timeouts, listen};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::atomic::Ordering,
    time::Duration,
};

fn config() -> Config {
    Config { limits: Limiting::Off, ..Config::default() }
}

fn assert_headers(answer: &Answer, of: &str) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{of}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{of}");
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{of}");
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{of}");
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{of}");
    assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{of}");
    assert_eq!(answer.header("server"), None, "{of}");
    if answer.status.as_u16() >= 400 {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{of}");
    }
}

#[actix_web::test]
async fn every_response_has_the_security_headers() {
    let shop = shop(&config());
    for path in [
        "/.well-known/jwks.json",
        "/api/products",
        "/api/users/profile",
        "/nowhere",
        "/health",
        "/docs",
        "/docs/",
        "/openapi.json",
    ] {
        assert_headers(&shop.get(path).await, path);
    }
    assert_headers(&shop.send(get("/api/cart").method(Method::PATCH)).await, "405");
}

#[actix_web::test]
async fn unknown_paths_are_not_found() {
    let shop = shop(&config());
    for path in [
        "/nowhere",
        "/api",
        "/api/",
        "/api/products/",
        "/API/products",
        "/api//products",
        "//api/products",
        "/api/./products",
        "/api/products;x",
        "/internal/users",
        "/users/1/verify",
        "/users/1/profile",
        "/products/1",
        "/holds/1",
        "/cart/1",
        "/login",
        "/sessions/revoked",
        "/%2e%2e/users",
        "/..%2fusers",
        "/docs/../../etc/passwd",
        "/docs/%2e%2e/Cargo.toml",
        "/docs/nothing.js",
        "/%",
        "/%ff%fe",
        "/api/products/1/reserve",
    ] {
        let answer = shop.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (404, "not_found"), "{path}");
        assert_eq!(answer.json()["error"], "Endpoint not found", "{path}");
    }
}

#[actix_web::test]
async fn wrong_methods_name_the_right_ones() {
    let shop = shop(&config());
    for (method, path, allowed) in [
        (Method::DELETE, "/api/auth/login", "POST"),
        (Method::PATCH, "/api/cart", "GET, HEAD, DELETE"),
        (Method::OPTIONS, "/api/categories/1", "GET, HEAD, PUT, PATCH, DELETE"),
        (Method::POST, "/health", "GET, HEAD"),
        (Method::PUT, "/openapi.json", "GET"),
        (Method::PUT, "/docs", "GET"),
        (Method::from_bytes(b"BREW").unwrap(), "/api/products", "GET, HEAD, POST"),
    ] {
        let answer = shop.send(get(path).method(method)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str(), answer.header("allow")),
            (405, "method_not_allowed", Some(allowed)),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn bad_bodies_are_explained() {
    let shop = shop(&Config { max_body_bytes: 1000, ..config() });
    let login = |body: &'static str| {
        get("/api/auth/login").method(Method::POST).insert_header(("content-type", "application/json")).set_payload(body)
    };
    let good = r#"{"email":"a@example.com","password":"x"}"#;
    assert_eq!(shop.send(login(good)).await.problem(), "user.wrong_credentials", "the test must know good from bad");
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\u{0}",
        r#"{"email":1,"password":"x"}"#,
        r#"{"email":"a@example.com","password":"x","is_admin":true}"#,
    ] {
        let answer = shop.send(login(body)).await;
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (400, "invalid_argument"), "{body}");
    }
    let nested: &'static str = Box::leak(format!("{}{}", "[".repeat(400), "]".repeat(400)).into_boxed_str());
    assert_eq!(shop.send(login(nested)).await.problem(), "invalid_argument");
    let latin = get("/api/auth/login").method(Method::POST).insert_header(("content-type", "application/json"));
    assert_eq!(shop.send(latin.set_payload(b"{\"email\":\"\xff\"}".as_slice())).await.problem(), "invalid_argument");
    let form = login(good).insert_header(("content-type", "application/x-www-form-urlencoded"));
    assert_eq!(shop.send(form).await.problem(), "unsupported_media_type");
    let large = post("/api/auth/login", &json!({"email": "a".repeat(1000), "password": "x"}));
    assert_eq!(shop.send(large).await.problem(), "payload_too_large");
    assert_eq!(shop.get("/api/products/abc").await.json()["errors"][0]["pointer"], "/id");
    assert_eq!(shop.get("/api/products?page=1&colour=red").await.problem(), "invalid_argument");
}

#[actix_web::test]
async fn failures_of_modules_keep_their_form_and_hide_their_reasons() {
    let shop = shop(&config());
    let away = shop.get("/api/products").await;
    assert_eq!((away.status.as_u16(), away.problem().as_str()), (503, "unavailable"));
    assert_eq!((away.json()["error"].as_str(), away.header("retry-after")), (Some("Service product not available"), Some("1")));
    assert!(!String::from_utf8_lossy(&away.body).contains("127.0.0.1"));
    let panic = shop.send(bearer(get("/api/users/addresses"), &shop.token(7))).await;
    assert_eq!((panic.status.as_u16(), panic.problem().as_str()), (500, "internal"));
    assert!(!String::from_utf8_lossy(&panic.body).contains("a bug"));
    let traced = get("/nowhere").insert_header(("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_eq!(shop.send(traced).await.json()["trace_id"], "0af7651916cd43dd8448eb211c80319c");
}

async fn preflight(shop: &Shop, origin: &str, headers: &str) -> Answer {
    let request = get("/api/cart/items").method(Method::OPTIONS).insert_header(("origin", origin));
    shop.send(
        request
            .insert_header(("access-control-request-method", "POST"))
            .insert_header(("access-control-request-headers", headers)),
    )
    .await
}

#[actix_web::test]
async fn listed_origins_may_call_and_no_others() {
    const ALLOW: &str = "access-control-allow-origin";
    let shop = shop(&Config { cors_origins: vec!["https://shop.example".into(), "http://localhost:3000".into()], ..config() });
    let from = async |origin: &str| shop.send(get("/.well-known/jwks.json").insert_header(("origin", origin))).await;

    let listed = from("https://shop.example").await;
    assert_eq!((listed.header(ALLOW), listed.header("access-control-allow-credentials")), (Some("https://shop.example"), None));
    assert!(listed.header("vary").unwrap().to_lowercase().contains("origin"));
    let exposed = listed.header("access-control-expose-headers").unwrap().to_lowercase();
    for name in ["etag", "link", "ratelimit", "ratelimit-policy", "retry-after", "location", "idempotent-replayed"] {
        assert!(exposed.split(", ").any(|exposed| exposed == name), "{name} in {exposed}");
    }
    let asked =
        preflight(&shop, "https://shop.example", "authorization,content-type,idempotency-key,if-match,if-none-match,traceparent")
            .await;
    assert_eq!(
        (asked.status.as_u16(), asked.header(ALLOW), asked.header("access-control-max-age")),
        (200, Some("https://shop.example"), Some("3600"))
    );
    assert_headers(&asked, "preflight");
    let methods = asked.header("access-control-allow-methods").unwrap();
    assert!(methods.split(", ").any(|method| method == "PATCH"), "{methods}");

    for origin in [
        "https://evil.example",
        "null",
        "https://shop.example.evil.example",
        "http://shop.example",
        "https://shop.example:444",
        "%%",
    ] {
        let answer = from(origin).await;
        assert_eq!((answer.header(ALLOW), answer.header("vary").is_some()), (None, true), "{origin}");
        let asked = preflight(&shop, origin, "authorization").await;
        assert_eq!(
            (asked.status.as_u16(), asked.problem().as_str(), asked.header(ALLOW)),
            (400, "invalid_argument", None),
            "{origin}"
        );
    }
    assert_eq!(preflight(&shop, "https://shop.example", "x-user-id").await.problem(), "invalid_argument");
    // errors can be read by pages, too
    let missing = shop.send(get("/nowhere").insert_header(("origin", "https://shop.example"))).await;
    assert_eq!((missing.status.as_u16(), missing.header(ALLOW)), (404, Some("https://shop.example")));
}

#[actix_web::test]
async fn origins_can_be_none_or_any() {
    const ALLOW: &str = "access-control-allow-origin";
    let none = shop(&config());
    let asked = |shop: Shop| async move {
        shop.send(get("/.well-known/jwks.json").insert_header(("origin", "https://shop.example"))).await
    };
    assert_eq!(preflight(&none, "https://shop.example", "authorization").await.status, 405);
    assert_eq!(asked(none).await.header(ALLOW), None);
    let any = asked(shop(&Config { cors_origins: vec!["*".into()], ..config() })).await;
    assert_eq!((any.header(ALLOW), any.header("access-control-allow-credentials")), (Some("*"), None));

    for invalid in ["shop.example", "https://shop.example/", "https://shop.example/a", "https://", "", "*.example", "null"] {
        let config = Config { cors_origins: vec![invalid.into()], ..config() };
        let refused = start(&config, &Users::default(), &Store::default(), &Default::default()).err().unwrap().to_string();
        assert!(refused.contains("gateway.cors_origins"), "{refused}");
    }
    let mixed = Config { cors_origins: vec!["*".into(), "https://shop.example".into()], ..config() };
    assert!(start(&mixed, &Users::default(), &Store::default(), &Default::default()).is_err());
}

#[actix_web::test]
async fn health_reports_every_module() {
    let well = shop(&config()).get("/health").await;
    let module = json!({"healthy_instances": 1, "total_instances": 1, "status": "healthy"});
    let services = ["user", "product", "cart", "order", "payment", "notification"].map(|name| (name.to_owned(), module.clone()));
    let services: Value = serde_json::Map::from_iter(services).into();
    assert_eq!(
        (well.status.as_u16(), well.json()),
        (200, json!({"status": "healthy", "service": "api-gateway", "services": services}))
    );

    let store = Store::default();
    store.is_broken.store(true, Ordering::Relaxed);
    let gateway = start(&config(), &Users::default(), &store, &Default::default()).unwrap();
    let ill = crate::harness::send_to(&gateway, get("/health")).await;
    assert_eq!((ill.status.as_u16(), ill.json()["status"].as_str()), (503, Some("degraded")));
    assert_eq!(ill.json()["services"]["cart"], json!({"healthy_instances": 0, "total_instances": 1, "status": "unhealthy"}));
    assert_eq!(crate::harness::send_to(&gateway, get("/livez")).await.status, 200);
    // unhealthy modules are checked again soon; a healthy report is cached
    store.is_broken.store(false, Ordering::Relaxed);
    let well_again = async {
        while crate::harness::send_to(&gateway, get("/health")).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), well_again).await.expect("it is well again");
    store.is_broken.store(true, Ordering::Relaxed);
    assert_eq!(crate::harness::send_to(&gateway, get("/health")).await.status, 200);
}

#[actix_web::test]
async fn operations_are_not_on_the_port_of_customers() {
    let shop = shop(&config());
    for path in ["/readyz", "/metrics", "/jobs", "/log"] {
        assert_eq!(shop.get(path).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn a_draining_process_closes_connections_after_answers() {
    let shop = shop(&config());
    let closes = async || {
        let worker = init_service(shop.gateway.app()).await;
        let response = call_service(&worker, get("/livez").to_request()).await;
        response.response().head().connection_type() == ConnectionType::Close
    };
    assert!(!closes().await);
    shop.stop.drain();
    assert!(closes().await);
}

/// What never reaches the app is at least refused without a word.
#[actix_web::test]
async fn bytes_that_are_not_http_are_refused() {
    let shop = shop(&config());
    let gateway = shop.gateway.clone();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = Serving { workers: Some(1), shutdown_seconds: 1, timeouts: Timeouts::default() };
    let server = listen(move || gateway.app(), listener, serving).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let raw = move |request: String| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = Vec::new();
        // a reset after the answer is as good as an end
        drop(stream.read_to_end(&mut reply));
        String::from_utf8_lossy(&reply).into_owned()
    };
    let long = "x".repeat(200_000);
    let many: String = (0..150).map(|i| format!("x-{i}: 1\r\n")).collect();
    for (request, expected) in [
        ("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), "200"),
        ("GARBAGE\r\n\r\n".to_owned(), "400"),
        ("GET /\u{7f}\u{0} HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        (format!("GET /health HTTP/1.1\r\nHost: a\r\n{many}\r\n"), "431"),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), "4"),
        (
            "POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_owned(),
            "400",
        ),
        ("POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".to_owned(), "400"),
        ("GET http://127.0.0.1/users/1/verify HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), "404"),
    ] {
        let line = request.lines().next().unwrap_or_default().chars().take(60).collect::<String>();
        let reply = actix_web::web::block(move || raw(request)).await.unwrap();
        assert!(reply.starts_with(&format!("HTTP/1.1 {expected}")), "{line}: {}", reply.chars().take(200).collect::<String>());
        assert!(!reply.to_lowercase().contains("\r\nserver:"), "{line}");
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(body.is_empty() || head.contains("json"), "{line}: {body}");
    }
    handle.stop(false).await;
}

#[actix_web::test]
async fn head_is_answered_where_get_is() {
    let shop = shop(&config());
    let head = TestRequest::default().method(Method::HEAD).uri("/.well-known/jwks.json");
    assert_eq!(shop.send(head).await.status, 200);
}

#[actix_web::test]
async fn ambiguous_requests_are_refused() {
    let shop = shop(&config());
    let good = r#"{"email":"a@example.com","password":"x"}"#;
    let login = |headers: &[(&'static str, &'static str)], body: &'static str| {
        let request = get("/api/auth/login").method(Method::POST).insert_header(("content-type", "application/json"));
        headers.iter().fold(request, |request, header| request.append_header(*header)).set_payload(body)
    };
    let typed = |kind: &'static str| login(&[], good).insert_header(("content-type", kind));
    let refused = async |request: TestRequest| {
        let answer = shop.send(request).await;
        let json = answer.json();
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{json}");
        let error = json["errors"].get(0).cloned().unwrap_or(Value::Null);
        (answer.status.as_u16(), error["pointer"].as_str().unwrap_or_default().to_owned())
    };
    for kind in
        ["application/json", "application/json; charset=UTF-8", "application/json;charset=\"utf-8\"", "application/x+json"]
    {
        assert_eq!(refused(typed(kind)).await, (401, String::new()), "{kind}");
    }
    for kind in [
        "application/json; charset=utf-16",
        "application/json;charset=iso-8859-1",
        "application/json; charset=\"utf-16\"",
        "application/vnd.x+json;charset=utf-7",
        "text/plain",
        "json",
        "application/json/x",
        "application/xjson",
        "",
    ] {
        assert_eq!(refused(typed(kind)).await, (415, "/Content-Type".into()), "{kind}");
    }
    for encoding in ["gzip", "br", "x-anything", "identity, gzip"] {
        let packed = login(&[("content-encoding", encoding)], good);
        assert_eq!(refused(packed).await, (415, "/Content-Encoding".into()), "{encoding}");
    }
    assert_eq!(refused(login(&[("content-encoding", "Identity")], good)).await.0, 401);
    for (name, pointer) in [
        ("authorization", "/Authorization"),
        ("idempotency-key", "/Idempotency-Key"),
        ("content-type", "/Content-Type"),
        ("host", "/Host"),
        ("origin", "/Origin"),
        ("range", "/Range"),
        ("user-agent", "/User-Agent"),
        ("content-length", "/Content-Length"),
    ] {
        let twice = get("/.well-known/jwks.json").append_header((name, "1")).append_header((name, "1"));
        assert_eq!(refused(twice).await, (400, pointer.into()), "{name}");
    }
    for host in ["a b", "", " ", "a:b", "a:99999", "a/b", "user@a", "a,b", "[::1", "a\"b", "<a>", "a%20b", "?"] {
        assert_eq!(refused(get("/health").insert_header(("host", host))).await, (400, "/Host".into()), "{host}");
    }
    for host in ["a", "a:80", "shop.example:", "[::1]:8000", "127.0.0.1:8000", "xn--a.example", "a_b"] {
        assert_eq!(shop.send(get("/health").insert_header(("host", host))).await.status, 200, "{host}");
    }
    for (body, pointer) in [
        (r#"{"email":"a@example.com","email":"b@example.com","password":"x"}"#, "/email"),
        (r#"{"email":"a@example.com","password":"x","password":"x"}"#, "/password"),
        (r#"{"email":"a@example.com","password":"x","x":{"y":1,"y":1}}"#, "/x/y"),
        (r#"{"email":"a\u0000@example.com","password":"x"}"#, "/email"),
    ] {
        assert_eq!(refused(login(&[], body)).await, (400, pointer.into()), "{body}");
    }
    for (target, pointer) in [
        ("/api/products?page=1&page=1", "/page"),
        ("/api/products?page=1&%70age=1", "/page"),
        ("/api/products?search=a%00b", "/search"),
        ("/api/products?search=%ff", "/search"),
        ("/api/products?a/b~c=1", "/a~1b~0c"),
        ("/api/products/%00", "/id"),
        ("/api/products/1%00", "/id"),
        ("/api/products/%ff", "/id"),
    ] {
        assert_eq!(refused(get(target)).await, (400, pointer.into()), "{target}");
    }
    let key = login(&[("idempotency-key", "")], good);
    assert_eq!(refused(key).await, (400, "/Idempotency-Key".into()));
}

#[actix_web::test]
async fn settings_give_hsts_and_the_security_contact() {
    let plain = shop(&config());
    assert_eq!(plain.get("/health").await.header("strict-transport-security"), None);
    assert_eq!(plain.get("/.well-known/security.txt").await.problem(), "not_found");

    let shop = shop(&Config { hsts_seconds: 600, security_contact: "mailto:security@shop.example".into(), ..config() });
    for path in ["/health", "/nowhere", "/docs/", "/api/users/profile", "/api/products/x?host"] {
        assert_eq!(shop.get(path).await.header("strict-transport-security"), Some("max-age=600"), "{path}");
    }
    let refused = shop.send(get("/health").insert_header(("host", "a b"))).await;
    assert_eq!(refused.header("strict-transport-security"), Some("max-age=600"));
    let file = shop.get("/.well-known/security.txt").await;
    assert_eq!((file.status.as_u16(), file.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let text = String::from_utf8(file.body).unwrap();
    let expires = text.lines().find_map(|line| line.strip_prefix("Expires: ")).unwrap();
    let days = (expires.parse::<kernel::chrono::DateTime<kernel::chrono::Utc>>().unwrap() - kernel::now()).num_days();
    assert!(text.starts_with("Contact: mailto:security@shop.example\n") && (170..365).contains(&days), "{text}");
    for invalid in ["security@shop.example", "http://shop.example", "mailto:", "mailto:a@b\nContact: mailto:c@d", "x"] {
        let config = Config { security_contact: invalid.into(), ..config() };
        let refused = start(&config, &Users::default(), &Store::default(), &Default::default()).err().unwrap().to_string();
        assert!(refused.contains("gateway.security_contact"), "{refused}");
    }
}
