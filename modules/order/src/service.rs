//! The implementation of [`OrderApi`]. What takes several steps is in `checkout.rs`, `pay.rs` and `cancel.rs`.

use crate::{
    CancelOrder, ListAllOrders, ListOrders, NextStatus, OrderApi, OrderDelivered, OrderError, OrderPage, OrderReply,
    OrderShipped, Pay, PaymentReply, PlaceOrder, SetStatus,
    entity::order::{self, State},
    store,
    tell::tell,
    view,
};
use cart::CartClient;
use kernel::{
    Ctx, OrderId, Page, Role,
    db::{Db, Tx},
    jobs::Jobs,
};
use payment::{PaymentClient, PaymentId};
use product::ProductClient;
use sea_orm::Condition;
use std::time::Duration;
use user::UserClient;

/// Orders, on a database, with the modules that checkout needs.
#[derive(Clone)]
pub struct Orders {
    pub(crate) db: Db,
    pub(crate) product: ProductClient,
    pub(crate) cart: CartClient,
    pub(crate) payment: PaymentClient,
    pub(crate) user: UserClient,
    /// Where effects run on when their request has been answered.
    pub(crate) jobs: Jobs,
    /// How long an order may stay unpaid.
    pub(crate) unpaid: Duration,
}

pub(crate) type Result<T> = std::result::Result<T, OrderError>;

impl OrderApi for Orders {
    async fn place(&self, cx: &Ctx, request: PlaceOrder) -> Result<OrderReply> {
        self.check_out(cx, request).await
    }

    async fn list(&self, cx: &Ctx, query: ListOrders) -> Result<OrderPage> {
        let filter = store::filter(Some(cx.user()?), query.status.map(State::seen_as));
        self.page(&filter, query.page, query.per_page).await
    }

    async fn get(&self, cx: &Ctx, id: OrderId) -> Result<OrderReply> {
        let row = store::order(self.db.read(), id).await?;
        let order = view::complete_one(self.db.read(), visible(cx, row)?).await?;
        Ok(OrderReply { order })
    }

    async fn cancel(&self, cx: &Ctx, id: OrderId, request: CancelOrder) -> Result<OrderReply> {
        self.cancel_order(cx, id, request).await
    }

    async fn pay(&self, cx: &Ctx, request: Pay) -> Result<PaymentReply> {
        self.pay_order(cx, request).await
    }

    async fn confirm(&self, cx: &Ctx, payment: PaymentId) -> Result<PaymentReply> {
        self.confirm_payment(cx, payment).await
    }

    async fn list_all(&self, _: &Ctx, query: ListAllOrders) -> Result<OrderPage> {
        let filter = store::filter(query.user_id, query.status.map(State::seen_as));
        self.page(&filter, query.page, query.per_page).await
    }

    async fn set_status(&self, cx: &Ctx, id: OrderId, request: SetStatus) -> Result<OrderReply> {
        let (from, to, what) = match request.status {
            NextStatus::Shipped => (State::Paid, State::Shipped, "Shipped"),
            NextStatus::Delivered => (State::Shipped, State::Delivered, "Delivered"),
        };
        let tx = self.db.begin().await?;
        let row = match store::advance(&*tx, id.0, from, to, Default::default()).await? {
            Some(row) => {
                tell_status(&tx, cx, &row, &request).await?;
                store::note(&*tx, &[id.0], to, &with_reason(what, request.note.as_deref())).await?;
                row
            }
            None => match store::order(&*tx, id).await? {
                None | Some(order::Model { state: State::Placing, .. }) => return Err(OrderError::NotFound),
                Some(row) if row.state == to => return self.told_again(tx, cx, row, request).await,
                Some(row) => return Err(OrderError::IllegalState { status: row.state.status() }),
            },
        };
        let order = view::complete_one(&*tx, row).await?;
        tx.commit().await?;
        Ok(OrderReply { order })
    }
}

impl Orders {
    async fn page(&self, filter: &Condition, page: Option<i64>, per_page: Option<i64>) -> Result<OrderPage> {
        let db = self.db.read();
        let page = Page::of(page, per_page, 10);
        let (rows, total) = tokio::try_join!(store::page(db, filter, page), store::count(db, filter))?;
        Ok(OrderPage { orders: view::complete(db, rows).await?, pagination: page.of_total(total) })
    }

    /// A status that the order has already. With the note of before, or none, there is nothing to do; another one corrects it: it is
    /// kept, and the customer is told.
    async fn told_again(&self, tx: Tx, cx: &Ctx, row: order::Model, request: SetStatus) -> Result<OrderReply> {
        let before = view::complete_one(&*tx, row.clone()).await?;
        let Some(note) = request.note.as_deref() else { return Ok(OrderReply { order: before }) };
        let state = row.state;
        // locked from here on, so that of two who correct it alike one does
        let Some(row) = store::advance(&*tx, row.id, state, state, Default::default()).await? else {
            return Err(OrderError::Busy);
        };
        let last = store::timelines(&*tx, &[row.id]).await?.into_iter().rfind(|entry| entry.state == state);
        let (first, corrected) = match request.status {
            NextStatus::Shipped => (with_reason("Shipped", Some(note)), with_reason("Shipped, corrected", Some(note))),
            NextStatus::Delivered => (with_reason("Delivered", Some(note)), with_reason("Delivered, corrected", Some(note))),
        };
        if last.is_some_and(|last| last.note == first || last.note == corrected) {
            return Ok(OrderReply { order: before });
        }
        tell_status(&tx, cx, &row, &request).await?;
        store::note(&*tx, &[row.id], state, &corrected).await?;
        let order = view::complete_one(&*tx, row).await?;
        tx.commit().await?;
        Ok(OrderReply { order })
    }
}

async fn tell_status(tx: &Tx, cx: &Ctx, row: &order::Model, request: &SetStatus) -> Result<()> {
    let note = request.note.as_deref();
    match request.status {
        NextStatus::Shipped => tell::<OrderShipped>(tx, cx, row, note).await,
        NextStatus::Delivered => tell::<OrderDelivered>(tx, cx, row, note).await,
    }
}

/// The order, if the caller may see it: its owner or an admin.
pub(crate) fn visible(cx: &Ctx, row: Option<order::Model>) -> Result<order::Model> {
    let user = cx.user()?;
    row.filter(|row| row.state != State::Placing && (row.user_id == user.0 || cx.has_role(Role::Admin)))
        .ok_or(OrderError::NotFound)
}

/// `what`, with what someone said about it.
pub(crate) fn with_reason(what: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    }
}
