//! Rate limits of operations, per caller. The only file that uses actix-governor; see docs/decisions/0002-actix-governor.md.

use crate::{
    auth::Caller,
    client::{self, Network},
    config::{Config, Limiting},
    operations::is_auth,
};
use actix_governor::{
    Governor, GovernorConfig, GovernorConfigBuilder, GovernorResult, KeyExtractor,
    governor::middleware::StateInformationMiddleware,
};
use actix_web::{
    HttpMessage, HttpRequest, Route,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
};
use kernel::{BoxError, Code, Dispatch, Fault, Op, Rate, UserId, jobs::Jobs};
use std::{collections::HashMap, convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

/// The limits of all operations, shared by all workers of this process.
pub(crate) struct Limits(HashMap<&'static str, Arc<Limit>>);

/// The limit of one operation.
pub(crate) struct Limit {
    name: &'static str,
    rate: Rate,
    policy: HeaderValue,
    count: HeaderValue,
    governor: GovernorConfig<ByCaller, StateInformationMiddleware>,
}

impl Limits {
    /// The limits of the operations of `modules`, as changed by the settings.
    pub(crate) fn start(config: &Config, modules: &[Arc<dyn Dispatch>], jobs: &Jobs) -> Result<Self, BoxError> {
        let ops = || modules.iter().flat_map(|module| module.ops()).filter(|op| op.public.is_some());
        if let Some(unknown) = config.rates.keys().find(|id| !ops().any(|op| op.id == *id)) {
            return Err(format!("gateway.rates: {unknown} is not an operation that the gateway serves").into());
        }
        let factor = match config.limits {
            Limiting::Off => return Ok(Self(HashMap::new())),
            Limiting::On => 1.0,
            Limiting::Factor(factor) => factor,
        };
        let trusted: Arc<[Network]> = config.trusted_proxies.as_slice().into();
        let limit = |op: &Op| -> Result<Option<(&'static str, Arc<Limit>)>, BoxError> {
            let rate = match config.rates.get(op.id) {
                Some(text) => Some(text.parse().map_err(|e| format!("gateway.rates: {} = {text:?}: {e}", op.id))?),
                None => op.rate,
            };
            let Some(rate) = rate else { return Ok(None) };
            let limit = Limit::new(op, times(rate, factor), ByCaller { trusted: trusted.clone(), address_only: is_auth(op) })?;
            Ok(Some((op.id, Arc::new(limit))))
        };
        let by_op: HashMap<_, _> = ops().filter_map(|op| limit(op).transpose()).collect::<Result<_, _>>()?;

        let limits: Vec<Arc<Limit>> = by_op.values().cloned().collect();
        jobs.every("gateway.limits", Duration::from_secs(60), move || {
            // removes callers whose quota is full again
            for limit in &limits {
                limit.governor.limiter().retain_recent();
                limit.governor.limiter().shrink_to_fit();
            }
            std::future::ready(Ok(()))
        });
        Ok(Self(by_op))
    }

    /// The limit of an operation.
    pub(crate) fn of(&self, op: &Op) -> Option<Arc<Limit>> {
        self.0.get(op.id).cloned()
    }
}

impl Limit {
    fn new(op: &Op, rate: Rate, by: ByCaller) -> Result<Self, BoxError> {
        // The middleware only counts: it cannot answer, because the answer needs the request.
        let governor = GovernorConfigBuilder::default()
            .key_extractor(by)
            .use_headers()
            .period(rate.window / rate.count)
            .burst_size(rate.count)
            .permissive(true)
            .finish()
            .ok_or_else(|| format!("{}: {} calls in {:?} cannot be counted", op.id, rate.count, rate.window))?;
        let policy = format!("\"{}\";q={};w={}", op.id, rate.count, rate.window.as_secs());
        Ok(Self { name: op.id, rate, policy: HeaderValue::try_from(policy)?, count: rate.count.into(), governor })
    }
}

/// Counts the calls of a route.
pub(crate) fn wrap(limit: Option<&Limit>, route: Route) -> Route {
    match limit {
        Some(limit) => route.wrap(Governor::new(&limit.governor)),
        None => route,
    }
}

/// Refuses a call above its limit.
pub(crate) fn check(request: &HttpRequest) -> Result<(), Fault> {
    match request.extensions().get() {
        // the wait is rounded down to seconds
        Some(&Counted::Wait { wait, .. }) => {
            let seconds = u32::try_from(wait).unwrap_or(u32::MAX).saturating_add(1);
            Err(Fault::new(Code::TooManyRequests, "Rate limit exceeded").retry_after(seconds))
        }
        _ => Ok(()),
    }
}

/// Adds the headers with the remaining quota: draft-ietf-httpapi-ratelimit-headers-10, and the older names.
pub(crate) fn describe<B>(limit: Option<&Limit>, response: &mut ServiceResponse<B>) {
    const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
    const LEFT: HeaderName = HeaderName::from_static("ratelimit");
    const OLD_COUNT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
    const OLD_LEFT: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
    let Some(limit) = limit else { return };
    let left = match response.request().extensions().get() {
        Some(&Counted::Ok { remaining: Some(left), .. }) => left,
        Some(Counted::Wait { .. }) => 0,
        _ => return,
    };
    let Rate { count, window } = limit.rate;
    // the quota is restored evenly
    let full_in = (window.as_secs() * u64::from(count.saturating_sub(left))).div_ceil(u64::from(count));
    let headers = response.headers_mut();
    headers.insert(POLICY, limit.policy.clone());
    if let Ok(value) = HeaderValue::try_from(format!("\"{}\";r={left};t={full_in}", limit.name)) {
        headers.insert(LEFT, value);
    }
    headers.insert(OLD_COUNT, limit.count.clone());
    headers.insert(OLD_LEFT, left.into());
}

type Counted = GovernorResult<Infallible>;

/// The key by which calls are counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    User(UserId),
    Address(IpAddr),
}

/// Counts by user, or by address without a login.
#[derive(Clone)]
struct ByCaller {
    trusted: Arc<[Network]>,
    /// For logins and registrations: otherwise every new account would have a new quota for further ones.
    address_only: bool,
}

impl KeyExtractor for ByCaller {
    type Key = Key;
    type KeyExtractionError = Infallible;

    fn extract(&self, request: &ServiceRequest) -> Result<Key, Infallible> {
        if let (Some(&Caller::User { id, .. }), false) = (request.extensions().get(), self.address_only) {
            return Ok(Key::User(id));
        }
        let peer = request.peer_addr().map_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        Ok(Key::Address(site(client::address(peer, request.headers(), &self.trusted))))
    }
}

/// The network of a client: a client has a whole /64 of IPv6, and could use another address for every call.
fn site(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
    }
}

fn times(rate: Rate, factor: f64) -> Rate {
    let count = (f64::from(rate.count) * factor).round().clamp(1.0, f64::from(u32::MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range")]
    Rate { count: count as u32, window: rate.window }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_leaves_at_least_one_call() {
        let minute = |count| Rate { count, window: Duration::from_secs(60) };
        assert_eq!(
            (times(minute(5), 10.0), times(minute(5), 0.001), times(minute(5), 1e12)),
            (minute(50), minute(1), minute(u32::MAX))
        );
    }

    #[test]
    fn an_ipv6_site_is_one_client() {
        let site = |text: &str| site(text.parse().expect("an address")).to_string();
        assert_eq!(site("2001:db8:1:2:3:4:5:6"), site("2001:db8:1:2::"));
        assert_ne!(site("2001:db8:1:3::"), site("2001:db8:1:2::"));
        assert_eq!(site("203.0.113.9"), "203.0.113.9");
    }
}
