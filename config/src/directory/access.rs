//! What S3's access control lists say of a bucket, who owns what is written to it, and what of it must not become public. In the
//! profile `s3` alone: the others have nothing of it.

use s3_protocol::acl::{Grant, Grantee, Group, Ownership, Permission, PublicBlock};
use serde::{Deserialize, Serialize};

use super::names::as_ownership;

/// All of it. What is not set is as a new bucket has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketAccess {
    /// The list; none: the owner may do everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<BucketGrant>>,
    /// Who owns what is written.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "as_ownership"
    )]
    pub ownership: Option<Ownership>,
    /// What must not become public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BucketBlock>,
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketGrant {
    /// A canonical id, or the URI of a group.
    pub to: String,
    /// What.
    pub permission: String,
}

/// What must not become public.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, as S3 has them"
)]
pub struct BucketBlock {
    /// Lists that open anything are refused.
    pub block_acls: bool,
    /// What lists open has no effect.
    pub ignore_acls: bool,
    /// Policies that open anything are refused.
    pub block_policy: bool,
    /// What a policy opens is open to the bucket's own account alone.
    pub restrict: bool,
}

/// What of it is replaced, as the audit record calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessPart {
    /// The list.
    Acl,
    /// Who owns what is written.
    Ownership,
    /// What must not become public.
    PublicBlock,
}

impl BucketAccess {
    /// Whether it is as a new bucket has it.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// What must not become public.
    pub fn blocked(&self) -> PublicBlock {
        self.block.map_or_else(PublicBlock::default, Into::into)
    }

    /// Whether lists have an effect.
    pub fn has_lists(&self) -> bool {
        self.ownership != Some(Ownership::BucketOwnerEnforced)
    }
}

impl From<Grant> for BucketGrant {
    fn from(grant: Grant) -> Self {
        let to = match grant.grantee {
            Grantee::Id(text) | Grantee::Email(text) => text,
            Grantee::Group(group) => group.as_str().to_owned(),
        };
        Self {
            to,
            permission: grant.permission.as_str().to_owned(),
        }
    }
}

impl BucketGrant {
    /// What it gives; nothing, where a later version wrote it.
    pub fn permission(&self) -> Option<Permission> {
        Permission::named(&self.permission)
    }

    /// The group that it is for.
    pub fn group(&self) -> Option<Group> {
        Group::named(&self.to)
    }
}

impl From<BucketBlock> for PublicBlock {
    fn from(block: BucketBlock) -> Self {
        Self {
            block_acls: block.block_acls,
            ignore_acls: block.ignore_acls,
            block_policy: block.block_policy,
            restrict: block.restrict,
        }
    }
}

impl From<PublicBlock> for BucketBlock {
    fn from(block: PublicBlock) -> Self {
        Self {
            block_acls: block.block_acls,
            ignore_acls: block.ignore_acls,
            block_policy: block.block_policy,
            restrict: block.restrict,
        }
    }
}
