//! Secrets at rest: sealed with AES-256-GCM under a master key that the engine never sees.
//!
//! The identity of the owner is the associated data, so a sealed secret that is copied into another row does not open.

use std::fmt;
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::names::{AccessKeyId, Digest, OperatorId, TenantId, UserId};
use super::person::Person;
use crate::Secret;
use crate::time::{Entropy, NoEntropy};

/// Length of a nonce, in bytes. Source: NIST SP 800-38D section 8.2.
const NONCE_BYTES: usize = 12;
/// Length of a master key, in bytes: that of AES-256.
pub const MASTER_KEY_BYTES: usize = 32;

/// The key under which secrets are sealed.
pub struct Vault {
    cipher: Aes256Gcm,
    /// Names the master key in each sealed secret, so that a wrong one is told from a damaged row.
    label: [u8; 8],
    /// The key before, which still opens what was sealed under it: there is one while another takes its place.
    previous: Option<Arc<Vault>>,
}

/// A sealed secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed {
    label: [u8; 8],
    nonce: [u8; NONCE_BYTES],
    ciphertext: Box<[u8]>,
}

/// Whose secret it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The secret half of an access key.
    AccessKey(TenantId, UserId, AccessKeyId),
    /// A known text, by which a wrong master key is noticed when the directory is opened.
    Directory,
    /// What an operator's telephone shares with the server.
    OneTime(OperatorId),
    /// What a session's token holds.
    Session,
    /// Nothing, sealed for its associated data: length and last hash of the audit chain.
    AuditHead(u64, Digest),
    /// Nothing, sealed for its associated data: the last record that retention has taken away, and its hash.
    AuditBase(u64, Digest),
    /// The key that signs heads of the audit chain.
    AuditSigner,
    /// The key of a person.
    Person(Person),
    /// What is personal in the audit record of this number.
    Personal(Person, u64),
}

/// Why a sealed secret does not open, or a secret is not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The master key has the wrong length.
    #[error("a master key has {MASTER_KEY_BYTES} bytes: {0}")]
    MasterKeyLength(usize),
    /// It was sealed under another master key.
    #[error("sealed under another master key")]
    AnotherMasterKey,
    /// It was changed, or it belongs to someone else.
    #[error("a sealed secret is damaged or belongs to another identity")]
    Damaged,
    /// There were no random bytes for a nonce.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl Vault {
    /// A vault under a master key of 32 random bytes.
    pub fn new(master_key: &Secret) -> Result<Self, SealError> {
        master_key.lend(|key| {
            let cipher = Aes256Gcm::new_from_slice(key)
                .map_err(|_| SealError::MasterKeyLength(key.len()))?;
            let digest: [u8; 32] = Sha256::new()
                .chain_update(b"postern master key\0")
                .chain_update(key)
                .finalize()
                .into();
            let mut label = [0; 8];
            label
                .iter_mut()
                .zip(digest)
                .for_each(|(place, byte)| *place = byte);
            Ok(Self {
                cipher,
                label,
                previous: None,
            })
        })
    }

    /// The same, opening also what was sealed under `previous`.
    #[must_use]
    pub fn after(mut self, previous: Arc<Self>) -> Self {
        self.previous = Some(previous);
        self
    }

    /// How everything that it seals begins, as it is stored: it tells keys apart, and says nothing of them.
    pub fn label(&self) -> String {
        // Six bytes are eight whole digits: of what follows nothing is in them.
        let bytes = self.label.first_chunk::<6>();
        bytes
            .map(|bytes| BASE64_STANDARD.encode(bytes))
            .unwrap_or_default()
    }

    /// The same without the key before.
    pub(crate) fn alone(&self) -> Self {
        Self {
            cipher: self.cipher.clone(),
            label: self.label,
            previous: None,
        }
    }

    pub(crate) fn has_previous(&self) -> bool {
        self.previous.is_some()
    }

    /// Whether both keys are one.
    pub(crate) fn is_the_previous(&self) -> bool {
        self.previous
            .as_ref()
            .is_some_and(|previous| previous.label == self.label)
    }

    /// Whether something was sealed under the current key.
    pub(crate) fn has_sealed(&self, sealed: &Sealed) -> bool {
        sealed.label == self.label
    }

    /// The same sealed under the current key; none where it is already.
    pub(crate) fn reseal(
        &self,
        identity: Identity,
        sealed: &Sealed,
        entropy: &Entropy,
    ) -> Result<Option<Sealed>, SealError> {
        if self.has_sealed(sealed) {
            return Ok(None);
        }
        let opened = self.open(identity, sealed)?;
        self.seal(identity, &opened, entropy).map(Some)
    }

    pub(crate) fn seal(
        &self,
        identity: Identity,
        secret: &Secret,
        entropy: &Entropy,
    ) -> Result<Sealed, SealError> {
        let nonce = entropy.bytes::<NONCE_BYTES>()?;
        let aad = identity.associated_data();
        let ciphertext = secret.lend(|msg| {
            self.cipher
                .encrypt(&Nonce::from(nonce), Payload { msg, aad: &aad })
        });
        let ciphertext = ciphertext.map_err(|_| SealError::Damaged)?.into();
        Ok(Sealed {
            label: self.label,
            nonce,
            ciphertext,
        })
    }

    pub(crate) fn open(&self, identity: Identity, sealed: &Sealed) -> Result<Secret, SealError> {
        if sealed.label != self.label {
            return match &self.previous {
                Some(previous) => previous.open(identity, sealed),
                None => Err(SealError::AnotherMasterKey),
            };
        }
        let payload = Payload {
            msg: &sealed.ciphertext,
            aad: &identity.associated_data(),
        };
        let opened = self.cipher.decrypt(&Nonce::from(sealed.nonce), payload);
        opened.map(Secret::new).map_err(|_| SealError::Damaged)
    }
}

