//! Holds of orders on stock: placed, committed (sold), released, or expired.

use crate::{
    Hold, HoldRequest, ProductError, Shortage,
    context::{Products, Result},
    entity::{hold, hold_line},
    meters, rules,
    store::{self, Movement},
    view::{to_hold, to_quantity},
};
use kernel::{Fault, OrderId};

impl Products {
    pub(crate) async fn place_hold(&self, order: OrderId, request: HoldRequest) -> Result<Hold> {
        let lines = rules::lines(request.lines)?;
        let tx = self.db.begin().await?;
        let hold = hold::Model { order_id: order.0, status: hold::Status::Held, expires_at: request.expires_at };
        if !store::insert_hold(&*tx, hold.clone()).await? {
            let hold = store::hold(&*tx, order).await?.ok_or_else(|| Fault::internal("a hold vanished"))?;
            let held = store::hold_lines(&*tx, order).await?;
            let same =
                held.iter().map(|l| (l.product_id, l.quantity)).eq(lines.iter().map(|l| (l.product_id.0, l.quantity.into())));
            if hold.status != hold::Status::Held || !same {
                return Err(ProductError::HoldEnded);
            }
            return Ok(to_hold(hold, held, self.currency));
        }
        let reserved = store::reserve(&*tx, &lines).await?;
        if reserved.len() != lines.len() {
            // these rows are locked by the write above
            let products = store::products(&*tx, &lines).await?;
            let short = lines.iter().filter(|line| reserved.iter().all(|p| p.id != line.product_id.0));
            let shortages = short.map(|line| {
                let product = products.iter().find(|p| p.id == line.product_id.0);
                let available = product.map_or(0, |p| to_quantity(p.stock_quantity));
                Shortage { product_id: line.product_id, requested: line.quantity, available }
            });
            meters::stock_conflicts().increment(1);
            return Err(ProductError::OutOfStock { lines: shortages.collect() });
        }
        // as many products as lines, both sorted by id
        let held: Vec<_> = std::iter::zip(reserved, &lines)
            .map(|(product, line)| hold_line::Model {
                order_id: order.0,
                product_id: product.id,
                quantity: line.quantity.into(),
                name: product.name,
                unit_price_minor: product.price_minor,
            })
            .collect();
        store::insert_hold_lines(&*tx, &held).await?;
        tx.commit().await?;
        Ok(to_hold(hold, held, self.currency))
    }

    pub(crate) async fn commit_hold(&self, order: OrderId) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::move_hold(&*tx, order, hold::Status::Held, hold::Status::Committed).await? {
            store::move_stock(&*tx, &[order], Movement::Sell).await?;
            return Ok(tx.commit().await?);
        }
        match store::hold(&*tx, order).await?.map(|hold| hold.status) {
            Some(hold::Status::Committed) => Ok(()),
            _ => Err(ProductError::HoldEnded),
        }
    }

    pub(crate) async fn release_hold(&self, order: OrderId) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::move_hold(&*tx, order, hold::Status::Held, hold::Status::Released).await? {
            store::move_stock(&*tx, &[order], Movement::Free).await?;
        } else if store::move_hold(&*tx, order, hold::Status::Committed, hold::Status::Released).await? {
            store::move_stock(&*tx, &[order], Movement::Return).await?;
        } else if store::hold(&*tx, order).await?.is_none() {
            // a hold that arrives later finds its order released
            let gone = hold::Model { order_id: order.0, status: hold::Status::Released, expires_at: self.db.now() };
            if !store::insert_hold(&*tx, gone).await? {
                return Err(Fault::unavailable("The stock of the order is just being held", "a concurrent hold").into());
            }
        }
        Ok(tx.commit().await?)
    }

    /// Returns the stock of expired holds to the shop, and the number of the holds.
    pub(crate) async fn expire_holds(&self) -> Result<usize, Fault> {
        let tx = self.db.begin().await?;
        let expired = store::expire_holds(&*tx, self.db.now(), 100).await?;
        if !expired.is_empty() {
            store::move_stock(&*tx, &expired, Movement::Free).await?;
            tx.count(meters::expired_holds(), expired.len() as u64);
            tx.commit().await?;
        }
        Ok(expired.len())
    }
}
