//! The world that one request sees: the directory at one revision, and the plans that follow from it. It is immutable; a change
//! of the directory makes another.

mod acl;
mod builtin;
mod caller;
mod documents;
mod library;
mod plans;
mod relation;
mod trials;

pub(crate) use acl::{
    ObjectAccess, acl_permissions, initiator, named, object_permissions, owner, with_email,
};
pub use builtin::{Builtin, BuiltinFault};
pub use caller::{Assumed, Caller, Revisions, SessionPolicy};
pub(crate) use caller::{arn_account, role_arn, user_arn};
pub(crate) use documents::{check_bucket_policy, check_identity_policy, check_trust, opens_bucket};
pub use library::{Library, Unloadable};
pub use plans::{Lane, TenantPlan};
pub(crate) use relation::{answers, container_permissions, referrers, relation};
pub(crate) use trials::{Effect, Sighting};
pub use trials::{Failing, PlanShadow, PlanTrials, ShadowTally, Trials, Watch};

use std::fmt;
use std::sync::Arc;

use policy_wasm::plan::{Plan, PlanError};
use postern_config::UnixSeconds;
use postern_config::directory::{
    AccessKeyId, Bucket, IamRole, ModuleScope, NamespaceId, Session, State, TenantId, UserId,
};

/// The directory at one revision, and the plans of its tenants.
pub struct World {
    /// The directory.
    pub state: Arc<State>,
    plans: plans::Plans,
}

impl World {
    /// The world of a state.
    pub fn of(state: Arc<State>) -> Self {
        Self {
            state,
            plans: plans::Plans::default(),
        }
    }

    /// Who stands behind an access key, if all that stands above it is active. One who is not is as unknown as a key that never was.
    pub fn caller(
        &self,
        library: &Library,
        id: &AccessKeyId,
        now_seconds: u64,
    ) -> Option<Arc<Caller>> {
        let found = self.state.caller(id)?;
        if !found.works_at(UnixSeconds(now_seconds)) {
            return None;
        }
        let revisions = Revisions::of(&found);
        if let Some(known) = library.callers.get(id)
            && known.revisions() == revisions
        {
            return Some(known);
        }
        let fresh = Arc::new(Caller::new(&found));
        library.callers.insert(*id, Arc::clone(&fresh));
        Some(fresh)
    }

    /// Who stands behind temporary credentials: the owner of their access key while all of that works, or the role that he has assumed
    /// while it is there as well.
    pub(crate) fn caller_by(
        &self,
        library: &Library,
        session: &Session,
        now_seconds: u64,
    ) -> Option<Arc<Caller>> {
        let caller = self.caller(library, &session.parent, now_seconds)?;
        let role = match &session.role {
            None if session.policy.is_none() => return Some(caller),
            None => None,
            Some(assumed) => {
                let role = self.state.assumed(assumed)?;
                let tenant = self.state.tenant(role.tenant)?;
                Some((role, (tenant, self.state.root(role.tenant)?)))
            }
        };
        Some(Arc::new(caller.by_session(session, role)))
    }

    /// Who owns a bucket that a caller makes: his account, where policies alone give him rights in the deployment's namespace.
    pub(crate) fn owner_of_new(&self, caller: &Caller) -> UserId {
        let by_account = caller.is_by_policy() && caller.namespace() == NamespaceId::Global;
        let root = self.state.root(caller.tenant.id).filter(|_| by_account);
        root.map_or(caller.user.id, |root| root.id)
    }

    /// Whose modules guard what a caller of the one account does to a bucket of the other.
    pub(crate) fn guarding(
        &self,
        caller: Option<TenantId>,
        owner: Option<TenantId>,
    ) -> Vec<ModuleScope> {
        plans::guarding(&self.state, caller, owner)
    }

    /// The plan of what a caller's own documents say, and that of his session, of things that are no buckets: users, keys, roles. None
    /// where nothing judges him.
    pub(crate) fn identity_plan(&self, library: &Library, caller: &Caller) -> Option<Plan> {
        plans::identity(&self.state, library, caller)
    }

    /// The plan of the document that says who may assume a role.
    pub(crate) fn trust_plan(&self, library: &Library, role: &IamRole) -> Option<Plan> {
        plans::trust(library, role)
    }

    /// The plan for a caller on a bucket. Without a caller or a bucket, the other's alone.
    ///
    /// # Errors
    /// More modules are in force than a plan takes.
    pub fn plan(
        &self,
        library: &Library,
        caller: Option<&Caller>,
        bucket: Option<&Bucket>,
    ) -> Result<Arc<TenantPlan>, PlanError> {
        self.plans.get(&self.state, library, caller, bucket)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("revision", &self.state.revision())
            .finish_non_exhaustive()
    }
}
