//! Starts the shop as one process or as one for each module, with stores of its own, and sends it requests.

use deadpool_redis::redis;
use kernel::testing::{Kind, Stores, server};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::Duration,
};

/// Runs each test against the shop as one process and as one for each module, on embedded stores and, as an ignored test, on servers.
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
        mod servers {
            mod one_process {
                $(#[tokio::test]
                #[ignore = "needs servers: see docs/testing.md"]
                async fn $test() {
                    let stores = kernel::testing::Stores::servers();
                    super::super::$test(crate::harness::Shop::one_process_on(stores, &[]).await).await;
                })*
            }
            mod split {
                $(#[tokio::test]
                #[ignore = "needs servers: see docs/testing.md"]
                async fn $test() {
                    let stores = kernel::testing::Stores::servers();
                    super::super::$test(crate::harness::Shop::split_on(stores, &[]).await).await;
                })*
            }
        }
    };
}
pub(crate) use both_deployments;

/// A running shop; it is killed when it is dropped.
pub(crate) struct Shop {
    pub(crate) base: String,
    pub(crate) processes: Vec<Process>,
    pub(crate) client: Client,
    pub(crate) stores: ShopStores,
    _ports: Vec<Port>,
}

/// A reserved port: bound here, so that only the process that we start listens on it.
struct Port(u16, #[expect(dead_code, reason = "holds the port")] socket2::Socket);

impl Port {
    fn reserve() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        // with this option, Linux lets the process bind the same port, as long as this socket does not listen
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        Self(socket.local_addr().unwrap().as_socket().unwrap().port(), socket)
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.0)
    }
}

/// A running `souk`.
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) address: String,
    /// The address of its operations listener.
    pub(crate) ops: String,
    pub(crate) child: Child,
    arguments: Vec<String>,
    settings: Vec<(String, String)>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // fails only when it has ended already
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An answer: status, headers, body.
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

/// An address, as a client sends it.
pub(crate) fn address() -> Value {
    json!({"street_address": "12 Spice Lane", "city": "Tripoli", "state": "North", "postal_code": "1300", "country": "Lebanon"})
}

/// The body of a request that orders the cart.
pub(crate) fn to_address() -> Value {
    json!({"shipping_address": address()})
}

/// A logged-in user.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

impl Shop {
    /// Everything in one process, on embedded stores; `settings` are environment variables. With `SOUK_TEST_URL` it is the shop that
    /// runs there, whose processes and stores a test cannot reach.
    pub(crate) async fn one_process(settings: &[(&str, &str)]) -> Self {
        if let Ok(base) = std::env::var("SOUK_TEST_URL") {
            let stores = ShopStores::new(Stores::embedded()).await;
            return Self { base, processes: Vec::new(), client: client(), stores, _ports: Vec::new() };
        }
        Self::one_process_on(Stores::embedded(), settings).await
    }

    /// Everything in one process.
    pub(crate) async fn one_process_on(stores: Stores, settings: &[(&str, &str)]) -> Self {
        Self::begin(stores, false, settings).await.ready().await
    }

    /// Seven processes, on embedded stores.
    pub(crate) async fn split(settings: &[(&str, &str)]) -> Self {
        Self::split_on(Stores::embedded(), settings).await
    }

    /// Seven processes.
    pub(crate) async fn split_on(stores: Stores, settings: &[(&str, &str)]) -> Self {
        Self::begin(stores, true, settings).await.ready().await
    }

    /// A shop whose processes have just been started and may not be ready.
    pub(crate) async fn begin(stores: Stores, is_split: bool, settings: &[(&str, &str)]) -> Self {
        let stores = ShopStores::new(stores).await;
        let names = if is_split { modules() } else { &[] };
        // in any order, because each process knows the addresses of the others
        let ports: Vec<(&str, Port)> = names.iter().map(|name| (name.as_str(), Port::reserve())).collect();
        let peers: Vec<(String, String)> =
            ports.iter().map(|(name, port)| (format!("{}_SERVICE_URL", name.to_uppercase()), port.address())).collect();
        let mut processes: Vec<Process> = Vec::new();
        for (name, port) in ports.iter().map(|(name, port)| (*name, Some(port))).chain([("gateway", None)]) {
            let mut settings = settings.to_vec();
            settings.extend(peers.iter().map(|(name, address)| (name.as_str(), address.as_str())));
            let port = port.map(|port| port.0.to_string());
            settings.extend(port.iter().flat_map(|port| [("PORT", port.as_str()), ("SOUK_OPS_BIND", "127.0.0.1:0")]));
            let arguments = if is_split { &["serve", "--only", name][..] } else { &["serve"] };
            processes.push(start(stores.folder(), name, arguments, &settings));
        }
        let base = processes.last().unwrap().address.clone();
        Self { base, processes, client: client(), stores, _ports: ports.into_iter().map(|(_, port)| port).collect() }
    }

