//! Checks that the shop does not exceed its pools under 1,000 clients at once, as one process and split, on all four servers.

use crate::{
    buyers::Buyer,
    client::{Client, Request},
    shop::{On, PRODUCTS, Shop, Stores, mongodb_url, redis_url},
};
use anyhow::{Context, ensure};
use clap::Args;
use sqlx::{Connection, PgConnection};
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

#[derive(Args)]
pub(crate) struct Options {
    /// Clients, each with a connection of its own and one request at a time
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Seconds for each deployment
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

const ALL: On = On { title: "", redis: true, rabbitmq: true, mongodb: true };
/// As in config/default.toml.
const POOL: usize = 8;
/// Of five clients, one orders, one fills and empties a cart, and three look at products.
const KINDS: usize = 5;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut passed = true;
    for title in ["one process", "seven processes"] {
        let stores = Stores::create(On { title, ..ALL }).await?;
        let outcome = check(options, &stores).await;
        stores.remove().await?;
        passed &= outcome.context(title)?;
    }
    ensure!(passed, "a pool was exceeded, or an answer was wrong");
    Ok(())
}

async fn check(options: &Options, stores: &Stores) -> anyhow::Result<bool> {
    stores.seed().await?;
    // one process opens all accounts; the loaded shop uses them, too
    let tokens = stores.one_process(None, &[])?.register(options.clients.div_ceil(KINDS) * 2).await?;
    let split = stores.on.title != "one process";
    let shop = if split { stores.split(&[])? } else { stores.one_process(None, &[])? };
    let time = Duration::from_secs(options.seconds);
    let (answers, most) = tokio::try_join!(load(&shop, &tokens, options.clients, time), watch(&shop, stores, time))?;
    println!("\n## {}: {} clients for {} s\n", stores.on.title, options.clients, options.seconds);
    let counted = report_connections(&most);
    let answered = answers.report();
    println!("\n{}", if counted && answered { "PASS" } else { "FAIL" });
    Ok(counted && answered)
}

/// Answers and their latencies.
#[derive(Default)]
struct Answers {
    count: BTreeMap<String, u64>,
    millis: Vec<f64>,
    wrong: Vec<String>,
}

impl Answers {
    /// Records an answer; returns whether it was a success. `expected` is the status that the request should cause.
    fn note(&mut self, sent: Instant, status: u16, retry_after: bool, body: &[u8], expected: Option<u16>) -> bool {
        self.millis.push(sent.elapsed().as_secs_f64() * 1e3);
        let what = match status {
            200..=299 => "",
            429 | 503 if retry_after => " with Retry-After",
            _ if expected == Some(status) => " on purpose",
            _ => {
                self.wrong.push(format!("{status}: {}", String::from_utf8_lossy(body)));
                ", wrong"
            }
        };
        *self.count.entry(format!("{status}{what}")).or_default() += 1;
        status < 300
    }

    fn add(&mut self, other: Self) {
        for (what, count) in other.count {
            *self.count.entry(what).or_default() += count;
        }
        self.millis.extend(other.millis);
        self.wrong.extend(other.wrong);
    }

    fn report(mut self) -> bool {
        self.millis.sort_by(f64::total_cmp);
        let at = |percent: usize| self.millis.get(self.millis.len() * percent / 100).copied().unwrap_or_default();
        let last = self.millis.last().copied().unwrap_or_default();
        let count: Vec<String> = self.count.iter().map(|(what, count)| format!("{count} x {what}")).collect();
        println!("\n- answers: {}", count.join(", "));
        println!("- p50 {:.0} ms, p99 {:.0} ms, longest {last:.0} ms", at(50), at(99));
        for wrong in self.wrong.iter().take(5) {
            println!("- wrong: {wrong}");
        }
        self.wrong.is_empty() && !self.millis.is_empty()
    }
}

async fn load(shop: &Shop, tokens: &[String], clients: usize, time: Duration) -> anyhow::Result<Answers> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    let mut buyers = Buyer::all(shop.address(), tokens, 1).into_iter();
    for number in 0..clients {
        // clients with a cart need an account of their own
        let buyer = (number % KINDS < 2).then(|| buyers.next()).flatten();
        let client = Client::new(shop.address());
        tasks.spawn(async move {
            let mut visitor = Visitor { client, answers: Answers::default(), number: number as u64, step: 0 };
            match buyer {
                Some(buyer) if number % KINDS == 0 => {
                    while started.elapsed() < time {
                        visitor.order(&buyer.token).await?;
                    }
                }
                Some(buyer) => {
                    while started.elapsed() < time {
                        visitor.fill_and_empty_a_cart(&buyer.token).await?;
                    }
                }
                None => {
                    while started.elapsed() < time {
                        visitor.look_around().await?;
                    }
                }
            }
            anyhow::Ok(visitor.answers)
        });
    }
    let mut answers = Answers::default();
    while let Some(finished) = tasks.join_next().await {
        answers.add(finished??);
    }
    Ok(answers)
}

struct Visitor {
    client: Client,
    answers: Answers,
    number: u64,
    step: u64,
}

