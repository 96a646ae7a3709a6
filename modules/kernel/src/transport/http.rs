//! Calls over HTTP: deadline, tokens, retries and streams. Which peer takes an attempt is up to `peers`.

use super::{
    client::client,
    peers::{Peer, PeerReport, Peers},
};
use crate::{
    Access, Code, Ctx, Download, Fault, InternalKey, Op, Outgoing, Problem, Reply, Retry, header,
    log::log_seldom,
    token,
    trace::{self, Kind},
    upload::Sending,
    wire::{NO_ENDPOINT, unavailable},
};
use backon::BackoffBuilder;
use futures_util::stream;
use std::time::Duration;
use tower::retry::budget::{Budget, TpsBudget};
use tracing::Instrument;
use url::Position;

/// The peers of a module, and how they are called.
pub(super) struct Http {
    peers: Peers,
    key: InternalKey,
    retries: TpsBudget,
}

/// How one attempt ended.
enum Outcome {
    /// The operation answered.
    Answered(Reply),
    /// It did not run: it can be tried at another peer, whatever the operation.
    NotRun(Fault),
    /// It may have run.
    Unknown(Fault),
}

impl Http {
    pub(super) fn new(peers: Vec<String>, key: InternalKey) -> Self {
        // Retries may add a tenth to the calls, and 10 a second whatever the calls.
        let retries = TpsBudget::new(Duration::from_secs(10), 10, 0.1);
        Self { peers: Peers::new(peers), key, retries }
    }

    pub(super) fn report(&self) -> Vec<PeerReport> {
        self.peers.report()
    }

    pub(super) async fn health(&self) -> (usize, usize) {
        self.peers.health().await
    }

