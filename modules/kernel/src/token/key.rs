//! The keys that modules share: they sign tokens of calls, and events that go through a broker.

use super::claims::{Claims, LIFETIME, TYPE, request_hash};
use crate::{Ctx, Fault, Op, Principal, jobs::Jobs, log::log_seldom};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode, get_current_timestamp};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// How often a file of keys is read.
const LOOK: Duration = Duration::from_secs(3);

/// The keys that internal tokens are signed and verified with: at least one. The first signs, all verify. Cheap to clone.
#[derive(Clone)]
pub struct InternalKey(Arc<RwLock<Arc<[Key]>>>);

pub(super) struct Key {
    /// With the `kid`.
    pub(super) header: Header,
    pub(super) sign: EncodingKey,
    pub(super) verify: DecodingKey,
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

    /// The keys in a file, one a line: the first signs, all verify. The file is read again when it changes; one that cannot be
    /// used then is reported, and the keys stay as they were.
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

    /// The keys in the text of a file, each with the number of its line.
    pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(text.lines().map(str::trim)).filter(|(_, key)| !key.is_empty())
    }

    /// A key for this process only.
    pub fn random() -> Self {
        let secret = rand::random::<[u8; Self::MIN_LENGTH]>();
        Self::new(&secret).unwrap_or_else(|_| unreachable!("the secret has the required length"))
    }

    pub(super) fn of(keys: Arc<[Key]>) -> Self {
        Self(Arc::new(RwLock::new(keys)))
    }

    pub(super) fn keys(&self) -> Arc<[Key]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
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
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Ok(())
    }

    /// A token for one call of `op`, by the module and for the user in `cx`. `target` is the path and the query as they are sent,
    /// `if_match` the value of that header, `body` is empty when there is none.
    ///
    /// # Errors
    /// `internal` when signing fails.
    pub fn sign(&self, cx: &Ctx, op: &Op, target: &str, if_match: Option<&str>, body: &[u8]) -> Result<String, Fault> {
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
            req: Some(request_hash(op, target, if_match, body)),
        };
        let key = &self.keys()[0];
        encode(&key.header, &claims, &key.sign).map_err(Fault::internal)
    }
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
pub(super) fn parse(text: &str) -> Result<Arc<[Key]>, String> {
    let keys =
        InternalKey::lines(text).map(|(line, key)| Key::new(key.as_bytes()).map_err(|e| format!("line {line}: the key {e}")));
    let keys = keys.collect::<Result<Arc<[Key]>, String>>()?;
    if keys.is_empty() { Err("there is no key in it".into()) } else { Ok(keys) }
}

/// Prefix of signed bytes: no signature of theirs is that of a token.
const BYTES: &[u8] = b"souk bytes\n";

impl InternalKey {
    /// The signature of bytes that go through a third party: HMAC-SHA256, in base64url.
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
