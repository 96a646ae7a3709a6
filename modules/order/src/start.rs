//! How the module is started, and what it does without being asked.

use crate::{
    Orders,
    checkout::{LEASE, into_fault},
    entity::{effect::Kind, order::State},
    service::Result,
    store,
    tell::{EXPIRED, tell_expired},
};
use cart::CartClient;
use kernel::{
    BoxError, Ctx,
    bus::Bus,
    db::{Db, Durability, Pool},
    idempotency,
    jobs::Jobs,
    now, outbox,
};
use migrations::order::Migrator;
use payment::PaymentClient;
use product::ProductClient;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use user::UserClient;

/// Settings of the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Its database, e.g. `sqlite://data/order.db`.
    pub database_url: String,
    /// Pool of the database.
    pub pool: Pool,
    /// Seconds that an order may stay unpaid before it expires; at least 1.
    pub unpaid_seconds: u64,
    /// Seconds between two looks for what is due: expired orders, lost requests, effects; at least 1.
    pub sweep_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        let database_url = "sqlite://data/order.db".into();
        Self { database_url, pool: Pool::default(), unpaid_seconds: 30 * 60, sweep_seconds: 2 }
    }
}

/// The modules that orders need.
pub struct Peers {
    /// Holds stock.
    pub product: ProductClient,
    /// Has what is ordered.
    pub cart: CartClient,
    /// Charges and refunds.
    pub payment: PaymentClient,
    /// Knows who may order.
    pub user: UserClient,
}

/// Opens the module's store and brings it up to date.
///
/// # Errors
/// When the store cannot be opened or a migration fails.
pub async fn open(config: &Config, peers: Peers) -> std::result::Result<Orders, BoxError> {
    let orders = assemble(config, peers).await?;
    orders.db.migrate::<Migrator>().await?;
    Ok(orders)
}

async fn assemble(config: &Config, peers: Peers) -> std::result::Result<Orders, BoxError> {
    if config.unpaid_seconds == 0 {
        return Err("order.unpaid_seconds must be at least 1".into());
    }
    Ok(Orders {
        db: database(config).await?,
        product: peers.product.by("order"),
        cart: peers.cart.by("order"),
        payment: peers.payment.by("order"),
        user: peers.user.by("order"),
        unpaid: Duration::from_secs(config.unpaid_seconds),
    })
}

/// Brings the module's store up to date.
///
/// # Errors
/// When the store cannot be opened or a migration fails.
pub async fn migrate(config: &Config) -> std::result::Result<Db, BoxError> {
    let db = database(config).await?;
    db.migrate::<Migrator>().await?;
    Ok(db)
}

/// The module's database. Nothing is asked of it yet.
///
/// # Errors
/// When a setting cannot be used.
pub async fn database(config: &Config) -> std::result::Result<Db, BoxError> {
    // FULL: who was told that an order is placed or paid finds it so after a power loss
    Ok(Db::open("order", &config.database_url, config.pool, Durability::Full).await?)
}

/// Starts the module and its `jobs`, which bring its store up as soon as it can be reached. Its events go to `bus`.
///
/// # Errors
/// When a setting cannot be used.
pub async fn start(config: &Config, peers: Peers, bus: &Bus, jobs: &Jobs) -> std::result::Result<Orders, BoxError> {
    let orders = assemble(config, peers).await?;
    orders.db.keep_up::<Migrator>(jobs);
    outbox::relay(&orders.db, bus.clone(), jobs);
    let service = Orders { db: orders.db.in_background(), ..orders.clone() };
    let db = service.db.clone();
    jobs.every("order.tidy_up", Duration::from_secs(config.sweep_seconds.max(1)), move || {
        let service = service.clone();
        async move { service.tidy_up().await.map_err(into_fault) }
    });
    jobs.every("order.sweep", Duration::from_secs(3600), move || {
        let db = db.clone();
        async move { idempotency::sweep(db.write()).await }
    });
    Ok(orders)
}

impl Orders {
    /// The store, for health checks.
    pub fn db(&self) -> Db {
        self.db.in_background()
    }

    async fn tidy_up(&self) -> Result<()> {
        self.expire_unpaid().await?;
        self.settle_left_behind().await?;
        while self.run_due_effects().await? == 50 {}
        Ok(())
    }

    async fn expire_unpaid(&self) -> Result<()> {
        let tx = self.db.begin().await?;
        let expired = store::expire(&*tx, 100).await?;
        if !expired.is_empty() {
            let ids: Vec<i64> = expired.iter().map(|order| order.id).collect();
            store::note(&*tx, &ids, State::Expired, EXPIRED).await?;
            store::add_due_effect(&*tx, &ids, Kind::ReleaseStock, now()).await?;
            tell_expired(&tx, &Ctx::anonymous(Duration::from_secs(15)), &expired).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Brings orders out of passing states whose request is gone.
    async fn settle_left_behind(&self) -> Result<()> {
        for order in store::left_behind(self.db.read(), 50).await? {
            if order.state == State::Placing {
                self.undo_left_behind(order.id).await?;
            } else if store::take_over(self.db.write(), order.id, State::Charging, now() + LEASE).await? {
                // a declined or still unknown payment is an outcome, too; it has been stored
                drop(self.settle_payment(&Ctx::anonymous(Duration::from_secs(15)), order).await);
            }
        }
        Ok(())
    }
}
