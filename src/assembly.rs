//! Puts the modules together. The only file that names them all: read it as the map of the shop.

use crate::config::{Environment, Module, Place, Settings};
use anyhow::{Context, anyhow};
use cart::CartClient;
#[cfg(feature = "store")]
use kernel::bus::Bus;
use kernel::{Dispatch, EventType, Health, Instances, InternalKey, Listener, Transport, jobs::Jobs};
/// Without a module of its own a process has nothing to tell.
#[cfg(not(feature = "store"))]
type Bus = ();
use notification::NotificationClient;
use order::OrderClient;
use payment::PaymentClient;
use product::ProductClient;
use std::{io::Write, path::Path, sync::Arc};
use user::UserClient;

/// What this process serves.
pub(crate) struct Shop {
    /// What is served: the gateway, or one module's own operations.
    pub(crate) face: Face,
    /// The stores of this process, for health checks.
    pub(crate) stores: Vec<Arc<dyn Health>>,
    /// The modules that run elsewhere, for operators.
    pub(crate) peers: Vec<(&'static str, Transport)>,
}

/// What a process shows to the network.
pub(crate) enum Face {
    #[cfg(feature = "gateway")]
    Gateway(gateway::Gateway),
    Module {
        module: Arc<dyn Dispatch>,
        key: InternalKey,
    },
}

/// Starts what this process runs and connects it with what runs elsewhere.
pub(crate) async fn assemble(settings: &Settings, only: Option<Module>, jobs: &Jobs) -> anyhow::Result<Shop> {
    if let Some(path) = &settings.peers_ca_file {
        let pem = std::fs::read(path).with_context(|| format!("peers_ca_file: {}", path.display()))?;
        kernel::trust_authorities(&pem).map_err(|e| anyhow!("peers_ca_file: {}: {e}", path.display()))?;
    }
    let mut builder = Builder { settings, only, key: None, jobs, stores: Vec::new(), watched: Vec::new() };
    let product = builder.product().await?;
    let notification = builder.notification().await?;
    let bus = builder.bus(&notification)?;
    let user = builder.user(&bus).await?;
    let payment = builder.payment(&bus).await?;
    let cart = builder.cart(&product).await?;
    let order = builder.order(&product, &cart, &payment, &user, &bus).await?;

    let module: Arc<dyn Dispatch> = match only {
        Some(Module::Product) => Arc::new(product),
        Some(Module::User) => Arc::new(user),
        Some(Module::Cart) => Arc::new(cart),
        Some(Module::Order) => Arc::new(order),
        Some(Module::Payment) => Arc::new(payment),
        Some(Module::Notification) => Arc::new(notification),
        None | Some(Module::Gateway) => {
            let modules: Vec<Arc<dyn Dispatch>> = vec![
                Arc::new(product.by("gateway")),
                Arc::new(user.by("gateway")),
                Arc::new(cart.by("gateway")),
                Arc::new(order.by("gateway")),
                Arc::new(payment.by("gateway")),
                Arc::new(notification.by("gateway")),
            ];
            return builder.gateway(modules, user);
        }
    };
    let key = builder.key()?;
    Ok(Shop { face: Face::Module { module, key }, peers: builder.peers(), stores: builder.stores })
}

/// The gateway's operations, without anything behind them: for the OpenAPI documents.
pub(crate) fn contracts() -> Vec<(Module, Arc<dyn Dispatch>)> {
    let nowhere = || Transport::http(Vec::new(), InternalKey::random());
    vec![
        (Module::Product, Arc::new(ProductClient::remote(nowhere()))),
        (Module::User, Arc::new(UserClient::remote(nowhere()))),
        (Module::Cart, Arc::new(CartClient::remote(nowhere()))),
        (Module::Order, Arc::new(OrderClient::remote(nowhere()))),
        (Module::Payment, Arc::new(PaymentClient::remote(nowhere()))),
        (Module::Notification, Arc::new(NotificationClient::remote(nowhere()))),
    ]
}

/// All events that are told.
pub(crate) fn event_types() -> Vec<EventType> {
    [user::event_types(), order::event_types(), payment::event_types()].concat()
}

/// All who listen to events.
fn listeners(notification: &NotificationClient) -> Vec<Listener> {
    vec![notification::listener(notification.clone())]
}

/// All who listen to events, without anything behind them.
pub(crate) fn listening() -> Vec<Listener> {
    listeners(&NotificationClient::remote(Transport::http(Vec::new(), InternalKey::random())))
}

/// The bus in the hands of a command: it neither tells nor listens.
#[cfg(feature = "store")]
pub(crate) fn bus_of_operator(settings: &Settings) -> anyhow::Result<Bus> {
    Bus::new(&settings.events, listening(), key(settings, &Jobs::default())?).map_err(|e| anyhow!("{e}"))
}

struct Builder<'a> {
    settings: &'a Settings,
    only: Option<Module>,
    key: Option<InternalKey>,
    jobs: &'a Jobs,
    stores: Vec<Arc<dyn Health>>,
    watched: Vec<(&'static str, Instances)>,
}

/// Where a module turned out to be.
enum Link {
    Here,
    At(Transport),
}

impl Builder<'_> {
    async fn product(&mut self) -> anyhow::Result<ProductClient> {
        match self.link(Module::Product)? {
            Link::At(transport) => Ok(ProductClient::remote(transport)),
            #[cfg(feature = "product")]
            Link::Here => {
                let products = product::start(&self.settings.product, self.jobs).await.map_err(wrong("product"))?;
                if self.settings.demo {
                    let products = products.clone();
                    self.jobs.once("product.demo", move || {
                        let products = products.clone();
                        async move { products.seed_demo().await.map(drop) }
                    });
                }
                self.here(Module::Product, products.db());
                Ok(ProductClient::local(products))
            }
            #[cfg(not(feature = "product"))]
            Link::Here => Err(not_compiled_in(Module::Product)),
        }
    }

