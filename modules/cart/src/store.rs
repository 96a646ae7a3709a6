//! The store of carts: a database or Redis, chosen by the URL. Each method is one read or one change, so that both kinds can do
//! it: a check and the change that depends on it are never two methods.

pub(crate) mod catalogue;
pub(crate) mod pricing;
mod redis;
mod sql;
pub(crate) mod stored;

use crate::{AddItem, Cart, CartError, config::Config};
use catalogue::Catalogue;
use kernel::{BoxError, BoxFuture, Ctx, Fault, Health, UserId, chrono::TimeDelta, db::Db, jobs::Jobs, verify::Finding};
use product::VariantId;
use std::{sync::Arc, time::Duration};
use stored::{Shown, Stored};

type Result<T, E = Fault> = std::result::Result<T, E>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Kind);

#[derive(Clone)]
enum Kind {
    Sql(Db),
    Redis(Arc<redis::Redis>),
}

impl Store {
    /// Opens the store of the URL. No connection is made yet.
    pub(crate) async fn open(config: &Config) -> Result<Self, BoxError> {
        match config.database_url.split_once("://") {
            Some(("redis" | "rediss", _)) => Ok(Self(Kind::Redis(Arc::new(redis::Redis::open(config)?)))),
            Some(("sqlite" | "postgres" | "postgresql", _)) => Ok(Self(Kind::Sql(sql::open(config).await?))),
            // the URL is not quoted: it may contain a password
            _ => Err("cart.database_url must start with sqlite://, postgres://, redis:// or rediss://".into()),
        }
    }

    /// The database; `None` for Redis.
    pub(crate) fn database(&self) -> Option<&Db> {
        match &self.0 {
            Kind::Sql(db) => Some(db),
            Kind::Redis(_) => None,
        }
    }

    /// Looks for what must not be there: in a database, references to nothing. A cart on Redis is one value, which cannot contradict
    /// another.
    pub(crate) async fn verify(&self) -> Result<Vec<Finding>, BoxError> {
        match &self.0 {
            Kind::Sql(db) => Ok(db.verify(&[]).await?),
            Kind::Redis(redis) => redis.bring_up().await.map(|()| Vec::new()).map_err(BoxError::from),
        }
    }

    /// Waits until the store is up.
    pub(crate) async fn up(&self) {
        match &self.0 {
            Kind::Sql(db) => db.up().await,
            // Redis has nothing to bring up
            Kind::Redis(_) => {}
        }
    }

    /// The cart; `None` when it is empty or expired.
    pub(crate) async fn load(&self, user: UserId) -> Result<Option<Stored>> {
        match &self.0 {
            Kind::Sql(db) => sql::load(db.read(), user, db.now()).await,
            Kind::Redis(redis) => redis.load(user).await,
        }
    }

    /// Loads the cart and renews its expiry.
    pub(crate) async fn renewed(&self, user: UserId, life: TimeDelta) -> Result<Option<Stored>> {
        match &self.0 {
            Kind::Sql(db) => sql::renewed(db, user, life).await,
            Kind::Redis(redis) => redis.renewed(user, life).await,
        }
    }

    /// The stored reply to an earlier addition under the caller's idempotency key.
    pub(crate) async fn replayed(&self, cx: &Ctx, user: UserId, item: &AddItem) -> Result<Option<Cart>> {
        match &self.0 {
            Kind::Sql(db) => sql::replayed(db, cx, item).await,
            Kind::Redis(redis) => redis.replayed(cx, user, item).await,
        }
    }

    /// Adds pieces to the line of a product, and creates the line and the cart if there are none. Returns the cart as it is shown
    /// then. The reply is stored under the caller's idempotency key in the same step.
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

    /// Sets the quantity of a line and remembers the names and prices of the catalogue as shown. A lower quantity is always
    /// accepted.
    ///
    /// # Errors
    /// `NotInCart` and `TooDear`; then nothing has changed.
    pub(crate) async fn set(
        &self,
        user: UserId,
        variant: VariantId,
        quantity: u32,
        catalogue: &Catalogue,
        life: TimeDelta,
    ) -> Result<Stored, CartError> {
        match &self.0 {
            Kind::Sql(db) => sql::set(db, user, variant, quantity, catalogue, life).await,
            Kind::Redis(redis) => redis.set(user, variant, quantity, catalogue, life).await,
        }
    }

    /// Removes a line, and the cart with its last line. Returns the remaining cart.
    ///
    /// # Errors
    /// `NotInCart`; then nothing has changed.
    pub(crate) async fn remove(&self, user: UserId, variant: VariantId, life: TimeDelta) -> Result<Option<Stored>, CartError> {
        match &self.0 {
            Kind::Sql(db) => sql::remove(db, user, variant, life).await,
            Kind::Redis(redis) => redis.remove(user, variant, life).await,
        }
    }

    /// Removes the cart and its lines.
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

    /// Remembers the names and prices that the user was shown, in one write. Lines that were removed meanwhile stay removed.
    pub(crate) async fn remember_shown(&self, user: UserId, shown: &[Shown<'_>]) -> Result<()> {
        if shown.is_empty() {
            return Ok(());
        }
        match &self.0 {
            Kind::Sql(db) => sql::remember_shown(db.write(), user, shown).await,
            Kind::Redis(redis) => redis.remember_shown(user, shown).await,
        }
    }

    /// Removes up to `limit` expired carts and returns their number. Redis removes them by itself.
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
                let measured = redis.clone();
                jobs.every("cart.redis_metrics", Duration::from_secs(5), move || {
                    measured.measure();
                    std::future::ready(Ok(()))
                });
                let redis = redis.clone();
                jobs.once("cart.redis", move || {
                    let redis = redis.clone();
                    async move { redis.bring_up().await }
                });
            }
        }
    }

    /// Redis has nothing to migrate; this checks that it can be reached.
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
