//! The stock of variants, and the movements that clerks make.

use crate::{
    ListMovements, ListStock, MAX_QUANTITY, MovementPage, NewMovement, Product, ProductError, ProductId, Reason, Stock,
    StockMovement, StockPage, StockPatch, StockRule, VariantId,
    context::{Products, Result},
    entity::{stock_item, stock_movement::Kind},
    low::{became_low, fallen_to},
    ops, rules,
    store::{
        Sight,
        stock::{self, Change},
        variants,
    },
    view::{to_movement, to_quantity, to_stock, to_stock_entry},
};
use kernel::{
    Ctx, Fault, IfMatch, Page, Tagged,
    db::Tx,
    idempotency::{self, Begun},
    outbox,
};
use std::collections::HashMap;

impl Products {
    pub(crate) async fn stock_of(&self, id: VariantId) -> Result<Stock> {
        stock::item(self.db.read(), id).await?.map(to_stock).ok_or(ProductError::VariantNotFound)
    }

    pub(crate) async fn edit_stock(&self, id: VariantId, if_match: &IfMatch, patch: StockPatch) -> Result<Stock> {
        match stock::edit(self.db.write(), id, if_match, patch).await? {
            Some(item) => Ok(to_stock(item)),
            None => Err(IfMatch::failed(self.stock_of(id).await?.etag()).into()),
        }
    }

    pub(crate) async fn set_available(&self, cx: &Ctx, id: ProductId, if_match: &IfMatch, quantity: i64) -> Result<Product> {
        let tx = self.db.begin().await?;
        variants::lock_product(&*tx, id).await?.ok_or(ProductError::NotFound)?;
        let before = self.after(&tx, id).await?;
        let variant = match before.variants.as_deref() {
            Some([only]) if only.options.is_empty() => only.id,
            _ => return Err(ProductError::VariantRequired),
        };
        let item = self.must_have_stock(&tx, variant).await?;
        if !if_match.allows(&[before.etag(), to_stock(item.clone()).etag()]) {
            return Err(IfMatch::failed(before.etag()).into());
        }
        let pieces = quantity - item.available;
        if pieces == 0 {
            return Ok(before);
        }
        let (user, note) = (Some(cx.user()?), String::new());
        change_stock(&tx, cx, &item, Change { product: id, variant, pieces, kind: Kind::Counted, user, note }).await?;
        let product = self.after(&tx, id).await?;
        tx.commit().await?;
        Ok(product)
    }

