//! Continuation tokens: where a page of a list begins, opaque to clients.
//!
//! `1` and the base64url of the place, so that another format can come later and a client's own invention is refused. A
//! token grants nothing: whoever may list from here may also say `start-after`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::S3Error;
use crate::limits::TOKEN_BYTES_MAX;

/// The token for a page that begins after `place`.
pub fn encode(place: &str) -> String {
    let mut token = String::with_capacity(2 + place.len().div_ceil(3) * 4);
    token.push('1');
    URL_SAFE_NO_PAD.encode_string(place, &mut token);
    token
}

/// The place of a token.
pub fn decode(token: &str) -> Result<String, S3Error> {
    let refused = || {
        S3Error::argument(
            "The continuation token provided is incorrect",
            "continuation-token",
            token,
        )
    };
    let body = token.strip_prefix('1').ok_or_else(refused)?;
    let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| refused())?;
    if bytes.len() > TOKEN_BYTES_MAX {
        return Err(refused());
    }
    String::from_utf8(bytes).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back() {
        for place in ["", "a", "a/b c+ä\u{1}", &"k".repeat(1_024)] {
            assert_eq!(decode(&encode(place)).as_deref(), Ok(place));
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let long = encode(&"k".repeat(1_025));
        for wrong in [
            "",
            "2YQ",
            "1Y",
            "1YQ==",
            "1!",
            "1_w",
            "photos/a",
            long.as_str(),
        ] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
    }
}
