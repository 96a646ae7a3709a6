//! Hashes of passwords: Argon2id (RFC 9106), away from the workers, and no more of them at once than there are cores.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{self, Error},
};
use kernel::{BoxError, Code, Fault};
use std::sync::Arc;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

/// Callers that may wait for a core, besides those that have one. A hash takes about 20 ms: the last one waits about a second.
const WAITING: usize = 64;

/// The hashing of passwords. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Passwords {
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// The hash of nobody's password.
    nobody: Arc<str>,
}

impl Passwords {
    /// Takes as long as one hash.
    pub(crate) fn new() -> Result<Self, BoxError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let nobody = hash(&format!("{:x}", rand::random::<u128>())).map_err(|e| format!("argon2: {e}"))?;
        Ok(Self {
            queue: Arc::new(Semaphore::new(cores + WAITING)),
            cores: Arc::new(Semaphore::new(cores)),
            nobody: nobody.into(),
        })
    }

    /// A place in the queue; `unavailable` when it is full.
    pub(crate) fn enter(&self) -> Result<Place<'_>, Fault> {
        match self.queue.clone().try_acquire_owned() {
            Ok(permit) => Ok(Place { passwords: self, _permit: permit }),
            Err(_) => Err(Fault::new(Code::Unavailable, "Too many logins at the moment").retry_after(1)),
        }
    }
}

/// A place in the queue for a core.
pub(crate) struct Place<'a> {
    passwords: &'a Passwords,
    _permit: OwnedSemaphorePermit,
}

impl Place<'_> {
    pub(crate) async fn hash(&self, password: String) -> Result<String, Fault> {
        self.on_core(move || hash(&password)).await
    }

    /// Whether this is the password. Without a hash it is not, and finding that out takes as long.
    pub(crate) async fn is_right(&self, password: String, of: Option<&str>) -> Result<bool, Fault> {
        let known = of.is_some();
        let stored = of.unwrap_or(&self.passwords.nobody).to_owned();
        let right = self.on_core(move || {
            let stored = PasswordHash::new(&stored)?;
            match argon2().verify_password(password.as_bytes(), &stored) {
                Ok(()) => Ok(true),
                Err(Error::PasswordInvalid) => Ok(false),
                Err(e) => Err(e),
            }
        });
        Ok(right.await? && known)
    }

    /// The core is given back when the work ends, even if its caller has left.
    async fn on_core<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let core = self.passwords.cores.clone().acquire_owned().await.map_err(Fault::internal)?;
        let done = spawn_blocking(move || {
            let _core = core;
            work()
        });
        done.await.map_err(Fault::internal)?.map_err(|e| Fault::internal(format_args!("argon2: {e}")))
    }
}

fn hash(password: &str) -> password_hash::Result<String> {
    Ok(argon2().hash_password(password.as_bytes())?.to_string())
}

/// The parameters that OWASP recommends: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    const PARAMS: Params = match Params::new(19_456, 2, 1, None) {
        Ok(params) => params,
        Err(_) => panic!("these parameters are within Argon2's limits"),
    };
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS)
}
