//! Single sign-on: a provider says who somebody is, and the directory what he may do.
//!
//! Who signs in so is sent to the provider and comes back with a code. Until then his attempt is kept here, in memory: it is found by
//! what the provider sends back, works in the browser in which it began and in no other, once, and for ten minutes.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use postern_config::directory::{Digest, OperatorId};
use postern_config::identity::Throttle;
use postern_config::{Entropy, NoEntropy, Secret, UnixMillis};

use crate::limits::{SSO_ATTEMPT_MS_MAX, SSO_ATTEMPTS_MAX, SSO_ATTEMPTS_OF_ONE_MAX};
use crate::sessions::SessionHash;

/// Random bytes of each word of an attempt. Source: RFC 7636 section 4.1: at least 43 characters for the verifier; these are 64.
const WORD_BYTES: usize = 32;

/// Who says who somebody is.
pub trait SignOn: fmt::Debug + Send + Sync {
    /// What people call it.
    fn name(&self) -> &str;

    /// What it calls itself.
    fn issuer(&self) -> &str;

    /// Where a browser is sent to sign in.
    fn address<'s>(
        &'s self,
        errand: &'s Errand,
        now: UnixMillis,
    ) -> BoxFuture<'s, Result<String, SignOnFault>>;

    /// Whom the code stands for with which a browser comes back.
    fn identity<'s>(
        &'s self,
        errand: &'s Errand,
        code: &'s str,
        now: UnixMillis,
    ) -> BoxFuture<'s, Result<Identity, SignOnFault>>;
}

/// What a browser is sent to the provider with.
#[derive(Debug)]
pub struct Errand {
    /// Where it comes back.
    pub redirect: String,
    /// What it comes back with, so that it is known. Source: RFC 6749 section 10.12.
    pub state: Arc<Secret>,
    /// What the provider writes into what it says, so that it is said for this errand alone. Source: OpenID Connect Core 1.0, section 15.5.2.
    pub nonce: Arc<Secret>,
    /// What the code is asked about with, so that it is of use to nobody else. Source: RFC 7636.
    pub verifier: Arc<Secret>,
    /// Whether he shows there once more that it is he, though the provider knows him.
    pub again: bool,
}

/// Who somebody is, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// His e-mail address.
    pub email: String,
    /// Whether it has seen that the address is his.
    pub is_verified: bool,
    /// When he last showed there that it is he, in seconds since 1970, where it says so.
    pub shown: Option<u64>,
}

/// Why the provider has said nothing that counts. What is told is for the log of the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignOnFault {
    /// It does not answer, or not as a provider does.
    #[error("the provider is not of use: {0}")]
    Away(String),
    /// It does not take the code.
    #[error("the provider does not take the code: {0}")]
    Code(String),
    /// What it said cannot be believed.
    #[error("what the provider says is not believed: {0}")]
    Unbelieved(String),
}

/// An attempt to sign in by the provider.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) errand: Errand,
    /// Where he wants to go.
    pub(crate) to: String,
    /// Of which account he is, where his address is known in several.
    pub(crate) account: Option<String>,
    /// Who shows once more that it is he, in which session.
    pub(crate) again: Option<(OperatorId, SessionHash)>,
    pub(crate) began: UnixMillis,
    /// From where, as attempts are counted.
    address: Option<String>,
    /// The hash of what the browser holds.
    browser: Digest,
}

/// What an attempt begins with.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) redirect: String,
    pub(crate) to: String,
    pub(crate) account: Option<String>,
    pub(crate) again: Option<(OperatorId, SessionHash)>,
    pub(crate) address: Option<IpAddr>,
}

/// All attempts, by the hash of their state.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    // Guards the book for the time of a look into it.
    book: Mutex<HashMap<Digest, Arc<Attempt>>>,
}

impl Attempts {
    /// Begins one. Answers it, and what the browser is to hold.
    pub(crate) fn begin(
        &self,
        beginning: Beginning,
        now: UnixMillis,
        entropy: &Entropy,
    ) -> Result<(Arc<Attempt>, Secret), NoEntropy> {
        let held = word(entropy)?;
        let errand = Errand {
            redirect: beginning.redirect,
            state: Arc::new(word(entropy)?),
            nonce: Arc::new(word(entropy)?),
            verifier: Arc::new(word(entropy)?),
            again: beginning.again.is_some(),
        };
        let key = errand.state.lend(Digest::of);
        let attempt = Arc::new(Attempt {
            errand,
            to: beginning.to,
            account: beginning.account,
            again: beginning.again,
            began: now,
            address: beginning.address.map(Throttle::address),
            browser: held.lend(Digest::of),
        });
        let mut book = self.book.lock();
        book.retain(|_, it| it.works(now));
        // Whoever begins many loses his own first.
        let own = |it: &Attempt| it.address == attempt.address;
        while book.values().filter(|it| own(it)).count() >= SSO_ATTEMPTS_OF_ONE_MAX {
            forget_oldest(&mut book, own);
        }
        if book.len() >= SSO_ATTEMPTS_MAX {
            forget_oldest(&mut book, |_| true);
        }
        book.insert(key, Arc::clone(&attempt));
        Ok((attempt, held))
    }

