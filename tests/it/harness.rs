//! Starts the shop as one process or as six, in a folder of its own, and talks to it.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Runs each test against the shop as one process and as six.
macro_rules! both_deployments {
    ($($test:ident),* $(,)?) => {
        mod one_process {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::harness::Shop::one_process(&[]).await).await;
            })*
        }
        mod split {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::harness::Shop::split(&[]).await).await;
            })*
        }
    };
}
pub(crate) use both_deployments;

/// A running shop; it is killed when it is dropped.
pub(crate) struct Shop {
    pub(crate) base: String,
    pub(crate) processes: Vec<Process>,
    pub(crate) client: Client,
    _folder: TempDir,
}

/// A running `souk`.
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        // fails only when it has ended already
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An answer: status, headers that matter, body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{}: {e}: {}", self.status, self.text))
    }

    /// The body, if the status is this one.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The body, if it is a problem document with this status; its `code`.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        let body = self.expect(status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(body["status"], status);
        for member in ["type", "title", "detail", "code", "error", "trace_id"] {
            assert!(body[member].is_string(), "{member} is missing: {body}");
        }
        body["code"].as_str().unwrap().to_owned()
    }
}

/// A logged-in user.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

impl Shop {
    /// Everything in one process; `settings` are environment variables.
    pub(crate) async fn one_process(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateway = start(&folder, "gateway", &["serve"], settings);
        Self::of(folder, vec![gateway]).await
    }

    /// Six processes.
    pub(crate) async fn split(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut processes: Vec<Process> = Vec::new();
        // in an order that gives each the addresses that it needs; when addresses are known, any order will do
        for name in ["product", "user", "payment", "cart", "order", "gateway"] {
            let peers: Vec<(String, String)> =
                processes.iter().map(|p| (format!("{}_SERVICE_URL", p.name.to_uppercase()), p.address.clone())).collect();
            let mut settings = settings.to_vec();
            settings.extend(peers.iter().map(|(name, address)| (name.as_str(), address.as_str())));
            processes.push(start(&folder, name, &["serve", "--only", name], &settings));
        }
        Self::of(folder, processes).await
    }

    async fn of(folder: TempDir, processes: Vec<Process>) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        let base = processes.last().unwrap().address.clone();
        Self { base, processes, client, _folder: folder }
    }

    /// The address of one of its processes.
    pub(crate) fn address_of(&self, name: &str) -> Option<&str> {
        self.processes.iter().find(|p| p.name == name).map(|p| p.address.as_str())
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("POST", path).json(&body)).await
    }

    /// A request of a logged-in user.
    pub(crate) async fn call(&self, account: &Account, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path).bearer_auth(&account.token);
        self.send(if let Some(body) = body { request.json(&body) } else { request }).await
    }

    /// A new customer.
    pub(crate) async fn customer(&self, name: &str) -> Account {
        let body = json!({
            "email": format!("{name}@example.com"), "password": "Saffron-7-Road", "first_name": name, "last_name": "Test"
        });
        account(&self.post("/api/auth/register", body).await.expect(201))
    }

    /// The demo administrator.
    pub(crate) async fn admin(&self) -> Account {
        let body = json!({"email": "admin@souk.test", "password": "Admin-Souk-1"});
        account(&self.post("/api/auth/login", body).await.expect(200))
    }

    /// A product of its own.
    pub(crate) async fn product(&self, admin: &Account, name: &str, price: f64, stock: u32) -> i64 {
        let body = json!({"name": name, "price": price, "stock_quantity": stock});
        self.call(admin, "POST", "/api/products", Some(body)).await.expect(201)["id"].as_i64().unwrap()
    }
}

fn account(reply: &Value) -> Account {
    let text = |name: &str| reply[name].as_str().unwrap().to_owned();
    Account { id: reply["user"]["id"].as_i64().unwrap(), token: text("access_token"), refresh: text("refresh_token") }
}

/// The command with a clean set of settings, in a folder of its own.
pub(crate) fn souk(folder: &TempDir, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(settings.iter().copied());
    command
}

fn start(folder: &TempDir, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
    let mut command = souk(folder, arguments, &[("PORT", "0"), ("SOUK_WORKERS", "2"), ("SOUK_LOG__FILTER", "warn")]);
    // tests ask faster than people; what limits do is tested on its own
    command.env("SOUK_GATEWAY__LIMITS", "off");
    // and run on machines that are busy with other things
    command.env("SOUK_GATEWAY__REQUEST_TIMEOUT_MS", "50000");
    for module in ["PRODUCT", "USER", "CART", "ORDER", "PAYMENT"] {
        command.env(format!("SOUK_{module}__POOL__ACQUIRE_TIMEOUT_MS"), "30000");
    }
    command.envs(settings.iter().copied());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(" listening on "))).expect("it starts").unwrap();
    let address = line.split(" on ").nth(1).unwrap().to_owned();
    // what it prints later must have somewhere to go
    std::thread::spawn(move || lines.for_each(drop));
    Process { name: name.into(), address, child }
}
