//! Who calls: access tokens (RFC 9068) of the user module, verified with its public keys, unless their session was ended.
//!
//! What keys and ended sessions say may be some seconds old. That is good enough to read by, and to buy; not for what an admin
//! changes: there the user module is asked whether the caller is one now.

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

/// How far the clocks of the user module and the gateway may differ, in seconds.
const LEEWAY: u64 = LEEWAY_SECONDS as u64;
/// The longest token that is looked at, in bytes; ours have about 400.
const LONGEST: usize = 4096;
/// Keys are fetched again after this long, and as soon as a token names one that is not known.
const FETCH_EVERY: Duration = Duration::from_secs(45);
/// But never faster than this, whatever clients send.
const FETCH_PAUSE: Duration = Duration::from_secs(1);
/// How long a request waits for keys, or for the first ended sessions.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often ended sessions are asked for.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// How often all of them are asked for, not only the new ones: so that those whose tokens have expired are forgotten.
const POLL_ALL_EVERY: Duration = Duration::from_secs(300);
/// How old the list of ended sessions may be. With an older one nobody can tell who is still logged in.
const LIST_LIVES: Duration = Duration::from_secs(10);
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
    /// Nobody can tell: there are no keys to verify them with, or it is not known which sessions were ended.
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
    /// How many times they were fetched, or tried to be.
    round: u64,
}

/// Sessions that were ended while their access tokens are still valid.
#[derive(Default)]
struct Ended {
    sessions: HashSet<String>,
    as_of: Option<DateTime<Utc>>,
    all_as_of: Option<Instant>,
    /// When the last question was asked that was answered.
    heard: Option<Instant>,
    /// How many times they were asked for.
    round: u64,
}

impl Ended {
    fn is_known(&self) -> bool {
        self.heard.is_some_and(|heard| heard.elapsed() <= LIST_LIVES)
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

    /// Whom a request comes from.
    pub(crate) async fn caller(&self, request: &HttpRequest) -> Caller {
        if !request.headers().contains_key(AUTHORIZATION) {
            return Caller::Anonymous;
        }
        match bearer(request) {
            Some(token) if token.len() <= LONGEST => self.verify(token).await,
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
            let first = tokio::time::timeout(PATIENCE, ended.wait_for(|ended| ended.round > 0)).await;
            drop(first);
        }
        let ended = self.ended.borrow();
        match ended.sessions.contains(&claims.sid) {
            true => None,
            false => Some(if ended.is_known() { caller } else { Caller::Unverified }),
        }
    }

    /// Who calls when a token says that it is an admin, asked of the user module now: access that was taken away is gone at once.
    pub(crate) async fn admin_now(&self, id: UserId, trace: Option<Trace>) -> Caller {
        let cx = Ctx::anonymous(BUDGET);
        match self.users.verify(&trace.map_or(cx.clone(), |trace| cx.in_trace(trace)), id).await {
            Ok(user) if user.is_active && user.is_admin => Caller::User { id, role: Role::Admin },
            // the sessions of whoever loses a role have ended
            Ok(_) | Err(UserError::NotFound) => Caller::Refused,
            Err(_) => Caller::Unverified,
        }
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
            ended.heard = Some(asked);
        });
        let (age, is_known) = {
            let ended = self.ended.borrow();
            (ended.heard.unwrap_or(started).elapsed(), ended.is_known())
        };
        metrics::gauge!("souk_gateway_ended_sessions_age_seconds").set(age.as_secs_f64());
        match failed {
            None => Ok(()),
            Some(why) if is_known => Err(Fault::away(why)),
            Some(why) => {
                Err(Fault::unavailable("Nobody can tell which sessions were ended: whoever is logged in is refused", why))
            }
        }
    }
}

/// The key that a token says it was signed with, if it is an access token at all. Keys and addresses of keys in a header
/// (`jwk`, `jku`, `x5u`) are what the token says about itself: nothing reads them.
fn key_id(header: Header) -> Option<String> {
    let is_access_token =
        header.typ.is_some_and(|typ| typ.strip_prefix("application/").unwrap_or(&typ).eq_ignore_ascii_case("at+jwt"));
    // RFC 7515 §4.1.11: an extension that must be understood, and is not. The algorithm is checked with the signature.
    header.kid.filter(|_| is_access_token && header.crit.is_none())
}

fn by_kid(set: &user::Jwks) -> HashMap<String, DecodingKey> {
    let keys = set.keys.iter().filter(|key| key.kty == "OKP" && key.crv == "Ed25519");
    keys.filter_map(|key| Some((key.kid.clone(), DecodingKey::from_ed_components(&key.x).ok()?))).collect()
}