    /// Takes the attempt of this state, if it still works and this is the browser in which it began. It is over then, in any case.
    pub(crate) fn take(
        &self,
        state: &str,
        held: Option<&str>,
        now: UnixMillis,
    ) -> Option<Arc<Attempt>> {
        let attempt = self.book.lock().remove(&Digest::of(state.as_bytes()))?;
        let is_here = held.is_some_and(|it| Digest::of(it.as_bytes()) == attempt.browser);
        (is_here && attempt.works(now)).then_some(attempt)
    }
}

impl Attempt {
    const fn works(&self, now: UnixMillis) -> bool {
        now.0.saturating_sub(self.began.0) < SSO_ATTEMPT_MS_MAX
    }
}

fn forget_oldest(book: &mut HashMap<Digest, Arc<Attempt>>, of: impl Fn(&Attempt) -> bool) {
    let all = book.iter().filter(|(_, it)| of(it));
    let oldest = all.min_by_key(|(_, it)| it.began).map(|(key, _)| *key);
    if let Some(oldest) = oldest {
        book.remove(&oldest);
    }
}

fn word(entropy: &Entropy) -> Result<Secret, NoEntropy> {
    let bytes = entropy.bytes::<WORD_BYTES>()?;
    Ok(Secret::new(hex::encode(bytes).into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning(address: [u8; 4]) -> Beginning {
        Beginning {
            redirect: "https://console.example/sso/callback".to_owned(),
            to: "/".to_owned(),
            account: None,
            again: None,
            address: Some(address.into()),
        }
    }

    fn text(secret: &Secret) -> String {
        secret.lend(|it| String::from_utf8(it.to_vec()).unwrap())
    }

    #[test]
    fn an_attempt_works_once_in_its_own_browser_and_for_its_time() {
        let (attempts, entropy) = (Attempts::default(), Entropy::system());
        let begin = || {
            let begun = attempts.begin(beginning([192, 0, 2, 1]), UnixMillis(1), &entropy);
            let (attempt, held) = begun.unwrap();
            (text(&attempt.errand.state), text(&held))
        };
        let last = UnixMillis(SSO_ATTEMPT_MS_MAX);
        let (state, held) = begin();
        assert!(attempts.take(&state, Some(&held), last).is_some());
        assert!(attempts.take(&state, Some(&held), last).is_none());
        let (state, held) = begin();
        let late = UnixMillis(SSO_ATTEMPT_MS_MAX + 1);
        assert!(attempts.take(&state, Some(&held), late).is_none());
        for other in [None, Some("x")] {
            let (state, held) = begin();
            assert!(attempts.take(&state, other, last).is_none());
            // Whoever tried it with another browser has used it up.
            assert!(attempts.take(&state, Some(&held), last).is_none());
        }
        assert!(attempts.take("unknown", Some("x"), last).is_none());
    }

    #[test]
    fn whoever_begins_many_loses_his_own_first() {
        let (attempts, entropy) = (Attempts::default(), Entropy::system());
        let begin = |address, at: usize| {
            let now = UnixMillis(at as u64);
            let begun = attempts.begin(beginning(address), now, &entropy).unwrap();
            (text(&begun.0.errand.state), text(&begun.1))
        };
        let other = begin([192, 0, 2, 2], 0);
        let first = begin([192, 0, 2, 1], 1);
        for at in 0..SSO_ATTEMPTS_OF_ONE_MAX {
            begin([192, 0, 2, 1], 2 + at);
        }
        assert_eq!(attempts.book.lock().len(), SSO_ATTEMPTS_OF_ONE_MAX + 1);
        let now = UnixMillis(100);
        assert!(attempts.take(&first.0, Some(&first.1), now).is_none());
        assert!(attempts.take(&other.0, Some(&other.1), now).is_some());
    }
}
