//! What a write says of the object to be: content headers, metadata, tags, and the digests of its payload.

use http::HeaderMap;

use super::headers::{
    checksum, content_md5, digits, one, several_checksums, text, text_of, trailer,
};
use super::seal::sealing;
use crate::call::{PayloadDigests, WriteHead};
use crate::error::{S3Code, S3Error};
use crate::limits::{
    METADATA_BYTES_MAX, OBJECT_TAGS_MAX, PUT_BYTES_MAX, TAG_KEY_CHARACTERS_MAX,
    TAG_VALUE_CHARACTERS_MAX, WEBSITE_REDIRECT_BYTES_MAX,
};
use crate::object::ContentHeaders;
use crate::percent;
use crate::setting::Retention;
use crate::setting::lock::hold;

/// Storage classes whose objects can be read at once. The archives would need RestoreObject.
/// Source: S3 API Reference, PutObject, `x-amz-storage-class`.
const STORAGE_CLASSES: [&str; 5] = [
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
];

/// The head to store.
pub(crate) fn write_head(headers: &HeaderMap) -> Result<WriteHead, S3Error> {
    Ok(WriteHead {
        content: ContentHeaders {
            content_type: text_of(headers, "content-type")?.filter(|text| !text.is_empty()),
            content_encoding: content_encoding(headers),
            content_language: text_of(headers, "content-language")?,
            content_disposition: text_of(headers, "content-disposition")?,
            cache_control: joined(headers, "cache-control"),
            expires: text_of(headers, "expires")?,
        },
        metadata: metadata(headers)?,
        storage_class: storage_class(headers)?,
        tags: match one(headers, "x-amz-tagging")? {
            Some(value) => tags(value.as_bytes())?,
            None => Vec::new(),
        },
        website_redirect: website_redirect(headers)?,
        retention: Retention::from_headers(
            text_of(headers, "x-amz-object-lock-mode")?.as_deref(),
            text_of(headers, "x-amz-object-lock-retain-until-date")?.as_deref(),
        )?,
        legal_hold: legal_hold(headers)?,
        sealing: sealing(headers)?,
    })
}

/// The digests that a payload must have.
pub(crate) fn payload_digests(
    headers: &HeaderMap,
    presigned: bool,
) -> Result<PayloadDigests, S3Error> {
    let digests = PayloadDigests {
        md5: content_md5(headers)?,
        checksum: checksum(headers, |algorithm, text| algorithm.parse_value(text).ok())?,
        trailer: trailer(headers)?,
    };
    match (&digests.checksum, digests.trailer) {
        (Some(_), Some(_)) => Err(several_checksums()),
        // A presigned URL names the algorithm of its SDK, but its checksum is not read from there.
        (None, None) if !presigned && headers.contains_key("x-amz-sdk-checksum-algorithm") => {
            Err(S3Error::with(
                S3Code::InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or \
                 x-amz-trailer headers were found.",
            ))
        }
        _ => Ok(digests),
    }
}

/// The decoded length of a payload. A write has one: S3 does not take a body of unknown length.
pub(super) fn length(headers: &HeaderMap) -> Result<Option<u64>, S3Error> {
    let streaming = one(headers, "x-amz-content-sha256")?
        .is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"));
    let framed =
        list(headers, "content-encoding").any(|item| item.eq_ignore_ascii_case("aws-chunked"));
    if framed && !streaming && unsigned(headers)? {
        return Err(S3Error::with(
            S3Code::InvalidRequest,
            "aws-chunked encoding is not supported when x-amz-content-sha256 UNSIGNED-PAYLOAD is \
             supplied.",
        ));
    }
    let decoded = digits(headers, "x-amz-decoded-content-length")?;
    let length = if streaming {
        decoded
    } else {
        digits(headers, "content-length")?.or(decoded)
    };
    match length {
        None => Err(S3Error::new(S3Code::MissingContentLength)),
        Some(bytes) if bytes > PUT_BYTES_MAX => Err(S3Error::new(S3Code::EntityTooLarge)
            .and("ProposedSize", bytes.to_string())
            .and("MaxSizeAllowed", PUT_BYTES_MAX.to_string())),
        Some(bytes) => Ok(Some(bytes)),
    }
}

fn unsigned(headers: &HeaderMap) -> Result<bool, S3Error> {
    let payload = one(headers, "x-amz-content-sha256")?;
    Ok(payload.is_some_and(|value| value.as_bytes() == b"UNSIGNED-PAYLOAD"))
}

/// The members of a comma-separated header, in any number of lines.
fn list<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = String> + 'h {
    headers.get_all(name).into_iter().flat_map(|value| {
        let text = text(value);
        let items: Vec<String> = text.split(',').map(|item| item.trim().to_owned()).collect();
        items
    })
}

