//! The error table of S3: codes, statuses, and the document that carries them.

mod travel;

use std::borrow::Cow;

/// An error as S3 answers it: a code, what to do about it, and the extra elements that some codes carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct S3Error {
    /// The code.
    pub code: S3Code,
    /// A sentence for a person.
    pub message: Cow<'static, str>,
    /// Further elements of the document, such as `Region` or `BucketName`.
    pub extra: Vec<(&'static str, String)>,
}

impl S3Error {
    /// An error with the table's own message.
    pub fn new(code: S3Code) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.message()),
            extra: Vec::new(),
        }
    }

    /// An error with its own message.
    pub fn with(code: S3Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            extra: Vec::new(),
        }
    }

    /// `InvalidArgument` that names the argument and its value, as S3 does.
    pub fn argument(
        message: impl Into<Cow<'static, str>>,
        name: &'static str,
        value: impl Into<String>,
    ) -> Self {
        Self::with(S3Code::InvalidArgument, message)
            .and("ArgumentName", name)
            .and("ArgumentValue", value)
    }

    /// Adds an element to the document.
    #[must_use]
    pub fn and(mut self, element: &'static str, value: impl Into<String>) -> Self {
        self.extra.push((element, value.into()));
        self
    }
}

impl From<S3Code> for S3Error {
    fn from(code: S3Code) -> Self {
        Self::new(code)
    }
}

