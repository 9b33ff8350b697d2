//! `x-amz-server-side-encryption*`: how a payload is encrypted at rest, and the key that a customer brings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::headers::text_of;
use crate::error::{S3Code, S3Error};
use crate::seal::{CustomerKey, Sealing};

const METHOD: &str = "x-amz-server-side-encryption";

/// The three headers of a customer's key.
pub(super) struct Names {
    algorithm: &'static str,
    key: &'static str,
    md5: &'static str,
}

/// Of the object that a request reads or writes.
pub(super) const OWN: Names = Names {
    algorithm: "x-amz-server-side-encryption-customer-algorithm",
    key: "x-amz-server-side-encryption-customer-key",
    md5: "x-amz-server-side-encryption-customer-key-md5",
};

/// Of the object that a copy reads.
pub(super) const SOURCE: Names = Names {
    algorithm: "x-amz-copy-source-server-side-encryption-customer-algorithm",
    key: "x-amz-copy-source-server-side-encryption-customer-key",
    md5: "x-amz-copy-source-server-side-encryption-customer-key-md5",
};

/// What a write asks for. A key management service is not built; that is told before this is read.
pub(super) fn sealing(headers: &HeaderMap) -> Result<Option<Sealing>, S3Error> {
    let customer = customer_key(headers, &OWN)?;
    match (text_of(headers, METHOD)?.as_deref(), customer) {
        (None, None) => Ok(None),
        (None, Some(key)) => Ok(Some(Sealing::Customer(key))),
        (Some("AES256"), None) => Ok(Some(Sealing::Node)),
        (Some(other), None) => Err(S3Error::argument(
            "The encryption method specified is not supported",
            METHOD,
            other,
        )),
        (Some(other), Some(_)) => Err(two_methods(other)),
    }
}

/// Whoever asks for a key management service is told that there is none, unless what he asks contradicts itself.
pub(super) fn agrees_with_itself(headers: &HeaderMap) -> Result<(), S3Error> {
    const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";
    let method = text_of(headers, METHOD)?;
    let by_service = |method: &String| method.starts_with("aws:kms");
    match method {
        Some(method) if headers.contains_key(OWN.algorithm) => Err(two_methods(&method)),
        method if headers.contains_key(KEY_ID) && !method.as_ref().is_some_and(by_service) => {
            Err(S3Error::argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
                METHOD,
                "",
            ))
        }
        _ => Ok(()),
    }
}

fn two_methods(named: &str) -> S3Error {
    S3Error::argument(
        "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
        METHOD,
        named,
    )
}

/// A customer's key: all three headers or none.
pub(super) fn customer_key(
    headers: &HeaderMap,
    names: &Names,
) -> Result<Option<CustomerKey>, S3Error> {
    let algorithm = text_of(headers, names.algorithm)?;
    let (key, md5) = (text_of(headers, names.key)?, text_of(headers, names.md5)?);
    // The values are secrets: no answer repeats them.
    let refused = |message, name| Err(S3Error::argument(message, name, ""));
    let Some(algorithm) = algorithm else {
        if key.is_none() && md5.is_none() {
            return Ok(None);
        }
        return refused(
            "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.",
            names.algorithm,
        );
    };
    if algorithm != "AES256" {
        return Err(S3Error::new(S3Code::InvalidEncryptionAlgorithmError));
    }
    let Some(key) = key else {
        return refused(
            "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.",
            names.key,
        );
    };
    let Some(md5) = md5 else {
        return refused(
            "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.",
            names.md5,
        );
    };
    let bytes = STANDARD.decode(key).ok();
    let Some(key) = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) else {
        return refused(
            "The secret key was invalid for the specified algorithm.",
            names.key,
        );
    };
    let key = CustomerKey::new(key);
    if key.md5_text() != md5 {
        return refused(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
            names.md5,
        );
    }
    Ok(Some(key))
}
