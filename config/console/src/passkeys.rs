//! Passkeys: what a device is asked for, and whether what it shows holds. Source: Web Authentication, Level 3.
//!
//! What was asked is kept here, in memory, until it is answered: once, and for five minutes. A passkey stands for a password and a code,
//! so that the device must have seen its owner: by a finger, a face or a number.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::net::IpAddr;

use http::uri::Authority;
use parking_lot::Mutex;
use postern_config::UnixMillis;
use postern_config::directory::{Operator, OperatorId, Passkey};
use postern_config::identity::Throttle;
use webauthn_rp::bin::{Decode as _, Encode as _};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions,
    UserHandle, Username,
};
use webauthn_rp::request::{AsciiDomain, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId, SentChallenge};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration,
    RegistrationServerState,
};

use crate::limits::{PASSKEY_ASKED_MS_MAX, PASSKEYS_ASKED_MAX, PASSKEYS_ASKED_OF_ONE_MAX};

/// Bytes by which a device knows whose a passkey is: the operator's number, which says nothing of him.
const HANDLE_BYTES: usize = size_of::<u64>();
/// What the checks keep of a passkey that may change with its use, in bytes.
const STATE_BYTES: usize = 7;

type Key = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;
type Shown = DiscoverableAuthentication<HANDLE_BYTES>;

/// The console under the name by which a browser reaches it: a passkey is made for it, and holds there alone.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    id: RpId,
    origin: String,
}

/// Why a device is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unproven {
    /// What came is no answer of a device.
    #[error("this is not what a device answers: {0}")]
    Malformed(String),
    /// Nothing was asked to which it is the answer.
    #[error("this was not asked here, was answered before, or took longer than five minutes")]
    NotAsked,
    /// It is nobody's.
    #[error("nobody has it")]
    Unknown,
    /// It does not hold.
    #[error("it does not hold: {0}")]
    Wrong(String),
}

/// What was made, in hexadecimal digits. See [`Passkey`].
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) credential: String,
    pub(crate) key: String,
    pub(crate) state: String,
}

/// What a device has shown, and is not checked yet.
#[derive(Debug)]
pub(crate) struct Claim(Shown);

/// Everything that was asked and is not answered, by its challenge.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    // Guarded for the time of a look into the book.
    book: Mutex<HashMap<u128, Question>>,
}

#[derive(Debug)]
struct Question {
    what: What,
    host: String,
    asked: UnixMillis,
    /// From where, as attempts are counted.
    address: Option<String>,
}

#[derive(Debug)]
enum What {
    /// To make a passkey, for this operator.
    Make(OperatorId, RegistrationServerState<HANDLE_BYTES>),
    /// To show one.
    Show(DiscoverableAuthenticationServerState),
}

impl Site {
    /// The console under this name; none under an address, for which no browser makes passkeys.
    pub(crate) fn of(authority: &Authority) -> Option<Self> {
        let host = authority.host();
        let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
        let domain = AsciiDomain::try_from(host.to_ascii_lowercase()).ok();
        Some(Self {
            id: RpId::Domain(domain.filter(|_| !is_address)?),
            origin: format!("https://{}", authority.as_str().to_ascii_lowercase()),
        })
    }

    /// Its name.
    pub(crate) fn host(&self) -> &str {
        self.id.as_ref()
    }
}

impl Questions {
    /// Asks a device for a passkey of an operator. Answers what its browser is given, as JSON.
    pub(crate) fn ask_for_another(
        &self,
        site: &Site,
        operator: &Operator,
        (address, now): (Option<IpAddr>, UnixMillis),
    ) -> Result<String, Unproven> {
        let handle = handle(operator.id);
        let number = format!("operator-{}", operator.id.get());
        let email = operator.details.email.as_str();
        let user = PublicKeyCredentialUserEntity {
            name: Username::try_from(email)
                .or_else(|_| Username::try_from(number.as_str()))
                .map_err(wrong)?,
            id: &handle,
            display_name: Nickname::try_from(operator.details.name.as_str()).ok(),
        };
        let own = operator.passkeys.iter().filter_map(described).collect();
        let mut options = PublicKeyCredentialCreationOptions::passkey(&site.id, user, own);
        // Many devices cannot promise it, and would make none. That its owner was seen is asked for at each use.
        options.extensions.cred_protect = CredProtect::None;
        let (kept, given) = options.start_ceremony().map_err(wrong)?;
        let challenge = challenge(&kept);
        let what = What::Make(operator.id, kept);
        self.keep(challenge, Question::new(what, site, (address, now)));
        serde_json::to_string(&given).map_err(wrong)
    }

