//! The behaviour of the order module in three placements, with the real modules around it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use cart::{AddItem, CartApi, CartClient, Carts};
use kernel::{
    Code, Ctx, Envelope, Fault, IfMatch, InternalKey, Listener, MAX_DEADLINE, OrderId, Principal, Role, UserId,
    db::{Db, Pool},
    delivery::Bus,
    jobs::Jobs,
    module::{self, Module, Started},
    now, outbox, placements,
    serde_json::Value,
    testing::{Flaky, Kind, Stores, admin, anonymous},
};
use order::{
    CancelOrder, Config, ListAllOrders, ListOrders, NextStatus, Order, OrderApi, OrderClient, OrderError, OrderShipped,
    OrderStatus, Orders, Pay, Peers, PlaceOrder, SetStatus,
};
use payment::{
    Payment, PaymentApi, PaymentClient, PaymentError, PaymentFailed, PaymentId, PaymentRequest, PaymentStatus, Payments,
};
use product::{
    HoldLine, HoldRequest, NewProduct, ProductApi, ProductChange, ProductClient, ProductId, Products, SetStock, Shortage,
};
use sea_orm::{ConnectionTrait, Statement};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet};
use user::{PostalAddress, Register, SetAccess, UserApi, UserClient, UserRegistered, Users};

placements! {
    OrderClient, orders: [
        place_pay_ship_deliver,
        an_empty_cart_is_refused,
        nothing_is_ordered_when_stock_is_short,
        a_changed_price_is_refused_before_it_is_charged,
        an_order_that_is_too_dear_is_refused,
        a_corrected_note_is_stored_and_published,
        nothing_of_a_refused_payment_is_stored,
        an_address_is_stored_in_normal_form,
        only_a_paid_order_is_shipped,
        a_key_orders_once_and_pays_once,
        a_key_is_answered_by_every_instance,
        many_payments_of_one_order_charge_once,
        a_declined_payment_leaves_the_order_payable,
        a_payment_can_need_an_action,
        repeating_a_payment_finds_its_lost_outcome,
        the_job_settles_a_payment_that_no_client_repeats,
        the_job_does_not_change_the_reply_of_an_answered_key,
        a_refused_payment_is_replayed,
        cancelling_releases_the_stock_and_refunds,
        a_cancellation_is_replayed_as_it_was_stored,
        a_refund_that_fails_is_repeated_and_not_shown_as_done,
        unpaid_orders_expire,
        stock_is_held_longer_than_an_order_may_stay_unpaid,
        an_order_does_not_expire_while_its_payment_is_open,
        a_paid_order_whose_stock_was_lost_is_refunded,
        other_users_cannot_see_an_order,
        lists_are_paged_and_filtered,
        a_deactivated_account_cannot_order,
        each_change_is_published_once,
        bad_input_names_the_field,
    ]
}

/// Runs tests of jobs on SQLite, and on PostgreSQL when ignored tests are run.
macro_rules! on_both_stores {
    ($($test:ident),* $(,)?) => {
        mod on_embedded {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(Stores::embedded()).await;
            })*
        }
        mod on_servers {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs servers: see docs/testing.md"]
            async fn $test() {
                super::$test(Stores::servers()).await;
            })*
        }
    };
}

on_both_stores![
    fifty_equal_requests_place_one_order_though_some_are_cut_off,
    an_order_is_not_undone_while_it_is_placed,
    many_orders_expire_in_one_run_though_one_is_broken,
    instances_share_refunds_and_a_hanging_refund_does_not_hold_up_the_rest,
];

struct Fixture {
    db: Db,
    config: Config,
    bus: Bus,
    jobs: Jobs,
    product: ProductClient,
    cart: CartClient,
    payment: Lossy,
    user: UserClient,
    users: Users,
    published: Arc<Mutex<Vec<Envelope>>>,
    stores: Stores,
}

/// Payments whose answers can get lost on the way back, and whose refunds can hang or fail.
#[derive(Clone)]
struct Lossy {
    to: PaymentClient,
    lose: Arc<AtomicU32>,
    /// Number of calls to charge.
    charges: Arc<AtomicU32>,
    /// The payments whose refund was requested, once for each call.
    refunds: Arc<Mutex<Vec<PaymentId>>>,
    /// Number of refunds that hang now.
    hanging: Arc<AtomicU32>,
    flow: watch::Sender<Flow>,
    /// Whether the provider takes no refunds.
    refunds_fail: Arc<AtomicBool>,
}

/// Which refunds hang.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    None,
    Of(PaymentId),
    All,
}

/// Counts down when it is dropped.
struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Lossy {
    fn lost(&self, answer: Result<Payment, PaymentError>) -> Result<Payment, PaymentError> {
        match self.lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(Fault::new(Code::DeadlineExceeded, "Service timeout").into()),
            Err(_) => answer,
        }
    }
}

impl PaymentApi for Lossy {
    async fn process(&self, cx: &Ctx, order: OrderId, attempt: u32, request: PaymentRequest) -> Result<Payment, PaymentError> {
        self.charges.fetch_add(1, Ordering::SeqCst);
        self.lost(self.to.called_by("order").process(cx, order, attempt, request).await)
    }
    async fn confirm(&self, cx: &Ctx, id: PaymentId) -> Result<Payment, PaymentError> {
        self.lost(self.to.called_by("order").confirm(cx, id).await)
    }
    async fn refund(&self, cx: &Ctx, id: PaymentId) -> Result<Payment, PaymentError> {
        self.refunds.lock().unwrap().push(id);
        self.hanging.fetch_add(1, Ordering::SeqCst);
        let hanging = Counted(self.hanging.clone());
        let mut flow = self.flow.subscribe();
        flow.wait_for(|hangs| *hangs != Flow::All && *hangs != Flow::Of(id)).await.unwrap();
        drop(hanging);
        if self.refunds_fail.load(Ordering::SeqCst) {
            return Err(PaymentError::ProviderUnavailable);
        }
        self.to.called_by("order").refund(cx, id).await
    }
    async fn get(&self, cx: &Ctx, id: PaymentId) -> Result<Payment, PaymentError> {
        self.to.get(cx, id).await
    }
}

async fn orders(stores: Stores) -> (Orders, Fixture) {
    orders_with(stores, Config { sweep_seconds: 1, ..Config::default() }).await
}

