//! Tests of carts in Redis beyond `conformance.rs`: failures of Redis, and the commands sent to it. Each test starts a server of
//! its own; they are ignored, because not everyone has `redis-server`.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use cart::{AddItem, Cart, CartApi, CartClient, CartError, CartVersion, Carts, ChangeItem, Config, Peers};
use deadpool_redis::redis;
use kernel::{
    ApiError, Code, Health, InternalKey, Transport, UserId,
    db::Pool,
    jobs::Jobs,
    module,
    testing::{Stores, admin, anonymous, customer, folder, start},
};
use product::{NewProduct, ProductApi, ProductClient, ProductId, Products};
use std::{
    collections::HashMap,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The Redis of one test, which can be stopped, killed and restarted. Its data is in a folder, as in production.
struct Redis {
    port: u16,
    process: Child,
    folder: TempDir,
    options: &'static [&'static str],
}

impl Redis {
    async fn start(options: &'static [&'static str]) -> Self {
        let port = free_port();
        let folder = folder();
        let process = run(port, &folder, options).await;
        Self { port, process, folder, options }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    async fn restart(&mut self) {
        self.process = run(self.port, &self.folder, self.options).await;
    }

    /// `STOP` and `CONT`: it keeps its connections and takes new ones, but answers nothing.
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([format!("-{signal}"), self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// The number of calls of each command since the last use of this method.
    fn commands(&self) -> HashMap<String, u64> {
        let mut redis = self.connection();
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut redis).unwrap();
        redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut redis).unwrap();
        let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
        lines.map(|(name, rest)| (name.into(), rest.split(',').next().unwrap().parse().unwrap())).collect()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

async fn run(port: u16, folder: &TempDir, options: &[&str]) -> Child {
    let process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir"])
        .arg(folder.path())
        .args(options)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let answers = || client.get_connection().and_then(|mut redis| redis::cmd("PING").query::<String>(&mut redis)).is_ok();
    until("Redis answers", async || answers()).await;
    process
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..1_000 {
        ticks.tick().await;
        if reached().await {
            return;
        }
    }
    panic!("not in 10 seconds: {what}");
}

/// Carts in a Redis, and a product module with one product.
struct Shop {
    carts: Arc<CartClient>,
    health: Box<dyn kernel::Health>,
    lamp: ProductId,
    _stores: Stores,
}

async fn shop(redis: &Redis) -> Shop {
    shop_with(config_of(redis.url())).await
}

async fn shop_with(carts: Config) -> Shop {
    let stores = Stores::embedded();
    let config = product::Config { database_url: stores.database("product").await, ..Default::default() };
    let products = ProductClient::local(start::<Products>(&config, ()).await.service);
    let lamp = NewProduct {
        name: "Lamp".into(),
        description: None,
        price: "10".parse().unwrap(),
        currency: None,
        category_id: None,
        stock_quantity: 1_000,
        ..NewProduct::default()
    };
    let lamp = products.create(&admin(), lamp).await.unwrap().id;
    let carts = start::<Carts>(&carts, Peers { product: products }).await;
    let health = Box::new(carts.store);
    Shop { carts: Arc::new(CartClient::local(carts.service)), health, lamp, _stores: stores }
}

fn config_of(database_url: String) -> Config {
    let pool = Pool { connections: 4, acquire_timeout_ms: 500, ..Pool::default() };
    Config { database_url, pool, response_timeout_ms: 200, ..Config::default() }
}

/// Longer than a call may take with these settings, whatever Redis does: to wait for a connection, and for an answer.
const IN_TIME: Duration = Duration::from_millis(2_000);

const USER: UserId = UserId(7);

impl Shop {
    async fn get(&self) -> Result<Cart, CartError> {
        self.carts.get(&customer(7), USER).await
    }

    async fn add(&self, quantity: u32) -> Result<Cart, CartError> {
        self.carts.add(&customer(7), USER, AddItem { product_id: self.lamp, variant_id: None, quantity: quantity.into() }).await
    }

    async fn quantity(&self) -> u32 {
        self.get().await.unwrap().items[0].quantity
    }

    /// Everything that needs Redis says so at once, and nothing says that the cart is empty.
    async fn nothing_works(&self) {
        let version = CartVersion { version: 1 };
        let begun = Instant::now();
        let codes = [
            self.get().await.unwrap_err().code(),
            self.add(1).await.unwrap_err().code(),
            self.carts
                .change(&customer(7), USER, self.lamp.first_variant(), ChangeItem { quantity: 1 })
                .await
                .unwrap_err()
                .code(),
            self.carts.remove(&customer(7), USER, self.lamp.first_variant()).await.unwrap_err().code(),
            self.carts.clear(&customer(7), USER).await.unwrap_err().code(),
            self.carts.validate(&customer(7), USER).await.unwrap_err().code(),
            self.carts.called_by("order").snapshot(&anonymous(), USER).await.unwrap_err().code(),
            self.carts.called_by("order").ordered(&anonymous(), USER, version).await.unwrap_err().code(),
        ];
        assert_eq!(codes, [Code::Unavailable; 8]);
        assert_eq!(self.health.check().await.unwrap_err().code(), Code::Unavailable);
        assert!(begun.elapsed() < 9 * IN_TIME, "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn a_killed_redis_is_unavailable_and_has_the_carts_when_it_is_back() {
    let mut redis = Redis::start(&[]).await;
    let shop = shop(&redis).await;
    let key = customer(7).with_key("k");
    let item = AddItem { product_id: shop.lamp, variant_id: None, quantity: 2 };
    let added = shop.carts.add(&key, USER, item.clone()).await.unwrap();
    for round in 0..3 {
        redis.kill();
        shop.nothing_works().await;
        redis.restart().await;
        // the next call, whatever became of the connections and of the scripts
        assert_eq!(shop.get().await.unwrap(), added, "round {round}");
        assert_eq!(shop.carts.add(&key, USER, item.clone()).await.unwrap(), added);
        shop.health.check().await.unwrap();
    }
    assert!(key.is_replayed());
    assert_eq!(shop.add(1).await.unwrap().items[0].quantity, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn a_redis_that_does_not_answer_is_unavailable_in_time() {
    let redis = Redis::start(&[]).await;
    let shop = Arc::new(shop(&redis).await);
    shop.add(2).await.unwrap();
    // fills the pool
    let gets = |count| {
        (0..count)
            .map(|_| {
                tokio::spawn({
                    let shop = shop.clone();
                    async move { shop.get().await }
                })
            })
            .collect::<Vec<_>>()
    };
    for get in gets(50) {
        assert_eq!(get.await.unwrap().unwrap().items[0].quantity, 2);
    }
    redis.signal("STOP");
    let begun = Instant::now();
    for get in gets(50) {
        assert_eq!(get.await.unwrap().unwrap_err().code(), Code::Unavailable);
    }
    assert!(begun.elapsed() < IN_TIME, "all of them: {:?}", begun.elapsed());
    let begun = Instant::now();
    assert_eq!(shop.health.check().await.unwrap_err().code(), Code::Unavailable);
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    redis.signal("CONT");
    until("it works again", async || shop.get().await.is_ok()).await;
    assert_eq!(shop.quantity().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn a_thousand_callers_share_the_connections_of_the_pool() {
    let redis = Redis::start(&[]).await;
    let config = Config { pool: Pool { connections: 4, ..Pool::default() }, ..Config::default() };
    let shop = Arc::new(shop_with(Config { database_url: redis.url(), ..config }).await);
    let mut other = redis.connection();
    let begun: u64 = received(&mut other);
    let snapshots = (0..1_000).map(|user| {
        let shop = shop.clone();
        tokio::spawn(async move { shop.carts.called_by("order").snapshot(&anonymous(), UserId(user + 1)).await })
    });
    for snapshot in snapshots.collect::<Vec<_>>() {
        assert_eq!(snapshot.await.unwrap().unwrap().version, 0);
    }
    assert!(received(&mut other) - begun <= 4);
}

/// How many connections a server has had.
fn received(redis: &mut redis::Connection) -> u64 {
    let stats: String = redis::cmd("INFO").arg("stats").query(redis).unwrap();
    let count = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap();
    count.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn a_cut_connection_is_replaced_and_a_lost_script_sent_again() {
    let redis = Redis::start(&[]).await;
    let shop = shop(&redis).await;
    let mut other = redis.connection();
    for round in 1..=5 {
        assert_eq!(shop.add(1).await.unwrap().items[0].quantity, round);
        redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]).exec(&mut other).unwrap();
        redis::cmd("SCRIPT").arg("FLUSH").exec(&mut other).unwrap();
    }
    assert_eq!(shop.quantity().await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn each_step_is_one_script() {
    let redis = Redis::start(&[]).await;
    let shop = shop(&redis).await;
    let order = shop.carts.called_by("order");
    let scripts = || {
        let commands = redis.commands();
        assert!(commands.keys().all(|name| !["keys", "scan"].contains(&name.as_str())), "{commands:?}");
        commands.get("evalsha").copied().unwrap_or_default()
    };
    // the first time, Redis is sent what the scripts are
    shop.add(2).await.unwrap();
    shop.carts.change(&customer(7), USER, shop.lamp.first_variant(), ChangeItem { quantity: 3 }).await.unwrap();
    order.ordered(&anonymous(), USER, CartVersion { version: 1 }).await.unwrap();
    shop.carts.remove(&customer(7), USER, shop.lamp.first_variant()).await.unwrap();
    scripts();

    // what is asked of the product module stands between the two
    shop.add(2).await.unwrap();
    assert_eq!(scripts(), 2);
    shop.carts.change(&customer(7), USER, shop.lamp.first_variant(), ChangeItem { quantity: 3 }).await.unwrap();
    assert_eq!(scripts(), 2);
    shop.get().await.unwrap();
    assert_eq!(scripts(), 1);
    shop.carts.validate(&customer(7), USER).await.unwrap();
    assert_eq!(scripts(), 1);
    let version = order.snapshot(&anonymous(), USER).await.unwrap().version;
    assert_eq!(scripts(), 1);
    order.ordered(&anonymous(), USER, CartVersion { version }).await.unwrap();
    assert_eq!(scripts(), 1);
    shop.add(2).await.unwrap();
    scripts();
    shop.carts.remove(&customer(7), USER, shop.lamp.first_variant()).await.unwrap();
    assert_eq!(scripts(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn in_a_cluster_all_keys_of_a_script_are_on_one_node() {
    // one node that has everything: it refuses scripts whose keys could be on two
    let redis = Redis::start(&["--cluster-enabled", "yes"]).await;
    let mut other = redis.connection();
    redis::cmd("CLUSTER").arg(&["ADDSLOTSRANGE", "0", "16383"]).exec(&mut other).unwrap();
    until("the cluster is ready", async || {
        redis::cmd("CLUSTER").arg("INFO").query::<String>(&mut other).unwrap().contains("cluster_state:ok")
    })
    .await;
    let shop = shop(&redis).await;
    let key = customer(7).with_key("k");
    let item = AddItem { product_id: shop.lamp, variant_id: None, quantity: 2 };
    let added = shop.carts.add(&key, USER, item.clone()).await.unwrap();
    assert_eq!(shop.carts.add(&key, USER, item).await.unwrap(), added);
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut other).unwrap();
    keys.sort_unstable();
    assert_eq!(keys, ["cart:7", "{cart:7}:cart.add user 7:k"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn everything_in_redis_expires() {
    let redis = Redis::start(&[]).await;
    let shop = shop(&redis).await;
    let item = AddItem { product_id: shop.lamp, variant_id: None, quantity: 2 };
    shop.carts.add(&customer(7).with_key("k"), USER, item).await.unwrap();
    let mut other = redis.connection();
    for key in ["cart:7", "{cart:7}:cart.add user 7:k"] {
        let left: i64 = redis::cmd("PTTL").arg(key).query(&mut other).unwrap();
        let day = 24 * 3_600_000;
        assert!((day - 60_000..=day).contains(&left), "{key}: {left}");
    }
    // lost data are lost carts, but not the past of a version
    let order = shop.carts.called_by("order");
    let version = order.snapshot(&anonymous(), USER).await.unwrap().version;
    redis::cmd("FLUSHALL").exec(&mut other).unwrap();
    assert_eq!(shop.get().await.unwrap().items, []);
    shop.add(1).await.unwrap();
    assert!(order.snapshot(&anonymous(), USER).await.unwrap().version > version);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn an_unreadable_cart_is_internal_and_stays_unchanged() {
    let redis = Redis::start(&[]).await;
    let shop = shop(&redis).await;
    let mut other = redis.connection();
    redis::cmd("SET").arg(&["cart:7", "a text"]).exec(&mut other).unwrap();
    for answer in [shop.get().await, shop.add(1).await] {
        assert_eq!(answer.unwrap_err().code(), Code::Internal);
    }
    assert_eq!(redis::cmd("GET").arg("cart:7").query::<String>(&mut other).unwrap(), "a text");
    shop.carts.clear(&customer(7), USER).await.unwrap();
    shop.add(1).await.unwrap();
    for (field, value) in
        [("1:quantity", "-1"), ("1:quantity", "many"), ("1:seen", "free"), ("version", ""), ("1:added_at", "noon")]
    {
        let right: String = redis::cmd("HGET").arg(&["cart:7", field]).query(&mut other).unwrap();
        redis::cmd("HSET").arg(&["cart:7", field, value]).exec(&mut other).unwrap();
        assert_eq!(shop.get().await.unwrap_err().code(), Code::Internal, "{field} {value}");
        redis::cmd("HSET").arg(&["cart:7", field, &right]).exec(&mut other).unwrap();
        assert_eq!(shop.quantity().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn a_full_redis_is_unavailable_for_adding_and_shows_what_it_has() {
    let redis = Redis::start(&[]).await;
    let shop = shop(&redis).await;
    shop.add(2).await.unwrap();
    let mut other = redis.connection();
    let limit = |bytes: &str| redis::cmd("CONFIG").arg(&["SET", "maxmemory", bytes]).exec(&mut redis.connection()).unwrap();
    limit("1");
    assert_eq!(shop.add(1).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(shop.quantity().await, 2);
    limit("0");
    assert_eq!(shop.add(1).await.unwrap().items[0].quantity, 3);
    redis::cmd("REPLICAOF").arg(&["127.0.0.1", "1"]).exec(&mut other).unwrap();
    assert_eq!(shop.add(1).await.unwrap_err().code(), Code::Unavailable, "another one is the master now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see docs/testing.md"]
async fn a_redis_that_is_too_old_prevents_the_start() {
    // the newest command that is used came with 7.0
    let redis = Redis::start(&["--rename-command", "PEXPIRETIME", ""]).await;
    let refused = module::migrate::<Carts>(&config_of(redis.url())).await.unwrap_err().to_string();
    assert!(refused.starts_with("cart.database_url must be that of Redis 7.0 or later: "), "{refused}");
}

#[tokio::test]
async fn a_module_starts_without_its_redis_and_reports_it() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("redis://:secret@{}", silent.local_addr().unwrap());
    let nobody = format!("redis://:secret@127.0.0.1:{}", free_port());
    let tls = nobody.replace("redis:", "rediss:");
    for config in [nobody, tls, silent].map(config_of) {
        let begun = Instant::now();
        let jobs = Jobs::default();
        let carts = module::start::<Carts>(&config, Peers { product: unreachable() }, false, &jobs).await.unwrap();
        let error = module::migrate::<Carts>(&config).await.unwrap_err().to_string();
        assert!(error.starts_with("cart.database_url: Redis cannot be reached: ") && !error.contains("secret"), "{error}");
        carts.store.check().await.expect_err("it is not there");
        assert!(jobs.check().await.is_err(), "the process is not ready");
        assert!(begun.elapsed() < 2 * IN_TIME, "{:?}", begun.elapsed());
        assert!(jobs.end(IN_TIME).await);
    }
}

#[tokio::test]
async fn an_unusable_setting_is_reported() {
    for (config, why) in [
        (config_of("redis://:secret@host:port".into()), "cart.database_url: "),
        (
            config_of("mongodb://:secret@host".into()),
            "cart.database_url must start with sqlite://, postgres://, redis:// or rediss://",
        ),
        (config_of("secret".into()), "cart.database_url must start with"),
        (Config { key_prefix: "{cart".into(), ..config_of("redis://localhost".into()) }, "cart.key_prefix must not"),
        (Config { key_prefix: String::new(), ..config_of("redis://localhost".into()) }, "cart.key_prefix must not"),
    ] {
        let started = module::start::<Carts>(&config, Peers { product: unreachable() }, false, &Jobs::default())
            .await
            .err()
            .unwrap()
            .to_string();
        let migrated = module::migrate::<Carts>(&config).await.unwrap_err().to_string();
        for error in [started, migrated] {
            assert!(error.starts_with(why) && !error.contains("secret"), "{error}");
        }
    }
}

fn unreachable() -> ProductClient {
    ProductClient::remote(Transport::http(Vec::new(), InternalKey::random()))
}

#[tokio::test]
async fn no_call_waits_for_a_silent_redis() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let jobs = Jobs::default();
    let config = config_of(format!("redis://{}", silent.local_addr().unwrap()));
    let carts =
        CartClient::local(module::start::<Carts>(&config, Peers { product: unreachable() }, false, &jobs).await.unwrap().service);
    // the first ones wait until it is known
    let deadline = Instant::now() + 4 * IN_TIME;
    let mut in_a_row = 0;
    while in_a_row < 10 {
        assert!(Instant::now() < deadline, "they wait again and again");
        let begun = Instant::now();
        let refused = carts.get(&customer(1), UserId(1)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        in_a_row = if begun.elapsed() < Duration::from_millis(100) { in_a_row + 1 } else { 0 };
    }
    assert!(jobs.end(2 * IN_TIME).await);
}