    /// Asks a device for any passkey of this site.
    pub(crate) fn ask_for_one(
        &self,
        site: &Site,
        (address, now): (Option<IpAddr>, UnixMillis),
    ) -> Result<String, Unproven> {
        let options = DiscoverableCredentialRequestOptions::passkey(&site.id);
        let (kept, given) = options.start_ceremony().map_err(wrong)?;
        let challenge = challenge(&kept);
        self.keep(
            challenge,
            Question::new(What::Show(kept), site, (address, now)),
        );
        serde_json::to_string(&given).map_err(wrong)
    }

    /// Checks what a device has made for an operator.
    pub(crate) fn made(
        &self,
        (site, operator): (&Site, OperatorId),
        answer: &str,
        now: UnixMillis,
    ) -> Result<Made, Unproven> {
        let made = Registration::from_json_relaxed(answer.as_bytes()).map_err(malformed)?;
        let challenge = made.challenge_relaxed().map_err(malformed)?;
        let kept = match self.take(challenge.0, site, now) {
            Some(What::Make(whose, kept)) if whose == operator => kept,
            _ => return Err(Unproven::NotAsked),
        };
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &[site.origin.as_str()],
            ..RegistrationVerificationOptions::default()
        };
        let made = kept.verify(&site.id, &made, &options).map_err(wrong)?;
        Ok(Made {
            credential: hex::encode(made.id().as_ref()),
            key: hex::encode(made.static_state().encode().map_err(wrong)?),
            state: hex::encode(made.dynamic_state().encode().map_err(wrong)?),
        })
    }

    /// Checks what a device has shown against the passkey that it names. Answers what may have changed of it.
    pub(crate) fn shown(
        &self,
        (site, operator): (&Site, OperatorId),
        (claim, passkey): (&Claim, &Passkey),
        now: UnixMillis,
    ) -> Result<String, Unproven> {
        let challenge = claim.0.challenge_relaxed().map_err(malformed)?;
        let Some(What::Show(kept)) = self.take(challenge.0, site, now) else {
            return Err(Unproven::NotAsked);
        };
        if passkey.host != site.host() {
            return Err(Unproven::Wrong("it was made for another name".to_owned()));
        }
        let handle = handle(operator);
        let [id, key, state] = [&passkey.credential, &passkey.key, &passkey.state].map(hex::decode);
        let (id, key) = (id.map_err(wrong)?, key.map_err(wrong)?);
        let state: [u8; STATE_BYTES] = state
            .map_err(wrong)?
            .try_into()
            .map_err(|_| Unproven::Wrong("what is kept of it is damaged".to_owned()))?;
        let mut known = AuthenticatedCredential::new(
            CredentialId::<&[u8]>::decode(&id).map_err(wrong)?,
            &handle,
            StaticState::<Key>::decode(&key).map_err(wrong)?,
            DynamicState::decode(state).map_err(wrong)?,
        )
        .map_err(wrong)?;
        let options = AuthenticationVerificationOptions::<&str, &str> {
            allowed_origins: &[site.origin.as_str()],
            ..AuthenticationVerificationOptions::default()
        };
        kept.verify(&site.id, &claim.0, &mut known, &options)
            .map_err(wrong)?;
        Ok(hex::encode(known.dynamic_state().encode().map_err(wrong)?))
    }

    fn keep(&self, challenge: u128, question: Question) {
        let mut book = self.book.lock();
        book.retain(|_, it| it.stands(question.asked));
        // Whoever asks much loses his own first.
        let own = |it: &Question| it.address == question.address;
        while book.values().filter(|it| own(it)).count() >= PASSKEYS_ASKED_OF_ONE_MAX {
            forget_oldest(&mut book, own);
        }
        if book.len() >= PASSKEYS_ASKED_MAX {
            forget_oldest(&mut book, |_| true);
        }
        book.insert(challenge, question);
    }

    /// Takes what was asked: it is answered then, in any case.
    fn take(&self, challenge: u128, site: &Site, now: UnixMillis) -> Option<What> {
        let question = self.book.lock().remove(&challenge)?;
        (question.stands(now) && question.host == site.host()).then_some(question.what)
    }
}

