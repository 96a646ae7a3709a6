//! Tokens of internal calls: who calls, on whose behalf, and which one request to which operation of which module.
//!
//! A token is a JWT (RFC 7519) signed with HMAC-SHA256 by a key that the modules share. It lives for seconds, opens one operation
//! for one request, and, for writes, one time. Decision 3 has the reasons.

use crate::{Code, Ctx, Fault, Op, Principal, Problem, Role, UserId, error::log_seldom, jobs::Jobs};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode, errors::ErrorKind,
    get_current_timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

/// How long a token lives, in seconds.
const LIFETIME: u64 = 30;
/// How far the clocks of two machines may differ, in seconds.
const LEEWAY: u64 = 10;
/// The `typ` of our tokens (RFC 8725 §3.11): no other JWT is taken for one.
const TYPE: &str = "souk-call+jwt";
/// The `typ` of the tokens of the release before, which have no `kid`, `iat`, `nbf` and `req`.
const TYPE_BEFORE: &str = "JWT";
/// The code of the problem with which a token is refused.
pub(crate) const REFUSED: &str = "token_refused";
/// How often a file of keys is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// The keys that internal tokens are signed and verified with, and the memory of the tokens that were used. Cheap to clone.
#[derive(Clone)]
pub struct InternalKey(Arc<Inner>);

struct Inner {
    /// At least one; the first signs, all verify.
    keys: RwLock<Arc<[Key]>>,
    used: Mutex<Used>,
}

struct Key {
    /// With the `kid`.
    header: Header,
    sign: EncodingKey,
    verify: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    /// The module that calls.
    iss: String,
    /// The module that is called.
    aud: String,
    /// The operation that is called.
    op: String,
    /// The user on whose behalf, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    role: Option<Role>,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    nbf: Option<u64>,
    jti: String,
    /// The request that it is for: see [`request_hash`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    req: Option<String>,
}

/// A token that is good for its operation. What it is worth for the request is still to be seen: [`InternalKey::redeem`].
pub(crate) struct Verified {
    pub(crate) principal: Principal,
    /// The module that calls.
    pub(crate) caller: String,
    pub(crate) ticket: Ticket,
}

/// What of a token is looked at once the whole request has been read.
pub(crate) struct Ticket {
    id: u128,
    /// None in tokens of the release before.
    request: Option<String>,
}

impl InternalKey {
    /// The shortest key that is accepted, in bytes: as long as the hash (RFC 7518 §3.2).
    pub const MIN_LENGTH: usize = 32;

    /// A key of these bytes.
    ///
    /// # Errors
    /// When there are fewer than [`InternalKey::MIN_LENGTH`].
    pub fn new(secret: &[u8]) -> Result<Self, String> {
        Ok(Self::of([Key::new(secret)?].into()))
    }

    /// The keys in a file, one a line: the first signs, all verify. The file is read again when it changes; one that cannot be used
    /// then is reported, and the keys stay as they were.
    ///
    /// # Errors
    /// When the file cannot be read, has no key, or has one of fewer than [`InternalKey::MIN_LENGTH`] bytes. The text has no key.
    pub fn from_file(path: PathBuf, jobs: &Jobs) -> Result<Self, String> {
        let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
        let ours = Self::of(parse(&text)?);
        let key = ours.clone();
        jobs.every("kernel.internal_key", LOOK, move || {
            let (key, path) = (key.clone(), path.clone());
            async move {
                let text = tokio::fs::read_to_string(&path).await.map_err(|e| e.to_string());
                key.replace(&path, text.and_then(|text| parse(&text)))
            }
        });
        Ok(ours)
    }

    /// A key for this process only.
    pub fn random() -> Self {
        let secret = rand::random::<[u8; Self::MIN_LENGTH]>();
        Self::new(&secret).unwrap_or_else(|_| unreachable!("the secret has the length that is asked for"))
    }

    fn of(keys: Arc<[Key]>) -> Self {
        Self(Arc::new(Inner { keys: RwLock::new(keys), used: Mutex::default() }))
    }

