//! What is the same in every placement, shown on a small module that misbehaves on request.
#![expect(clippy::unwrap_used, reason = "a test may stop at any surprise")]

use garde::Validate;
use kernel::{
    ApiError, BoxFuture, Code, Condition, Ctx, Dispatch, Fault, IfMatch, Incoming, InternalKey, Op, Outgoing, Problem, Reply,
    Request, Tagged, Transport, placements,
    testing::{Server, Stores, anonymous, customer},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
};
use utoipa::{IntoParams, ToSchema};

/// A module whose work can be slow, wrong or interrupted.
#[kernel::api(module = "trouble")]
pub trait TroubleApi {
    /// Reads, after a while.
    #[get("/reads", access = anyone)]
    async fn read(&self, cx: &Ctx, query: Pause) -> Result<Count, TroubleError>;

    /// Writes, after a while.
    #[put("/writes", access = anyone, errors(NotFound, WrongPassword, ProviderAway))]
    async fn write(&self, cx: &Ctx, pause: Pause) -> Result<Count, TroubleError>;

    /// Panics.
    #[put("/panics", access = anyone)]
    async fn panic(&self, cx: &Ctx) -> Result<Count, TroubleError>;

    /// Writes, and is not to be repeated.
    #[post("/once", access = anyone, retry = never)]
    async fn once(&self, cx: &Ctx) -> Result<Count, TroubleError>;

    /// Writes once under an idempotency key, after a while.
    #[post("/keyed", access = anyone, retry = key)]
    async fn keyed(&self, cx: &Ctx, pause: Pause) -> Result<Count, TroubleError>;

    /// Fails with everything that an error can carry.
    #[put("/failures", access = user, errors(Incomplete))]
    async fn fail(&self, cx: &Ctx) -> Result<Count, TroubleError>;

    /// Answers problems that it has not declared: one of its own, or a fault that no such call ends in.
    #[put("/surprises/{own}", access = anyone)]
    async fn surprise(&self, cx: &Ctx, own: bool) -> Result<Count, TroubleError>;

    /// Tells who calls.
    #[get("/callers", access = module(order))]
    async fn caller(&self, cx: &Ctx) -> Result<String, TroubleError>;

    /// Tells how often something was done.
    #[get("/counts", access = anyone, etag)]
    async fn count(&self, cx: &Ctx) -> Result<Count, TroubleError>;

    /// Writes, unless another has since the caller looked.
    #[patch("/counts", access = anyone, etag)]
    async fn amend(&self, cx: &Ctx, if_match: IfMatch, pause: Pause) -> Result<Count, TroubleError>;

    /// As `amend`, for callers who have looked.
    #[put("/counts", access = anyone, etag, unless = write)]
    async fn set(&self, cx: &Ctx, pause: Pause, if_match: IfMatch) -> Result<Count, TroubleError>;
}

/// How long to take.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema, IntoParams, Request)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Milliseconds, at most 10,000.
    #[garde(custom(kernel::rules::between(0, 10_000)))]
    pub ms: u64,
}

/// How often something was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Times.
    pub times: usize,
}

impl Tagged for Count {
    const KIND: &'static str = "count";
    fn id(&self) -> impl std::fmt::Display {
        1
    }
    fn version(&self) -> i64 {
        self.times as i64
    }
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
    /// Something that it needs is away, for long.
    #[error("The provider is away")]
    #[api(unavailable)]
    ProviderAway,
    /// Something does not exist.
    #[error("There is no such thing")]
    #[api(not_found)]
    NotFound,
    /// The password is wrong.
    #[error("Wrong password")]
    #[api(unauthenticated)]
    WrongPassword,
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
    started: Arc<Notify>,
    cut: Arc<Notify>,
    /// The work under each key; none while it runs.
    keys: Arc<Mutex<HashMap<String, Option<Count>>>>,
    /// How often a key was found in use.
    refused: Arc<AtomicUsize>,
}

/// Tells when work is ended before it has finished.
struct Running<'a>(&'a Trouble);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.cut.notify_one();
    }
}