    pub(super) async fn send(&self, op: &'static Op, cx: &Ctx, mut call: Outgoing) -> Result<Reply, Fault> {
        self.retries.deposit();
        let upload = call.upload.take().map(Sending::new);
        // a repeated call could not tell the change that it has made itself from that of another
        let is_repeatable = op.is_repeatable(cx) && (call.if_match.is_none() || op.retry == Retry::Key);
        let mut waits = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_millis(200))
            .with_max_times(2)
            .with_jitter()
            .build();
        let mut waits_for_the_first = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .without_max_times()
            .build();
        let (mut last, mut may_run) = (None, false);
        loop {
            let left = cx.time_left()?;
            let peer = self.peers.pick(last);
            let outcome = match peer {
                Some(peer) => self.attempt(peer, op, cx, left, &call, upload.as_ref()).await,
                None => {
                    let why = "no peer is reachable: all circuit breakers are open";
                    Outcome::NotRun(Fault::unavailable(unavailable(op), why))
                }
            };
            last = peer;
            let (result, may_repeat) = match outcome {
                // It is our own first attempt that is still running: its answer is the one that is wanted.
                Outcome::Answered(reply) if may_run && is_still_running(&reply) => {
                    let wait = waits_for_the_first.next().unwrap_or(Duration::from_secs(1));
                    if cx.time_left()? <= wait {
                        return Err(late());
                    }
                    tokio::time::sleep(wait).await;
                    continue;
                }
                Outcome::Answered(reply) => {
                    let is_transient = is_transient(&reply);
                    (Ok(reply), is_transient && is_repeatable)
                }
                Outcome::NotRun(fault) => (Err(fault), true),
                Outcome::Unknown(fault) => {
                    may_run = true;
                    let is_late = fault.code() == Code::DeadlineExceeded;
                    (Err(fault), is_repeatable && !is_late)
                }
            };
            // a stream is sent once
            let may_repeat = may_repeat && !upload.as_ref().is_some_and(Sending::has_begun);
            match may_repeat.then(|| waits.next()).flatten() {
                Some(wait) if cx.time_left()? > wait && self.retries.withdraw() => {
                    retries(op).increment(1);
                    tokio::time::sleep(wait).await;
                }
                _ => return result,
            }
        }
    }

    async fn attempt(
        &self,
        peer: &Peer,
        op: &'static Op,
        cx: &Ctx,
        left: Duration,
        call: &Outgoing,
        upload: Option<&Sending>,
    ) -> Outcome {
        let span = trace::span(Kind::Client, format_args!("{} {}", op.method.as_str(), op.path));
        trace::set(&span, "http.request.method", op.method.as_str());
        trace::set(&span, "url.template", op.path);
        if !span.is_none() {
            trace::set(&span, "server.address", peer.base().to_owned());
        }
        let outcome = self.exchange(peer, op, cx, left, call, upload).instrument(span.clone()).await;
        match &outcome {
            Outcome::Answered(Reply::Done { status, .. }) => trace::set(&span, "http.response.status_code", i64::from(*status)),
            Outcome::Answered(Reply::Streamed(_)) => trace::set(&span, "http.response.status_code", 200_i64),
            Outcome::Answered(Reply::Failed(problem)) => {
                trace::set(&span, "http.response.status_code", i64::from(problem.status))
            }
            Outcome::NotRun(fault) | Outcome::Unknown(fault) => trace::outcome(&span, fault.code()),
        }
        outcome
    }

    async fn exchange(
        &self,
        peer: &Peer,
        op: &'static Op,
        cx: &Ctx,
        left: Duration,
        call: &Outgoing,
        upload: Option<&Sending>,
    ) -> Outcome {
        let request = match self.request(peer, op, cx, left, call, upload) {
            Ok(request) => request,
            Err(fault) => return Outcome::NotRun(fault),
        };
        let received = async {
            let response = request.send().await?;
            let status = response.status();
            let replayed = response.headers().contains_key(header::IDEMPOTENT_REPLAYED);
            let reply = if status.is_success() && !op.download.is_empty() {
                Reply::Streamed(download(op, response))
            } else {
                Reply::received(op, status.as_u16(), response.bytes().await?.into())
            };
            Ok((replayed, reply))
        };
        // a stream that is answered may take longer: its time is measured here, until it begins
        let limit = if op.download.is_empty() { left } else { patience(left) };
        let (replayed, reply) = match tokio::time::timeout(limit, received).await {
            Ok(Ok(received)) => received,
            // the stream of our own caller broke: that says nothing about the peer
            Ok(Err(e)) => match upload.and_then(Sending::fault) {
                Some(fault) => return Outcome::Unknown(fault),
                None => return lost(op, peer, &e),
            },
            Err(_) => {
                peer.failed();
                return Outcome::Unknown(late());
            }
        };
        match &reply {
            Reply::Failed(problem) if is_refusal(op, cx, problem) => {
                // it will refuse the next ones, too: others may not
                peer.failed();
                return refused(op, peer, &problem.detail);
            }
            Reply::Failed(problem) if is_unknown(problem) => {
                peer.answered();
                return unknown(op, peer);
            }
            _ => peer.answered(),
        }
        if replayed {
            cx.mark_replayed();
        }
        Outcome::Answered(reply)
    }

    fn request(
        &self,
        peer: &Peer,
        op: &'static Op,
        cx: &Ctx,
        left: Duration,
        call: &Outgoing,
        upload: Option<&Sending>,
    ) -> Result<reqwest::RequestBuilder, Fault> {
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        let url = peer.url(&format!("{}{query}", call.path)).map_err(Fault::internal)?;
        let body = call.body.as_deref().unwrap_or_default();
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let token = self.key.sign(cx, op, target, call.if_match.as_deref(), body)?;
        let client = client(peer.base()).map_err(|e| Fault::unavailable(unavailable(op), e))?;
        let mut request = client
            .request(reqwest_method(op), url)
            .bearer_auth(token)
            .header(header::DEADLINE, left.as_millis() as u64)
            .header(header::TRACEPARENT, cx.here().to_string());
        if let Some(key) = cx.idempotency_key() {
            request = request.header(header::IDEMPOTENCY_KEY, key);
        }
        if op.localized && !cx.languages().is_empty() {
            request = request.header(header::ACCEPT_LANGUAGE, cx.languages().to_string());
        }
        if let Some(condition) = &call.if_match {
            request = request.header(header::IF_MATCH, condition);
        }
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json").body(body.clone());
        }
        if let Some(upload) = upload {
            let (media_type, length) = upload.head();
            request = request.header("content-type", media_type).body(reqwest::Body::wrap_stream(upload.clone()));
            if let Some(length) = length {
                request = request.header("content-length", length);
            }
        }
        // those of a stream that is answered may come for longer
        if op.download.is_empty() {
            request = request.timeout(patience(left));
        }
        Ok(request)
    }
}

/// A little before the interceptor drops this call: the breaker must count peers that do not answer.
fn patience(left: Duration) -> Duration {
    left.saturating_sub(Duration::from_millis(10)).max(left / 2)
}

/// The longest pause between two pieces of a stream from a peer.
const PAUSE: Duration = Duration::from_secs(30);

