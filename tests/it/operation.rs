//! Operation: limits, probes, metrics, documents, logs, and a clean stop.

use crate::harness::{Process, Shop, both_deployments, operations, souk, until};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

both_deployments![
    probes_metrics_and_documents,
    every_process_stops_on_sigterm,
    a_request_under_way_at_sigterm_is_answered_in_full
];

async fn probes_metrics_and_documents(shop: Shop) {
    assert_eq!(shop.get("/livez").await.expect(200)["status"], "alive");
    shop.get("/api/products").await.expect(200);
    let gateway = shop.processes.last().unwrap();
    let metrics = shop.ops(gateway, "/metrics").await;
    assert!(metrics.text.contains("souk_call_seconds_bucket{op=\"product.list\",caller=\"gateway\""), "{}", metrics.text);
    assert!(metrics.text.contains("souk_http_responses_total{status=\"200\"}"));
    for process in &shop.processes {
        assert_eq!(shop.ops(process, "/livez").await.expect(200)["status"], "alive");
        assert_eq!(shop.ops(process, "/readyz").await.expect(200)["status"], "ready");
        let jobs = shop.ops(process, "/jobs").await.expect(200);
        assert!(jobs.as_array().unwrap().iter().all(|job| job["is_stalled"] == false), "{jobs}");
        // none of this is on the port for customers and other modules
        for path in ["/readyz", "/metrics", "/jobs", "/log"] {
            let hidden = shop.send(shop.client.get(format!("{}{path}", process.address))).await;
            assert_eq!(hidden.status, 404, "{} {path}", process.name);
        }
    }
    let document = shop.get("/openapi.json").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    for op in operations() {
        let Some(path) = &op.public else { continue };
        let described = &document["paths"][path][op.method.to_lowercase()];
        assert!(described["summary"].is_string(), "{} is not described", op.id);
    }
    let page = shop.get("/docs/").await;
    assert!(page.status == 200 && page.text.contains("swagger-ui"), "{}", page.text);
}

async fn every_process_stops_on_sigterm(mut shop: Shop) {
    for process in shop.processes.iter_mut().rev() {
        terminate(process);
        assert!(process.child.wait().unwrap().success(), "{}", process.name);
    }
}

fn terminate(process: &Process) {
    let kill = Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}

async fn a_request_under_way_at_sigterm_is_answered_in_full(mut shop: Shop) {
    let address = shop.base.trim_start_matches("http://").to_owned();
    let body = json!({"email": "admin@souk.test", "password": "Admin-Souk-1"}).to_string();
    let head = format!(
        "POST /api/auth/login HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // by which it says that the request is under way
    let mut go_on = *b"HTTP/1.1 100 Continue\r\n\r\n";
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&go_on), "HTTP/1.1 100 Continue\r\n\r\n");

    let gateway = shop.processes.last_mut().unwrap();
    terminate(gateway);
    until(async || TcpStream::connect(&address).await.is_err()).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("cut off: {answer:?}"));
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let tokens: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("cut off: {e}: {answer:?}"));
    assert!(tokens["access_token"].is_string(), "{answer}");
    assert!(gateway.child.wait().unwrap().success());
}

#[tokio::test]
async fn limits_are_per_caller_and_in_the_headers() {
    // one call of each operation in a minute: slow machines need less for all of this
    let shop = Shop::one_process(&[("SOUK_GATEWAY__LIMITS", "0.01")]).await;
    let me = shop.customer("me").await;
    let wrong = || shop.post("/api/auth/login", json!({"email": "nobody@example.com", "password": "x"}));
    let answer = wrong().await;
    assert_eq!(answer.problem(401), "user.wrong_credentials");
    assert!(answer.headers.contains_key("ratelimit") && answer.headers.contains_key("ratelimit-policy"));
    let answer = wrong().await;
    assert_eq!(answer.problem(429), "too_many_requests");
    assert_eq!(answer.json()["error"], "Rate limit exceeded");
    assert!(answer.headers.contains_key("retry-after"));
    // a forged address in a header does not make another caller
    let spoofed = shop.request("POST", "/api/auth/login").header("x-forwarded-for", "203.0.113.7");
    assert_eq!(shop.send(spoofed.json(&json!({"email": "x@example.com", "password": "x"}))).await.status, 429);
    // without a login, too many calls are answered 429, not 401
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(shop.get("/api/cart").await.status);
    }
    assert_eq!(statuses, [401, 429, 429, 429, 429]);
    // a customer at the same address is another caller
    shop.call(&me, "GET", "/api/cart", None).await.expect(200);
    assert_eq!(shop.call(&me, "GET", "/api/cart", None).await.status, 429);
    for _ in 0..300 {
        shop.get("/livez").await.expect(200);
    }
}