    pub(crate) async fn move_stock_of(&self, cx: &Ctx, id: VariantId, new: NewMovement) -> Result<StockMovement> {
        let (tx, key) = match idempotency::begin(&self.db, cx, ops::MOVE_STOCK, &(id, &new)).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, key) => (tx, key),
        };
        let product = variants::product_of(&*tx, id).await?.ok_or(ProductError::VariantNotFound)?;
        variants::lock_product(&*tx, product).await?.ok_or(ProductError::VariantNotFound)?;
        let before = self.must_have_stock(&tx, id).await?;
        let (pieces, kind) = match (new.delta, new.counted, new.reason) {
            (Some(delta), None, reason) => (delta, kind(delta, reason)?),
            (None, Some(counted), None) => (counted - before.held - before.available, Kind::Counted),
            (None, Some(_), Some(_)) => return Err(Fault::invalid("/reason", "must not be sent with counted").into()),
            _ => return Err(Fault::invalid("", "must have either delta or counted").into()),
        };
        let (user, note) = (Some(cx.user()?), new.note.map(String::from).unwrap_or_default());
        let movement = change_stock(&tx, cx, &before, Change { product, variant: id, pieces, kind, user, note }).await?;
        key.finish(&tx, &movement).await?;
        tx.commit().await?;
        Ok(movement)
    }

    /// The stock of variants that were not removed.
    pub(crate) async fn all_stock(&self, mut query: ListStock) -> Result<StockPage> {
        let (number, cursor, per_page) = (query.page.take(), query.cursor.take(), query.per_page.take());
        let page = Page::of_list(&(ops::LIST_STOCK.id, &query), number, cursor, per_page, 20)?;
        let db = self.db.read();
        let found = stock::items(db, &query, &page);
        let (found, total) = match page.total() {
            Some(total) => (found.await?, total),
            None => tokio::try_join!(found, stock::count_items(db, &query))?,
        };
        let variants = variants::by_ids(db, Sight::All, found.rows.iter().map(|item| VariantId(item.variant_id))).await?;
        let mut variants: HashMap<i64, _> = variants.into_iter().map(|sold| (sold.variant.id, sold)).collect();
        // one that was removed between the two statements is left out
        let texts = self.own_texts();
        let stock = found.rows.into_iter();
        let stock = stock.filter_map(|item| Some(to_stock_entry(variants.remove(&item.variant_id)?, &texts, item)));
        Ok(StockPage { stock: stock.collect::<Result<_>>()?, pagination: page.ending(total, found.end) })
    }

    pub(crate) async fn movements(&self, mut query: ListMovements) -> Result<MovementPage> {
        rules::span(query.from, query.until)?;
        let (number, cursor, per_page) = (query.page.take(), query.cursor.take(), query.per_page.take());
        let page = Page::of_list(&(ops::STOCK_MOVEMENTS.id, &query), number, cursor, per_page, 20)?;
        let db = self.db.read();
        let found = stock::page(db, &query, &page);
        let (found, total) = match page.total() {
            Some(total) => (found.await?, total),
            None => tokio::try_join!(found, stock::count(db, &query))?,
        };
        let movements = found.rows.into_iter().map(to_movement).collect();
        Ok(MovementPage { movements, pagination: page.ending(total, found.end) })
    }

    async fn must_have_stock(&self, tx: &Tx, id: VariantId) -> Result<stock_item::Model> {
        // the lock of its product keeps it as it is
        stock::item(&**tx, id).await?.ok_or(ProductError::VariantNotFound)
    }
}

/// Makes a change, if there are enough pieces and not too many, and publishes if the stock becomes low by it. The product must be locked.
async fn change_stock(tx: &Tx, cx: &Ctx, before: &stock_item::Model, change: Change) -> Result<StockMovement> {
    let available = before.available + change.pieces;
    // more than the most may be there already, when orders gave pieces back
    let broken = if available < 0 {
        Some(if change.kind == Kind::Counted { StockRule::FewerThanHeld } else { StockRule::TooFew })
    } else {
        (change.pieces > 0 && available + before.held > i64::from(MAX_QUANTITY)).then_some(StockRule::TooMany)
    };
    if broken.is_some() {
        let (available, held) = (to_quantity(before.available), to_quantity(before.held));
        return Err(ProductError::StockOutOfRange { available, held, rule: broken });
    }
    let (variant, pieces) = (change.variant, change.pieces);
    let (item, movement) = stock::change(&**tx, change).await?;
    if fallen_to(&item, pieces).is_some() {
        // of a variant that was removed nothing is found: it is not missed
        let sold = variants::by_ids(&**tx, Sight::All, [variant]).await?.into_iter();
        let low = sold.filter_map(|sold| became_low(&item, pieces, &sold.variant, &sold.product_name).transpose());
        outbox::publish_all(tx, cx, &low.collect::<Result<Vec<_>, _>>()?).await?;
    }
    Ok(to_movement(movement))
}

/// The kind of a movement by a difference.
fn kind(delta: i64, reason: Option<Reason>) -> Result<Kind, Fault> {
    match reason.unwrap_or(Reason::Adjusted) {
        Reason::Adjusted => Ok(Kind::Adjusted),
        _ if delta < 0 => Err(Fault::invalid("/delta", "must be at least 1: pieces that were received or returned only come")),
        Reason::Received => Ok(Kind::Received),
        Reason::Returned => Ok(Kind::Returned),
    }
}
