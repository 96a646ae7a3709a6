//! Buyers, at a fixed rate however long the earlier ones take, and the answers that they got.

use anyhow::{Context, ensure};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::MissedTickBehavior,
};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a patient client repeats a call without an answer.
const PERSISTENCE: Duration = Duration::from_secs(15);
const PRODUCTS: u64 = 20;
/// Stock of each product at the beginning.
pub(crate) const STOCK: i64 = 1_000_000;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Browse,
    Login,
    Register,
    History,
    Cart,
    Order,
    Pay,
    /// Cancelling, shipping, delivering.
    Change,
}

impl Op {
    pub(crate) const ALL: [Op; 8] = [Op::Browse, Op::Login, Op::Register, Op::History, Op::Cart, Op::Order, Op::Pay, Op::Change];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Op::Browse => "browse",
            Op::Login => "log in",
            Op::Register => "register",
            Op::History => "order history",
            Op::Cart => "add to cart",
            Op::Order => "order",
            Op::Pay => "pay",
            Op::Change => "cancel, ship",
        }
    }
}

/// One answer, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) op: Op,
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    /// 0 without an answer.
    pub(crate) status: u16,
}

/// A fact that the shop has acknowledged to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    Registered { user: i64 },
    Placed { order: i64 },
    Paid { order: i64 },
    Declined { order: i64 },
    Cancelled { order: i64 },
    Shipped { order: i64 },
    Delivered { order: i64 },
}

/// A failed request.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) op: Op,
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    pub(crate) status: u16,
    /// The answer of the shop, or why there was none.
    pub(crate) why: String,
}

/// Everything that has happened so far.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) samples: Vec<Sample>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) facts: Vec<Fact>,
    /// When each buyer came, and whether there was a free account.
    pub(crate) offered: Vec<(Instant, bool)>,
}

/// The clients of a shop. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Clients(Arc<Inner>);

struct Inner {
    http: Client,
    base: String,
    /// Repeats calls without an answer, with the same key.
    is_patient: bool,
    admin: String,
    products: Vec<i64>,
    /// Accounts that no buyer uses now.
    accounts: Mutex<Vec<Account>>,
    /// Accounts made so far.
    made: AtomicU64,
    buyers: AtomicU64,
    record: Mutex<Record>,
}

struct Account {
    token: String,
}

impl Clients {
    /// Fills the shop and opens accounts.
    pub(crate) async fn open(base: &str, admin: (&str, &str), accounts: usize, is_patient: bool) -> anyhow::Result<Self> {
        let http = Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(64).build()?;
        let mut inner = Inner {
            http,
            base: base.to_owned(),
            is_patient,
            admin: String::new(),
            products: Vec::new(),
            accounts: Mutex::default(),
            made: AtomicU64::new(0),
            buyers: AtomicU64::new(0),
            record: Mutex::default(),
        };
        let login = json!({"email": admin.0, "password": admin.1});
        let (status, reply) = inner.once(Op::Login, Method::POST, "/api/auth/login", None, None, Some(&login)).await;
        ensure!(status == 200, "admin: {status} {reply}");
        inner.admin = text(&reply["access_token"]);
        for n in 0..PRODUCTS {
            let product = json!({"name": format!("Product {n}"), "price": 5 + n, "stock_quantity": STOCK});
            let admin = Some(inner.admin.as_str());
            let (status, reply) = inner.once(Op::Change, Method::POST, "/api/products", admin, None, Some(&product)).await;
            ensure!(status == 201, "product: {status} {reply}");
            inner.products.push(reply["id"].as_i64().context("an id")?);
        }
        let clients = Self(Arc::new(inner));
        for _ in 0..accounts.div_ceil(4) {
            tokio::join!(clients.register(), clients.register(), clients.register(), clients.register());
        }
        ensure!(locked(&clients.0.accounts).len() >= accounts, "some accounts could not be opened");
        locked(&clients.0.record).samples.clear();
        Ok(clients)
    }

