//! From the cart to a pending order.
//!
//! | step | undone by |
//! |---|---|
//! | 1. an order in state `placing`, and the idempotency key, in one transaction | deleting it |
//! | 2. the lines of the cart are read | – |
//! | 3. the stock of all lines is held, until some time after the order expires | releasing it |
//! | 4. `placing → pending` with lines and prices, the reply under the key, and the effect that empties the cart, in one transaction | – |
//! | 5. the cart is emptied, by the request or by the job | – |
//!
//! A failure between 1 and 4 is undone at once. A process that dies there leaves a `placing` order whose lease runs out; the job then
//! undoes it ([`Orders::undo_stale_order`]). Holding and releasing are idempotent per order, and an order that has released cannot hold
//! again: a request that resumes after the job has undone its order changes nothing.

use crate::{
    OrderError, OrderPlaced, OrderReply, OrderStatus, PlaceOrder,
    context::{Orders, Result},
    entity::{effect::Kind, line, order},
    fault::into_fault,
    meters, ops, rules,
    store::{self, Details, NewOrder},
    view,
};
use cart::{CartApi, Snapshot};
use kernel::{
    Code, Ctx, Fault, OrderId, UserId,
    chrono::TimeDelta,
    db::Tx,
    idempotency::{self, Begun, Held, LEASE},
    outbox, serde_json,
};
use product::{Hold, HoldLine, HoldRequest, ProductApi, ProductError};
use user::UserApi;

/// How much longer the stock is held than an order may stay unpaid. The order releases its stock when it expires; the end of the hold
/// is for an order module that cannot.
const GRACE: TimeDelta = TimeDelta::minutes(15);

impl Orders {
    pub(crate) async fn check_out(&self, cx: &Ctx, request: PlaceOrder) -> Result<OrderReply> {
        let user = cx.user()?;
        let (tx, held) = match idempotency::begin(&self.db, cx, ops::PLACE, &request).await? {
            Begun::Before(answer) => return answer,
            Begun::Now(tx, held) => (tx, held),
        };
        let order = self.insert_placing(&tx, user, &request, &held).await?;
        tx.commit().await?;

        match self.hold_and_place(cx, user, &order, &held).await {
            Ok(reply) => Ok(reply),
            Err(error) => {
                // after these errors nothing is held; after any other error stock may be held
                use OrderError::{CartEmpty, Deactivated, OutOfStock};
                let may_hold = !matches!(error, CartEmpty | Deactivated | OutOfStock { .. });
                self.undo(cx, order, &held, may_hold).await?;
                Err(error)
            }
        }
    }

    async fn insert_placing(&self, tx: &Tx, user: UserId, request: &PlaceOrder, held: &Held) -> Result<order::Model> {
        let now = self.db.now();
        let new = NewOrder {
            user,
            shipping_address: serde_json::to_string(&request.shipping_address).map_err(Fault::internal)?,
            key: held.key().map(str::to_owned),
            placed_at: now,
            expires_at: now + self.unpaid,
            lease_until: now + LEASE,
        };
        Ok(store::insert(&**tx, new).await?)
    }

    async fn hold_and_place(&self, cx: &Ctx, user: UserId, order: &order::Model, held: &Held) -> Result<OrderReply> {
        let peer_cx = cx.without_key();
        let (account, cart) = tokio::join!(self.user.verify(&peer_cx, user), self.cart.snapshot(&peer_cx, user));
        if !account.map_err(into_fault)?.is_active {
            return Err(OrderError::Deactivated);
        }
        let cart = cart.map_err(into_fault)?;
        if cart.lines.is_empty() {
            return Err(OrderError::CartEmpty);
        }
        let hold = self.hold(&peer_cx, order, &cart).await?;
        match rules::price_changes(&cart.lines, &hold) {
            changes if changes.is_empty() => self.place_held(cx, order, &cart, hold, held).await,
            lines => Err(OrderError::PriceChanged { lines }),
        }
    }

    async fn hold(&self, cx: &Ctx, order: &order::Model, cart: &Snapshot) -> Result<Hold> {
        let lines = cart.lines.iter().map(|line| HoldLine {
            product_id: line.product_id,
            variant_id: line.variant_id,
            quantity: line.quantity,
        });
        let request = HoldRequest { lines: lines.collect(), expires_at: order.expires_at + GRACE };
        self.product.hold(cx, OrderId(order.id), request).await.map_err(|error| match error {
            ProductError::OutOfStock { lines } => OrderError::OutOfStock { lines },
            other => into_fault(other).into(),
        })
    }

    async fn place_held(&self, cx: &Ctx, order: &order::Model, cart: &Snapshot, hold: Hold, held: &Held) -> Result<OrderReply> {
        let currency = hold.currency;
        let total = rules::total(&hold.lines, currency)?;
        let lines = hold.lines.into_iter().map(|line| {
            let unit_price_minor = rules::money(line.unit_price, currency)?.minor;
            Ok(line::Model {
                order_id: order.id,
                variant_id: line.variant_id.map_or(line.product_id.0, |id| id.0),
                product_id: line.variant_id.map(|_| line.product_id.0),
                sku: line.sku,
                name: line.name,
                unit_price_minor,
                quantity: line.quantity.into(),
            })
        });
        let lines = lines.collect::<Result<Vec<_>>>()?;

        let tx = self.db.begin().await?;
        let placed = store::place(&*tx, order.id, total, cart.version).await?;
        // none: the lease of this request ran out, and the job has undone the order
        let placed = placed.ok_or_else(|| Fault::new(Code::DeadlineExceeded, "Service timeout"))?;
        outbox::publish(&tx, cx, &OrderPlaced(view::facts(&placed, &lines, None)?)).await?;
        store::insert_lines(&*tx, &lines).await?;
        let timelines = store::add_to_timelines(&*tx, &[order.id], placed.state, "Order placed").await?;
        store::add_effect(&*tx, &[order.id], Kind::ClearCart, self.effect_claim_end()).await?;
        // all rows of the order were just written, so that none needs to be read
        let reply = OrderReply { order: view::order(placed.clone(), &Details { lines, timelines })? };
        held.finish(&tx, &reply).await?;
        meters::count(&tx, OrderStatus::Pending, 1);
        tx.commit().await?;
        self.start_effect(cx, placed, Kind::ClearCart).await;
        Ok(reply)
    }

    /// Deletes an order that could not be placed, frees its key, and releases the stock that it may hold.
    async fn undo(&self, cx: &Ctx, order: order::Model, held: &Held, may_hold: bool) -> Result<()> {
        let tx = self.db.begin().await?;
        // none is deleted when the order was placed after all: the reply of the commit was lost
        if store::delete_placing(&*tx, order.id).await? {
            held.abandon(&tx).await?;
            if may_hold {
                store::add_effect(&*tx, &[order.id], Kind::ReleaseStock, self.effect_claim_end()).await?;
            }
            tx.commit().await?;
            if may_hold {
                self.start_effect(cx, order, Kind::ReleaseStock).await;
            }
        }
        Ok(())
    }

    /// Deletes a stale order, and frees its key unless another request has taken the key over.
    pub(crate) async fn undo_stale_order(&self, client: &Ctx, order: &order::Model) -> Result<()> {
        let tx = self.db.begin().await?;
        if store::delete_placing(&*tx, order.id).await? {
            if let Some(held) = idempotency::take_over(&self.db, &tx, client, ops::PLACE).await? {
                held.abandon(&tx).await?;
            }
            store::add_effect(&*tx, &[order.id], Kind::ReleaseStock, self.db.now()).await?;
        }
        Ok(tx.commit().await?)
    }
}
