//! Calls to another process: peers, balancing, breaker, deadline and retries.

use crate::{ApiError, Code, Ctx, Dispatch, Fault, InternalKey, Op, Outgoing, Reply, Retry, wire::unavailable};
use backon::BackoffBuilder;
use failsafe::{StateMachine, backoff, failure_policy};
use serde::de::DeserializeOwned;
use std::{
    cell::OnceCell,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tower::retry::budget::{Budget, TpsBudget};

/// Names of the headers of internal calls.
pub mod header {
    /// Milliseconds that the caller still waits.
    pub const DEADLINE: &str = "souk-deadline-ms";
    /// W3C Trace Context.
    pub const TRACEPARENT: &str = "traceparent";
    /// draft-ietf-httpapi-idempotency-key-header-07.
    pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
    /// `true` when the reply is the stored one of an earlier call.
    pub const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";
}

/// The way to a module that does not run here. Cheap to clone.
#[derive(Clone)]
pub struct Transport(Arc<Way>);

enum Way {
    Http(Http),
    Loopback(Arc<dyn Dispatch>),
}

struct Http {
    peers: Vec<Peer>,
    next: AtomicUsize,
    key: InternalKey,
    retries: TpsBudget,
}

type Breaker = StateMachine<failure_policy::ConsecutiveFailures<backoff::EqualJittered>, ()>;

struct Peer {
    base: String,
    breaker: Breaker,
}

impl Transport {
    /// Over HTTP to any of `peers`: addresses such as `http://10.0.0.7:5001`, without a path.
    pub fn http(peers: Vec<String>, key: InternalKey) -> Self {
        let breaker = || {
            // Five failures in a row open it; then one probe after 1 s, and after longer waits up to 10 s while it fails.
            let wait = backoff::equal_jittered(Duration::from_secs(1), Duration::from_secs(10));
            StateMachine::new(failure_policy::consecutive_failures(5, wait), ())
        };
        let peers = peers.into_iter().map(|base| Peer { base: base.trim_end_matches('/').into(), breaker: breaker() });
        // Retries may add a tenth to the calls, and 10 a second whatever the calls.
        let retries = TpsBudget::new(Duration::from_secs(10), 10, 0.1);
        Self(Arc::new(Way::Http(Http { peers: peers.collect(), next: AtomicUsize::new(0), key, retries })))
    }

    /// Through the codec but not over the network, with every repeatable call made twice. For tests: what works through it does
    /// not depend on shared memory and survives the retries of [`Transport::http`].
    pub fn loopback(module: Arc<dyn Dispatch>) -> Self {
        Self(Arc::new(Way::Loopback(module)))
    }

    /// Makes a call.
    ///
    /// # Errors
    /// What the operation answers; `unavailable` when no peer can be reached, `deadline_exceeded` when none answers in time.
    pub async fn call<T, E>(&self, op: &'static Op, cx: &Ctx, mut call: Outgoing) -> Result<T, E>
    where
        T: DeserializeOwned,
        E: ApiError,
    {
        if let Some(fault) = call.fault.take() {
            return Err(fault.into());
        }
        // Only the decoding is generic; what follows is compiled once.
        let reply = match &*self.0 {
            Way::Http(http) => http.send(op, cx, call).await?,
            Way::Loopback(module) => loopback(module, op, cx, &call).await?,
        };
        reply.into_result(op)
    }

    /// How many of the peers answer `GET /health` with 200, and how many there are.
    pub async fn health(&self) -> (usize, usize) {
        let Way::Http(http) = &*self.0 else { return (1, 1) };
        let probes = http.peers.iter().map(|peer| async move {
            let request = client().get(format!("{}/health", peer.base)).timeout(Duration::from_secs(2));
            matches!(request.send().await, Ok(reply) if reply.status() == 200)
        });
        let healthy = futures_util::future::join_all(probes).await.into_iter().filter(|healthy| *healthy).count();
        (healthy, http.peers.len())
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport(…)")
    }
}

/// One HTTP client per thread. A connection is driven by the worker that opened it: shared, one blocked worker would stall the
/// calls of all the others.
fn client() -> reqwest::Client {
    thread_local!(static CLIENT: OnceCell<reqwest::Client> = const { OnceCell::new() });
    let build = || {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(1))
            .pool_max_idle_per_host(128)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        client.unwrap_or_else(|e| panic!("these settings always make a client: {e}"))
    };
    CLIENT.with(|cell| cell.get_or_init(build).clone())
}

impl Http {
    async fn send(&self, op: &'static Op, cx: &Ctx, call: Outgoing) -> Result<Reply, Fault> {
        self.retries.deposit();
        let repeatable = repeatable(op, cx);
        let mut waits = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_millis(200))
            .with_max_times(2)
            .with_jitter()
            .build();
        loop {
            let outcome = self.attempt(op, cx, &call).await;
            let (reply, may_repeat) = match outcome {
                Ok(reply) => {
                    let passing = matches!(&reply, Reply::Failed(p) if is_passing(Code::of_status(p.status)));
                    (Ok(reply), passing && repeatable)
                }
                Err(lost) => (Err(lost.fault), repeatable || lost.not_sent),
            };
            let may_repeat = may_repeat && !matches!(&reply, Err(f) if f.code() == Code::DeadlineExceeded);
            match may_repeat.then(|| waits.next()).flatten() {
                Some(wait) if cx.time_left()? > wait && self.retries.withdraw() => tokio::time::sleep(wait).await,
                _ => return reply,
            }
        }
    }

    async fn attempt(&self, op: &'static Op, cx: &Ctx, call: &Outgoing) -> Result<Reply, Lost> {
        let not_sent = |fault| Lost { fault, not_sent: true };
        let left = cx.time_left().map_err(not_sent)?;
        // a little before the interceptor drops this call: the breaker must hear of peers that do not answer
        let patience = left.saturating_sub(Duration::from_millis(10)).max(left / 2);
        let peer = self.pick().ok_or_else(|| {
            not_sent(Fault::unavailable(unavailable(op), "no peer is reachable: all circuit breakers are open"))
        })?;
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        let url = format!("{}{}{query}", peer.base, call.path);
        let mut request = client()
            .request(reqwest_method(op), url)
            .timeout(patience)
            .bearer_auth(self.key.sign(cx, op).map_err(not_sent)?)
            .header(header::DEADLINE, left.as_millis() as u64)
            .header(header::TRACEPARENT, cx.trace().to_string());
        if let Some(key) = cx.idempotency_key() {
            request = request.header(header::IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json").body(body.clone());
        }
        let received = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            let replayed = response.headers().contains_key(header::IDEMPOTENT_REPLAYED);
            Ok((status, replayed, response.bytes().await?))
        };
        match received.await {
            Ok((status, replayed, body)) => {
                peer.breaker.on_success();
                if replayed {
                    cx.mark_replayed();
                }
                Ok(Reply::received(op, status, body.into()))
            }
            Err(e) => Err(lost(op, peer, &e)),
        }
    }

    /// Round robin over the peers whose breaker lets a call through.
    fn pick(&self) -> Option<&Peer> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let peers = (0..self.peers.len()).map(|i| &self.peers[(start + i) % self.peers.len()]);
        peers.into_iter().find(|peer| peer.breaker.is_call_permitted())
    }
}

