//! Who asks: the owner of an access key, with everything that a policy may ask about him already written as text.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use postern_config::directory::{AccessKey, NamespaceId, Tenant, User, UserKind};
use postern_config::engine::Revision;
use s3_protocol::object::Creator;
use sigv4::{Scope, SigningKey};

/// A signed caller. Built once for each revision of his records, shared by his requests.
pub struct Caller {
    /// The account.
    pub tenant: Arc<Tenant>,
    /// The user.
    pub user: Arc<User>,
    /// The access key that signed.
    pub key: Arc<AccessKey>,
    /// `arn:aws:iam::<account>:user/<name>`, or `:root`.
    pub arn: String,
    /// The account's number as twelve digits or more, as ARNs carry it.
    pub account: String,
    /// Every ARN that names him: his own and his account's.
    pub principals: Vec<String>,
    /// The user's number as text: `aws:userid`.
    pub user_id: String,
    /// What is recorded as creator of what he writes.
    pub creator: Creator,
    /// The names of `key.rights.scope.buckets`.
    pub buckets: Option<Vec<String>>,
    /// The names of `key.rights.scope.operations`.
    pub operations: Option<Vec<String>>,
    /// The signing key of one scope: nearly always that of S3 today.
    signing: ArcSwapOption<SigningKey>,
}

/// The revisions of the records that a [`Caller`] was built from. Equal revisions are equal records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revisions {
    tenant: Revision,
    user: Revision,
    key: Revision,
}

impl Caller {
    /// Writes down who the owner of `key` is.
    pub fn new(tenant: Arc<Tenant>, user: Arc<User>, key: Arc<AccessKey>) -> Self {
        let account = format!("{:012}", tenant.id.get());
        let root = format!("arn:aws:iam::{account}:root");
        let arn = match user.kind {
            UserKind::Root => root.clone(),
            UserKind::Human | UserKind::Service => {
                format!("arn:aws:iam::{account}:user/{}", user.name)
            }
        };
        let mut principals = vec![arn.clone()];
        if arn != root {
            principals.push(root);
        }
        principals.push(account.clone());
        let scope = &key.rights.scope;
        Self {
            user_id: user.id.to_string(),
            creator: Creator {
                principal: user.id.to_string(),
                lineage: key.lineage.to_string(),
            },
            buckets: scope
                .buckets
                .as_ref()
                .map(|list| list.iter().map(ToString::to_string).collect()),
            operations: scope
                .operations
                .as_ref()
                .map(|list| list.iter().map(ToString::to_string).collect()),
            signing: ArcSwapOption::empty(),
            arn,
            account,
            principals,
            tenant,
            user,
            key,
        }
    }

    /// The revisions that this caller was built from.
    pub fn revisions(&self) -> Revisions {
        Revisions::of(&self.tenant, &self.user, &self.key)
    }

    /// The namespace in which his buckets are.
    pub fn namespace(&self) -> NamespaceId {
        self.user.namespace(self.tenant.profile)
    }

    /// The signing key for a scope, derived at most once while it is asked for again and again.
    ///
    /// # Errors
    /// Whatever `derive` fails with.
    pub fn signing_key<E>(
        &self,
        scope: &Scope<'_>,
        derive: impl FnOnce() -> Result<Arc<SigningKey>, E>,
    ) -> Result<Arc<SigningKey>, E> {
        if let Some(known) = self.signing.load().as_ref()
            && known.scope() == scope
        {
            return Ok(Arc::clone(known));
        }
        let key = derive()?;
        self.signing.store(Some(Arc::clone(&key)));
        Ok(key)
    }
}

impl Revisions {
    /// The revisions of these records.
    pub fn of(tenant: &Tenant, user: &User, key: &AccessKey) -> Self {
        Self {
            tenant: tenant.revision,
            user: user.revision,
            key: key.revision,
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("arn", &self.arn)
            .field("key", &self.key.id)
            .finish_non_exhaustive()
    }
}
