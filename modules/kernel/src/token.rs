//! Tokens of internal calls: who calls, on whose behalf, and which one operation of which module.
//!
//! A token is a JWT (RFC 7519) signed with HMAC-SHA256 by a key that the modules share. It lives for seconds, opens one operation,
//! and, for writes, one time.

use crate::{Ctx, Fault, Op, Principal, Role, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// How long a token lives, in seconds.
const LIFETIME: u64 = 30;
/// How far the clocks of two machines may differ, in seconds.
const LEEWAY: u64 = 30;

/// The key that internal tokens are signed and verified with.
#[derive(Clone)]
pub struct InternalKey(Arc<Keys>);

struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
    used: moka::sync::Cache<u128, ()>,
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
    jti: String,
}

impl InternalKey {
    /// The shortest key that is accepted, in bytes: as long as the hash (RFC 7518 §3.2).
    pub const MIN_LENGTH: usize = 32;

    /// A key of these bytes.
    ///
    /// # Errors
    /// When there are fewer than [`InternalKey::MIN_LENGTH`].
    pub fn new(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < Self::MIN_LENGTH {
            return Err(format!("must have at least {} bytes", Self::MIN_LENGTH));
        }
        // Holds the ids of writes until their tokens have expired.
        let used =
            moka::sync::Cache::builder().max_capacity(1_000_000).time_to_live(Duration::from_secs(LIFETIME + 2 * LEEWAY)).build();
        let (sign, verify) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Ok(Self(Arc::new(Keys { sign, verify, used })))
    }

    /// A key for this process only.
    pub fn random() -> Self {
        let secret = rand::random::<[u8; Self::MIN_LENGTH]>();
        Self::new(&secret).unwrap_or_else(|_| unreachable!("the secret has the length that is asked for"))
    }

    /// A token for one call of `op`, on behalf of whom `cx` names.
    ///
    /// # Errors
    /// `internal` when signing fails.
    pub fn sign(&self, cx: &Ctx, op: &Op) -> Result<String, Fault> {
        let (sub, role) = match cx.principal() {
            Principal::User { id, role } => (Some(id.to_string()), Some(role)),
            Principal::Anonymous => (None, None),
        };
        let claims = Claims {
            iss: cx.caller().unwrap_or_default().into(),
            aud: op.module.into(),
            op: op.id.into(),
            sub,
            role,
            exp: get_current_timestamp() + LIFETIME,
            jti: format!("{:032x}", rand::random::<u128>()),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.0.sign).map_err(Fault::internal)
    }

    /// Who calls `op` with this token, and on whose behalf.
    ///
    /// # Errors
    /// `unauthenticated` for anything but a fresh token of ours for exactly this operation.
    pub fn verify(&self, token: &str, op: &Op) -> Result<(Principal, String), Fault> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = LEEWAY;
        rules.set_audience(&[op.module]);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        let claims = decode::<Claims>(token, &self.0.verify, &rules).map_err(|_| Fault::unauthenticated())?.claims;
        let jti = u128::from_str_radix(&claims.jti, 16).map_err(|_| Fault::unauthenticated())?;
        if claims.op != op.id || !(op.is_read() || self.0.used.entry(jti).or_insert(()).is_fresh()) {
            return Err(Fault::unauthenticated());
        }
        let principal = match (claims.sub.map(|sub| sub.parse::<UserId>()), claims.role) {
            (Some(Ok(id)), Some(role)) => Principal::User { id, role },
            (None, None) => Principal::Anonymous,
            _ => return Err(Fault::unauthenticated()),
        };
        Ok((principal, claims.iss))
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
        jsonwebtoken::crypto::sign(&[BYTES, bytes].concat(), &self.0.sign, Algorithm::HS256).map_err(Fault::internal)
    }

    /// Whether the signature is [`InternalKey::sign_bytes`] of these bytes.
    pub fn verify_bytes(&self, bytes: &[u8], signature: &str) -> bool {
        let bytes = [BYTES, bytes].concat();
        jsonwebtoken::crypto::verify(signature, &bytes, &self.0.verify, Algorithm::HS256).unwrap_or(false)
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

    #[test]
    fn a_token_opens_one_operation_and_a_write_only_once() {
        let key = InternalKey::random();
        let user = Principal::User { id: UserId(7), role: Role::Customer };
        let cx = Ctx::new(user, Duration::from_secs(1)).via("order");
        let token = key.sign(&cx, &HOLD).expect("signed");
        assert!(key.verify(&token, &GET).is_err(), "another operation");
        assert!(key.verify(&token, &REFUND).is_err(), "another module");
        assert!(InternalKey::random().verify(&token, &HOLD).is_err(), "another key");
        assert_eq!(key.verify(&token, &HOLD), Ok((user, "order".into())));
        assert!(key.verify(&token, &HOLD).is_err(), "replayed");

        let read = key.sign(&cx, &GET).expect("signed");
        assert!(key.verify(&read, &GET).is_ok() && key.verify(&read, &GET).is_ok(), "a read has no effect to repeat");
    }

    #[test]
    fn bytes_are_signed_with_the_key() {
        let key = InternalKey::random();
        let signature = key.sign_bytes(b"event").expect("signed");
        assert!(key.verify_bytes(b"event", &signature));
        assert!(!key.verify_bytes(b"another", &signature));
        assert!(!InternalKey::random().verify_bytes(b"event", &signature), "another key");
        assert!(!key.verify_bytes(b"event", "") && !key.verify_bytes(b"event", "ß"));
    }

    #[test]
    fn forged_and_expired_tokens_are_refused() {
        let key = InternalKey::random();
        let claims = |exp: u64| Claims {
            iss: "order".into(),
            aud: "product".into(),
            op: "product.get".into(),
            sub: None,
            role: None,
            exp,
            jti: "1".into(),
        };
        let sign = |header: &Header, claims: &Claims| encode(header, claims, &key.0.sign).expect("signed");
        let now = get_current_timestamp();
        assert!(key.verify(&sign(&Header::new(Algorithm::HS256), &claims(now + 5)), &GET).is_ok());
        assert!(key.verify(&sign(&Header::new(Algorithm::HS256), &claims(now - 61)), &GET).is_err(), "expired");
        assert!(key.verify(&sign(&Header::new(Algorithm::HS512), &claims(now + 5)), &GET).is_err(), "another algorithm");
        let good = sign(&Header::new(Algorithm::HS256), &claims(now + 5));
        let (_, rest) = good.split_once('.').expect("three parts");
        // {"alg":"none"}
        for forged in [format!("eyJhbGciOiJub25lIn0.{rest}"), good[..good.len() - 4].to_owned(), String::new(), "a.b.c".into()] {
            assert!(key.verify(&forged, &GET).is_err(), "{forged}");
        }
        assert!(InternalKey::new(b"short").is_err());
    }
}
