//! What a provider says of somebody, signed. Source: OpenID Connect Core 1.0, sections 2 and 3.1.3.7.
//!
//! The signature, the issuer and the audience are checked by `jsonwebtoken`, time and nonce here: the time is an argument. Signatures
//! are those of keys alone: one that is made with our own secret, or none, is refused whatever the token says of itself.

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use postern_config::Secret;
use serde_json::Value;

use crate::limits::{SSO_CLOCK_SKEW_SECONDS_MAX, SSO_KEYS_MAX, SSO_TOKEN_BYTES_MAX};
use crate::sso::Identity;

/// The keys of a provider. Source: RFC 7517 section 5.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Keys {
    /// As they came: one that we know nothing of is no fault of the others.
    keys: Vec<Value>,
}

/// What a token is to say.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a Secret,
    /// Seconds since 1970.
    pub(super) now: u64,
}

#[derive(serde::Deserialize)]
struct Claims {
    // Read as one text: the crate would take a list of issuers as well.
    iss: String,
    aud: Audience,
    azp: Option<String>,
    exp: u64,
    iat: u64,
    nonce: String,
    auth_time: Option<u64>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Whom a token names, if it is to be believed.
pub(super) fn identity(
    token: &str,
    keys: &Keys,
    expected: &Expected<'_>,
) -> Result<Identity, String> {
    let claims = verified(token, keys, expected)?;
    let is_alone = match &claims.aud {
        Audience::One(one) => one == expected.client_id,
        Audience::Many(all) => matches!(all.as_slice(), [one] if one == expected.client_id),
    };
    if claims.iss != expected.issuer {
        return Err("it is of another issuer".to_owned());
    }
    // Said to others as well, it is for whom it names.
    if (!is_alone || claims.azp.is_some()) && claims.azp.as_deref() != Some(expected.client_id) {
        return Err("it was made for another client".to_owned());
    }
    let (skew, now) = (SSO_CLOCK_SKEW_SECONDS_MAX, expected.now);
    if claims.exp.saturating_add(skew) <= now {
        return Err("it has expired".to_owned());
    }
    if claims.iat > now.saturating_add(skew) {
        return Err("it is of a time to come".to_owned());
    }
    if !expected.nonce.is(claims.nonce.as_bytes()) {
        return Err("it was said for another errand".to_owned());
    }
    let email = claims.email.ok_or("it names no e-mail address")?;
    Ok(Identity {
        email,
        is_verified: claims.email_verified,
        shown: claims.auth_time,
    })
}

/// What a token says, if a key of the provider has signed it.
fn verified(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, String> {
    if token.len() > SSO_TOKEN_BYTES_MAX {
        return Err("it is too long".to_owned());
    }
    let header = decode_header(token).map_err(|cause| cause.to_string())?;
    if !is_of_keys(header.alg) || header.crit.is_some() {
        return Err(format!("it is signed by {:?}", header.alg));
    }
    let mut validation = Validation::new(header.alg);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    // By our own clock, below.
    validation.validate_exp = false;
    let fitting = keys.keys.iter().take(SSO_KEYS_MAX).filter_map(|key| {
        let key: Jwk = serde_json::from_value(key.clone()).ok()?;
        let of = &key.common;
        let is_for_this = !matches!(of.public_key_use, Some(PublicKeyUse::Encryption))
            && (header.kid.is_none() || of.key_id == header.kid);
        is_for_this.then(|| DecodingKey::from_jwk(&key).ok())?
    });
    let mut said = "none of the provider's keys is of its name".to_owned();
    for key in fitting {
        match decode::<Claims>(token, &key, &validation) {
            Ok(decoded) => return Ok(decoded.claims),
            Err(cause) => said = cause.to_string(),
        }
    }
    Err(said)
}

/// Whether it is a signature that only the holder of a private key can make.
const fn is_of_keys(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::ES256
            | Algorithm::ES384
            | Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512
            | Algorithm::EdDSA
    )
}
