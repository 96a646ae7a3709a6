//! What tests of modules need: three placements of one suite, throw-away stores, callers.

use crate::{
    Ctx, Dispatch, InternalKey, Principal, Role, Transport, UserId,
    server::{Entry, InternalEntry, Limits, mount, not_found},
};
use actix_web::{App, HttpServer, dev::ServerHandle, web};
use std::{path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tracing_actix_web::TracingLogger;

/// Runs each test in three placements: `local`, `loopback` (through the codec, every repeatable call made twice) and `http`.
///
/// `start` is an `async fn() -> (Service, Fixture)`; each test is an `async fn(Client, &Fixture)`. A test runs in each placement
/// with a store of its own.
///
/// ```ignore
/// kernel::placements! { ProductClient, start: [browse, hold_is_all_or_nothing] }
/// ```
#[macro_export]
macro_rules! placements {
    ($client:ident, $start:ident : [$($test:ident),* $(,)?]) => {
        mod local {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let (service, fixture) = super::$start().await;
                super::$test(super::$client::local(service), &fixture).await;
            })*
        }
        mod loopback {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let (service, fixture) = super::$start().await;
                let module = std::sync::Arc::new(super::$client::local(service));
                super::$test(super::$client::remote($crate::Transport::loopback(module)), &fixture).await;
            })*
        }
        mod http {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let (service, fixture) = super::$start().await;
                let server = $crate::testing::Server::start(std::sync::Arc::new(super::$client::local(service)));
                super::$test(super::$client::remote(server.transport()), &fixture).await;
            })*
        }
    };
}

/// A module behind HTTP on a free port of this machine, until it is dropped.
pub struct Server {
    address: String,
    key: InternalKey,
    handle: ServerHandle,
}

impl Server {
    /// Serves all operations of `module`, as `souk serve --only` does.
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn start(module: Arc<dyn Dispatch>) -> Self {
        let key = InternalKey::random();
        let entry: Arc<dyn Entry> = Arc::new(InternalEntry::new(key.clone()));
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .wrap(TracingLogger::<crate::telemetry::RequestSpan>::new())
                        .configure(|cfg| mount(cfg, std::slice::from_ref(&module), &entry, Limits::default()))
                        .default_service(web::to(not_found))
                };
                let server = HttpServer::new(app).workers(2).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
                let address = format!("http://{}", server.addrs()[0]);
                let server = server.run();
                tell.send((address, server.handle())).expect("the test waits");
                server.await
            })
        });
        let (address, handle) = told.recv().expect("the server starts");
        Self { address, key, handle }
    }

    /// Its address, e.g. `http://127.0.0.1:40123`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The key of its callers.
    pub fn key(&self) -> InternalKey {
        self.key.clone()
    }

    /// The way to it, with its key.
    pub fn transport(&self) -> Transport {
        Transport::http(vec![self.address.clone()], self.key.clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// A folder for the stores of one test; removed when it is dropped.
///
/// # Panics
/// When it cannot be made.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The URL of a database in `folder`.
pub fn sqlite(folder: &Path, name: &str) -> String {
    format!("sqlite://{}/{name}.db", folder.display())
}

const BUDGET: Duration = Duration::from_secs(20);

/// A call on behalf of nobody.
pub fn anonymous() -> Ctx {
    Ctx::anonymous(BUDGET)
}

/// A call on behalf of a customer.
pub fn customer(id: i64) -> Ctx {
    Ctx::new(Principal::User { id: UserId(id), role: Role::Customer }, BUDGET)
}

/// A call on behalf of an admin.
pub fn admin() -> Ctx {
    Ctx::new(Principal::User { id: UserId(1_000_000), role: Role::Admin }, BUDGET)
}
