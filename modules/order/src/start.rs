//! How the module is started, and what it does without being asked.

use crate::{
    OrderClient, OrderError, Orders,
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
    ApiError, BoxError, BoxFuture, Clients, Code, Ctx, Role, UserId,
    db::{Db, Durability, Pool},
    idempotency::{self, LEASE},
    jobs::Jobs,
    module::{Module, Start},
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

impl kernel::module::Peers for Peers {
    fn of(clients: &Clients, module: &'static str) -> Self {
        Self { product: clients.get(module), cart: clients.get(module), payment: clients.get(module), user: clients.get(module) }
    }
}

/// What the launcher starts.
pub use crate::Orders as Service;

impl Module for Orders {
    type Client = OrderClient;
    type Config = Config;
    type Store = Db;
    type Peers = Peers;

    async fn open(config: &Config) -> std::result::Result<Db, BoxError> {
        if config.unpaid_seconds == 0 {
            return Err("order.unpaid_seconds must be at least 1".into());
        }
        // FULL: who was told that an order is placed or paid finds it so after a power loss
        Ok(Db::open::<Migrator>("order", &config.database_url, config.pool, Durability::Full).await?)
    }

    async fn start(start: Start<'_, Self>) -> std::result::Result<Self, BoxError> {
        let Start { config, store, peers, jobs, .. } = start;
        let orders = Orders {
            db: store,
            product: peers.product,
            cart: peers.cart,
            payment: peers.payment,
            user: peers.user,
            jobs: jobs.clone(),
            unpaid: Duration::from_secs(config.unpaid_seconds),
        };
        orders.work_in_background(config, jobs);
        Ok(orders)
    }
}

impl Orders {
    fn work_in_background(&self, config: &Config, jobs: &Jobs) {
        let service = Orders { db: self.db.in_background(), ..self.clone() };
        idempotency::keep_swept(&self.db, jobs);
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
                Err(error) if is_transient(&error) => return Err(error),
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
fn is_transient(error: &OrderError) -> bool {
    matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded)
}
