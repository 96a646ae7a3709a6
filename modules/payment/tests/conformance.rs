//! The behaviour of the payment module in three placements.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use kernel::{
    ApiError, BoxFuture, Code, Currency, OrderId, UserId, placements,
    testing::{Stores, admin, anonymous, customer, start},
};
use payment::{
    ChargeRequest, Config, NextAction, Outcome, Payment, PaymentApi, PaymentClient, PaymentError, PaymentId, PaymentRequest,
    PaymentStatus, Payments, Provider, ProviderError, RefundRequest, Sandbox,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

placements! {
    PaymentClient, payments: [
        an_order_is_charged_and_refunded,
        a_decline_is_final_and_another_attempt_is_not,
        an_action_is_confirmed,
        another_attempt_cancels_one_that_awaits_an_action,
        a_repeated_attempt_charges_once,
        an_attempt_cannot_be_reused,
        attempts_at_once_charge_once,
        repeating_an_attempt_finds_its_unknown_outcome,
        an_unreached_provider_charges_nothing,
        an_unreached_repetition_leaves_the_outcome_unknown,
        a_confirmation_can_be_repeated,
        a_refund_can_be_repeated,
        only_the_payer_and_admins_see_a_payment,
        bad_input_names_the_field,
        only_orders_charge,
    ]
}

/// A failure of the bank.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Trouble {
    #[default]
    None,
    /// Connections are refused.
    NotReached,
    /// The bank does the work, but its answers are lost.
    AnswersLost,
}

/// The sandbox, with failures on demand and books that show which keys moved money.
#[derive(Default)]
struct Bank {
    trouble: Mutex<Trouble>,
    charged: Mutex<HashMap<String, i64>>,
    refunded: Mutex<HashMap<String, i64>>,
}

impl Bank {
    fn have(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    /// The charges and refunds that moved money.
    fn books(&self) -> (usize, usize) {
        (self.charged.lock().unwrap().len(), self.refunded.lock().unwrap().len())
    }

    fn answer<T: Send + 'static>(&self, work: impl FnOnce() -> T) -> Result<T, ProviderError> {
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            Trouble::NotReached => Err(ProviderError::NotReached("refused".into())),
            Trouble::AnswersLost => {
                work();
                Err(ProviderError::Unknown("reset".into()))
            }
            Trouble::None => Ok(work()),
        }
    }
}

struct Till(Arc<Bank>);

impl Provider for Till {
    fn name(&self) -> &'static str {
        "bank"
    }

    fn knows(&self, method: &str) -> bool {
        Sandbox.knows(method)
    }

    fn charge(&self, request: ChargeRequest) -> BoxFuture<Result<Outcome, ProviderError>> {
        let bank = self.0.clone();
        Box::pin(async move {
            let outcome = Sandbox.charge(request.clone()).await?;
            bank.answer(|| {
                if let Outcome::Succeeded { reference } = &outcome {
                    bank.charged.lock().unwrap().insert(reference.clone(), request.amount.minor);
                }
                outcome
            })
        })
    }

    fn confirm(&self, reference: String) -> BoxFuture<Result<Outcome, ProviderError>> {
        let bank = self.0.clone();
        Box::pin(async move {
            bank.answer(|| {
                bank.charged.lock().unwrap().insert(reference.clone(), 0);
                Outcome::Succeeded { reference }
            })
        })
    }

    fn refund(&self, request: RefundRequest) -> BoxFuture<Result<(), ProviderError>> {
        let bank = self.0.clone();
        Box::pin(async move {
            bank.answer(|| {
                assert!(bank.charged.lock().unwrap().contains_key(&request.reference));
                bank.refunded.lock().unwrap().insert(request.key, request.amount.minor);
            })
        })
    }
}

struct Fixture {
    bank: Arc<Bank>,
    _stores: Stores,
}

async fn payments(stores: Stores) -> (Payments, Fixture) {
    let bank = Arc::new(Bank::default());
    let config = Config { database_url: stores.database("payment").await, ..Config::default() };
    let payments = start::<Payments>(&config, ()).await.service.with_provider(Arc::new(Till(bank.clone())));
    (payments, Fixture { bank, _stores: stores })
}

