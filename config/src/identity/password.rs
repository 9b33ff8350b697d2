//! Passwords, hashed with Argon2id: a bounded number at a time, because each takes 19 MiB and tens of milliseconds.
//!
//! A person who does not exist costs what one who does costs, so that the time of an answer says nothing.

use std::fmt;
use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::Secret;
use crate::limits::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN, PASSWORD_SEATS, PASSWORD_WAITING_MAX,
};
use crate::time::{Entropy, NoEntropy};

/// Memory of one hash, in KiB. Source: OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// Hashes and verifies passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    entropy: Entropy,
    /// Those who hash.
    seats: Semaphore,
    /// Those who hash, and those who wait for them.
    queue: Semaphore,
    /// What stands in for the hash of one who has none.
    nobody: OnceLock<PasswordHash>,
}

/// The hash of a password, as a PHC string.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PasswordHash(Box<str>);

/// Why a password was neither hashed nor verified. None of them says that it is wrong.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many at a time.
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    /// There were no random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The text is no hash of a password.
    #[error("this is not the hash of a password")]
    NotAHash,
    /// The hash could not be computed.
    #[error("the password could not be hashed")]
    Failed,
}

impl Passwords {
    /// Hashes with salts of `entropy`.
    pub fn new(entropy: Entropy) -> Self {
        Self {
            inner: Arc::new(Inner {
                entropy,
                seats: Semaphore::new(PASSWORD_SEATS),
                queue: Semaphore::new(PASSWORD_SEATS + PASSWORD_WAITING_MAX),
                nobody: OnceLock::new(),
            }),
        }
    }

    /// Hashes a password. Whether it is good enough was asked before: see [`PasswordRule`].
    ///
    /// # Errors
    /// [`PasswordError::Busy`], or no random bytes.
    pub async fn hash(&self, password: Secret) -> Result<PasswordHash, PasswordError> {
        let salt = self.inner.entropy.bytes::<SALT_BYTES>()?;
        self.inner.work(move || hash(&password, salt)).await
    }

    /// Whether it is this password. Without a hash it takes as long, and is not.
    ///
    /// # Errors
    /// [`PasswordError::Busy`], or a hash that this version cannot read.
    pub async fn verify(
        &self,
        password: Secret,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordError> {
        let (inner, hash) = (Arc::clone(&self.inner), hash.cloned());
        // Both ways make sure that there is a stand-in, and both hash off the threads of requests.
        let work = move || {
            let nobody = inner.nobody()?;
            match hash {
                Some(hash) => verify(&password, &hash),
                None => verify(&password, &nobody).map(|_| false),
            }
        };
        self.inner.work(work).await
    }
}

impl Inner {
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = self.queue.try_acquire().map_err(|_| PasswordError::Busy)?;
        let _seat = self
            .seats
            .acquire()
            .await
            .map_err(|_| PasswordError::Busy)?;
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or(Err(PasswordError::Failed))
    }

    fn nobody(&self) -> Result<PasswordHash, PasswordError> {
        if let Some(made) = self.nobody.get() {
            return Ok(made.clone());
        }
        let salt = self.entropy.bytes::<SALT_BYTES>()?;
        let password = Secret::new(self.entropy.bytes::<32>()?.to_vec());
        let made = hash(&password, salt)?;
        Ok(self.nobody.get_or_init(|| made).clone())
    }
}

fn hash(password: &Secret, salt: [u8; SALT_BYTES]) -> Result<PasswordHash, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Failed)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let made: Result<phc::PasswordHash, _> =
        password.lend(|password| argon.hash_password_with_salt(password, &salt));
    let made = made.map_err(|_| PasswordError::Failed)?;
    Ok(PasswordHash(made.to_string().into()))
}

fn verify(password: &Secret, hash: &PasswordHash) -> Result<bool, PasswordError> {
    let hash = phc::PasswordHash::new(&hash.0).map_err(|_| PasswordError::NotAHash)?;
    // The parameters are those of the hash: who raises them later can still check what was made before.
    Ok(password.lend(|password| Argon2::default().verify_password(password, &hash).is_ok()))
}

impl TryFrom<String> for PasswordHash {
    type Error = PasswordError;

