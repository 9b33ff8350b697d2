//! The `Authorization` header: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.

use http::HeaderValue;

use crate::error::{AuthError, Part, Place};
use crate::key::Signature;
use crate::scope::{ALGORITHM, Credential};
use crate::text::{cut, split};

/// What the header says.
#[derive(Debug)]
pub(crate) struct Authorization<'h> {
    pub(crate) credential: Credential<'h>,
    pub(crate) signed_headers: &'h str,
    pub(crate) signature: Signature,
}

const PLACE: Place = Place::Header;

impl<'h> Authorization<'h> {
    /// Reads the header. The algorithm is compared byte for byte; the three parts come in any order, each once.
    pub(crate) fn parse(value: &'h HeaderValue) -> Result<Self, AuthError> {
        let malformed = || AuthError::Malformed {
            place: PLACE,
            part: Part::Whole,
        };
        // What is not ASCII fits none of the parts.
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| malformed())?;
        let (algorithm, rest) = cut(text, b' ').unwrap_or((text, ""));
        if algorithm != ALGORITHM {
            return Err(AuthError::UnsupportedAlgorithm { place: PLACE });
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for piece in split(rest, b',') {
            let (name, value) = cut(piece.trim_ascii(), b'=').ok_or_else(malformed)?;
            let (slot, part) = match name {
                "Credential" => (&mut credential, Part::Credential),
                "SignedHeaders" => (&mut signed_headers, Part::SignedHeaders),
                "Signature" => (&mut signature, Part::Signature),
                _ => return Err(malformed()),
            };
            if slot.replace(value).is_some() {
                return Err(AuthError::Repeated { place: PLACE, part });
            }
        }
        let need =
            |slot: Option<&'h str>, part| slot.ok_or(AuthError::Missing { place: PLACE, part });
        Ok(Self {
            credential: Credential::parse(need(credential, Part::Credential)?, PLACE)?,
            signed_headers: need(signed_headers, Part::SignedHeaders)?,
            signature: Signature::parse(need(signature, Part::Signature)?.as_bytes()).ok_or(
                AuthError::Malformed {
                    place: PLACE,
                    part: Part::Signature,
                },
            )?,
        })
    }
}
