//! From the cart to a pending order.
//!
//! | step | undone by |
//! |---|---|
//! | 1. an order in state `placing`, and the idempotency key, in one transaction | deleting it |
//! | 2. the lines of the cart | – |
//! | 3. the stock of all lines is held, until some time after the order expires | releasing it |
//! | 4. `placing → pending` with lines and prices, the reply under the key, and the wish to empty the cart, in one transaction | – |
//! | 5. the cart is emptied, now or by the job | – |
//!
//! A failure between 1 and 4 is undone at once. A process that dies there leaves a `placing` order behind, whose lease runs out; the
//! job then undoes it ([`Orders::undo_left_behind`]). Holding and releasing are idempotent per order, and an order that has released cannot hold
//! again: a request that was believed to be dead and wakes up late changes nothing.

use crate::{
    OrderError, OrderPlaced, OrderReply, PlaceOrder,
    entity::{
        effect::Kind,
        line,
        order::{self, State},
    },
    ops, rules,
    service::{Orders, Result},
    store, tell, view,
};
use cart::{CartApi, Snapshot};
use kernel::{
    ApiError, Code, Ctx, Fault, OrderId, UserId,
    chrono::TimeDelta,
    db::Tx,
    idempotency::{self, Begun, Held, LEASE},
    outbox, serde_json,
};
use product::{Hold, HoldLine, HoldRequest, ProductApi, ProductError};
use sea_orm::Set;
use user::UserApi;

/// How much longer the stock is held than an order may stay unpaid: the order decides, the hold's own end is for when it cannot.
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
                // after these answers nothing is held; after anything else it may be
                use OrderError::{CartEmpty, Deactivated, OutOfStock};
                let may_hold = !matches!(error, CartEmpty | Deactivated | OutOfStock { .. });
                self.undo(cx, order, &held, may_hold).await?;
                Err(error)
            }
        }
    }

    async fn insert_placing(&self, tx: &Tx, user: UserId, request: &PlaceOrder, held: &Held) -> Result<order::Model> {
        let now = self.db.now();
        let row = order::ActiveModel {
            user_id: Set(user.0),
            state: Set(State::Placing),
            currency: Set(String::new()),
            total_minor: Set(0),
            shipping_address: Set(serde_json::to_string(&request.shipping_address).map_err(Fault::internal)?),
            cart_version: Set(0),
            attempt: Set(0),
            payment_key: Set(held.key().map(str::to_owned)),
            placed_at: Set(now),
            updated_at: Set(now),
            expires_at: Set(now + self.unpaid),
            lease_until: Set(now + LEASE),
            ..Default::default()
        };
        Ok(store::insert(&**tx, row).await?)
    }

    async fn hold_and_place(&self, cx: &Ctx, user: UserId, order: &order::Model, held: &Held) -> Result<OrderReply> {
        let to_others = cx.without_key();
        let (account, cart) = tokio::join!(self.user.verify(&to_others, user), self.cart.snapshot(&to_others, user));
        if !account.map_err(into_fault)?.is_active {
            return Err(OrderError::Deactivated);
        }
        let cart = cart.map_err(into_fault)?;
        if cart.lines.is_empty() {
            return Err(OrderError::CartEmpty);
        }
        let hold = self.hold(&to_others, order, &cart).await?;
        match rules::price_changes(&cart.lines, &hold) {
            changes if changes.is_empty() => self.place(cx, order, &cart, hold, held).await,
            lines => Err(OrderError::PriceChanged { lines }),
        }
    }

    async fn hold(&self, cx: &Ctx, order: &order::Model, cart: &Snapshot) -> Result<Hold> {
        let lines = cart.lines.iter().map(|line| HoldLine { product_id: line.product_id, quantity: line.quantity });
        let request = HoldRequest { lines: lines.collect(), expires_at: order.expires_at + GRACE };
        self.product.hold(cx, OrderId(order.id), request).await.map_err(|error| match error {
            ProductError::OutOfStock { lines } => OrderError::OutOfStock { lines },
            other => into_fault(other).into(),
        })
    }

    async fn place(&self, cx: &Ctx, order: &order::Model, cart: &Snapshot, hold: Hold, held: &Held) -> Result<OrderReply> {
        let currency = hold.currency;
        let change = order::ActiveModel {
            currency: Set(currency.to_string()),
            total_minor: Set(rules::total(&hold.lines, currency)?.minor),
            cart_version: Set(cart.version),
            payment_key: Set(None),
            ..Default::default()
        };
        let lines = hold.lines.into_iter().map(|line| {
            let unit_price_minor = rules::money(line.unit_price, currency)?.minor;
            let (product_id, name, quantity) = (line.product_id.0, line.name, line.quantity.into());
            Ok(line::Model { order_id: order.id, product_id, name, unit_price_minor, quantity })
        });
        let lines = lines.collect::<Result<Vec<_>>>()?;

        let tx = self.db.begin().await?;
        let placed = store::advance(&*tx, order.id, State::Placing, State::Pending, change).await?;
        // none: the job took this request for dead
        let placed = placed.ok_or_else(|| Fault::new(Code::DeadlineExceeded, "Service timeout"))?;
        outbox::publish(&tx, cx, &OrderPlaced(tell::facts(&placed, &lines, None)?)).await?;
        store::insert_lines(&*tx, &lines).await?;
        let timeline = store::note(&*tx, &[order.id], State::Pending, "Order placed").await?;
        store::add_effect(&*tx, &[order.id], Kind::ClearCart, self.own_effects_due()).await?;
        // all that there is of it was just written: nothing needs to be read
        let reply = OrderReply { order: view::assemble(placed.clone(), &lines, &timeline)? };
        held.finish(&tx, &reply).await?;
        tx.commit().await?;
        self.begin_effects(cx, placed, Kind::ClearCart).await;
        Ok(reply)
    }

    /// Removes an order that could not be placed, frees its key, and releases what it may hold.
    async fn undo(&self, cx: &Ctx, order: order::Model, held: &Held, may_hold: bool) -> Result<()> {
        let tx = self.db.begin().await?;
        // not when it was placed after all: when the answer of a commit is lost
        if store::delete_placing(&*tx, order.id).await? {
            held.abandon(&tx).await?;
            if may_hold {
                store::add_effect(&*tx, &[order.id], Kind::ReleaseStock, self.own_effects_due()).await?;
            }
            tx.commit().await?;
            if may_hold {
                self.begin_effects(cx, order, Kind::ReleaseStock).await;
            }
        }
        Ok(())
    }

    /// Removes an order whose request is gone, and frees its key, unless another request has taken that over.
    pub(crate) async fn undo_left_behind(&self, client: &Ctx, order: &order::Model) -> Result<()> {
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

/// What another module answers that is none of the answers that checkout knows.
pub(crate) fn into_fault(error: impl ApiError) -> Fault {
    let problem = error.into_problem();
    match Code::of_status(problem.status) {
        code @ (Code::Unavailable | Code::DeadlineExceeded) => Fault::new(code, problem.detail).retry_after(1),
        _ => Fault::internal(format_args!("unexpected answer {}: {}", problem.code, problem.detail)),
    }
}
