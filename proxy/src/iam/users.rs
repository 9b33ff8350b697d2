//! Users of the caller's account.

use std::sync::Arc;

use postern_config::UnixSeconds;
use postern_config::directory::{
    Command, Holder, IamPath, Name, NamespaceKind, NewUser, Outcome, Standing, User, UserKind,
};
use postern_config::limits::{
    ATTACHED_POLICIES_MAX, GROUPS_MAX, IAM_ROLES_MAX, MANAGED_POLICIES_MAX,
    MANAGED_POLICY_CHARACTERS_MAX, POLICY_VERSIONS_MAX, USER_GROUPS_MAX,
};
use s3_protocol::date::iso8601;

use super::Desk;
use super::answer::Xml;
use super::asked::{On, Page, Renaming};
use super::fault::Fault;
use crate::world::user_arn;

impl Desk<'_> {
    pub(super) async fn create_user(&self, name: Name, path: IamPath) -> Result<Xml, Fault> {
        let tenant = &self.caller.tenant;
        // On S3 itself a user has what policies give him; elsewhere he has what every other user has.
        let standing = match tenant.profile.namespaces() {
            NamespaceKind::Global => Standing::ByPolicy,
            NamespaceKind::PerUser | NamespaceKind::Account => Standing::Own,
        };
        let new = NewUser {
            path,
            standing,
            ..NewUser::new(tenant.id, name, UserKind::Service)
        };
        match self.apply(Command::CreateUser(new)).await? {
            Outcome::User(id) => {
                let state = self.gate.directory().state();
                let made = state.user(id).ok_or_else(|| Fault::missing("user", id))?;
                Ok(Xml::Fields(vec![("User", self.outline(made))]))
            }
            _ => Ok(Xml::Done),
        }
    }

    /// Gives a user another name, path, or both.
    pub(super) async fn update_user(&self, name: &Name, change: Renaming) -> Result<Xml, Fault> {
        let user = self.user(Some(name))?.id;
        if let Some(name) = change.name {
            self.apply(Command::RenameUser(user, name)).await?;
        }
        if let Some(path) = change.path {
            self.apply(Command::PlaceUser(user, path)).await?;
        }
        Ok(Xml::Done)
    }

    pub(super) fn get_user(&self, name: Option<&Name>) -> Result<Xml, Fault> {
        let user = self.user(name)?;
        if self.caller.sub_user.is_some() {
            return Err(Fault::Denied("a sub-user is not told of his user"));
        }
        Ok(Xml::Fields(vec![("User", self.outline(user))]))
    }

    pub(super) fn list_users(&self, page: &Page) -> Xml {
        // As in AWS, the root is not among them.
        let users = self.world.state.users(self.caller.tenant.id);
        let users = users.filter(|user| user.kind != UserKind::Root && page.has(&user.path));
        page.of(
            "Users",
            users,
            |user| user.name.as_str(),
            |user| self.outline(user),
        )
    }

    /// Removes a user who has nothing: keys and policies must have gone before, as in AWS.
    pub(super) async fn delete_user(&self, name: &Name) -> Result<Xml, Fault> {
        let user = self.user(Some(name))?;
        let state = &self.world.state;
        if state.keys(user.id).next().is_some() {
            return Err(Fault::InUse(
                "Cannot delete entity, must delete access keys first.",
            ));
        }
        if state.user_policies(user.id).next().is_some() {
            return Err(Fault::InUse(
                "Cannot delete entity, must delete policies first.",
            ));
        }
        let holder = Holder::User(user.id);
        if !state.attached(holder).is_empty() {
            return Err(Fault::InUse(
                "Cannot delete entity, must detach all policies first.",
            ));
        }
        if state.groups_of(holder).next().is_some() {
            return Err(Fault::InUse(
                "Cannot delete entity, must remove users from group first.",
            ));
        }
        self.apply(Command::DeleteUser(user.id)).await?;
        Ok(Xml::Done)
    }

    /// What this user or role, like every other, has none of.
    pub(super) fn list_of_none(&self, list: &'static str, on: Option<&On>) -> Result<Xml, Fault> {
        if let Some(on) = on {
            self.holder(on)?;
        }
        Ok(Xml::Fields(vec![
            (list, Xml::Members(Vec::new())),
            ("IsTruncated", Xml::text(false)),
        ]))
    }

    /// How much of everything there is.
    pub(super) fn summary(&self) -> Xml {
        let (state, tenant) = (&self.world.state, self.caller.tenant.id);
        let is_user = |user: &&Arc<User>| user.kind != UserKind::Root;
        let counts = [
            ("Users", state.users(tenant).filter(is_user).count()),
            ("Groups", state.groups(tenant).count()),
            ("Roles", state.iam_roles(tenant).count()),
            ("Policies", state.managed_policies(tenant).count()),
            ("UsersQuota", most(self.caller.tenant.limits.users)),
            ("GroupsQuota", GROUPS_MAX),
            ("RolesQuota", IAM_ROLES_MAX),
            ("PoliciesQuota", MANAGED_POLICIES_MAX),
            ("GroupsPerUserQuota", USER_GROUPS_MAX),
            ("AttachedPoliciesPerUserQuota", ATTACHED_POLICIES_MAX),
            ("VersionsPerPolicyQuota", POLICY_VERSIONS_MAX),
            ("PolicySizeQuota", MANAGED_POLICY_CHARACTERS_MAX),
            (
                "AccessKeysPerUserQuota",
                most(self.caller.tenant.profile.rules().keys_per_user),
            ),
        ];
        let entries = counts.map(|(name, count)| (name, Xml::text(count)));
        Xml::Fields(vec![("SummaryMap", Xml::Entries(entries.into()))])
    }

    /// The user of this name, or the caller himself.
    pub(super) fn user(&self, name: Option<&Name>) -> Result<&Arc<User>, Fault> {
        let Some(name) = name else {
            return if self.caller.assumed.is_some() {
                Err(Fault::invalid(
                    "Must specify userName when calling with non-User credentials",
                ))
            } else {
                Ok(&self.caller.user)
            };
        };
        let found = self.world.state.user_named(self.caller.tenant.id, name);
        // As in AWS, the root is no user to anybody else: whom policies let do everything to users does nothing to him.
        let found = found.filter(|user| user.kind != UserKind::Root || self.caller.is_root());
        found.ok_or_else(|| Fault::missing("user", name))
    }

    pub(super) fn outline(&self, user: &User) -> Xml {
        let account = &self.caller.arn_account;
        let mut fields = vec![
            ("UserId", Xml::text(user.id)),
            ("CreateDate", moment(user.created)),
        ];
        match user.kind {
            UserKind::Root => {
                let root = format!("arn:aws:iam::{}:root", self.caller.account);
                fields.push(("Arn", Xml::Text(root)));
            }
            UserKind::Human | UserKind::Service => fields.extend([
                ("Path", Xml::text(&user.path)),
                ("UserName", Xml::text(&user.name)),
                ("Arn", Xml::Text(user_arn(account, user))),
            ]),
        }
        Xml::Fields(fields)
    }
}

