//! Whether PostgreSQL can be reached.
//!
//! sqlx's pool takes a server that refuses connections for one that is about to start, and lets everyone wait as long as for a free
//! connection. Requests that keep coming pile up meanwhile. So somebody looks: as soon as a statement fails, and from time to time
//! when none succeeds. From then on until the server takes connections again, the pool is not asked.

use sea_orm::DatabaseConnection;
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// How often somebody looks while no statement succeeds.
const PERIOD: Duration = Duration::from_millis(500);
/// The same while the server is away, and the shortest time between two looks.
const SHORT: Duration = Duration::from_millis(100);
/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Reach {
    module: &'static str,
    pool: PgPool,
    /// A pool that refuses at once.
    nowhere: DatabaseConnection,
    is_away: AtomicBool,
    /// Whether a statement has succeeded since the last look.
    is_used: AtomicBool,
    doubt: Arc<Notify>,
}

impl Reach {
    /// Starts to look after the server of `pool`, until the answer is dropped.
    pub(super) async fn watch(module: &'static str, pool: PgPool) -> Arc<Self> {
        let closed = PgPoolOptions::new().connect_lazy_with(PgConnectOptions::clone(&pool.connect_options()));
        closed.close().await;
        let (is_away, is_used) = (AtomicBool::default(), AtomicBool::default());
        let reach = Arc::new(Self { module, pool, nowhere: closed.into(), is_away, is_used, doubt: Arc::default() });
        let (doubt, weak) = (reach.doubt.clone(), Arc::downgrade(&reach));
        tokio::spawn(async move {
            let mut period = PERIOD;
            loop {
                let is_doubted = timeout(period, doubt.notified()).await.is_ok();
                let Some(reach) = weak.upgrade() else { return };
                if is_doubted || !reach.is_used.swap(false, Ordering::Relaxed) {
                    reach.look().await;
                }
                period = if reach.is_away() { SHORT } else { PERIOD };
                drop(reach);
                if is_doubted {
                    tokio::time::sleep(SHORT).await;
                }
            }
        });
        reach
    }

    /// The connection to use instead while the server is away.
    pub(super) fn nowhere(&self) -> Option<&DatabaseConnection> {
        self.is_away().then_some(&self.nowhere)
    }

    /// Hears how a statement ended.
    pub(super) fn hear(&self, failed: bool) {
        if failed {
            self.doubt.notify_one();
        } else {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    async fn look(&self) {
        let is_away = !self.answers().await;
        if is_away == self.is_away.swap(is_away, Ordering::Relaxed) {
            return;
        }
        if is_away {
            tracing::warn!(module = self.module, "PostgreSQL cannot be reached: nobody waits for it");
        } else {
            tracing::info!(module = self.module, "PostgreSQL can be reached again");
        }
    }

    async fn answers(&self) -> bool {
        if let Some(mut idle) = self.pool.try_acquire()
            && matches!(timeout(PATIENCE, idle.ping()).await, Ok(Ok(())))
        {
            return true;
        }
        // no connection is idle, or that one has lost its server
        let options = self.pool.connect_options();
        match timeout(PATIENCE, PgConnection::connect_with(&options)).await {
            Ok(Ok(connection)) => {
                drop(connection.close().await);
                true
            }
            // it stops or starts; whatever else it says, it is there
            Ok(Err(sqlx::Error::Database(e))) => !e.code().is_some_and(|state| state.starts_with("57P0")),
            _ => false,
        }
    }
}