async fn orders_with(stores: Stores, config: Config) -> (Orders, Fixture) {
    let (at, stop) = (async |name| stores.database(name).await, Jobs::default());
    let published: Arc<Mutex<Vec<Envelope>>> = Arc::default();
    let listener = Listener::new("test", TYPES, {
        let published = published.clone();
        move |_, event| {
            published.lock().unwrap().push(event);
            std::future::ready(Ok(()))
        }
    });
    let bus = Bus::new(&Default::default(), vec![listener], InternalKey::random()).unwrap();
    // tests run on busy machines
    let pool = Pool { acquire_timeout_ms: 30_000, ..Pool::default() };
    let product = product::Config { database_url: at("product").await, pool, ..Default::default() };
    let product = ProductClient::local(module::start::<Products>(&product, (), false, &stop).await.unwrap().service);
    let signing_key_file = stores.folder().join("key.pem");
    let user = user::Config { database_url: at("user").await, pool, signing_key_file, ..Default::default() };
    let users = started(module::start::<Users>(&user, (), false, &stop).await.unwrap(), &bus, &stop);
    let user = UserClient::local(users.clone());
    let cart = cart::Config { database_url: at("cart").await, pool, ..Default::default() };
    let cart = CartClient::local(
        module::start::<Carts>(&cart, cart::Peers { product: product.called_by("cart") }, false, &stop).await.unwrap().service,
    );
    let payment = payment::Config { database_url: at("payment").await, pool, ..Default::default() };
    let payment =
        PaymentClient::local(started(module::start::<Payments>(&payment, (), false, &stop).await.unwrap(), &bus, &stop));
    let payment = Lossy {
        to: payment,
        lose: Arc::default(),
        charges: Arc::default(),
        refunds: Arc::default(),
        hanging: Arc::default(),
        flow: watch::channel(Flow::None).0,
        refunds_fail: Arc::default(),
    };
    let config = Config { database_url: at("order").await, pool, ..config };
    let peers = peers(&product, &cart, &payment, &user);
    let orders = module::start::<Orders>(&config, peers, false, &stop).await.unwrap();
    let db = orders.store.in_background();
    (
        started(orders, &bus, &stop),
        Fixture { db, config, bus, jobs: stop, product, cart, payment, user, users, published, stores },
    )
}

fn peers(product: &ProductClient, cart: &CartClient, payment: &Lossy, user: &UserClient) -> Peers {
    let payment = PaymentClient::local(payment.clone());
    Peers {
        product: product.called_by("order"),
        cart: cart.called_by("order"),
        payment: payment.called_by("order"),
        user: user.called_by("order"),
    }
}

/// A service whose events go to `bus`.
fn started<M: Module<Store = Db>>(started: Started<M>, bus: &Bus, jobs: &Jobs) -> M {
    outbox::relay(&started.store, bus.clone(), jobs);
    started.service
}

const LONG_AGO: &str = "2000-01-01T00:00:00+00:00";

/// The types of the events that these tests look at.
const TYPES: &[&str] = &[
    "user.registered",
    "order.placed",
    "order.paid",
    "order.shipped",
    "order.delivered",
    "order.cancelled",
    "order.refunded",
    "payment.failed",
];

impl Fixture {
    /// Starts another instance of the module on the same store.
    async fn another(&self) -> Orders {
        let peers = peers(&self.product, &self.cart, &self.payment, &self.user);
        started(module::start(&self.config, peers, false, &self.jobs).await.unwrap(), &self.bus, &self.jobs)
    }

    /// The number that a statement selects as `n`.
    async fn count(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.db.read().get_database_backend(), sql);
        self.db.read().query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
    }

    async fn sql(&self, sql: &str) {
        self.db.write().execute_unprepared(sql).await.unwrap();
    }

    /// Lets all leases run out.
    async fn leases_end(&self) {
        self.sql(&format!("UPDATE idempotency_keys SET started_at = '{LONG_AGO}' WHERE reply IS NULL AND problem IS NULL")).await;
        self.sql(&format!("UPDATE orders SET lease_until = '{LONG_AGO}' WHERE state IN ('placing', 'charging')")).await;
    }

    /// The types of the events about this order, oldest first; waits until there are this many.
    async fn published(&self, order: OrderId, count: usize) -> Vec<String> {
        let about = || {
            let published = self.published.lock().unwrap();
            let mut about: Vec<_> = published.iter().filter(|event| event.data["order_id"] == order.0).cloned().collect();
            about.sort_by_key(|event| event.id);
            about.into_iter().map(|event| event.r#type).collect::<Vec<_>>()
        };
        until(async || about().len() >= count).await;
        about()
    }

    async fn buyer(&self, name: &str) -> Ctx {
        let request = Register {
            email: format!("{name}@souk.test"),
            password: "Saffron-7-Road".into(),
            first_name: name.into(),
            last_name: "Test".into(),
            phone: None,
        };
        let id = self.user.register(&anonymous(), request).await.unwrap().user.id;
        // one deadline for everything that a test does
        Ctx::new(Principal::User { id, role: Role::Customer }, MAX_DEADLINE)
    }

    async fn product(&self, name: &str, price: &str, stock_quantity: i64) -> ProductId {
        let price = price.parse().unwrap();
        let new = NewProduct {
            name: name.into(),
            description: None,
            price,
            currency: None,
            category_id: None,
            stock_quantity,
            ..NewProduct::default()
        };
        self.product.create(&admin(), new).await.unwrap().id
    }

    async fn fill(&self, cx: &Ctx, lines: &[(ProductId, u32)]) {
        for &(product_id, quantity) in lines {
            self.cart
                .add(cx, cx.user().unwrap(), AddItem { product_id, variant_id: None, quantity: quantity.into() })
                .await
                .unwrap();
        }
    }

    async fn stock(&self, id: ProductId) -> u32 {
        self.product.get(&anonymous(), id).await.unwrap().stock_quantity
    }

    async fn cart_lines(&self, cx: &Ctx) -> usize {
        self.cart.get(cx, cx.user().unwrap()).await.unwrap().items.len()
    }
}

fn address() -> PlaceOrder {
    PlaceOrder {
        shipping_address: PostalAddress {
            street_address: "12 Spice Lane".into(),
            city: "Tripoli".into(),
            state: "North".into(),
            postal_code: "1300".into(),
            country: "Lebanon".into(),
        },
    }
}

fn pay(order_id: OrderId, method: &str) -> Pay {
    Pay { order_id, payment_method: method.into() }
}

fn code(error: &OrderError) -> Code {
    kernel::ApiError::code(error)
}

async fn placed(client: &OrderClient, fixture: &Fixture, cx: &Ctx, lines: &[(ProductId, u32)]) -> Order {
    fixture.fill(cx, lines).await;
    client.place(cx, address()).await.unwrap().order
}

async fn status(client: &OrderClient, cx: &Ctx, id: OrderId) -> OrderStatus {
    client.get(cx, id).await.unwrap().order.status
}

/// Waits until the jobs have done something, without a fixed pause.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}