    fn keys(&self) -> Arc<[Key]> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, path: &Path, keys: Result<Arc<[Key]>, String>) -> Result<(), Fault> {
        let keys = keys.map_err(|why| {
            let path = path.display();
            log_seldom("internal keys", |again| tracing::error!(%path, why, again, "the internal keys stay as they were"));
            Fault::away("The file of internal keys cannot be used")
        })?;
        let ids = |keys: &[Key]| keys.iter().map(|key| key.header.kid.clone()).collect::<Vec<_>>();
        if ids(&keys) != ids(&self.keys()) {
            tracing::info!(path = %path.display(), keys = keys.len(), "the internal keys have changed");
            *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Ok(())
    }

    /// A token for one call of `op`, on behalf of whom `cx` names. `target` is the path and the query as they are sent, `body` is empty
    /// when there is none.
    ///
    /// # Errors
    /// `internal` when signing fails.
    pub fn sign(&self, cx: &Ctx, op: &Op, target: &str, body: &[u8]) -> Result<String, Fault> {
        let (sub, role) = match cx.principal() {
            Principal::User { id, role } => (Some(id.to_string()), Some(role)),
            Principal::Anonymous => (None, None),
        };
        let now = get_current_timestamp();
        let claims = Claims {
            iss: cx.caller().unwrap_or_default().into(),
            aud: op.module.into(),
            op: op.id.into(),
            sub,
            role,
            exp: now + LIFETIME,
            iat: Some(now),
            nbf: Some(now),
            jti: format!("{:032x}", rand::random::<u128>()),
            req: Some(request_hash(op, target, body)),
        };
        let key = &self.keys()[0];
        encode(&key.header, &claims, &key.sign).map_err(Fault::internal)
    }

    /// Who calls `op` with this token, and on whose behalf.
    ///
    /// # Errors
    /// A problem with the code `token_refused` for anything but a fresh token of ours for exactly this operation.
    pub(crate) fn verify(&self, token: &str, op: &Op) -> Result<Verified, Box<Problem>> {
        let header = decode_header(token).map_err(|_| refused(FOREIGN))?;
        let is_of_before = match header.typ.as_deref() {
            Some(TYPE) if header.kid.is_some() => false,
            Some(TYPE_BEFORE) if header.kid.is_none() => true,
            _ => return Err(refused(FOREIGN)),
        };
        let claims = self.claims(token, header.kid.as_deref(), op)?;
        let now = get_current_timestamp();
        let is_timely = match (claims.iat, claims.nbf, &claims.req) {
            (Some(issued), Some(_), Some(_)) => claims.exp.saturating_sub(issued) <= LIFETIME,
            _ if is_of_before => true,
            _ => return Err(refused(FOREIGN)),
        };
        if !is_timely || claims.exp > now + LIFETIME + LEEWAY {
            return Err(refused(CLOCKS));
        }
        if claims.op != op.id {
            return Err(refused(OTHER));
        }
        let principal = match (claims.sub.map(|sub| sub.parse::<UserId>()), claims.role) {
            (Some(Ok(id)), Some(role)) => Principal::User { id, role },
            (None, None) => Principal::Anonymous,
            _ => return Err(refused(FOREIGN)),
        };
        let id = u128::from_str_radix(&claims.jti, 16).map_err(|_| refused(FOREIGN))?;
        Ok(Verified { principal, caller: claims.iss, ticket: Ticket { id, request: claims.req } })
    }

    /// The claims of a token that one of our keys signed and whose time it is.
    fn claims(&self, token: &str, kid: Option<&str>, op: &Op) -> Result<Claims, Box<Problem>> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = LEEWAY;
        rules.validate_nbf = true;
        rules.set_audience(&[op.module]);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        let keys = self.keys();
        let mut refusal = refused(KEY);
        for key in keys.iter().filter(|key| kid.is_none() || key.header.kid.as_deref() == kid) {
            match decode::<Claims>(token, &key.verify, &rules) {
                Ok(data) => return Ok(data.claims),
                Err(e) => match e.kind() {
                    // of several keys without names, the next may fit
                    ErrorKind::InvalidSignature => {}
                    ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => refusal = refused(CLOCKS),
                    ErrorKind::InvalidAudience => refusal = refused(OTHER),
                    _ => refusal = refused(FOREIGN),
                },
            }
        }
        Err(refusal)
    }

    /// Takes the token for this request. That of a write is taken once.
    ///
    /// # Errors
    /// `token_refused` when it is for another request or was used before; `unavailable` when too many writes are remembered.
    pub(crate) fn redeem(&self, ticket: &Ticket, op: &Op, target: &str, body: &[u8]) -> Result<(), Box<Problem>> {
        if ticket.request.as_ref().is_some_and(|request| *request != request_hash(op, target, body)) {
            return Err(refused(OTHER));
        }
        if op.is_read() {
            return Ok(());
        }
        match self.0.used.lock().unwrap_or_else(PoisonError::into_inner).add(ticket.id, Instant::now()) {
            Added::New => Ok(()),
            Added::Again => Err(refused("it was used before")),
            Added::Full => Err(Fault::unavailable("Too many writes", "the memory of used tokens is full").into()),
        }
    }
}

