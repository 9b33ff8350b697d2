//! Policy documents of the users, groups and roles of the caller's account: what they put into them, the gate judges by.

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_config::directory::{Command, Holder, Name, PolicyPlace};

use super::Desk;
use super::answer::Xml;
use super::asked::{On, Page};
use super::fault::Fault;
use crate::judge::check_policy;

impl Desk<'_> {
    pub(super) async fn put_inline(&self, on: &On, name: Name, text: String) -> Result<Xml, Fault> {
        let place = self.place(on, name)?;
        let checked = check_policy(Arc::clone(self.gate), place.clone(), text.clone()).await;
        checked.map_err(Fault::Policy)?;
        self.apply(Command::PutPolicy { place, text }).await?;
        Ok(Xml::Done)
    }

    pub(super) fn get_inline(&self, on: &On, name: &Name) -> Result<Xml, Fault> {
        let place = self.place(on, name.clone())?;
        let policy = self.world.state.policy(&place);
        let policy = policy.ok_or_else(|| Fault::missing("policy", name))?;
        let (whose, holder) = match on {
            On::User(name) => ("UserName", name),
            On::Group(name) => ("GroupName", name),
            On::Role(name) => ("RoleName", name),
        };
        Ok(Xml::Fields(vec![
            (whose, Xml::text(holder)),
            ("PolicyName", Xml::text(place.name())),
            ("PolicyDocument", document(&policy.text)),
        ]))
    }

    pub(super) fn list_inline(&self, on: &On, page: &Page) -> Result<Xml, Fault> {
        let policies = self.world.state.held_policies(self.holder(on)?);
        let names = policies.map(|policy| policy.place.name());
        Ok(page.of("PolicyNames", names, |name| name, |name| Xml::text(name)))
    }

    pub(super) async fn delete_inline(&self, on: &On, name: Name) -> Result<Xml, Fault> {
        let place = self.place(on, name)?;
        self.apply(Command::DeletePolicy(place)).await?;
        Ok(Xml::Done)
    }

    fn place(&self, on: &On, name: Name) -> Result<PolicyPlace, Fault> {
        Ok(match self.holder(on)? {
            Holder::User(user) => PolicyPlace::User { user, name },
            Holder::Group(group) => PolicyPlace::Group { group, name },
            Holder::Role(role) => PolicyPlace::Role { role, name },
        })
    }

    /// Whom a name means.
    pub(super) fn holder(&self, on: &On) -> Result<Holder, Fault> {
        Ok(match on {
            On::User(name) => Holder::User(self.user(Some(name))?.id),
            On::Group(name) => Holder::Group(self.group(name)?.id),
            On::Role(name) => Holder::Role(self.role(name)?.id),
        })
    }
}

/// A document, percent-encoded, as AWS sends it.
pub(super) fn document(text: &str) -> Xml {
    Xml::text(utf8_percent_encode(text, NON_ALPHANUMERIC))
}
