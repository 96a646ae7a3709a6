//! The peers of a module that runs elsewhere: which of them takes the next attempt, and which are left alone for a while.
//!
//! This file knows no operations. Choosing in another way (by load, from DNS) means replacing it.

use super::client::client;
use failsafe::{Instrument, StateMachine, backoff, failure_policy};
use reqwest::Url;
use serde::Serialize;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// The instances of one module.
pub(crate) struct Peers {
    all: Vec<Peer>,
    next: AtomicUsize,
}

type Breaker<Pauses> = StateMachine<failure_policy::ConsecutiveFailures<Pauses>, Meter>;

/// Shows the state of a breaker: open from the moment in which its instance is left alone until a call is answered again.
struct Meter(metrics::Gauge);

impl Meter {
    fn of(peer: &str, cause: &'static str) -> Self {
        Self(metrics::gauge!("souk_peer_breaker_open", "peer" => peer.to_owned(), "cause" => cause))
    }
}

impl Instrument for Meter {
    fn on_call_rejected(&self) {}

    fn on_open(&self) {
        self.0.set(1.0);
    }

    // a call is let through, and not answered yet
    fn on_half_open(&self) {}

    fn on_closed(&self) {
        self.0.set(0.0);
    }
}

/// Failures in a row after which an instance is left alone.
const FAILURES: u32 = 5;

/// How an instance is treated, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerReport {
    /// Its address.
    pub address: String,
    /// Whether it is left alone for a while, because it did not answer.
    pub is_left_alone: bool,
}

/// One instance.
pub(crate) struct Peer {
    base: String,
    /// Counts refused connections. They cost nothing, and an instance that restarts is to be used again before the next one
    /// restarts: it is left alone for half a second at a time.
    refusals: Breaker<backoff::Constant>,
    /// Counts calls without an answer, each of which costs time.
    silence: Breaker<backoff::Exponential>,
}

impl Peers {
    /// At these addresses, e.g. `https://10.0.0.7:5001`, without a path.
    pub(crate) fn new(addresses: Vec<String>) -> Self {
        let peer = |base: String| {
            let refusals = failure_policy::consecutive_failures(FAILURES, backoff::constant(Duration::from_millis(500)));
            // for longer each time that a call tries it again, up to 10 s
            let longer = backoff::exponential(Duration::from_secs(1), Duration::from_secs(10));
            let silence = failure_policy::consecutive_failures(FAILURES, longer);
            let base = base.trim_end_matches('/').to_owned();
            let (refused, silent) = (Meter::of(&base, "refused"), Meter::of(&base, "silent"));
            Peer { base, refusals: StateMachine::new(refusals, refused), silence: StateMachine::new(silence, silent) }
        };
        Self { all: addresses.into_iter().map(peer).collect(), next: AtomicUsize::new(0) }
    }

    /// Round robin over the peers that are not left alone; `last`, which has just failed, only when there is no other.
    pub(crate) fn pick(&self, last: Option<&Peer>) -> Option<&Peer> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..self.all.len()).map(|i| &self.all[(start + i) % self.all.len()]);
        let is_last = |peer: &Peer| last.is_some_and(|last| std::ptr::eq(last, peer));
        let other = in_turn.into_iter().find(|peer| !is_last(peer) && peer.may_be_called());
        other.or_else(|| self.all.iter().find(|peer| is_last(peer) && peer.may_be_called()))
    }

    /// Each with its address and whether calls are let through to it now.
    pub(crate) fn report(&self) -> Vec<PeerReport> {
        let report = |peer: &Peer| PeerReport { address: peer.base.clone(), is_left_alone: !peer.may_be_called() };
        self.all.iter().map(report).collect()
    }

    /// How many answer `GET /health` with 200, and how many there are.
    pub(crate) async fn health(&self) -> (usize, usize) {
        let probes = self.all.iter().map(|peer| async move {
            let Ok(client) = client(&peer.base) else { return false };
            let request = client.get(format!("{}/health", peer.base)).timeout(Duration::from_secs(2));
            matches!(request.send().await, Ok(reply) if reply.status() == 200)
        });
        let healthy = futures_util::future::join_all(probes).await.into_iter().filter(|healthy| *healthy).count();
        (healthy, self.all.len())
    }
}

impl Peer {
    /// Its address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The address of `path_and_query` at it.
    pub(crate) fn url(&self, path_and_query: &str) -> Result<Url, url::ParseError> {
        Url::parse(&format!("{}{path_and_query}", self.base))
    }

    /// It answered, with whatever outcome.
    pub(crate) fn answered(&self) {
        self.refusals.on_success();
        self.silence.on_success();
    }

    /// It did not answer, or refuses our calls.
    pub(crate) fn failed(&self) {
        self.silence.on_error();
    }

    /// Nothing listens there.
    pub(crate) fn refused(&self) {
        self.refusals.on_error();
    }

    fn may_be_called(&self) -> bool {
        // both are asked: each has to notice that its time is over
        self.refusals.is_call_permitted() & self.silence.is_call_permitted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn an_instance_that_restarts_is_used_again_within_a_second_however_long_it_was_away() {
        let peers = Peers::new(vec!["http://127.0.0.1:9".into()]);
        let started = Instant::now();
        let (mut last, mut calls) = (started, 0);
        // pauses that grew would be of 2 s and more by now
        while started.elapsed() < Duration::from_secs(4) {
            match peers.pick(None) {
                Some(peer) => {
                    let pause = last.elapsed();
                    assert!(pause < Duration::from_millis(1_500), "it was left alone for {pause:?}");
                    (last, calls) = (Instant::now(), calls + 1);
                    peer.refused();
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        assert!(calls <= 5 + 8, "{calls} calls: it was not left alone");
        assert!(last.elapsed() < Duration::from_millis(1_500), "it is left alone");
    }
}
