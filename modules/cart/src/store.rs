//! Everything that is stored, and nothing else: in a database or in Redis, by the URL. Each method is one change or one look, so
//! that both can do it: a check and the change that depends on it are never two methods.

mod redis;
mod sql;

use crate::{AddItem, Cart, CartError, Config, view::Catalogue};
use kernel::{
    BoxError, BoxFuture, Ctx, Fault, Health, Money, UserId,
    chrono::{DateTime, TimeDelta, Utc},
    db::Db,
    jobs::Jobs,
};
use product::ProductId;
use std::{sync::Arc, time::Duration};

type Result<T, E = Fault> = std::result::Result<T, E>;

/// The most lines of a cart: as many as products can be asked for at once.
pub(crate) const MAX_LINES: usize = product::Ids::MAX;
/// A life that was renewed within this time is left as it is: reads are to be cheap.
const RENEWED_BEFORE: TimeDelta = TimeDelta::minutes(1);

/// A cart with lines, in the order in which they were added.
pub(crate) struct Stored {
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) lines: Vec<Line>,
}

/// A line, with name and price as its user last saw them.
pub(crate) struct Line {
    pub(crate) product: ProductId,
    pub(crate) quantity: u32,
    pub(crate) name: String,
    pub(crate) price: Money,
    pub(crate) added_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// A product as its user sees it now.
pub(crate) struct Seen<'a> {
    pub(crate) product: ProductId,
    pub(crate) name: &'a str,
    pub(crate) price: Money,
}

/// Where carts are kept. Cheap to clone.
#[derive(Clone)]
pub struct Store(Kind);

#[derive(Clone)]
enum Kind {
    Sql(Db),
    Redis(Arc<redis::Redis>),
}

impl Store {
    /// The store that the URL names. Nothing is asked of it yet.
    pub(crate) async fn open(config: &Config) -> Result<Self, BoxError> {
        match config.database_url.split_once("://") {
            Some(("redis" | "rediss", _)) => Ok(Self(Kind::Redis(Arc::new(redis::Redis::open(config)?)))),
            Some(("sqlite" | "postgres" | "postgresql", _)) => Ok(Self(Kind::Sql(sql::open(config).await?))),
            // not what it is instead: a password may be anywhere in it
            _ => Err("cart.database_url must start with sqlite://, postgres://, redis:// or rediss://".into()),
        }
    }

    /// The database, if it is one.
    pub(crate) fn database(&self) -> Option<&Db> {
        match &self.0 {
            Kind::Sql(db) => Some(db),
            Kind::Redis(_) => None,
        }
    }

    /// Waits until it is up.
    pub(crate) async fn up(&self) {
        match &self.0 {
            Kind::Sql(db) => db.up().await,
            // there is nothing to bring up in Redis
            Kind::Redis(_) => {}
        }
    }

    /// The cart; none when it is empty or expired.
    pub(crate) async fn load(&self, user: UserId) -> Result<Option<Stored>> {
        match &self.0 {
            Kind::Sql(db) => sql::load(db.read(), user, db.now()).await,
            Kind::Redis(redis) => redis.load(user).await,
        }
    }

    /// The same, with a life that begins anew.
    pub(crate) async fn renewed(&self, user: UserId, life: TimeDelta) -> Result<Option<Stored>> {
        match &self.0 {
            Kind::Sql(db) => sql::renewed(db, user, life).await,
            Kind::Redis(redis) => redis.renewed(user, life).await,
        }
    }

    /// The reply to this addition, when it was made before under the caller's key.
    pub(crate) async fn replayed(&self, cx: &Ctx, user: UserId, item: &AddItem) -> Result<Option<Cart>> {
        match &self.0 {
            Kind::Sql(db) => sql::replayed(db, cx, item).await,
            Kind::Redis(redis) => redis.replayed(cx, user, item).await,
        }
    }

    /// Adds pieces to the line of a product; the line and the cart are made if need be. Returns the cart as its user then sees it,
    /// which is kept under the caller's key in the same step.
    ///
    /// # Errors
    /// `ProductNotFound`, `InsufficientStock`, `TooDear` and `CartFull`; then nothing has changed.
    pub(crate) async fn add(
        &self,
        cx: &Ctx,
        user: UserId,
        item: &AddItem,
        catalogue: &Catalogue,
        life: TimeDelta,
    ) -> Result<Cart, CartError> {
        match &self.0 {
            Kind::Sql(db) => sql::add(db, cx, user, item, catalogue, life).await,
            Kind::Redis(redis) => redis.add(cx, user, item, catalogue, life).await,
        }
    }