    async fn notification(&mut self) -> anyhow::Result<NotificationClient> {
        match self.link(Module::Notification)? {
            Link::At(transport) => Ok(NotificationClient::remote(transport)),
            #[cfg(feature = "notification")]
            Link::Here => {
                let started = notification::start(&self.settings.notification, self.jobs).await;
                let notifications = started.map_err(wrong("notification"))?;
                self.here(Module::Notification, notifications.health());
                Ok(NotificationClient::local(notifications))
            }
            #[cfg(not(feature = "notification"))]
            Link::Here => Err(not_compiled_in(Module::Notification)),
        }
    }

    /// The way of events: every module tells through it.
    #[cfg(feature = "store")]
    fn bus(&mut self, notification: &NotificationClient) -> anyhow::Result<Bus> {
        let bus = Bus::new(&self.settings.events, listeners(notification), self.key()?).map_err(|e| anyhow!("{e}"))?;
        if self.settings.place(Module::Notification, self.only) == Place::Here {
            bus.listen("notification", self.jobs);
        }
        Ok(bus)
    }

    #[cfg(not(feature = "store"))]
    fn bus(&mut self, _: &NotificationClient) -> anyhow::Result<Bus> {
        Ok(())
    }

    async fn user(&mut self, bus: &Bus) -> anyhow::Result<UserClient> {
        match self.link(Module::User)? {
            Link::At(transport) => Ok(UserClient::remote(transport)),
            #[cfg(feature = "user")]
            Link::Here => {
                let users = user::start(&self.settings.user, bus, self.jobs).await.map_err(wrong("user"))?;
                if self.settings.demo {
                    let users = users.clone();
                    self.jobs.once("user.demo", move || {
                        let users = users.clone();
                        async move { users.seed_demo().await }
                    });
                }
                self.here(Module::User, users.db());
                Ok(UserClient::local(users))
            }
            #[cfg(not(feature = "user"))]
            Link::Here => {
                let _ = bus;
                Err(not_compiled_in(Module::User))
            }
        }
    }

    async fn payment(&mut self, bus: &Bus) -> anyhow::Result<PaymentClient> {
        match self.link(Module::Payment)? {
            Link::At(transport) => Ok(PaymentClient::remote(transport)),
            #[cfg(feature = "payment")]
            Link::Here => {
                let payments = payment::start(&self.settings.payment, bus, self.jobs).await.map_err(wrong("payment"))?;
                self.here(Module::Payment, payments.db());
                Ok(PaymentClient::local(payments))
            }
            #[cfg(not(feature = "payment"))]
            Link::Here => {
                let _ = bus;
                Err(not_compiled_in(Module::Payment))
            }
        }
    }

    async fn cart(&mut self, product: &ProductClient) -> anyhow::Result<CartClient> {
        match self.link(Module::Cart)? {
            Link::At(transport) => Ok(CartClient::remote(transport)),
            #[cfg(feature = "cart")]
            Link::Here => {
                let carts = cart::start(&self.settings.cart, product.clone(), self.jobs).await.map_err(wrong("cart"))?;
                self.here(Module::Cart, carts.health());
                Ok(CartClient::local(carts))
            }
            #[cfg(not(feature = "cart"))]
            Link::Here => {
                let _ = product;
                Err(not_compiled_in(Module::Cart))
            }
        }
    }

