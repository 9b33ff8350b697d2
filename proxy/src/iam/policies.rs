//! Policy documents of the users of the caller's account: what they put into them, the gate judges by.

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_config::directory::{Command, Name, PolicyPlace};

use super::Desk;
use super::answer::Xml;
use super::asked::Page;
use super::fault::Fault;
use crate::judge::check_policy;

impl Desk<'_> {
    pub(super) async fn put_policy(
        &self,
        user: &Name,
        name: Name,
        text: String,
    ) -> Result<Xml, Fault> {
        self.authority.account()?;
        let place = self.place(user, name)?;
        let checked = check_policy(Arc::clone(self.gate), place.clone(), text.clone()).await;
        checked.map_err(Fault::Policy)?;
        self.apply(Command::PutPolicy { place, text }).await?;
        Ok(Xml::Done)
    }

    /// The document is percent-encoded, as AWS sends it.
    pub(super) fn get_policy(&self, user: &Name, name: &Name) -> Result<Xml, Fault> {
        self.authority.account()?;
        let place = self.place(user, name.clone())?;
        let policy = self.world.state.policy(&place);
        let policy = policy.ok_or_else(|| Fault::missing("user policy", name))?;
        let text = utf8_percent_encode(&policy.text, NON_ALPHANUMERIC);
        Ok(Xml::Fields(vec![
            ("UserName", Xml::text(user)),
            ("PolicyName", Xml::text(place.name())),
            ("PolicyDocument", Xml::text(text)),
        ]))
    }

    pub(super) fn list_policies(&self, user: &Name, page: &Page) -> Result<Xml, Fault> {
        self.authority.account()?;
        let user = self.user(Some(user))?;
        let policies = self.world.state.user_policies(user.id);
        let names = policies.map(|policy| policy.place.name());
        Ok(page.of("PolicyNames", names, |name| name, |name| Xml::text(name)))
    }

    pub(super) async fn delete_policy(&self, user: &Name, name: Name) -> Result<Xml, Fault> {
        self.authority.account()?;
        let place = self.place(user, name)?;
        self.apply(Command::DeletePolicy(place)).await?;
        Ok(Xml::Done)
    }

    fn place(&self, user: &Name, name: Name) -> Result<PolicyPlace, Fault> {
        let user = self.user(Some(user))?.id;
        Ok(PolicyPlace::User { user, name })
    }
}