    /// Sets the quantity of a line. What the catalogue says of all lines has been seen then. Fewer pieces are always possible.
    ///
    /// # Errors
    /// `NotInCart` and `TooDear`; then nothing has changed.
    pub(crate) async fn set(
        &self,
        user: UserId,
        product: ProductId,
        quantity: u32,
        catalogue: &Catalogue,
        life: TimeDelta,
    ) -> Result<Stored, CartError> {
        match &self.0 {
            Kind::Sql(db) => sql::set(db, user, product, quantity, catalogue, life).await,
            Kind::Redis(redis) => redis.set(user, product, quantity, catalogue, life).await,
        }
    }

    /// Removes a line, and the cart with its last one. Returns what is left.
    ///
    /// # Errors
    /// `NotInCart`; then nothing has changed.
    pub(crate) async fn remove(&self, user: UserId, product: ProductId, life: TimeDelta) -> Result<Option<Stored>, CartError> {
        match &self.0 {
            Kind::Sql(db) => sql::remove(db, user, product, life).await,
            Kind::Redis(redis) => redis.remove(user, product, life).await,
        }
    }

    /// Removes the cart with its lines.
    pub(crate) async fn clear(&self, user: UserId) -> Result<()> {
        match &self.0 {
            Kind::Sql(db) => sql::clear(db.write(), user).await,
            Kind::Redis(redis) => redis.clear(user).await,
        }
    }

    /// Removes the cart if it still has this version.
    pub(crate) async fn clear_version(&self, user: UserId, version: i64) -> Result<()> {
        match &self.0 {
            Kind::Sql(db) => sql::clear_version(db.write(), user, version).await,
            Kind::Redis(redis) => redis.clear_version(user, version).await,
        }
    }

    /// Notes the names and prices that the user was shown, in one write whatever their number. Lines that are gone stay gone.
    pub(crate) async fn see(&self, user: UserId, seen: &[Seen<'_>]) -> Result<()> {
        if seen.is_empty() {
            return Ok(());
        }
        match &self.0 {
            Kind::Sql(db) => sql::see(db.write(), user, seen).await,
            Kind::Redis(redis) => redis.see(user, seen).await,
        }
    }

    /// Removes up to `limit` expired carts; returns how many. Redis does it by itself.
    pub(crate) async fn sweep(db: &Db, limit: u64) -> Result<u64> {
        sql::sweep(db, limit).await
    }
}

impl kernel::module::Store for Store {
    fn keep_up(&self, jobs: &Jobs) {
        match &self.0 {
            Kind::Sql(db) => db.keep_up(jobs),
            Kind::Redis(redis) => {
                let probed = redis.clone();
                jobs.every("cart.redis_probe", Duration::from_millis(500), move || {
                    let redis = probed.clone();
                    async move { redis.probe().await }
                });
                let redis = redis.clone();
                jobs.once("cart.redis", move || {
                    let redis = redis.clone();
                    async move { redis.bring_up().await }
                });
            }
        }
    }

    /// In Redis there is nothing to do; that it can be reached is checked.
    async fn migrate(&self) -> std::result::Result<(), BoxError> {
        match &self.0 {
            Kind::Sql(db) => Ok(db.migrate().await?),
            Kind::Redis(redis) => Ok(redis.bring_up().await?),
        }
    }

    fn in_background(&self) -> Self {
        match &self.0 {
            Kind::Sql(db) => Self(Kind::Sql(db.in_background())),
            Kind::Redis(redis) => Self(Kind::Redis(redis.clone())),
        }
    }
}

impl Health for Store {
    fn name(&self) -> &str {
        match &self.0 {
            Kind::Sql(db) => db.name(),
            Kind::Redis(_) => "cart.redis",
        }
    }

    fn check(&self) -> BoxFuture<Result<()>> {
        match &self.0 {
            Kind::Sql(db) => db.check(),
            Kind::Redis(redis) => {
                let redis = redis.clone();
                Box::pin(async move { redis.check().await })
            }
        }
    }
}
