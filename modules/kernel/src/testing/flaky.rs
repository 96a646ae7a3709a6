//! A module that can be made to fail, for the tests of the modules that call it.

use crate::{
    BoxFuture, Code, Ctx, Dispatch, Fault, Incoming, Op, Reply, Transport,
    module::{Client, Contract},
};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// A module as seen by its callers in a test: it answers as usual, until a test makes it fail.
///
/// ```ignore
/// let catalogue = Flaky::new(ProductClient::local(products));
/// let carts = start::<Carts>(&config, Peers { product: catalogue.client_of("cart") }).await.service;
/// catalogue.fail(Code::Unavailable);
/// ```
pub struct Flaky<C> {
    module: Arc<C>,
    state: Mutex<State>,
    calls: AtomicUsize,
}

#[derive(Default)]
struct State {
    fails: Option<Code>,
    meanwhile: Option<BoxFuture<()>>,
}

impl<C: Contract> Flaky<C> {
    /// A module that does not fail yet.
    pub fn new(module: C) -> Arc<Self> {
        Arc::new(Self { module: Arc::new(module), state: Mutex::default(), calls: AtomicUsize::new(0) })
    }

    /// A client of it for `module`; its calls go through the codec.
    pub fn client_of(self: &Arc<Self>, module: &'static str) -> C {
        <C as Client>::remote(Transport::loopback(self.clone())).called_by(module)
    }

    /// The module itself, which never fails.
    pub fn module(&self) -> &C {
        &self.module
    }

    /// Answers every call with this code from now on.
    pub fn fail(&self, code: Code) {
        self.state().fails = Some(code);
    }

    /// Answers calls again.
    pub fn recover(&self) {
        self.state().fails = None;
    }

    /// Runs `work` inside the next call, before it is answered.
    pub fn during_next_call(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.state().meanwhile = Some(Box::pin(work));
    }

    /// How many calls it got; failed ones and repetitions count.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Contract> Dispatch for Flaky<C> {
    fn ops(&self) -> &'static [Op] {
        self.module.ops()
    }

    fn dispatch(self: Arc<Self>, index: usize, cx: Ctx, incoming: Incoming) -> BoxFuture<Reply> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let (fails, meanwhile) = {
            let mut state = self.state();
            (state.fails, state.meanwhile.take())
        };
        Box::pin(async move {
            if let Some(meanwhile) = meanwhile {
                meanwhile.await;
            }
            match fails {
                Some(code) => Reply::problem(Fault::new(code, "It fails").into(), None),
                None => self.module.clone().dispatch(index, cx, incoming).await,
            }
        })
    }

    fn openapi(&self) -> utoipa::openapi::OpenApi {
        self.module.openapi()
    }
}
