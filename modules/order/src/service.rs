//! The implementation of [`OrderApi`]. Operations with several steps have files of their own.

use crate::{
    CancelOrder, ListAllOrders, ListOrders, OrderApi, OrderPage, OrderReply, Pay, PaymentReply, PlaceOrder, SetStatus,
    context::{Orders, Result},
    rules,
    store::{self, Filter},
    view,
};
use kernel::{Ctx, OrderId};
use payment::PaymentId;

impl OrderApi for Orders {
    async fn place(&self, cx: &Ctx, request: PlaceOrder) -> Result<OrderReply> {
        self.check_out(cx, request).await
    }

    async fn list(&self, cx: &Ctx, query: ListOrders) -> Result<OrderPage> {
        let filter = Filter { user: Some(cx.user()?), status: query.status };
        self.list_page(&filter, query.page, query.per_page).await
    }

    async fn get(&self, cx: &Ctx, id: OrderId) -> Result<OrderReply> {
        let row = rules::visible(cx, store::order(self.db.read(), id).await?)?;
        let details = store::details(self.db.read(), &[row.id]).await?;
        Ok(OrderReply { order: view::order(row, &details)? })
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
        let filter = Filter { user: query.user_id, status: query.status };
        self.list_page(&filter, query.page, query.per_page).await
    }

    async fn set_status(&self, cx: &Ctx, id: OrderId, request: SetStatus) -> Result<OrderReply> {
        self.ship_or_deliver(cx, id, request).await
    }
}
