use crate::{Payment, PaymentError, PaymentFailed, PaymentId, PaymentRequest};
use kernel::{Contract, Ctx, EventType, OrderId};

/// Payments of orders, through a provider.
#[kernel::api(module = "payment")]
pub trait PaymentApi {
    /// Charge an order.
    ///
    /// Each attempt of an order charges at most once, however often it is repeated: the attempt is stored before the provider is
    /// asked, and the provider is asked with a key made of both. `payment.provider_unavailable` means that nothing was charged;
    /// any other `unavailable`, and `deadline_exceeded`, that the outcome is not known: repeating the same attempt finds it out.
    #[put(
        "/orders/{order}/payments/{attempt}",
        access = module(order),
        errors(Declined, ProviderUnavailable, UnknownMethod, AttemptReused, AlreadyPaid, IllegalState)
    )]
    async fn process(&self, cx: &Ctx, order: OrderId, attempt: u32, request: PaymentRequest) -> Result<Payment, PaymentError>;

    /// Ask the provider again about a payment that requires an action of the payer.
    #[put("/payments/{id}/confirm", access = module(order), errors(NotFound, Declined, ProviderUnavailable, IllegalState))]
    async fn confirm(&self, cx: &Ctx, id: PaymentId) -> Result<Payment, PaymentError>;

    /// Give all the money of a payment back. Repeating it is harmless.
    #[put("/payments/{id}/refund", access = module(order), errors(NotFound, ProviderUnavailable, IllegalState))]
    async fn refund(&self, cx: &Ctx, id: PaymentId) -> Result<Payment, PaymentError>;

    /// Get one of your payments.
    ///
    /// Admins can get everyone's.
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