async fn place_pay_ship_deliver(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let (lamp, rug) = (fixture.product("Lamp", "29.99", 5).await, fixture.product("Rug", "0.1", 9).await);
    let order = placed(&client, fixture, &buyer, &[(rug, 3), (lamp, 2)]).await;
    assert_eq!((order.status, order.total.to_string().as_str(), order.number.len()), (OrderStatus::Pending, "60.28", 10));
    let items: Vec<_> = order.items.iter().map(|i| (i.product_id, i.quantity, i.subtotal.to_string())).collect();
    assert_eq!(items, [(lamp, 2, "59.98".into()), (rug, 3, "0.3".into())]);
    assert!(order.expires_at.is_some());
    assert_eq!((fixture.stock(lamp).await, fixture.stock(rug).await), (3, 6));
    until(async || fixture.cart_lines(&buyer).await == 0).await;

    let payment = client.pay(&buyer, pay(order.id, "sandbox_success")).await.unwrap().payment;
    assert_eq!((payment.status, payment.amount, payment.order_id), (PaymentStatus::Succeeded, order.total, order.id));
    let paid = client.get(&buyer, order.id).await.unwrap().order;
    assert_eq!((paid.status, paid.payment_id, paid.expires_at), (OrderStatus::Paid, Some(payment.id), None));
    assert_eq!(fixture.stock(lamp).await, 3);
    let again = client.pay(&buyer, pay(order.id, "sandbox_success")).await.unwrap_err();
    assert_eq!(again, OrderError::IllegalState { status: OrderStatus::Paid });

    let to = |status| SetStatus { status, note: Some("Parcel 7".into()) };
    let skipped = client.set_status(&admin(), order.id, to(NextStatus::Delivered)).await.unwrap_err();
    assert_eq!(skipped, OrderError::IllegalState { status: OrderStatus::Paid });
    client.set_status(&admin(), order.id, to(NextStatus::Shipped)).await.unwrap();
    let delivered = client.set_status(&admin(), order.id, to(NextStatus::Delivered)).await.unwrap().order;
    let notes: Vec<_> = delivered.timeline.iter().map(|e| (e.status, e.note.as_str())).collect();
    assert_eq!(
        notes,
        [
            (OrderStatus::Pending, "Order placed"),
            (OrderStatus::Paid, "Payment received"),
            (OrderStatus::Shipped, "Shipped: Parcel 7"),
            (OrderStatus::Delivered, "Delivered: Parcel 7"),
        ]
    );
    let late = client.cancel(&buyer, order.id, CancelOrder::default()).await.unwrap_err();
    assert_eq!(late, OrderError::IllegalState { status: OrderStatus::Delivered });
}

async fn an_empty_cart_is_refused(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await.with_key("k");
    assert_eq!(client.place(&buyer, address()).await, Err(OrderError::CartEmpty));
    assert_eq!(client.list(&buyer, ListOrders::default()).await.unwrap().pagination.total, 0);
    // the refusal did not use the key up
    let lamp = fixture.product("Lamp", "1", 5).await;
    fixture.fill(&buyer.without_key(), &[(lamp, 1)]).await;
    assert!(client.place(&buyer, address()).await.is_ok());
}

async fn an_order_that_is_too_dear_is_refused(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await.with_key("k");
    let lamp = fixture.product("Lamp", "1", 1_000_000).await;
    fixture.fill(&buyer.without_key(), &[(lamp, 1_000_000)]).await;
    let price = "99999999.99".parse().unwrap();
    let change = ProductChange {
        name: "Lamp".into(),
        description: None,
        price: Some(price),
        category_id: None,
        ..ProductChange::default()
    };
    fixture.product.change(&admin(), lamp, IfMatch::Absent, change).await.unwrap();
    // the buyer has seen the price
    fixture.cart.get(&buyer, buyer.user().unwrap()).await.unwrap();
    assert_eq!(client.place(&buyer, address()).await, Err(OrderError::TooDear));
    until(async || fixture.stock(lamp).await == 1_000_000).await;
    assert_eq!(client.list(&buyer, ListOrders::default()).await.unwrap().pagination.total, 0);
}

async fn a_corrected_note_is_stored_and_published(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "1", 5).await;
    fixture.fill(&buyer, &[(lamp, 1)]).await;
    let id = client.place(&buyer, address()).await.unwrap().order.id;
    client.pay(&buyer, pay(id, "sandbox_success")).await.unwrap();
    let ship = async |note: Option<&str>| {
        let request = SetStatus { status: NextStatus::Shipped, note: note.map(Into::into) };
        let order = client.set_status(&admin(), id, request).await.unwrap().order;
        order.timeline.into_iter().filter(|entry| entry.status == OrderStatus::Shipped).map(|e| e.note).collect::<Vec<_>>()
    };
    assert_eq!(ship(Some("Parcel 7")).await, ["Shipped: Parcel 7"]);
    // the same note, or none
    assert_eq!(ship(Some(" Parcel 7 ")).await, ["Shipped: Parcel 7"]);
    assert_eq!(ship(None).await, ["Shipped: Parcel 7"]);
    for _ in 0..2 {
        assert_eq!(ship(Some("Parcel 8")).await, ["Shipped: Parcel 7", "Shipped, corrected: Parcel 8"]);
    }
    let published = fixture.published(id, 4).await;
    assert_eq!(published, ["order.placed", "order.paid", "order.shipped", "order.shipped"]);
}

async fn nothing_of_a_refused_payment_is_stored(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "1", 5).await;
    fixture.fill(&buyer, &[(lamp, 1)]).await;
    let id = client.place(&buyer, address()).await.unwrap().order.id;
    for card in ["4111111111111111", "5555 5555 5555 4444", "3782-822463-10005"] {
        let refused = client.pay(&buyer.with_key(card), pay(id, card)).await.unwrap_err();
        assert_eq!(refused.to_string(), "payment_method must not contain the number of a payment card");
    }
    assert_eq!(client.pay(&buyer, pay(id, "bitcoin")).await, Err(OrderError::UnknownMethod));
    let kept = fixture.count("SELECT COUNT(*) AS n FROM orders WHERE payment_method IS NOT NULL").await;
    let keys = fixture.count("SELECT COUNT(*) AS n FROM idempotency_keys").await;
    assert_eq!((kept, keys), (0, 0));
    // nor in a reason
    let reason = CancelOrder { reason: Some("Charge 4111 1111 1111 1111 instead".into()) };
    let refused = client.cancel(&buyer, id, reason).await.unwrap_err();
    assert_eq!(refused.to_string(), "reason must not contain the number of a payment card");
    client.pay(&buyer, pay(id, "sandbox_success")).await.unwrap();
}

async fn an_address_is_stored_in_normal_form(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "1", 5).await;
    fixture.fill(&buyer, &[(lamp, 1)]).await;
    let mut request = address();
    request.shipping_address.city = "\u{a0}Sa\u{303}o Paulo ".into();
    let id = client.place(&buyer, request).await.unwrap().order.id;
    assert_eq!(client.get(&buyer, id).await.unwrap().order.shipping_address.city.as_str(), "São Paulo");
    let mut hidden = address();
    hidden.shipping_address.street_address = "12 Spice\u{200b} Lane".into();
    let refused = client.place(&buyer, hidden).await.unwrap_err();
    assert!(refused.to_string().starts_with("shipping_address/street_address must not contain invisible"), "{refused}");
}

