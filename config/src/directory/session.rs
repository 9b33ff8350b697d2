//! Temporary credentials: a key id, a secret and a token that holds both, sealed, with the access key that they stand for.
//!
//! Nothing is kept of them. They do what their key may do while it may, or what a role may that the key's owner has assumed: whoever
//! disables the key, its user or its account ends them with the next request, and so does whoever deletes the role.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::names::{AccessKeyId, IamRoleId, SessionName, TenantId};
use super::state::State;
use super::vault::{Identity, SealError, Sealed};
use crate::Secret;
use crate::limits::{
    ACCESS_KEY_ID_BYTES, SESSION_POLICY_BYTES_MAX, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN,
};
use crate::time::{Entropy, UnixSeconds};

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The temporary key id; it begins with `PS`.
    pub id: AccessKeyId,
    /// The access key that it stands for.
    pub parent: AccessKeyId,
    /// When it was issued.
    pub issued: UnixSeconds,
    /// The first second at which it no longer works.
    pub expires: UnixSeconds,
    /// The role that was assumed; none: it does what its key does.
    pub role: Option<AssumedRole>,
    /// A policy document that narrows it.
    pub policy: Option<Box<str>>,
}

/// The role of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssumedRole {
    /// The account of the role.
    pub tenant: TenantId,
    /// The role.
    pub role: IamRoleId,
    /// What whoever assumed it calls the session.
    pub name: SessionName,
}

/// What a session is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOf {
    /// The access key that it stands for.
    pub parent: AccessKeyId,
    /// The role that is assumed.
    pub role: Option<AssumedRole>,
    /// A policy document that narrows it.
    pub policy: Option<Box<str>>,
}

impl SessionOf {
    /// One that does what this key does.
    pub const fn key(parent: AccessKeyId) -> Self {
        Self {
            parent,
            role: None,
            policy: None,
        }
    }
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
    /// Its policy is too long.
    #[error("the policy of a session has at most {SESSION_POLICY_BYTES_MAX} bytes")]
    Policy,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<AssumedRole>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<Box<str>>,
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
    /// [`SessionError::Length`], [`SessionError::Policy`], or no random bytes.
    pub fn issue_session(
        &self,
        of: SessionOf,
        (now, seconds): (UnixSeconds, u64),
        entropy: &Entropy,
    ) -> Result<Issued, SessionError> {
        if !(SESSION_SECONDS_MIN..=SESSION_SECONDS_MAX).contains(&seconds) {
            return Err(SessionError::Length);
        }
        let long = |policy: &str| policy.len() > SESSION_POLICY_BYTES_MAX;
        if of.policy.as_deref().is_some_and(long) {
            return Err(SessionError::Policy);
        }
        let random = entropy
            .bytes::<{ ACCESS_KEY_ID_BYTES - 2 }>()
            .map_err(SealError::from)?;
        let session = Session {
            id: AccessKeyId::temporary(random),
            parent: of.parent,
            issued: now,
            expires: UnixSeconds(now.0.saturating_add(seconds)),
            role: of.role,
            policy: of.policy,
        };
        let secret = super::random_secret(entropy).map_err(SealError::from)?;
        let text = secret.lend(|secret| {
            serde_json::to_vec(&Token {
                id: session.id,
                parent: session.parent,
                issued: session.issued,
                expires: session.expires,
                secret: String::from_utf8_lossy(secret).into_owned(),
                role: session.role.clone(),
                policy: session.policy.clone(),
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
            role: token.role.take(),
            policy: token.policy.take(),
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
        let of = SessionOf::key(parent);
        state.issue_session(of, (UnixSeconds(1_000), seconds), &Entropy::system())
    }

    #[test]
    fn a_role_and_a_policy_are_in_the_token_and_bounded() {
        let state = state(1);
        let parent = "PKAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let of = |bytes: usize| SessionOf {
            parent,
            role: Some(AssumedRole {
                tenant: TenantId(7),
                role: IamRoleId(9),
                name: "nightly=1".parse().unwrap(),
            }),
            policy: Some("x".repeat(bytes).into()),
        };
        let lasts = (UnixSeconds(1_000), SESSION_SECONDS_MIN);
        let issue = |bytes| state.issue_session(of(bytes), lasts, &Entropy::system());
        let issued = issue(SESSION_POLICY_BYTES_MAX).unwrap();
        let (session, _) = state.open_session(&issued.token).unwrap();
        assert_eq!(session.role, of(0).role);
        assert_eq!(session, issued.session);
        // It has to fit into a header beside everything else.
        assert!(issued.token.len() < 4 * 1_024, "{}", issued.token.len());
        assert!(matches!(
            issue(SESSION_POLICY_BYTES_MAX + 1),
            Err(SessionError::Policy)
        ));
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