const FOREIGN: &str = "it is no token of an internal call";
const KEY: &str = "it is signed with a key that is not known here";
const CLOCKS: &str = "it has expired or is not valid yet, or lives too long: the clocks may differ";
const OTHER: &str = "it is for another request";

/// It is not the user who is refused, and callers must be able to tell: the problem has a code of its own. `why` is for whoever runs
/// the caller.
fn refused(why: &str) -> Box<Problem> {
    Box::new(Problem::new(Code::Unauthenticated, REFUSED, format!("The token of the call is refused: {why}"), None))
}

/// The problem of a request without a token.
pub(crate) fn missing() -> Box<Problem> {
    refused("there is none")
}

impl Key {
    fn new(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < InternalKey::MIN_LENGTH {
            return Err(format!("must have at least {} bytes", InternalKey::MIN_LENGTH));
        }
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.into());
        let id = Sha256::new().chain_update("souk internal key: ").chain_update(secret).finalize();
        header.kid = Some(format!("{id:x}")[..16].into());
        Ok(Self { header, sign: EncodingKey::from_secret(secret), verify: DecodingKey::from_secret(secret) })
    }
}

/// One key a line.
fn parse(text: &str) -> Result<Arc<[Key]>, String> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let keys = lines.map(|(i, line)| Key::new(line.as_bytes()).map_err(|e| format!("line {}: the key {e}", i + 1)));
    let keys = keys.collect::<Result<Arc<[Key]>, String>>()?;
    if keys.is_empty() { Err("there is no key in it".into()) } else { Ok(keys) }
}

/// Binds a token to what is asked: SHA-256 of the method, the path and query, and the body.
fn request_hash(op: &Op, target: &str, body: &[u8]) -> String {
    let head = Sha256::new().chain_update(op.method.as_str()).chain_update(" ").chain_update(target);
    format!("{:x}", head.chain_update("\n").chain_update(body).finalize())
}

/// The ids of writes whose tokens may still be good, in two generations: the older is dropped when all in it have expired.
struct Used {
    young: HashSet<u128>,
    old: HashSet<u128>,
    since: Instant,
}

impl Default for Used {
    fn default() -> Self {
        Self { young: HashSet::new(), old: HashSet::new(), since: Instant::now() }
    }
}

#[derive(Debug, PartialEq)]
enum Added {
    New,
    Again,
    /// Not added: who cannot remember a write must not let it in.
    Full,
}

impl Used {
    /// The longest that a token can be good after it was first seen: its life, with a clock behind at either end.
    const GENERATION: Duration = Duration::from_secs(LIFETIME + 2 * LEEWAY);
    /// Ids of one generation: 20,000 writes a second, in some 40 MiB.
    const MOST: usize = 1_000_000;

