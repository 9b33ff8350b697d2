//! A command becomes a plan: the rows to write, what the audit record says, what the caller is told. Nothing is written here,
//! so a plan can be made again when another writer was faster.

mod bounds;
mod buckets;
mod iam;
mod jobs;
mod keys;
mod modules;
mod needs;
mod notes;
mod operators;
mod permissions;
mod policies;
mod proposals;
mod roles;
mod sub_users;
mod sweep;
mod tenants;
mod transfers;
mod trials;
mod users;

use std::sync::Arc;

use s3_protocol::BucketId;
use serde_json::{Map, Value};

pub(super) use keys::{checked_rights, random_secret};
pub(super) use sweep::next_step as sweep_step;

use super::command::{Actor, Command, CommandError, Outcome, Refusal, Who};
use super::names::{AccessKeyId, Name, NamespaceId, RoleId, SubUserId, TenantId, UserId};
use super::operator::Office;
use super::person::Person;
use super::record::{
    AccessKey, Bucket, ModuleStep, Namespace, SubUser, Tenant, TenantStatus, User, UserStatus,
};
use super::role::{Authority, CustomRole};
use super::rows::{Head, Record};
use super::rules::ModuleRules;
use super::state::State;
use crate::engine::{Op, Revision};
use crate::time::{Entropy, UnixMillis};

/// What a plan may lean on.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) state: &'a State,
    pub(super) actor: &'a Actor,
    pub(super) entropy: &'a Entropy,
    pub(super) now: UnixMillis,
    /// What modules must meet.
    pub(super) rules: &'a ModuleRules,
    /// The next number to give; grows as numbers are given.
    pub(super) next: u64,
}

/// What a command would change.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) ops: Vec<Op>,
    pub(super) tenant: Option<TenantId>,
    pub(super) action: &'static str,
    pub(super) object_type: &'static str,
    pub(super) object: String,
    pub(super) detail: Value,
    /// Details that are somebody's, and sealed under his key.
    pub(super) personal: Option<(Person, Map<String, Value>)>,
    /// The head to write in the place of what it is; the counters of its chain are set when it is written.
    pub(super) head: Option<Box<Head>>,
    pub(super) outcome: Outcome,
}

impl Plan {
    fn new(action: &'static str, object_type: &'static str, object: impl ToString) -> Self {
        Self {
            ops: Vec::new(),
            tenant: None,
            action,
            object_type,
            object: object.to_string(),
            detail: Value::Null,
            personal: None,
            head: None,
            outcome: Outcome::Done,
        }
    }

