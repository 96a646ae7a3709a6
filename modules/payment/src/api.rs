use crate::{Payment, PaymentError, PaymentFailed, PaymentId, PaymentRequest};
use kernel::{Contract, Ctx, EventType, OrderId};

/// Payments of orders, through a provider.
#[kernel::api(module = "payment")]
pub trait PaymentApi {
    /// Charge an order.
    ///
    /// Each attempt of an order charges at most once, however often it is repeated: the attempt is stored before the provider is
    /// called, with a key made of order and attempt. `payment.provider_unavailable` means that nothing was charged. After any other
    /// `unavailable`, and after `deadline_exceeded`, the outcome is not known: repeat the same attempt to find it out.
    #[put(
        "/orders/{order}/payments/{attempt}",
        access = module(order),
        errors(Declined, ProviderUnavailable, UnknownMethod, AttemptReused, AlreadyPaid, IllegalState)
    )]
    async fn process(&self, cx: &Ctx, order: OrderId, attempt: u32, request: PaymentRequest) -> Result<Payment, PaymentError>;

    /// Complete a payment after the payer has done the required action.
    #[put("/payments/{id}/confirm", access = module(order), errors(NotFound, Declined, ProviderUnavailable, IllegalState))]
    async fn confirm(&self, cx: &Ctx, id: PaymentId) -> Result<Payment, PaymentError>;

    /// Refund a payment in full. Idempotent.
    #[put("/payments/{id}/refund", access = module(order), errors(NotFound, ProviderUnavailable, IllegalState))]
    async fn refund(&self, cx: &Ctx, id: PaymentId) -> Result<Payment, PaymentError>;

    /// Get one of your payments.
    ///
    /// Admins can get the payments of all customers.
    #[get("/payments/{id}", public = "/api/payments/{id}", access = user, rate = "30/min", errors(NotFound))]
    async fn get(&self, cx: &Ctx, id: PaymentId) -> Result<Payment, PaymentError>;
}

impl Contract for PaymentClient {
    const NAME: &'static str = "payment";
    const PORT: u16 = 5005;

    fn events() -> Vec<EventType> {
        vec![EventType::of::<PaymentFailed>()]
    }
}
