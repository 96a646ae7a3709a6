//! A module as seen by the launcher: its [`Contract`], wherever it runs, and its [`Module`], where it is compiled in.
//!
//! The launcher does the work that is the same for all modules: it opens stores, migrates them, looks after them, connects
//! outboxes and listeners with the bus, and gives each module the clients of the modules that it calls.

use crate::{Dispatch, EventType, Listener, Transport};
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use std::{
    any::{Any, TypeId, type_name},
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

/// A client of a module, as [`macro@crate::api`] makes it.
pub trait Client: Dispatch + Clone + Sized {
    /// A client of a module behind `transport`.
    fn remote(transport: Transport) -> Self;

    /// This client for `module`: its calls are made in that name.
    fn called_by(&self, module: &'static str) -> Self;
}

/// The facts about a module that do not depend on where it runs. Written beside its trait, in `api.rs`.
pub trait Contract: Client {
    /// Its name, which is also the name of its folder, crate, settings and feature.
    const NAME: &'static str;

    /// The port of its service, when it is served alone and the settings name no other. Each module has its own.
    const PORT: u16;

    /// Whether a process that serves the whole shop is unready while this module's store is away. A module that the shop can sell
    /// without says `false`.
    const IS_ESSENTIAL: bool = true;

    /// The events that it publishes.
    fn events() -> Vec<EventType> {
        Vec::new()
    }

    /// This module as a consumer of events, if it is one.
    fn listener(&self) -> Option<Listener> {
        None
    }
}

/// The clients of a shop, by their type.
#[derive(Default)]
pub struct Clients {
    by_type: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    calls: Mutex<BTreeSet<(&'static str, &'static str)>>,
}

impl Clients {
    /// Adds a client.
    pub fn add<C: Client>(&mut self, client: C) {
        self.by_type.insert(TypeId::of::<C>(), Box::new(client));
    }

    /// The client of this type, for `module`.
    ///
    /// # Panics
    /// When there is none: a module starts after the ones that its Cargo.toml depends on, so that only the client of another
    /// crate can be missing.
    pub fn get<C: Contract>(&self, module: &'static str) -> C {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert((module, C::NAME));
        let client = self.by_type.get(&TypeId::of::<C>()).and_then(|client| client.downcast_ref::<C>());
        client.unwrap_or_else(|| panic!("{module} wants a {}, which the shop does not have", type_name::<C>())).called_by(module)
    }

    /// Who has taken whose client: the calls that can be made, as caller and callee.
    pub fn calls(&self) -> BTreeSet<(&'static str, &'static str)> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Settings of a module that is not compiled in: accepted and ignored, so that one file is good for every process of a shop.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NotCompiledIn {}

impl<'de> Deserialize<'de> for NotCompiledIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self {})
    }
}

#[cfg(feature = "store")]
pub use implementation::{Module, Peers, Start, Started, Store, Verified, migrate, start, verify};

#[cfg(feature = "store")]
mod implementation {
    use super::{Clients, Contract};
    use crate::{
        BoxError, Health,
        db::Db,
        jobs::Jobs,
        outbox,
        verify::{Book, Finding},
    };

    /// The implementation of a module, as the launcher starts it.
    pub trait Module: Sized + Send + Sync + 'static {
        /// Its client, for the modules that call it.
        type Client: Contract;
        /// Its settings.
        type Config: Send + Sync;
        /// Its store.
        type Store: Store;
        /// The modules that it calls; `()` when it calls none.
        type Peers: Peers;

        /// Opens its store, without a connection yet.
        ///
        /// # Errors
        /// When a setting cannot be used.
        fn open(config: &Self::Config) -> impl Future<Output = Result<Self::Store, BoxError>> + Send;