    /// A change that no command asks for: of the directory itself.
    pub(super) fn of_system(
        action: &'static str,
        (object_type, object): (&'static str, impl ToString),
        detail: Value,
        ops: Vec<Op>,
    ) -> Self {
        let plan = Self::new(action, object_type, object).detail(detail);
        Self { ops, ..plan }
    }

    /// The same with another head.
    pub(super) fn with_head(mut self, head: Head) -> Self {
        self.head = Some(Box::new(head));
        self
    }

    fn of(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    fn write(mut self, record: &Record) -> Result<Self, CommandError> {
        self.ops.push(record.put()?);
        Ok(self)
    }

    /// Removes a record, and what is kept of it elsewhere.
    fn erase(mut self, record: &Record) -> Self {
        self.ops.push(Op::Erase(record.key()));
        self
    }

    fn remove(mut self, record: &Record) -> Self {
        self.ops.push(Op::Delete(record.key()));
        self
    }

    /// Founds the namespace that comes with something new, where it has one.
    fn found(self, namespace: Option<NamespaceId>) -> Result<Self, CommandError> {
        match namespace {
            Some(id) => self.write(&Record::Namespace(Namespace {
                id,
                alias: None,
                revision: Revision::default(),
            })),
            None => Ok(self),
        }
    }

    /// Details that are somebody's.
    fn personal(mut self, user: UserId, detail: Value) -> Self {
        if let Value::Object(fields) = detail {
            self.personal = Some((Person::User(user), fields));
        }
        self
    }

    /// The same under another name.
    fn called(mut self, action: &'static str) -> Self {
        self.action = action;
        self
    }

    /// One more detail.
    fn also(mut self, name: &str, value: Value) -> Self {
        match &mut self.detail {
            Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
            rest => *rest = Value::Object(Map::from_iter([(name.to_owned(), value)])),
        }
        self
    }

    fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    fn tell(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }
}

/// Plans a command.
#[expect(
    clippy::too_many_lines,
    reason = "a table: one arm for each command, so that none is forgotten"
)]
pub(super) fn plan(ground: &mut Ground<'_>, command: &Command) -> Result<Plan, CommandError> {
    needs::check(ground, command)?;
    match command {
        Command::CreateTenant {
            name,
            profile,
            parent,
        } => tenants::create(ground, (name, *profile), *parent),
        Command::SuspendTenant(id) => tenants::set_status(ground, *id, TenantStatus::Suspended),
        Command::MakeTenantReadOnly(id) => tenants::set_status(ground, *id, TenantStatus::ReadOnly),
        Command::RenameTenant(id, name) => tenants::rename(ground, *id, name),
        Command::DescribeTenant(id, text) => tenants::describe(ground, *id, text),
        Command::SetTenantLimits(id, limits) => tenants::set_limits(ground, *id, *limits),
        Command::SetArnStyle(id, arns) => tenants::set_arns(ground, *id, *arns),
        Command::BlockPublic(id) => tenants::block_public(ground, *id, tenants::Block::Yes),
        Command::UnblockPublic(id) => tenants::block_public(ground, *id, tenants::Block::No),
        Command::SetAccountAcl(id, acl) => permissions::set_account(ground, *id, acl.as_ref()),
        Command::ResumeTenant(id) => tenants::set_status(ground, *id, TenantStatus::Active),
        Command::DeleteTenant(id) => tenants::delete(ground, *id),
        Command::AddHost(id, host) => tenants::add_host(ground, *id, host),
        Command::RemoveHost(id, host) => tenants::remove_host(ground, *id, host),
        Command::ApplyTenant(import) => transfers::apply(ground, import),
        Command::NoteExport {
            tenant,
            with_secrets,
        } => notes::export(ground, *tenant, *with_secrets),
        Command::NoteReading(reading) => Ok(notes::reading(*reading)),
        Command::NoteNode(note) => notes::node(ground, note),
        Command::NoteBackup { revision, sha256 } => Ok(notes::backup(*revision, sha256)),
        Command::PurgeTenant(id) => jobs::purge_tenant(ground, *id),
        Command::PurgeUser(id) => jobs::purge_user(ground, *id),
        Command::MeasureJob(id, totals) => jobs::measure(ground, *id, *totals),
        Command::FinishJob(id) => jobs::finish(ground, *id),
        Command::SetWriteDeletes(id, allowed) => tenants::set_write_deletes(ground, *id, *allowed),
        Command::CreateUser(new) => users::create(ground, new),
        Command::DisableUser(id) => users::set_status(ground, *id, UserStatus::Disabled),
        Command::EnableUser(id) => users::set_status(ground, *id, UserStatus::Active),
        Command::DeleteUser(id) => users::delete(ground, *id),
        Command::RenameUser(id, name) => users::rename(ground, *id, name),
        Command::PlaceUser(id, path) => users::place(ground, *id, path),
        Command::DescribeUser(id, text) => users::describe(ground, *id, text),
        Command::SetUserDetails(id, details) => users::set_details(ground, *id, details),
        Command::SetUserRole(id, role) => roles::give(ground, *id, *role),
        Command::TransferOwnership { tenant, to } => roles::transfer(ground, *tenant, *to),
        Command::CreateRole { tenant, role } => roles::create(ground, *tenant, role),
        Command::ChangeRole(id, role) => roles::change(ground, *id, role),
        Command::DeleteRole(id) => roles::delete(ground, *id),
        Command::CreateSubUser(new) => sub_users::create(ground, new),
        Command::SetSubUserLevel(id, level) => sub_users::set_level(ground, *id, *level),
        Command::RenameSubUser(id, name) => sub_users::rename(ground, *id, name),
        Command::DescribeSubUser(id, text) => sub_users::describe(ground, *id, text),
        Command::DisableSubUser(id) => sub_users::set_status(ground, *id, UserStatus::Disabled),
        Command::EnableSubUser(id) => sub_users::set_status(ground, *id, UserStatus::Active),
        Command::DeleteSubUser(id) => sub_users::set_status(ground, *id, UserStatus::Deleting),
        Command::CreateKey { user, rights } => keys::create(ground, keys::Of::User(*user), rights),
        Command::CreateSubUserKey { sub_user, rights } => {
            keys::create(ground, keys::Of::SubUser(*sub_user), rights)
        }
        Command::RotateKey { key, grace_seconds } => keys::rotate(ground, key, *grace_seconds),
        Command::SetKeyRights(id, rights) => keys::set_rights(ground, id, rights),
        Command::DisableKey(id) => keys::set_working(ground, id, keys::Working::No),
        Command::EnableKey(id) => keys::set_working(ground, id, keys::Working::Yes),
        Command::DeleteKey(id) => keys::delete(ground, id),
        Command::SetQuota(of, quota) => bounds::set_quota(ground, *of, *quota),
        Command::SetRate(of, rate) => bounds::set_rate(ground, *of, *rate),
        Command::NoteUsage {
            tenant,
            step,
            period,
            detail,
        } => {
            let plan = Plan::new(step, "billing period", period).detail(detail.clone());
            Ok(Plan {
                tenant: *tenant,
                ..plan
            })
        }
        Command::SetAlias(namespace, alias) => {
            buckets::set_alias(ground, *namespace, alias.as_ref())
        }
        Command::BeginBucket {
            namespace,
            name,
            owner,
            keeps,
        } => buckets::begin(ground, (*namespace, name), *owner, *keeps),
        Command::ActivateBucket(id) => buckets::step(ground, *id, buckets::Step::Activate),
        Command::CloseBucket(id) => buckets::step(ground, *id, buckets::Step::Close),
        Command::ReopenBucket(id) => buckets::step(ground, *id, buckets::Step::Reopen),
        Command::RemoveBucket(id) => buckets::remove(ground, *id),
        Command::SetContainerAcl(id, acl) => permissions::set_container(ground, *id, acl.as_ref()),
        Command::SetBucketAccess(id, part, access) => {
            buckets::set_access(ground, *id, (*part, access))
        }
        Command::SetPublicAccess(id, access) => {
            permissions::set_public(ground, *id, access.as_ref())
        }
        Command::PutPolicy { place, text } => policies::put(ground, place, text),
        Command::DeletePolicy(place) => policies::delete(ground, place),
        Command::Iam(command) => iam::plan(ground, command),
        Command::PushModule {
            scope,
            name,
            bytes,
            signature,
        } => modules::push(ground, (*scope, name), bytes, signature.as_deref()),
        Command::ActivateModule(scope, name, digest) => {
            proposals::step(ground, (*scope, name), ModuleStep::Activate(*digest))
        }
        Command::CanaryModule(scope, name, digest, share) => {
            proposals::step(ground, (*scope, name), ModuleStep::Canary(*digest, *share))
        }
        Command::PromoteCanary(scope, name) => {
            let step = modules::promotion(ground, *scope, name)?;
            proposals::step(ground, (*scope, name), step)
        }
        Command::DeactivateModule(scope, name) => {
            proposals::step(ground, (*scope, name), ModuleStep::Deactivate)
        }
        Command::ApproveModule(scope, name) => proposals::approve(ground, *scope, name),
        Command::RejectModule(scope, name) => proposals::reject(ground, *scope, name),
        Command::ShadowModule(scope, name, digest) => {
            trials::shadow(ground, (*scope, name), *digest)
        }
        Command::StopShadow(scope, name) => trials::stop_shadow(ground, *scope, name),
        Command::StopCanary(scope, name) => trials::stop_canary(ground, *scope, name),
        Command::RevertModule {
            scope,
            name,
            failing,
            failures,
        } => trials::revert(ground, (*scope, name), *failing, failures),
        Command::RollbackModule(scope, name) => modules::roll_back(ground, *scope, name),
        Command::RetireModule(scope, name, digest) => {
            modules::retire(ground, *scope, name, *digest)
        }
        Command::NoteModule {
            scope,
            name,
            digest,
            step,
            outcome,
        } => Ok(modules::note((*scope, name), *digest, step, outcome)),
        Command::Operators(command) => operators::plan(ground, command),
    }
}