impl Trouble {
    async fn work(&self, pause: Pause) -> Count {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.started.notify_one();
        let running = Running(self);
        tokio::time::sleep(Duration::from_millis(pause.ms)).await;
        std::mem::forget(running);
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
    async fn keyed(&self, cx: &Ctx, pause: Pause) -> Result<Count, TroubleError> {
        let Some(key) = cx.idempotency_key() else { return Ok(self.work(pause).await) };
        let before = self.keys.lock().unwrap().insert(key.into(), None);
        match before {
            None => {
                let count = self.work(pause).await;
                self.keys.lock().unwrap().insert(key.into(), Some(count.clone()));
                Ok(count)
            }
            Some(None) => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                Err(Fault::new(Code::Conflict, "A request with this Idempotency-Key is still running").retry_after(1).into())
            }
            Some(Some(count)) => {
                self.keys.lock().unwrap().insert(key.into(), Some(count.clone()));
                cx.mark_replayed();
                Ok(count)
            }
        }
    }
    async fn fail(&self, _: &Ctx) -> Result<Count, TroubleError> {
        Err(TroubleError::Incomplete { missing: 2, wanted: "five \"lamps\"".into() })
    }
    async fn surprise(&self, _: &Ctx, own: bool) -> Result<Count, TroubleError> {
        Err(if own { TroubleError::NotFound } else { Fault::new(Code::Conflict, "Surprise").into() })
    }
    async fn caller(&self, cx: &Ctx) -> Result<String, TroubleError> {
        Ok(format!("{} for {:?}", cx.caller().unwrap_or("nobody"), cx.user().ok()))
    }
    async fn count(&self, _: &Ctx) -> Result<Count, TroubleError> {
        Ok(Count { times: self.done.load(Ordering::SeqCst) })
    }
    async fn amend(&self, cx: &Ctx, if_match: IfMatch, pause: Pause) -> Result<Count, TroubleError> {
        let now = self.count(cx).await?;
        match if_match.versions::<Count>(1) {
            Some(seen) if !seen.contains(&(now.times as i64)) => Err(IfMatch::failed(now.etag()).into()),
            _ => Ok(self.work(pause).await),
        }
    }
    async fn set(&self, cx: &Ctx, pause: Pause, if_match: IfMatch) -> Result<Count, TroubleError> {
        self.amend(cx, if_match, pause).await
    }
}

async fn trouble(_: Stores) -> (Trouble, Trouble) {
    let trouble = Trouble::default();
    (trouble.clone(), trouble)
}

placements! {
    TroubleClient, trouble without stores: [
        a_panic_is_internal_and_reveals_nothing,
        a_deadline_ends_the_wait,
        a_caller_that_leaves_does_not_cut_a_write,
        errors_keep_their_data,
        a_callee_sees_its_real_caller,
        rules_are_checked_before_the_operation,
        a_condition_reaches_the_operation,
        a_demanded_condition_is_missed_before_the_operation,
    ]
}

fn code(error: &TroubleError) -> Code {
    error.code()
}

async fn a_panic_is_internal_and_reveals_nothing(client: TroubleClient, _: &Trouble) {
    let error = client.panic(&anonymous()).await.unwrap_err();
    assert_eq!((code(&error), error.to_string().as_str()), (Code::Internal, "Internal server error"));
    assert_eq!(client.write(&anonymous(), Pause { ms: 0 }).await.unwrap().times, 1, "it lives on");
}

/// A server gives a call that names no deadline five seconds.
fn before_any_other_deadline(started: Instant) -> tokio::time::Instant {
    tokio::time::Instant::from_std(started) + Duration::from_secs(4)
}

