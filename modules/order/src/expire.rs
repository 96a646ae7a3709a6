//! The job that expires orders that were not paid in time.

use crate::{
    OrderError, OrderStatus,
    context::{Orders, Result},
    entity::{effect::Kind, order::State},
    meters,
    publish::publish_expired,
    store,
};
use kernel::{ApiError, Code, Ctx};
use std::time::Duration;

/// Orders of one transaction: few enough that their customers do not wait long for the locks.
const BATCH: u64 = 100;
/// Deadline of the context in which the events are published.
const DEADLINE: Duration = Duration::from_secs(15);

impl Orders {
    pub(crate) async fn expire_unpaid(&self) -> Result<()> {
        let now = self.db.now();
        let mut last = 0;
        while !self.jobs.stopping().is_cancelled() {
            let due = store::unpaid(self.db.read(), now, last, BATCH).await?;
            let Some(&highest) = due.last() else { break };
            last = highest;
            match self.expire(&due).await {
                Ok(()) => {}
                Err(error) if is_transient(&error) => return Err(error),
                // a broken order is skipped, so that the other orders of the batch expire
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
        store::add_to_timelines(&*tx, &ids, State::Expired, "Not paid in time").await?;
        store::add_effect(&*tx, &ids, Kind::ReleaseStock, now).await?;
        publish_expired(&tx, &Ctx::anonymous(DEADLINE), &expired).await?;
        meters::count(&tx, OrderStatus::Expired, expired.len());
        Ok(tx.commit().await?)
    }
}

/// Whether the cause lies outside the order: the next run may succeed.
fn is_transient(error: &OrderError) -> bool {
    matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded)
}