    fn try_from(text: String) -> Result<Self, PasswordError> {
        match phc::PasswordHash::new(&text) {
            Ok(_) => Ok(Self(text.into())),
            Err(_) => Err(PasswordError::NotAHash),
        }
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> Self {
        hash.0.into()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What a password must be. Length and not being one's own name are all: rules about digits and signs make worse ones.
/// Source: NIST SP 800-63B section 3.1.1.2.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRule<'a> {
    /// What the password must not be or contain: names and addresses of its owner.
    pub own_names: &'a [&'a str],
}

/// Why a password is not good enough, as a sentence for the one who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too short.
    #[error(
        "a password has at least {PASSWORD_CHARACTERS_MIN} characters; a few words are easier to remember than signs"
    )]
    Short,
    /// Too long.
    #[error("a password has at most {PASSWORD_BYTES_MAX} bytes")]
    Long,
    /// It is not text.
    #[error("a password is UTF-8 text")]
    NotText,
    /// One character, again and again.
    #[error("the same few characters over and over are guessed first; choose another password")]
    Monotonous,
    /// It holds the name of its owner.
    #[error("a password does not contain the name or address of its owner")]
    OwnName,
}

/// Fewest different characters of a password.
const DIFFERENT_CHARACTERS_MIN: usize = 5;
/// Shortest name that a password must not contain, in characters: shorter ones are in too many words.
const OWN_NAME_CHARACTERS_MIN: usize = 4;

impl PasswordRule<'_> {
    /// Whether a password is good enough.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(self, password: &Secret) -> Result<(), Weakness> {
        password.lend(|bytes| {
            if bytes.len() > PASSWORD_BYTES_MAX {
                return Err(Weakness::Long);
            }
            let text = std::str::from_utf8(bytes).map_err(|_| Weakness::NotText)?;
            if text.chars().count() < PASSWORD_CHARACTERS_MIN {
                return Err(Weakness::Short);
            }
            let mut different: Vec<char> = text.chars().collect();
            different.sort_unstable();
            different.dedup();
            if different.len() < DIFFERENT_CHARACTERS_MIN {
                return Err(Weakness::Monotonous);
            }
            let folded = text.to_lowercase();
            let mut names = self.own_names.iter().map(|name| name.to_lowercase());
            if names.any(|name| {
                name.chars().count() >= OWN_NAME_CHARACTERS_MIN && folded.contains(&name)
            }) {
                return Err(Weakness::OwnName);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn a_password_fits_its_hash_and_no_other() {
        let passwords = Passwords::new(Entropy::system());
        let hash = passwords
            .hash(secret("correct horse battery"))
            .await
            .unwrap();
        let kept = String::from(hash.clone());
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        let read = PasswordHash::try_from(kept).unwrap();
        assert!(
            passwords
                .verify(secret("correct horse battery"), Some(&read))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("correct horse batterz"), Some(&read))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("correct horse battery"), None)
                .await
                .unwrap()
        );
        assert!(!format!("{hash:?}").contains("argon2id"));
    }

    #[tokio::test]
    async fn the_same_password_has_another_hash_each_time() {
        let passwords = Passwords::new(Entropy::system());
        let one = passwords
            .hash(secret("correct horse battery"))
            .await
            .unwrap();
        let two = passwords
            .hash(secret("correct horse battery"))
            .await
            .unwrap();
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn more_than_may_wait_are_turned_away_and_none_is_lost() {
        let passwords = Passwords::new(Entropy::system());
        // Made before, so that all begin at the same moment.
        assert!(
            !passwords
                .verify(secret("nobody at all"), None)
                .await
                .unwrap()
        );
        let all = (0..PASSWORD_SEATS + PASSWORD_WAITING_MAX + 3).map(|_| {
            let passwords = passwords.clone();
            async move { passwords.verify(secret("nobody at all"), None).await }
        });
        let all = futures_util::future::join_all(all).await;
        let busy = all
            .iter()
            .filter(|one| matches!(one, Err(PasswordError::Busy)))
            .count();
        assert_eq!(busy, 3);
        assert!(
            !passwords
                .verify(secret("nobody at all"), None)
                .await
                .unwrap()
        );
    }

    #[test]
    fn a_password_is_judged_by_its_length_and_its_owner() {
        let rule = PasswordRule {
            own_names: &["ada@example.com", "Lovelace", "ada"],
        };
        let check = |text: &str| rule.check(&secret(text));
        assert_eq!(check("elevenchars"), Err(Weakness::Short));
        assert_eq!(check("twelve chars"), Ok(()));
        assert_eq!(
            check("äöüßäöüßéàèç"),
            Ok(()),
            "characters are counted, not bytes"
        );
        assert_eq!(check(&"ab cde".repeat(200)), Err(Weakness::Long));
        assert_eq!(check("aaaaaaaaaaaab"), Err(Weakness::Monotonous));
        assert_eq!(check("i am LOVELACE!"), Err(Weakness::OwnName));
        assert_eq!(
            check("a canada goose"),
            Ok(()),
            "short names are in too many words"
        );
        assert_eq!(
            rule.check(&Secret::new(vec![0xff; 20])),
            Err(Weakness::NotText)
        );
    }
}
