//! Users of the caller's account.

use std::sync::Arc;

use postern_config::directory::{Command, Name, NewUser, Outcome, User, UserKind};
use s3_protocol::date::iso8601;

use super::Desk;
use super::answer::Xml;
use super::asked::Page;
use super::authority::Authority;
use super::fault::Fault;

impl Desk<'_> {
    pub(super) async fn create_user(&self, name: Name) -> Result<Xml, Fault> {
        self.authority.account()?;
        let new = NewUser::new(self.caller.tenant.id, name, UserKind::Service);
        match self.apply(Command::CreateUser(new)).await? {
            Outcome::User(id) => {
                let state = self.gate.directory().state();
                let made = state.user(id).ok_or_else(|| Fault::missing("user", id))?;
                Ok(Xml::Fields(vec![("User", self.outline(made))]))
            }
            _ => Ok(Xml::Done),
        }
    }

    pub(super) fn get_user(&self, name: Option<&Name>) -> Result<Xml, Fault> {
        let user = self.user(name)?;
        if self.caller.sub_user.is_some() {
            return Err(Fault::Denied("a sub-user is not told of his user"));
        }
        Ok(Xml::Fields(vec![("User", self.outline(user))]))
    }

    pub(super) fn list_users(&self, page: &Page) -> Result<Xml, Fault> {
        self.authority.account()?;
        // As in AWS, the root is not among them.
        let users = self.world.state.users(self.caller.tenant.id);
        let users = users.filter(|user| user.kind != UserKind::Root);
        Ok(page.of(
            "Users",
            users,
            |user| user.name.as_str(),
            |user| self.outline(user),
        ))
    }

    /// Removes a user who has nothing: keys and policies must have gone before, as in AWS.
    pub(super) async fn delete_user(&self, name: &Name) -> Result<Xml, Fault> {
        self.authority.account()?;
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
        self.apply(Command::DeleteUser(user.id)).await?;
        Ok(Xml::Done)
    }

    /// What this user, like every other, has none of.
    pub(super) fn list_of_none(
        &self,
        list: &'static str,
        user: Option<&Name>,
    ) -> Result<Xml, Fault> {
        self.user(user)?;
        Ok(Xml::Fields(vec![
            (list, Xml::Members(Vec::new())),
            ("IsTruncated", Xml::text(false)),
        ]))
    }

    /// The user of this name, or the caller himself. Who may not know of others is told nothing of them.
    pub(super) fn user(&self, name: Option<&Name>) -> Result<&Arc<User>, Fault> {
        let Some(name) = name else {
            return Ok(&self.caller.user);
        };
        let found = self.world.state.user_named(self.caller.tenant.id, name);
        match (self.authority, found) {
            (_, Some(user)) if user.id == self.caller.user.id => Ok(&self.caller.user),
            (Authority::Own, _) => self.authority.account().map(|()| &self.caller.user),
            (Authority::Account, Some(user)) => Ok(user),
            (Authority::Account, None) => Err(Fault::missing("user", name)),
        }
    }

    fn outline(&self, user: &User) -> Xml {
        let account = &self.caller.account;
        let created = iso8601(user.created.0.saturating_mul(1_000));
        let mut fields = vec![
            ("UserId", Xml::text(user.id)),
            ("CreateDate", Xml::text(created)),
        ];
        match user.kind {
            UserKind::Root => {
                fields.push(("Arn", Xml::text(format!("arn:aws:iam::{account}:root"))))
            }
            UserKind::Human | UserKind::Service => fields.extend([
                ("Path", Xml::text("/")),
                ("UserName", Xml::text(&user.name)),
                (
                    "Arn",
                    Xml::text(format!("arn:aws:iam::{account}:user/{}", user.name)),
                ),
            ]),
        }
        Xml::Fields(fields)
    }
}

impl Page {
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