fn request(method: &str) -> PaymentRequest {
    PaymentRequest {
        user_id: UserId(7),
        amount: "29.99".parse().unwrap(),
        currency: Currency::Eur,
        payment_method: format!("sandbox_{method}").into(),
    }
}

async fn pay(client: &PaymentClient, order: i64, attempt: u32, method: &str) -> Result<Payment, PaymentError> {
    client.called_by("order").process(&anonymous(), OrderId(order), attempt, request(method)).await
}

async fn confirm(client: &PaymentClient, id: PaymentId) -> Result<Payment, PaymentError> {
    client.called_by("order").confirm(&anonymous(), id).await
}

async fn refund(client: &PaymentClient, id: PaymentId) -> Result<Payment, PaymentError> {
    client.called_by("order").refund(&anonymous(), id).await
}

async fn status(client: &PaymentClient, id: PaymentId) -> PaymentStatus {
    client.get(&customer(7), id).await.unwrap().status
}

fn illegal<T>(status: PaymentStatus) -> Result<T, PaymentError> {
    Err(PaymentError::IllegalState { status: status.as_str().into() })
}

/// Whether the outcome is unknown.
fn is_unknown(result: Result<Payment, PaymentError>) -> bool {
    matches!(result, Err(PaymentError::Fault(fault)) if fault.code() == Code::Unavailable)
}

async fn an_order_is_charged_and_refunded(client: PaymentClient, fixture: &Fixture) {
    let paid = pay(&client, 1, 1, "success").await.unwrap();
    assert_eq!((paid.order_id, paid.user_id, paid.amount.to_string().as_str()), (OrderId(1), UserId(7), "29.99"));
    assert_eq!((paid.currency, paid.status, paid.provider.as_str()), (Currency::Eur, PaymentStatus::Succeeded, "bank"));
    assert_eq!((paid.payment_method.as_str(), &paid.failure_reason, &paid.next_action), ("sandbox_success", &None, &None));
    assert_eq!(client.get(&customer(7), paid.id).await.unwrap(), paid);
    assert_eq!(*fixture.bank.charged.lock().unwrap().get("sandbox-order-1-1").unwrap(), 2999);

    let back = refund(&client, paid.id).await.unwrap();
    assert_eq!((back.id, back.status), (paid.id, PaymentStatus::Refunded));
    assert_eq!(refund(&client, paid.id).await.unwrap().status, PaymentStatus::Refunded);
    assert_eq!(fixture.bank.books(), (1, 1));
    assert_eq!(confirm(&client, paid.id).await, illegal(PaymentStatus::Refunded));
    assert_eq!(pay(&client, 1, 1, "success").await, illegal(PaymentStatus::Refunded));
    assert_eq!(pay(&client, 1, 2, "success").await, Err(PaymentError::AlreadyPaid), "it was paid once");

    let free = PaymentRequest { amount: "0".parse().unwrap(), ..request("success") };
    let free = client.called_by("order").process(&anonymous(), OrderId(2), 1, free).await.unwrap();
    assert_eq!((free.amount.to_string().as_str(), free.status), ("0", PaymentStatus::Succeeded));
}

async fn a_decline_is_final_and_another_attempt_is_not(client: PaymentClient, fixture: &Fixture) {
    let declined = pay(&client, 1, 1, "declined").await.unwrap_err();
    let PaymentError::Declined { payment_id, reason } = &declined else { panic!("{declined}") };
    assert_eq!((reason.as_str(), declined.code()), ("card_declined", Code::PaymentRequired));
    assert_eq!(pay(&client, 1, 1, "declined").await.unwrap_err(), declined);
    let failed = client.get(&customer(7), *payment_id).await.unwrap();
    assert_eq!((failed.status, failed.failure_reason.as_deref()), (PaymentStatus::Failed, Some("card_declined")));
    assert_eq!(refund(&client, *payment_id).await, illegal(PaymentStatus::Failed));
    assert_eq!(confirm(&client, *payment_id).await.unwrap_err(), declined);

    let paid = pay(&client, 1, 2, "success").await.unwrap();
    assert_ne!(paid.id, *payment_id);
    assert_eq!(pay(&client, 1, 1, "declined").await.unwrap_err(), declined);
    assert_eq!(pay(&client, 1, 3, "success").await, Err(PaymentError::AlreadyPaid));
    assert_eq!(fixture.bank.books(), (1, 0));
}