/// The revision of the record that a command changes; none where it makes one.
#[expect(clippy::too_many_lines, reason = "a line for each command")]
pub(super) fn subject(state: &State, command: &Command) -> Option<Revision> {
    match command {
        Command::CreateTenant { .. }
        | Command::CreateUser(_)
        | Command::CreateRole { .. }
        | Command::CreateSubUser(_)
        | Command::CreateKey { .. }
        | Command::CreateSubUserKey { .. }
        | Command::BeginBucket { .. }
        | Command::PushModule { .. }
        | Command::NoteModule { .. }
        | Command::ApplyTenant(_)
        | Command::NoteExport { .. }
        | Command::NoteReading(_)
        | Command::NoteBackup { .. }
        | Command::NoteNode(_)
        | Command::NoteUsage { .. } => None,
        Command::SuspendTenant(id)
        | Command::ResumeTenant(id)
        | Command::MakeTenantReadOnly(id)
        | Command::RenameTenant(id, _)
        | Command::DescribeTenant(id, _)
        | Command::SetTenantLimits(id, _)
        | Command::SetAccountAcl(id, _)
        | Command::SetArnStyle(id, _)
        | Command::BlockPublic(id)
        | Command::UnblockPublic(id)
        | Command::TransferOwnership { tenant: id, .. }
        | Command::DeleteTenant(id)
        | Command::PurgeTenant(id)
        | Command::AddHost(id, _)
        | Command::RemoveHost(id, _)
        | Command::SetWriteDeletes(id, _) => Some(state.tenant(*id)?.revision),
        Command::DisableUser(id)
        | Command::EnableUser(id)
        | Command::RenameUser(id, _)
        | Command::PlaceUser(id, _)
        | Command::DescribeUser(id, _)
        | Command::SetUserDetails(id, _)
        | Command::SetUserRole(id, _)
        | Command::PurgeUser(id)
        | Command::DeleteUser(id) => Some(state.user(*id)?.revision),
        Command::MeasureJob(id, _) | Command::FinishJob(id) => Some(state.job(*id)?.revision),
        Command::ChangeRole(id, _) | Command::DeleteRole(id) => Some(state.role(*id)?.revision),
        Command::SetSubUserLevel(id, _)
        | Command::RenameSubUser(id, _)
        | Command::DescribeSubUser(id, _)
        | Command::DisableSubUser(id)
        | Command::EnableSubUser(id)
        | Command::DeleteSubUser(id) => Some(state.sub_user(*id)?.revision),
        Command::RotateKey { key: id, .. }
        | Command::SetKeyRights(id, _)
        | Command::DisableKey(id)
        | Command::EnableKey(id)
        | Command::DeleteKey(id) => Some(state.key(id)?.revision),
        Command::SetQuota(of, _) => bounds::quota_subject(state, *of),
        Command::SetRate(of, _) => bounds::rate_subject(state, *of),
        Command::SetAlias(namespace, _) => Some(state.namespace(*namespace)?.revision),
        Command::ActivateBucket(id)
        | Command::CloseBucket(id)
        | Command::ReopenBucket(id)
        | Command::SetContainerAcl(id, _)
        | Command::SetPublicAccess(id, _)
        | Command::SetBucketAccess(id, ..)
        | Command::RemoveBucket(id) => Some(state.bucket_by_id(*id)?.revision),
        Command::PutPolicy { place, .. } | Command::DeletePolicy(place) => {
            Some(state.policy(place)?.revision)
        }
        Command::Iam(command) => iam::subject(state, command),
        Command::ActivateModule(scope, name, _)
        | Command::ShadowModule(scope, name, _)
        | Command::StopShadow(scope, name)
        | Command::CanaryModule(scope, name, ..)
        | Command::StopCanary(scope, name)
        | Command::PromoteCanary(scope, name)
        | Command::ApproveModule(scope, name)
        | Command::RejectModule(scope, name)
        | Command::RevertModule { scope, name, .. }
        | Command::RollbackModule(scope, name)
        | Command::DeactivateModule(scope, name) => Some(state.binding(*scope, name)?.revision),
        Command::RetireModule(scope, name, digest) => {
            Some(state.module(*scope, name, *digest)?.revision)
        }
        Command::Operators(command) => command.subject(state),
    }
}

