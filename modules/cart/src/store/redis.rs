//! Carts in Redis: one hash for each; `common.lua` explains the fields. Every change is one script: atomic, and one round trip.

use super::{
    catalogue::Catalogue,
    pricing,
    stored::{Line, MAX_LINES, RENEWAL_INTERVAL, Shown, Stored},
};
use crate::{AddItem, Cart, CartError, config::Config, ops};
use deadpool_redis::{
    Connection, Manager, Pool,
    redis::{AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisError, Script, ScriptInvocation, ServerErrorKind, cmd},
};
use kernel::{
    BoxError, Ctx, Fault, Money, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    idempotency::{KEPT, Used},
    trace,
};
use product::VariantId;
use std::{
    collections::HashMap,
    fmt::Display,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// The connections to Redis, and the scripts.
pub(crate) struct Redis {
    pool: Pool,
    acquire_timeout: Duration,
    prefix: String,
    load: Script,
    add: Script,
    set: Script,
    remove: Script,
    remember_shown: Script,
    clear_version: Script,
    is_unreachable: AtomicBool,
}

/// The answer of a script: the outcome, a number that depends on the outcome, and the fields of the cart.
type Answer = (String, i64, Fields);
/// The fields of a hash.
type Fields = HashMap<String, String>;
type Result<T, E = Fault> = std::result::Result<T, E>;

impl Redis {
    pub(super) fn open(config: &Config) -> Result<Self, BoxError> {
        if config.pool.connections == 0 {
            return Err("cart.pool.connections must be at least 1".into());
        }
        // in a cluster, what is between braces decides which node has a key: `reply_key` relies on it
        if config.key_prefix.is_empty() || config.key_prefix.contains(['{', '}']) {
            return Err("cart.key_prefix must not be empty, and not contain { or }".into());
        }
        let acquire_timeout = Duration::from_millis(config.pool.acquire_timeout_ms);
        let connection = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(acquire_timeout))
            .set_response_timeout(Some(Duration::from_millis(config.response_timeout_ms)));
        let manager = Manager::new_with_config(config.database_url.as_str(), connection);
        let manager = manager.map_err(|e| format!("cart.database_url: {e}"))?;
        let script = |code| Script::new(&format!("{}{code}", include_str!("common.lua")));
        Ok(Self {
            pool: Pool::builder(manager).max_size(config.pool.connections as usize).build()?,
            acquire_timeout,
            prefix: config.key_prefix.clone(),
            load: script(include_str!("load.lua")),
            add: script(include_str!("add.lua")),
            set: script(include_str!("set.lua")),
            remove: script(include_str!("remove.lua")),
            remember_shown: script(include_str!("remember_shown.lua")),
            clear_version: script(include_str!("clear_version.lua")),
            is_unreachable: AtomicBool::new(false),
        })
    }

    /// Checks that the server can be reached and is new enough.
    pub(super) async fn bring_up(&self) -> Result<(), String> {
        self.ping().await.map_err(|e| format!("cart.database_url: Redis cannot be reached: {e}"))?;
        self.check_version().await.map_err(|e| format!("cart.database_url must be that of Redis 7.0 or later: {e}"))
    }

    /// Sets the gauges of the connections, as a database does (`kernel::db`).
    pub(super) fn measure(&self) {
        let status = self.pool.status();
        let wanted = status.size - status.available + status.waiting;
        metrics::gauge!("souk_database_connections", "module" => "cart", "use" => "all").set(status.size as f64);
        metrics::gauge!("souk_database_connections_wanted", "module" => "cart", "use" => "all").set(wanted as f64);
        metrics::gauge!("souk_database_connections_max", "module" => "cart", "use" => "all").set(status.max_size as f64);
    }

    pub(super) async fn check(&self) -> Result<()> {
        self.ping().await.map_err(unavailable)
    }

    pub(super) async fn load(&self, user: UserId) -> Result<Option<Stored>> {
        self.look(user, 0, 0).await
    }

    pub(super) async fn renewed(&self, user: UserId, life: TimeDelta) -> Result<Option<Stored>> {
        self.look(user, (life - RENEWAL_INTERVAL).num_milliseconds(), life.num_milliseconds()).await
    }

    pub(super) async fn replayed(&self, cx: &Ctx, user: UserId, item: &AddItem) -> Result<Option<Cart>> {
        let Some(used) = Used::of(cx, ops::ADD, item)? else { return Ok(None) };
        let fields: Fields = self.command("HGETALL", cmd("HGETALL").arg(self.reply_key(user, &used))).await?;
        if fields.is_empty() { Ok(None) } else { replay(cx, user, &used, fields).map(Some) }
    }

    pub(super) async fn add(
        &self,
        cx: &Ctx,
        user: UserId,
        item: &AddItem,
        catalogue: &Catalogue,
        life: TimeDelta,
    ) -> Result<Cart, CartError> {
        let product = catalogue.sold(item.variant())?;
        let used = Used::of(cx, ops::ADD, item)?;
        let mut call = self.add.key(self.cart_key(user));
        call.arg(item.variant().0).arg(item.quantity).arg(product.stock).arg(MAX_LINES).arg(life.num_milliseconds());
        call.arg(Money::MAX_MINOR).arg(gone(catalogue));
        match &used {
            Some(used) => {
                let catalogue = kernel::serde_json::to_string(catalogue).map_err(Fault::internal)?;
                call.key(self.reply_key(user, used)).arg(&used.request_hash).arg(KEPT.num_milliseconds()).arg(catalogue)
            }
            None => call.arg("").arg("").arg(""),
        };
        let (outcome, number, fields): Answer = self.script("EVALSHA add", push_shown(&mut call, catalogue.shown())).await?;
        match (outcome.as_str(), &used) {
            ("added", _) => {
                let stored = stored(user, number, &fields)?.ok_or_else(|| broken(user, "no cart after an addition"))?;
                Ok(pricing::cart(&stored, catalogue))
            }
            ("replayed", Some(used)) => Ok(replay(cx, user, used, fields)?),
            ("not enough", _) => {
                let requested = u32::try_from(number).unwrap_or(u32::MAX);
                Err(CartError::InsufficientStock { requested, available: product.stock })
            }
            ("full", _) => Err(CartError::CartFull),
            ("too dear", _) => Err(pricing::too_dear(Some(product.currency))),
            (outcome, _) => Err(broken(user, format_args!("answer {outcome}")).into()),
        }
    }

    pub(super) async fn set(
        &self,
        user: UserId,
        variant: VariantId,
        quantity: u32,
        catalogue: &Catalogue,
        life: TimeDelta,
    ) -> Result<Stored, CartError> {
        let mut call = self.set.key(self.cart_key(user));
        call.arg(variant.0).arg(quantity).arg(life.num_milliseconds()).arg(Money::MAX_MINOR).arg(gone(catalogue));
        let (outcome, expires, fields): Answer = self.script("EVALSHA set", push_shown(&mut call, catalogue.shown())).await?;
        if outcome == "too dear" {
            return Err(pricing::too_dear(catalogue.sold(variant).ok().map(|product| product.currency)));
        }
        stored(user, expires, &fields)?.ok_or(CartError::NotInCart)
    }

    pub(super) async fn remove(&self, user: UserId, variant: VariantId, life: TimeDelta) -> Result<Option<Stored>, CartError> {
        let mut call = self.remove.key(self.cart_key(user));
        match self.script::<Answer>("EVALSHA remove", call.arg(variant.0).arg(life.num_milliseconds())).await? {
            (outcome, ..) if outcome == "no such line" => Err(CartError::NotInCart),
            (_, expires, fields) => Ok(stored(user, expires, &fields)?),
        }
    }

    pub(super) async fn clear(&self, user: UserId) -> Result<()> {
        self.command("DEL", cmd("DEL").arg(self.cart_key(user))).await
    }

    pub(super) async fn clear_version(&self, user: UserId, version: i64) -> Result<()> {
        self.script("EVALSHA clear_version", self.clear_version.key(self.cart_key(user)).arg(version)).await
    }

    pub(super) async fn remember_shown(&self, user: UserId, shown: &[Shown<'_>]) -> Result<()> {
        let mut call = self.remember_shown.key(self.cart_key(user));
        self.script("EVALSHA remember_shown", push_shown(&mut call, shown.iter())).await
    }

    async fn look(&self, user: UserId, soon: i64, life: i64) -> Result<Option<Stored>> {
        let mut call = self.load.key(self.cart_key(user));
        let (_, expires, fields): Answer = self.script("EVALSHA load", call.arg(soon).arg(life)).await?;
        stored(user, expires, &fields)
    }

    fn cart_key(&self, user: UserId) -> String {
        format!("{}:{user}", self.prefix)
    }

    /// The key of the reply under an idempotency key. Redis Cluster hashes the part in braces only: `{cart:7}…` is on the node of
    /// `cart:7`, and all keys of a script must be on one node.
    fn reply_key(&self, user: UserId, used: &Used) -> String {
        format!("{{{}}}:{}:{}", self.cart_key(user), used.scope, used.key)
    }

    /// Runs a script. The library sends it again when a restarted server no longer has it.
    async fn script<T: FromRedisValue>(&self, name: &str, call: &ScriptInvocation<'_>) -> Result<T> {
        self.must_be_reachable()?;
        let run = async {
            let mut connection = self.connection().await.map_err(unavailable)?;
            call.invoke_async(&mut connection).await.map_err(fault)
        };
        trace::store_call("redis", name, run).await
    }

    async fn command<T: FromRedisValue>(&self, name: &str, command: &Cmd) -> Result<T> {
        self.must_be_reachable()?;
        let run = async {
            let mut connection = self.connection().await.map_err(unavailable)?;
            command.query_async(&mut connection).await.map_err(fault)
        };
        trace::store_call("redis", name, run).await
    }

    /// Fails at once when the last probe did not reach the server.
    fn must_be_reachable(&self) -> Result<()> {
        if self.is_unreachable.load(Ordering::Relaxed) { Err(unavailable("Redis does not answer")) } else { Ok(()) }
    }

    /// Checks whether the server can be reached, for the calls that follow.
    pub(super) async fn probe(&self) -> Result<()> {
        let found = self.ping().await;
        self.is_unreachable.store(found.is_err(), Ordering::Relaxed);
        found.map_err(unavailable)
    }

    async fn ping(&self) -> Result<(), BoxError> {
        Ok(cmd("PING").query_async(&mut self.connection().await?).await?)
    }

    /// Loads the cart of no user, which fails on a server without the commands that the scripts use.
    async fn check_version(&self) -> Result<(), BoxError> {
        let mut call = self.load.key(self.cart_key(UserId(0)));
        Ok(call.arg(0).arg(0).invoke_async(&mut self.connection().await?).await?)
    }

    /// A working connection: the pool tests each connection and replaces broken ones.
    async fn connection(&self) -> Result<Connection, BoxError> {
        let connection = tokio::time::timeout(self.acquire_timeout, self.pool.get()).await;
        Ok(connection.map_err(|_| "no connection was free in time")??)
    }
}

/// No answer is `unavailable`, and so is a server that is starting, failing over, or full. Anything else is a bug.
fn fault(e: RedisError) -> Fault {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly, TryAgain};
    let is_transient =
        matches!(e.kind(), ErrorKind::Io | ErrorKind::Server(BusyLoading | ClusterDown | MasterDown | ReadOnly | TryAgain))
            || matches!(e.code(), Some("BUSY" | "MISCONF" | "NOREPLICAS" | "OOM"));
    if is_transient { unavailable(e) } else { Fault::internal(e) }
}

