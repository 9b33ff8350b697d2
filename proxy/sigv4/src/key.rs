//! Secrets, the signing keys that are derived from them, and signatures.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use smallvec::SmallVec;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::limits::SECRET_BYTES_MAX;
use crate::scope::{self, Scope, TERMINATOR};
use crate::time::Date;

type HmacSha256 = Hmac<Sha256>;

/// The secret half of an access key. It is never shown, copied or written, and zeroed when it is dropped.
///
/// ```compile_fail,E0308
/// fn copy(secret: &sigv4::SecretKey) -> sigv4::SecretKey {
///     secret.clone()
/// }
/// ```
pub struct SecretKey {
    text: Zeroizing<String>,
}

/// A secret that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// There is none: an empty secret would let anybody sign.
    #[error("the secret key is empty")]
    Empty,
    /// It is longer than [`SECRET_BYTES_MAX`].
    #[error("the secret key has {bytes} bytes, more than {SECRET_BYTES_MAX}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
}

impl SecretKey {
    /// Takes over the text of a secret.
    pub fn new(text: String) -> Result<Self, InvalidSecret> {
        let text = Zeroizing::new(text);
        match text.len() {
            0 => Err(InvalidSecret::Empty),
            1..=SECRET_BYTES_MAX => Ok(Self { text }),
            bytes => Err(InvalidSecret::TooLong { bytes }),
        }
    }

    /// A secret that nobody has, for keys that do not exist: the work of checking them is then the same.
    pub fn stand_in(random: [u8; 32]) -> Self {
        Self {
            text: Zeroizing::new(hex::encode(Zeroizing::new(random))),
        }
    }

    /// Whether it is `other`, in a time that tells nothing but the lengths.
    pub fn is(&self, other: &str) -> bool {
        self.text.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// What signs for one secret on one day in one region: the state of an HMAC that has its key already, so that a
/// check costs no key set-up. Share it behind an `Arc`.
pub struct SigningKey {
    scope: Scope<'static>,
    mac: HmacSha256,
}

impl SigningKey {
    /// The key of `secret` for S3 on `date` in `region`.
    pub fn derive(secret: &SecretKey, date: Date, region: &str) -> Self {
        Self::for_service(secret, date, region, scope::S3)
    }

    /// The key of `secret` for another service than S3.
    pub fn for_service(secret: &SecretKey, date: Date, region: &str, service: &str) -> Self {
        let mut first = Zeroizing::new(Vec::with_capacity(4 + SECRET_BYTES_MAX));
        first.extend_from_slice(b"AWS4");
        first.extend_from_slice(secret.text.as_bytes());
        let key = mac_once(&first, date.digits());
        let key = mac_once(&*key, region.as_bytes());
        let key = mac_once(&*key, service.as_bytes());
        let key = mac_once(&*key, TERMINATOR.as_bytes());
        Self {
            scope: Scope::new(date, region, service).into_owned(),
            mac: keyed(&*key),
        }
    }

    /// Where and when this key is good.
    pub const fn scope(&self) -> &Scope<'static> {
        &self.scope
    }

    /// The code of `pieces`, one after the other.
    pub(crate) fn mac(&self, pieces: &[&[u8]]) -> Signature {
        // One update of the whole costs less than many of a few bytes.
        let mut message = SmallVec::<[u8; 384]>::new();
        for piece in pieces {
            message.extend_from_slice(piece);
        }
        let mut mac = self.mac.clone();
        mac.update(&message);
        Signature {
            bytes: mac.finalize().into_bytes().into(),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

fn mac_once(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = keyed(key);
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// A signature, which is not shown: with the request it belongs to, it is a credential.
///
/// There is deliberately no `==`: the only comparison takes the same time for any two signatures.
///
/// ```compile_fail,E0369
/// fn compare(one: sigv4::Signature, other: sigv4::Signature) -> bool {
///     one == other
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Signature {
    bytes: [u8; 32],
}

impl Signature {
    /// Reads 64 lower-case hex digits, and nothing else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        parse_sha256(text).map(|bytes| Self { bytes })
    }

    /// The 64 lower-case hex digits.
    pub fn to_hex(self) -> [u8; 64] {
        hex_of(&self.bytes)
    }
}

impl ConstantTimeEq for Signature {
    fn ct_eq(&self, other: &Self) -> Choice {
        // By words: byte by byte, each behind its own barrier against the optimiser, takes ten times as long.
        let (one, _) = self.bytes.as_chunks::<8>();
        let (two, _) = other.bytes.as_chunks::<8>();
        let differing = one.iter().zip(two).fold(0, |differing, (one, two)| {
            differing | (u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*two))
        });
        differing.ct_eq(&0)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// Reads 64 lower-case hex digits into the 32 bytes that they write.
pub(crate) fn parse_sha256(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    // Digits are looked up, not compared: random digits make a processor mispredict every other comparison.
    let mut seen = 0;
    let (pairs, _) = text.as_chunks::<2>();
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (lower_hex_value(high), lower_hex_value(low));
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen != NO_DIGIT).then_some(bytes)
}

/// What stands for a byte that is no digit: all bits, so that it shows in a disjunction.
const NO_DIGIT: u8 = 0xFF;

/// The value of a lower-case hex digit, or [`NO_DIGIT`].
#[expect(
    clippy::indexing_slicing,
    reason = "the table has a place for every byte"
)]
const fn lower_hex_value(digit: u8) -> u8 {
    const VALUES: [u8; 256] = {
        let mut values = [NO_DIGIT; 256];
        let mut value = 0;
        while value < 16 {
            values[hex_digit(value) as usize] = value;
            value += 1;
        }
        values
    };
    VALUES[digit as usize]
}

/// Writes 32 bytes as 64 lower-case hex digits.
pub(crate) fn hex_of(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    let (pairs, _) = text.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = [hex_digit(byte >> 4), hex_digit(byte & 15)];
    }
    text
}

const fn hex_digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'a' + value - 10
    }
}