async fn nothing_is_ordered_when_stock_is_short(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let (lamp, rug) = (fixture.product("Lamp", "1", 5).await, fixture.product("Rug", "1", 5).await);
    fixture.fill(&buyer, &[(lamp, 2), (rug, 4)]).await;
    fixture.product.set_stock(&admin(), rug, IfMatch::Any, SetStock { quantity: 3 }).await.unwrap();
    let shortage = Shortage { product_id: rug, variant_id: None, requested: 4, available: 3 };
    let error = client.place(&buyer, address()).await.unwrap_err();
    assert!(error.to_string().contains("3 of product"), "{error}");
    assert_eq!(error, OrderError::OutOfStock { lines: vec![shortage] });
    assert_eq!((fixture.stock(lamp).await, fixture.stock(rug).await, fixture.cart_lines(&buyer).await), (5, 3, 2));
    assert_eq!(client.list(&buyer, ListOrders::default()).await.unwrap().orders, []);
}

async fn a_changed_price_is_refused_before_it_is_charged(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    fixture.fill(&buyer, &[(lamp, 1)]).await;
    let change = ProductChange {
        name: "Lamp".into(),
        description: None,
        price: Some("12".parse().unwrap()),
        category_id: None,
        ..ProductChange::default()
    };
    fixture.product.change(&admin(), lamp, IfMatch::Absent, change).await.unwrap();
    match client.place(&buyer, address()).await.unwrap_err() {
        OrderError::PriceChanged { lines } => {
            assert_eq!(
                (lines[0].product_id, lines[0].seen.to_string(), lines[0].now.to_string()),
                (lamp, "10".into(), "12".into())
            );
        }
        other => panic!("{other:?}"),
    }
    until(async || fixture.stock(lamp).await == 5).await;
    fixture.cart.get(&buyer, buyer.user().unwrap()).await.unwrap();
    assert_eq!(client.place(&buyer, address()).await.unwrap().order.total.to_string(), "12");
}

async fn only_a_paid_order_is_shipped(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 50).await;
    let place = async || placed(&client, fixture, &buyer, &[(lamp, 1)]).await.id;
    let success = |order| pay(order, "sandbox_success");
    let is_refused = async |order, status| {
        let before = client.get(&buyer, order).await.unwrap().order;
        assert_eq!(before.status, status);
        for next in [NextStatus::Shipped, NextStatus::Delivered] {
            let request = SetStatus { status: next, note: Some("Parcel 7".into()) };
            assert_eq!(client.set_status(&admin(), order, request).await, Err(OrderError::IllegalState { status }));
        }
        assert_eq!(client.get(&buyer, order).await.unwrap().order, before);
    };
    let (unpaid, charging, refunding) = (place().await, place().await, place().await);
    client.pay(&buyer, success(refunding)).await.unwrap();
    fixture.payment.flow.send_replace(Flow::All);
    client.cancel(&buyer, refunding, CancelOrder::default()).await.unwrap();
    // neither the client nor the job learns what became of this payment
    fixture.payment.lose.store(u32::MAX, Ordering::SeqCst);
    client.pay(&buyer, success(charging)).await.unwrap_err();
    is_refused(unpaid, OrderStatus::Pending).await;
    is_refused(charging, OrderStatus::Pending).await;
    is_refused(refunding, OrderStatus::Cancelled).await;

    fixture.payment.lose.store(0, Ordering::SeqCst);
    fixture.payment.flow.send_replace(Flow::None);
    client.cancel(&buyer, unpaid, CancelOrder::default()).await.unwrap();
    is_refused(unpaid, OrderStatus::Cancelled).await;
    until(async || status(&client, &buyer, refunding).await == OrderStatus::Refunded).await;
    is_refused(refunding, OrderStatus::Refunded).await;
    until(async || status(&client, &buyer, charging).await == OrderStatus::Paid).await;
    until(async || fixture.stock(lamp).await == 49).await;
    assert_eq!(fixture.published(unpaid, 2).await, ["order.placed", "order.cancelled"]);
    assert_eq!(fixture.published(refunding, 4).await, ["order.placed", "order.paid", "order.cancelled", "order.refunded"]);
    assert_eq!(fixture.published(charging, 2).await, ["order.placed", "order.paid"]);
}

async fn a_key_orders_once_and_pays_once(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    fixture.fill(&buyer, &[(lamp, 1)]).await;
    let order = client.place(&buyer.with_key("place"), address()).await.unwrap().order;
    let again = buyer.with_key("place");
    assert_eq!(client.place(&again, address()).await.unwrap().order, order);
    assert!(again.is_replayed());
    assert_eq!(fixture.stock(lamp).await, 4);
    let mut other = address();
    other.shipping_address.city = "Beirut".into();
    assert_eq!(code(&client.place(&buyer.with_key("place"), other).await.unwrap_err()), Code::Unprocessable);

    let payment = client.pay(&buyer.with_key("pay"), pay(order.id, "sandbox_success")).await.unwrap().payment;
    assert_eq!(client.pay(&buyer.with_key("pay"), pay(order.id, "sandbox_success")).await.unwrap().payment, payment);
}

