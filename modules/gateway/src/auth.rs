//! The caller of a request: access tokens (RFC 9068) of the user module are verified with its public keys, and refused when their
//! session has ended.
//!
//! Keys and ended sessions may be some seconds old. That is recent enough to read and to buy. When an admin changes something,
//! the user module is asked whether the caller still is an admin.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header, get_current_timestamp};
use kernel::{
    Ctx, Fault, Role, Trace, UserId,
    chrono::{DateTime, Utc},
    jobs::{Beat, Jobs},
    server::bearer,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use user::{AUDIENCE, AccessClaims, ISSUER, LEEWAY_SECONDS, RevokedSince, UserApi, UserClient, UserError};

/// The largest difference between the clocks of the user module and the gateway, in seconds.
const LEEWAY: u64 = LEEWAY_SECONDS as u64;
/// The longest accepted token in bytes; tokens of the user module have about 400.
const MAX_TOKEN: usize = 4096;
/// Interval between fetches of keys. They are also fetched when a token names an unknown key.
const FETCH_EVERY: Duration = Duration::from_secs(45);
/// The shortest interval, whatever clients send.
const FETCH_PAUSE: Duration = Duration::from_secs(1);
/// The longest wait of a request for keys, or for the first list of ended sessions.
const MAX_WAIT: Duration = Duration::from_secs(3);
/// Interval between polls of ended sessions.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// Interval between polls of all ended sessions, not only new ones: they drop the sessions whose tokens have expired.
const POLL_ALL_EVERY: Duration = Duration::from_secs(300);
/// The highest age of the list of ended sessions. An older list cannot tell which users are still logged in.
const MAX_LIST_AGE: Duration = Duration::from_secs(10);
/// Time-out of calls to the user module.
const BUDGET: Duration = Duration::from_secs(2);

/// The caller of a request, by its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// No credentials.
    Anonymous,
    /// A logged-in user.
    User { id: UserId, role: Role },
    /// Invalid credentials.
    Refused,
    /// The credentials cannot be verified: there are no keys, or no recent list of ended sessions.
    Unverified,
}

pub(crate) struct Auth {
    users: UserClient,
    rules: Validation,
    keys: watch::Sender<Keys>,
    keys_wanted: Notify,
    ended: watch::Sender<Ended>,
}

#[derive(Clone, Default)]
struct Keys {
    by_kid: Arc<HashMap<String, DecodingKey>>,
    /// Number of fetches, failed ones included.
    round: u64,
}

/// Ended sessions whose access tokens have not expired.
#[derive(Default)]
struct Ended {
    sessions: HashSet<String>,
    as_of: Option<DateTime<Utc>>,
    all_as_of: Option<Instant>,
    /// Time of the last successful poll.
    polled_at: Option<Instant>,
    /// Number of polls.
    round: u64,
}

impl Ended {
    fn is_known(&self) -> bool {
        self.polled_at.is_some_and(|polled| polled.elapsed() <= MAX_LIST_AGE)
    }
}

impl Auth {
    /// Starts fetching keys and ended sessions.
    pub(crate) fn start(users: UserClient, jobs: &Jobs) -> Arc<Self> {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.leeway = LEEWAY;
        rules.validate_nbf = true;
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let (keys, keys_wanted, ended) = (watch::Sender::default(), Notify::new(), watch::Sender::default());
        let auth = Arc::new(Self { users, rules, keys, keys_wanted, ended });

        let (fetcher, stop) = (auth.clone(), jobs.stopping().clone());
        jobs.keep("gateway.keys", move |beat| {
            let (fetcher, stop) = (fetcher.clone(), stop.clone());
            async move { stop.run_until_cancelled(fetcher.keep_keys(beat)).await.unwrap_or_default() }
        });
        let (poller, started) = (auth.clone(), Instant::now());
        jobs.every("gateway.ended_sessions", POLL_EVERY, move || {
            let poller = poller.clone();
            async move { poller.poll_ended(started).await }
        });
        auth
    }

    /// The caller of a request.
    pub(crate) async fn caller(&self, request: &HttpRequest) -> Caller {
        if !request.headers().contains_key(AUTHORIZATION) {
            return Caller::Anonymous;
        }
        match bearer(request) {
            Some(token) if token.len() <= MAX_TOKEN => self.verify(token).await,
            _ => Caller::Refused,
        }
    }

    async fn verify(&self, token: &str) -> Caller {
        let Some(kid) = decode_header(token).ok().and_then(key_id) else { return Caller::Refused };
        let mut keys = self.keys.borrow().clone();
        if !keys.by_kid.contains_key(&kid) {
            keys = self.newer_keys(keys.round).await;
        }
        match keys.by_kid.get(&kid) {
            Some(key) => self.check(token, key).await.unwrap_or(Caller::Refused),
            None if keys.by_kid.is_empty() => Caller::Unverified,
            None => Caller::Refused,
        }
    }

