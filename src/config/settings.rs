//! The types of the settings.

use super::mask;
use crate::modules::{Module, for_modules};
use kernel::{Secret, telemetry::LogFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

macro_rules! define_settings {
    ($($module:ident $name:tt $Variant:ident $Client:ident $description:literal;)*) => {
        /// All settings of a process.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct Settings {
            /// `development` or `production`. Production refuses demo accounts, generated keys and the sandbox as payment provider.
            pub(crate) environment: Environment,
            /// Address to listen on.
            pub(crate) bind: IpAddr,
            /// Port to listen on; by default that of the gateway, 8000, or of the single module (`souk modules`).
            pub(crate) port: Option<u16>,
            /// Address of the operations listener (metrics, readiness, jobs, log filter). Without a port in it, the port is that
            /// of the process plus 100. `off`: none.
            pub(crate) ops_bind: OpsBind,
            /// When a process stops: seconds from "not ready" to "no new connections", in which balancers and callers notice.
            pub(crate) drain_seconds: u64,
            /// When a process stops: seconds that it waits for requests, and then for its jobs.
            pub(crate) shutdown_seconds: u64,
            /// Worker threads of the HTTP server; by default one per core.
            pub(crate) workers: Option<usize>,
            /// How long the other end of a connection may take.
            pub(crate) timeouts: kernel::server::Timeouts,
            /// Folder of the embedded stores and generated keys.
            pub(crate) data: PathBuf,
            /// Fill an empty shop with the demo catalogue and demo accounts at start.
            pub(crate) demo: bool,
            /// Shared secret of the processes of one shop, at least 32 bytes: signs the tokens of internal calls.
            pub(crate) internal_key: Option<Secret>,
            /// Instead of `internal_key`: a file with one key a line. The first signs, all are accepted; it is read again when it
            /// changes.
            pub(crate) internal_key_file: Option<PathBuf>,
            /// PEM file of the authorities for peers at `https://` addresses; by default the authorities of the machine.
            pub(crate) peers_ca_file: Option<PathBuf>,
            /// Logs.
            pub(crate) log: Log,
            /// Traces.
            pub(crate) traces: kernel::telemetry::Traces,
            /// Where each module runs.
            pub(crate) modules: Places,
            $(
                #[cfg(feature = $name)]
                pub(crate) $module: $module::Config,
                // so that every process can read one file for the whole shop
                #[cfg(not(feature = $name))]
                pub(crate) $module: kernel::module::NotCompiledIn,
            )*
            /// Delivery of events.
            #[cfg(feature = "store")]
            pub(crate) events: kernel::delivery::Config,
            #[cfg(feature = "gateway")]
            pub(crate) gateway: gateway::Config,
            #[cfg(not(feature = "store"))]
            events: kernel::module::NotCompiledIn,
            #[cfg(not(feature = "gateway"))]
            gateway: kernel::module::NotCompiledIn,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    environment: Environment::Development,
                    bind: Ipv4Addr::LOCALHOST.into(),
                    port: None,
                    ops_bind: OpsBind::At(Ipv4Addr::LOCALHOST.into(), None),
                    drain_seconds: 0,
                    shutdown_seconds: 10,
                    workers: None,
                    timeouts: kernel::server::Timeouts::default(),
                    data: "data".into(),
                    demo: true,
                    internal_key: None,
                    internal_key_file: None,
                    peers_ca_file: None,
                    log: Log::default(),
                    traces: Default::default(),
                    modules: Places::default(),
                    $($module: Default::default(),)*
                    events: Default::default(),
                    gateway: Default::default(),
                }
            }
        }
    };
}
for_modules!(define_settings);

impl Settings {
    /// Where a module runs, for a process that serves `only` one module, or everything.
    pub(crate) fn place(&self, module: Module, only: Option<Module>) -> Place {
        let configured = self.modules.of(module);
        match (only, configured) {
            (Some(only), _) if only == module => Place::Local,
            // a module that is served alone expects the others on this machine, at their default ports
            (Some(_), Place::Local) => Place::At(vec![format!("http://127.0.0.1:{}", module.default_port())]),
            (_, place) => place,
        }
    }

    /// Each module with a store, and the URL of that.
    pub(crate) fn database_urls(&self) -> Vec<(&'static str, String)> {
        let all = toml::Value::try_from(self).unwrap_or(toml::Value::Boolean(false));
        let url = |module: &str| Some(all.get(module)?.get("database_url")?.as_str()?.to_owned());
        Module::without_gateway().filter_map(|module| Some((module.name(), url(module.name())?))).collect()
    }
}

/// Where operations are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpsBind {
    Off,
    /// At this address; without a port, at the port of the process plus 100.
    At(IpAddr, Option<u16>),
}

impl Serialize for OpsBind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Off => serializer.serialize_str("off"),
            Self::At(ip, None) => serializer.collect_str(&ip),
            Self::At(ip, Some(port)) => serializer.collect_str(&SocketAddr::new(ip, port)),
        }
    }
}

impl<'de> Deserialize<'de> for OpsBind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = || text.parse().map(|ip| Self::At(ip, None)).ok();
        let at_port = || text.parse::<SocketAddr>().map(|address| Self::At(address.ip(), Some(address.port()))).ok();
        let off = (text == "off").then_some(Self::Off);
        let wrong =
            || serde::de::Error::custom(format!("{text:?} must be \"off\" or an address such as 127.0.0.1 or 127.0.0.1:8100"));
        off.or_else(at).or_else(at_port).ok_or_else(wrong)
    }
}

/// What the installation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Environment {
    Development,
    Production,
}

/// How logs are written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// A level, or a list such as `info,sqlx=warn`.
    pub(crate) filter: String,
    /// `text` or `json`.
    pub(crate) format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Text }
    }
}

/// Where each module runs; local by default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Places(BTreeMap<Module, Place>);

impl Places {
    fn of(&self, module: Module) -> Place {
        self.0.get(&module).cloned().unwrap_or_default()
    }
}

impl Serialize for Places {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Module::without_gateway().map(|module| (module.name(), self.of(module))))
    }
}

/// Where a module runs: `"local"`, or at one address or a list of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Place {
    #[default]
    Local,
    At(Vec<String>),
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Place::Local => serializer.serialize_str("local"),
            Place::At(peers) => peers.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "\"local\", an address such as \"http://10.0.0.7:5001\", or a list of addresses")]
        enum Form {
            One(String),
            Many(Vec<String>),
        }
        let peers = match Form::deserialize(deserializer)? {
            Form::One(word) if word == "local" => return Ok(Place::Local),
            // environment variables have no lists
            Form::One(text) => text.split(',').map(|peer| peer.trim().to_owned()).collect(),
            Form::Many(peers) => peers,
        };
        match peers.iter().find(|peer| !is_peer(peer)) {
            None if !peers.is_empty() => Ok(Place::At(peers)),
            None => Err(serde::de::Error::custom("a list of addresses must not be empty")),
            Some(bad) => Err(serde::de::Error::custom(format!(
                "{:?} must be \"local\" or an address such as \"http://10.0.0.7:5001\", without a path",
                mask::without_secrets(bad)
            ))),
        }
    }
}

fn is_peer(peer: &str) -> bool {
    url::Url::parse(peer).is_ok_and(|url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        ["http", "https"].contains(&url.scheme()) && url.has_host() && is_bare
    })
}