/// A call without an answer.
struct Lost {
    fault: Fault,
    /// It did not reach the peer, so that it can be repeated whatever it is.
    not_sent: bool,
}

fn lost(op: &Op, peer: &Peer, e: &reqwest::Error) -> Lost {
    // A deadline says as much about the caller's patience as about the peer; but a peer that never answers must be left alone.
    peer.breaker.on_error();
    let fault = if e.is_timeout() && !e.is_connect() {
        Fault::new(Code::DeadlineExceeded, "Service timeout")
    } else {
        let why = format!("{}: {e}: {}", peer.base, std::error::Error::source(e).map(ToString::to_string).unwrap_or_default());
        Fault::unavailable(unavailable(op), why)
    };
    Lost { fault, not_sent: e.is_connect() }
}

fn reqwest_method(op: &Op) -> reqwest::Method {
    match op.method {
        crate::Method::Get => reqwest::Method::GET,
        crate::Method::Post => reqwest::Method::POST,
        crate::Method::Put => reqwest::Method::PUT,
        crate::Method::Delete => reqwest::Method::DELETE,
    }
}

fn repeatable(op: &Op, cx: &Ctx) -> bool {
    match op.retry {
        Retry::Safe => true,
        Retry::Key => cx.idempotency_key().is_some(),
        Retry::Never => false,
    }
}

fn is_passing(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::TooManyRequests)
}

async fn loopback(module: &Arc<dyn Dispatch>, op: &'static Op, cx: &Ctx, call: &Outgoing) -> Result<Reply, Fault> {
    let index = module.ops().iter().position(|o| o == op);
    let index = index.ok_or_else(|| Fault::internal(format_args!("{} is not an operation of the module", op.id)))?;
    let send = async || {
        let params = call.params.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        let incoming = crate::Incoming { params, query: call.query.clone(), body: call.body.clone() };
        match module.clone().dispatch(index, cx.clone(), incoming).await {
            Reply::Failed(problem) => {
                let json = serde_json::to_vec(&problem).map_err(Fault::internal)?;
                Ok::<_, Fault>(Reply::received(op, problem.status, json))
            }
            done => Ok(done),
        }
    };
    let first = send().await?;
    if repeatable(op, cx) {
        // The first answer is returned: the caller asks about one call. The second may be another ("not found" after a DELETE),
        // but a keyed POST must answer the same twice: that is what the key is for.
        let second = send().await?;
        if let (Retry::Key, Reply::Done { body, .. }) = (op.retry, &first) {
            let same = matches!(&second, Reply::Done { body: again, .. } if again == body);
            assert!(same, "{} answered {second:?} when repeated with the same key, and before {first:?}", op.id);
        }
    }
    Ok(first)
}
