//! Access tokens, which are signed, and refresh tokens, which are random.

use crate::{AUDIENCE, AccessClaims, ISSUER, Jwk, Jwks};
use aws_lc_rs::{rand::SystemRandom, signature::Ed25519KeyPair};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{self, AlgorithmParameters, ThumbprintHash},
};
use kernel::{BoxError, Fault, Role, UserId, now};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::Path,
};

/// Signs access tokens with one Ed25519 key.
pub(crate) struct Signer {
    key: EncodingKey,
    header: Header,
    jwks: Jwks,
    seconds: u32,
}

impl Signer {
    /// Reads the key from a PEM file (PKCS #8), which is made first when there is none and `generate` is set. Tokens live for
    /// `seconds`.
    pub(crate) fn open(file: &Path, generate: bool, seconds: u32) -> Result<Self, BoxError> {
        let told = |e: &dyn std::fmt::Display| format!("user.signing_key_file: {}: {e}", file.display());
        let pem = match fs::read(file) {
            Err(e) if e.kind() == ErrorKind::NotFound && generate => {
                make(file).and_then(|()| fs::read(file)).map_err(|e| told(&e))?
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err(told(&"not found; `openssl genpkey -algorithm ed25519` makes one").into());
            }
            read => read.map_err(|e| told(&e))?,
        };
        let unusable = |_| told(&"is not an Ed25519 key in PKCS #8");
        let key = EncodingKey::from_ed_pem(&pem).map_err(unusable)?;
        let public = jwk::Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(unusable)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).map_err(unusable)?;
        let AlgorithmParameters::OctetKeyPair(parameters) = public.algorithm else {
            return Err(told(&"is not an Ed25519 key").into());
        };
        let public = Jwk {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            x: parameters.x,
            kid: kid.clone(),
            alg: "EdDSA".into(),
            usage: "sig".into(),
        };
        // RFC 9068: so that no other JWT of ours passes for an access token
        let header = Header { typ: Some("at+jwt".into()), kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        Ok(Self { key, header, jwks: Jwks { keys: vec![public] }, seconds })
    }

    pub(crate) fn sign(&self, user: UserId, role: Role, session: &str) -> Result<String, Fault> {
        let issued = u64::try_from(now().timestamp()).map_err(Fault::internal)?;
        let claims = AccessClaims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: user.to_string(),
            role,
            sid: session.into(),
            iat: issued,
            exp: issued + u64::from(self.seconds),
            jti: random_id(),
        };
        encode(&self.header, &claims, &self.key).map_err(Fault::internal)
    }

    pub(crate) fn jwks(&self) -> Jwks {
        self.jwks.clone()
    }

    /// How long a token lives.
    pub(crate) fn seconds(&self) -> u32 {
        self.seconds
    }
}

/// Makes a key that only its owner can read. It appears under its name at once and whole: another process may look for it now.
fn make(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let key = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(io::Error::other)?;
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let text = pem::encode_config(&pem::Pem::new("PRIVATE KEY", key.as_ref()), config);

    let unfinished = file.with_added_extension(random_id());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(&unfinished)?;
    let linked = open
        .write_all(text.as_bytes())
        .and_then(|()| open.sync_all())
        // unlike a renamed file, a link never takes the place of another key
        .and_then(|()| fs::hard_link(&unfinished, file));
    fs::remove_file(&unfinished)?;
    match linked {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

/// 128 random bits, for ids that nobody can guess.
pub(crate) fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// 256 random bits, for refresh tokens.
pub(crate) fn random_token() -> String {
    random_id() + &random_id()
}

/// What is stored of a refresh token or an e-mail address. Random tokens need no salt.
pub(crate) fn fingerprint(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
