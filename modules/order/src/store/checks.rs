//! What must not be in the tables, and what other modules must know of orders, too.

use super::lines;
use crate::entity::{
    effect::{self, Kind},
    order::{self, Column, State},
};
use kernel::{
    BoxError, OrderId,
    db::Db,
    verify::{Check, Entry, Span},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use std::collections::BTreeMap;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        name: "order.state",
        rule: "an order is in one of the states that there are",
        query: "SELECT 'order ' || id || ': ' || state AS found FROM orders WHERE state NOT IN ('placing', 'pending', 'charging', \
                'paid', 'shipped', 'delivered', 'cancelled', 'expired', 'refunding', 'refunded')",
    },
    Check {
        name: "order.lines",
        rule: "every order that was placed has a currency and lines, each of at least one piece",
        query: "SELECT 'order ' || id || ': ' || COALESCE('product ' || product_id, 'no lines') AS found \
                FROM orders LEFT JOIN order_lines ON order_lines.order_id = orders.id \
                WHERE state <> 'placing' AND (product_id IS NULL OR quantity < 1 OR unit_price_minor < 0 OR length(currency) <> 3)",
    },
    Check {
        name: "order.total",
        rule: "the total of an order is the sum of price times quantity of its lines",
        query: "SELECT 'order ' || id || ': ' || total_minor || ', its lines ' || COALESCE(minor, 0) AS found \
                FROM orders LEFT JOIN (SELECT order_id, SUM(quantity * unit_price_minor) AS minor FROM order_lines \
                    GROUP BY order_id) AS sums ON sums.order_id = orders.id \
                WHERE state <> 'placing' AND total_minor <> COALESCE(minor, 0)",
    },
    Check {
        name: "order.timeline",
        rule: "the last entry in the timeline of an order is its state",
        // an order that is being charged was pending before
        query: "SELECT 'order ' || orders.id || ': ' || orders.state || ', its timeline ends with ' \
                    || COALESCE(order_timeline.state, 'nothing') AS found \
                FROM orders LEFT JOIN (SELECT order_id, MAX(id) AS id FROM order_timeline GROUP BY order_id) AS ends \
                    ON ends.order_id = orders.id LEFT JOIN order_timeline ON order_timeline.id = ends.id \
                WHERE orders.state <> 'placing' AND COALESCE(order_timeline.state, '') \
                    <> CASE orders.state WHEN 'charging' THEN 'pending' ELSE orders.state END",
    },
    Check {
        name: "order.paid",
        rule: "the timeline of an order says that it was paid if and only if its state does",
        query: "SELECT 'order ' || id || ': ' || state || CASE WHEN paid.order_id IS NULL THEN ', never paid' ELSE ', paid' END \
                AS found FROM orders \
                LEFT JOIN (SELECT DISTINCT order_id FROM order_timeline WHERE state = 'paid') AS paid ON paid.order_id = orders.id \
                WHERE (state IN ('paid', 'shipped', 'delivered', 'refunding', 'refunded')) <> (paid.order_id IS NOT NULL)",
    },
    Check {
        name: "order.payment",
        rule: "an order that was paid has a payment",
        query: "SELECT 'order ' || id || ': ' || state AS found FROM orders \
                WHERE state IN ('paid', 'shipped', 'delivered', 'refunding', 'refunded') AND payment_id IS NULL",
    },
    Check {
        name: "order.refund",
        rule: "an order that is to be refunded has the effect that refunds it",
        query: "SELECT 'order ' || id AS found FROM orders WHERE state = 'refunding' \
                AND id NOT IN (SELECT order_id FROM order_effects WHERE kind = 'refund')",
    },
    Check {
        name: "order.effects",
        rule: "every effect but the release of stock belongs to an order",
        query: "SELECT 'order ' || order_id || ': ' || kind AS found FROM order_effects \
                WHERE kind <> 'release_stock' AND order_id NOT IN (SELECT id FROM orders)",
    },
];

fn within(span: Span) -> Select<order::Entity> {
    let find = order::Entity::find().filter(Column::Id.gt(span.after)).filter(Column::Id.lte(span.until));
    find.order_by_asc(Column::Id).limit(span.limit)
}

/// The charges of orders, as this module knows them.
pub(crate) async fn charges(db: Db, span: Span) -> Result<Vec<Entry>, BoxError> {
    use State::{Charging, Delivered, Paid, Refunded, Refunding, Shipped};
    let charged = [Charging, Paid, Shipped, Delivered, Refunding, Refunded];
    let orders = within(span).filter(Column::State.is_in(charged)).all(db.read()).await?;
    let entry = |row: order::Model| {
        let charge = |how| {
            let payment = row.payment_id.map_or_else(|| "none".into(), |id| id.to_string());
            format!("{} {} {how}, payment {payment}", row.total_minor, row.currency)
        };
        let state = match row.state {
            // the payment module may be ahead
            Charging | Refunding => None,
            Refunded => Some(charge("refunded")),
            _ => Some(charge("charged")),
        };
        Entry { order: OrderId(row.id), state }
    };
    Ok(orders.into_iter().map(entry).collect())
}

/// The stock of orders, as this module knows it.
pub(crate) async fn stock(db: Db, span: Span) -> Result<Vec<Entry>, BoxError> {
    use State::{Charging, Delivered, Paid, Pending, Placing, Refunding, Shipped};
    let with_stock = [Placing, Pending, Charging, Paid, Shipped, Delivered, Refunding];
    let orders = within(span).filter(Column::State.is_in(with_stock)).all(db.read()).await?;
    let is_full = orders.len() as u64 >= span.limit;
    let until = orders.last().filter(|_| is_full).map_or(span.until, |last| last.id);
    let effects = effect::Entity::find()
        .filter(effect::Column::OrderId.gt(span.after))
        .filter(effect::Column::OrderId.lte(until))
        .filter(effect::Column::Kind.is_in([Kind::CommitStock, Kind::ReleaseStock]));
    let effects = effects.all(db.read()).await?;
    let ids: Vec<i64> = orders.iter().map(|row| row.id).collect();
    let mut sums: BTreeMap<i64, (i128, i128)> = BTreeMap::new();
    for line in lines(db.read(), &ids).await? {
        let (pieces, minor) = sums.entry(line.order_id).or_default();
        *pieces += i128::from(line.quantity);
        *minor += i128::from(line.quantity) * i128::from(line.unit_price_minor);
    }
    let now = db.now();
    let state = |row: &order::Model| {
        let (pieces, minor) = sums.get(&row.id).copied().unwrap_or_default();
        let how = match row.state {
            Paid | Shipped | Delivered => Some("sold"),
            Pending if row.expires_at > now => Some("held"),
            _ => None,
        };
        how.map(|how| format!("{pieces} pieces for {minor} {how}"))
    };
    let mut entries: BTreeMap<i64, Option<String>> = orders.iter().map(|row| (row.id, state(row))).collect();
    // the product module may not have been told yet
    entries.extend(effects.iter().map(|effect| (effect.order_id, None)));
    Ok(entries.into_iter().map(|(id, state)| Entry { order: OrderId(id), state }).collect())
}
