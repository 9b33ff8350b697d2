//! Who asks: the owner of an access key, with everything that a policy may ask about him already written as text.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use postern_config::directory::{
    self as directory, AccessKey, NamespaceId, Role, RoleAtoms, SubUser, Tenant, User, UserKind,
};
use postern_config::engine::Revision;
use s3_protocol::object::Creator;
use sigv4::{Scope, SigningKey};

/// A signed caller. Built once for each revision of his records, shared by his requests.
pub struct Caller {
    /// The account.
    pub tenant: Arc<Tenant>,
    /// The user: the one above, where a sub-user signed.
    pub user: Arc<User>,
    /// The sub-user who signed.
    pub sub_user: Option<Arc<SubUser>>,
    /// The access key that signed.
    pub key: Arc<AccessKey>,
    /// `arn:aws:iam::<account>:user/<name>`, or `:root`; of a sub-user `…:user/<name of his user>/<name>`.
    pub arn: String,
    /// The name: of a sub-user that of his user as well, so that it is no other user's.
    pub name: String,
    /// The account's number as twelve digits or more, as ARNs carry it.
    pub account: String,
    /// Every ARN that names him: his own, that of the user above, and his account's.
    pub principals: Vec<String>,
    /// The user's number as text, which owns his buckets.
    pub user_id: String,
    /// The name of his role.
    pub role: String,
    /// The atoms of it.
    pub role_atoms: Vec<&'static str>,
    /// Whether the role narrows what his keys may do.
    pub is_bounded: bool,
    /// Whether account and container permissions do not bind him.
    pub is_exempt: bool,
    /// What the account's permissions give him; none where the profile has no such permissions.
    pub account_permissions: Option<&'static [&'static str]>,
    /// What is recorded as creator of what he writes; its principal is `aws:userid`.
    pub creator: Creator,
    /// The names of `key.rights.scope.buckets`.
    pub buckets: Option<Vec<String>>,
    /// The names of `key.rights.scope.operations`.
    pub operations: Option<Vec<String>>,
    revisions: Revisions,
    /// The signing key of one scope: nearly always that of S3 today.
    signing: ArcSwapOption<SigningKey>,
}

/// The revisions of the records that a [`Caller`] was built from. Equal revisions are equal records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revisions {
    tenant: Revision,
    user: Revision,
    role: Option<Revision>,
    sub_user: Option<Revision>,
    key: Revision,
}

impl Caller {
    /// Writes down who stands behind a key.
    pub fn new(found: &directory::Caller<'_>) -> Self {
        let (tenant, user, key) = (found.tenant, found.user, found.key);
        let account = format!("{:012}", tenant.id.get());
        let root = format!("arn:aws:iam::{account}:root");
        let of_user = match user.kind {
            UserKind::Root => root.clone(),
            UserKind::Human | UserKind::Service => {
                format!("arn:aws:iam::{account}:user/{}", user.name)
            }
        };
        let name = match found.sub_user {
            Some(sub_user) => format!("{}/{}", user.name, sub_user.name),
            None => user.name.to_string(),
        };
        let arn = match found.sub_user {
            Some(_) => format!("arn:aws:iam::{account}:user/{name}"),
            None => of_user.clone(),
        };
        let mut principals = vec![arn.clone()];
        for above in [of_user, root] {
            if !principals.contains(&above) {
                principals.push(above);
            }
        }
        principals.push(account.clone());
        let atoms = match found.role {
            Some(role) => role.atoms.clone(),
            None => RoleAtoms::of_builtin(user.role).unwrap_or_default(),
        };
        let principal = found
            .sub_user
            .map_or_else(|| user.id.to_string(), |sub_user| sub_user.id.to_string());
        let permissions = tenant.account_acl().map(|acl| acl.held_by(user.id).words());
        let scope = &key.rights.scope;
        Self {
            user_id: user.id.to_string(),
            role: match found.role {
                Some(role) => role.name.to_string(),
                None => Role::to_string(&user.role),
            },
            role_atoms: atoms.data.iter().map(|atom| atom.as_str()).collect(),
            is_bounded: !atoms.are_everything(),
            is_exempt: tenant.profile.rules().acl_exempt_roles.contains(&user.role),
            account_permissions: permissions,
            creator: Creator {
                principal,
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
            name,
            account,
            principals,
            revisions: Revisions::of(found),
            tenant: Arc::clone(tenant),
            user: Arc::clone(user),
            sub_user: found.sub_user.map(Arc::clone),
            key: Arc::clone(key),
        }
    }

    /// The revisions that this caller was built from.
    pub const fn revisions(&self) -> Revisions {
        self.revisions
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
    pub fn of(found: &directory::Caller<'_>) -> Self {
        Self {
            tenant: found.tenant.revision,
            user: found.user.revision,
            role: found.role.map(|role| role.revision),
            sub_user: found.sub_user.map(|sub_user| sub_user.revision),
            key: found.key.revision,
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
