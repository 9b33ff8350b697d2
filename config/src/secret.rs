//! A secret in memory: lent to a closure, never printed, copied or written, and zeroed when it is dropped.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text or key. It has no `Clone`, `Display` or `Serialize`, and its `Debug` says nothing.
///
/// ```compile_fail
/// let secret = postern_config::Secret::new(b"s3cr3t".to_vec());
/// let copy = secret.clone();
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes; whoever made them keeps no copy.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Lends the bytes for the time of one call. What the closure keeps of them is its own affair: it is the one place to look at in a review.
    pub fn lend<T>(&self, borrow: impl FnOnce(&[u8]) -> T) -> T {
        borrow(&self.0)
    }

    /// Whether it is these bytes, in time that depends on the lengths alone.
    pub fn is(&self, presented: &[u8]) -> bool {
        self.0.ct_eq(presented).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new(b"s3cr3t".to_vec());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(format!("{:#?}", Some(&secret)).matches("s3cr3t").count(), 0);
    }

    #[test]
    fn a_secret_is_compared_whole() {
        let secret = Secret::new(b"s3cr3t".to_vec());
        assert!(secret.is(b"s3cr3t"));
        assert!(!secret.is(b"s3cr3") && !secret.is(b"s3cr3t!") && !secret.is(b"S3cr3t"));
    }
}