macro_rules! codes {
    ($($name:ident, $status:literal, $message:literal;)*) => {
        /// An S3 error code. Source: S3 API Reference, "Error responses", list of error codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are those of the S3 API Reference")]
        pub enum S3Code { $($name,)* }

        impl S3Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as the document carries it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The table's own message.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

codes! {
    AccessControlListNotSupported, 400, "The bucket does not allow ACLs.";
    AccessDenied, 403, "Access denied.";
    AccessForbidden, 403, "CORSResponse: This CORS request is not allowed.";
    AuthorizationHeaderMalformed, 400, "The authorization header you provided is not valid.";
    AuthorizationQueryParametersError, 400, "The authorization query parameters you provided are not valid.";
    BadDigest, 400, "The Content-MD5 or checksum value you specified does not match what we received.";
    BadRequest, 400, "Bad request.";
    BucketAlreadyExists, 409, "The bucket name is not available. Choose another name.";
    BucketAlreadyOwnedByYou, 409, "You already own this bucket.";
    BucketNotEmpty, 409, "The bucket you tried to delete is not empty.";
    ConditionalRequestConflict, 409, "A conflicting operation happened during this conditional request. Try again.";
    EntityTooLarge, 400, "Your proposed upload exceeds the maximum allowed size.";
    EntityTooSmall, 400, "Your proposed upload is smaller than the minimum allowed size.";
    ExpiredToken, 400, "The provided token has expired.";
    IllegalLocationConstraintException, 400, "The location constraint does not fit the region of this endpoint.";
    IllegalVersioningConfigurationException, 400, "The versioning configuration specified in the request is not valid.";
    IncompleteBody, 400, "You did not provide the number of bytes specified by the Content-Length header.";
    IncorrectNumberOfFilesInPostRequest, 400, "POST requires exactly one file upload per request.";
    InternalError, 500, "An internal error occurred. Try again.";
    InvalidAccessKeyId, 403, "The access key ID you provided does not exist in our records.";
    InvalidArgument, 400, "Invalid argument.";
    InvalidBucketAclWithObjectOwnership, 400, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting.";
    InvalidBucketName, 400, "The specified bucket is not valid.";
    InvalidBucketState, 409, "The request is not valid for the current state of the bucket.";
    InvalidDigest, 400, "The Content-MD5 or checksum value that you specified is not valid.";
    InvalidEncryptionAlgorithmError, 400, "The encryption request that you specified is not valid. The valid value is AES256.";
    InvalidLocationConstraint, 400, "The specified location constraint is not valid.";
    InvalidPart, 400, "One or more of the specified parts could not be found, or its entity tag does not match.";
    InvalidPartNumber, 416, "The requested part number is not satisfiable.";
    InvalidPartOrder, 400, "The list of parts was not in ascending order.";
    InvalidPolicyDocument, 400, "The content of the form does not meet the conditions of its policy.";
    InvalidRange, 416, "The requested range is not satisfiable.";
    InvalidRequest, 400, "The request is not valid.";
    InvalidRetentionPeriod, 400, "The retention period must be a positive number within its bounds.";
    InvalidStorageClass, 400, "The storage class you specified is not valid.";
    InvalidTag, 400, "A tag you provided is not valid.";
    InvalidToken, 400, "The provided token is malformed or otherwise not valid.";
    InvalidURI, 400, "The specified URI could not be parsed.";
    KeyTooLongError, 400, "Your key is too long.";
    MalformedACLError, 400, "The ACL that you provided was not well formed or did not validate against our published schema.";
    MalformedPolicy, 400, "The policy is not one that can be used.";
    MalformedPOSTRequest, 400, "The body of your POST request is not well-formed multipart/form-data.";
    MalformedTrailerError, 400, "The trailer you provided is not well-formed or does not match its declaration.";
    MalformedXML, 400, "The XML you provided was not well-formed or did not validate against our published schema.";
    MaxMessageLengthExceeded, 400, "Your request was too big.";
    MaxPostPreDataLengthExceededError, 400, "Your POST request fields preceding the upload file were too large.";
    MetadataTooLarge, 400, "Your metadata headers exceed the maximum allowed metadata size.";
    MethodNotAllowed, 405, "The specified method is not allowed against this resource.";
    MissingContentLength, 411, "You must provide the Content-Length HTTP header.";
    MissingRequestBodyError, 400, "Request body is empty.";
    MissingSecurityHeader, 400, "Your request is missing a required header.";
    NoSuchBucket, 404, "The specified bucket does not exist.";
    NoSuchBucketPolicy, 404, "The bucket policy does not exist.";
    NoSuchCORSConfiguration, 404, "The CORS configuration does not exist.";
    NoSuchKey, 404, "The specified key does not exist.";
    NoSuchLifecycleConfiguration, 404, "The lifecycle configuration does not exist.";
    NoSuchObjectLockConfiguration, 404, "The specified object does not have an ObjectLock configuration.";
    NoSuchPublicAccessBlockConfiguration, 404, "The public access block configuration was not found.";
    NoSuchTagSet, 404, "The TagSet does not exist.";
    NoSuchUpload, 404, "The specified upload does not exist. It may have been aborted or completed.";
    NoSuchVersion, 404, "The specified version does not exist.";
    NoSuchWebsiteConfiguration, 404, "The specified bucket does not have a website configuration.";
    NotImplemented, 501, "A header or operation you provided implies functionality that is not implemented.";
    NotModified, 304, "Not modified.";
    ObjectLockConfigurationNotFoundError, 404, "Object Lock configuration does not exist for this bucket.";
    OwnershipControlsNotFoundError, 404, "The bucket ownership controls were not found.";
    PermanentRedirect, 301, "The bucket must be addressed through its own endpoint.";
    PreconditionFailed, 412, "At least one of the preconditions you specified did not hold.";
    QuotaExceeded, 403, "The quota of this bucket or user is exhausted.";
    ReplicationConfigurationNotFoundError, 404, "The replication configuration was not found.";
    RequestHeaderSectionTooLarge, 400, "Your request header section exceeds the maximum allowed size.";
    RequestTimeout, 400, "Your socket connection to the server was not read from or written to within the time-out period.";
    RequestTimeTooSkewed, 403, "The difference between the request time and the server's time is too large.";
    ServerSideEncryptionConfigurationNotFoundError, 404, "The server side encryption configuration was not found.";
    ServiceUnavailable, 503, "The request could not be decided or served now. Try again.";
    SignatureDoesNotMatch, 403, "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    SlowDown, 503, "Reduce your request rate.";
    TooManyTags, 400, "The number of tags exceeds the limit.";
    UnexpectedContent, 400, "This request does not support content.";
    UnresolvableGrantByEmailAddress, 400, "The e-mail address you provided does not match any account on record.";
    UserKeyMustBeSpecified, 400, "The bucket POST must contain the specified field name. If it is specified, check the order of the fields.";
    XAmzContentChecksumMismatch, 400, "The value provided for the x-amz-checksum header does not match what we computed.";
    XAmzContentSHA256Mismatch, 400, "The provided x-amz-content-sha256 header does not match what was computed.";
}