    fn add(&mut self, id: u128, now: Instant) -> Added {
        if now.duration_since(self.since) > Self::GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.since = now;
        }
        if self.young.contains(&id) || self.old.contains(&id) {
            return Added::Again;
        }
        if self.young.len() >= Self::MOST {
            return Added::Full;
        }
        self.young.insert(id);
        Added::New
    }
}

/// What tells the signature of bytes from that of a token.
const BYTES: &[u8] = b"souk bytes\n";

impl InternalKey {
    /// The signature of some bytes that go through other hands: HMAC-SHA256, in base64url.
    ///
    /// # Errors
    /// `internal` when signing fails.
    pub fn sign_bytes(&self, bytes: &[u8]) -> Result<String, Fault> {
        jsonwebtoken::crypto::sign(&[BYTES, bytes].concat(), &self.keys()[0].sign, Algorithm::HS256).map_err(Fault::internal)
    }

    /// Whether the signature is [`InternalKey::sign_bytes`] of these bytes.
    pub fn verify_bytes(&self, bytes: &[u8], signature: &str) -> bool {
        let bytes = [BYTES, bytes].concat();
        let is_of = |key: &Key| jsonwebtoken::crypto::verify(signature, &bytes, &key.verify, Algorithm::HS256).unwrap_or(false);
        self.keys().iter().any(is_of)
    }
}