async fn a_deadline_ends_the_wait(client: TroubleClient, state: &Trouble) {
    for write in [false, true] {
        let (cx, started) = (Ctx::anonymous(Duration::from_millis(100)), Instant::now());
        let slow = Pause { ms: 10_000 };
        let error = if write { client.write(&cx, slow).await } else { client.read(&cx, slow).await }.unwrap_err();
        assert_eq!((code(&error), error.to_string().as_str()), (Code::DeadlineExceeded, "Service timeout"));
        assert!(started.elapsed() < Duration::from_secs(3));
        tokio::time::sleep_until(cx.deadline()).await;
        assert_eq!(client.read(&cx, Pause { ms: 0 }).await.map_err(|e| code(&e)), Err(Code::DeadlineExceeded), "it has passed");
        // where it runs, too
        tokio::time::timeout_at(before_any_other_deadline(started), state.cut.notified()).await.expect("the work is ended");
    }
    assert_eq!(state.done.load(Ordering::SeqCst), 0);
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

async fn a_callee_sees_its_real_caller(client: TroubleClient, _: &Trouble) {
    let order = client.called_by("order");
    assert_eq!(order.caller(&customer(7)).await.unwrap(), "order for Some(UserId(7))");
    assert_eq!(order.caller(&anonymous()).await.unwrap(), "order for None");
    for client in [client.clone(), client.called_by("gateway")] {
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

async fn a_condition_reaches_the_operation(client: TroubleClient, state: &Trouble) {
    let cx = &anonymous();
    let seen = client.count(cx).await.unwrap();
    client.amend(cx, IfMatch::seen(&seen), Pause { ms: 0 }).await.unwrap();
    assert_eq!(state.done.load(Ordering::SeqCst), 1);
    for late in [IfMatch::seen(&seen), IfMatch::Tags(vec![]), "\"x\", W/\"1-a\"".parse().unwrap()] {
        for error in [
            client.amend(cx, late.clone(), Pause { ms: 0 }).await.unwrap_err(),
            client.set(cx, Pause { ms: 0 }, late).await.unwrap_err(),
        ] {
            let problem = error.into_problem();
            assert_eq!((problem.status, problem.code.as_str()), (412, "precondition_failed"));
            assert_eq!(problem.etag, Some(Count { times: 1 }.etag()));
        }
    }
    assert_eq!(state.done.load(Ordering::SeqCst), 1);
    client.amend(cx, IfMatch::Tags(vec![seen.etag(), Count { times: 1 }.etag()]), Pause { ms: 0 }).await.unwrap();
    assert_eq!(state.done.load(Ordering::SeqCst), 2);
    for none in [IfMatch::Any, IfMatch::Absent] {
        client.amend(cx, none, Pause { ms: 0 }).await.unwrap();
    }
}

async fn a_demanded_condition_is_missed_before_the_operation(client: TroubleClient, state: &Trouble) {
    let error = client.set(&anonymous(), Pause { ms: 0 }, IfMatch::Absent).await.unwrap_err();
    let rule = "must be the ETag of what you saw, or *; PUT /writes does without";
    assert_eq!((code(&error), error.to_string()), (Code::PreconditionRequired, format!("If-Match {rule}")));
    let errors = error.into_problem().errors;
    assert_eq!((errors[0].pointer.as_str(), errors[0].detail.as_str()), ("/If-Match", rule));
    assert_eq!(state.begun.load(Ordering::SeqCst), 0);
    client.set(&anonymous(), Pause { ms: 0 }, IfMatch::Any).await.unwrap();
    assert!(matches!(ops::SET.condition, Condition::Demanded { instead: "PUT /writes" }) && ops::SET.etag);
    assert_eq!((ops::AMEND.condition, ops::WRITE.condition, ops::WRITE.etag), (Condition::Optional, Condition::None, false));
}

/// Answers `unavailable` a few times before it lets a call through.
struct Shaky {
    to: Arc<TroubleClient>,
    failures: AtomicUsize,
    fault: Fault,
    calls: Arc<AtomicUsize>,
}

impl Dispatch for Shaky {
    fn ops(&self) -> &'static [Op] {
        OPS
    }
    fn dispatch(self: Arc<Self>, index: usize, cx: Ctx, incoming: Incoming) -> BoxFuture<Reply> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fail = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if fail {
            let fault = self.fault.clone();
            return Box::pin(async move { Reply::problem(fault.into(), Some(&cx)) });
        }
        self.to.clone().dispatch(index, cx, incoming)
    }
    fn openapi(&self) -> utoipa::openapi::OpenApi {
        openapi()
    }
}

fn shaky(failures: usize) -> (Server, TroubleClient, Arc<AtomicUsize>) {
    shaky_with(failures, Fault::new(Code::Unavailable, "not now"))
}

fn shaky_with(failures: usize, fault: Fault) -> (Server, TroubleClient, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let to = Arc::new(TroubleClient::local(Trouble::default()));
    let server = Server::start(Arc::new(Shaky { to, failures: AtomicUsize::new(failures), fault, calls: calls.clone() }));
    let client = TroubleClient::remote(server.transport());
    (server, client, calls)
}

#[tokio::test]
async fn only_repeatable_calls_are_repeated() {
    let (_server, client, calls) = shaky(2);
    assert_eq!(client.write(&anonymous(), Pause { ms: 0 }).await.unwrap().times, 1);
    assert_eq!(calls.load(Ordering::SeqCst), 3);

    let (_server, client, calls) = shaky(1);
    assert_eq!(code(&client.once(&anonymous()).await.unwrap_err()), Code::Unavailable);
    assert_eq!(calls.load(Ordering::SeqCst), 1);

    let (_server, client, calls) = shaky(100);
    assert_eq!(code(&client.write(&anonymous(), Pause { ms: 0 }).await.unwrap_err()), Code::Unavailable);
    assert_eq!(calls.load(Ordering::SeqCst), 3, "twice again, then it is given up");

    for code_of_refusal in [Code::TooManyRequests, Code::Unavailable] {
        let (_server, client, calls) = shaky_with(100, Fault::new(code_of_refusal, "later").retry_after(60));
        assert_eq!(code(&client.write(&anonymous(), Pause { ms: 0 }).await.unwrap_err()), code_of_refusal);
        assert_eq!(calls.load(Ordering::SeqCst), 1, "the next second is too soon");
    }
}

/// A repeated one could not tell what it has done itself from what another has.
#[tokio::test]
async fn a_call_with_a_condition_is_not_repeated() {
    let (_server, client, calls) = shaky(1);
    let refused = client.amend(&anonymous(), IfMatch::Any, Pause { ms: 0 }).await.unwrap_err();
    assert_eq!((code(&refused), calls.load(Ordering::SeqCst)), (Code::Unavailable, 1));
    let (_server, client, calls) = shaky(1);
    client.amend(&anonymous(), IfMatch::Absent, Pause { ms: 0 }).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_condition_that_nothing_compares_or_that_is_none_is_refused() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let transport = server.transport();
    let unheeded = Outgoing::new(ops::WRITE).body(&json!({"ms": 0})).if_match(&IfMatch::Any);
    let fault = answer(&transport, ops::WRITE, unheeded).await.unwrap_err();
    assert_eq!((code(&fault), fault.to_string().as_str()), (Code::InvalidArgument, "If-Match is not compared by this operation"));

    let (key, cx) = (server.key(), customer(7).via("order"));
    let ask = async |op: &'static Op, signed: Option<&str>, headers: &[(&str, &str)]| {
        let (method, body) = match op.method {
            kernel::Method::Get => (reqwest::Method::GET, ""),
            _ => (reqwest::Method::PATCH, r#"{"ms":0}"#),
        };
        let token = key.sign(&cx, op, "/counts", signed, body.as_bytes()).unwrap();
        let request = reqwest::Client::new().request(method, format!("{}/counts", server.address())).bearer_auth(token);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.body(body).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let header = move |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (status, header, answer.text().await.unwrap())
    };
    const JSON: (&str, &str) = ("content-type", "application/json");
    let (status, header, body) = ask(ops::AMEND, Some("3"), &[JSON, ("if-match", "3")]).await;
    assert!(status == 400 && body.contains("\"/If-Match\"") && header("etag").is_none(), "{status} {body}");
    // the token is for one condition
    for (signed, sent) in [(None, Some("*")), (Some("*"), None), (Some("*"), Some("\"1-a\""))] {
        let sent: Vec<_> = sent.map(|sent| ("if-match", sent)).into_iter().chain([JSON]).collect();
        assert_eq!(ask(ops::AMEND, signed, &sent).await.0, 401);
    }
    // two lines are one list
    let zero = Count { times: 0 }.etag().to_string();
    let lines =
        [("if-match", "\"x\""), ("if-match", zero.as_str()), ("content-type", "application/merge-patch+json; charset=utf-8")];
    let (status, header, _) = ask(ops::AMEND, Some(&format!("\"x\",{zero}")), &lines).await;
    let one = Count { times: 1 }.etag().to_string();
    assert_eq!((status, header("etag")), (200, Some(one.clone())));
    let (status, header, body) = ask(ops::AMEND, Some(&zero), &[JSON, ("if-match", &zero)]).await;
    assert!(status == 412 && header("etag") == Some(one.clone()) && body.contains("precondition_failed"), "{status} {body}");

    for other in ["application/json-patch+json", "text/plain", "application/vnd.x+json"] {
        let (status, header, _) = ask(ops::AMEND, None, &[("content-type", other)]).await;
        let accepted = header("accept-patch");
        assert_eq!((status, accepted.as_deref()), (415, Some("application/merge-patch+json, application/json")), "{other}");
    }

    for (sent, expected) in [(one.as_str(), 304), (&format!("\"x\", W/{one}"), 304), ("*", 304), (&zero, 200), ("1", 400)] {
        let (status, header, body) = ask(ops::COUNT, None, &[("if-none-match", sent)]).await;
        assert_eq!((status, body.is_empty()), (expected, expected == 304), "{sent}");
        if status != 400 {
            assert_eq!((header("etag"), header("cache-control").as_deref()), (Some(one.clone()), Some("private, no-cache")));
        }
        assert_eq!(header("content-type").is_none(), status == 304);
    }
    assert_eq!(ask(ops::COUNT, None, &[("if-match", "nonsense")]).await.0, 200, "a read changes nothing");
}

/// A bug that looked like a peer that is away would run three times. (The loopback repeats by design, and so shows nothing here.)
#[tokio::test]
async fn a_call_that_panics_is_not_repeated() {
    let state = Trouble::default();
    let local = TroubleClient::local(state.clone());
    let server = Server::start(Arc::new(local.clone()));
    for (client, calls) in [(local, 1), (TroubleClient::remote(server.transport()), 2)] {
        assert_eq!(code(&client.panic(&anonymous()).await.unwrap_err()), Code::Internal);
        assert_eq!(state.begun.load(Ordering::SeqCst), calls);
    }
}

#[tokio::test]
async fn retries_have_a_budget() {
    let (_server, client, calls) = shaky(usize::MAX);
    for _ in 0..200 {
        client.write(&anonymous(), Pause { ms: 0 }).await.unwrap_err();
    }
    // 10 a second whatever the calls, and a tenth of the calls; without a budget it would be 600
    let calls = calls.load(Ordering::SeqCst);
    assert!(calls < 420, "{calls} requests for 200 calls");
}

/// What stands between a caller and a server, and can break.
struct Line {
    address: String,
    connections: Arc<AtomicUsize>,
    is_up: Arc<AtomicBool>,
    cut: watch::Sender<()>,
}

impl Line {
    /// To the server at this address.
    async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (connections, is_up) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let (cut, is_cut) = watch::channel(());
        let (counted, up, server) = (connections.clone(), is_up.clone(), server.strip_prefix("http://").unwrap().to_owned());
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                if up.load(Ordering::SeqCst) {
                    let (mut is_cut, server) = (is_cut.clone(), server.clone());
                    is_cut.mark_unchanged();
                    tokio::spawn(async move {
                        let mut to = TcpStream::connect(server).await.unwrap();
                        tokio::select! { _ = copy_bidirectional(&mut caller, &mut to) => {}, _ = is_cut.changed() => {} }
                    });
                }
            }
        });
        Self { address, connections, is_up, cut }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_dead_peer_is_left_alone_and_tried_again_later() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let line = Line::to(server.address()).await;
    line.is_up.store(false, Ordering::SeqCst);
    let client = TroubleClient::remote(Transport::http(vec![line.address.clone()], server.key()));
    let read = || async { client.read(&anonymous(), Pause { ms: 0 }).await.map(|_| ()) };
    let started = Instant::now();
    for _ in 0..30 {
        let error = read().await.unwrap_err();
        assert_eq!((code(&error), error.to_string().as_str()), (Code::Unavailable, "Service trouble not available"));
    }
    // five failures, and then at most one in each of the pauses, of which the shortest is half a second
    let most = 5 + usize::try_from(started.elapsed().as_millis() / 500).unwrap();
    assert!((5..=most).contains(&line.connections()), "{} of at most {most}", line.connections());

    line.is_up.store(true, Ordering::SeqCst);
    let comes_back = async {
        while read().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), comes_back).await.expect("it is tried again");
    for _ in 0..10 {
        read().await.expect("it is back for good");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_left_alone_and_the_other_one_does_the_work() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    // the system accepts connections for it, and nobody reads what comes on them
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peers = vec![format!("http://{}", silent.local_addr().unwrap()), server.address().into()];
    let client = TroubleClient::remote(Transport::http(peers, server.key()));
    let (started, mut late) = (Instant::now(), 0);
    for _ in 0..60 {
        if let Err(error) = client.read(&Ctx::anonymous(Duration::from_millis(500)), Pause { ms: 0 }).await {
            assert_eq!(code(&error), Code::DeadlineExceeded);
            late += 1;
        }
    }
    // five calls, and then at most one in each of the pauses, of which the shortest is a second
    let most = 5 + started.elapsed().as_secs();
    assert!((5..=most).contains(&late), "{late} of at most {most}");
}

