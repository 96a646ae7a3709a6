//! Settings of the gateway.

use crate::client::Network;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Settings of the gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Rate limits per caller: `"on"`, `"off"`, or a factor such as `10` that multiplies every count.
    pub limits: Limiting,
    /// Limits of single operations in place of those in their contracts, e.g. `"user.login" = "20/min"`: a count, and `s`, `min`,
    /// `hour` or `day`. The factor of `limits` also multiplies them.
    pub rates: BTreeMap<String, String>,
    /// Web origins whose pages may call the API, e.g. `https://shop.example`. Empty: none. `*` alone: any, for development.
    #[serde(deserialize_with = "list")]
    pub cors_origins: Vec<String>,
    /// Reverse proxies: addresses or networks such as `10.0.0.0/8`. Only their `X-Forwarded-For` is trusted.
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<Network>,
    /// Deadline of a request in milliseconds, 1 to 60,000 (`kernel::MAX_DEADLINE`).
    pub request_timeout_ms: u64,
    /// The largest accepted body in bytes, at most 16 MiB (`kernel::server::MAX_BODY`).
    pub max_body_bytes: usize,
    /// The highest age of the answer of `/health` in seconds, at least 1.
    pub health_cache_seconds: u64,
    /// Whether to publish `/openapi.json`, and a page at `/docs` to read and try the API. The default is on in development and
    /// off in production.
    pub swagger: bool,
    /// Seconds for which browsers must use https for this host (HSTS, RFC 6797); 0: no such header. Needs a TLS proxy in front.
    pub hsts_seconds: u64,
    /// Contact for reports of vulnerabilities in `/.well-known/security.txt` (RFC 9116), such as `mailto:security@shop.example`
    /// or `https://shop.example/security`. Empty: no such file.
    pub security_contact: String,
    /// Whether `/dev/mailbox` has a page that shows the development mailbox.
    pub mailbox: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limiting::On,
            rates: BTreeMap::new(),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            request_timeout_ms: 10_000,
            max_body_bytes: 1 << 20,
            health_cache_seconds: 30,
            swagger: true,
            hsts_seconds: 0,
            security_contact: String::new(),
            mailbox: true,
        }
    }
}

/// Reads a list, or one text with commas, as environment variables have no lists.
fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of texts, or one text with commas")]
    enum Form {
        One(String),
        Many(Vec<String>),
    }
    let entries = match Form::deserialize(deserializer)? {
        Form::One(text) => text.split(',').map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect(),
        Form::Many(entries) => entries,
    };
    entries.iter().map(|entry| entry.parse().map_err(de::Error::custom)).collect()
}

/// Rate limits: on, off, or multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Limiting {
    /// The limits of the contracts.
    #[default]
    On,
    /// No limits.
    Off,
    /// A factor for every count, 0.001 to 1,000,000; the lowest count is 1.
    Factor(f64),
}

impl Limiting {
    fn factor<E: de::Error>(factor: f64) -> Result<Self, E> {
        if (0.001..=1_000_000.0).contains(&factor) { Ok(Self::Factor(factor)) } else { Err(E::custom(Self::EXPECTED)) }
    }

    const EXPECTED: &str = "expected \"on\", \"off\" or a factor from 0.001 to 1000000";
}

impl Serialize for Limiting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::On => serializer.serialize_str("on"),
            Self::Off => serializer.serialize_str("off"),
            Self::Factor(factor) => serializer.serialize_f64(*factor),
        }
    }
}

impl<'de> Deserialize<'de> for Limiting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        #[expect(clippy::cast_precision_loss, reason = "whole factors in the range are exact")]
        impl de::Visitor<'_> for Visitor {
            type Value = Limiting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"on\", \"off\" or a factor from 0.001 to 1000000")
            }

            // environment variables are always text
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Limiting, E> {
                match text {
                    "on" => Ok(Limiting::On),
                    "off" => Ok(Limiting::Off),
                    _ => Limiting::factor(text.parse().map_err(|_| E::custom(Limiting::EXPECTED))?),
                }
            }

            fn visit_f64<E: de::Error>(self, factor: f64) -> Result<Limiting, E> {
                Limiting::factor(factor)
            }

            fn visit_i64<E: de::Error>(self, factor: i64) -> Result<Limiting, E> {
                Limiting::factor(factor as f64)
            }

            fn visit_u64<E: de::Error>(self, factor: u64) -> Result<Limiting, E> {
                Limiting::factor(factor as f64)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_on_off_or_a_factor() {
        let read = |json: &str| serde_json::from_str::<Limiting>(json).ok();
        assert_eq!(read("\"on\""), Some(Limiting::On));
        assert_eq!(read("\"off\""), Some(Limiting::Off));
        assert_eq!(
            (read("10"), read("\"10\""), read("0.5")),
            (Some(Limiting::Factor(10.0)), read("10.0"), Some(Limiting::Factor(0.5)))
        );
        for bad in ["0", "-1", "\"of\"", "1e9", "true", "\"NaN\""] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn settings_survive_being_written_and_unknown_ones_are_refused() {
        let config = Config {
            limits: Limiting::Factor(2.5),
            trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
            ..Config::default()
        };
        let json = serde_json::to_string(&config).expect("json");
        assert_eq!(serde_json::from_str::<Config>(&json).expect("settings"), config);
        assert!(serde_json::from_str::<Config>(r#"{"cors": []}"#).is_err());
    }
}
