//! Calls to a module that does not run in this process.

mod client;
mod http;
#[cfg(feature = "testing")]
mod loopback;
mod peers;

pub use client::trust_authorities;
pub(crate) use http::begin_counting;
pub use peers::PeerReport;

#[cfg(feature = "testing")]
use crate::Dispatch;
use crate::{Ctx, Fault, InternalKey, Op, Outgoing, Reply};
use http::Http;
use std::{fmt, sync::Arc};

/// Makes calls to a remote module. Cheap to clone.
#[derive(Clone)]
pub struct Transport(Arc<Kind>);

enum Kind {
    Http(Http),
    #[cfg(feature = "testing")]
    Loopback(Arc<dyn Dispatch>),
}

impl Transport {
    /// Over HTTP to any of `peers`: addresses such as `http://10.0.0.7:5001` or `https://product.example`, without a path.
    pub fn http(peers: Vec<String>, key: InternalKey) -> Self {
        Self(Arc::new(Kind::Http(Http::new(peers, key))))
    }

    /// Through the codec but not over the network, with every repeatable call made twice. For tests: a module that works
    /// through it does not depend on shared memory and survives the retries of [`Transport::http`].
    #[cfg(feature = "testing")]
    pub fn loopback(module: Arc<dyn Dispatch>) -> Self {
        Self(Arc::new(Kind::Loopback(module)))
    }

    /// Makes a call, and returns the answer of the operation.
    ///
    /// # Errors
    /// `unavailable` when no peer can be reached or none takes our calls, `deadline_exceeded` when none answers in time.
    pub async fn call(&self, op: &'static Op, cx: &Ctx, mut call: Outgoing) -> Result<Reply, Fault> {
        if let Some(fault) = call.fault.take() {
            return Err(fault);
        }
        match &*self.0 {
            Kind::Http(http) => http.send(op, cx, call).await,
            #[cfg(feature = "testing")]
            Kind::Loopback(module) => loopback::call(module, op, cx, call).await,
        }
    }

    /// How each of the peers is treated now.
    pub fn peers(&self) -> Vec<PeerReport> {
        match &*self.0 {
            Kind::Http(http) => http.report(),
            #[cfg(feature = "testing")]
            Kind::Loopback(_) => Vec::new(),
        }
    }

    /// How many of the peers answer `GET /health` with 200, and how many there are.
    pub async fn health(&self) -> (usize, usize) {
        match &*self.0 {
            Kind::Http(http) => http.health().await,
            #[cfg(feature = "testing")]
            Kind::Loopback(_) => (1, 1),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport(…)")
    }
}