    async fn order(
        &mut self,
        product: &ProductClient,
        cart: &CartClient,
        payment: &PaymentClient,
        user: &UserClient,
        bus: &Bus,
    ) -> anyhow::Result<OrderClient> {
        match self.link(Module::Order)? {
            Link::At(transport) => Ok(OrderClient::remote(transport)),
            #[cfg(feature = "order")]
            Link::Here => {
                let peers =
                    order::Peers { product: product.clone(), cart: cart.clone(), payment: payment.clone(), user: user.clone() };
                let orders = order::start(&self.settings.order, peers, bus, self.jobs).await.map_err(wrong("order"))?;
                self.here(Module::Order, orders.db());
                Ok(OrderClient::local(orders))
            }
            #[cfg(not(feature = "order"))]
            Link::Here => {
                let _ = (product, cart, payment, user, bus);
                Err(not_compiled_in(Module::Order))
            }
        }
    }

    #[cfg(feature = "gateway")]
    fn gateway(self, modules: Vec<Arc<dyn Dispatch>>, user: UserClient) -> anyhow::Result<Shop> {
        let peers = self.peers();
        let gateway = gateway::start(&self.settings.gateway, modules, user, self.watched, self.jobs);
        Ok(Shop { face: Face::Gateway(gateway.map_err(wrong("gateway"))?), peers, stores: self.stores })
    }

    #[cfg(not(feature = "gateway"))]
    fn gateway(self, _: Vec<Arc<dyn Dispatch>>, _: UserClient) -> anyhow::Result<Shop> {
        let _ = (self.watched, self.jobs);
        Err(not_compiled_in(Module::Gateway))
    }

    fn peers(&self) -> Vec<(&'static str, Transport)> {
        let elsewhere = |(name, instances): &(&'static str, Instances)| match instances {
            Instances::At(transport) => Some((*name, transport.clone())),
            Instances::Here(_) => None,
        };
        self.watched.iter().filter_map(elsewhere).collect()
    }

    fn link(&mut self, module: Module) -> anyhow::Result<Link> {
        match self.settings.place(module, self.only) {
            Place::Here => Ok(Link::Here),
            Place::At(peers) => {
                let transport = Transport::http(peers, self.key()?);
                self.watched.push((module.name(), Instances::At(transport.clone())));
                Ok(Link::At(transport))
            }
        }
    }

    #[cfg(feature = "store")]
    fn here(&mut self, module: Module, store: impl Health) {
        let store: Arc<dyn Health> = Arc::new(store);
        self.watched.push((module.name(), Instances::Here(store.clone())));
        // a shop that can tell nobody anything for a while still sells: /health says so, and /readyz does not
        if module != Module::Notification || self.only == Some(module) {
            self.stores.push(store);
        }
    }

    /// The key of this process: made once, since it remembers what it was used for.
    fn key(&mut self) -> anyhow::Result<InternalKey> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = key(self.settings, self.jobs)?;
        self.key = Some(key.clone());
        Ok(key)
    }
}

/// The key of internal calls. In development the processes of this machine share one in the data folder.
fn key(settings: &Settings, jobs: &Jobs) -> anyhow::Result<InternalKey> {
    let key = match (&settings.internal_key_file, &settings.internal_key) {
        (Some(path), _) => InternalKey::from_file(path.clone(), jobs).map_err(|e| format!("{}: {e}", path.display())),
        (None, Some(secret)) => InternalKey::new(secret.bytes()),
        (None, None) if settings.environment == Environment::Production => Err("must be set in production".into()),
        (None, None) => InternalKey::new(&shared_key(&settings.data)?),
    };
    key.map_err(|e| anyhow!("internal_key: {e}"))
}

fn wrong(module: &'static str) -> impl Fn(kernel::BoxError) -> anyhow::Error {
    move |e| anyhow!("{module}: {e}")
}

/// What the reader of the message can do about a module that this binary cannot run.
#[cfg_attr(
    all(
        feature = "product",
        feature = "user",
        feature = "cart",
        feature = "order",
        feature = "payment",
        feature = "notification",
        feature = "gateway"
    ),
    expect(dead_code, reason = "everything is compiled in")
)]
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
    // under another name first, so that no process reads half a key; whoever links it first wins
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
