//! Who asks: the owner of an access key, with everything that a policy may ask about him already written as text.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use postern_config::directory::{
    self as directory, AccessKey, ArnStyle, Bucket, Digest, Holder, IamRole, NamespaceId, Role,
    RoleAtoms, Session, SessionName, Standing, SubUser, Tenant, User, UserKind,
};
use postern_config::engine::Revision;
use s3_protocol::object::Creator;
use sigv4::{Scope, SigningKey};

use super::acl::canonical_id;

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
    /// The account's number as twelve digits or more.
    pub account: String,
    /// The same as ARNs of the account carry it: empty, where they leave it out.
    pub arn_account: String,
    /// Every ARN that names him: his own, that of the user above or of the role, and his account's.
    pub principals: Vec<String>,
    /// The same for documents of his own account, where ARNs may leave its number out.
    pub home_principals: Vec<String>,
    /// The role that he has assumed.
    pub assumed: Option<Assumed>,
    /// The policy that narrows his session.
    pub session_policy: Option<SessionPolicy>,
    /// The id by which owners and access control lists name him.
    pub canonical_id: String,
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

/// A role that is being used.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// The role.
    pub role: Arc<IamRole>,
    /// What whoever assumed it calls the session.
    pub name: SessionName,
}

/// A policy that came with a session.
#[derive(Clone, Debug)]
pub struct SessionPolicy {
    /// The document.
    pub text: Arc<str>,
    /// Its digest: equal digests are equal documents.
    pub digest: Digest,
}

/// The revisions of the records that a [`Caller`] was built from. Equal revisions are equal records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revisions {
    tenant: Revision,
    user: Revision,
    role: Option<Revision>,
    sub_user: Option<Revision>,
    key: Revision,
    assumed: Option<Revision>,
}

