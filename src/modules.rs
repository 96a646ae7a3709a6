//! The modules of the shop. The list itself is in Cargo.toml: `build.rs` makes [`for_modules!`] of it.

use kernel::{Access, Clients, Contract, Dispatch, EventType, InternalKey, Listener, Op, Transport};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, str::FromStr, sync::Arc};

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
            /// All modules; callees come before their callers, and the gateway last.
            pub(crate) const ALL: &[Module] = &[$(Module::$Variant,)* Module::Gateway];

            /// The name of its folder, its settings and its feature.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Module::$Variant => $name,)*
                    Module::Gateway => "gateway",
                }
            }

            /// Its port when it is served alone.
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

        /// Ports, events and public paths, each with the module that claims it.
        fn claims() -> Vec<(String, &'static str)> {
            let mut claims = vec![claim_of_port(Module::Gateway)];
            $(
                claims.push(claim_of_port(Module::$Variant));
                claims.extend(<$module::$Client as Contract>::events().iter().map(|event| (format!("event {}", event.name), $name)));
                claims.extend($module::OPS.iter().filter_map(claim_of_path));
            )*
            claims
        }

        /// The contracts of all modules, without starting one: for documents and commands.
        pub(crate) fn contracts() -> Vec<Known> {
            vec![$(Known::of(Module::$Variant, $description, $module::$Client::remote(nowhere())),)*]
        }

        /// The calls of the modules that are compiled in.
        fn calls_of_modules() -> BTreeSet<(&'static str, &'static str)> {
            let mut clients = Clients::default();
            $(clients.add($module::$Client::remote(nowhere()));)*
            $(
                #[cfg(feature = $name)]
                let _ = <<$module::Service as kernel::module::Module>::Peers as kernel::module::Peers>::of(&clients, $name);
            )*
            clients.calls()
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

/// Who calls whom, as caller and callee: the gateway the modules with public operations, modules each other.
pub(crate) fn calls(contracts: &[Known]) -> BTreeSet<(&'static str, &'static str)> {
    let is_public = |known: &&Known| known.operations.ops().iter().any(|op| op.public.is_some());
    let by_gateway = contracts.iter().filter(is_public).map(|known| (Module::Gateway.name(), known.module.name()));
    // without a broker, the publisher of an event calls its listener
    by_gateway.chain(deliveries(contracts)).chain(calls_of_modules()).collect()
}

/// Publishers of events and their listeners.
pub(crate) fn deliveries(contracts: &[Known]) -> BTreeSet<(&'static str, &'static str)> {
    contracts.iter().flat_map(|known| known.publishers(contracts).map(|publisher| (publisher, known.module.name()))).collect()
}

/// For a client that is never used to call.
fn nowhere() -> Transport {
    Transport::http(Vec::new(), InternalKey::random())
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

    /// Who may call its operations: the gateway the public ones, modules the others.
    pub(crate) fn callers(&self) -> BTreeSet<&'static str> {
        let mut callers = BTreeSet::new();
        for op in self.operations.ops() {
            callers.extend(op.public.map(|_| Module::Gateway.name()));
            if let Access::Modules(modules) = op.access {
                callers.extend(modules);
            }
        }
        callers
    }

    /// The modules of `all` whose events it consumes.
    pub(crate) fn publishers<'a>(&'a self, all: &'a [Known]) -> impl Iterator<Item = &'static str> {
        let wants = |known: &&Known| {
            self.listener.as_ref().is_some_and(|listener| known.events.iter().any(|event| listener.wants(event.name)))
        };
        all.iter().filter(wants).map(|known| known.module.name())
    }
}

/// Claims of two modules to the same thing, one line for each.
pub(crate) fn clashes() -> Vec<String> {
    twice(claims())
}

fn twice(mut claims: Vec<(String, &'static str)>) -> Vec<String> {
    claims.sort();
    let pairs = claims.windows(2).filter(|two| two[0].0 == two[1].0);
    pairs.map(|two| format!("{} and {} both claim {}", two[0].1, two[1].1, two[0].0)).collect()
}

fn claim_of_port(module: Module) -> (String, &'static str) {
    (format!("port {}", module.default_port()), module.name())
}

/// Two paths are the same if they differ only in the names of their parameters.
fn claim_of_path(op: &Op) -> Option<(String, &'static str)> {
    let parts = op.public?.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    Some((format!("{} {}", op.method.as_str(), parts.collect::<Vec<_>>().join("/")), op.module))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicting_claims_of_modules_are_named() {
        assert_eq!(clashes(), [""; 0]);
        let known = claims();
        for kind in ["port ", "event ", "GET /api/products/{}"] {
            let (claim, owner) = known.iter().find(|(claim, _)| claim.starts_with(kind)).expect(kind);
            let found = twice(known.iter().cloned().chain([(claim.clone(), "wishlist")]).collect());
            assert_eq!(found, [format!("{owner} and wishlist both claim {claim}")]);
        }
    }
}