impl Question {
    fn new(what: What, site: &Site, (address, asked): (Option<IpAddr>, UnixMillis)) -> Self {
        Self {
            what,
            host: site.host().to_owned(),
            asked,
            address: address.map(Throttle::address),
        }
    }

    const fn stands(&self, now: UnixMillis) -> bool {
        now.0.saturating_sub(self.asked.0) < PASSKEY_ASKED_MS_MAX
    }
}

impl Claim {
    /// What a device has answered, as the browser tells it in JSON.
    pub(crate) fn read(answer: &str) -> Result<Self, Unproven> {
        let shown = Shown::from_json_relaxed(answer.as_bytes());
        shown.map(Self).map_err(malformed)
    }

    /// Which passkey it names, in hexadecimal digits.
    pub(crate) fn credential(&self) -> String {
        hex::encode(self.0.raw_id().as_ref())
    }
}

/// By what an answer is known.
fn challenge(kept: &impl Borrow<SentChallenge>) -> u128 {
    kept.borrow().0
}

fn handle(operator: OperatorId) -> UserHandle<HANDLE_BYTES> {
    let Ok(handle) = UserHandle::decode(operator.get().to_be_bytes());
    handle
}

/// A passkey as a device is told of it, so that it does not make a second one.
fn described(passkey: &Passkey) -> Option<PublicKeyCredentialDescriptor<Vec<u8>>> {
    let id = hex::decode(&passkey.credential).ok()?;
    Some(PublicKeyCredentialDescriptor {
        id: CredentialId::<Vec<u8>>::decode(id).ok()?,
        // Which way to the device is kept nowhere: browsers try each.
        transports: AuthTransports::decode(0).ok()?,
    })
}

fn forget_oldest(book: &mut HashMap<u128, Question>, of: impl Fn(&Question) -> bool) {
    let all = book.iter().filter(|(_, it)| of(it));
    let oldest = all.min_by_key(|(_, it)| it.asked).map(|(key, _)| *key);
    if let Some(oldest) = oldest {
        book.remove(&oldest);
    }
}

fn malformed(error: impl std::fmt::Display) -> Unproven {
    Unproven::Malformed(error.to_string())
}

fn wrong(error: impl std::fmt::Display) -> Unproven {
    Unproven::Wrong(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(authority: &str) -> Option<Site> {
        Site::of(&authority.parse().unwrap())
    }

    #[test]
    fn passkeys_are_for_names() {
        let local = site("LocalHost:9444").unwrap();
        assert_eq!(local.host(), "localhost");
        assert_eq!(local.origin, "https://localhost:9444");
        for address in ["127.0.0.1", "127.0.0.1:9444", "[::1]", "[2001:db8::1]:443"] {
            assert!(site(address).is_none(), "{address}");
        }
    }

    #[test]
    fn whoever_asks_much_loses_his_own_first() {
        let (questions, site) = (Questions::default(), site("console.example").unwrap());
        let ask = |address: [u8; 4], at: u64| {
            let from = (Some(IpAddr::from(address)), UnixMillis(at));
            let asked = questions.ask_for_one(&site, from).unwrap();
            let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
            asked["challenge"].as_str().unwrap().to_owned()
        };
        let has = |at: u64| questions.book.lock().values().any(|it| it.asked.0 == at);
        ask([192, 0, 2, 2], 0);
        for at in 1..=50 {
            ask([192, 0, 2, 1], at);
        }
        assert_eq!(PASSKEYS_ASKED_OF_ONE_MAX, 50);
        assert!(has(0) && has(1));
        ask([192, 0, 2, 1], 51);
        assert!(has(0) && !has(1) && has(2));
        assert_eq!(questions.book.lock().len(), PASSKEYS_ASKED_OF_ONE_MAX + 1);
        // What nobody can answer any more is not kept.
        ask([192, 0, 2, 3], PASSKEY_ASKED_MS_MAX);
        assert!(!has(0) && has(2));
    }
}
