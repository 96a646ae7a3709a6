//! Verifies tokens, and remembers the ones of writes.

use super::{
    claims::{Claims, LIFETIME, REFUSED, TYPE, request_hash},
    key::InternalKey,
};
use crate::{Code, Fault, Op, Principal, Problem, UserId};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, errors::ErrorKind, get_current_timestamp};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How far the clocks of two machines may differ, in seconds.
const LEEWAY: u64 = 10;
/// The `typ` of the tokens of the release before, which have no `kid`, `iat`, `nbf` and `req`.
const TYPE_BEFORE: &str = "JWT";

/// Verifies the tokens that a server receives.
pub(crate) struct Verifier {
    key: InternalKey,
    used: Mutex<Used>,
}

/// A token that is good for its operation. Whether it is good for the request is up to [`Verifier::redeem`].
pub(crate) struct Verified {
    pub(crate) principal: Principal,
    /// The module that calls.
    pub(crate) caller: String,
    pub(crate) ticket: Ticket,
}

/// The part of a token that is checked once the whole request has been read.
pub(crate) struct Ticket {
    id: u128,
    /// None in tokens of the release before.
    request: Option<String>,
}

impl Verifier {
    pub(crate) fn new(key: InternalKey) -> Self {
        Self { key, used: Mutex::default() }
    }

    /// The calling module and the principal of this call of `op`.
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
        let keys = self.key.keys();
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

    /// Accepts the token for this request; the token of a write is accepted once.
    ///
    /// # Errors
    /// `token_refused` when it is for another request or was used before; `unavailable` when too many writes are remembered.
    pub(crate) fn redeem(
        &self,
        ticket: &Ticket,
        op: &Op,
        target: &str,
        if_match: Option<&str>,
        body: &[u8],
    ) -> Result<(), Box<Problem>> {
        if ticket.request.as_ref().is_some_and(|request| *request != request_hash(op, target, if_match, body)) {
            return Err(refused(OTHER));
        }
        if op.is_read() {
            return Ok(());
        }
        match self.used.lock().unwrap_or_else(PoisonError::into_inner).add(ticket.id, Instant::now()) {
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

/// The caller is refused, not the user: the problem has a code of its own, by which callers tell the two apart. `why` is for the
/// operators of the caller.
fn refused(why: &str) -> Box<Problem> {
    Box::new(Problem::new(Code::Unauthenticated, REFUSED, format!("The token of the call is refused: {why}"), None))
}

/// The problem of a request without a token.
pub(crate) fn missing() -> Box<Problem> {
    refused("there is none")
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
    /// Not added: a write that cannot be remembered must be refused.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Condition, Ctx, Method, Retry, Role, jobs::Jobs, token::key::parse};
    use jsonwebtoken::{EncodingKey, Header, encode};

    const fn op(id: &'static str, module: &'static str, method: Method) -> Op {
        let (name, path) = ("", "");
        let (access, retry) = (Access::Anyone, Retry::Safe);
        let (etag, localized, condition) = (false, false, Condition::None);
        let (upload, download, within) = (None, &[], None);
        Op {
            module,
            name,
            id,
            method,
            path,
            public: None,
            access,
            retry,
            location: None,
            etag,
            localized,
            condition,
            upload,
            download,
            within,
            rate: None,
            status: 200,
            location: None,
            errors: &[],
        }
    }
    const GET: Op = op("product.get", "product", Method::Get);
    const HOLD: Op = op("product.hold", "product", Method::Put);
    const REFUND: Op = op("payment.refund", "payment", Method::Put);

    fn key(letter: char) -> String {
        letter.to_string().repeat(InternalKey::MIN_LENGTH)
    }

    fn of(text: &str) -> Verifier {
        Verifier::new(InternalKey::of(parse(text).expect("keys")))
    }

    fn random() -> Verifier {
        Verifier::new(InternalKey::random())
    }

    fn sign(verifier: &Verifier) -> String {
        verifier.key.sign(&anyone(), &GET, "/", None, b"").expect("signed")
    }

    fn anyone() -> Ctx {
        Ctx::anonymous(Duration::from_secs(1)).via("order")
    }

    /// Whether a whole request with this token is let in.
    fn ask(key: &Verifier, token: &str, op: &Op, target: &str, body: &str) -> bool {
        key.verify(token, op).is_ok_and(|verified| key.redeem(&verified.ticket, op, target, None, body.as_bytes()).is_ok())
    }

    #[test]
    fn bytes_are_signed_with_the_first_key_and_verified_with_all() {
        let (a, b) = (key('a'), key('b'));
        let (old, both) = (of(&a).key, of(&format!("{b}\n{a}")).key);
        let signature = old.sign_bytes(b"event").expect("signed");
        assert!(old.verify_bytes(b"event", &signature) && both.verify_bytes(b"event", &signature));
        assert!(!old.verify_bytes(b"another", &signature));
        assert!(!old.verify_bytes(b"event", &both.sign_bytes(b"event").expect("signed")), "a key that it does not know");
        assert!(!old.verify_bytes(b"event", "") && !old.verify_bytes(b"event", "ß"));
    }

    #[test]
    fn a_token_opens_one_operation_for_one_request_and_a_write_only_once() {
        let key = random();
        let user = Principal::User { id: UserId(7), role: Role::Customer };
        let cx = Ctx::new(user, Duration::from_secs(1)).via("order");
        let token = key.key.sign(&cx, &HOLD, "/holds/1?x=1", None, b"{}").expect("signed");
        assert!(key.verify(&token, &GET).is_err(), "another operation");
        assert!(key.verify(&token, &REFUND).is_err(), "another module");
        assert!(random().verify(&token, &HOLD).is_err(), "another key");
        let verified = key.verify(&token, &HOLD).map_err(|p| p.detail).expect("good");
        assert_eq!((verified.principal, verified.caller.as_str()), (user, "order"));
        for (target, body) in [("/holds/2?x=1", "{}"), ("/holds/1?x=2", "{}"), ("/holds/1", "{}"), ("/holds/1?x=1", "{} ")] {
            assert!(!ask(&key, &token, &HOLD, target, body), "another request: {target} {body}");
        }
        assert!(ask(&key, &token, &HOLD, "/holds/1?x=1", "{}"));
        assert!(!ask(&key, &token, &HOLD, "/holds/1?x=1", "{}"), "replayed");

        let read = key.key.sign(&cx, &GET, "/products/1", None, b"").expect("signed");
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
        let signs_with =
            |secret: &str| of(secret).verify(&keys.sign(&anyone(), &GET, "/", None, b"").expect("signed"), &GET).is_ok();
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
        assert!(Verifier::new(keys.clone()).verify(&sign(&of(&a)), &GET).is_ok());
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
            req: Some(request_hash(&GET, "/", None, b"")),
        }
    }

    #[test]
    fn forged_and_untimely_tokens_are_refused() {
        let key = random();
        let ours = key.key.keys()[0].header.clone();
        let sign = |header: &Header, claims: &Claims| encode(header, claims, &key.key.keys()[0].sign).expect("signed");
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
