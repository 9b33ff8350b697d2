//! One-time passwords by time (TOTP). Source: RFC 6238: SHA-1, six digits, 30 seconds.

use std::fmt;

use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, TOTP};

use crate::Secret;
use crate::time::{Entropy, NoEntropy, UnixSeconds};

/// Bytes of a secret. Source: RFC 4226 section 4, R6: 160 bits are recommended.
const SECRET_BYTES: usize = 20;
const DIGITS: usize = 6;
const STEP_SECONDS: u64 = 30;
/// Steps before and after the present one that are accepted: a telephone's clock may be off by half a minute.
const DRIFT_STEPS: u64 = 1;

/// What a telephone and the server share.
pub struct OneTimeSecret(Secret);

/// The number of a step of thirty seconds. A code is used once: the next must be of a later step.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Step(pub u64);

/// What a person needs to set up a telephone.
#[derive(Debug)]
pub struct Enrolment {
    /// The secret in Base32, for typing.
    pub base32: Secret,
    /// The same as an `otpauth:` address, for a QR code.
    pub address: Secret,
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum OneTimeError {
    /// There were no random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// It has another length.
    #[error("a secret for one-time passwords has {SECRET_BYTES} bytes")]
    Length,
}

impl OneTimeSecret {
    /// A new one.
    ///
    /// # Errors
    /// Without random bytes.
    pub fn random(entropy: &Entropy) -> Result<Self, OneTimeError> {
        Ok(Self(Secret::new(entropy.bytes::<SECRET_BYTES>()?.to_vec())))
    }

    /// One that was kept.
    ///
    /// # Errors
    /// Where it has another length.
    pub fn kept(secret: Secret) -> Result<Self, OneTimeError> {
        if secret.lend(<[u8]>::len) == SECRET_BYTES {
            Ok(Self(secret))
        } else {
            Err(OneTimeError::Length)
        }
    }

    /// The bytes, to be sealed.
    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// The step whose code this is, if it is one that holds now and is later than the last that was used.
    pub fn accepts(&self, code: &str, now: UnixSeconds, last: Option<Step>) -> Option<Step> {
        let present = now.0 / STEP_SECONDS;
        let steps = present.saturating_sub(DRIFT_STEPS)..=present.saturating_add(DRIFT_STEPS);
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let totp = self.totp();
        let fitting = steps.filter(|step| {
            let wanted = totp.generate(step.saturating_mul(STEP_SECONDS));
            wanted.as_bytes().ct_eq(code.as_bytes()).into()
        });
        fitting
            .map(Step)
            .find(|step| last.is_none_or(|last| *step > last))
    }

    /// What the person needs, once. `issuer` and `account` are what the telephone shows.
    pub fn enrolment(&self, issuer: &str, account: &str) -> Enrolment {
        let base32 = self.totp().get_secret_base32();
        let (issuer, account) = (escaped(issuer), escaped(account));
        let address = format!("otpauth://totp/{issuer}:{account}?secret={base32}&issuer={issuer}");
        Enrolment {
            base32: Secret::new(base32.into_bytes()),
            address: Secret::new(address.into_bytes()),
        }
    }

    fn totp(&self) -> TOTP {
        let secret = self.0.lend(<[u8]>::to_vec);
        // The library's own check of the secret's length was made when it was made or read.
        TOTP::new_unchecked(Algorithm::SHA1, DIGITS, 0, STEP_SECONDS, secret)
    }
}

/// Everything but what RFC 3986 calls unreserved is escaped.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: its vectors have eight digits, of which these are the last six.
    #[test]
    fn the_codes_of_the_rfc_are_accepted() {
        let kept = Secret::new(b"12345678901234567890".to_vec());
        let secret = OneTimeSecret::kept(kept).unwrap();
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = Step(time / STEP_SECONDS);
            assert_eq!(
                secret.accepts(code, UnixSeconds(time), None),
                Some(step),
                "{time}"
            );
        }
    }

    #[test]
    fn a_code_holds_for_one_step_more_on_either_side_and_is_used_once() {
        let secret = OneTimeSecret::kept(Secret::new(b"12345678901234567890".to_vec())).unwrap();
        let (code, step) = ("287082", Step(1));
        let at = |time, last| secret.accepts(code, UnixSeconds(time), last);
        assert_eq!(at(0, None), Some(step));
        assert_eq!(at(89, None), Some(step));
        assert_eq!(at(90, None), None);
        assert_eq!(at(59, Some(Step(0))), Some(step));
        assert_eq!(at(59, Some(step)), None);
        assert_eq!(secret.accepts("287 082", UnixSeconds(59), None), Some(step));
        assert_eq!(secret.accepts("", UnixSeconds(59), None), None);
        assert_eq!(secret.accepts("28708", UnixSeconds(59), None), None);
    }

    #[test]
    fn an_address_escapes_what_names_hold() {
        let secret = OneTimeSecret::kept(Secret::new(b"12345678901234567890".to_vec())).unwrap();
        let enrolment = secret.enrolment("Postern", "ada & co@example.com");
        enrolment.address.lend(|address| {
            let wanted = b"otpauth://totp/Postern:ada%20%26%20co%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Postern";
            assert_eq!(address, wanted);
        });
        assert_eq!(format!("{secret:?}"), "OneTimeSecret(..)");
    }
}
