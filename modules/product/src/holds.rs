//! Holds of orders on stock: placed, committed (sold), released, or expired.

use crate::{
    Hold, HoldLine, HoldRequest, ProductError, Shortage, VariantId,
    context::{Products, Result},
    entity::{hold, hold_line},
    low::became_low,
    meters,
    rules::{self, name_of},
    store::{
        holds,
        stock::{self, Movement},
        variants::{self, Sold},
    },
    view::{to_hold, to_quantity},
};
use kernel::{Ctx, Fault, OrderId, chrono::TimeDelta, db::Tx, outbox};
use std::collections::HashMap;

impl Products {
    pub(crate) async fn place_hold(&self, cx: &Ctx, order: OrderId, request: HoldRequest) -> Result<Hold> {
        let lines = rules::lines(request.lines)?;
        let tx = self.db.begin().await?;
        let hold = hold::Model { order_id: order.0, status: hold::Status::Held, expires_at: request.expires_at };
        if !holds::insert(&*tx, hold.clone()).await? {
            let hold = holds::hold(&*tx, order).await?.ok_or_else(|| Fault::internal("a hold vanished"))?;
            let mut held = holds::lines(&*tx, order).await?;
            held.sort_unstable_by_key(|line| (line.product_id.unwrap_or(line.variant_id), line.variant_id));
            let before = held.iter().map(|line| (line.variant_id, line.quantity));
            let same = before.eq(lines.iter().map(|line| (line.variant().0, line.quantity.into())));
            if hold.status != hold::Status::Held || !same {
                return Err(ProductError::HoldEnded);
            }
            return Ok(to_hold(hold, held, self.currency));
        }
        let sold = self.reserve(&tx, cx, &lines).await?;
        let mut held = Vec::with_capacity(lines.len());
        for line in &lines {
            // the lines were found
            let Some(Sold { variant, product_name, .. }) = sold.get(&line.variant()) else {
                return Err(Fault::internal("a variant was reserved that is not sold").into());
            };
            held.push(hold_line::Model {
                order_id: order.0,
                variant_id: variant.id,
                product_id: (!variant.options.is_empty()).then_some(variant.product_id),
                sku: variant.sku.clone(),
                quantity: line.quantity.into(),
                name: name_of(product_name, &rules::stored::<Vec<_>>(&variant.options)?),
                unit_price_minor: variant.price_minor,
            });
        }
        holds::insert_lines(&*tx, &held).await?;
        stock::append_held(&*tx, order).await?;
        tx.commit().await?;
        Ok(to_hold(hold, held, self.currency))
    }

    /// Reserves all lines, publishes what becomes low by it, and returns their variants. After an error the caller must roll back.
    async fn reserve(&self, tx: &Tx, cx: &Ctx, lines: &[HoldLine]) -> Result<HashMap<VariantId, Sold>> {
        let products = lines.chunk_by(|a, b| a.product_id == b.product_id).count() as u64;
        let sight = self.public();
        let have_enough = stock::reserve_of_products(&**tx, sight, lines).await? == products;
        // the products are locked now, so that prices and names stay as they are
        let sold = variants::by_ids(&**tx, sight, lines.iter().map(HoldLine::variant)).await?;
        let sold: HashMap<_, _> = sold.into_iter().map(|sold| (VariantId(sold.variant.id), sold)).collect();
        let is_sold = |line: &HoldLine| sold.get(&line.variant()).is_some_and(|s| s.variant.product_id == line.product_id.0);
        if have_enough && lines.iter().all(is_sold) {
            let items = stock::reserve(&**tx, lines).await?;
            if items.len() == lines.len() {
                let items: HashMap<_, _> = items.into_iter().map(|item| (VariantId(item.variant_id), item)).collect();
                let low = lines.iter().filter_map(|line| {
                    let (item, sold) = (items.get(&line.variant())?, sold.get(&line.variant())?);
                    became_low(item, -i64::from(line.quantity), &sold.variant, &sold.product_name).transpose()
                });
                outbox::publish_all(tx, cx, &low.collect::<Result<Vec<_>, _>>()?).await?;
                return Ok(sold);
            }
        }
        let short = lines.iter().filter_map(|line| {
            let available = if is_sold(line) { to_quantity(sold[&line.variant()].available) } else { 0 };
            let (product_id, variant_id, requested) = (line.product_id, line.variant_id, line.quantity);
            (available < requested).then_some(Shortage { product_id, variant_id, requested, available })
        });
        meters::stock_conflicts().increment(1);
        Err(ProductError::OutOfStock { lines: short.collect() })
    }