/// A process that stops closes its idle connections: after a while of draining, nobody must be about to use one.
#[tokio::test]
async fn a_connection_that_was_idle_for_long_is_not_used_again() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let line = Line::to(server.address()).await;
    let client = TroubleClient::remote(Transport::http(vec![line.address.clone()], server.key()));
    for _ in 0..3 {
        client.once(&anonymous()).await.unwrap();
    }
    assert_eq!(line.connections(), 1, "one after the other on the same");
    // the pause is what it is about
    tokio::time::sleep(Duration::from_millis(700)).await;
    client.once(&anonymous()).await.unwrap();
    assert_eq!(line.connections(), 2);
}

#[tokio::test]
async fn the_others_go_on_when_a_peer_is_dead() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let dead = "http://127.0.0.1:9".to_owned();
    let client = TroubleClient::remote(Transport::http(vec![dead, server.address().into()], server.key()));
    for _ in 0..50 {
        // a call that did not reach a peer may be made to another one, whatever it is
        client.once(&anonymous()).await.unwrap();
    }
}

/// Does nothing itself.
struct Hop(TroubleClient);

impl TroubleApi for Hop {
    async fn read(&self, cx: &Ctx, query: Pause) -> Result<Count, TroubleError> {
        self.0.read(cx, query).await
    }
    async fn write(&self, cx: &Ctx, pause: Pause) -> Result<Count, TroubleError> {
        self.0.write(cx, pause).await
    }
    async fn panic(&self, cx: &Ctx) -> Result<Count, TroubleError> {
        self.0.panic(cx).await
    }
    async fn once(&self, cx: &Ctx) -> Result<Count, TroubleError> {
        self.0.once(cx).await
    }
    async fn keyed(&self, cx: &Ctx, pause: Pause) -> Result<Count, TroubleError> {
        self.0.keyed(cx, pause).await
    }
    async fn fail(&self, cx: &Ctx) -> Result<Count, TroubleError> {
        self.0.fail(cx).await
    }
    async fn surprise(&self, cx: &Ctx, own: bool) -> Result<Count, TroubleError> {
        self.0.surprise(cx, own).await
    }
    async fn caller(&self, cx: &Ctx) -> Result<String, TroubleError> {
        self.0.caller(cx).await
    }
    async fn count(&self, cx: &Ctx) -> Result<Count, TroubleError> {
        self.0.count(cx).await
    }
    async fn amend(&self, cx: &Ctx, if_match: IfMatch, pause: Pause) -> Result<Count, TroubleError> {
        self.0.amend(cx, if_match, pause).await
    }
    async fn set(&self, cx: &Ctx, pause: Pause, if_match: IfMatch) -> Result<Count, TroubleError> {
        self.0.set(cx, pause, if_match).await
    }
}