    /// The same shop when all its processes are ready.
    pub(crate) async fn ready(self) -> Self {
        for process in &self.processes {
            until_ready(process).await;
        }
        self
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

    /// Kills a process and starts it again at the same address.
    pub(crate) async fn kill_and_start_again(&mut self, name: &str) {
        let index = self.processes.iter().position(|process| process.name == name).unwrap();
        let Process { address, ops, arguments, settings, .. } = &self.processes[index];
        let port = address.rsplit(':').next().unwrap().to_owned();
        let ops = ops.trim_start_matches("http://").to_owned();
        let (arguments, mut settings) = (arguments.clone(), settings.clone());
        settings.extend([("PORT".into(), port), ("SOUK_OPS_BIND".into(), ops)]);
        drop(self.processes.remove(index));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // connections to the old process are closed
        self.client = client();
        let process = start(self.stores.folder(), name, &arguments, &settings);
        until_ready(&process).await;
        self.processes.insert(index, process);
    }

    /// The answer of the operations listener of a process.
    pub(crate) async fn ops(&self, process: &Process, path: &str) -> Answer {
        self.send(self.client.get(format!("{}{path}", process.ops))).await
    }

    /// The answer of the operations listener of a module's process.
    pub(crate) async fn ops_of(&self, module: &str, path: &str) -> Answer {
        let process = self.processes.iter().find(|process| process.name == module).unwrap_or(&self.processes[0]);
        self.ops(process, path).await
    }

    /// A new customer.
    pub(crate) async fn customer(&self, name: &str) -> Account {
        self.register(name, Value::Null).await
    }

    /// A new customer who can get an SMS.
    pub(crate) async fn customer_with_phone(&self, name: &str, phone: &str) -> Account {
        self.register(name, phone.into()).await
    }

    async fn register(&self, name: &str, phone: Value) -> Account {
        let body = json!({
            "email": format!("{name}@example.com"), "password": "Saffron-7-Road", "first_name": name, "last_name": "Test",
            "phone": phone
        });
        account(&self.post("/api/auth/register", body).await.expect(201))
    }

    /// The demo administrator.
    pub(crate) async fn admin(&self) -> Account {
        let body = json!({"email": "admin@souk.test", "password": "Admin-Souk-1"});
        account(&self.post("/api/auth/login", body).await.expect(200))
    }

    /// A new product.
    pub(crate) async fn product(&self, admin: &Account, name: &str, price: f64, stock: u32) -> i64 {
        let body = json!({"name": name, "price": price, "stock_quantity": stock});
        self.call(admin, "POST", "/api/products", Some(body)).await.expect(201)["id"].as_i64().unwrap()
    }
}

fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap()
}

/// The account of a login or registration.
pub(crate) fn account(reply: &Value) -> Account {
    let text = |name: &str| reply[name].as_str().unwrap().to_owned();
    Account { id: reply["user"]["id"].as_i64().unwrap(), token: text("access_token"), refresh: text("refresh_token") }
}

/// The stores of a shop, removed when this is dropped.
pub(crate) struct ShopStores {
    stores: Stores,
    databases: BTreeMap<String, String>,
}

impl ShopStores {
    /// Writes the settings of the stores to a file in their folder.
    async fn new(stores: Stores) -> Self {
        let (mut settings, mut databases) = (String::new(), BTreeMap::new());
        for module in modules() {
            let name = stores.name();
            let url = match (stores.kind(), module.as_str()) {
                (Kind::Embedded, _) => format!("sqlite://{}/data/{module}.db", stores.folder().display()),
                (Kind::Servers, "cart") => redis_url(),
                (Kind::Servers, "notification") => format!("{}/{name}", mongo_url()),
                (Kind::Servers, _) => stores.database(module).await,
            };
            settings += &format!("[{module}]\ndatabase_url = {url:?}\n");
            if module == "cart" {
                settings += &format!("key_prefix = {name:?}\n");
            }
            databases.insert(module.clone(), url);
        }
        let events = stores.events(&["notification"]);
        settings += &format!("[events]\nbroker_url = {:?}\nprefix = {:?}\n", events.broker_url, events.prefix);
        settings += &format!("retry_ms = {:?}\n", events.retry_ms);
        fs::create_dir(stores.folder().join("config")).unwrap();
        fs::write(stores.folder().join("config/development.toml"), settings).unwrap();
        Self { stores, databases }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.stores.folder()
    }

    /// The URL of a module's database.
    pub(crate) fn database_url(&self, module: &str) -> String {
        self.databases[module].clone()
    }
}

fn redis_url() -> String {
    server("SOUK_TEST_REDIS", "redis://127.0.0.1:6379")
}

fn mongo_url() -> String {
    server("SOUK_TEST_MONGO", "mongodb://127.0.0.1:27017")
}