async fn a_key_is_answered_by_every_instance(client: OrderClient, fixture: &Fixture) {
    let other = OrderClient::local(fixture.another().await);
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 50).await;
    let charges = || fixture.payment.charges.load(Ordering::SeqCst);
    let order = {
        fixture.fill(&buyer, &[(lamp, 2)]).await;
        let order = client.place(&buyer.with_key("place"), address()).await.unwrap().order;
        let again = buyer.with_key("place");
        assert_eq!((other.place(&again, address()).await.unwrap().order, again.is_replayed()), (order.clone(), true));
        order.id
    };
    // a refusal, too
    for method in ["sandbox_declined", "sandbox_success"] {
        let first = client.pay(&buyer.with_key(method), pay(order, method)).await;
        let (again, before) = (buyer.with_key(method), charges());
        assert_eq!((other.pay(&again, pay(order, method)).await, again.is_replayed()), (first, true));
        assert_eq!(charges(), before);
    }
    let cancelled = other.cancel(&buyer.with_key("c"), order, CancelOrder::default()).await.unwrap();
    let again = buyer.with_key("c");
    assert_eq!((client.cancel(&again, order, CancelOrder::default()).await.unwrap(), again.is_replayed()), (cancelled, true));
    until(async || fixture.stock(lamp).await == 50).await;

    // at the same time
    fixture.fill(&buyer, &[(lamp, 3)]).await;
    let mut requests = JoinSet::new();
    for client in [&client, &other].repeat(5) {
        let (client, buyer) = (client.clone(), buyer.clone());
        requests.spawn(async move {
            loop {
                match client.place(&buyer.with_key("both"), address()).await {
                    Ok(reply) => return reply.order,
                    // the deadline of the buyer ends this
                    Err(error) => assert_eq!(code(&error), Code::Conflict, "{error:?}"),
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    let mut answers = requests.join_all().await;
    answers.dedup();
    assert_eq!(answers.len(), 1, "every request has the same reply: {answers:?}");
    assert_eq!(client.list(&buyer, ListOrders::default()).await.unwrap().pagination.total, 2);
    assert_eq!(fixture.stock(lamp).await, 47);
}

async fn many_payments_of_one_order_charge_once(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    let tries = (0..20).map(|i| {
        let (client, cx) = (client.clone(), if i % 2 == 0 { buyer.clone() } else { buyer.with_key(format!("k{i}")) });
        tokio::spawn(async move { client.pay(&cx, pay(order.id, "sandbox_success")).await })
    });
    let mut payments = Vec::new();
    for attempt in tries.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(reply) => payments.push(reply.payment.id),
            Err(e) => assert_eq!(code(&e), Code::Conflict, "{e:?}"),
        }
    }
    payments.dedup();
    assert_eq!(payments.len(), 1);
    let paid = client.get(&buyer, order.id).await.unwrap().order;
    assert_eq!(paid.timeline.iter().filter(|e| e.status == OrderStatus::Paid).count(), 1);
}

async fn a_declined_payment_leaves_the_order_payable(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    let declined = client.pay(&buyer, pay(order.id, "sandbox_declined")).await.unwrap_err();
    assert_eq!(declined, OrderError::Declined { reason: "card_declined".into() });
    assert_eq!(client.pay(&buyer, pay(order.id, "sandbox_provider_down")).await, Err(OrderError::ProviderUnavailable));
    assert_eq!(client.pay(&buyer, pay(order.id, "bitcoin")).await, Err(OrderError::UnknownMethod));
    assert_eq!(status(&client, &buyer, order.id).await, OrderStatus::Pending);
    client.pay(&buyer, pay(order.id, "sandbox_success")).await.unwrap();
    assert_eq!(status(&client, &buyer, order.id).await, OrderStatus::Paid);
}

async fn a_payment_can_need_an_action(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    let first = client.pay(&buyer, pay(order.id, "sandbox_needs_action")).await.unwrap().payment;
    assert_eq!(first.status, PaymentStatus::RequiresAction);
    assert_eq!(status(&client, &buyer, order.id).await, OrderStatus::Pending);

    let stranger = fixture.buyer("omar").await;
    assert_eq!(client.confirm(&stranger, first.id).await, Err(OrderError::PaymentNotFound));
    assert_eq!(client.confirm(&admin(), first.id).await, Err(OrderError::PaymentNotFound), "an admin cannot pay for a customer");
    let done = client.confirm(&buyer, first.id).await.unwrap().payment;
    assert_eq!((done.id, done.status), (first.id, PaymentStatus::Succeeded));
    assert_eq!(client.confirm(&buyer, first.id).await.unwrap().payment.status, PaymentStatus::Succeeded);
    assert_eq!(status(&client, &buyer, order.id).await, OrderStatus::Paid);
}

async fn repeating_a_payment_finds_its_lost_outcome(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    // both calls of the loopback placement lose their answer
    fixture.payment.lose.store(2, Ordering::SeqCst);
    let lost = client.pay(&buyer, pay(order.id, "sandbox_success")).await.unwrap_err();
    assert_eq!(code(&lost), Code::DeadlineExceeded);
    fixture.payment.lose.store(0, Ordering::SeqCst);
    // a repetition finds the outcome, unless the job was faster
    match client.pay(&buyer, pay(order.id, "sandbox_success")).await {
        Ok(reply) => assert_eq!(reply.payment.status, PaymentStatus::Succeeded),
        Err(e) => assert_eq!(code(&e), Code::Conflict),
    }
    until(async || status(&client, &buyer, order.id).await == OrderStatus::Paid).await;
}

async fn the_job_settles_a_payment_that_no_client_repeats(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    // both calls of the loopback placement lose their answer
    fixture.payment.lose.store(2, Ordering::SeqCst);
    client.pay(&buyer.with_key("k"), pay(order.id, "sandbox_success")).await.unwrap_err();
    fixture.payment.lose.store(0, Ordering::SeqCst);
    until(async || status(&client, &buyer, order.id).await == OrderStatus::Paid).await;
    let again = buyer.with_key("k");
    let payment = client.pay(&again, pay(order.id, "sandbox_success")).await.unwrap().payment;
    assert_eq!((payment.status, again.is_replayed()), (PaymentStatus::Succeeded, true));
}

async fn the_job_does_not_change_the_reply_of_an_answered_key(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    let first = client.pay(&buyer.with_key("k"), pay(order.id, "sandbox_needs_action")).await.unwrap();
    assert_eq!(first.payment.status, PaymentStatus::RequiresAction);
    // both calls of the loopback placement lose their answer; then the job repeats the attempt
    fixture.payment.lose.store(2, Ordering::SeqCst);
    client.confirm(&buyer, first.payment.id).await.unwrap_err();
    fixture.payment.lose.store(0, Ordering::SeqCst);
    until(async || status(&client, &buyer, order.id).await == OrderStatus::Paid).await;
    let again = buyer.with_key("k");
    assert_eq!(client.pay(&again, pay(order.id, "sandbox_needs_action")).await.unwrap(), first, "the reply that the client has");
    assert!(again.is_replayed());
}

async fn a_refused_payment_is_replayed(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    let charges = || fixture.payment.charges.load(Ordering::SeqCst);
    let notes = async |what: &str| {
        let order = client.get(&buyer, order.id).await.unwrap().order;
        order.timeline.iter().filter(|entry| entry.note.starts_with(what)).count()
    };
    let refusals = [
        ("sandbox_declined", OrderError::Declined { reason: "card_declined".into() }, "Payment declined"),
        ("bitcoin", OrderError::UnknownMethod, "Unknown payment method"),
    ];
    for (method, refusal, note) in refusals {
        assert_eq!(client.pay(&buyer.with_key(method), pay(order.id, method)).await, Err(refusal.clone()));
        let before = charges();
        let again = buyer.with_key(method);
        assert_eq!(client.pay(&again, pay(order.id, method)).await, Err(refusal));
        assert_eq!((again.is_replayed(), charges(), notes(note).await), (true, before, 1));
    }
    // the client may retry this: each call adds one entry to the timeline
    let before = charges();
    for _ in 0..2 {
        let (cx, last) = (buyer.with_key("down"), charges());
        let down = client.pay(&cx, pay(order.id, "sandbox_provider_down")).await;
        assert_eq!((down, cx.is_replayed()), (Err(OrderError::ProviderUnavailable), false));
        assert!(charges() > last);
    }
    assert_eq!(notes("Payment provider not available").await, (charges() - before) as usize);
    client.pay(&buyer.with_key("paid"), pay(order.id, "sandbox_success")).await.unwrap();
    assert_eq!(fixture.published(order.id, 3).await, ["order.placed", "payment.failed", "order.paid"], "one mail");
}

async fn a_cancellation_is_replayed_as_it_was_stored(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 50).await;
    let paid = async || {
        let order = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
        client.pay(&buyer, pay(order.id, "sandbox_success")).await.unwrap();
        order.id
    };
    let (patient, hasty) = (paid().await, paid().await);
    fixture.payment.flow.send_replace(Flow::All);
    // the reply does not wait for a refund that hangs
    let cancelled = client.cancel(&buyer.with_key("c"), patient, CancelOrder::default()).await.unwrap().order;
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    // a client that left before the reply repeats the request
    let in_a_hurry = Ctx::new(buyer.principal(), Duration::from_millis(300)).with_key("h");
    assert_eq!(code(&client.cancel(&in_a_hurry, hasty, CancelOrder::default()).await.unwrap_err()), Code::DeadlineExceeded);
    let again = buyer.with_key("h");
    let answer = client.cancel(&again, hasty, CancelOrder::default()).await.unwrap().order;
    assert_eq!((answer.status, again.is_replayed()), (OrderStatus::Cancelled, true));

    fixture.payment.flow.send_replace(Flow::None);
    for order in [patient, hasty] {
        until(async || status(&client, &buyer, order).await == OrderStatus::Refunded).await;
    }
    let again = client.cancel(&buyer.with_key("c"), patient, CancelOrder::default()).await.unwrap().order;
    assert_eq!(again, cancelled, "the same reply as before");
}

async fn fifty_equal_requests_place_one_order_though_some_are_cut_off(stores: Stores) {
    let (orders, fixture) = orders(stores).await;
    let client = OrderClient::local(orders);
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 10_000).await;
    fixture.fill(&buyer, &[(lamp, 2)]).await;
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let (client, who) = (client.clone(), buyer.principal());
        requests.spawn(async move {
            let mut cuts_left = 3;
            loop {
                // the work of a call is cut off when its deadline passes
                let deadline = if cuts_left > 0 { rand::random_range(500..60_000) } else { 20_000_000 };
                let cx = Ctx::new(who, Duration::from_micros(deadline)).with_key("k");
                match client.place(&cx, address()).await {
                    Ok(reply) => return reply.order,
                    Err(error) => match code(&error) {
                        Code::DeadlineExceeded => cuts_left -= 1,
                        Code::Conflict | Code::Unavailable => {}
                        _ => panic!("{error:?}"),
                    },
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    let mut pause = Duration::from_millis(20);
    let mut answers: Vec<Order> = Vec::new();
    while !requests.is_empty() {
        match tokio::time::timeout(pause, requests.join_next()).await {
            Ok(Some(order)) => answers.push(order.unwrap()),
            Ok(None) => break,
            Err(_) => {
                fixture.leases_end().await;
                pause = pause * 5 / 4;
            }
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "every request has the same reply");
    fixture.leases_end().await;
    // the stock that the cut-off requests held is released
    until(async || fixture.stock(lamp).await == 9_998).await;
    let list = client.list(&buyer, ListOrders::default()).await.unwrap();
    assert_eq!((list.pagination.total, &list.orders), (1, &answers));
}

async fn an_order_is_not_undone_while_it_is_placed(stores: Stores) {
    let (_, fixture) = orders(stores).await;
    let fixture = Arc::new(fixture);
    let catalogue = Flaky::new(fixture.product.clone());
    let peers = Peers {
        product: catalogue.client_of("order"),
        ..peers(&fixture.product, &fixture.cart, &fixture.payment, &fixture.user)
    };
    let orders: Orders =
        started(module::start(&fixture.config, peers, false, &fixture.jobs).await.unwrap(), &fixture.bus, &fixture.jobs);
    let client = OrderClient::local(orders);
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    fixture.fill(&buyer, &[(lamp, 2)]).await;
    let meanwhile = fixture.clone();
    catalogue.during_next_call(async move {
        // the job ends orders that a dead request left behind: when it has done so twice, it has seen this one, too
        for _ in 0..2 {
            let columns = "user_id, state, total_minor, shipping_address, cart_version, attempt, placed_at, updated_at, expires_at, \
                           currency";
            let stale = format!(
                "INSERT INTO orders ({columns}, lease_until) SELECT {columns}, '{LONG_AGO}' FROM orders WHERE state = 'placing'"
            );
            meanwhile.sql(&stale).await;
            // at most until the deadline of the call
            while meanwhile.count("SELECT COUNT(*) AS n FROM orders WHERE state = 'placing'").await > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    let order = client.place(&buyer, address()).await.unwrap().order;
    assert_eq!(status(&client, &buyer, order.id).await, OrderStatus::Pending);
    assert_eq!(fixture.stock(lamp).await, 3);
}

async fn many_orders_expire_in_one_run_though_one_is_broken(stores: Stores) {
    // with this interval, jobs run once: at the start
    let (orders, fixture) = orders_with(stores, Config { sweep_seconds: 3600, ..Config::default() }).await;
    let client = OrderClient::local(orders);
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let broken = placed(&client, &fixture, &buyer, &[(lamp, 2)]).await;
    let columns = "user_id, state, total_minor, shipping_address, cart_version, attempt, placed_at, updated_at, lease_until";
    for _ in 0..8 {
        let copy =
            format!("INSERT INTO orders ({columns}, expires_at, currency) SELECT {columns}, '{LONG_AGO}', 'EUR' FROM orders");
        fixture.sql(&copy).await;
    }
    fixture.sql(&format!("UPDATE orders SET expires_at = '{LONG_AGO}', currency = '???' WHERE id = {}", broken.id)).await;
    let expired = async || {
        let query = ListOrders { status: Some(OrderStatus::Expired), ..Default::default() };
        client.list(&buyer, query).await.unwrap().pagination.total
    };
    assert_eq!(expired().await, 0);
    fixture.another().await;
    until(async || expired().await == 255).await;
}

async fn instances_share_refunds_and_a_hanging_refund_does_not_hold_up_the_rest(stores: Stores) {
    let (orders, fixture) = orders(stores).await;
    // two processes do not share a file
    if fixture.stores.kind() == Kind::Servers {
        fixture.another().await;
    }
    let client = OrderClient::local(orders);
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 500).await;
    let mut paid = Vec::new();
    for _ in 0..20 {
        let order = placed(&client, &fixture, &buyer, &[(lamp, 1)]).await.id;
        paid.push((order, client.pay(&buyer, pay(order, "sandbox_success")).await.unwrap().payment.id));
    }
    fixture.payment.flow.send_replace(Flow::Of(paid[0].1));
    let effects = format!("INSERT INTO order_effects SELECT id, 'refund', 0, '{LONG_AGO}' FROM orders");
    fixture.sql("UPDATE orders SET state = 'refunding'").await;
    fixture.sql(&effects).await;
    for (order, _) in &paid[1..] {
        until(async || status(&client, &buyer, *order).await == OrderStatus::Refunded).await;
    }
    assert!(fixture.payment.hanging.load(Ordering::SeqCst) <= 1);
    let refunds = fixture.payment.refunds.lock().unwrap().clone();
    for (_, payment) in &paid[1..] {
        let times = refunds.iter().filter(|refund| *refund == payment).count();
        // with embedded stores, one process retries when its file is locked for too long on a busy machine
        assert!(times == 1 || fixture.stores.kind() == Kind::Embedded, "refunded {times} times");
    }
    fixture.payment.flow.send_replace(Flow::None);
    until(async || status(&client, &buyer, paid[0].0).await == OrderStatus::Refunded).await;
}

async fn cancelling_releases_the_stock_and_refunds(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let unpaid = placed(&client, fixture, &buyer, &[(lamp, 2)]).await;
    let reason = CancelOrder { reason: Some("Too slow".into()) };
    let cancelled = client.cancel(&buyer.with_key("c"), unpaid.id, reason.clone()).await.unwrap().order;
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    until(async || fixture.stock(lamp).await == 5).await;
    assert_eq!(cancelled.timeline[1].note, "Cancelled: Too slow");
    assert_eq!(client.cancel(&buyer.with_key("c"), unpaid.id, reason).await.unwrap().order, cancelled);
    let twice = client.cancel(&buyer, unpaid.id, CancelOrder::default()).await.unwrap_err();
    assert_eq!(twice, OrderError::IllegalState { status: OrderStatus::Cancelled });

    let paid = placed(&client, fixture, &buyer, &[(lamp, 3)]).await;
    let payment = client.pay(&buyer, pay(paid.id, "sandbox_success")).await.unwrap().payment;
    let cancelled = client.cancel(&buyer, paid.id, CancelOrder::default()).await.unwrap().order;
    assert_eq!(cancelled.status, OrderStatus::Cancelled);
    until(async || status(&client, &buyer, paid.id).await == OrderStatus::Refunded).await;
    until(async || fixture.stock(lamp).await == 5).await;
    assert_eq!(fixture.payment.to.get(&buyer, payment.id).await.unwrap().status, PaymentStatus::Refunded);
}

async fn a_refund_that_fails_is_repeated_and_not_shown_as_done(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 2)]).await.id;
    let payment = client.pay(&buyer, pay(order, "sandbox_success")).await.unwrap().payment.id;
    fixture.payment.refunds_fail.store(true, Ordering::SeqCst);
    assert_eq!(client.cancel(&buyer, order, CancelOrder::default()).await.unwrap().order.status, OrderStatus::Cancelled);
    // by the request, and again by the job
    until(async || fixture.payment.refunds.lock().unwrap().len() >= 3).await;
    let open = client.get(&buyer, order).await.unwrap().order;
    assert_eq!((open.status, open.timeline.last().unwrap().note.as_str()), (OrderStatus::Cancelled, "Cancelled"));
    assert_eq!(fixture.payment.to.get(&buyer, payment).await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(fixture.stock(lamp).await, 3);
    let tried = fixture.count("SELECT COUNT(*) AS n FROM order_effects WHERE kind = 'refund' AND attempts >= 2").await;
    assert_eq!(tried, 1, "operators find it with the number of its attempts");

    fixture.payment.refunds_fail.store(false, Ordering::SeqCst);
    until(async || status(&client, &buyer, order).await == OrderStatus::Refunded).await;
    assert_eq!(fixture.payment.to.get(&buyer, payment).await.unwrap().status, PaymentStatus::Refunded);
    until(async || fixture.stock(lamp).await == 5).await;
    // it says so once, when it is so
    assert_eq!(fixture.published(order, 4).await, ["order.placed", "order.paid", "order.cancelled", "order.refunded"]);
}

async fn unpaid_orders_expire(_: OrderClient, fixture: &Fixture) {
    // a separate set of modules, because the time to pay is a setting
    let stores = match fixture.stores.kind() {
        Kind::Embedded => Stores::embedded(),
        Kind::Servers => Stores::servers(),
    };
    let (orders, fixture) = orders_with(stores, Config { unpaid_seconds: 1, sweep_seconds: 1, ..Config::default() }).await;
    let client = OrderClient::local(orders);
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, &fixture, &buyer, &[(lamp, 2)]).await;
    until(async || status(&client, &buyer, order.id).await == OrderStatus::Expired).await;
    until(async || fixture.stock(lamp).await == 5).await;
    assert_eq!(fixture.published(order.id, 2).await, ["order.placed", "order.cancelled"]);
    let why = fixture.published.lock().unwrap().iter().find(|event| event.r#type == "order.cancelled").unwrap().data.clone();
    assert_eq!((&why["reason"], &why["note"]), (&"not_paid".into(), &Value::Null));
    let late = client.pay(&buyer, pay(order.id, "sandbox_success")).await.unwrap_err();
    assert_eq!(late, OrderError::IllegalState { status: OrderStatus::Expired });
}

async fn stock_is_held_longer_than_an_order_may_stay_unpaid(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 2)]).await;
    // a hold that is repeated is answered as it was placed
    let again = HoldRequest { lines: vec![HoldLine { product_id: lamp, variant_id: None, quantity: 2 }], expires_at: now() };
    let hold = fixture.product.called_by("order").hold(&anonymous(), order.id, again).await.unwrap();
    assert!(hold.expires_at > order.expires_at.unwrap(), "{hold:?}");
}

async fn an_order_does_not_expire_while_its_payment_is_open(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let (slow, unpaid) =
        (placed(&client, fixture, &buyer, &[(lamp, 1)]).await, placed(&client, fixture, &buyer, &[(lamp, 2)]).await);
    // until the test allows it, neither the client nor the job learns what became of the payment
    fixture.payment.lose.store(u32::MAX, Ordering::SeqCst);
    assert_eq!(code(&client.pay(&buyer, pay(slow.id, "sandbox_success")).await.unwrap_err()), Code::DeadlineExceeded);
    fixture.sql(&format!("UPDATE orders SET expires_at = '{LONG_AGO}'")).await;
    until(async || status(&client, &buyer, unpaid.id).await == OrderStatus::Expired).await;
    assert_eq!(status(&client, &buyer, slow.id).await, OrderStatus::Pending);
    fixture.payment.lose.store(0, Ordering::SeqCst);
    until(async || status(&client, &buyer, slow.id).await == OrderStatus::Paid).await;
    until(async || fixture.stock(lamp).await == 4).await;
}

async fn a_paid_order_whose_stock_was_lost_is_refunded(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 2)]).await;
    fixture.product.called_by("order").release(&anonymous(), order.id).await.unwrap();
    let payment = client.pay(&buyer, pay(order.id, "sandbox_success")).await.unwrap().payment;
    until(async || status(&client, &buyer, order.id).await == OrderStatus::Refunded).await;
    assert_eq!(fixture.payment.to.get(&buyer, payment.id).await.unwrap().status, PaymentStatus::Refunded);
    assert_eq!(fixture.stock(lamp).await, 5, "it is given back once");
    let events = ["order.placed", "order.paid", "order.cancelled", "order.refunded"];
    assert_eq!(fixture.published(order.id, 4).await, events);
    let published = fixture.published.lock().unwrap();
    let why = &published.iter().find(|event| event.r#type == "order.cancelled").unwrap().data["reason"];
    assert_eq!(why, "stock_lost");
}

