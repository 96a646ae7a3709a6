//! What is the same in every placement, shown on a small module that misbehaves on request.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use garde::Validate;
use kernel::{
    ApiError, BoxFuture, Code, Ctx, Dispatch, Fault, Incoming, InternalKey, Op, Reply, Transport, placements,
    testing::{Server, Stores, anonymous, customer},
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use utoipa::{IntoParams, ToSchema};

/// A module whose work can be slow, wrong or interrupted.
#[kernel::api(module = "trouble")]
pub trait TroubleApi {
    /// Reads, after a while.
    #[get("/reads", access = anyone)]
    async fn read(&self, cx: &Ctx, query: Pause) -> Result<Count, TroubleError>;

    /// Writes, after a while.
    #[put("/writes", access = anyone)]
    async fn write(&self, cx: &Ctx, pause: Pause) -> Result<Count, TroubleError>;

    /// Panics.
    #[put("/panics", access = anyone)]
    async fn panic(&self, cx: &Ctx) -> Result<Count, TroubleError>;

    /// Writes, and is not to be repeated.
    #[post("/once", access = anyone, retry = never)]
    async fn once(&self, cx: &Ctx) -> Result<Count, TroubleError>;

    /// Fails with everything that an error can carry.
    #[put("/failures", access = user)]
    async fn fail(&self, cx: &Ctx) -> Result<Count, TroubleError>;

    /// Tells who calls.
    #[get("/callers", access = module(order))]
    async fn caller(&self, cx: &Ctx) -> Result<String, TroubleError>;
}

/// How long to take.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema, IntoParams)]
pub struct Pause {
    /// Milliseconds, at most 10,000.
    #[garde(custom(kernel::rules::between(0, 10_000)))]
    pub ms: u64,
}

/// How often something was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Count {
    /// Times.
    pub times: usize,
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ApiError)]
#[api(module = "trouble")]
pub enum TroubleError {
    /// Something is missing.
    #[error("{missing} of {wanted} missing")]
    #[api(conflict)]
    Incomplete {
        /// How many.
        missing: u32,
        /// Of what.
        wanted: String,
    },
    /// The call failed.
    #[error(transparent)]
    #[api(fault)]
    Fault(#[from] Fault),
}

#[derive(Clone, Default)]
struct Trouble {
    begun: Arc<AtomicUsize>,
    done: Arc<AtomicUsize>,
    finished: Arc<Notify>,
}

impl Trouble {
    async fn work(&self, pause: Pause) -> Count {
        self.begun.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(pause.ms)).await;
        let times = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        self.finished.notify_one();
        Count { times }
    }
}

impl TroubleApi for Trouble {
    async fn read(&self, _: &Ctx, query: Pause) -> Result<Count, TroubleError> {
        Ok(self.work(query).await)
    }
    async fn write(&self, _: &Ctx, pause: Pause) -> Result<Count, TroubleError> {
        Ok(self.work(pause).await)
    }
    async fn panic(&self, _: &Ctx) -> Result<Count, TroubleError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        panic!("the secret is hunter2");
    }
    async fn once(&self, _: &Ctx) -> Result<Count, TroubleError> {
        Ok(self.work(Pause { ms: 0 }).await)
    }
    async fn fail(&self, _: &Ctx) -> Result<Count, TroubleError> {
        Err(TroubleError::Incomplete { missing: 2, wanted: "five \"lamps\"".into() })
    }
    async fn caller(&self, cx: &Ctx) -> Result<String, TroubleError> {
        Ok(format!("{} for {:?}", cx.caller().unwrap_or("nobody"), cx.user().ok()))
    }
}

async fn trouble(_: Stores) -> (Trouble, Trouble) {
    let trouble = Trouble::default();
    (trouble.clone(), trouble)
}

placements! {
    TroubleClient, trouble without stores: [
        a_panic_is_internal_and_tells_nothing,
        a_deadline_ends_the_wait,
        a_caller_that_leaves_does_not_cut_a_write,
        errors_keep_their_data,
        callers_are_who_they_are,
        rules_are_checked_before_the_operation,
    ]
}

