use crate::{
    CancelOrder, ListAllOrders, ListOrders, OrderCancelled, OrderDelivered, OrderError, OrderPage, OrderPaid, OrderPlaced,
    OrderRefunded, OrderReply, OrderShipped, Pay, PaymentReply, PlaceOrder, SetStatus,
};
use kernel::{Contract, Ctx, EventType, OrderId};
use payment::PaymentId;

/// Orders: from the cart to the door, with the stock that they hold and the payments that they need.
#[kernel::api(module = "order")]
pub trait OrderApi {
    /// Order your cart.
    ///
    /// Holds the stock of all lines or of none, copies names and prices, and empties the cart. Refused when a price has changed since
    /// the cart last showed it. The order expires when it is not paid in time.
    #[post(
        "/orders",
        public = "/api/orders",
        access = user,
        retry = key,
        status = 201,
        rate = "5/min",
        errors(CartEmpty, OutOfStock, PriceChanged, TooDear, Deactivated)
    )]
    async fn place(&self, cx: &Ctx, request: PlaceOrder) -> Result<OrderReply, OrderError>;

    /// List your orders, the newest first.
    #[get("/orders", public = "/api/orders", access = user, rate = "30/min")]
    async fn list(&self, cx: &Ctx, query: ListOrders) -> Result<OrderPage, OrderError>;

    /// Get one of your orders.
    ///
    /// Admins can get the orders of all customers.
    #[get("/orders/{id}", public = "/api/orders/{id}", access = user, rate = "30/min", errors(NotFound))]
    async fn get(&self, cx: &Ctx, id: OrderId) -> Result<OrderReply, OrderError>;

    /// Cancel one of your orders.
    ///
    /// The stock is released. A paid order is refunded as well: it is `cancelled` at once, and `refunded` when the money was given
    /// back. Refused after the order was shipped.
    #[post(
        "/orders/{id}/cancel",
        public = "/api/orders/{id}/cancel",
        access = user,
        retry = key,
        rate = "10/min",
        errors(NotFound, IllegalState, Busy)
    )]
    async fn cancel(&self, cx: &Ctx, id: OrderId, request: CancelOrder) -> Result<OrderReply, OrderError>;

    /// Pay one of your orders.
    ///
    /// Charges the total of the order. A payment with status `requires_action` is finished with `confirm`. After 503 or 504 the
    /// outcome is not known: repeat the request with the same key, or get the order.
    #[post(
        "/payments/process",
        public = "/api/payments/process",
        access = user,
        retry = key,
        rate = "3/min",
        errors(NotFound, IllegalState, Busy, Declined, ProviderUnavailable, UnknownMethod)
    )]
    async fn pay(&self, cx: &Ctx, request: Pay) -> Result<PaymentReply, OrderError>;

    /// Finish a payment after the payer has done the required action.
    #[put(
        "/payments/{payment}/confirm",
        public = "/api/payments/{payment}/confirm",
        access = user,
        rate = "10/min",
        errors(PaymentNotFound, IllegalState, Busy, Declined, ProviderUnavailable)
    )]
    async fn confirm(&self, cx: &Ctx, payment: PaymentId) -> Result<PaymentReply, OrderError>;

    /// List the orders of all customers, the newest first.
    #[get("/all-orders", public = "/api/admin/orders", access = role(admin), rate = "60/min")]
    async fn list_all(&self, cx: &Ctx, query: ListAllOrders) -> Result<OrderPage, OrderError>;

    /// Move an order to `shipped` or `delivered`.
    ///
    /// The current status with another note corrects the note: it is added to the timeline and mailed to the customer.
    #[put(
        "/orders/{id}/status",
        public = "/api/orders/{id}/status",
        access = role(admin),
        rate = "60/min",
        errors(NotFound, IllegalState, Busy)
    )]
    async fn set_status(&self, cx: &Ctx, id: OrderId, request: SetStatus) -> Result<OrderReply, OrderError>;
}

impl Contract for OrderClient {
    const NAME: &'static str = "order";
    const PORT: u16 = 5004;

    fn events() -> Vec<EventType> {
        vec![
            EventType::of::<OrderPlaced>(),
            EventType::of::<OrderPaid>(),
            EventType::of::<OrderShipped>(),
            EventType::of::<OrderDelivered>(),
            EventType::of::<OrderCancelled>(),
            EventType::of::<OrderRefunded>(),
        ]
    }
}