async fn an_action_is_confirmed(client: PaymentClient, fixture: &Fixture) {
    let waiting = pay(&client, 1, 1, "needs_action").await.unwrap();
    let NextAction { kind, description } = waiting.next_action.clone().unwrap();
    assert_eq!((waiting.status, kind.as_str()), (PaymentStatus::RequiresAction, "sandbox_confirm"));
    assert!(description.contains("/api/payments/{id}/confirm"));
    assert_eq!(client.get(&customer(7), waiting.id).await.unwrap(), waiting);
    assert_eq!(pay(&client, 1, 1, "needs_action").await.unwrap(), waiting);
    assert_eq!(refund(&client, waiting.id).await, illegal(PaymentStatus::RequiresAction));
    assert_eq!(fixture.bank.books(), (0, 0));

    let paid = confirm(&client, waiting.id).await.unwrap();
    assert_eq!((paid.id, paid.status, &paid.next_action), (waiting.id, PaymentStatus::Succeeded, &None));
    assert_eq!(confirm(&client, waiting.id).await.unwrap(), paid);
    assert_eq!(pay(&client, 1, 1, "needs_action").await.unwrap(), paid);
    assert_eq!(refund(&client, waiting.id).await.unwrap().status, PaymentStatus::Refunded);
    assert_eq!(fixture.bank.books(), (1, 1));
}

async fn another_attempt_cancels_one_that_awaits_an_action(client: PaymentClient, fixture: &Fixture) {
    let waiting = pay(&client, 1, 1, "needs_action").await.unwrap();
    let paid = pay(&client, 1, 2, "success").await.unwrap();
    assert_eq!(status(&client, waiting.id).await, PaymentStatus::Cancelled);
    assert_eq!(confirm(&client, waiting.id).await, illegal(PaymentStatus::Cancelled));
    assert_eq!(refund(&client, waiting.id).await, illegal(PaymentStatus::Cancelled));
    assert_eq!(pay(&client, 1, 1, "needs_action").await, illegal(PaymentStatus::Cancelled));
    assert_eq!(status(&client, paid.id).await, PaymentStatus::Succeeded);
    assert_eq!(fixture.bank.books(), (1, 0));
}

async fn a_repeated_attempt_charges_once(client: PaymentClient, fixture: &Fixture) {
    let client = Arc::new(client);
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { pay(&client, 1, 1, "success").await })
    });
    for call in calls.collect::<Vec<_>>() {
        let paid = call.await.unwrap().unwrap();
        assert_eq!(paid.status, PaymentStatus::Succeeded);
    }
    assert_eq!(fixture.bank.books(), (1, 0));
}

async fn an_attempt_cannot_be_reused(client: PaymentClient, fixture: &Fixture) {
    pay(&client, 1, 1, "success").await.unwrap();
    let base = || request("success");
    for other in [
        request("declined"),
        PaymentRequest { amount: "30".parse().unwrap(), ..base() },
        PaymentRequest { user_id: UserId(8), ..base() },
        PaymentRequest { currency: Currency::Usd, ..base() },
    ] {
        let answer = client.called_by("order").process(&anonymous(), OrderId(1), 1, other).await;
        assert_eq!(answer, Err(PaymentError::AttemptReused));
    }
    assert_eq!(fixture.bank.books(), (1, 0));
}

