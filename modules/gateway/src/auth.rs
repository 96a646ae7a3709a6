//! Who calls: access tokens (RFC 9068) of the user module, verified with its public keys, unless their session was ended.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header, get_current_timestamp};
use kernel::{
    Ctx, Fault, Role, UserId,
    chrono::{DateTime, Utc},
    jobs::{Beat, Jobs},
    server::bearer,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};
use user::{AUDIENCE, AccessClaims, ISSUER, RevokedSince, UserApi, UserClient};

/// How far the clocks of the user module and the gateway may differ, in seconds.
const LEEWAY: u64 = 30;
/// The longest token that is looked at, in bytes; ours have about 400.
const LONGEST: usize = 4096;
/// Keys are fetched again after this long, and as soon as a token names one that is not known.
const FETCH_EVERY: Duration = Duration::from_secs(45);
/// But never faster than this, whatever clients send.
const FETCH_PAUSE: Duration = Duration::from_secs(1);
/// How long a request waits for keys.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often ended sessions are asked for.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// How often all of them are asked for, not only the new ones: so that those whose tokens have expired are forgotten.
const POLL_ALL_EVERY: Duration = Duration::from_secs(300);
/// How long the user module may take to answer.
const BUDGET: Duration = Duration::from_secs(2);

/// What the credentials of a request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// It has none.
    Anonymous,
    /// A logged-in user.
    User { id: UserId, role: Role },
    /// They are not valid.
    Refused,
    /// Nobody can tell: there were never any keys to verify them with.
    Unverified,
}

pub(crate) struct Auth {
    users: UserClient,
    rules: Validation,
    keys: watch::Sender<Keys>,
    keys_wanted: Notify,
    ended: RwLock<Ended>,
}

#[derive(Clone, Default)]
struct Keys {
    by_kid: Arc<HashMap<String, DecodingKey>>,
    /// How many times they were fetched, or tried to be.
    round: u64,
}

/// Sessions that were ended while their access tokens are still valid.
#[derive(Default)]
struct Ended {
    sessions: HashSet<String>,
    as_of: Option<DateTime<Utc>>,
    all_as_of: Option<Instant>,
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
        let (keys, keys_wanted, ended) = (watch::Sender::default(), Notify::new(), RwLock::default());
        let auth = Arc::new(Self { users, rules, keys, keys_wanted, ended });

        let (fetcher, stop) = (auth.clone(), jobs.stopping().clone());
        jobs.keep("gateway.keys", move |beat| {
            let (fetcher, stop) = (fetcher.clone(), stop.clone());
            async move { stop.run_until_cancelled(fetcher.keep_keys(beat)).await.unwrap_or_default() }
        });
        let poller = auth.clone();
        jobs.every("gateway.ended_sessions", POLL_EVERY, move || {
            let poller = poller.clone();
            async move { poller.poll_ended().await }
        });
        auth
    }

    /// Whom a request comes from.
    pub(crate) async fn caller(&self, request: &HttpRequest) -> Caller {
        let mut sent = request.headers().get_all(AUTHORIZATION);
        match (sent.next(), sent.next()) {
            (None, _) => Caller::Anonymous,
            // two answers to "who are you" are none
            (Some(_), Some(_)) => Caller::Refused,
            (Some(_), None) => match bearer(request) {
                Some(token) if token.len() <= LONGEST => self.verify(token).await,
                _ => Caller::Refused,
            },
        }
    }

    async fn verify(&self, token: &str) -> Caller {
        let Some(kid) = decode_header(token).ok().and_then(key_id) else { return Caller::Refused };
        let mut keys = self.keys.borrow().clone();
        if !keys.by_kid.contains_key(&kid) {
            keys = self.newer_keys(keys.round).await;
        }
        match keys.by_kid.get(&kid) {
            Some(key) => self.check(token, key).unwrap_or(Caller::Refused),
            None if keys.by_kid.is_empty() => Caller::Unverified,
            None => Caller::Refused,
        }
    }

    fn check(&self, token: &str, key: &DecodingKey) -> Option<Caller> {
        let claims = decode::<AccessClaims>(token, key, &self.rules).ok()?.claims;
        if claims.iat > get_current_timestamp() + LEEWAY || self.ended().sessions.contains(&claims.sid) {
            return None;
        }
        Some(Caller::User { id: claims.sub.parse().ok()?, role: claims.role })
    }

    /// The keys of a later round than `known`, or the same ones when it does not come.
    async fn newer_keys(&self, known: u64) -> Keys {
        let mut keys = self.keys.subscribe();
        self.keys_wanted.notify_one();
        let newer = tokio::time::timeout(PATIENCE, keys.wait_for(|keys| keys.round > known)).await;
        drop(newer);
        self.keys.borrow().clone()
    }

    async fn keep_keys(&self, beat: Beat) {
        loop {
            let fetched = self.users.jwks(&Ctx::anonymous(BUDGET)).await;
            // a fault has been logged where it was made; the keys of before stay
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
            // in either case it is time
            drop(tokio::time::timeout(FETCH_EVERY, self.keys_wanted.notified()).await);
        }
    }

    async fn poll_ended(&self) -> Result<(), Fault> {
        let (all, since) = {
            let ended = self.ended();
            let all = ended.all_as_of.is_none_or(|then| then.elapsed() >= POLL_ALL_EVERY);
            (all, if all { None } else { ended.as_of })
        };
        let asked = Instant::now();
        let found = self.users.revoked(&Ctx::anonymous(BUDGET), RevokedSince { since }).await;
        let found = found.map_err(|e| Fault::away(e.to_string()))?;
        let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
        if all {
            ended.sessions.clear();
            ended.all_as_of = Some(asked);
        }
        ended.sessions.extend(found.sessions);
        ended.as_of = Some(found.as_of);
        Ok(())
    }

    fn ended(&self) -> std::sync::RwLockReadGuard<'_, Ended> {
        self.ended.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key that a token says it was signed with, if it is an access token at all. Keys and addresses of keys in a header
/// (`jwk`, `jku`, `x5u`) are what the token says about itself: nothing reads them.
fn key_id(header: Header) -> Option<String> {
    let is_access_token =
        header.typ.is_none_or(|typ| typ.strip_prefix("application/").unwrap_or(&typ).eq_ignore_ascii_case("at+jwt"));
    // RFC 7515 §4.1.11: an extension that must be understood, and is not. The algorithm is checked with the signature.
    header.kid.filter(|_| is_access_token && header.crit.is_none())
}

fn by_kid(set: &user::Jwks) -> HashMap<String, DecodingKey> {
    let keys = set.keys.iter().filter(|key| key.kty == "OKP" && key.crv == "Ed25519");
    keys.filter_map(|key| Some((key.kid.clone(), DecodingKey::from_ed_components(&key.x).ok()?))).collect()
}