#[tokio::test]
async fn a_module_that_is_down_breaks_only_operations_that_need_it() {
    let mut shop = Shop::split(&[]).await;
    let (admin, me) = (shop.admin().await, shop.customer("me").await);
    let lamp = shop.product(&admin, "Lamp", 10.0, 5).await;
    let add = json!({"product_id": lamp, "quantity": 2});
    shop.call(&me, "POST", "/api/cart/items", Some(add.clone())).await.expect(201);
    shop.processes.retain(|process| process.name != "product");

    let down = shop.get("/api/products").await;
    assert_eq!((down.problem(503), down.json()["error"].clone()), ("unavailable".into(), json!("Service product not available")));
    assert!(down.headers.contains_key("retry-after"));
    // the cart shows the names and prices that it has stored, and is never empty
    let cart = shop.call(&me, "GET", "/api/cart", None).await.expect(200);
    assert_eq!((cart["stale"].clone(), cart["items"][0]["product_name"].clone()), (json!(true), json!("Lamp")));
    assert_eq!(cart["total_amount"], 20);
    assert_eq!(shop.call(&me, "POST", "/api/cart/items", Some(add)).await.problem(503), "unavailable");
    shop.call(&me, "GET", "/api/orders", None).await.expect(200);
    shop.call(&me, "GET", "/api/users/profile", None).await.expect(200);
    shop.get("/livez").await.expect(200);
    shop.ops_of("gateway", "/readyz").await.expect(200);
}

#[tokio::test]
async fn the_log_filter_can_be_changed_at_run_time() {
    let shop = Shop::one_process(&[]).await;
    let url = format!("{}/log", shop.processes[0].ops);
    assert_eq!(shop.ops_of("gateway", "/log").await.text, "warn");
    let put = async |filter: &'static str| shop.send(shop.client.put(&url).body(filter)).await;
    put("info,order=debug").await.expect(204);
    assert_eq!(shop.ops_of("gateway", "/log").await.text, "info,order=debug");
    put("order=loud").await.expect(400);
    assert_eq!(shop.ops_of("gateway", "/log").await.text, "info,order=debug", "an invalid filter changes nothing");
}

#[tokio::test]
async fn an_unread_log_does_not_block_requests() {
    let folder = kernel::testing::folder();
    let settings = [("PORT", "0"), ("SOUK_GATEWAY__LIMITS", "off"), ("SOUK_LOG__FILTER", "info")];
    let mut child = souk(folder.path(), &["serve"], &settings).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap().split(" on ").nth(1).unwrap().to_owned();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    until(async || client.get(format!("{address}/health")).send().await.is_ok_and(|answer| answer.status() == 200)).await;
    // each writes a line: many more than a pipe holds
    for _ in 0..2_000 {
        assert_eq!(client.get(format!("{address}/livez")).send().await.unwrap().status(), 200);
    }
    child.kill().unwrap();
    let written = BufReader::new(child.stderr.take().unwrap()).lines().count();
    assert!(written < 2_000, "{written} lines went through: the pipe was not full");
    child.wait().unwrap();
}

#[tokio::test]
async fn an_outage_does_not_write_a_line_for_each_call() {
    let folder = kernel::testing::folder();
    let log = folder.path().join("log");
    let settings = [
        ("PORT", "0"),
        ("SOUK_GATEWAY__LIMITS", "off"),
        ("SOUK_LOG__FILTER", "warn"),
        // nothing listens there
        ("PRODUCT_SERVICE_URL", "http://127.0.0.1:9"),
    ];
    let mut command = souk(folder.path(), &["serve"], &settings);
    let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap().split(" on ").nth(1).unwrap().to_owned();
    let client = reqwest::Client::new();
    for _ in 0..300 {
        assert_eq!(client.get(format!("{address}/api/products")).send().await.unwrap().status(), 503);
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success());
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(written.contains("Service product not available"), "{written}");
    assert!(written.lines().count() < 30, "{written}");
}

/// Ends `scripts/split`, and with it its processes.
struct Split(Child);

impl Split {
    fn start(folder: &Path, port: u16) -> Self {
        let mut split = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/split"));
        split.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        split.env("SOUK", env!("CARGO_BIN_EXE_souk")).env("PORT", port.to_string()).env("SOUK_DATA", folder.join("data"));
        split.env("SOUK_OPS_BIND", "off");
        Self(split.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        // fails only when it has ended already
        drop(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn two_shops_run_beside_each_other_as_seven_processes_each() {
    let folders = [kernel::testing::folder(), kernel::testing::folder()];
    // ports of the gateways; ports of modules move with them, and all are below the range that the system assigns
    let first = 12_000 + u16::try_from(std::process::id() % 8_000).unwrap();
    let ports = [first, first + 50];
    let _shops = [0, 1].map(|i| Split::start(folders[i].path(), ports[i]));
    let client = reqwest::Client::new();
    for port in ports {
        let health = format!("http://127.0.0.1:{port}/health");
        until(async || {
            let Ok(answer) = client.get(&health).send().await else { return false };
            answer
                .text()
                .await
                .is_ok_and(|text| text.contains(r#""status":"healthy""#) && !text.contains(r#""healthy_instances":0"#))
        })
        .await;
    }
    let products = async |port: u16| {
        let url = format!("http://127.0.0.1:{port}/api/products?per_page=1");
        client.get(url).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let (one, other) = (products(ports[0]).await, products(ports[1]).await);
    assert_eq!(one["products"][0]["name"], other["products"][0]["name"]);
    assert_ne!(one["products"][0]["created_at"], other["products"][0]["created_at"], "each has its own data");
}
