//! Groups of the caller's account.

use std::sync::Arc;

use postern_config::directory::{Command, Group, Holder, IamCommand, IamPath, Name};

use super::Desk;
use super::answer::Xml;
use super::asked::{Page, Renaming};
use super::fault::Fault;
use super::users::moment;

impl Desk<'_> {
    pub(super) async fn create_group(&self, name: Name, path: IamPath) -> Result<Xml, Fault> {
        let tenant = self.caller.tenant.id;
        let command = IamCommand::CreateGroup {
            tenant,
            name: name.clone(),
            path,
        };
        self.apply(Command::Iam(command)).await?;
        let state = self.gate.directory().state();
        let made = state.group_named(tenant, &name);
        let made = made.ok_or_else(|| Fault::missing("group", &name))?;
        Ok(Xml::Fields(vec![("Group", self.outline_of_group(made))]))
    }

    pub(super) fn get_group(&self, name: &Name, page: &Page) -> Result<Xml, Fault> {
        let group = self.group(name)?;
        let mut members: Vec<_> = self.world.state.members(group.id).collect();
        members.sort_by_key(|user| user.name.as_str().to_ascii_lowercase());
        let listed = page.of(
            "Users",
            members.into_iter(),
            |user| user.name.as_str(),
            |user| self.outline(user),
        );
        Ok(listed.with("Group", self.outline_of_group(group)))
    }

    pub(super) fn list_groups(&self, page: &Page) -> Xml {
        let groups = self.world.state.groups(self.caller.tenant.id);
        let groups = groups.filter(|group| page.has(&group.path));
        page.of(
            "Groups",
            groups,
            |group| group.name.as_str(),
            |group| self.outline_of_group(group),
        )
    }

    pub(super) async fn update_group(&self, name: &Name, change: Renaming) -> Result<Xml, Fault> {
        let group = self.group(name)?;
        let command = IamCommand::ChangeGroup {
            group: group.id,
            name: change.name.unwrap_or_else(|| group.name.clone()),
            path: change.path.unwrap_or_else(|| group.path.clone()),
        };
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn delete_group(&self, name: &Name) -> Result<Xml, Fault> {
        let group = self.group(name)?.id;
        let command = IamCommand::DeleteGroup(group);
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn add_member(&self, group: &Name, user: &Name) -> Result<Xml, Fault> {
        let group = self.group(group)?.id;
        let user = self.user(Some(user))?.id;
        let command = IamCommand::AddMember { group, user };
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn remove_member(&self, group: &Name, user: &Name) -> Result<Xml, Fault> {
        let group = self.group(group)?.id;
        let user = self.user(Some(user))?.id;
        let command = IamCommand::RemoveMember { group, user };
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) fn groups_of(&self, user: &Name, page: &Page) -> Result<Xml, Fault> {
        let user = self.user(Some(user))?.id;
        let mut groups: Vec<_> = self.world.state.groups_of(Holder::User(user)).collect();
        groups.sort_by_key(|group| group.name.as_str().to_ascii_lowercase());
        Ok(page.of(
            "Groups",
            groups.into_iter(),
            |group| group.name.as_str(),
            |group| self.outline_of_group(group),
        ))
    }

    /// The group of this name.
    pub(super) fn group(&self, name: &Name) -> Result<&Arc<Group>, Fault> {
        let found = self.world.state.group_named(self.caller.tenant.id, name);
        found.ok_or_else(|| Fault::missing("group", name))
    }

    fn outline_of_group(&self, group: &Group) -> Xml {
        let account = &self.caller.arn_account;
        let arn = format!("arn:aws:iam::{account}:group{}{}", group.path, group.name);
        Xml::Fields(vec![
            ("Path", Xml::text(&group.path)),
            ("GroupName", Xml::text(&group.name)),
            ("GroupId", Xml::text(group.id)),
            ("Arn", Xml::text(arn)),
            ("CreateDate", moment(group.created)),
        ])
    }
}