    async fn check(&self, token: &str, key: &DecodingKey) -> Option<Caller> {
        let claims = decode::<AccessClaims>(token, key, &self.rules).ok()?.claims;
        if claims.iat > get_current_timestamp() + LEEWAY {
            return None;
        }
        let caller = Caller::User { id: claims.sub.parse().ok()?, role: claims.role };
        if self.ended.borrow().round == 0 {
            let mut ended = self.ended.subscribe();
            let first = tokio::time::timeout(MAX_WAIT, ended.wait_for(|ended| ended.round > 0)).await;
            drop(first);
        }
        let ended = self.ended.borrow();
        match ended.sessions.contains(&claims.sid) {
            true => None,
            false => Some(if ended.is_known() { caller } else { Caller::Unverified }),
        }
    }

    /// The caller with an admin's token, verified with the user module: revoked access ends at once.
    pub(crate) async fn admin_now(&self, id: UserId, trace: Option<Trace>) -> Caller {
        let cx = Ctx::anonymous(BUDGET);
        match self.users.verify(&trace.map_or(cx.clone(), |trace| cx.in_trace(trace)), id).await {
            Ok(user) if user.is_active && user.is_admin => Caller::User { id, role: Role::Admin },
            // a change of role ends all sessions of a user
            Ok(_) | Err(UserError::NotFound) => Caller::Refused,
            Err(_) => Caller::Unverified,
        }
    }

    /// The keys of a round after `known`, or the current ones when none comes in time.
    async fn newer_keys(&self, known: u64) -> Keys {
        let mut keys = self.keys.subscribe();
        self.keys_wanted.notify_one();
        let newer = tokio::time::timeout(MAX_WAIT, keys.wait_for(|keys| keys.round > known)).await;
        drop(newer);
        self.keys.borrow().clone()
    }

    async fn keep_keys(&self, beat: Beat) {
        loop {
            let fetched = self.users.jwks(&Ctx::anonymous(BUDGET)).await;
            // the user module has logged its fault; the previous keys stay
            if fetched.is_ok() {
                beat.succeeded()
            } else {
                beat.failed()
            }
            let fresh = fetched.ok().map(|set| by_kid(&set)).filter(|keys| !keys.is_empty());
            self.keys.send_modify(|keys| {
                keys.round += 1;
                if let Some(fresh) = fresh {
                    keys.by_kid = Arc::new(fresh);
                }
            });
            tokio::time::sleep(FETCH_PAUSE).await;
            // wakes by time or by demand
            drop(tokio::time::timeout(FETCH_EVERY, self.keys_wanted.notified()).await);
        }
    }

    async fn poll_ended(&self, started: Instant) -> Result<(), Fault> {
        let (all, since) = {
            let ended = self.ended.borrow();
            let all = ended.all_as_of.is_none_or(|then| then.elapsed() >= POLL_ALL_EVERY);
            (all, if all { None } else { ended.as_of })
        };
        let asked = Instant::now();
        let found = self.users.revoked(&Ctx::anonymous(BUDGET), RevokedSince { since }).await;
        let failed = found.as_ref().err().map(ToString::to_string);
        self.ended.send_modify(|ended| {
            ended.round += 1;
            let Ok(found) = found else { return };
            if all {
                ended.sessions.clear();
                ended.all_as_of = Some(asked);
            }
            ended.sessions.extend(found.sessions);
            ended.as_of = Some(found.as_of);
            ended.polled_at = Some(asked);
        });
        let (age, is_known) = {
            let ended = self.ended.borrow();
            (ended.polled_at.unwrap_or(started).elapsed(), ended.is_known())
        };
        metrics::gauge!("souk_gateway_ended_sessions_age_seconds").set(age.as_secs_f64());
        match failed {
            None => Ok(()),
            Some(why) if is_known => Err(Fault::away(why)),
            Some(why) => Err(Fault::unavailable("The ended sessions are not known: logged-in users are refused", why)),
        }
    }
}

/// The id of the key of an access token; `None` for other tokens. Keys and URLs of keys in the header (`jwk`, `jku`, `x5u`) are
/// not trusted and not read.
fn key_id(header: Header) -> Option<String> {
    let is_access_token =
        header.typ.is_some_and(|typ| typ.strip_prefix("application/").unwrap_or(&typ).eq_ignore_ascii_case("at+jwt"));
    // RFC 7515 §4.1.11: critical extensions must be understood, and none is. The algorithm is checked with the signature.
    header.kid.filter(|_| is_access_token && header.crit.is_none())
}

fn by_kid(set: &user::Jwks) -> HashMap<String, DecodingKey> {
    let keys = set.keys.iter().filter(|key| key.kty == "OKP" && key.crv == "Ed25519");
    keys.filter_map(|key| Some((key.kid.clone(), DecodingKey::from_ed_components(&key.x).ok()?))).collect()
}