/// What commands look up. What is not there is [`CommandError::NotFound`].
impl<'a> Ground<'a> {
    fn tenant(&self, id: TenantId) -> Result<&'a Arc<Tenant>, CommandError> {
        self.state.tenant(id).ok_or_else(|| missing("tenant", id))
    }

    fn user(&self, id: UserId) -> Result<&'a Arc<User>, CommandError> {
        self.state.user(id).ok_or_else(|| missing("user", id))
    }

    fn sub_user(&self, id: SubUserId) -> Result<&'a Arc<SubUser>, CommandError> {
        self.state
            .sub_user(id)
            .ok_or_else(|| missing("sub-user", id))
    }

    fn role(&self, id: RoleId) -> Result<&'a Arc<CustomRole>, CommandError> {
        self.state.role(id).ok_or_else(|| missing("role", id))
    }

    /// What whoever asks may do.
    fn authority(&self) -> Authority {
        match &self.actor.who {
            Who::Token { token, .. } => {
                let office = self.state.office_of_token(*token, self.now.seconds());
                Authority::Operator(office.unwrap_or_else(Office::nothing))
            }
            _ => self.state.authority(self.actor),
        }
    }

    fn key(&self, id: &AccessKeyId) -> Result<&'a Arc<AccessKey>, CommandError> {
        self.state.key(id).ok_or_else(|| missing("access key", id))
    }

    fn bucket(&self, id: BucketId) -> Result<&'a Arc<Bucket>, CommandError> {
        self.state
            .bucket_by_id(id)
            .ok_or_else(|| missing("bucket", id))
    }

    /// An account to which things may be added.
    fn working_tenant(&self, id: TenantId) -> Result<&'a Arc<Tenant>, CommandError> {
        let tenant = self.tenant(id)?;
        match tenant.status {
            TenantStatus::Active => Ok(tenant),
            TenantStatus::Suspended | TenantStatus::ReadOnly => {
                Err(CommandError::Refused(Refusal::Inactive))
            }
            TenantStatus::Closed => Err(CommandError::Refused(Refusal::BeingRemoved)),
        }
    }

    /// A user to whom things may be added.
    fn working_user(&self, id: UserId) -> Result<&'a Arc<User>, CommandError> {
        let user = self.user(id)?;
        self.working_tenant(user.tenant)?;
        match user.status {
            UserStatus::Active => Ok(user),
            UserStatus::Disabled => Err(CommandError::Refused(Refusal::Inactive)),
            UserStatus::Deleting => Err(CommandError::Refused(Refusal::BeingRemoved)),
        }
    }

    /// A sub-user to whom things may be added.
    fn working_sub_user(&self, id: SubUserId) -> Result<&'a Arc<SubUser>, CommandError> {
        let sub_user = self.sub_user(id)?;
        self.working_user(sub_user.user)?;
        match sub_user.status {
            UserStatus::Active => Ok(sub_user),
            UserStatus::Disabled => Err(CommandError::Refused(Refusal::Inactive)),
            UserStatus::Deleting => Err(CommandError::Refused(Refusal::BeingRemoved)),
        }
    }

    /// A number that was never given before.
    fn number(&mut self) -> u64 {
        let given = self.next;
        self.next += 1;
        given
    }
}

fn missing(what: &'static str, which: impl ToString) -> CommandError {
    CommandError::NotFound {
        what,
        which: which.to_string(),
    }
}

/// The refusal of a name that something else has.
fn taken<T>(what: &'static str, name: &Name) -> Result<T, CommandError> {
    Err(CommandError::Taken {
        what,
        name: name.to_string(),
        bucket: None,
    })
}

fn refuse<T>(refusal: Refusal) -> Result<T, CommandError> {
    Err(CommandError::Refused(refusal))
}