fn code(error: &TroubleError) -> Code {
    error.code()
}

async fn a_panic_is_internal_and_tells_nothing(client: TroubleClient, state: &Trouble) {
    let error = client.panic(&anonymous()).await.unwrap_err();
    assert_eq!((code(&error), error.to_string().as_str()), (Code::Internal, "Internal server error"));
    // never retried: the loopback calls twice by design, nothing else does
    assert!(state.begun.load(Ordering::SeqCst) <= 2);
    assert_eq!(client.write(&anonymous(), Pause { ms: 0 }).await.unwrap().times, 1, "it lives on");
}

async fn a_deadline_ends_the_wait(client: TroubleClient, state: &Trouble) {
    for write in [false, true] {
        let (cx, started) = (Ctx::anonymous(Duration::from_millis(100)), Instant::now());
        let slow = Pause { ms: 5_000 };
        let error = if write { client.write(&cx, slow).await } else { client.read(&cx, slow).await }.unwrap_err();
        assert_eq!((code(&error), error.to_string().as_str()), (Code::DeadlineExceeded, "Service timeout"));
        assert!(started.elapsed() < Duration::from_secs(3));
        tokio::time::sleep_until(cx.deadline()).await;
        assert_eq!(client.read(&cx, Pause { ms: 0 }).await.map_err(|e| code(&e)), Err(Code::DeadlineExceeded), "it has passed");
    }
    assert_eq!(state.done.load(Ordering::SeqCst), 0, "what had not ended by then was ended");
}

async fn a_caller_that_leaves_does_not_cut_a_write(client: TroubleClient, state: &Trouble) {
    let cx = anonymous();
    let write = client.write(&cx, Pause { ms: 300 });
    // long enough for the call to begin, not to end
    let left = tokio::time::timeout(Duration::from_millis(150), write).await;
    assert!(left.is_err());
    tokio::time::timeout(Duration::from_secs(10), state.finished.notified()).await.unwrap();
    assert_eq!(state.done.load(Ordering::SeqCst), 1);
}

async fn errors_keep_their_data(client: TroubleClient, _: &Trouble) {
    let expected = TroubleError::Incomplete { missing: 2, wanted: "five \"lamps\"".into() };
    assert_eq!(client.fail(&customer(1)).await, Err(expected));
    assert_eq!(client.fail(&anonymous()).await, Err(Fault::unauthenticated().into()));
}

async fn callers_are_who_they_are(client: TroubleClient, _: &Trouble) {
    let order = client.by("order");
    assert_eq!(order.caller(&customer(7)).await.unwrap(), "order for Some(UserId(7))");
    assert_eq!(order.caller(&anonymous()).await.unwrap(), "order for None");
    for client in [client.clone(), client.by("gateway")] {
        assert_eq!(code(&client.caller(&customer(7)).await.unwrap_err()), Code::PermissionDenied);
    }
}

