//! Assembles the shop: starts the local modules, connects the remote ones, and gives each module the clients of the modules that it
//! calls.

#[cfg(feature = "store")]
use crate::modules::Known;
use crate::{
    config::{Environment, Place, Settings},
    modules::{self, Module, for_modules},
};
use anyhow::{Context, anyhow, bail};
#[cfg(feature = "store")]
use kernel::delivery::Bus;
use kernel::{Clients, Contract, Dispatch, Health, Instances, InternalKey, Transport, jobs::Jobs};
use std::{io::Write, path::Path, sync::Arc};

/// What this process serves.
pub(crate) struct Shop {
    pub(crate) endpoint: Endpoint,
    /// The stores of this process, for health checks.
    pub(crate) stores: Vec<Arc<dyn Health>>,
    /// The remote modules, for operators.
    pub(crate) peers: Vec<(&'static str, Transport)>,
}

/// What a process serves at its port: the gateway, or one module's own operations.
pub(crate) enum Endpoint {
    #[cfg(feature = "gateway")]
    Gateway(gateway::Gateway),
    Module {
        module: Arc<dyn Dispatch>,
        key: InternalKey,
    },
}

/// Starts the local modules and connects the remote ones.
pub(crate) async fn assemble(settings: &Settings, only: Option<Module>, jobs: &Jobs) -> anyhow::Result<Shop> {
    if let Some(path) = &settings.peers_ca_file {
        let pem = std::fs::read(path).with_context(|| format!("peers_ca_file: {}", path.display()))?;
        kernel::trust_authorities(&pem).map_err(|e| anyhow!("peers_ca_file: {}: {e}", path.display()))?;
    }
    let clashes = modules::clashes();
    if !clashes.is_empty() {
        bail!("modules conflict:\n  {}", clashes.join("\n  "));
    }
    let mut builder = Builder::new(settings, only, jobs);
    macro_rules! start_modules {
        ($($module:ident $name:tt $Variant:ident $Client:ident $description:literal;)*) => {$(
            let client = match builder.location(Module::$Variant)? {
                Location::Remote(transport) => $module::$Client::remote(transport),
                #[cfg(feature = $name)]
                Location::Local => $module::$Client::local(builder.start::<$module::Service>(Module::$Variant, &settings.$module).await?),
                #[cfg(not(feature = $name))]
                Location::Local => unreachable!("location() has refused it"),
            };
            builder.add(Module::$Variant, client);
        )*};
    }
    for_modules!(start_modules);
    builder.finish()
}

/// The bus for a command, which neither publishes nor consumes.
#[cfg(feature = "store")]
pub(crate) fn bus_of_operator(settings: &Settings) -> anyhow::Result<Bus> {
    let listeners = modules::contracts().into_iter().filter_map(|Known { listener, .. }| listener).collect();
    Bus::new(&settings.events, listeners, key(settings, &Jobs::default())?).map_err(|e| anyhow!("{e}"))
}

struct Builder<'a> {
    settings: &'a Settings,
    only: Option<Module>,
    key: Option<InternalKey>,
    jobs: &'a Jobs,
    clients: Clients,
    modules: Vec<(Module, Arc<dyn Dispatch>)>,
    stores: Vec<Arc<dyn Health>>,
    instances: Vec<(&'static str, Instances)>,
    #[cfg(feature = "store")]
    listeners: Vec<kernel::Listener>,
    /// The stores of the local modules that publish events.
    #[cfg(feature = "store")]
    outboxes: Vec<kernel::db::Db>,
}

/// Where a module runs.
enum Location {
    Local,
    Remote(Transport),
}

impl<'a> Builder<'a> {
    fn new(settings: &'a Settings, only: Option<Module>, jobs: &'a Jobs) -> Self {
        Self {
            settings,
            only,
            key: None,
            jobs,
            clients: Clients::default(),
            modules: Vec::new(),
            stores: Vec::new(),
            instances: Vec::new(),
            #[cfg(feature = "store")]
            listeners: Vec::new(),
            #[cfg(feature = "store")]
            outboxes: Vec::new(),
        }
    }

    fn location(&mut self, module: Module) -> anyhow::Result<Location> {
        match self.settings.place(module, self.only) {
            Place::Local if module.is_compiled_in() => Ok(Location::Local),
            Place::Local => Err(not_compiled_in(module)),
            Place::At(peers) => {
                let transport = Transport::http(peers, self.key()?);
                self.instances.push((module.name(), Instances::At(transport.clone())));
                Ok(Location::Remote(transport))
            }
        }
    }

    /// Starts a module in this process.
    #[cfg(feature = "store")]
    async fn start<M: kernel::module::Module>(&mut self, module: Module, config: &M::Config) -> anyhow::Result<M> {
        use kernel::module::{Peers, Started, Store};
        let peers = M::Peers::of(&self.clients, module.name());
        let started = kernel::module::start::<M>(config, peers, self.settings.demo, self.jobs).await;
        let Started { service, store } = started.map_err(of_module(module.name()))?;
        if !M::Client::events().is_empty() {
            let outbox =
                store.outbox().with_context(|| format!("{} publishes events, and its store has no outbox", module.name()))?;
            self.outboxes.push(outbox.clone());
        }
        let health: Arc<dyn Health> = Arc::new(store.in_background());
        self.instances.push((module.name(), Instances::Local(health.clone())));
        // the store of a module that is not essential is in /health only, not in /readyz
        if M::Client::IS_ESSENTIAL || self.only == Some(module) {
            self.stores.push(health);
        }
        Ok(service)
    }