#[tokio::test]
async fn a_deadline_goes_along_a_chain_of_processes() {
    let state = Trouble::default();
    let last = Server::start(Arc::new(TroubleClient::local(state.clone())));
    let middle = Server::start(Arc::new(TroubleClient::local(Hop(TroubleClient::remote(last.transport())))));
    let first = Server::start(Arc::new(TroubleClient::local(Hop(TroubleClient::remote(middle.transport())))));
    let client = TroubleClient::remote(first.transport());
    let (cx, started) = (Ctx::anonymous(Duration::from_millis(500)), Instant::now());
    let error = client.write(&cx, Pause { ms: 10_000 }).await.unwrap_err();
    assert_eq!(code(&error), Code::DeadlineExceeded);
    tokio::time::timeout_at(before_any_other_deadline(started), state.cut.notified())
        .await
        .expect("the work at the end is ended");
    assert_eq!((state.begun.load(Ordering::SeqCst), state.done.load(Ordering::SeqCst)), (1, 0));
    // the way is free
    assert_eq!(client.write(&anonymous(), Pause { ms: 0 }).await, Ok(Count { times: 1 }));
}

#[tokio::test]
async fn a_connection_that_breaks_while_the_first_request_runs_does_not_hide_its_answer() {
    let state = Trouble::default();
    let server = Server::start(Arc::new(TroubleClient::local(state.clone())));
    let line = Line::to(server.address()).await;
    let client = TroubleClient::remote(Transport::http(vec![line.address.clone()], server.key()));
    let cx = customer(1).with_key("a key");
    let call = client.keyed(&cx, Pause { ms: 1_000 });
    let breaks = async {
        state.started.notified().await;
        line.cut.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(call, breaks);
    assert_eq!(answer, Ok(Count { times: 1 }));
    assert!(cx.is_replayed());
    assert_eq!(state.begun.load(Ordering::SeqCst), 1);
    assert!(state.refused.load(Ordering::SeqCst) >= 1, "it was asked while it ran");

    // a twin of the caller's is not ours: that its first request runs is the answer
    let twin = customer(1).with_key("another key");
    let (first, second) = tokio::join!(client.keyed(&twin, Pause { ms: 500 }), async {
        state.started.notified().await;
        client.keyed(&twin, Pause { ms: 500 }).await
    });
    assert_eq!((first.map_err(|e| code(&e)), second.map_err(|e| code(&e))), (Ok(Count { times: 2 }), Err(Code::Conflict)));

    // and the wait for it ends with the deadline
    let short = Ctx::anonymous(Duration::from_millis(700)).with_key("a third key");
    let (answer, ()) = tokio::join!(client.keyed(&short, Pause { ms: 5_000 }), async {
        state.started.notified().await;
        line.cut.send(()).unwrap();
    });
    assert_eq!(answer.map_err(|e| code(&e)), Err(Code::DeadlineExceeded));
}

/// Answers everything in one way.
struct Always {
    ops: &'static [Op],
    answer: Box<dyn Fn() -> Reply + Send + Sync>,
    calls: Arc<AtomicUsize>,
}

impl Dispatch for Always {
    fn ops(&self) -> &'static [Op] {
        self.ops
    }
    fn dispatch(self: Arc<Self>, _: usize, _: Ctx, _: Incoming) -> BoxFuture<Reply> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { (self.answer)() })
    }
    fn openapi(&self) -> utoipa::openapi::OpenApi {
        openapi()
    }
}