impl Identity {
    fn associated_data(self) -> Vec<u8> {
        match self {
            Self::AccessKey(tenant, user, key) => {
                format!("postern access key 1/{tenant}/{user}/{key}").into_bytes()
            }
            Self::Directory => b"postern directory 1".to_vec(),
            Self::OneTime(operator) => {
                format!("postern one-time password 1/{operator}").into_bytes()
            }
            Self::Session => b"postern session 1".to_vec(),
            Self::AuditHead(count, hash) => {
                format!("postern audit head 1/{count}/{hash}").into_bytes()
            }
            Self::AuditBase(count, hash) => {
                format!("postern audit base 1/{count}/{hash}").into_bytes()
            }
            Self::AuditSigner => b"postern audit signer 1".to_vec(),
            Self::Person(person) => format!("postern person 1/{person}").into_bytes(),
            Self::Personal(person, sequence) => {
                format!("postern personal 1/{person}/{sequence}").into_bytes()
            }
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Sealed {
    /// What opens under no key: the place of a secret that was left out.
    pub(crate) fn nothing() -> Self {
        Self {
            label: [0; 8],
            nonce: [0; NONCE_BYTES],
            ciphertext: Box::default(),
        }
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        let bytes = [&sealed.label[..], &sealed.nonce, &sealed.ciphertext].concat();
        BASE64_STANDARD.encode(bytes)
    }
}

impl TryFrom<String> for Sealed {
    type Error = SealError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = BASE64_STANDARD
            .decode(text)
            .map_err(|_| SealError::Damaged)?;
        let (label, rest) = bytes.split_first_chunk().ok_or(SealError::Damaged)?;
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or(SealError::Damaged)?;
        Ok(Self {
            label: *label,
            nonce: *nonce,
            ciphertext: ciphertext.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(fill: u8) -> Vault {
        Vault::new(&Secret::new(vec![fill; MASTER_KEY_BYTES])).unwrap()
    }

    fn key(tenant: u64, user: u64, id: &str) -> Identity {
        Identity::AccessKey(TenantId(tenant), UserId(user), id.parse().unwrap())
    }

    #[test]
    fn a_sealed_secret_opens_for_its_identity_alone() {
        let vault = vault(1);
        let owner = key(1, 2, "PKAAAAAAAAAAAAAAAAAA");
        let sealed = vault
            .seal(owner, &Secret::new(b"s3cr3t".to_vec()), &Entropy::system())
            .unwrap();
        assert!(vault.open(owner, &sealed).unwrap().is(b"s3cr3t"));
        for other in [
            key(3, 2, "PKAAAAAAAAAAAAAAAAAA"),
            key(1, 3, "PKAAAAAAAAAAAAAAAAAA"),
            key(1, 2, "PKAAAAAAAAAAAAAAAAAB"),
            Identity::Directory,
        ] {
            assert_eq!(
                vault.open(other, &sealed).unwrap_err(),
                SealError::Damaged,
                "{other:?}"
            );
        }
    }

    #[test]
    fn another_master_key_is_told_from_damage() {
        let owner = key(1, 2, "PKAAAAAAAAAAAAAAAAAA");
        let sealed = vault(1)
            .seal(owner, &Secret::new(b"s3cr3t".to_vec()), &Entropy::system())
            .unwrap();
        assert_eq!(
            vault(2).open(owner, &sealed).unwrap_err(),
            SealError::AnotherMasterKey
        );
        let mut text = String::from(sealed);
        let last = if text.pop() == Some('A') { 'B' } else { 'A' };
        text.push(last);
        if let Ok(sealed) = Sealed::try_from(text) {
            assert_eq!(
                vault(1).open(owner, &sealed).unwrap_err(),
                SealError::Damaged
            );
        }
    }

    #[test]
    fn a_master_key_of_another_length_is_refused() {
        for bytes in [0, 16, 31, 33] {
            let refused = Vault::new(&Secret::new(vec![0; bytes])).unwrap_err();
            assert_eq!(refused, SealError::MasterKeyLength(bytes));
        }
    }
}
