//! Who vouches for a module: an Ed25519 signature over its bytes. Source: RFC 8032.
//!
//! It is checked when the module is stored, and again whenever its bytes are loaded: a key that is taken out of the settings
//! vouches for nothing any more.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::command::Refusal;

/// Length of a public key, in bytes. Source: RFC 8032 section 5.1.5.
const KEY_BYTES: usize = 32;
/// Length of a signature, in bytes. Source: RFC 8032 section 5.1.6.
pub const SIGNATURE_BYTES: usize = 64;

/// The public half of a key that vouches for modules: base64 of 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signer([u8; KEY_BYTES]);

/// A signature, with the key under which it was found to hold.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSignature {
    /// Whose.
    pub signer: Signer,
    /// The 64 bytes, as base64.
    signature: String,
}

/// The text is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {KEY_BYTES} bytes in base64")]
pub struct NotASigner;

impl Signer {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> [u8; KEY_BYTES] {
        self.0
    }

    fn vouches(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(bytes, signature)
            .is_ok()
    }
}

impl ModuleSignature {
    /// Whether one of `signers` vouches for `bytes` with `signature`; without signers, there must be none.
    pub(super) fn of(
        signers: &[Signer],
        bytes: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Option<Self>, Refusal> {
        let Some(signature) = signature else {
            return if signers.is_empty() {
                Ok(None)
            } else {
                Err(Refusal::Unsigned)
            };
        };
        if signers.is_empty() {
            return Err(Refusal::NoSigners);
        }
        let found = signers
            .iter()
            .find(|signer| signer.vouches(bytes, signature));
        let signer = *found.ok_or(Refusal::WronglySigned)?;
        let signature = BASE64_STANDARD.encode(signature);
        Ok(Some(Self { signer, signature }))
    }

    /// Whether it holds for `bytes`, under a key that is still among `signers`.
    pub(super) fn holds(&self, signers: &[Signer], bytes: &[u8]) -> bool {
        let signature = BASE64_STANDARD.decode(&self.signature);
        signers.contains(&self.signer)
            && signature.is_ok_and(|signature| self.signer.vouches(bytes, &signature))
    }
}

/// The signature that a file holds: its 64 bytes, or base64 of them.
pub fn read_signature(file: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    if let Ok(signature) = file.try_into() {
        return Some(signature);
    }
    let signature = BASE64_STANDARD.decode(file.trim_ascii()).ok()?;
    signature.try_into().ok()
}

impl FromStr for Signer {
    type Err = NotASigner;

    fn from_str(text: &str) -> Result<Self, NotASigner> {
        let bytes = BASE64_STANDARD
            .decode(text.trim())
            .map_err(|_| NotASigner)?;
        Ok(Self(bytes.try_into().map_err(|_| NotASigner)?))
    }
}

impl TryFrom<String> for Signer {
    type Error = NotASigner;

    fn try_from(text: String) -> Result<Self, NotASigner> {
        text.parse()
    }
}

impl From<Signer> for String {
    fn from(signer: Signer) -> Self {
        signer.to_string()
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({self})")
    }
}

impl fmt::Debug for ModuleSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleSignature")
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}