/// What bounds nothing is told as a number that nothing reaches.
fn most(bound: Option<u32>) -> usize {
    let bound = bound.unwrap_or(u32::MAX);
    usize::try_from(bound).unwrap_or(usize::MAX)
}

/// A moment as these APIs write it.
pub(super) fn moment(at: UnixSeconds) -> Xml {
    Xml::Text(iso8601(at.0.saturating_mul(1_000)))
}

impl Page {
    /// Whether what has this path is among what the page asks for.
    pub(super) fn has(&self, path: &IamPath) -> bool {
        let prefix = self.prefix.as_deref().unwrap_or("/");
        path.as_str().starts_with(prefix)
    }

    /// The same as [`Page::of`], of what is drawn already.
    pub(super) fn of_drawn(&self, list: &'static str, all: Vec<(String, Xml)>) -> Xml {
        self.of(
            list,
            all.into_iter(),
            |(name, _)| name.as_str(),
            |(_, drawn)| drawn.clone(),
        )
    }

    /// The part of a list, ascending by name, that this page asks for.
    pub(super) fn of<T>(
        &self,
        list: &'static str,
        all: impl Iterator<Item = T>,
        name: impl Fn(&T) -> &str,
        outline: impl Fn(&T) -> Xml,
    ) -> Xml {
        // Names are in order without regard to case.
        let folded = |text: &str| text.to_ascii_lowercase();
        let after = self.after.as_deref().map(folded);
        let mut rest =
            all.skip_while(|entry| after.as_ref().is_some_and(|it| folded(name(entry)) <= *it));
        let page: Vec<T> = rest.by_ref().take(self.size).collect();
        let more = rest.next().is_some();
        let mut fields = vec![
            (list, Xml::Members(page.iter().map(outline).collect())),
            ("IsTruncated", Xml::text(more)),
        ];
        if more && let Some(last) = page.last() {
            fields.push(("Marker", Xml::text(name(last))));
        }
        Xml::Fields(fields)
    }
}