async fn attempts_at_once_charge_once(client: PaymentClient, fixture: &Fixture) {
    let client = Arc::new(client);
    let calls = (1..=20).map(|attempt| {
        let client = client.clone();
        tokio::spawn(async move { pay(&client, 1, attempt, "success").await })
    });
    let mut paid = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(payment) => {
                assert_eq!(payment.status, PaymentStatus::Succeeded);
                paid += 1;
            }
            Err(PaymentError::AlreadyPaid) => {}
            Err(PaymentError::IllegalState { status }) => assert_eq!(status, "processing"),
            Err(e) => panic!("{e}"),
        }
    }
    assert_eq!(paid, 1);
    assert_eq!(fixture.bank.books(), (1, 0));
}

async fn repeating_an_attempt_finds_its_unknown_outcome(client: PaymentClient, fixture: &Fixture) {
    fixture.bank.have(Trouble::AnswersLost);
    assert!(is_unknown(pay(&client, 1, 1, "success").await));
    assert_eq!(pay(&client, 1, 2, "success").await, illegal(PaymentStatus::Processing), "the first one may have charged");
    fixture.bank.have(Trouble::None);
    assert_eq!(pay(&client, 1, 1, "success").await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(pay(&client, 1, 2, "success").await, Err(PaymentError::AlreadyPaid));
    assert_eq!(fixture.bank.books(), (1, 0));
}

async fn an_unreached_provider_charges_nothing(client: PaymentClient, fixture: &Fixture) {
    assert_eq!(pay(&client, 1, 1, "provider_down").await, Err(PaymentError::ProviderUnavailable));
    assert_eq!(pay(&client, 1, 1, "provider_down").await, Err(PaymentError::ProviderUnavailable));
    fixture.bank.have(Trouble::NotReached);
    assert_eq!(pay(&client, 1, 2, "success").await, Err(PaymentError::ProviderUnavailable));
    fixture.bank.have(Trouble::None);
    assert_eq!(pay(&client, 1, 2, "success").await, Err(PaymentError::ProviderUnavailable), "an attempt has one answer");
    assert_eq!(fixture.bank.books(), (0, 0));
    assert_eq!(pay(&client, 1, 3, "success").await.unwrap().status, PaymentStatus::Succeeded);
}

async fn an_unreached_repetition_leaves_the_outcome_unknown(client: PaymentClient, fixture: &Fixture) {
    fixture.bank.have(Trouble::AnswersLost);
    assert!(is_unknown(pay(&client, 1, 1, "success").await));
    fixture.bank.have(Trouble::NotReached);
    assert!(is_unknown(pay(&client, 1, 1, "success").await), "the first call may have charged");
    assert_eq!(pay(&client, 1, 2, "success").await, illegal(PaymentStatus::Processing));
    fixture.bank.have(Trouble::None);
    assert_eq!(pay(&client, 1, 1, "success").await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(fixture.bank.books(), (1, 0));
}

async fn a_confirmation_can_be_repeated(client: PaymentClient, fixture: &Fixture) {
    let waiting = pay(&client, 1, 1, "needs_action").await.unwrap();
    fixture.bank.have(Trouble::NotReached);
    assert_eq!(confirm(&client, waiting.id).await, Err(PaymentError::ProviderUnavailable));
    assert_eq!(status(&client, waiting.id).await, PaymentStatus::RequiresAction);

    fixture.bank.have(Trouble::AnswersLost);
    assert!(is_unknown(confirm(&client, waiting.id).await));
    assert_eq!(status(&client, waiting.id).await, PaymentStatus::Processing);
    assert_eq!(pay(&client, 1, 2, "success").await, illegal(PaymentStatus::Processing), "it may have charged");
    assert_eq!(refund(&client, waiting.id).await, illegal(PaymentStatus::Processing));

    fixture.bank.have(Trouble::None);
    // repeating the attempt finds the outcome as well
    assert_eq!(pay(&client, 1, 1, "needs_action").await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(confirm(&client, waiting.id).await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(fixture.bank.books(), (1, 0));

    let other = pay(&client, 2, 1, "needs_action").await.unwrap();
    fixture.bank.have(Trouble::AnswersLost);
    assert!(is_unknown(confirm(&client, other.id).await));
    fixture.bank.have(Trouble::None);
    assert_eq!(confirm(&client, other.id).await.unwrap().status, PaymentStatus::Succeeded);
    assert_eq!(fixture.bank.books(), (2, 0));

    fixture.bank.have(Trouble::AnswersLost);
    assert!(is_unknown(pay(&client, 3, 1, "needs_action").await));
    let absent = PaymentId("0198c0de-0000-7000-8000-000000000000".parse().unwrap());
    assert_eq!(confirm(&client, absent).await, Err(PaymentError::NotFound));
    assert_eq!(refund(&client, absent).await, Err(PaymentError::NotFound));
}

async fn a_refund_can_be_repeated(client: PaymentClient, fixture: &Fixture) {
    let paid = pay(&client, 1, 1, "success").await.unwrap();
    fixture.bank.have(Trouble::NotReached);
    assert_eq!(refund(&client, paid.id).await, Err(PaymentError::ProviderUnavailable));
    fixture.bank.have(Trouble::AnswersLost);
    assert!(is_unknown(refund(&client, paid.id).await));
    assert_eq!(status(&client, paid.id).await, PaymentStatus::Succeeded);
    fixture.bank.have(Trouble::None);
    let client = Arc::new(client);
    let calls = (0..10).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { refund(&client, paid.id).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap().status, PaymentStatus::Refunded);
    }
    assert_eq!(fixture.bank.books(), (1, 1));
}

async fn only_the_payer_and_admins_see_a_payment(client: PaymentClient, _: &Fixture) {
    let paid = pay(&client, 1, 1, "success").await.unwrap();
    assert_eq!(client.get(&customer(7), paid.id).await.unwrap(), paid);
    assert_eq!(client.get(&admin(), paid.id).await.unwrap(), paid);
    assert_eq!(client.get(&customer(8), paid.id).await, Err(PaymentError::NotFound));
    let absent = PaymentId("0198c0de-0000-7000-8000-000000000000".parse().unwrap());
    assert_eq!(client.get(&admin(), absent).await, Err(PaymentError::NotFound));
    assert_eq!(client.get(&anonymous(), paid.id).await.unwrap_err().code(), Code::Unauthenticated);
}

async fn bad_input_names_the_field(client: PaymentClient, fixture: &Fixture) {
    let base = || request("success");
    for (bad, pointer) in [
        (PaymentRequest { amount: "-1".parse().unwrap(), ..base() }, "/amount"),
        (PaymentRequest { amount: "1.001".parse().unwrap(), ..base() }, "/amount"),
        (PaymentRequest { user_id: UserId(0), ..base() }, "/user_id"),
        (PaymentRequest { payment_method: " ".into(), ..base() }, "/payment_method"),
    ] {
        match client.called_by("order").process(&anonymous(), OrderId(1), 1, bad).await.unwrap_err() {
            PaymentError::Fault(fault) => {
                assert_eq!((fault.code(), fault.errors()[0].pointer.as_str()), (Code::InvalidArgument, pointer));
            }
            e => panic!("{e}"),
        }
    }
    let unknown = pay(&client, 1, 1, "cheque").await.unwrap_err();
    assert_eq!((&unknown, unknown.code()), (&PaymentError::UnknownMethod, Code::InvalidArgument));
    assert_eq!(fixture.bank.books(), (0, 0));
    pay(&client, 1, 1, "success").await.unwrap();
}

async fn only_orders_charge(client: PaymentClient, fixture: &Fixture) {
    let paid = pay(&client, 1, 1, "success").await.unwrap();
    for caller in [client.clone(), client.called_by("gateway"), client.called_by("cart")] {
        for cx in [anonymous(), customer(7), admin()] {
            let denied = [
                caller.process(&cx, OrderId(2), 1, request("success")).await.unwrap_err(),
                caller.confirm(&cx, paid.id).await.unwrap_err(),
                caller.refund(&cx, paid.id).await.unwrap_err(),
            ];
            assert!(denied.iter().all(|e| e.code() == Code::PermissionDenied), "{denied:?}");
        }
    }
    assert_eq!(fixture.bank.books(), (1, 0));
}