/// The same fault as for an unreachable database. Neither the client's text nor the log contains the URL, which may have a
/// password.
fn unavailable(why: impl Display) -> Fault {
    Fault::unavailable("The database is not available", why)
}

/// Adds the names and prices that the user is shown to the arguments of a call.
fn push_shown<'call, 'script, S: std::borrow::Borrow<Shown<'script>>>(
    call: &'call mut ScriptInvocation<'script>,
    all: impl Iterator<Item = S>,
) -> &'call ScriptInvocation<'script> {
    for shown in all {
        let Shown { variant, product, name, price } = shown.borrow();
        let product = product.map(|id| format!("\n{id}")).unwrap_or_default();
        call.arg(variant.0).arg(format!("{} {} {name}{product}", price.minor, price.currency));
    }
    call
}

/// The stored reply under an idempotency key.
fn replay(cx: &Ctx, user: UserId, used: &Used, mut fields: Fields) -> Result<Cart> {
    used.is_for(&fields.remove("request").unwrap_or_default())?;
    let catalogue = fields.remove("catalogue").unwrap_or_default();
    let catalogue = kernel::serde_json::from_str(&catalogue).map_err(|e| broken(user, e))?;
    let expires_at = Hash { user, fields: &fields }.value("expires_at")?;
    let stored = stored(user, expires_at, &fields)?.ok_or_else(|| broken(user, "a reply without a cart"))?;
    cx.mark_replayed();
    Ok(pricing::cart(&stored, &catalogue))
}

