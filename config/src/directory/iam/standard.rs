//! The policies that every account has, as on AWS, and that none changes: those of AWS's own that speak of S3 and IAM.
//!
//! Source: AWS Managed Policy Reference Guide.

use serde::{Deserialize, Serialize};

/// A policy that every account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StandardPolicy {
    /// Everything.
    AdministratorAccess,
    /// Everything of S3.
    AmazonS3FullAccess,
    /// Reading of S3.
    AmazonS3ReadOnlyAccess,
    /// Everything of IAM.
    IAMFullAccess,
    /// Reading of IAM.
    IAMReadOnlyAccess,
}

impl StandardPolicy {
    /// Every one, by name.
    pub const ALL: [Self; 5] = [
        Self::AdministratorAccess,
        Self::AmazonS3FullAccess,
        Self::AmazonS3ReadOnlyAccess,
        Self::IAMFullAccess,
        Self::IAMReadOnlyAccess,
    ];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AdministratorAccess => "AdministratorAccess",
            Self::AmazonS3FullAccess => "AmazonS3FullAccess",
            Self::AmazonS3ReadOnlyAccess => "AmazonS3ReadOnlyAccess",
            Self::IAMFullAccess => "IAMFullAccess",
            Self::IAMReadOnlyAccess => "IAMReadOnlyAccess",
        }
    }

    /// The document.
    pub const fn text(self) -> &'static str {
        match self {
            Self::AdministratorAccess => {
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#
            }
            Self::AmazonS3FullAccess => {
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}"#
            }
            Self::AmazonS3ReadOnlyAccess => {
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}"#
            }
            Self::IAMFullAccess => {
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*"],"Resource":"*"}]}"#
            }
            Self::IAMReadOnlyAccess => {
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Resource":"*"}]}"#
            }
        }
    }

    /// The one of this name, without regard to case.
    pub fn named(name: &str) -> Option<Self> {
        let same = |it: &Self| it.name().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(same)
    }
}