impl Caller {
    /// Writes down who stands behind a key.
    pub fn new(found: &directory::Caller<'_>) -> Self {
        let (tenant, user, key) = (found.tenant, found.user, found.key);
        let account = format!("{:012}", tenant.id.get());
        let root = format!("arn:aws:iam::{account}:root");
        let arn_account = arn_account(tenant);
        let of_user = match user.kind {
            UserKind::Root => root.clone(),
            UserKind::Human | UserKind::Service => user_arn(&arn_account, user),
        };
        let name = match found.sub_user {
            Some(sub_user) => format!("{}/{}", user.name, sub_user.name),
            None => user.name.to_string(),
        };
        let arn = match found.sub_user {
            Some(sub_user) => format!("{of_user}/{}", sub_user.name),
            None => of_user.clone(),
        };
        let principals = principals(&account, [&arn, &of_user, &root]);
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
            canonical_id: canonical_id(user, tenant.profile),
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
            home_principals: at_home(&principals, &account),
            account,
            arn_account,
            principals,
            assumed: None,
            session_policy: None,
            revisions: Revisions::of(found),
            tenant: Arc::clone(tenant),
            user: Arc::clone(user),
            sub_user: found.sub_user.map(Arc::clone),
            key: Arc::clone(key),
        }
    }

    /// The same caller by temporary credentials: narrowed by their policy, and in the place of a role that he has assumed with them.
    /// `home` is the account of that role with its root user.
    #[must_use]
    pub fn by_session(
        &self,
        session: &Session,
        role: Option<(&Arc<IamRole>, (&Arc<Tenant>, &Arc<User>))>,
    ) -> Self {
        let narrowed = session.policy.as_ref().map(|text| SessionPolicy {
            text: Arc::from(&**text),
            digest: Digest::of(text.as_bytes()),
        });
        let caller = Self {
            session_policy: narrowed,
            signing: ArcSwapOption::empty(),
            ..self.copied()
        };
        match (role, &session.role) {
            (Some((role, home)), Some(assumed)) => caller.in_role(role, home, assumed.name.clone()),
            _ => caller,
        }
    }

    fn in_role(
        self,
        role: &Arc<IamRole>,
        (tenant, user): (&Arc<Tenant>, &Arc<User>),
        name: SessionName,
    ) -> Self {
        let account = format!("{:012}", role.tenant.get());
        let arn_account = arn_account(tenant);
        let arn = format!(
            "arn:aws:sts::{arn_account}:assumed-role/{}/{name}",
            role.name
        );
        let principals = vec![
            format!("arn:aws:sts::{account}:assumed-role/{}/{name}", role.name),
            role_arn(&account, role),
            format!("arn:aws:iam::{account}:root"),
            account.clone(),
        ];
        // Where names are each user's own, what he sees stays his, and the role narrows what he does with it. Where they are everyone's,
        // a session belongs to the role's account.
        let is_elsewhere = self.tenant.id != role.tenant;
        let by_account = is_elsewhere || user.namespace(tenant.profile) == NamespaceId::Global;
        let revisions = Revisions {
            assumed: Some(role.revision),
            ..self.revisions
        };
        let (tenant, user) = if by_account {
            (Arc::clone(tenant), Arc::clone(user))
        } else {
            (Arc::clone(&self.tenant), Arc::clone(&self.user))
        };
        Self {
            creator: Creator {
                principal: format!("{}:{name}", role.id),
                lineage: self.creator.lineage,
            },
            canonical_id: canonical_id(&user, tenant.profile),
            user_id: user.id.to_string(),
            name: format!("{}/{name}", role.name),
            home_principals: at_home(&principals, &account),
            assumed: Some(Assumed {
                role: Arc::clone(role),
                name,
            }),
            account,
            arn_account,
            arn,
            principals,
            revisions,
            tenant,
            user,
            ..self
        }
    }

    fn copied(&self) -> Self {
        Self {
            tenant: Arc::clone(&self.tenant),
            user: Arc::clone(&self.user),
            sub_user: self.sub_user.clone(),
            key: Arc::clone(&self.key),
            arn: self.arn.clone(),
            name: self.name.clone(),
            account: self.account.clone(),
            arn_account: self.arn_account.clone(),
            principals: self.principals.clone(),
            home_principals: self.home_principals.clone(),
            assumed: self.assumed.clone(),
            session_policy: self.session_policy.clone(),
            canonical_id: self.canonical_id.clone(),
            user_id: self.user_id.clone(),
            role: self.role.clone(),
            role_atoms: self.role_atoms.clone(),
            is_bounded: self.is_bounded,
            is_exempt: self.is_exempt,
            account_permissions: self.account_permissions,
            creator: self.creator.clone(),
            buckets: self.buckets.clone(),
            operations: self.operations.clone(),
            revisions: self.revisions,
            signing: ArcSwapOption::empty(),
        }
    }

    /// Whose documents judge him: his own and those of his groups, or those of the role that he has assumed.
    pub fn holder(&self) -> Holder {
        match &self.assumed {
            Some(assumed) => Holder::Role(assumed.role.id),
            None => Holder::User(self.user.id),
        }
    }

    /// Whether a bucket of his account is among those that he lists: in the deployment's namespace whoever has but his own
    /// lists those alone.
    pub fn lists(&self, bucket: &Bucket) -> bool {
        let shared = bucket.namespace == NamespaceId::Global;
        !shared || self.standing() != Standing::Own || bucket.owner == self.user.id
    }

    /// What policies call the kind of caller that he is.
    pub const fn principal_type(&self) -> &'static str {
        if self.assumed.is_some() {
            "AssumedRole"
        } else {
            "User"
        }
    }

    /// What his rights come from, in the profile `s3`. A role's session has what policies say; the root user has everything.
    pub fn standing(&self) -> Standing {
        match (&self.assumed, self.user.kind) {
            (Some(_), _) => Standing::ByPolicy,
            (None, UserKind::Root) => Standing::Shared,
            (None, UserKind::Human | UserKind::Service) => self.user.standing,
        }
    }

    /// Whether policies alone give him rights.
    pub fn is_by_policy(&self) -> bool {
        self.standing() == Standing::ByPolicy
    }

    /// Whether he is the root user of his account, and nobody below.
    pub fn is_root(&self) -> bool {
        self.user.kind == UserKind::Root && self.sub_user.is_none() && self.assumed.is_none()
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
            assumed: None,
        }
    }
}

/// Every name by which documents elsewhere know him: these ARNs with the number of his account, however his own are written, and the
/// number.
fn principals(account: &str, arns: [&str; 3]) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(arns.len() + 1);
    for arn in arns {
        let numbered = arn.replacen(":::", &format!("::{account}:"), 1);
        if !all.contains(&numbered) {
            all.push(numbered);
        }
    }
    all.push(account.to_owned());
    all
}

/// The number of an account as its ARNs carry it.
pub(crate) fn arn_account(tenant: &Tenant) -> String {
    match tenant.arns {
        ArnStyle::Numbered => format!("{:012}", tenant.id.get()),
        ArnStyle::Plain => String::new(),
    }
}

/// The ARN of a user who is not the root.
pub(crate) fn user_arn(account: &str, user: &User) -> String {
    format!("arn:aws:iam::{account}:user{}{}", user.path, user.name)
}

/// The ARN of a role that callers assume.
pub(crate) fn role_arn(account: &str, role: &IamRole) -> String {
    format!("arn:aws:iam::{account}:role{}{}", role.path, role.name)
}

/// These ARNs, and each without the number of the account.
fn at_home(principals: &[String], account: &str) -> Vec<String> {
    let numbered = format!("::{account}:");
    let short = principals.iter().filter(|arn| !arn.ends_with(":root"));
    let short = short.filter(|arn| arn.contains(&numbered));
    let short = short.map(|arn| arn.replacen(&numbered, ":::", 1));
    principals.iter().cloned().chain(short).collect()
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("arn", &self.arn)
            .field("key", &self.key.id)
            .finish_non_exhaustive()
    }
}