    pub(crate) async fn commit_hold(&self, order: OrderId) -> Result<()> {
        let tx = self.db.begin().await?;
        if holds::move_to(&*tx, order, hold::Status::Held, hold::Status::Committed).await? {
            stock::move_held(&*tx, &[order], Movement::Sell).await?;
            return Ok(tx.commit().await?);
        }
        match holds::hold(&*tx, order).await?.map(|hold| hold.status) {
            Some(hold::Status::Committed) => Ok(()),
            _ => Err(ProductError::HoldEnded),
        }
    }

    pub(crate) async fn release_hold(&self, order: OrderId) -> Result<()> {
        let tx = self.db.begin().await?;
        if holds::move_to(&*tx, order, hold::Status::Held, hold::Status::Released).await? {
            stock::move_held(&*tx, &[order], Movement::Free).await?;
        } else if holds::move_to(&*tx, order, hold::Status::Committed, hold::Status::Released).await? {
            stock::move_held(&*tx, &[order], Movement::Return).await?;
        } else if holds::hold(&*tx, order).await?.is_none() {
            // a hold that arrives later finds its order released
            let gone = hold::Model { order_id: order.0, status: hold::Status::Released, expires_at: self.db.now() };
            if !holds::insert(&*tx, gone).await? {
                return Err(Fault::unavailable("The stock of the order is just being held", "a concurrent hold").into());
            }
        }
        Ok(tx.commit().await?)
    }

    /// Removes holds that ended long ago, and returns their number. Until then they refuse what an order does too late.
    pub(crate) async fn sweep_holds(&self) -> Result<u64, Fault> {
        /// Longer than any call of an order is repeated.
        const KEPT: TimeDelta = TimeDelta::days(7);
        let tx = self.db.begin().await?;
        let gone = holds::sweep(&*tx, self.db.now() - KEPT, 500).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// Returns the stock of expired holds to the shop, and the number of the holds.
    pub(crate) async fn expire_holds(&self) -> Result<usize, Fault> {
        let tx = self.db.begin().await?;
        let expired = holds::expire(&*tx, self.db.now(), 100).await?;
        if !expired.is_empty() {
            stock::move_held(&*tx, &expired, Movement::Free).await?;
            tx.count(meters::expired_holds(), expired.len() as u64);
            tx.commit().await?;
        }
        Ok(expired.len())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

    use super::*;
    use crate::{Config, HoldLine, NewProduct, ProductApi, ProductId, entity::hold_line};
    use kernel::testing::{admin, anonymous, folder, sqlite};
    use sea_orm::{EntityTrait, PaginatorTrait};

    #[tokio::test]
    async fn holds_that_ended_long_ago_are_swept() {
        let folder = folder();
        let config = Config { database_url: sqlite(folder.path(), "product"), ..Config::default() };
        let products = Products::open_and_migrate(&config).await.unwrap();
        let new = NewProduct {
            name: "Lamp".into(),
            description: None,
            price: "1".parse().unwrap(),
            currency: None,
            category_id: None,
            stock_quantity: 10,
            ..NewProduct::default()
        };
        products.create(&admin(), new).await.unwrap();
        let hold = async |order, days| {
            let lines = vec![HoldLine { product_id: ProductId(1), variant_id: None, quantity: 1 }];
            let request = HoldRequest { lines, expires_at: products.db.now() + TimeDelta::days(days) };
            products.place_hold(&anonymous(), OrderId(order), request).await.unwrap();
        };
        // sold, released and expired long ago; released just now
        for (order, days) in [(1, -8), (2, -8), (3, -8), (4, 1)] {
            hold(order, days).await;
        }
        products.commit_hold(OrderId(1)).await.unwrap();
        products.release_hold(OrderId(2)).await.unwrap();
        products.expire_holds().await.unwrap();
        products.release_hold(OrderId(4)).await.unwrap();
        assert_eq!(products.sweep_holds().await.unwrap(), 2);
        assert_eq!(products.sweep_holds().await.unwrap(), 0);
        let holds = hold::Entity::find().all(products.db.read()).await.unwrap();
        assert_eq!(holds.iter().map(|hold| hold.order_id).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(hold_line::Entity::find().count(products.db.read()).await.unwrap(), 2);
    }
}