    fn add<C: Contract>(&mut self, module: Module, client: C) {
        #[cfg(feature = "store")]
        self.listeners.extend(client.listener());
        self.clients.add(client.clone());
        let operations: Arc<dyn Dispatch> = match self.only {
            Some(only) if only == module => Arc::new(client),
            _ => Arc::new(client.called_by(kernel::GATEWAY)),
        };
        self.modules.push((module, operations));
    }

    fn finish(mut self) -> anyhow::Result<Shop> {
        #[cfg(feature = "store")]
        self.connect_events()?;
        match self.only.filter(|only| *only != Module::Gateway) {
            None => self.gateway(),
            Some(only) => {
                let (key, peers) = (self.key()?, self.peers());
                let module = self.modules.into_iter().find(|(module, _)| *module == only);
                let (_, module) = module.context("the module is not in the list")?;
                Ok(Shop { endpoint: Endpoint::Module { module, key }, peers, stores: self.stores })
            }
        }
    }

    /// Connects outboxes and listeners of the local modules to the bus. This comes after all modules are added, so that two
    /// modules can listen to each other.
    #[cfg(feature = "store")]
    fn connect_events(&mut self) -> anyhow::Result<()> {
        let key = self.key()?;
        let local: Vec<&str> = self.listeners.iter().map(kernel::Listener::name).filter(|name| self.is_local(name)).collect();
        let bus = Bus::new(&self.settings.events, self.listeners.clone(), key).map_err(|e| anyhow!("{e}"))?;
        for outbox in &self.outboxes {
            kernel::outbox::relay(outbox, bus.clone(), self.jobs);
        }
        for name in local {
            bus.listen(name, self.jobs);
        }
        Ok(())
    }

    #[cfg(feature = "store")]
    fn is_local(&self, name: &str) -> bool {
        self.instances.iter().any(|(module, instances)| *module == name && matches!(instances, Instances::Local(_)))
    }

    #[cfg(feature = "gateway")]
    fn gateway(self) -> anyhow::Result<Shop> {
        let peers = self.peers();
        let modules = self.modules.into_iter().map(|(_, operations)| operations).collect();
        let users = self.clients.get(kernel::GATEWAY);
        let gateway = gateway::start(&self.settings.gateway, modules, users, self.instances, self.jobs);
        Ok(Shop { endpoint: Endpoint::Gateway(gateway.map_err(of_module("gateway"))?), peers, stores: self.stores })
    }

    #[cfg(not(feature = "gateway"))]
    fn gateway(self) -> anyhow::Result<Shop> {
        Err(not_compiled_in(Module::Gateway))
    }

    fn peers(&self) -> Vec<(&'static str, Transport)> {
        let remote = |(name, instances): &(&'static str, Instances)| match instances {
            Instances::At(transport) => Some((*name, transport.clone())),
            Instances::Local(_) => None,
        };
        self.instances.iter().filter_map(remote).collect()
    }

    /// The key of this process. There is only one, because it remembers the tokens that it has accepted.
    fn key(&mut self) -> anyhow::Result<InternalKey> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = key(self.settings, self.jobs)?;
        self.key = Some(key.clone());
        Ok(key)
    }
}

/// The key of internal calls. In development the processes of this machine share a key in the data folder.
fn key(settings: &Settings, jobs: &Jobs) -> anyhow::Result<InternalKey> {
    let key = match (&settings.internal_key_file, &settings.internal_key) {
        (Some(path), _) => InternalKey::from_file(path.clone(), jobs).map_err(|e| format!("{}: {e}", path.display())),
        (None, Some(secret)) => InternalKey::new(secret.reveal().as_bytes()),
        (None, None) if settings.environment == Environment::Production => Err("must be set in production".into()),
        (None, None) => InternalKey::new(&shared_key(&settings.data)?),
    };
    key.map_err(|e| anyhow!("internal_key: {e}"))
}

fn of_module(module: &'static str) -> impl Fn(kernel::BoxError) -> anyhow::Error {
    move |e| anyhow!("{module}: {e}")
}

/// Says what to do about a module that this binary cannot run.
fn not_compiled_in(module: Module) -> anyhow::Error {
    let name = module.name();
    anyhow!("{name} is not compiled into this binary: set modules.{name} to its address, or build with --features {name}")
}

fn shared_key(data: &Path) -> anyhow::Result<Vec<u8>> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = data.join("internal.key");
    let read = || std::fs::read(&path).with_context(|| path.display().to_string());
    if path.exists() {
        return read();
    }
    std::fs::create_dir_all(data).with_context(|| data.display().to_string())?;
    // written under another name first, so that no process reads half a key; the first process to link it wins
    let draft = data.join(format!("internal.key.{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&rand::random::<[u8; 32]>())?;
    file.sync_all()?;
    match std::fs::hard_link(&draft, &path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(e).with_context(|| path.display().to_string()),
        _ => std::fs::remove_file(&draft)?,
    }
    read()
}
