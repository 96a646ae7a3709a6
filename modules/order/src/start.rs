//! Opening and starting the module, and the schedule of its jobs.

use crate::{
    OrderClient,
    config::Config,
    context::{Orders, Result},
    entity::effect::Kind,
    fault::into_fault,
    meters,
    store::checks,
};
use cart::CartClient;
use kernel::{
    BoxError, BoxFuture, Clients,
    db::{Db, Durability},
    idempotency,
    jobs::Jobs,
    module::{Module, Start},
    verify::{Book, Finding},
};
use migrations::order::Migrator;
use payment::PaymentClient;
use product::ProductClient;
use std::time::Duration;
use user::UserClient;

/// The modules that this module calls.
pub struct Peers {
    /// Holds, sells and releases stock.
    pub product: ProductClient,
    /// Has the lines to order.
    pub cart: CartClient,
    /// Charges and refunds.
    pub payment: PaymentClient,
    /// Says whether an account is active.
    pub user: UserClient,
}

impl kernel::module::Peers for Peers {
    fn of(clients: &Clients, module: &'static str) -> Self {
        Self { product: clients.get(module), cart: clients.get(module), payment: clients.get(module), user: clients.get(module) }
    }
}

impl Module for Orders {
    type Client = OrderClient;
    type Config = Config;
    type Store = Db;
    type Peers = Peers;

    async fn open(config: &Config) -> std::result::Result<Db, BoxError> {
        if config.unpaid_seconds == 0 {
            return Err("order.unpaid_seconds must be at least 1".into());
        }
        // FULL: an order that was confirmed as placed or paid is still so after a power loss
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
        orders.start_jobs(config, jobs);
        meters::start();
        Ok(orders)
    }

    async fn verify(store: &Db) -> std::result::Result<Vec<Finding>, BoxError> {
        Ok(store.verify(checks::CHECKS).await?)
    }

    fn books(store: &Db) -> Vec<Book> {
        vec![Book::new("charges", store, checks::charges), Book::new("stock", store, checks::stock)]
    }
}

impl Orders {
    fn start_jobs(&self, config: &Config, jobs: &Jobs) {
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
        every("undo", |orders| Box::pin(async move { orders.undo_stale().await }));
        every("settle", |orders| Box::pin(async move { orders.settle_stale().await }));
        every("effects.clear_cart", |orders| Box::pin(async move { orders.run_due_effects(Kind::ClearCart).await }));
        every("effects.commit_stock", |orders| Box::pin(async move { orders.run_due_effects(Kind::CommitStock).await }));
        every("effects.refund", |orders| Box::pin(async move { orders.run_due_effects(Kind::Refund).await }));
        every("effects.release_stock", |orders| Box::pin(async move { orders.run_due_effects(Kind::ReleaseStock).await }));
    }
}
