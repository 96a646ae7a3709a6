//! Support for the tests of modules: three placements of one suite, throw-away stores of both kinds, callers.

use crate::{
    Contract, Ctx, Dispatch, InternalKey, Principal, Role, Transport, UserId, delivery,
    jobs::Jobs,
    module::{self, Module, Started},
    server::{Entry, InternalEntry, MAX_INTERNAL_BODY, Serving, Timeouts, front, listen, mount, not_found},
};
use actix_web::{App, dev::ServerHandle, middleware::from_fn, web};
use sea_orm::{ConnectionTrait, Database};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tracing_actix_web::TracingLogger;

mod flaky;

pub use flaky::Flaky;

/// A module that is served for a test. Its store comes up by itself; its background jobs go on until the test ends.
///
/// # Panics
/// When it does not start.
pub async fn start<M: Module>(config: &M::Config, peers: M::Peers) -> Started<M> {
    module::start(config, peers, false, &Jobs::default()).await.unwrap_or_else(|e| panic!("{}: {e}", M::Client::NAME))
}

/// Runs each test in three placements: `local`, `loopback` (through the codec, every repeatable call made twice) and `http`; on
/// embedded stores, and on servers when ignored tests are run.
///
/// `start` is an `async fn(Stores) -> (Service, Fixture)`, whose fixture keeps the stores; each test is an
/// `async fn(Client, &Fixture)`. A test runs in each placement with stores of its own.
///
/// ```ignore
/// kernel::placements! { ProductClient, start: [browse, hold_is_all_or_nothing] }
/// ```
///
/// For a service without a store: `start without stores: [..]`.
#[macro_export]
macro_rules! placements {
    ($client:ident, $start:ident without stores : $tests:tt) => {
        $crate::placements! { @in embedded, $client, $start: $tests #[cfg(all())] }
    };
    ($client:ident, $start:ident : $tests:tt) => {
        $crate::placements! { @in embedded, $client, $start: $tests #[cfg(all())] }
        $crate::placements! { @in servers, $client, $start: $tests #[ignore = "needs servers: see docs/testing.md"] }
    };
    (@in $stores:ident, $client:ident, $start:ident : [$($test:ident),* $(,)?] $mark:tt $how:tt) => {
        mod $stores {
            use super::*;
            $crate::placements! { @each $stores, $client, $start: [$($test),*] $mark $how }
        }
    };
    (@each $stores:ident, $client:ident, $start:ident : [$($test:ident),*] $mark:tt $how:tt) => {
        mod local {
            use super::*;
            $($crate::placements! { @test $mark $how $test {
                let (service, fixture) = $start($crate::testing::Stores::$stores()).await;
                super::super::$test($client::local(service), &fixture).await;
            } })*
        }
        mod loopback {
            use super::*;
            $($crate::placements! { @test $mark $how $test {
                let (service, fixture) = $start($crate::testing::Stores::$stores()).await;
                let module = std::sync::Arc::new($client::local(service));
                super::super::$test($client::remote($crate::Transport::loopback(module)), &fixture).await;
            } })*
        }
        mod http {
            use super::*;
            $($crate::placements! { @test $mark $how $test {
                let (service, fixture) = $start($crate::testing::Stores::$stores()).await;
                let server = $crate::testing::Server::start(std::sync::Arc::new($client::local(service)));
                super::super::$test($client::remote(server.transport()), &fixture).await;
            } })*
        }
    };
    (@test $mark:tt $how:tt $test:ident $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $mark $how
        async fn $test() $body
    };
}

/// The stores of one test, its own, and gone with it: of the embedded kind or on servers.
pub struct Stores {
    kind: Kind,
    /// Unlike that of any other test, now or before: for databases, key prefixes and queues.
    name: String,
    folder: TempDir,
    databases: Mutex<Vec<String>>,
    listeners: Mutex<Vec<String>>,
}

/// Which column of the table of stores a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite.
    Embedded,
    /// PostgreSQL, Redis, RabbitMQ, MongoDB.
    Servers,
}

impl Stores {
    /// SQLite files in a folder of the test.
    pub fn embedded() -> Self {
        Self::of(Kind::Embedded)
    }

    /// Databases on servers, whose addresses are in `SOUK_TEST_POSTGRES` and so on, or else the usual ones of this machine.
    pub fn servers() -> Self {
        Self::of(Kind::Servers)
    }

    fn of(kind: Kind) -> Self {
        let name = format!("souk_test_{:016x}", rand::random::<u64>());
        Self { kind, name, folder: folder(), databases: Mutex::default(), listeners: Mutex::default() }
    }

    /// Which kind they are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A name that no other test has.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A folder of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of a new, empty database for a module.
    ///
    /// # Panics
    /// When the server cannot be reached.
    pub async fn database(&self, module: &str) -> String {
        if self.kind == Kind::Embedded {
            return sqlite(self.folder(), module);
        }
        let name = format!("{}_{module}", self.name);
        let server = server("SOUK_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432");
        let admin = Database::connect(format!("{server}/postgres")).await.expect("PostgreSQL, for tests on servers");
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
        admin.close().await.expect("closed");
        self.databases.lock().expect("no panic").push(name.clone());
        format!("{server}/{name}")
    }

    /// Settings of the delivery of events to these listeners: direct on embedded stores, through RabbitMQ on servers. Retries
    /// come fast.
    ///
    /// # Panics
    /// When another use of it has panicked.
    pub fn events(&self, listeners: &[&str]) -> delivery::Config {
        let config = delivery::Config { prefix: self.name.clone(), retry_ms: RETRY_MS.into(), ..Default::default() };
        if self.kind == Kind::Embedded {
            return config;
        }
        self.listeners.lock().expect("no panic").extend(listeners.iter().map(|name| (*name).to_owned()));
        delivery::Config { broker_url: rabbitmq(), ..config }
    }
}

/// Waits between attempts in tests.
const RETRY_MS: [u64; 2] = [50, 200];

/// The address of RabbitMQ for tests.
pub fn rabbitmq() -> String {
    server("SOUK_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672")
}

/// The address of a server for tests: from this variable, or else the usual one.
pub fn server(variable: &str, usual: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| usual.into()).trim_end_matches('/').to_owned()
}

impl Drop for Stores {
    fn drop(&mut self) {
        let databases = std::mem::take(self.databases.get_mut().expect("no panic"));
        let listeners = std::mem::take(self.listeners.get_mut().expect("no panic"));
        let prefix = self.name.clone();
        if databases.is_empty() && listeners.is_empty() {
            return;
        }
        // a test may end inside a runtime, which must not be blocked from within
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                drop_databases(databases).await;
                drop_queues(&prefix, &listeners, &RETRY_MS).await;
            });
        });
        drop(cleaning.join());
    }
}

