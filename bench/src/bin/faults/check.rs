//! Checks that every acknowledged fact is true, and that every event has had its visible effect exactly once.

use crate::{
    load::{Fact, STOCK},
    servers::Servers,
    shop::{DATABASES, MAIL_RETRY_MS, PREFIX, RETRY_MS},
    smtp::{Mails, Sink},
};
use anyhow::Context;
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::QueueDeclareOptions,
    types::{FieldTable, ShortString},
};
use mongodb::bson::{Document, doc};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

/// The stores to compare.
pub(crate) struct Stores {
    product: PgPool,
    user: PgPool,
    order: PgPool,
    payment: PgPool,
    mongo: mongodb::Database,
    broker_url: String,
}

/// The result of a check.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Violations of guarantees.
    pub(crate) violations: Vec<String>,
    /// Counts, for the report.
    pub(crate) counts: Vec<(&'static str, usize)>,
}

/// The result of waiting until nothing is under way.
pub(crate) struct Settled {
    pub(crate) after: Duration,
    pub(crate) findings: Findings,
}

/// What a notification is about: its kind, and the number of the order, or of the user in a welcome.
type About = (String, i64);

/// Creates the databases of the modules.
pub(crate) async fn make_databases(servers: &Servers) -> anyhow::Result<()> {
    let pool = pool(servers, "postgres").await?;
    for module in DATABASES {
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE souk_{module}"))).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

/// Waits until PostgreSQL has recovered; it listens earlier.
pub(crate) async fn postgres_answers(servers: &Servers) -> anyhow::Result<()> {
    pool(servers, "postgres").await?.close().await;
    Ok(())
}

async fn pool(servers: &Servers, database: &str) -> anyhow::Result<PgPool> {
    let url = format!("postgres://postgres@127.0.0.1:{}/{database}", servers.postgres.port);
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(30));
    options.connect(&url).await.with_context(|| url)
}

impl Stores {
    pub(crate) async fn open(servers: &Servers) -> anyhow::Result<Self> {
        Ok(Self {
            product: pool(servers, "souk_product").await?,
            user: pool(servers, "souk_user").await?,
            order: pool(servers, "souk_order").await?,
            payment: pool(servers, "souk_payment").await?,
            mongo: mongodb::Client::with_uri_str(format!("mongodb://127.0.0.1:{}", servers.mongo.port)).await?.database("souk"),
            broker_url: format!("amqp://guest:guest@127.0.0.1:{}", servers.broker.port),
        })
    }

    /// Waits until nothing is under way and nothing is wrong. After `longest`, everything that is still wrong is a violation.
    pub(crate) async fn settle(&self, facts: &[Fact], sink: &Sink, longest: Duration) -> anyhow::Result<Settled> {
        let started = Instant::now();
        loop {
            let is_late = started.elapsed() > longest;
            let under_way = self.under_way(is_late).await?;
            if under_way.is_empty() || is_late {
                let mut findings = self.findings(facts, &sink.mails()).await?;
                findings.violations.extend(under_way.into_iter().map(|what| format!("still under way: {what}")));
                if findings.violations.is_empty() || is_late {
                    return Ok(Settled { after: started.elapsed(), findings });
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Unfinished work. If `late`, without work that a dead process holds until its lease ends.
    async fn under_way(&self, late: bool) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut add = |count: i64, what: &str| {
            if count > 0 {
                found.push(format!("{count} {what}"));
            }
        };
        let free = if late { " AND lease_until < now() - interval '15 s'" } else { "" };
        let due = if late { " AND due_at < now() - interval '5 s'" } else { "" };
        for (name, pool) in [("user", &self.user), ("order", &self.order), ("payment", &self.payment)] {
            let sql = format!("SELECT count(*) FROM outbox WHERE dead_at IS NULL{due}");
            add(count(pool, &sql).await?, &format!("events in the outbox of {name}"));
        }
        let intermediate = "SELECT count(*) FROM orders WHERE state IN ('placing', 'charging', 'refunding')";
        add(count(&self.order, &format!("{intermediate}{free}")).await?, "orders in an intermediate state");
        add(count(&self.order, "SELECT count(*) FROM order_effects").await?, "effects of orders");
        let notifications = self.mongo.collection::<Document>("notifications");
        let queued = notifications.count_documents(doc! {"status": "queued"}).await?;
        add(queued.cast_signed(), "notifications to be sent");
        let (_connection, mut channel) = self.channel().await?;
        let retries = RETRY_MS.iter().map(|ms| format!(".retry.{ms}"));
        for suffix in retries.chain([String::new()]) {
            let queue = format!("{PREFIX}.notification{suffix}");
            let messages = self.messages(&mut channel, &queue).await?;
            add(messages, &format!("messages in {queue}"));
        }
        Ok(found)
    }

    async fn channel(&self) -> anyhow::Result<(Connection, Channel)> {
        let connection = Connection::connect(&self.broker_url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        Ok((connection, channel))
    }

    async fn messages(&self, channel: &mut Channel, queue: &str) -> anyhow::Result<i64> {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let queue = channel.queue_declare(ShortString::from(queue), passive, FieldTable::default()).await?;
        Ok(queue.message_count().into())
    }

    /// Compares everything.
    async fn findings(&self, facts: &[Fact], mails: &Mails) -> anyhow::Result<Findings> {
        let mut findings = Findings::default();
        let orders = self.orders().await?;
        let payments: Vec<Payment> = sqlx::query_as("SELECT order_id, status, amount_minor FROM payments")
            .fetch_all(&self.payment)
            .await?
            .into_iter()
            .map(|(order, status, amount)| Payment { order, status, amount })
            .collect();
        let users: HashSet<i64> = sqlx::query_scalar("SELECT id FROM users").fetch_all(&self.user).await?.into_iter().collect();
        check_facts(facts, &orders, &payments, &users, &mut findings);
        check_payments(&orders, &payments, &mut findings);
        self.check_stock(&orders, &mut findings).await?;
        self.check_dead_letters(&mut findings).await?;
        let expected = expected(&orders, &payments, &users);
        let notes = self.notes().await?;
        check_notes(&expected, &notes, &mut findings);
        check_mails(&notes, mails, &mut findings);
        Ok(findings)
    }

    async fn orders(&self) -> anyhow::Result<BTreeMap<i64, Order>> {
        let rows: Vec<(i64, String, i64)> =
            sqlx::query_as("SELECT id, state, total_minor FROM orders").fetch_all(&self.order).await?;
        let order = |(id, state, total)| (id, Order { state, total, seen: HashSet::new() });
        let mut orders: BTreeMap<i64, Order> = rows.into_iter().map(order).collect();
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT order_id, state FROM order_timeline").fetch_all(&self.order).await?;
        for (id, state) in rows {
            orders.entry(id).or_default().seen.insert(state);
        }
        Ok(orders)
    }

    async fn notes(&self) -> anyhow::Result<Vec<Note>> {
        let mut notes = Vec::new();
        let mut found = self.mongo.collection::<Document>("notifications").find(doc! {}).await?;
        while found.advance().await? {
            let note = found.deserialize_current()?;
            let text = |name: &str| note.get_str(name).unwrap_or_default().to_owned();
            let kind = text("kind");
            let number = match kind.as_str() {
                "user.registered" => note.get_i64("user_id").unwrap_or_default(),
                "payment.failed" => number_after(&text("text"), "S-"),
                _ => number_after(&text("subject"), "S-"),
            };
            notes.push(Note { id: text("_id"), about: (kind, number), channel: text("channel"), status: text("status") });
        }
        Ok(notes)
    }

    async fn check_stock(&self, orders: &BTreeMap<i64, Order>, findings: &mut Findings) -> anyhow::Result<()> {
        let lines: Vec<(i64, i64, i64, String)> =
            sqlx::query_as("SELECT order_id, product_id, quantity, status FROM holds JOIN hold_lines USING (order_id)")
                .fetch_all(&self.product)
                .await?;
        let (mut held, mut sold) = (HashMap::<i64, i64>::new(), HashMap::<i64, i64>::new());
        for (order, product, quantity, status) in &lines {
            match status.as_str() {
                "held" => *held.entry(*product).or_default() += quantity,
                "committed" => *sold.entry(*product).or_default() += quantity,
                _ => {}
            }
            let state = orders.get(order).map_or("none", |order| order.state.as_str());
            let fits = match state {
                "pending" => status == "held",
                "paid" | "shipped" | "delivered" => status == "committed",
                "cancelled" | "refunded" | "expired" => status == "released",
                // an order that was never placed
                "none" => status == "released",
                // in an intermediate state
                _ => true,
            };
            if !fits {
                findings.violations.push(format!("order {order} is {state}, and its stock {status}"));
            }
        }
        let products: Vec<(i64, i64, i64)> =
            sqlx::query_as("SELECT id, stock_quantity, reserved FROM products").fetch_all(&self.product).await?;
        for (id, stock, reserved) in products {
            let (held, sold) = (held.get(&id).copied().unwrap_or(0), sold.get(&id).copied().unwrap_or(0));
            if reserved != held || stock + reserved + sold != STOCK {
                findings.violations.push(format!("product {id}: {stock} left, {reserved} reserved, {held} held, {sold} sold"));
            }
        }
        findings.counts.push(("pieces sold", usize::try_from(sold.values().sum::<i64>())?));
        Ok(())
    }

    async fn check_dead_letters(&self, findings: &mut Findings) -> anyhow::Result<()> {
        for (name, pool) in [("user", &self.user), ("order", &self.order), ("payment", &self.payment)] {
            let dead = count(pool, "SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL").await?;
            if dead > 0 {
                findings.violations.push(format!("{dead} dead letters in the outbox of {name}"));
            }
        }
        let (_connection, mut channel) = self.channel().await?;
        let dead = self.messages(&mut channel, &format!("{PREFIX}.notification.dead")).await?;
        if dead > 0 {
            findings.violations.push(format!("{dead} dead letters of notification"));
        }
        Ok(())
    }
}

async fn count(pool: &PgPool, sql: &str) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await?)
}

#[derive(Default)]
struct Order {
    state: String,
    total: i64,
    /// The states in its timeline.
    seen: HashSet<String>,
}

struct Payment {
    order: i64,
    status: String,
    amount: i64,
}

/// A notification.
struct Note {
    id: String,
    about: About,
    channel: String,
    status: String,
}

/// The number behind a mark in a text; -1 if there is none.
fn number_after(text: &str, mark: &str) -> i64 {
    let rest = text.split_once(mark).map_or("", |(_, rest)| rest);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(-1)
}

fn check_facts(
    facts: &[Fact],
    orders: &BTreeMap<i64, Order>,
    payments: &[Payment],
    users: &HashSet<i64>,
    findings: &mut Findings,
) {
    let declined: HashSet<i64> = payments.iter().filter(|p| p.status == "failed").map(|p| p.order).collect();
    for fact in facts {
        let seen = |order: &i64, states: &[&str]| {
            orders.get(order).is_some_and(|order| states.iter().any(|state| order.seen.contains(*state)))
        };
        let is_so = match fact {
            Fact::Registered { user } => users.contains(user),
            Fact::Placed { order } => seen(order, &["pending"]),
            Fact::Paid { order } => seen(order, &["paid"]),
            Fact::Declined { order } => declined.contains(order),
            Fact::Cancelled { order } => seen(order, &["cancelled", "refunding"]),
            Fact::Shipped { order } => seen(order, &["shipped"]),
            Fact::Delivered { order } => seen(order, &["delivered"]),
        };
        if !is_so {
            findings.violations.push(format!("acknowledged, but not so: {fact:?}"));
        }
    }
    let placed = facts.iter().filter(|fact| matches!(fact, Fact::Placed { .. })).count();
    let paid = facts.iter().filter(|fact| matches!(fact, Fact::Paid { .. })).count();
    findings.counts.extend([
        ("facts acknowledged", facts.len()),
        ("orders acknowledged", placed),
        ("payments acknowledged", paid),
    ]);
    findings.counts.push(("orders in the store", orders.len()));
    let intermediate =
        orders.values().filter(|order| matches!(order.state.as_str(), "placing" | "charging" | "refunding")).count();
    if intermediate > 0 {
        findings.counts.push(("orders that dead requests still hold, by a lease of 90 s", intermediate));
    }
}

/// One charge for each order that was paid, of its amount; none for the others.
fn check_payments(orders: &BTreeMap<i64, Order>, payments: &[Payment], findings: &mut Findings) {
    let mut charged = HashMap::<i64, Vec<&Payment>>::new();
    for payment in payments.iter().filter(|payment| matches!(payment.status.as_str(), "succeeded" | "refunded")) {
        charged.entry(payment.order).or_default().push(payment);
    }
    for (id, order) in orders {
        let charges = charged.get(id).map_or(&[][..], Vec::as_slice);
        let wanted = match order.state.as_str() {
            "paid" | "shipped" | "delivered" => Some("succeeded"),
            "refunded" => Some("refunded"),
            "pending" | "cancelled" | "expired" => None,
            _ => continue,
        };
        let fits = charges.iter().all(|charge| Some(charge.status.as_str()) == wanted && charge.amount == order.total);
        if !fits || charges.len() != usize::from(wanted.is_some()) {
            findings.violations.push(format!("order {id} is {}, with {} charges", order.state, charges.len()));
        }
    }
}

/// How often each event must have been published, by the committed states.
fn expected(orders: &BTreeMap<i64, Order>, payments: &[Payment], users: &HashSet<i64>) -> HashMap<About, usize> {
    let mut expected = HashMap::new();
    for (id, order) in orders {
        for (kind, states) in [
            ("order.placed", &["pending"][..]),
            ("order.paid", &["paid"]),
            ("order.shipped", &["shipped"]),
            ("order.delivered", &["delivered"]),
            ("order.cancelled", &["cancelled", "expired", "refunding"]),
            ("order.refunded", &["refunded"]),
        ] {
            if states.iter().any(|state| order.seen.contains(*state)) {
                expected.insert((kind.to_owned(), *id), 1);
            }
        }
    }
    for payment in payments.iter().filter(|payment| payment.status == "failed") {
        *expected.entry(("payment.failed".to_owned(), payment.order)).or_default() += 1;
    }
    expected.extend(users.iter().map(|user| (("user.registered".to_owned(), *user), 1)));
    expected
}

fn check_notes(expected: &HashMap<About, usize>, notes: &[Note], findings: &mut Findings) {
    let mut found = HashMap::<&About, usize>::new();
    for note in notes {
        *found.entry(&note.about).or_default() += 1;
        if note.channel != "email" || note.status != "sent" {
            findings
                .violations
                .push(format!("notification {} of {:?} by {} is {}", note.id, note.about, note.channel, note.status));
        }
        if !expected.contains_key(&note.about) {
            findings.violations.push(format!("notification {} of {:?}, which did not happen", note.id, note.about));
        }
    }
    for (about, wanted) in expected {
        let found = found.get(about).copied().unwrap_or(0);
        if found != *wanted {
            findings.violations.push(format!("{found} notifications of {about:?} instead of {wanted}"));
        }
    }
    findings.counts.push(("events expected", expected.values().sum()));
    findings.counts.push(("notifications in MongoDB", notes.len()));
}

/// Every notification was mailed. A mail may arrive twice under the same Message-ID, if the sender dies before it has stored the
/// success, or if the server does not answer. This is counted and no violation, unless there are more copies than attempts are
/// allowed.
fn check_mails(notes: &[Note], mails: &Mails, findings: &mut Findings) {
    let mut mails: HashMap<String, &Vec<String>> = mails.iter().map(|(id, to)| (local(id), to)).collect();
    let (mut again, mut most) = (0, 0);
    for note in notes {
        match mails.remove(&note.id) {
            None => findings.violations.push(format!("notification {} of {:?} was not mailed", note.id, note.about)),
            Some(deliveries) => {
                again += deliveries.len() - 1;
                most = most.max(deliveries.len());
                if deliveries.len() > MAIL_RETRY_MS.len() + 1 {
                    findings.violations.push(format!("mail {} came {} times", note.id, deliveries.len()));
                }
                if deliveries.iter().any(|to| to != &deliveries[0] || to.is_empty()) {
                    findings.violations.push(format!("mail {} went to {deliveries:?}", note.id));
                }
            }
        }
    }
    findings.violations.extend(mails.keys().map(|id| format!("mail {id:?} of no notification")));
    findings.counts.push(("Message-IDs at the mail server", notes.len()));
    findings.counts.push(("deliveries of a Message-ID again (the sender died between the answer 250 and its commit)", again));
    findings.counts.push(("most deliveries of one Message-ID", most));
}

/// The part of a Message-ID before the @.
fn local(id: &str) -> String {
    id.trim_start_matches('<').split('@').next().unwrap_or_default().to_owned()
}
