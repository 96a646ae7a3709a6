//! The modules of the shop. The list itself is in Cargo.toml: `build.rs` makes [`for_modules!`] of it.

use kernel::{Contract, Dispatch, EventType, InternalKey, Listener, Transport};
use serde::{Deserialize, Serialize};
use std::{str::FromStr, sync::Arc};

// for_modules!(callback) is callback! { product "product" Product ProductClient "what it is"; .. }, callees before their callers
include!(concat!(env!("OUT_DIR"), "/modules.rs"));
pub(crate) use for_modules;

macro_rules! define_module {
    ($($module:ident $name:tt $Variant:ident $Client:ident $description:literal;)*) => {
        /// A module, or the gateway in front of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub(crate) enum Module {
            $($Variant,)*
            Gateway,
        }

        impl Module {
            /// All of them; callees come before their callers, and the gateway last.
            pub(crate) const ALL: &[Module] = &[$(Module::$Variant,)* Module::Gateway];

            /// The name of its folder, its settings and its feature.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Module::$Variant => $name,)*
                    Module::Gateway => "gateway",
                }
            }

            /// Where it listens when it is served alone.
            pub(crate) fn default_port(self) -> u16 {
                match self {
                    $(Module::$Variant => <$module::$Client as Contract>::PORT,)*
                    Module::Gateway => 8000,
                }
            }

            /// Whether this binary has its implementation.
            pub(crate) fn is_compiled_in(self) -> bool {
                match self {
                    $(Module::$Variant => cfg!(feature = $name),)*
                    Module::Gateway => cfg!(feature = "gateway"),
                }
            }
        }

        /// What is known of every module without one of them running: for documents, and to check that they fit each other.
        pub(crate) fn contracts() -> Vec<Known> {
            vec![$(Known::of(Module::$Variant, $description, $module::$Client::remote(Transport::http(Vec::new(), InternalKey::random()))),)*]
        }
    };
}
for_modules!(define_module);

impl Module {
    /// Without the gateway.
    pub(crate) fn without_gateway() -> impl Iterator<Item = Module> {
        Self::ALL.iter().copied().filter(|module| *module != Module::Gateway)
    }
}

impl FromStr for Module {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|module| module.name() == name);
        found.ok_or_else(|| {
            format!("must be one of {}", Self::ALL.iter().map(|module| module.name()).collect::<Vec<_>>().join(", "))
        })
    }
}

impl TryFrom<String> for Module {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl From<Module> for &'static str {
    fn from(module: Module) -> Self {
        module.name()
    }
}

/// The contract of a module.
pub(crate) struct Known {
    pub(crate) module: Module,
    pub(crate) description: &'static str,
    pub(crate) operations: Arc<dyn Dispatch>,
    pub(crate) events: Vec<EventType>,
    pub(crate) listener: Option<Listener>,
}

impl Known {
    fn of<C: Contract>(module: Module, description: &'static str, client: C) -> Self {
        Self { module, description, events: C::events(), listener: client.listener(), operations: Arc::new(client) }
    }
}

/// What two modules claim both, one line for each.
pub(crate) fn clashes(modules: &[Known]) -> Vec<String> {
    let mut claims: Vec<(String, &'static str)> = Vec::new();
    for known in modules {
        let name = known.module.name();
        claims.push((format!("port {}", known.module.default_port()), name));
        claims.extend(known.events.iter().map(|event| (format!("event {}", event.name), name)));
        let public = known.operations.ops().iter().filter_map(|op| Some((op.method.as_str(), op.public?)));
        claims.extend(public.map(|(method, path)| (format!("{method} {}", shape(path)), name)));
    }
    claims.push((format!("port {}", Module::Gateway.default_port()), Module::Gateway.name()));
    claims.sort();
    claims
        .windows(2)
        .filter(|two| two[0].0 == two[1].0)
        .map(|two| format!("{} and {} both claim {}", two[0].1, two[1].1, two[0].0))
        .collect()
}

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}