impl Drop for ShopStores {
    fn drop(&mut self) {
        if self.stores.kind() == Kind::Servers {
            let name = self.stores.name().to_owned();
            in_a_runtime(async move {
                let mut carts = redis::Client::open(redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap();
                let keys: Vec<String> = redis::cmd("KEYS").arg(format!("*{name}*")).query_async(&mut carts).await.unwrap();
                for key in keys {
                    redis::cmd("DEL").arg(key).query_async::<()>(&mut carts).await.unwrap();
                }
                let notifications = mongodb::Client::with_uri_str(mongo_url()).await.unwrap();
                notifications.database(&name).drop().await.unwrap();
                notifications.shutdown().await;
            });
        }
    }
}

/// Runs work to its end, on a thread of its own, because a runtime must not be blocked from within.
fn in_a_runtime(work: impl Future<Output = ()> + Send + 'static) {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    // not a panic, because the test may have failed already
    drop(std::thread::spawn(run).join());
}

/// The modules of the shop, callees before their callers, as the shop itself lists them.
pub(crate) fn modules() -> &'static [String] {
    static MODULES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let names = listed_modules().map(|(name, _)| name);
        names.filter(|name| name != "gateway").collect()
    });
    &MODULES
}

/// The ports of the modules and the gateway when each is served alone.
pub(crate) fn ports() -> &'static BTreeMap<String, u16> {
    static PORTS: LazyLock<BTreeMap<String, u16>> = LazyLock::new(|| listed_modules().collect());
    &PORTS
}

fn listed_modules() -> impl Iterator<Item = (String, u16)> {
    let listed = listed_by("modules");
    let lines: Vec<_> = listed.lines().map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.into_iter().map(|words| (words[0].clone(), words[1].parse().unwrap()))
}

/// An operation of the shop.
#[derive(Debug, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) module: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Path at the gateway.
    pub(crate) public: Option<String>,
    pub(crate) access: Access,
    /// The codes of the errors of its own module that it can answer.
    pub(crate) errors: Vec<String>,
}

/// Access to an operation.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    Anyone,
    User,
    Role(String),
    Modules(Vec<String>),
}

impl Operation {
    pub(crate) fn is_read(&self) -> bool {
        self.method == "GET"
    }
}

/// All operations of all modules, as the shop itself lists them.
pub(crate) fn operations() -> &'static [Operation] {
    static OPERATIONS: LazyLock<Vec<Operation>> =
        LazyLock::new(|| serde_json::from_str(&listed_by("operations")).expect("the list of operations"));
    &OPERATIONS
}

fn listed_by(command: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = souk(folder.path(), &[command], &[]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The command with a clean set of settings, in a folder of its own.
pub(crate) fn souk(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(settings.iter().copied());
    command
}

/// Not a setting of the shop: the files of its logs, in its folder, end with this.
pub(crate) const LOG_FILE: &str = "LOG_FILE";

fn start(folder: &Path, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
    let mut command = souk(folder, arguments, &[("PORT", "0"), ("SOUK_WORKERS", "2"), ("SOUK_LOG__FILTER", "warn")]);
    // tests send requests faster than people; limits have tests of their own
    command.env("SOUK_GATEWAY__LIMITS", "off");
    // and tests run on busy machines
    command.env("SOUK_GATEWAY__REQUEST_TIMEOUT_MS", "50000");
    for module in modules() {
        command.env(format!("SOUK_{}__POOL__ACQUIRE_TIMEOUT_MS", module.to_uppercase()), "30000");
    }
    command.envs(settings.iter().copied());
    // a test that reads the log names a file for it, in the folder of the shop
    if let Some((_, file)) = settings.iter().find(|(name, _)| *name == LOG_FILE) {
        command.stderr(fs::File::create(folder.join(format!("{name}.{file}"))).unwrap());
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address_after = |what: &str| {
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(what))).expect("souk starts").unwrap();
        line[line.find("http://").unwrap()..].to_owned()
    };
    let (address, ops) = (address_after(" listening on "), address_after(" operations "));
    // reads further lines, so that the process can write them
    std::thread::spawn(move || lines.for_each(drop));
    let owned = |text: &&str| (*text).to_owned();
    let (arguments, settings) =
        (arguments.iter().map(owned).collect(), settings.iter().map(|(name, value)| (owned(name), owned(value))).collect());
    Process { name: name.into(), address, ops, child, arguments, settings }
}

/// Waits until a process is ready: its stores work, and the demo shop exists.
pub(crate) async fn until_ready(process: &Process) {
    let (client, url) = (client(), format!("{}/readyz", process.ops));
    until(async || client.get(&url).send().await.is_ok_and(|answer| answer.status() == 200)).await;
}

/// Waits until the condition holds, for at most a minute: longer than the leases of a dead process.
pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the condition does not hold after a minute");
}