fn always(answer: impl Fn() -> Reply + Send + Sync + 'static) -> (Server, TroubleClient, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let server = Server::start(Arc::new(Always { ops: OPS, answer: Box::new(answer), calls: calls.clone() }));
    let client = TroubleClient::remote(server.transport());
    (server, client, calls)
}

fn always_fails(problem: impl Into<Problem>) -> (Server, TroubleClient, Arc<AtomicUsize>) {
    let problem = problem.into();
    always(move || Reply::problem(problem.clone(), None))
}

#[tokio::test]
async fn a_key_that_a_peer_does_not_know_is_not_the_users_fault() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recorded_here = metrics::set_default_local_recorder(&recorder);
    let state = Trouble::default();
    let server = Server::start(Arc::new(TroubleClient::local(state.clone())));
    let client = TroubleClient::remote(Transport::http(vec![server.address().into()], InternalKey::random()));
    for cx in [anonymous(), customer(1)] {
        let error = client.write(&cx, Pause { ms: 0 }).await.unwrap_err();
        assert_eq!((code(&error), error.to_string().as_str()), (Code::Unavailable, "Service trouble not available"));
    }
    assert_eq!(state.begun.load(Ordering::SeqCst), 0);
    let counted = metrics.render();
    let value = |series: &str| -> f64 {
        let found = counted.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        found.unwrap_or_else(|| panic!("{series} is missing: {counted}"))
    };
    assert!(value("souk_internal_tokens_refused_total{module=\"trouble\"}") >= 5.0);
    assert!(value("souk_call_retries_total{op=\"trouble.write\"}") >= 2.0);
    assert_eq!(value("souk_call_retries_total{op=\"trouble.read\"}"), 0.0, "known before it is needed");
    // after five refusals in a row
    let breaker = |cause: &str| format!("souk_peer_breaker_open{{peer=\"{}\",cause=\"{cause}\"}}", server.address());
    assert_eq!((value(&breaker("silent")), value(&breaker("refused"))), (1.0, 0.0));
}