async fn each_change_is_published_once(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 50).await;
    let delivered = placed(&client, fixture, &buyer, &[(lamp, 2)]).await;
    assert!(client.pay(&buyer, pay(delivered.id, "sandbox_declined")).await.is_err());
    client.pay(&buyer, pay(delivered.id, "sandbox_success")).await.unwrap();
    for status in [NextStatus::Shipped, NextStatus::Delivered] {
        for _ in 0..2 {
            let note = Some("Parcel 7".into());
            client.set_status(&admin(), delivered.id, SetStatus { status, note }).await.unwrap();
        }
    }
    let refunded = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    client.pay(&buyer, pay(refunded.id, "sandbox_success")).await.unwrap();
    let reason = CancelOrder { reason: Some("Too dark".into()) };
    client.cancel(&buyer, refunded.id, reason).await.unwrap();
    let cancelled = placed(&client, fixture, &buyer, &[(lamp, 1)]).await;
    client.cancel(&buyer, cancelled.id, CancelOrder::default()).await.unwrap();

    let mut paths = fixture.published(delivered.id, 5).await;
    // a declined payment may be repeated by the client, and is then declined again
    let failures = paths.iter().filter(|path| *path == "payment.failed").count();
    paths.retain(|path| path != "payment.failed");
    assert!(failures >= 1, "{paths:?}");
    assert_eq!(paths, ["order.placed", "order.paid", "order.shipped", "order.delivered"]);
    assert_eq!(fixture.published(refunded.id, 4).await, ["order.placed", "order.paid", "order.cancelled", "order.refunded"]);
    assert_eq!(fixture.published(cancelled.id, 2).await, ["order.placed", "order.cancelled"]);

    let published = fixture.published.lock().unwrap();
    let event = |kind: &str| published.iter().find(|event| event.r#type == kind).unwrap();
    let shipped = event("order.shipped").read::<OrderShipped>().unwrap().unwrap().0;
    assert_eq!((shipped.items, shipped.total, shipped.number), (delivered.items, delivered.total, delivered.number));
    assert_eq!(shipped.note.as_deref(), Some("Parcel 7"));
    let why =
        published.iter().find(|event| event.r#type == "order.cancelled" && event.subject == refunded.id.to_string()).unwrap();
    assert_eq!((&why.data["note"], &why.data["reason"]), (&"Too dark".into(), &"customer".into()));
    for order in [delivered.id, refunded.id, cancelled.id] {
        let of_order = published.iter().filter(|event| event.source == "/souk/order" && event.subject == order.to_string());
        let versions: BTreeMap<_, _> = of_order.map(|event| (event.time, event.aggregateversion)).collect();
        let versions: Vec<_> = versions.into_values().collect();
        assert_eq!(versions[0], 1);
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    }
    let failed = event("payment.failed").read::<PaymentFailed>().unwrap().unwrap();
    assert_eq!(
        (failed.user_id, failed.amount, failed.reason.as_str()),
        (buyer.user().unwrap(), delivered.total, "card_declined")
    );
    let registered = event("user.registered").read::<UserRegistered>().unwrap().unwrap();
    assert_eq!((registered.user.email.as_str(), registered.user.first_name.as_str()), ("leyla@souk.test", "leyla"));
    assert_eq!((registered.user.version, failed.version), (1, 2));
}

async fn other_users_cannot_see_an_order(client: OrderClient, fixture: &Fixture) {
    let (buyer, stranger) = (fixture.buyer("leyla").await, fixture.buyer("omar").await);
    let lamp = fixture.product("Lamp", "10", 5).await;
    let order = placed(&client, fixture, &buyer, &[(lamp, 2)]).await;
    assert_eq!(client.get(&stranger, order.id).await, Err(OrderError::NotFound));
    assert_eq!(client.cancel(&stranger, order.id, CancelOrder::default()).await, Err(OrderError::NotFound));
    assert_eq!(client.pay(&stranger, pay(order.id, "sandbox_success")).await, Err(OrderError::NotFound));
    assert_eq!(client.list(&stranger, ListOrders::default()).await.unwrap().orders, []);
    assert_eq!(client.get(&stranger, OrderId(999)).await, Err(OrderError::NotFound), "an absent order has the same answer");
    assert_eq!(code(&client.list_all(&stranger, ListAllOrders::default()).await.unwrap_err()), Code::PermissionDenied);
    assert_eq!(code(&client.get(&anonymous(), order.id).await.unwrap_err()), Code::Unauthenticated);
    assert_eq!(client.get(&admin(), order.id).await.unwrap().order.id, order.id);
    let all = ListAllOrders { user_id: Some(buyer.user().unwrap()), ..Default::default() };
    assert_eq!(client.list_all(&admin(), all).await.unwrap().pagination.total, 1);
    let nobody = ListAllOrders { user_id: Some(UserId(999)), ..Default::default() };
    assert_eq!(client.list_all(&admin(), nobody).await.unwrap().pagination.total, 0);
}

async fn lists_are_paged_and_filtered(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 50).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(placed(&client, fixture, &buyer, &[(lamp, 1)]).await.id);
    }
    client.pay(&buyer, pay(ids[0], "sandbox_success")).await.unwrap();
    let list = async |query| {
        let page = client.list(&buyer, query).await.unwrap();
        (page.orders.iter().map(|o| o.id).collect::<Vec<_>>(), page.pagination.total)
    };
    assert_eq!(list(ListOrders::default()).await, (vec![ids[2], ids[1], ids[0]], 3));
    assert_eq!(list(ListOrders { page: Some(2), per_page: Some(2), status: None }).await, (vec![ids[0]], 3));
    assert_eq!(list(ListOrders { status: Some(OrderStatus::Paid), ..Default::default() }).await, (vec![ids[0]], 1));
    assert_eq!(list(ListOrders { status: Some(OrderStatus::Pending), ..Default::default() }).await.1, 2);
}