/// What is left when the framing of the transfer is taken out: it is not part of the object.
fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let is_framed =
        list(headers, "content-encoding").any(|item| item.eq_ignore_ascii_case("aws-chunked"));
    if !is_framed {
        return joined(headers, "content-encoding").filter(|text| !text.trim().is_empty());
    }
    let kept: Vec<String> = list(headers, "content-encoding")
        .filter(|item| !item.is_empty() && !item.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

fn joined(headers: &HeaderMap, name: &'static str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let mut joined = text(values.next()?).into_owned();
    for value in values {
        joined.push_str(", ");
        joined.push_str(&text(value));
    }
    Some(joined)
}

/// `x-amz-meta-*`. Values that come twice are joined with a comma, as S3 does. A raw value that is UTF-8 is kept as such and
/// written back as an encoded word (RFC 2047), since a header carries no more than ASCII safely.
fn metadata(headers: &HeaderMap) -> Result<Vec<(String, String)>, S3Error> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("x-amz-meta-") else {
            continue;
        };
        if name.is_empty() {
            return Err(S3Error::argument(
                "A metadata header has no name",
                "x-amz-meta-",
                "",
            ));
        }
        // The map yields the values of one name side by side.
        match found.last_mut().filter(|(last, _)| last == name) {
            Some((_, joined)) => {
                joined.push(',');
                joined.push_str(&text(value));
            }
            None => found.push((name.to_owned(), text(value).into_owned())),
        }
    }
    let bytes: usize = found
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(S3Error::new(S3Code::MetadataTooLarge)
            .and("Size", bytes.to_string())
            .and("MaxSizeAllowed", METADATA_BYTES_MAX.to_string()));
    }
    Ok(found)
}

fn storage_class(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    match text_of(headers, "x-amz-storage-class")? {
        None => Ok(None),
        Some(class) if class == "STANDARD" => Ok(None),
        Some(class) if STORAGE_CLASSES.contains(&class.as_str()) => Ok(Some(class)),
        Some(class) => {
            Err(S3Error::new(S3Code::InvalidStorageClass).and("StorageClassRequested", class))
        }
    }
}

fn legal_hold(headers: &HeaderMap) -> Result<bool, S3Error> {
    const NAME: &str = "x-amz-object-lock-legal-hold";
    let Some(text) = text_of(headers, NAME)? else {
        return Ok(false);
    };
    hold(&text)
        .ok_or_else(|| S3Error::argument("Legal Hold must be either of 'ON' or 'OFF'", NAME, text))
}

fn website_redirect(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    const NAME: &str = "x-amz-website-redirect-location";
    let Some(location) = text_of(headers, NAME)? else {
        return Ok(None);
    };
    let rooted = ["/", "http://", "https://"]
        .iter()
        .any(|start| location.starts_with(start));
    if rooted && location.len() <= WEBSITE_REDIRECT_BYTES_MAX {
        return Ok(Some(location));
    }
    Err(S3Error::argument(
        "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        NAME,
        location,
    ))
}

/// `x-amz-tagging`: a query of tags.
fn tags(raw: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let unreadable = |_| {
        let raw = String::from_utf8_lossy(raw).into_owned();
        S3Error::argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query \
             parameters without tag name duplicates.",
            "x-amz-tagging",
            raw,
        )
    };
    let mut tags = Vec::new();
    for pair in raw
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let (key, value) = pair.split_at_checked(equals).unwrap_or((pair, b""));
        let key = percent::decode_query(key).map_err(unreadable)?;
        let value = percent::decode_query(value.get(1..).unwrap_or_default());
        tags.push((key.into_owned(), value.map_err(unreadable)?.into_owned()));
    }
    checked_tags(tags)
}

/// The rules of object tags. Source: S3 User Guide, "Categorizing your objects using tags".
pub(crate) fn checked_tags(tags: Vec<(String, String)>) -> Result<Vec<(String, String)>, S3Error> {
    if tags.len() > OBJECT_TAGS_MAX {
        return Err(S3Error::with(
            S3Code::InvalidTag,
            "Object tags cannot be greater than 10",
        ));
    }
    checked_each_tag(tags)
}

/// The rules of each tag, whatever their number. They are a set, and stand in the order of their keys.
pub(crate) fn checked_each_tag(
    mut tags: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, S3Error> {
    for (index, (key, value)) in tags.iter().enumerate() {
        let fault = if key.is_empty() || key.chars().count() > TAG_KEY_CHARACTERS_MAX {
            "The TagKey you have provided is invalid"
        } else if value.chars().count() > TAG_VALUE_CHARACTERS_MAX {
            "The TagValue you have provided is invalid"
        } else if key.to_ascii_lowercase().starts_with("aws:") {
            "System tags cannot be added/updated by requester"
        } else if tags.iter().skip(index + 1).any(|(other, _)| other == key) {
            "Cannot provide multiple Tags with the same key"
        } else {
            continue;
        };
        return Err(S3Error::with(S3Code::InvalidTag, fault)
            .and("TagKey", key.as_str())
            .and("TagValue", value.as_str()));
    }
    tags.sort();
    Ok(tags)
}
