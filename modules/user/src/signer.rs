//! Signs access tokens.

use crate::{AUDIENCE, AccessClaims, Config, ISSUER, Jwk, Jwks, secrets::random_id};
use aws_lc_rs::{rand::SystemRandom, signature::Ed25519KeyPair};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{self, AlgorithmParameters, ThumbprintHash},
};
use kernel::{BoxError, Fault, Role, UserId, now};
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
    /// Takes the key from the settings, or from the file that they name.
    pub(crate) fn open(config: &Config) -> Result<Self, BoxError> {
        let given = config.signing_key.reveal();
        if given.is_empty() {
            let file = &config.signing_key_file;
            let pem = read(file, config.generate_signing_key);
            pem.and_then(|pem| Self::of(&pem, config))
                .map_err(|e| format!("user.signing_key_file: {}: {e}", file.display()).into())
        } else {
            Self::of(given.as_bytes(), config).map_err(|e| format!("user.signing_key: {e}").into())
        }
    }

    /// `pem` is a key in PKCS #8.
    fn of(pem: &[u8], config: &Config) -> Result<Self, BoxError> {
        let unusable = |_| "is not an Ed25519 key in PKCS #8";
        let key = EncodingKey::from_ed_pem(pem).map_err(unusable)?;
        let public = jwk::Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(unusable)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).map_err(unusable)?;
        let AlgorithmParameters::OctetKeyPair(parameters) = public.algorithm else {
            return Err("is not an Ed25519 key".into());
        };
        let public = Jwk {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            x: parameters.x,
            kid: kid.clone(),
            alg: "EdDSA".into(),
            usage: "sig".into(),
        };
        // RFC 9068: no other JWT of the shop is accepted as an access token
        let header = Header { typ: Some("at+jwt".into()), kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        Ok(Self { key, header, jwks: Jwks { keys: vec![public] }, seconds: config.access_token_seconds })
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

    /// Lifetime of a token.
    pub(crate) fn seconds(&self) -> u32 {
        self.seconds
    }
}

/// Reads a key file; with `generate`, a missing one is generated.
fn read(file: &Path, generate: bool) -> Result<Vec<u8>, BoxError> {
    match fs::read(file) {
        Err(e) if e.kind() == ErrorKind::NotFound && generate => {
            generate_key(file)?;
            Ok(fs::read(file)?)
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Err("not found; `openssl genpkey -algorithm ed25519` makes one".into()),
        read => Ok(read?),
    }
}

/// Generates a key file that only its owner can read. The file appears complete: another process may read it at any time.
fn generate_key(file: &Path) -> io::Result<()> {
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
        // unlike renaming, linking never replaces an existing key
        .and_then(|()| fs::hard_link(&unfinished, file));
    fs::remove_file(&unfinished)?;
    match linked {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}