/// The variants that are no longer sold, in the form that the scripts search: `,5,7,`.
fn gone(catalogue: &Catalogue) -> String {
    let gone = catalogue.variants.iter().filter(|(_, sold)| sold.is_none());
    gone.fold(",".to_owned(), |all, (id, _)| format!("{all}{id},"))
}

/// The cart of these fields; `None` without fields.
fn stored(user: UserId, expires_at_ms: i64, fields: &Fields) -> Result<Option<Stored>> {
    if fields.is_empty() { Ok(None) } else { Hash { user, fields }.cart(expires_at_ms).map(Some) }
}

/// Reads a hash.
struct Hash<'a> {
    user: UserId,
    fields: &'a Fields,
}

impl Hash<'_> {
    fn cart(&self, expires_at_ms: i64) -> Result<Stored> {
        let variants = self.fields.keys().filter_map(|name| name.strip_suffix(":quantity"));
        let mut lines = variants.map(|variant| self.line(variant)).collect::<Result<Vec<_>>>()?;
        lines.sort_unstable_by_key(|line| (line.added_at, line.variant));
        Ok(Stored {
            version: self.value("version")?,
            created_at: self.time("created_at")?,
            updated_at: self.time("updated_at")?,
            expires_at: DateTime::from_timestamp_millis(expires_at_ms).ok_or_else(|| broken(self.user, "its expiry"))?,
            lines,
        })
    }

    fn line(&self, variant: &str) -> Result<Line> {
        let shown: String = self.value(&format!("{variant}:seen"))?;
        let invalid = || broken(self.user, format_args!("{variant}:seen is {shown:?}"));
        let (minor, rest) = shown.split_once(' ').ok_or_else(invalid)?;
        let (currency, name) = rest.split_once(' ').ok_or_else(invalid)?;
        let (name, product) = name.split_once('\n').map_or((name, None), |(name, product)| (name, Some(product)));
        let price = Money { minor: minor.parse().map_err(|_| invalid())?, currency: currency.parse().map_err(|_| invalid())? };
        Ok(Line {
            variant: variant.parse().map_err(|e| broken(self.user, e))?,
            product: product.map(str::parse).transpose().map_err(|e| broken(self.user, e))?,
            quantity: self.value(&format!("{variant}:quantity"))?,
            name: name.into(),
            price,
            added_at: self.time(&format!("{variant}:added_at"))?,
            updated_at: self.time(&format!("{variant}:updated_at"))?,
        })
    }

    fn time(&self, name: &str) -> Result<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.value(name)?).ok_or_else(|| broken(self.user, name))
    }

    fn value<T: FromStr>(&self, name: &str) -> Result<T> {
        let value = self.fields.get(name).ok_or_else(|| broken(self.user, format_args!("no {name}")))?;
        value.parse().map_err(|_| broken(self.user, format_args!("{name} is {value:?}")))
    }
}

/// The hash in Redis is not a cart of the scripts' format.
fn broken(user: UserId, why: impl Display) -> Fault {
    Fault::internal(format_args!("cart of user {user} in Redis: {why}"))
}
