//! How the module is started, and what it does without being asked.

use crate::{
    OrderError, Orders,
    checkout::into_fault,
    entity::{
        effect::Kind,
        order::{self, State},
    },
    service::Result,
    store,
    tell::{EXPIRED, tell_expired},
    window::work_through,
};
use cart::CartClient;
use kernel::{
    ApiError, BoxError, BoxFuture, Code, Ctx, Role, UserId,
    bus::Bus,
    db::{Db, Durability, Pool},
    idempotency::{self, LEASE},
    jobs::Jobs,
    outbox,
};
use migrations::order::Migrator;
use payment::PaymentClient;
use product::ProductClient;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use user::UserClient;

/// How long one order may take in the background.
const BUDGET: Duration = Duration::from_secs(15);

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

async fn assemble(config: &Config, peers: Peers, jobs: &Jobs) -> std::result::Result<Orders, BoxError> {
    if config.unpaid_seconds == 0 {
        return Err("order.unpaid_seconds must be at least 1".into());
    }
    Ok(Orders {
        db: database(config).await?,
        product: peers.product.by("order"),
        cart: peers.cart.by("order"),
        payment: peers.payment.by("order"),
        user: peers.user.by("order"),
        jobs: jobs.clone(),
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
    let orders = assemble(config, peers, jobs).await?;
    orders.db.keep_up::<Migrator>(jobs);
    outbox::relay(&orders.db, bus.clone(), jobs);
    let service = Orders { db: orders.db.in_background(), ..orders.clone() };
    let db = service.db.clone();
    let every = |name: &str, work: fn(Orders) -> BoxFuture<Result<()>>| {
        let service = service.clone();
        jobs.every(format!("order.{name}"), Duration::from_secs(config.sweep_seconds.max(1)), move || {
            let service = service.clone();
            async move { work(service).await.map_err(into_fault) }
        });
    };
    every("expire", |orders| Box::pin(async move { orders.expire_unpaid().await }));
    every("undo", |orders| Box::pin(async move { orders.undo_all_left_behind().await }));
    every("settle", |orders| Box::pin(async move { orders.settle_left_behind().await }));
    every("effects.clear_cart", |orders| Box::pin(async move { orders.run_due_effects(Kind::ClearCart).await }));
    every("effects.commit_stock", |orders| Box::pin(async move { orders.run_due_effects(Kind::CommitStock).await }));
    every("effects.refund", |orders| Box::pin(async move { orders.run_due_effects(Kind::Refund).await }));
    every("effects.release_stock", |orders| Box::pin(async move { orders.run_due_effects(Kind::ReleaseStock).await }));
    jobs.every("order.sweep", Duration::from_secs(3600), move || {
        let db = db.clone();
        async move { idempotency::sweep(&db).await }
    });
    Ok(orders)
}

impl Orders {
    /// The store, for health checks.
    pub fn db(&self) -> Db {
        self.db.in_background()
    }

    /// Ends orders that nobody paid in time.
    async fn expire_unpaid(&self) -> Result<()> {
        /// Few enough that nobody waits long for them.
        const BATCH: u64 = 100;
        let now = self.db.now();
        let mut last = 0;
        while !self.jobs.stopping().is_cancelled() {
            let due = store::unpaid(self.db.read(), now, last, BATCH).await?;
            let Some(&highest) = due.last() else { break };
            last = highest;
            match self.expire(&due).await {
                Ok(()) => {}
                Err(error) if is_passing(&error) => return Err(error),
                // one that is broken is left, and keeps no other from ending
                Err(_) => {
                    for id in due {
                        if let Err(error) = self.expire(&[id]).await {
                            tracing::error!(order = id, %error, "cannot expire");
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn expire(&self, ids: &[i64]) -> Result<()> {
        let now = self.db.now();
        let tx = self.db.begin().await?;
        let expired = store::expire(&*tx, ids, now).await?;
        if expired.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = expired.iter().map(|order| order.id).collect();
        store::note(&*tx, &ids, State::Expired, EXPIRED).await?;
        store::add_effect(&*tx, &ids, Kind::ReleaseStock, now).await?;
        tell_expired(&tx, &Ctx::anonymous(BUDGET), &expired).await?;
        Ok(tx.commit().await?)
    }

    /// Undoes orders that were being placed, and whose request is gone.
    async fn undo_all_left_behind(&self) -> Result<()> {
        work_through(
            &self.jobs,
            |limit| self.take_left_behind(State::Placing, limit),
            |order: order::Model| async move {
                if let Err(error) = self.undo_left_behind(&client_of(&order), &order).await {
                    tracing::warn!(order = order.id, %error, "put off");
                }
            },
        )
        .await
    }

    /// Finds out about payments whose request is gone.
    async fn settle_left_behind(&self) -> Result<()> {
        work_through(
            &self.jobs,
            |limit| self.take_left_behind(State::Charging, limit),
            |order: order::Model| async move {
                let (id, client) = (order.id, client_of(&order));
                // a declined or still unknown payment is an outcome, too; it has been stored
                if let Err(error) = self.settle_payment(&client, order).await {
                    tracing::debug!(order = id, %error, "settled, or put off");
                }
            },
        )
        .await
    }

    async fn take_left_behind(&self, state: State, limit: u64) -> Result<Vec<order::Model>> {
        let now = self.db.now();
        Ok(store::take_left_behind(&self.db, state, now, now + LEASE, limit).await?)
    }
}

/// A call in the stead of the client whose request moved the order into its passing state.
fn client_of(order: &order::Model) -> Ctx {
    let client = Ctx::anonymous(BUDGET).on_behalf_of(UserId(order.user_id), Role::Customer);
    match &order.payment_key {
        Some(key) => client.with_key(key.as_str()),
        None => client,
    }
}

/// Whether all orders have it, and only for now.
fn is_passing(error: &OrderError) -> bool {
    matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded)
}
