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
use kernel::{Ctx, OrderId, Pagination, Role, db::Db, jobs::Jobs};
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
                let note = request.note.as_deref();
                match request.status {
                    NextStatus::Shipped => tell::<OrderShipped>(&tx, cx, &row, note).await?,
                    NextStatus::Delivered => tell::<OrderDelivered>(&tx, cx, &row, note).await?,
                }
                store::note(&*tx, &[id.0], to, &with_reason(what, note)).await?;
                row
            }
            None => match store::order(&*tx, id).await? {
                None | Some(order::Model { state: State::Placing, .. }) => return Err(OrderError::NotFound),
                // said before: nothing to do
                Some(row) if row.state == to => row,
                Some(row) => return Err(OrderError::IllegalState { status: row.state.status() }),
            },
        };
        let order = view::complete_one(&*tx, row).await?;
        tx.commit().await?;
        Ok(OrderReply { order })
    }
}

impl Orders {
    async fn page(&self, filter: &Condition, page: Option<u32>, per_page: Option<u32>) -> Result<OrderPage> {
        let db = self.db.read();
        let (page, per_page) = (page.unwrap_or(1), per_page.unwrap_or(10));
        let offset = u64::from(page - 1) * u64::from(per_page);
        let (rows, total) = tokio::try_join!(store::page(db, filter, offset, per_page.into()), store::count(db, filter))?;
        Ok(OrderPage { orders: view::complete(db, rows).await?, pagination: Pagination::new(page, per_page, total) })
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
    match reason.map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    }
}