async fn a_deactivated_account_cannot_order(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let lamp = fixture.product("Lamp", "10", 5).await;
    fixture.fill(&buyer, &[(lamp, 1)]).await;
    let access = SetAccess { is_active: false, role: Role::Customer };
    let boss = fixture.users.create_admin("boss@souk.test", "Saffron-7-Road").await.unwrap().id;
    fixture.user.set_access(&admin().on_behalf_of(boss, Role::Admin), buyer.user().unwrap(), access).await.unwrap();
    assert_eq!(client.place(&buyer, address()).await, Err(OrderError::Deactivated));
    assert_eq!(fixture.stock(lamp).await, 5);
}

async fn bad_input_names_the_field(client: OrderClient, fixture: &Fixture) {
    let buyer = fixture.buyer("leyla").await;
    let mut bad = address();
    bad.shipping_address.city = " ".into();
    match client.place(&buyer, bad).await.unwrap_err() {
        OrderError::Fault(fault) => assert_eq!(fault.errors()[0].pointer, "/shipping_address/city"),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.pay(&buyer, pay(OrderId(404), "sandbox_success")).await, Err(OrderError::NotFound));
    assert_eq!(code(&client.pay(&buyer, pay(OrderId(-1), "sandbox_success")).await.unwrap_err()), Code::InvalidArgument);
    let page = ListOrders { per_page: Some(0), ..Default::default() };
    assert_eq!(code(&client.list(&buyer, page).await.unwrap_err()), Code::InvalidArgument);
}
