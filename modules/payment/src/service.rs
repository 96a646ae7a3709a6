//! The implementation of [`PaymentApi`].

use crate::{
    Payment, PaymentApi, PaymentError, PaymentId, PaymentRequest,
    context::{Payments, Result},
    store, view,
};
use kernel::{Ctx, OrderId, Role};

impl PaymentApi for Payments {
    async fn process(&self, cx: &Ctx, order: OrderId, attempt: u32, request: PaymentRequest) -> Result<Payment> {
        self.process_attempt(cx, order, attempt, request).await
    }

    async fn confirm(&self, cx: &Ctx, id: PaymentId) -> Result<Payment> {
        self.confirm_payment(cx, id).await
    }

    async fn refund(&self, _: &Ctx, id: PaymentId) -> Result<Payment> {
        self.refund_payment(id).await
    }

    async fn get(&self, cx: &Ctx, id: PaymentId) -> Result<Payment> {
        let user = cx.user()?;
        let found = store::payment(self.db.read(), id).await?;
        let visible = found.filter(|payment| payment.user_id == user.0 || cx.has_role(Role::Admin));
        visible.ok_or(PaymentError::NotFound).and_then(view::payment)
    }
}
