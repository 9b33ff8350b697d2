//! What headers ask beyond the operation itself. Each is a fact that wants a check of its own: a PutObject that brings an
//! ACL also writes an ACL.

use http::HeaderMap;

/// The headers of a request that widen it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, not a state of one machine"
)]
pub struct Escalations {
    /// `x-amz-acl` where it is neither `private` nor `bucket-owner-full-control` (which change nothing, and many tools
    /// always send): writes an ACL.
    pub acl: Option<String>,
    /// Any `x-amz-grant-*`: writes an ACL.
    pub grants: bool,
    /// `x-amz-object-lock-mode`, or until when: locks what it writes.
    pub retention: bool,
    /// `x-amz-object-lock-legal-hold`: holds what it writes.
    pub legal_hold: bool,
    /// `x-amz-bypass-governance-retention: true`: breaks a lock.
    pub bypass_governance: bool,
    /// `x-amz-tagging`, or the field `tagging` of a form: writes tags.
    pub tagging: bool,
    /// `x-amz-website-redirect-location`.
    pub website_redirect: bool,
    /// `x-amz-bucket-object-lock-enabled: true`: configures the bucket.
    pub bucket_object_lock: bool,
    /// `x-amz-object-ownership`: configures the bucket.
    pub object_ownership: Option<String>,
    /// `x-amz-server-side-encryption*`, also for a copy's source.
    pub encryption: bool,
    /// Of these, what only a key management service could do.
    pub kms: bool,
    /// `If-Match` with an entity tag on a write: tells whether the object has it, so it also reads. The parser sets it,
    /// which knows the writes.
    pub matches_tag: bool,
    /// `x-amz-if-match-*`: deletes only what it names. Of another request it is not known.
    pub deletes_if: bool,
    /// `x-amz-rename-source*`, `x-amz-write-offset-bytes`: of directory buckets.
    pub directory_bucket: bool,
}

impl Escalations {
    /// Reads the headers, in one pass.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            let Some(name) = name.as_str().strip_prefix("x-amz-") else {
                continue;
            };
            let text = || String::from_utf8_lossy(value.as_bytes()).into_owned();
            let is_true = || value.as_bytes().eq_ignore_ascii_case(b"true");
            match name {
                "acl" => {
                    let harmless = [b"private".as_slice(), b"bucket-owner-full-control"];
                    if !harmless.contains(&value.as_bytes()) {
                        found.acl = Some(text());
                    }
                }
                "bypass-governance-retention" => found.bypass_governance |= is_true(),
                "tagging" => found.tagging = true,
                "website-redirect-location" => found.website_redirect = true,
                "bucket-object-lock-enabled" => found.bucket_object_lock |= is_true(),
                "object-ownership" => found.object_ownership = Some(text()),
                "write-offset-bytes" => found.directory_bucket = true,
                _ if name.starts_with("grant-") => found.grants = true,
                "object-lock-legal-hold" => found.legal_hold = true,
                _ if name.starts_with("object-lock-") => found.retention = true,
                _ if name.starts_with("server-side-encryption")
                    || name.starts_with("copy-source-server-side-encryption") =>
                {
                    found.encryption = true;
                    found.kms |= name.contains("kms")
                        || name.ends_with("-context")
                        || (name == "server-side-encryption" && text().starts_with("aws:"));
                }
                _ if name.starts_with("if-match-") => found.deletes_if = true,
                _ if name.starts_with("rename-source") => found.directory_bucket = true,
                _ => {}
            }
        }
        found
    }

    /// Whether a header asks for what this build does not do. It is answered with 501, since ignoring it would leave a
    /// client in the belief that its object is locked, or encrypted.
    pub fn asks_unbuilt(&self) -> bool {
        self.kms || self.directory_bucket
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Escalations {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        Escalations::read(&headers)
    }

    #[test]
    fn what_tools_always_send_escalates_nothing() {
        let found = read(&[
            ("x-amz-acl", "private"),
            ("x-amz-date", "20261122T000000Z"),
            ("x-amz-bypass-governance-retention", "false"),
            ("x-amz-bucket-object-lock-enabled", "false"),
            ("x-amz-meta-acl", "public-read"),
            ("content-type", "text/plain"),
        ]);
        assert_eq!(found, Escalations::default());
        assert_eq!(
            read(&[("x-amz-acl", "bucket-owner-full-control")]),
            Escalations::default()
        );
    }

    #[test]
    fn each_header_that_widens_is_a_fact() {
        let found = read(&[
            ("x-amz-acl", "public-read"),
            ("x-amz-grant-read", "id=1"),
            ("x-amz-object-lock-legal-hold", "ON"),
            ("x-amz-object-lock-mode", "COMPLIANCE"),
            ("x-amz-bypass-governance-retention", "true"),
            ("x-amz-tagging", "a=b"),
            ("x-amz-website-redirect-location", "/x"),
            ("x-amz-bucket-object-lock-enabled", "True"),
            ("x-amz-object-ownership", "ObjectWriter"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-if-match-size", "3"),
        ]);
        assert_eq!(
            found,
            Escalations {
                acl: Some("public-read".to_owned()),
                grants: true,
                retention: true,
                legal_hold: true,
                bypass_governance: true,
                tagging: true,
                website_redirect: true,
                bucket_object_lock: true,
                object_ownership: Some("ObjectWriter".to_owned()),
                encryption: true,
                kms: false,
                matches_tag: false,
                deletes_if: true,
                directory_bucket: false,
            }
        );
        assert!(!found.asks_unbuilt());
        assert!(read(&[("x-amz-write-offset-bytes", "3")]).asks_unbuilt());
    }
}
