//! The jobs that end stale orders: orders in an intermediate state whose request or job is gone.

use crate::{
    context::{Orders, Result},
    entity::order::{self, State},
    job_loop::run_claimed,
    store,
};
use kernel::{Ctx, Role, UserId, idempotency::LEASE};
use std::time::Duration;

/// Deadline of the work on one order.
const DEADLINE: Duration = Duration::from_secs(15);

impl Orders {
    /// Undoes orders that are stale in `placing`.
    pub(crate) async fn undo_stale(&self) -> Result<()> {
        run_claimed(
            &self.jobs,
            |limit| self.claim_stale(State::Placing, limit),
            |order: order::Model| async move {
                if let Err(error) = self.undo_stale_order(&client_of(&order), &order).await {
                    tracing::warn!(order = order.id, %error, "cannot undo a stale order; it is retried later");
                }
            },
        )
        .await
    }

    /// Finds out the outcome of payments whose orders are stale in `charging`.
    pub(crate) async fn settle_stale(&self) -> Result<()> {
        run_claimed(
            &self.jobs,
            |limit| self.claim_stale(State::Charging, limit),
            |order: order::Model| async move {
                let (id, client) = (order.id, client_of(&order));
                // an error may be the stored outcome, e.g. a declined payment
                if let Err(error) = self.settle_stale_payment(&client, order).await {
                    tracing::debug!(order = id, %error, "a stale payment was declined, or is retried later");
                }
            },
        )
        .await
    }

    async fn claim_stale(&self, state: State, limit: u64) -> Result<Vec<order::Model>> {
        let now = self.db.now();
        Ok(store::claim_stale(&self.db, state, now, now + LEASE, limit).await?)
    }
}

/// A context for the client whose request moved the order into its intermediate state.
fn client_of(order: &order::Model) -> Ctx {
    let client = Ctx::anonymous(DEADLINE).on_behalf_of(UserId(order.user_id), Role::Customer);
    match &order.payment_key {
        Some(key) => client.with_key(key.as_str()),
        None => client,
    }
}
