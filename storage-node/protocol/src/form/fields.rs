//! The fields of a form, and the PutObject they amount to.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::acl::{self, AclAsk};
use crate::call::PutObject;
use crate::error::{S3Code, S3Error};
use crate::escalations::Escalations;
use crate::names::{BucketName, ObjectKey};
use crate::parse;
use crate::render::PostAnswer;
use crate::xml;

/// The fields before the file. Names are in lower case, and each is there once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
    file_name: String,
}

/// A form, understood: the object that it writes and how it wants to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostObject {
    /// The key, `${filename}` filled in. This is what is authorized.
    pub key: ObjectKey,
    /// The rest of what a PutObject says.
    pub put: PutObject,
    /// How to answer.
    pub answer: PostAnswer,
    /// What its fields ask beyond the write itself.
    pub escalations: Escalations,
    /// The list that the object is to have.
    pub acl: Option<AclAsk>,
}

impl Form {
    /// A field that comes twice is refused: the policy may have judged the other one.
    pub(super) fn new(
        fields: Vec<(String, String)>,
        file_name: Option<String>,
    ) -> Result<Self, S3Error> {
        for (index, (name, value)) in fields.iter().enumerate() {
            if fields
                .iter()
                .skip(index + 1)
                .any(|(other, _)| other == name)
            {
                return Err(S3Error::with(
                    S3Code::InvalidArgument,
                    "A field of the form is given twice",
                )
                .and("ArgumentName", name.as_str())
                .and("ArgumentValue", value.as_str()));
            }
        }
        // A browser may send a whole path; only its last piece is a name.
        let file_name = file_name.unwrap_or_default();
        let last = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
        Ok(Self {
            file_name: last.to_owned(),
            fields,
        })
    }

    /// The fields as they came, names in lower case, in their order.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// A field by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// The name of the file, without a path.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// A field with `${filename}` filled in, as S3 does in every field.
    pub fn filled(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.replace("${filename}", &self.file_name))
    }

    /// The key that the form writes.
    ///
    /// # Errors
    /// [`S3Code::UserKeyMustBeSpecified`] without a key before the file, [`S3Code::KeyTooLongError`].
    pub fn key(&self) -> Result<ObjectKey, S3Error> {
        let key = self.filled("key").filter(|key| !key.is_empty());
        parse::object_key(&key.ok_or_else(|| S3Error::new(S3Code::UserKeyMustBeSpecified))?)
    }

    /// Understands the form, posted to `bucket`: a field cannot name another.
    ///
    /// # Errors
    /// As a PutObject with these headers, and [`S3Code::InvalidArgument`] for another bucket.
    pub fn understand(&self, bucket: &BucketName) -> Result<PostObject, S3Error> {
        if let Some(other) = self.get("bucket").filter(|other| *other != bucket.as_str()) {
            return Err(S3Error::argument(
                "The form names another bucket than its URL",
                "bucket",
                other,
            ));
        }
        let headers = self.headers()?;
        let mut head = parse::write_head(&headers)?;
        let mut escalations = Escalations::read(&headers);
        if let Some(tagging) = self.get("tagging") {
            head.tags = xml::tagging(tagging.as_bytes())?;
            escalations.tagging = true;
        }
        let digests = parse::payload_digests(&headers, true)?;
        let put = PutObject {
            head,
            length: None,
            digests,
            ..PutObject::default()
        };
        Ok(PostObject {
            key: self.key()?,
            put,
            answer: self.answer(),
            escalations,
            acl: acl::from_headers(&headers)?,
        })
    }

    /// The fields that stand for headers.
    fn headers(&self) -> Result<HeaderMap, S3Error> {
        let mut headers = HeaderMap::with_capacity(self.fields.len());
        for (name, _) in &self.fields {
            let header = match name.as_str() {
                "acl" => "x-amz-acl",
                "content-type"
                | "content-encoding"
                | "content-disposition"
                | "content-language"
                | "cache-control"
                | "expires"
                | "content-md5" => name,
                amz if amz.starts_with("x-amz-") && !is_signature(amz) => amz,
                _ => continue,
            };
            let value = self.filled(name).unwrap_or_default();
            let refused = || {
                S3Error::with(
                    S3Code::InvalidArgument,
                    "A field cannot be represented as a header",
                )
                .and("ArgumentName", name.as_str())
                .and("ArgumentValue", value.as_str())
            };
            let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| refused())?;
            let text = HeaderValue::from_str(&value).map_err(|_| refused())?;
            headers.insert(header, text);
        }
        Ok(headers)
    }

    /// How the form wants to be answered; a URL that is none, and a status that is none of three, count as absent.
    fn answer(&self) -> PostAnswer {
        let redirect = self
            .filled("success_action_redirect")
            .or_else(|| self.filled("redirect"));
        if let Some(url) = redirect.filter(|url| is_url(url)) {
            return PostAnswer::Redirect(url);
        }
        match self.get("success_action_status").map(str::trim) {
            Some("200") => PostAnswer::Empty(StatusCode::OK),
            Some("201") => PostAnswer::Document,
            _ => PostAnswer::Empty(StatusCode::NO_CONTENT),
        }
    }
}

/// The fields of the signature are read where signatures are.
fn is_signature(name: &str) -> bool {
    matches!(
        name,
        "x-amz-algorithm"
            | "x-amz-credential"
            | "x-amz-date"
            | "x-amz-signature"
            | "x-amz-security-token"
    )
}

/// An absolute http(s) URL that can stand in a header as it is.
fn is_url(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    }) && url.bytes().all(|byte| matches!(byte, b'!'..=b'~'))
}