        /// Makes the service, and registers its background jobs.
        ///
        /// # Errors
        /// When a setting cannot be used.
        fn start(start: Start<'_, Self>) -> impl Future<Output = Result<Self, BoxError>> + Send;

        /// Looks for what its store must not hold, while the shop may be running. By default there is nothing to look for.
        ///
        /// # Errors
        /// When the store cannot be reached, or its tables are not those of this program.
        fn verify(_: &Self::Store) -> impl Future<Output = Result<Vec<Finding>, BoxError>> + Send {
            std::future::ready(Ok(Vec::new()))
        }

        /// What it knows of orders that another module must know, too.
        fn books(_: &Self::Store) -> Vec<Book> {
            Vec::new()
        }
    }

    /// The arguments of [`Module::start`].
    pub struct Start<'a, M: Module> {
        /// Its settings.
        pub config: &'a M::Config,
        /// Its store, which comes up in the background.
        pub store: M::Store,
        /// The modules that it calls.
        pub peers: M::Peers,
        /// The background jobs of the process.
        pub jobs: &'a Jobs,
        /// Whether an empty store is to be filled with the demo shop.
        pub demo: bool,
    }

    /// The clients that a module needs.
    pub trait Peers: Send {
        /// Takes them from `clients`, for `module`.
        fn of(clients: &Clients, module: &'static str) -> Self;
    }

    impl Peers for () {
        fn of(_: &Clients, _: &'static str) {}
    }

    /// The store of a module. Cheap to clone.
    pub trait Store: Health + Clone {
        /// Brings it up in the background, as soon as it can be reached, and looks after it from then on.
        fn keep_up(&self, jobs: &Jobs);

        /// Brings its tables up to date before it returns.
        ///
        /// # Errors
        /// When it cannot be reached, or a step fails.
        fn migrate(&self) -> impl Future<Output = Result<(), BoxError>> + Send;

        /// The same store for work that no request waits for.
        fn in_background(&self) -> Self;

        /// The database with the outbox, for a module that publishes events.
        fn outbox(&self) -> Option<&Db> {
            None
        }
    }

    impl Store for Db {
        fn keep_up(&self, jobs: &Jobs) {
            Db::keep_up(self, jobs);
        }

        async fn migrate(&self) -> Result<(), BoxError> {
            Ok(Db::migrate(self).await?)
        }

        fn in_background(&self) -> Self {
            Db::in_background(self)
        }

        fn outbox(&self) -> Option<&Db> {
            Some(self)
        }
    }

    /// A module that has been started.
    pub struct Started<M: Module> {
        /// The implementation of its operations.
        pub service: M,
        /// Its store.
        pub store: M::Store,
    }

    /// Starts a module and its `jobs`, which bring its store up.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub async fn start<M: Module>(config: &M::Config, peers: M::Peers, demo: bool, jobs: &Jobs) -> Result<Started<M>, BoxError> {
        let store = M::open(config).await?;
        store.keep_up(jobs);
        let service = M::start(Start { config, store: store.clone(), peers, jobs, demo }).await?;
        Ok(Started { service, store })
    }

    /// Brings a module's store up to date.
    ///
    /// # Errors
    /// When a setting cannot be used, the store cannot be reached, or a step fails.
    pub async fn migrate<M: Module>(config: &M::Config) -> Result<(), BoxError> {
        M::open(config).await?.migrate().await
    }

    /// What was found out about a module's store.
    pub struct Verified {
        /// What contradicts its rules.
        pub findings: Vec<Finding>,
        /// How full its outbox is, if it publishes events.
        pub outbox: Option<outbox::State>,
        /// For comparisons with other modules.
        pub books: Vec<Book>,
    }

    /// Looks for what a module's store must not hold. `listeners` are the names of all that the shop has.
    ///
    /// # Errors
    /// When a setting cannot be used, the store cannot be reached, or its tables are not those of this program.
    pub async fn verify<M: Module>(config: &M::Config, listeners: &[&str]) -> Result<Verified, BoxError> {
        let store = M::open(config).await?;
        let mut findings = M::verify(&store).await?;
        let mut outbox = None;
        if let Some(db) = store.outbox().filter(|_| !M::Client::events().is_empty()) {
            findings.extend(outbox::verify(db, listeners).await?);
            outbox = Some(outbox::state(db.read()).await?);
        }
        Ok(Verified { findings, outbox, books: M::books(&store) })
    }
}