async fn drop_databases(names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    let server = server("SOUK_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432");
    let Ok(admin) = Database::connect(format!("{server}/postgres")).await else { return };
    for name in names {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        admin.execute_unprepared(&drop).await.expect("the database of the test is removed");
    }
}

/// Removes the queues and the exchange of a test from the broker.
///
/// # Panics
/// When the broker refuses.
pub async fn drop_queues(prefix: &str, listeners: &[String], retry_ms: &[u64]) {
    if listeners.is_empty() {
        return;
    }
    let Ok(connection) = lapin::Connection::connect(&rabbitmq(), Default::default()).await else { return };
    let channel = connection.create_channel().await.expect("a channel");
    for listener in listeners {
        let retries = retry_ms.iter().map(|ms| format!(".retry.{ms}"));
        for suffix in retries.chain(["".to_owned(), ".dead".to_owned()]) {
            let queue = format!("{prefix}.{listener}{suffix}");
            channel.queue_delete(queue.into(), Default::default()).await.expect("the queue of the test is removed");
        }
    }
    channel.exchange_delete(format!("{prefix}.events").into(), Default::default()).await.expect("the exchange is removed");
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
        Self::with_key(module, InternalKey::random())
    }

    /// The same, for callers with this key.
    ///
    /// # Panics
    /// When no port can be bound.
    pub fn with_key(module: Arc<dyn Dispatch>, key: InternalKey) -> Self {
        let entry: Arc<dyn Entry> = Arc::new(InternalEntry::new(key.clone()));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .wrap(from_fn(front))
                        .wrap(TracingLogger::<crate::telemetry::RequestSpan>::new())
                        .configure(|cfg| mount(cfg, std::slice::from_ref(&module), &entry, MAX_INTERNAL_BODY))
                        .default_service(web::to(not_found))
                };
                let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
                let address = format!("http://{}", listener.local_addr().expect("its address"));
                let serving = Serving { workers: Some(2), shutdown_seconds: 1, timeouts: Timeouts::default() };
                let server = listen(app, listener, serving).expect("a listener");
                sender.send((address, server.handle())).expect("the test waits");
                server.await
            })
        });
        let (address, handle) = receiver.recv().expect("the server starts");
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

/// A call without a user.
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
