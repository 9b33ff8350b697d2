//! Documents to begin with: policies, and rules of buckets.

use super::filters::say;

/// A document to begin with: its word in addresses, what it does, and its text. `BUCKET` stands for the bucket.
pub(crate) type Sample = (&'static str, &'static str, &'static str);

/// Of a bucket.
pub(crate) const OF_BUCKET: &[Sample] = &[
    ("tls", say!("Nothing without TLS"), OVER_TLS_ONLY),
    ("network", say!("Only from some addresses"), SOME_ADDRESSES),
    ("never-delete", say!("Nobody deletes"), NEVER_DELETE),
    ("public", say!("Everybody reads"), EVERYBODY_READS),
];

/// Of a user.
pub(crate) const OF_USER: &[Sample] = &[
    (
        "own-folder",
        say!("The folder of one's own name"),
        OWN_FOLDER,
    ),
    ("read", say!("Read one bucket"), READ_ONE),
    ("never-delete", say!("Never delete"), USER_NEVER_DELETES),
];

/// Rules of CORS.
pub(crate) const CORS_RULES: &[Sample] = &[
    ("read", say!("One website reads"), ONE_WEBSITE_READS),
    ("upload", say!("One website uploads"), ONE_WEBSITE_UPLOADS),
];

/// Rules of a lifecycle.
pub(crate) const LIFECYCLE_RULES: &[Sample] = &[
    ("logs", say!("Delete logs after 30 days"), LOGS_END),
    (
        "versions",
        say!("Delete old versions after 90 days"),
        VERSIONS_END,
    ),
    (
        "uploads",
        say!("Give up uploads that were left open"),
        UPLOADS_END,
    ),
];

const ONE_WEBSITE_READS: &str = "<CORSConfiguration>
  <CORSRule>
    <AllowedOrigin>https://www.example.com</AllowedOrigin>
    <AllowedMethod>GET</AllowedMethod>
    <AllowedMethod>HEAD</AllowedMethod>
    <MaxAgeSeconds>3600</MaxAgeSeconds>
  </CORSRule>
</CORSConfiguration>
";

const ONE_WEBSITE_UPLOADS: &str = "<CORSConfiguration>
  <CORSRule>
    <AllowedOrigin>https://www.example.com</AllowedOrigin>
    <AllowedMethod>PUT</AllowedMethod>
    <AllowedMethod>POST</AllowedMethod>
    <AllowedHeader>*</AllowedHeader>
    <ExposeHeader>ETag</ExposeHeader>
  </CORSRule>
</CORSConfiguration>
";

const LOGS_END: &str = "<LifecycleConfiguration>
  <Rule>
    <ID>logs</ID>
    <Filter>
      <Prefix>logs/</Prefix>
    </Filter>
    <Status>Enabled</Status>
    <Expiration>
      <Days>30</Days>
    </Expiration>
  </Rule>
</LifecycleConfiguration>
";

const VERSIONS_END: &str = "<LifecycleConfiguration>
  <Rule>
    <ID>old-versions</ID>
    <Filter/>
    <Status>Enabled</Status>
    <NoncurrentVersionExpiration>
      <NoncurrentDays>90</NoncurrentDays>
    </NoncurrentVersionExpiration>
  </Rule>
</LifecycleConfiguration>
";

const UPLOADS_END: &str = "<LifecycleConfiguration>
  <Rule>
    <ID>left-open</ID>
    <Filter/>
    <Status>Enabled</Status>
    <AbortIncompleteMultipartUpload>
      <DaysAfterInitiation>7</DaysAfterInitiation>
    </AbortIncompleteMultipartUpload>
  </Rule>
</LifecycleConfiguration>
";

const OVER_TLS_ONLY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "OverTlsOnly",
      "Effect": "Deny",
      "Principal": "*",
      "Action": "s3:*",
      "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"],
      "Condition": { "Bool": { "aws:SecureTransport": "false" } }
    }
  ]
}
"#;

const SOME_ADDRESSES: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "FromInsideOnly",
      "Effect": "Deny",
      "Principal": "*",
      "Action": "s3:*",
      "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"],
      "Condition": { "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } }
    }
  ]
}
"#;

const NEVER_DELETE: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "NobodyDeletes",
      "Effect": "Deny",
      "Principal": "*",
      "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
      "Resource": "arn:aws:s3:::BUCKET/*"
    }
  ]
}
"#;

const EVERYBODY_READS: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "EverybodyReads",
      "Effect": "Allow",
      "Principal": "*",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::BUCKET/*"
    }
  ]
}
"#;

const OWN_FOLDER: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "OwnFolder",
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:PutObject"],
      "Resource": "arn:aws:s3:::*/${aws:username}/*"
    }
  ]
}
"#;

const READ_ONE: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ListIt",
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::BUCKET"
    },
    {
      "Sid": "ReadIt",
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::BUCKET/*"
    }
  ]
}
"#;

const USER_NEVER_DELETES: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "NeverDelete",
      "Effect": "Deny",
      "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket"],
      "Resource": "*"
    }
  ]
}
"#;