#[tokio::test]
async fn a_call_that_a_peer_with_another_key_refuses_is_made_at_another_peer() {
    let (good, other) = (Trouble::default(), Trouble::default());
    let good = Server::start(Arc::new(TroubleClient::local(good)));
    let other = Server::start(Arc::new(TroubleClient::local(other)));
    let client = TroubleClient::remote(Transport::http(vec![other.address().into(), good.address().into()], good.key()));
    for _ in 0..200 {
        client.once(&customer(1)).await.expect("the other peer is left alone before the budget for retries is spent");
    }
}

/// What peers of the release before answer.
#[tokio::test]
async fn an_older_peer_that_refuses_or_lacks_something_is_unavailable() {
    let refusal = Fault::unauthenticated();
    let (_server, client, _) = always_fails(refusal.clone());
    assert_eq!(code(&client.write(&customer(1), Pause { ms: 0 }).await.unwrap_err()), Code::Unavailable);
    assert_eq!(code(&client.fail(&customer(1)).await.unwrap_err()), Code::Unavailable);
    // it may be the operation that wants to know who calls
    let (_server, client, _) = always_fails(refusal.clone());
    assert_eq!(client.write(&anonymous(), Pause { ms: 0 }).await, Err(refusal.into()));

    let (_server, client, _) = always_fails(Fault::new(Code::MethodNotAllowed, "Method not allowed"));
    assert_eq!(code(&client.read(&anonymous(), Pause { ms: 0 }).await.unwrap_err()), Code::Unavailable);

    let older = Always { ops: &OPS[..2], answer: Box::new(|| unreachable!("it is not asked")), calls: Arc::default() };
    let server = Server::start(Arc::new(older));
    let client = TroubleClient::remote(server.transport());
    let error = client.once(&anonymous()).await.unwrap_err();
    assert_eq!((code(&error), error.to_string().as_str()), (Code::Unavailable, "Service trouble not available"));

    // while it is replaced, the newer peers do the work
    let newer = Server::with_key(Arc::new(TroubleClient::local(Trouble::default())), server.key());
    let both = vec![server.address().into(), newer.address().into()];
    let client = TroubleClient::remote(Transport::http(both, server.key()));
    for _ in 0..10 {
        client.once(&anonymous()).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_is_not_declared_fails_and_says_why() {
    let module = || Arc::new(TroubleClient::local(Trouble::default()));
    let server = Server::start(module());
    for transport in [server.transport(), Transport::loopback(module())] {
        let client = TroubleClient::remote(transport);
        for (own, name) in [(true, "trouble.not_found"), (false, "conflict")] {
            let error = client.surprise(&anonymous(), own).await.unwrap_err();
            let why = format!("trouble.surprise answered `{name}`, which its `errors(..)` does not name");
            assert_eq!((code(&error), error.to_string()), (Code::Internal, why));
        }
    }
}

#[tokio::test]
async fn answers_of_the_domain_are_answers_whatever_their_status() {
    for expected in [TroubleError::NotFound, TroubleError::WrongPassword, TroubleError::ProviderAway] {
        let (_server, client, calls) = always_fails(expected.clone().into_problem());
        assert_eq!(client.write(&customer(1), Pause { ms: 0 }).await, Err(expected.clone()));
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{expected:?} is not repeated");
    }
}

/// The answer to arguments that the client would not send.
async fn answer(transport: &Transport, op: &'static Op, call: Outgoing) -> Result<Count, TroubleError> {
    transport.call(op, &anonymous(), call).await?.into_result(op)
}

#[tokio::test]
async fn versions_that_differ_by_a_field_understand_each_other() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let transport = server.transport();
    let newer = |op| Outgoing::new(op).query(&json!({"ms": 0, "newer": "x"}));
    assert_eq!(answer(&transport, ops::READ, newer(ops::READ)).await, Ok(Count { times: 1 }));
    let write = Outgoing::new(ops::WRITE).query(&json!({"newer": 1})).body(&json!({"ms": 0, "newer": {"ms": 1}}));
    assert_eq!(answer(&transport, ops::WRITE, write).await, Ok(Count { times: 2 }));
    let wrong = Outgoing::new(ops::WRITE).body(&json!({"ms": "x", "newer": 1}));
    assert_eq!(answer(&transport, ops::WRITE, wrong).await.map_err(|e| code(&e)), Err(Code::InvalidArgument));

    let (_server, client, _) = always(|| Reply::Done { status: 200, body: br#"{"times":3,"newer":[1]}"#.into(), etag: None });
    assert_eq!(client.read(&anonymous(), Pause { ms: 0 }).await, Ok(Count { times: 3 }));
}

#[tokio::test]
async fn values_that_a_path_cannot_carry_are_refused() {
    for bad in ["", ".", ".."] {
        let call = Outgoing::new(ops::READ).param("name", &bad);
        let refused = Transport::http(Vec::new(), InternalKey::random()).call(ops::READ, &anonymous(), call).await;
        let incoming = Incoming {
            params: vec![("name".into(), bad.into())],
            query: String::new(),
            body: None,
            upload: None,
            if_match: None,
            from_peer: false,
        };
        for fault in [refused.unwrap_err(), incoming.param::<String>("name").unwrap_err()] {
            assert_eq!((fault.code(), fault.errors()[0].pointer.as_str()), (Code::InvalidArgument, "/name"), "{bad:?}");
        }
    }
}

#[tokio::test]
async fn a_large_body_that_the_gateway_takes_is_taken_behind_it() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let call = Outgoing::new(ops::WRITE).body(&json!({"ms": 0, "newer": "x".repeat(kernel::server::MAX_BODY)}));
    assert_eq!(answer(&server.transport(), ops::WRITE, call).await, Ok(Count { times: 1 }));
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
async fn a_token_opens_one_request_and_a_write_once() {
    let server = Server::start(Arc::new(TroubleClient::local(Trouble::default())));
    let (key, cx) = (server.key(), customer(7).via("order"));
    let sign = |key: &InternalKey| key.sign(&cx, ops::WRITE, "/writes", None, br#"{"ms":0}"#).unwrap();
    let ask = async |path: &str, body: &'static str, token: &str| {
        let request = reqwest::Client::new().put(format!("{}{path}", server.address())).bearer_auth(token);
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let code = answer.json::<serde_json::Value>().await.unwrap()["code"].as_str().unwrap_or_default().to_owned();
        assert!(status == 200 || code == "token_refused", "{status} {code}");
        status
    };
    let (good, body) = (sign(&key), r#"{"ms":0}"#);
    assert_eq!(ask("/panics", body, &good).await, 401, "another operation");
    assert_eq!(ask("/writes", r#"{"ms":1}"#, &good).await, 401, "another body");
    assert_eq!(ask("/writes?ms=0", body, &good).await, 401, "another query");
    assert_eq!(ask("/writes", body, &good).await, 200);
    assert_eq!(ask("/writes", body, &good).await, 401, "replayed");
    assert_eq!(ask("/writes", body, &sign(&InternalKey::random())).await, 401, "forged");
    assert_eq!(ask("/writes", body, "").await, 401);
}