/// The answer of a peer that is a stream, with what its headers say about it.
fn download(op: &'static Op, response: reqwest::Response) -> Download {
    let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (media_type, etag) = (text("content-type").unwrap_or_default(), text("etag"));
    let is_immutable = text("cache-control").is_some_and(|policy| policy.contains("immutable"));
    let file_name = text("content-disposition").and_then(|value| Some(value.split('"').nth(1)?.to_owned()));
    let length = response.content_length();
    let lost = move |why: String| Fault::unavailable(unavailable(op), why);
    let chunks = stream::try_unfold(response, move |mut response| async move {
        match tokio::time::timeout(PAUSE, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk.map(|chunk| (chunk, response))),
            Ok(Err(e)) => Err(lost(format!("{} broke off: {e}", op.id))),
            Err(_) => Err(lost(format!("{} paused for too long", op.id))),
        }
    });
    let mut download = Download::new(media_type, length, chunks);
    download.etag = etag.map(|tag| crate::ETag::strong(tag.trim_matches('"')));
    download.is_immutable = is_immutable;
    download.file_name = file_name;
    download
}

/// Begins the counters of calls to these operations at zero: an increase from nothing is none to Prometheus.
pub(crate) fn begin_counting(ops: &[Op]) {
    for op in ops {
        retries(op).increment(0);
        refusals(op).increment(0);
    }
}

fn retries(op: &Op) -> metrics::Counter {
    metrics::counter!("souk_call_retries_total", "op" => op.id)
}

fn refusals(op: &Op) -> metrics::Counter {
    metrics::counter!("souk_internal_tokens_refused_total", "module" => op.module)
}

fn lost(op: &Op, peer: &Peer, e: &reqwest::Error) -> Outcome {
    // A deadline says as much about the caller's patience as about the peer; but a peer that never answers must be left alone.
    if e.is_connect() && !e.is_timeout() {
        peer.refused()
    } else {
        peer.failed()
    }
    if e.is_timeout() && !e.is_connect() {
        return Outcome::Unknown(late());
    }
    let why = format!("{}: {e}: {}", peer.base(), std::error::Error::source(e).map(ToString::to_string).unwrap_or_default());
    let fault = Fault::unavailable(unavailable(op), why);
    if e.is_connect() { Outcome::NotRun(fault) } else { Outcome::Unknown(fault) }
}

fn late() -> Fault {
    Fault::new(Code::DeadlineExceeded, "Service timeout")
}

/// Whether a peer refuses the token of the call, which has nothing to do with the user.
fn is_refusal(op: &Op, cx: &Ctx, problem: &Problem) -> bool {
    // Peers of the release before answer a plain "unauthenticated". So does an operation for anyone that needs a user after all;
    // all others are called on behalf of a user, or need none.
    let may_want_a_user = op.access == Access::Anyone && cx.user().is_err();
    problem.code == token::REFUSED || (problem.code == Code::Unauthenticated.name() && !may_want_a_user)
}

fn refused(op: &Op, peer: &Peer, why: &str) -> Outcome {
    refusals(op).increment(1);
    log_seldom(&format!("{} refuses tokens", peer.base()), |again| {
        tracing::error!(
            peer = peer.base(),
            op = op.id,
            why,
            again,
            "a peer refuses our calls: compare internal_key and the clocks"
        );
    });
    Outcome::NotRun(Fault::away(unavailable(op)))
}

/// Whether a peer lacks the operation. The answers of operations have names of their own, or other texts.
fn is_unknown(problem: &Problem) -> bool {
    problem.code == Code::MethodNotAllowed.name() || (problem.code == Code::NotFound.name() && problem.detail == NO_ENDPOINT)
}

fn unknown(op: &Op, peer: &Peer) -> Outcome {
    log_seldom(&format!("{} does not know {}", peer.base(), op.id), |again| {
        tracing::error!(peer = peer.base(), op = op.id, again, "a peer does not know an operation: it runs another version");
    });
    Outcome::NotRun(Fault::away(unavailable(op)))
}

fn reqwest_method(op: &Op) -> reqwest::Method {
    match op.method {
        crate::Method::Get => reqwest::Method::GET,
        crate::Method::Post => reqwest::Method::POST,
        crate::Method::Put => reqwest::Method::PUT,
        crate::Method::Patch => reqwest::Method::PATCH,
        crate::Method::Delete => reqwest::Method::DELETE,
    }
}

/// Whether trying again within the second may help. A problem of the domain is an answer, whatever its status.
fn is_transient(reply: &Reply) -> bool {
    let transient = [Code::Unavailable.name(), Code::TooManyRequests.name()];
    let is_soon = |problem: &Problem| problem.retry_after.is_none_or(|seconds| seconds <= 1);
    matches!(reply, Reply::Failed(problem) if transient.contains(&problem.code.as_str()) && is_soon(problem))
}

/// Whether the first request with an idempotency key has not ended yet (`kernel::idempotency`).
fn is_still_running(reply: &Reply) -> bool {
    matches!(reply, Reply::Failed(problem) if problem.code == Code::Conflict.name() && problem.retry_after.is_some())
}