impl Visitor {
    async fn ask(&mut self, request: Request<'_>, expected: Option<u16>) -> anyhow::Result<bool> {
        let sent = Instant::now();
        let answer = self.client.send(request).await?;
        Ok(self.answers.note(sent, answer.status, answer.retry_after, answer.body, expected))
    }

    /// Another product each time.
    fn product(&mut self) -> u64 {
        self.step += 1;
        1 + (self.step * 997 + self.number).wrapping_mul(7919) % PRODUCTS
    }

    async fn look_around(&mut self) -> anyhow::Result<()> {
        let product = self.product();
        // one of ten requests is for a missing product
        let (path, expected) = match self.step % 10 {
            0 => (format!("/api/products/{}", PRODUCTS + product), Some(404)),
            1 => (format!("/api/products?per_page=10&page={}", 1 + product % 100), None),
            _ => (format!("/api/products/{product}"), None),
        };
        self.ask(Request { method: "GET", path: &path, ..Request::default() }, expected).await?;
        Ok(())
    }

    async fn fill_and_empty_a_cart(&mut self, token: &str) -> anyhow::Result<()> {
        let product = self.product();
        let item = format!(r#"{{"product_id":{product},"quantity":1}}"#);
        if self.ask(Request { method: "POST", path: "/api/cart/items", token, json: &item, key: "" }, None).await? {
            self.ask(Request { method: "GET", path: "/api/cart", token, ..Request::default() }, None).await?;
            self.ask(Request { method: "DELETE", path: "/api/cart", token, ..Request::default() }, None).await?;
        }
        Ok(())
    }

    async fn order(&mut self, token: &str) -> anyhow::Result<()> {
        let (product, key) = (self.product(), format!("order-{}-{}", self.number, self.step));
        let item = format!(r#"{{"product_id":{product},"quantity":1}}"#);
        if self.ask(Request { method: "POST", path: "/api/cart/items", token, json: &item, key: "" }, None).await? {
            let address = format!(r#"{{"shipping_address":{}}}"#, crate::buyers::ADDRESS);
            self.ask(Request { method: "POST", path: "/api/orders", token, json: &address, key: &key }, None).await?;
        }
        Ok(())
    }
}

/// The most connections that were seen at once, and the most there may be.
type Most = BTreeMap<String, (usize, usize)>;

/// Counts four times a second.
async fn watch(shop: &Shop, stores: &Stores, time: Duration) -> anyhow::Result<Most> {
    let started = Instant::now();
    let mut most = Most::new();
    let mut admin = PgConnection::connect(&stores.url("postgres")).await?;
    let by_name = "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = $1 GROUP BY 1";
    // a relay for each module that publishes events, and one listener; the driver of MongoDB has two more to watch the server
    let servers = [
        ("Redis", port(&redis_url(), 6379)?, POOL),
        ("RabbitMQ", port(&kernel::testing::rabbitmq(), 5672)?, 4),
        ("MongoDB", port(&mongodb_url(), 27017)?, POOL + 2),
    ];
    while started.elapsed() < time {
        let rows: Vec<(String, i64)> = sqlx::query_as(by_name).bind(&stores.name).fetch_all(&mut admin).await?;
        let mut seen: Vec<(String, usize, usize)> = rows
            .into_iter()
            .map(|(name, count)| (format!("PostgreSQL, {name}"), usize::try_from(count).unwrap_or_default(), POOL))
            .collect();
        let sockets = sockets(&shop.pids())?;
        for (name, port, limit) in servers {
            seen.push((name.into(), sockets.iter().filter(|to| **to == port).count(), limit));
        }
        for (name, count, limit) in seen {
            let entry = most.entry(name).or_insert((0, limit));
            entry.0 = entry.0.max(count);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    admin.close().await?;
    Ok(most)
}

fn report_connections(most: &Most) -> bool {
    println!("| connections | most seen | most allowed |\n|---|--:|--:|");
    for (name, (seen, limit)) in most {
        println!("| {name} | {seen} | {limit} |");
    }
    // connections of all five modules, and to the other three servers, were seen
    let all = most.values().filter(|(seen, _)| *seen > 0).count() >= 7;
    all && most.values().all(|(seen, limit)| seen <= limit)
}

fn port(url: &str, usual: u16) -> anyhow::Result<u16> {
    let host = url.split("://").nth(1).with_context(|| url.to_owned())?;
    let host = host.rsplit('@').next().unwrap_or(host).split(['/', '?']).next().unwrap_or_default();
    Ok(host.rsplit_once(':').map_or(Ok(usual), |(_, port)| port.parse())?)
}

/// The ports to which these processes have connections, from the tables of the kernel, which show the process of each connection.
fn sockets(pids: &[u32]) -> anyhow::Result<Vec<u16>> {
    let mut inodes = HashSet::new();
    for pid in pids {
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).context("a process has ended")? {
            // a connection may be closed while the folder is read
            if let Ok(link) = fs::read_link(entry?.path()) {
                let link = link.to_string_lossy().into_owned();
                inodes.extend(link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned));
            }
        }
    }
    let mut ports = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [_, _, to, state, _, _, _, _, _, inode, ..] = fields[..] else { continue };
            // 01 is an established connection
            if state == "01" && inodes.contains(inode) {
                ports.extend(to.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok()));
            }
        }
    }
    Ok(ports)
}
