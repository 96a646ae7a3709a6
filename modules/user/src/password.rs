//! Hashing of passwords: Argon2id (RFC 9106), on threads of its own, with at most one hash per core at a time.

use crate::Password;
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

/// Callers that may wait for a core. A hash takes about 20 ms: the last caller waits about a second.
const WAITING: usize = 64;

/// The hashing of passwords. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Passwords {
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// The hash that is checked in place of an unknown user's.
    decoy: Arc<str>,
}

impl Passwords {
    /// Computes one hash.
    pub(crate) fn new() -> Result<Self, BoxError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let decoy = hash(&format!("{:x}", rand::random::<u128>())).map_err(|e| format!("argon2: {e}"))?;
        Ok(Self { queue: Arc::new(Semaphore::new(cores + WAITING)), cores: Arc::new(Semaphore::new(cores)), decoy: decoy.into() })
    }

    /// Enters the queue; `unavailable` when it is full.
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
    /// Why the password is easy to guess, if it is. `person` has the first name, last name and e-mail address of its user.
    pub(crate) async fn weakness(&self, password: String, person: [String; 3]) -> Result<Option<Weakness>, Fault> {
        self.on_core(move || Ok(weakness(&password, &person))).await
    }

    pub(crate) async fn hash(&self, password: Password) -> Result<String, Fault> {
        self.on_core(move || hash(&password)).await
    }

    /// Whether the password has this hash. Without a hash the answer is `false`, after the same time.
    pub(crate) async fn is_right(&self, password: Password, of: Option<&str>) -> Result<bool, Fault> {
        let known = of.is_some();
        let stored = of.unwrap_or(&self.passwords.decoy).to_owned();
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

    /// Runs work on a core. The core is released when the work ends, even if the caller is gone.
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

/// Why a password is easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weakness {
    /// It is common, or follows a pattern.
    Common,
    /// It is made of the name of the shop, or of the person's names or e-mail address.
    OfThePerson,
}

/// Words for the shop, which everybody knows.
const SHOP: [&str; 2] = ["souk", "shop"];
/// Guesses that a password must withstand, as zxcvbn counts them: as many as eight random digits.
const MIN_GUESSES: u64 = 100_000_000;
/// The longest password that is checked, in characters: longer ones are strong by their length, and slow to check.
const MAX_CHECKED: usize = 40;

fn weakness(password: &str, person: &[String; 3]) -> Option<Weakness> {
    let is_weak = |text: &str| zxcvbn::zxcvbn(text, &SHOP).guesses() < MIN_GUESSES;
    if password.chars().count() > MAX_CHECKED {
        return None;
    }
    if is_weak(password) {
        return Some(Weakness::Common);
    }
    // only the part of the e-mail address before the @: the rest is a provider's name
    let [first, last, email] = person;
    let name = email.rsplit_once('@').map_or("", |(name, _)| name);
    let all = [first.as_str(), last, name].join(" ").to_lowercase();
    let of_the_person = all.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 3);
    let mut words: Vec<&str> = of_the_person.chain(SHOP).collect();
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let lower = password.to_lowercase();
    let rest = words.iter().fold(lower.clone(), |rest, word| rest.replace(word, ""));
    (rest != lower && is_weak(&rest)).then_some(Weakness::OfThePerson)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of_leyla(password: &str) -> Option<Weakness> {
        weakness(password, &["Leyla".into(), "Al-Aziz".into(), "l.haddad2@example.com".into()])
    }

    #[test]
    fn common_passwords_are_refused() {
        for bad in [
            "Password1",
            "Qwerty123",
            "Welcome1",
            "Summer2026",
            "Souk-2026",
            "Souk2026!",
            "Letmein1",
            "Iloveyou1",
            "P@ssw0rd",
            "Passw0rd123",
            "Winter2025!",
            "Monkey123",
            "Abcd1234",
            "1q2w3e4rT",
            "Zaq12wsx",
            "Passwort1",
            "Berlin2026",
            "Aaaaaaa1",
            "SoukSouk1",
            "Changeme1",
        ] {
            assert_eq!(of_leyla(bad), Some(Weakness::Common), "{bad}");
        }
    }

    #[test]
    fn passwords_made_of_the_person_are_refused() {
        for bad in ["Customer-Souk-1", "Souk-2026-shop"] {
            assert_eq!(of_leyla(bad), Some(Weakness::OfThePerson), "{bad}: of the shop, that is");
        }
        for bad in ["Leyla-Aziz-1", "Aziz.Leyla.7", "Haddad2-Leyla-1", "Leyla-Al-Aziz-1990"] {
            assert!(of_leyla(bad).is_some(), "{bad}");
            assert_eq!(weakness(bad, &["Omar".into(), "Khoury".into(), "omar@example.com".into()]), None, "{bad}");
        }
    }

    #[test]
    fn other_passwords_are_accepted() {
        let long = "Aa1-".repeat(18);
        for fine in [
            "Saffron-7-Road",
            "Sumac-9-Street",
            "Cumin-8-Lane",
            "Correct-Horse-7",
            "Xk9mQ2vL",
            "Saffron 7 Rōad 🛒",
            "Leylandii-Hedge-42-Trim",
            &long,
        ] {
            assert_eq!(of_leyla(fine), None, "{fine}");
        }
    }
}
