//! What must not be in the table, and what the order module must know of payments, too.

use crate::entity::payment::{self, Column, Status};
use kernel::{
    BoxError, OrderId,
    db::Db,
    verify::{Check, Entry, Span},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "payment.status",
        rule: "a payment has one of the statuses that there are",
        query: "SELECT 'order ' || order_id || ', attempt ' || attempt || ': ' || status AS found FROM payments \
                WHERE status NOT IN ('processing', 'requires_action', 'succeeded', 'failed', 'cancelled', 'refunded')",
    },
    Check {
        name: "payment.amount",
        rule: "all attempts to pay an order are by the same payer for the same amount, which is not negative",
        query: "SELECT 'order ' || order_id || ': ' || MIN(amount_minor) || ' to ' || MAX(amount_minor) AS found FROM payments \
                GROUP BY order_id HAVING MIN(amount_minor) < 0 OR MIN(amount_minor) <> MAX(amount_minor) \
                OR MIN(currency) <> MAX(currency) OR MIN(user_id) <> MAX(user_id)",
    },
    Check {
        name: "payment.one_charge",
        rule: "an order is charged by one attempt at most",
        query: "SELECT 'order ' || order_id || ': ' || count(*) || ' attempts' AS found FROM payments \
                WHERE status IN ('processing', 'requires_action', 'succeeded', 'refunded') GROUP BY order_id HAVING count(*) > 1",
    },
    Check {
        name: "payment.reference",
        rule: "a payment that was charged or refunded, or waits for its payer, has the reference of its provider",
        query: "SELECT 'order ' || order_id || ', attempt ' || attempt || ': ' || status AS found FROM payments \
                WHERE status IN ('requires_action', 'succeeded', 'refunded') AND provider_reference IS NULL",
    },
    Check {
        name: "payment.reason",
        rule: "a payment that failed has a reason",
        query: "SELECT 'order ' || order_id || ', attempt ' || attempt AS found FROM payments \
                WHERE status = 'failed' AND failure_reason IS NULL",
    },
];

/// The charges of orders, as this module knows them.
pub(crate) async fn charges(db: Db, span: Span) -> Result<Vec<Entry>, BoxError> {
    let find = payment::Entity::find()
        .filter(Column::OrderId.gt(span.after))
        .filter(Column::OrderId.lte(span.until))
        .filter(Column::Status.is_in([Status::Succeeded, Status::Refunded]));
    let payments = find.order_by_asc(Column::OrderId).limit(span.limit).all(db.read()).await?;
    let entry = |row: payment::Model| {
        let how = if row.status == Status::Refunded { "refunded" } else { "charged" };
        let state = format!("{} {} {how}, payment {}", row.amount_minor, row.currency, row.id);
        Entry { order: OrderId(row.order_id), state: Some(state) }
    };
    Ok(payments.into_iter().map(entry).collect())
}