    /// Answers since the last call, and facts since the beginning.
    pub(crate) fn record(&self) -> Record {
        let mut record = locked(&self.0.record);
        Record {
            samples: std::mem::take(&mut record.samples),
            failures: std::mem::take(&mut record.failures),
            facts: record.facts.clone(),
            offered: std::mem::take(&mut record.offered),
        }
    }

    /// Sends this many buyers a second, and visitors, until the returned value is dropped or ended.
    pub(crate) fn come(&self, per_second: u32) -> Load {
        let clients = self.clone();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let work = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            let mut buyers = ticks(Duration::from_secs(1) / per_second.max(1));
            let (mut readers, mut newcomers) = (ticks(Duration::from_millis(200)), ticks(Duration::from_secs(1)));
            tokio::pin!(stopped);
            loop {
                let clients = clients.clone();
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = buyers.tick() => {
                        let account = locked(&clients.0.accounts).pop();
                        locked(&clients.0.record).offered.push((Instant::now(), account.is_some()));
                        if let Some(account) = account {
                            tasks.spawn(async move { clients.buy(account).await });
                        }
                    }
                    _ = readers.tick() => drop(tasks.spawn(async move { clients.read().await })),
                    _ = newcomers.tick() => drop(tasks.spawn(async move {
                        clients.register().await;
                        clients.log_in().await;
                    })),
                }
                while tasks.try_join_next().is_some() {}
            }
            // purchases under way are finished, because their answers count
            while tasks.join_next().await.is_some() {}
        });
        Load { stop: Some(stop), work }
    }

    /// One purchase. Every tenth is declined and stays unpaid, and so on.
    async fn buy(&self, account: Account) {
        let n = self.0.buyers.fetch_add(1, Ordering::Relaxed);
        // a call without an answer ends the purchase
        let _ = self.try_buy(n, &account).await;
        locked(&self.0.accounts).push(account);
    }

    async fn try_buy(&self, n: u64, account: &Account) -> Option<()> {
        let shop = &self.0;
        let product = shop.products[usize::try_from(n * 7 % PRODUCTS).unwrap_or(0)];
        let token = Some(account.token.as_str());
        shop.ask(Op::Browse, Method::GET, &format!("/api/products/{product}"), None, None).await?;
        let mut items = vec![(product, 1 + n % 3)];
        if n.is_multiple_of(3) {
            // several lines; orders have the same products in different sequence
            items.extend([3, 5, 11].map(|step| (shop.products[usize::try_from(n * step % PRODUCTS).unwrap_or(0)], 1)));
        }
        for (product, quantity) in items {
            let item = json!({"product_id": product, "quantity": quantity});
            shop.ask(Op::Cart, Method::POST, "/api/cart/items", token, Some(&item)).await?;
        }
        let address = json!({"street_address": "12 Spice Lane", "city": "Tripoli", "state": "North", "postal_code": "1300",
            "country": "Lebanon"});
        let body = json!({"shipping_address": address});
        let (_, reply) = shop.ask(Op::Order, Method::POST, "/api/orders", token, Some(&body)).await?;
        let order = reply["order"]["id"].as_i64()?;
        shop.note(Fact::Placed { order });
        let cancel = format!("/api/orders/{order}/cancel");
        match n % 10 {
            0 => shop.pay(account, order, "sandbox_declined").await?,
            1 => {
                shop.pay(account, order, "sandbox_declined").await?;
                shop.pay(account, order, "sandbox_success").await?;
            }
            2 => {
                shop.ask(Op::Change, Method::POST, &cancel, token, Some(&json!({}))).await?;
                shop.note(Fact::Cancelled { order });
            }
            3 => {
                shop.pay(account, order, "sandbox_success").await?;
                shop.ask(Op::Change, Method::POST, &cancel, token, Some(&json!({}))).await?;
                shop.note(Fact::Cancelled { order });
            }
            4 => {
                shop.pay(account, order, "sandbox_success").await?;
                let (admin, path) = (Some(shop.admin.as_str()), format!("/api/orders/{order}/status"));
                shop.ask(Op::Change, Method::PUT, &path, admin, Some(&json!({"status": "shipped"}))).await?;
                shop.note(Fact::Shipped { order });
                shop.ask(Op::Change, Method::PUT, &path, admin, Some(&json!({"status": "delivered"}))).await?;
                shop.note(Fact::Delivered { order });
            }
            _ => shop.pay(account, order, "sandbox_success").await?,
        }
        Some(())
    }

    /// A visitor who does not buy.
    async fn read(&self) {
        let token = locked(&self.0.accounts).first().map(|account| account.token.clone());
        tokio::join!(
            self.0.ask(Op::Browse, Method::GET, "/api/products?per_page=20", None, None),
            self.0.ask(Op::History, Method::GET, "/api/orders?per_page=5", token.as_deref(), None)
        );
    }

    async fn log_in(&self) {
        let login = json!({"email": address(0), "password": "Saffron-7-Road"});
        self.0.ask(Op::Login, Method::POST, "/api/auth/login", None, Some(&login)).await;
    }

    /// A new account, for later buyers.
    async fn register(&self) {
        let number = self.0.made.fetch_add(1, Ordering::Relaxed);
        let body = json!({"email": address(number), "password": "Saffron-7-Road", "first_name": "Leyla", "last_name": "Aziz"});
        // not repeated: if the first call registered the address, a second one is refused
        let (status, reply) = self.0.once(Op::Register, Method::POST, "/api/auth/register", None, None, Some(&body)).await;
        if let (201, Some(user)) = (status, reply["user"]["id"].as_i64()) {
            self.0.note(Fact::Registered { user });
            locked(&self.0.accounts).insert(0, Account { token: text(&reply["access_token"]) });
        }
    }
}