async fn rules_are_checked_before_the_operation(client: TroubleClient, state: &Trouble) {
    match client.write(&anonymous(), Pause { ms: 10_001 }).await.unwrap_err() {
        TroubleError::Fault(fault) => {
            assert_eq!((fault.code(), fault.errors()[0].pointer.as_str()), (Code::InvalidArgument, "/ms"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(state.begun.load(Ordering::SeqCst), 0);
}

/// Answers `unavailable` a few times before it lets a call through.
struct Shaky {
    to: Arc<TroubleClient>,
    failures: AtomicUsize,
    asked: Arc<AtomicUsize>,
}

impl Dispatch for Shaky {
    fn ops(&self) -> &'static [Op] {
        OPS
    }
    fn dispatch(self: Arc<Self>, index: usize, cx: Ctx, incoming: Incoming) -> BoxFuture<Reply> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let fail = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if fail {
            let fault = Fault::new(Code::Unavailable, "not now");
            return Box::pin(async move { Reply::problem(fault.into(), Some(&cx)) });
        }
        self.to.clone().dispatch(index, cx, incoming)
    }
    fn openapi(&self) -> utoipa::openapi::OpenApi {
        openapi()
    }
}

fn shaky(failures: usize) -> (Server, TroubleClient, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let to = Arc::new(TroubleClient::local(Trouble::default()));
    let server = Server::start(Arc::new(Shaky { to, failures: AtomicUsize::new(failures), asked: asked.clone() }));
    let client = TroubleClient::remote(server.transport());
    (server, client, asked)
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_and_nothing_else() {
    let (_server, client, asked) = shaky(2);
    assert_eq!(client.write(&anonymous(), Pause { ms: 0 }).await.unwrap().times, 1);
    assert_eq!(asked.load(Ordering::SeqCst), 3);

    let (_server, client, asked) = shaky(1);
    assert_eq!(code(&client.once(&anonymous()).await.unwrap_err()), Code::Unavailable);
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let (_server, client, asked) = shaky(100);
    assert_eq!(code(&client.write(&anonymous(), Pause { ms: 0 }).await.unwrap_err()), Code::Unavailable);
    assert_eq!(asked.load(Ordering::SeqCst), 3, "twice again, then it is given up");
}

#[tokio::test]
async fn retries_have_a_budget() {
    let (_server, client, asked) = shaky(usize::MAX);
    for _ in 0..200 {
        client.write(&anonymous(), Pause { ms: 0 }).await.unwrap_err();
    }
    // 10 a second whatever the calls, and a tenth of the calls; without a budget it would be 600
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked < 420, "{asked} requests for 200 calls");
}

#[tokio::test]
async fn a_dead_peer_is_left_alone_and_the_others_go_on() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let (dead, key) = ("http://127.0.0.1:9".to_owned(), server.key());
    let client = TroubleClient::remote(Transport::http(vec![dead.clone(), server.address().into()], key.clone()));
    for _ in 0..50 {
        // a call that did not reach a peer may be made to another one, whatever it is
        client.once(&anonymous()).await.unwrap();
    }
    let alone = TroubleClient::remote(Transport::http(vec![dead], key));
    for _ in 0..20 {
        let error = alone.read(&anonymous(), Pause { ms: 0 }).await.unwrap_err();
        assert_eq!((code(&error), error.to_string().as_str()), (Code::Unavailable, "Service trouble not available"));
    }
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let client = TroubleClient::remote(Transport::http(vec![server.address().into()], InternalKey::random()));
    assert_eq!(code(&client.read(&anonymous(), Pause { ms: 0 }).await.unwrap_err()), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_blocked_worker_does_not_block_the_calls_of_others() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let client = TroubleClient::remote(server.transport());
    let (blocked, free) = std::sync::mpsc::channel::<()>();
    // this thread has made a connection and then drives nothing any more
    let stuck = client.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            stuck.read(&anonymous(), Pause { ms: 0 }).await.unwrap();
            free.recv().unwrap();
        });
    });
    for _ in 0..100 {
        let cx = anonymous();
        let read = client.read(&cx, Pause { ms: 0 });
        tokio::time::timeout(Duration::from_secs(5), read).await.unwrap().unwrap();
    }
    blocked.send(()).unwrap();
    thread.join().unwrap();
}

#[tokio::test]
async fn a_token_opens_one_operation_and_a_write_once() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let (key, cx) = (server.key(), customer(7).via("order"));
    let ask = async |path: &str, token: &str| {
        let request = reqwest::Client::new().put(format!("{}{path}", server.address())).bearer_auth(token);
        request.json(&Pause { ms: 0 }).send().await.unwrap().status().as_u16()
    };
    let token = key.sign(&cx, ops::WRITE).unwrap();
    assert_eq!(ask("/panics", &token).await, 401, "another operation");
    assert_eq!(ask("/writes", &token).await, 200);
    assert_eq!(ask("/writes", &token).await, 401, "replayed");
    assert_eq!(ask("/writes", &InternalKey::random().sign(&cx, ops::WRITE).unwrap()).await, 401, "forged");
    assert_eq!(ask("/writes", "").await, 401);
}
