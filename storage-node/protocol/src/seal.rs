//! Encryption at rest, as a client asks for it: by the store's own keys, or by a key that he brings with each request.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroize as _;

/// A customer's key: it is used for one request and kept nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerKey([u8; 32]);

/// By whose key a payload is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sealing {
    /// The store's own (SSE-S3).
    Node,
    /// The customer's (SSE-C).
    Customer(CustomerKey),
}

/// How an object is encrypted, as answers say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encrypted {
    /// By the store's own key.
    Node,
    /// By the customer's key with this MD5, in base64.
    Customer(String),
}

impl CustomerKey {
    /// A key of AES-256.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Lends the key.
    pub const fn lend(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its MD5 in base64, as headers carry it.
    pub fn md5_text(&self) -> String {
        STANDARD.encode(Md5::digest(self.0))
    }

    /// What is kept of it, by which it is recognised. Nobody finds 256 random bits behind a hash.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"postern customer key\0")
            .chain_update(self.0)
            .finalize()
            .into()
    }
}

impl Drop for CustomerKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(..)")
    }
}

impl Sealing {
    /// As answers say it.
    pub fn told(&self) -> Encrypted {
        match self {
            Self::Node => Encrypted::Node,
            Self::Customer(key) => Encrypted::Customer(key.md5_text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = CustomerKey::new([7; 32]);
        assert_eq!(
            format!("{:?}", Sealing::Customer(key.clone())),
            "Customer(CustomerKey(..))"
        );
        assert_eq!(key.md5_text().len(), 24);
        assert_ne!(key.fingerprint(), CustomerKey::new([8; 32]).fingerprint());
    }
}