impl Inner {
    async fn pay(&self, account: &Account, order: i64, method: &str) -> Option<()> {
        let body = json!({"order_id": order, "payment_method": method});
        let token = Some(account.token.as_str());
        let (status, _) = self.ask(Op::Pay, Method::POST, "/api/payments/process", token, Some(&body)).await?;
        self.note(if status == 402 { Fact::Declined { order } } else { Fact::Paid { order } });
        Some(())
    }

    /// Repeats the call until there is a definite answer; impatient clients call once.
    async fn ask(&self, op: Op, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Option<(u16, Value)> {
        let key = (method == Method::POST && token.is_some()).then(|| format!("{:032x}", rand::random::<u128>()));
        let started = Instant::now();
        loop {
            let (status, reply) = self.once(op, method.clone(), path, token, key.as_deref(), body).await;
            if is_answer(status) {
                return Some((status, reply));
            }
            // 409: the same request is still running, or was when its process died
            if !self.is_patient || !matches!(status, 0 | 409 | 500..) || started.elapsed() > PERSISTENCE {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn once(
        &self,
        op: Op,
        method: Method,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let at = Instant::now();
        let answer = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        };
        let (status, body, why) = match answer.await {
            Ok((status, body)) => (status, body, String::new()),
            Err(e) => (0, Default::default(), format!("{:#}", anyhow::Error::from(e))),
        };
        let mut record = locked(&self.record);
        let took = at.elapsed();
        record.samples.push(Sample { op, at, took, status });
        if !is_answer(status) {
            let why = format!("{path}: {why}{}", String::from_utf8_lossy(&body));
            record.failures.push(Failure { op, at, took, status, why });
        }
        drop(record);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn note(&self, fact: Fact) {
        locked(&self.record).facts.push(fact);
    }
}

/// Whether the answer is the expected one; some buyers expect their payment to be declined.
pub(crate) fn is_answer(status: u16) -> bool {
    matches!(status, 200..=299 | 402)
}

/// A stream of buyers, until this is ended.
pub(crate) struct Load {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    work: JoinHandle<()>,
}

impl Load {
    /// Sends no more buyers, and waits for all purchases.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        Ok((&mut self.work).await?)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.work.abort();
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    // keeps the rate, even if this program was delayed
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

fn address(number: u64) -> String {
    format!("buyer-{number}@example.com")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
