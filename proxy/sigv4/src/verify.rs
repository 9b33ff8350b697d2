//! The second step: a claim and a key become a [`Verified`], or do not.

use std::sync::Arc;

use http::HeaderMap;
use subtle::ConstantTimeEq;

use crate::body::BodyVerifier;
use crate::canonical::{Canonical, PathStyle};
use crate::chunked::{Chain, ChunkDecoder};
use crate::error::{AuthError, Place};
use crate::key::{Signature, SigningKey, hex_of};
use crate::payload::{Framing, PayloadMode};
use crate::presented::Claim;
use crate::presigned::presigned_headers;
use crate::scope::ALGORITHM;
use crate::time::Timestamp;

/// The port that clients sign or leave out as they please.
const DEFAULT_PORT: &str = ":443";

/// The head of a request whose signature was checked. Only [`Claim::verify`] makes one.
///
/// ```compile_fail,E0451
/// # fn forge(signature: sigv4::Signature) -> sigv4::Verified {
/// sigv4::Verified { signature, ..todo!() }
/// # }
/// ```
#[derive(Debug)]
pub struct Verified {
    place: Place,
    time: Timestamp,
    expires: Option<u64>,
    signature: Signature,
    payload: PayloadMode,
    framing: Option<Framing>,
    hoisted: HeaderMap,
}

impl Claim<'_> {
    /// Checks the signature with `key`, which must be the one for [`access_key_id`](Claim::access_key_id) and
    /// [`scope`](Claim::scope). The comparison takes the same time for each wrong signature.
    pub fn verify(&self, key: &SigningKey) -> Result<Verified, AuthError> {
        let hoisted = self.hoisted()?;
        // A port that says nothing is signed by some clients and left out by others; a proxy in between may
        // have added or removed it.
        let bare = self.host.strip_suffix(DEFAULT_PORT);
        let other = bare.map_or((self.host, DEFAULT_PORT), |bare| (bare, ""));
        let fits = key.scope() == self.scope()
            && (self.is_signed_by(key, (self.host, ""))? || self.is_signed_by(key, other)?);
        if !fits {
            return Err(AuthError::Mismatch);
        }
        Ok(Verified {
            place: self.place,
            time: self.time,
            expires: self.expires,
            signature: self.signature,
            payload: self.payload,
            framing: self.framing.clone(),
            hoisted,
        })
    }

    fn is_signed_by(&self, key: &SigningKey, host: (&str, &str)) -> Result<bool, AuthError> {
        let hash = Canonical {
            method: self.head.method.as_str(),
            path: self.head.path,
            query: self.head.query.unwrap_or(""),
            headers: self.head.headers,
            host,
            signed_headers: &self.signed_headers,
            payload: &self.payload_text,
            path_style: PathStyle::S3,
        }
        .hash()?;
        Ok(sign_hash(key, self.time, &hash)
            .ct_eq(&self.signature)
            .into())
    }

    /// The `x-amz-*` names in a presigned query, none of which may come as a header as well.
    fn hoisted(&self) -> Result<HeaderMap, AuthError> {
        let headers = match (self.place, self.head.query) {
            (Place::Query, Some(query)) => presigned_headers(query)?,
            (Place::Query | Place::Header | Place::Form, _) => HeaderMap::new(),
        };
        match headers
            .keys()
            .find(|name| self.head.headers.contains_key(*name))
        {
            Some(name) => Err(AuthError::AmbiguousHeader { name: name.clone() }),
            None => Ok(headers),
        }
    }
}

/// The signature over the hash of a canonical request.
pub(crate) fn sign_hash(key: &SigningKey, time: Timestamp, hash: &[u8; 32]) -> Signature {
    let scope = key.scope();
    key.mac(&[
        ALGORITHM.as_bytes(),
        b"\n",
        &time.basic(),
        b"\n",
        scope.date().digits(),
        b"/",
        scope.region().as_bytes(),
        b"/",
        scope.service().as_bytes(),
        b"/aws4_request\n",
        &hex_of(hash),
    ])
}

impl Verified {
    /// Where the credential stood: in the header, or in the query.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// When the request was signed.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// For how many seconds from then a presigned URL is good; nothing for other requests.
    pub const fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// How the body is protected.
    pub const fn payload(&self) -> PayloadMode {
        self.payload
    }

    /// What the head says of the chunks, in a streaming mode.
    pub const fn framing(&self) -> Option<&Framing> {
        self.framing.as_ref()
    }

    /// The `x-amz-*` names in the query of a presigned URL, to be read as headers; empty for other requests. None
    /// of them is also among the headers.
    pub const fn hoisted(&self) -> &HeaderMap {
        &self.hoisted
    }

    /// What verifies the body while it flows, under the key that verified the head.
    pub fn body(&self, key: &Arc<SigningKey>) -> BodyVerifier {
        match (self.payload, &self.framing) {
            (PayloadMode::StreamingSigned { trailer }, Some(framing)) => {
                let chain = Chain::new(Arc::clone(key), self.time, self.signature);
                BodyVerifier::Chunked(Box::new(ChunkDecoder::signed(
                    framing.clone(),
                    chain,
                    trailer,
                )))
            }
            (payload, framing) => BodyVerifier::unsigned(payload, framing.clone()),
        }
    }
}
