//! Temporary credentials: a key id, a secret and a token that holds both, sealed, with the access key that they stand for.
//!
//! Nothing is kept of them. They do what their key may do while it may: whoever disables the key, its user or its account
//! ends them with the next request.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::names::AccessKeyId;
use super::state::State;
use super::vault::{Identity, SealError, Sealed};
use crate::Secret;
use crate::limits::{ACCESS_KEY_ID_BYTES, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN};
use crate::time::{Entropy, UnixSeconds};

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The temporary key id; it begins with `PS`.
    pub id: AccessKeyId,
    /// The access key that it stands for.
    pub parent: AccessKeyId,
    /// When it was issued.
    pub issued: UnixSeconds,
    /// The first second at which it no longer works.
    pub expires: UnixSeconds,
}

impl Session {
    /// Whether it still works, as far as it has a say: its access key must work as well.
    pub fn works_at(&self, now: UnixSeconds) -> bool {
        now < self.expires
    }
}

/// Temporary credentials as they are given out, once.
#[derive(Debug)]
pub struct Issued {
    /// What the token says.
    pub session: Session,
    /// The secret half.
    pub secret: Secret,
    /// The token.
    pub token: String,
}

/// Why no session is issued.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It would be too short or too long.
    #[error("a session lasts from {SESSION_SECONDS_MIN} to {SESSION_SECONDS_MAX} seconds")]
    Length,
    /// It could not be sealed.
    #[error("a session could not be sealed")]
    Seal(#[from] SealError),
}

/// The text that is sealed into a token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    id: AccessKeyId,
    parent: AccessKeyId,
    issued: UnixSeconds,
    expires: UnixSeconds,
    secret: String,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl State {
    /// Issues temporary credentials for an access key that works.
    ///
    /// # Errors
    /// [`SessionError::Length`], or no random bytes.
    pub fn issue_session(
        &self,
        parent: AccessKeyId,
        (now, seconds): (UnixSeconds, u64),
        entropy: &Entropy,
    ) -> Result<Issued, SessionError> {
        if !(SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX).contains(&seconds) {
            return Err(SessionError::Length);
        }
        let random = entropy
            .bytes::<{ ACCESS_KEY_ID_BYTES - 2 }>()
            .map_err(SealError::from)?;
        let session = Session {
            id: AccessKeyId::temporary(random),
            parent,
            issued: now,
            expires: UnixSeconds(now.0.saturating_add(seconds)),
        };
        let secret = super::random_secret(entropy).map_err(SealError::from)?;
        let text = secret.lend(|secret| {
            serde_json::to_vec(&Token {
                id: session.id,
                parent: session.parent,
                issued: session.issued,
                expires: session.expires,
                secret: String::from_utf8_lossy(secret).into_owned(),
            })
        });
        let text = Secret::new(text.map_err(|_| SealError::Damaged)?);
        let sealed = self.vault().seal(Identity::Session, &text, entropy)?;
        Ok(Issued {
            session,
            secret,
            token: sealed.into(),
        })
    }

    /// Opens a token. That it opens says that it was issued here, and nothing of whether it still works.
    ///
    /// # Errors
    /// It was not issued here, or was changed.
    pub fn open_session(&self, token: &str) -> Result<(Session, Secret), SealError> {
        let sealed = Sealed::try_from(token.to_owned())?;
        let opened = self.vault().open(Identity::Session, &sealed)?;
        let token = opened.lend(|bytes| serde_json::from_slice::<Token>(bytes));
        let mut token = token.map_err(|_| SealError::Damaged)?;
        let session = Session {
            id: token.id,
            parent: token.parent,
            issued: token.issued,
            expires: token.expires,
        };
        Ok((
            session,
            Secret::new(std::mem::take(&mut token.secret).into_bytes()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::directory::vault::{MASTER_KEY_BYTES, Vault};

    fn state(key: u8) -> State {
        let key = Secret::new(vec![key; MASTER_KEY_BYTES]);
        State::empty(Arc::new(Vault::new(&key).unwrap()))
    }

    fn issue(state: &State, seconds: u64) -> Result<Issued, SessionError> {
        let parent = "PKAAAAAAAAAAAAAAAAAA".parse().unwrap();
        state.issue_session(parent, (UnixSeconds(1_000), seconds), &Entropy::system())
    }

    #[test]
    fn a_token_opens_where_it_was_issued_and_as_it_was_issued() {
        let state = state(1);
        let issued = issue(&state, 900).unwrap();
        assert!(issued.session.id.as_str().starts_with("PS"));
        let (session, secret) = state.open_session(&issued.token).unwrap();
        assert_eq!(session, issued.session);
        assert!(issued.secret.lend(|wanted| secret.is(wanted)));
        assert!(self::state(2).open_session(&issued.token).is_err());
        for place in 0..issued.token.len() {
            let mut bent = issued.token.clone().into_bytes();
            bent[place] = if bent[place] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).unwrap();
            assert!(state.open_session(&bent).is_err(), "{place}");
        }
    }

    #[test]
    fn a_session_lasts_as_long_as_it_may_and_ends_in_its_second() {
        let state = state(1);
        for seconds in [SESSION_SECONDS_MIN - 1, SESSION_SECONDS_MAX + 1] {
            let refused = issue(&state, seconds);
            assert!(matches!(refused, Err(SessionError::Length)), "{seconds}");
        }
        for seconds in [SESSION_SECONDS_MIN, SESSION_SECONDS_MAX] {
            let session = issue(&state, seconds).unwrap().session;
            assert!(session.works_at(UnixSeconds(1_000 + seconds - 1)));
            assert!(!session.works_at(UnixSeconds(1_000 + seconds)));
        }
    }
}