impl fmt::Debug for InternalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InternalKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Method, Retry};

    const fn op(id: &'static str, module: &'static str, method: Method) -> Op {
        let (name, path) = ("", "");
        let (access, retry) = (Access::Anyone, Retry::Safe);
        Op { module, name, id, method, path, public: None, access, retry, rate: None, status: 200 }
    }
    const GET: Op = op("product.get", "product", Method::Get);
    const HOLD: Op = op("product.hold", "product", Method::Put);
    const REFUND: Op = op("payment.refund", "payment", Method::Put);

    fn key(letter: char) -> String {
        letter.to_string().repeat(InternalKey::MIN_LENGTH)
    }

    fn of(text: &str) -> InternalKey {
        InternalKey::of(parse(text).expect("keys"))
    }

    fn anyone() -> Ctx {
        Ctx::anonymous(Duration::from_secs(1)).via("order")
    }

    /// Whether a whole request with this token is let in.
    fn ask(key: &InternalKey, token: &str, op: &Op, target: &str, body: &str) -> bool {
        key.verify(token, op).is_ok_and(|verified| key.redeem(&verified.ticket, op, target, body.as_bytes()).is_ok())
    }

    #[test]
    fn bytes_are_signed_with_the_first_key_and_verified_with_all() {
        let (a, b) = (key('a'), key('b'));
        let (old, both) = (of(&a), of(&format!("{b}\n{a}")));
        let signature = old.sign_bytes(b"event").expect("signed");
        assert!(old.verify_bytes(b"event", &signature) && both.verify_bytes(b"event", &signature));
        assert!(!old.verify_bytes(b"another", &signature));
        assert!(!old.verify_bytes(b"event", &both.sign_bytes(b"event").expect("signed")), "a key that it does not know");
        assert!(!old.verify_bytes(b"event", "") && !old.verify_bytes(b"event", "ß"));
    }

    #[test]
    fn a_token_opens_one_operation_for_one_request_and_a_write_only_once() {
        let key = InternalKey::random();
        let user = Principal::User { id: UserId(7), role: Role::Customer };
        let cx = Ctx::new(user, Duration::from_secs(1)).via("order");
        let token = key.sign(&cx, &HOLD, "/holds/1?x=1", b"{}").expect("signed");
        assert!(key.verify(&token, &GET).is_err(), "another operation");
        assert!(key.verify(&token, &REFUND).is_err(), "another module");
        assert!(InternalKey::random().verify(&token, &HOLD).is_err(), "another key");
        let verified = key.verify(&token, &HOLD).map_err(|p| p.detail).expect("good");
        assert_eq!((verified.principal, verified.caller.as_str()), (user, "order"));
        for (target, body) in [("/holds/2?x=1", "{}"), ("/holds/1?x=2", "{}"), ("/holds/1", "{}"), ("/holds/1?x=1", "{} ")] {
            assert!(!ask(&key, &token, &HOLD, target, body), "another request: {target} {body}");
        }
        assert!(ask(&key, &token, &HOLD, "/holds/1?x=1", "{}"));
        assert!(!ask(&key, &token, &HOLD, "/holds/1?x=1", "{}"), "replayed");

        let read = key.sign(&cx, &GET, "/products/1", b"").expect("signed");
        assert!(
            ask(&key, &read, &GET, "/products/1", "") && ask(&key, &read, &GET, "/products/1", ""),
            "it has no effect to repeat"
        );
        assert!(!ask(&key, &read, &GET, "/products/2", ""));
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let (a, b) = (key('a'), key('b'));
        let (old, both, new) = (of(&a), of(&format!("{b}\n\n  {a}  \n")), of(&b));
        let sign = |key: &InternalKey| key.sign(&anyone(), &GET, "/", b"").expect("signed");
        assert!(both.verify(&sign(&old), &GET).is_ok() && new.verify(&sign(&both), &GET).is_ok());
        let unknown = old.verify(&sign(&both), &GET).err().expect("refused");
        assert_eq!((unknown.status, unknown.code.as_str()), (401, REFUSED));
        assert!(unknown.detail.contains(KEY), "{}", unknown.detail);
        for (bad, why) in [("", "no key"), ("\n \n", "no key"), ("short", "line 1"), (&format!("{a}\nshort"), "line 2")] {
            let error = parse(bad).err().expect("refused");
            assert!(error.contains(why) && !error.contains("short"), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_of_keys_is_read_again_and_a_broken_one_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        let (a, b) = (key('a'), key('b'));
        std::fs::write(&path, &a).expect("written");
        let jobs = Jobs::default();
        let keys = InternalKey::from_file(path.clone(), &jobs).expect("keys");
        let signs_with = |secret: &str| of(secret).verify(&keys.sign(&anyone(), &GET, "/", b"").expect("signed"), &GET).is_ok();
        let runs = || (jobs.report()[0].succeeded, jobs.report()[0].failed);
        let another_run = async || {
            let before = runs();
            // the clock jumps when nothing else is to be done
            while runs() == before {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        another_run().await;
        assert!(signs_with(&a));
        std::fs::write(&path, "short").expect("written");
        another_run().await;
        std::fs::remove_file(&path).expect("removed");
        another_run().await;
        assert!(signs_with(&a) && runs().1 >= 2, "{:?}", runs());
        std::fs::write(&path, format!("{b}\n{a}\n")).expect("written");
        let good = runs().0;
        while runs().0 < good + 2 {
            another_run().await;
        }
        assert!(signs_with(&b));
        assert!(keys.verify(&of(&a).sign(&anyone(), &GET, "/", b"").expect("signed"), &GET).is_ok());
        assert!(InternalKey::from_file(folder.path().join("none"), &jobs).is_err());
    }

    fn claims() -> Claims {
        let now = get_current_timestamp();
        Claims {
            iss: "order".into(),
            aud: "product".into(),
            op: "product.get".into(),
            sub: None,
            role: None,
            exp: now + LIFETIME,
            iat: Some(now),
            nbf: Some(now),
            jti: "1".into(),
            req: Some(request_hash(&GET, "/", b"")),
        }
    }

    #[test]
    fn forged_and_untimely_tokens_are_refused() {
        let key = InternalKey::random();
        let ours = key.keys()[0].header.clone();
        let sign = |header: &Header, claims: &Claims| encode(header, claims, &key.keys()[0].sign).expect("signed");
        let good = sign(&ours, &claims());
        assert!(ask(&key, &good, &GET, "/", ""));
        let now = get_current_timestamp();
        let bad = [
            ("expired", Claims { exp: now - LEEWAY - 5, iat: Some(now - 40), nbf: Some(now - 40), ..claims() }),
            ("not valid yet", Claims { exp: now + 50, iat: Some(now + 20), nbf: Some(now + 20), ..claims() }),
            ("lives too long", Claims { exp: now + LIFETIME + 5, ..claims() }),
            ("lives for ever", Claims { exp: u64::MAX, iat: Some(u64::MAX), ..claims() }),
            ("without iat", Claims { iat: None, ..claims() }),
            ("without nbf", Claims { nbf: None, ..claims() }),
            ("without a request", Claims { req: None, ..claims() }),
            ("a user without a role", Claims { sub: Some("1".into()), ..claims() }),
        ];
        for (what, claims) in bad {
            assert!(!ask(&key, &sign(&ours, &claims), &GET, "/", ""), "{what}");
        }
        let skewed =
            Claims { exp: now + LIFETIME + LEEWAY - 2, iat: Some(now + LEEWAY - 2), nbf: Some(now + LEEWAY - 2), ..claims() };
        assert!(ask(&key, &sign(&ours, &skewed), &GET, "/", ""), "clocks may differ a little");
        let hs512 = Header { alg: Algorithm::HS512, ..ours.clone() };
        let typ = |typ: Option<&str>| Header { typ: typ.map(Into::into), ..ours.clone() };
        for header in [hs512, typ(None), typ(Some("JWT")), typ(Some("at+jwt")), Header { kid: None, ..ours.clone() }] {
            assert!(!ask(&key, &sign(&header, &claims()), &GET, "/", ""), "{header:?}");
        }
        let (_, rest) = good.split_once('.').expect("three parts");
        // {"alg":"none"}
        for forged in [format!("eyJhbGciOiJub25lIn0.{rest}"), good[..good.len() - 4].to_owned(), String::new(), "a.b.c".into()] {
            assert!(!ask(&key, &forged, &GET, "/", ""), "{forged}");
        }
        assert!(InternalKey::new(b"short").is_err());
    }

    #[test]
    fn tokens_of_the_release_before_are_good_for_a_short_life() {
        let key = of(&format!("{}\n{}", key('b'), key('a')));
        let before = |claims: Claims| Claims { iat: None, nbf: None, req: None, op: HOLD.id.into(), ..claims };
        let sign = |claims: &Claims| {
            encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(self::key('a').as_bytes())).expect("signed")
        };
        let token = sign(&before(claims()));
        assert!(ask(&key, &token, &HOLD, "/whatever", "{}"), "it is not bound to a request");
        assert!(!ask(&key, &token, &HOLD, "/whatever", "{}"), "replayed");
        let now = get_current_timestamp();
        for exp in [now - LEEWAY - 5, now + LIFETIME + LEEWAY + 5] {
            let token = sign(&before(Claims { exp, jti: "2".into(), ..claims() }));
            assert!(!ask(&key, &token, &HOLD, "/", ""), "{exp}");
        }
    }

    #[test]
    fn used_writes_are_remembered_long_enough_and_a_full_memory_lets_nothing_in() {
        let mut used = Used::default();
        let start = used.since;
        let life = Used::GENERATION;
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!(used.add(1, start), Added::New);
        assert_eq!(used.add(2, start + life), Added::New);
        // each is remembered for at least a generation, over the change of generations, too
        assert_eq!(used.add(3, start + life + Duration::from_secs(1)), Added::New);
        assert_eq!(used.add(2, start + 2 * life), Added::Again);
        assert_eq!(used.add(1, after(52)), Added::Again);
        for id in 10..10 + Used::MOST as u128 {
            used.add(id, after(60));
        }
        assert_eq!(used.add(4, after(61)), Added::Full);
        assert_eq!(used.add(4, after(61)), Added::Full, "it was not let in, so it was not used");
        assert_eq!(used.add(4, after(120)), Added::New, "there is room again");
        assert_eq!(used.add(10, after(120)), Added::Again);
    }
}
