//! Roles of the caller's account that callers assume, and how they are assumed.

use std::sync::Arc;

use postern_config::directory::{
    AssumedRole, Command, Description, IamCommand, IamPath, IamRole, IamRoleText, Name,
    NamespaceKind, SessionOf,
};
use postern_config::limits::{ROLE_SESSION_SECONDS_MIN, SESSION_SECONDS_MIN};

use super::Desk;
use super::answer::Xml;
use super::asked::{Action, Assume, Page};
use super::authority::Said;
use super::fault::Fault;
use super::policies::document;
use super::users::moment;
use crate::judge::{check_attached, check_trust};
use crate::world::{arn_account, role_arn};

/// How a caller learns that he may not have a role, or that there is none: one sentence, so that nobody finds out which.
const NOT_YOURS: Fault = Fault::Denied("you may not assume this role, or there is no such role");

impl Desk<'_> {
    pub(super) async fn create_role(
        &self,
        (name, path): (Name, IamPath),
        text: IamRoleText,
    ) -> Result<Xml, Fault> {
        let tenant = self.caller.tenant.id;
        self.check_trust(&text.trust).await?;
        let command = IamCommand::CreateRole {
            tenant,
            name: name.clone(),
            path,
            text,
        };
        self.apply(Command::Iam(command)).await?;
        let state = self.gate.directory().state();
        let made = state.iam_role_named(tenant, &name);
        let made = made.ok_or_else(|| Fault::missing("role", &name))?;
        Ok(Xml::Fields(vec![("Role", self.outline_of_role(made))]))
    }

    pub(super) fn get_role(&self, name: &Name) -> Result<Xml, Fault> {
        let role = self.role(name)?;
        Ok(Xml::Fields(vec![("Role", self.outline_of_role(role))]))
    }

    pub(super) fn list_roles(&self, page: &Page) -> Xml {
        let roles = self.world.state.iam_roles(self.caller.tenant.id);
        let roles = roles.filter(|role| page.has(&role.path));
        page.of(
            "Roles",
            roles,
            |role| role.name.as_str(),
            |role| self.outline_of_role(role),
        )
    }

    pub(super) async fn update_role(
        &self,
        name: &Name,
        (description, seconds): (Option<Description>, Option<u32>),
    ) -> Result<Xml, Fault> {
        let role = self.role(name)?;
        let text = IamRoleText {
            description: description.unwrap_or_else(|| role.description.clone()),
            trust: role.trust.clone(),
            session_seconds_max: seconds.unwrap_or(role.session_seconds_max),
        };
        let command = IamCommand::ChangeRole(role.id, text);
        self.apply(Command::Iam(command)).await?;
        // Clients want a result, though nothing is in it.
        Ok(Xml::Fields(Vec::new()))
    }

    pub(super) async fn update_trust(&self, name: &Name, trust: String) -> Result<Xml, Fault> {
        let role = self.role(name)?;
        self.check_trust(&trust).await?;
        let text = IamRoleText {
            description: role.description.clone(),
            trust,
            session_seconds_max: role.session_seconds_max,
        };
        let command = IamCommand::ChangeRole(role.id, text);
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn delete_role(&self, name: &Name) -> Result<Xml, Fault> {
        let role = self.role(name)?.id;
        self.apply(Command::Iam(IamCommand::DeleteRole(role)))
            .await?;
        Ok(Xml::Done)
    }

    /// Credentials that do what the role may, for a while, where its document lets the caller.
    pub(super) async fn assume(&self, asked: Assume) -> Result<Xml, Fault> {
        let role = self.may_assume(&asked)?;
        let chained = self.caller.assumed.is_some();
        let most = if chained {
            // Source: IAM User Guide, "Role chaining": one hour.
            u64::from(ROLE_SESSION_SECONDS_MIN)
        } else {
            u64::from(role.session_seconds_max)
        };
        if !(SESSION_SECONDS_MIN..=most).contains(&asked.seconds) {
            return Err(Fault::invalid(format!(
                "DurationSeconds is a number from {SESSION_SECONDS_MIN} to {most} for this role"
            )));
        }
        if let Some(text) = &asked.policy {
            let checked = check_attached(Arc::clone(self.gate), Vec::new(), text.clone()).await;
            checked.map_err(Fault::Policy)?;
        }
        let of = SessionOf {
            parent: self.caller.key.id,
            role: Some(AssumedRole {
                tenant: role.tenant,
                role: role.id,
                name: asked.name.clone(),
            }),
            policy: asked.policy.map(Into::into),
        };
        let credentials = self.issue(role.tenant, of, asked.seconds).await?;
        let home = self.world.state.tenant(role.tenant);
        let account = home.map(|home| arn_account(home)).unwrap_or_default();
        let (named, name) = (&role.name, &asked.name);
        let arn = format!("arn:aws:sts::{account}:assumed-role/{named}/{name}");
        let who = vec![
            ("AssumedRoleId", Xml::Text(format!("{}:{name}", role.id))),
            ("Arn", Xml::Text(arn)),
        ];
        Ok(Xml::Fields(vec![
            ("Credentials", credentials),
            ("AssumedRoleUser", Xml::Fields(who)),
        ]))
    }

    /// The role, if its document lets the caller have it, and his own do where that one names nobody but his account.
    fn may_assume(&self, asked: &Assume) -> Result<&Arc<IamRole>, Fault> {
        let state = &self.world.state;
        let tenant = self.account_of(&asked.role).ok_or(NOT_YOURS)?;
        let role = state.iam_role_named(tenant, &asked.role.name);
        let role = role.filter(|role| role.path == asked.role.path);
        let role = role.ok_or(NOT_YOURS)?;
        let assumed = AssumedRole {
            tenant,
            role: role.id,
            name: asked.name.clone(),
        };
        // Its account must work, as any other does.
        let (role, home) = state
            .assumed(&assumed)
            .zip(state.tenant(tenant))
            .ok_or(NOT_YOURS)?;
        let shared = |profile: postern_config::directory::Profile| {
            profile.namespaces() == NamespaceKind::Global
        };
        let abroad = tenant != self.caller.tenant.id;
        let by_policies = shared(self.caller.tenant.profile) && shared(home.profile);
        // Elsewhere no account has a part in another, and a role narrows what its caller has: another in its place must not undo that.
        if !by_policies && (abroad || self.caller.assumed.is_some()) {
            return Err(NOT_YOURS);
        }
        let plan = self.world.trust_plan(&self.gate.library, role);
        let plan = plan.ok_or(Fault::Undecided)?;
        let (name, action) = ("sts:AssumeRole", Action::AssumeRole);
        let arn = role_arn(&arn_account(home), role);
        let trusts = |principals: &[String]| self.decide(&plan, (name, action), &arn, principals);
        let all = if abroad {
            &self.caller.principals
        } else {
            &self.caller.home_principals
        };
        // That the account is named leaves it to the account who of it may.
        let account = &self.caller.account;
        let is_account = |arn: &String| arn.ends_with(":root") || arn == account;
        let own: Vec<String> = all.iter().filter(|arn| !is_account(arn)).cloned().collect();
        let (trusted, named) = (trusts(all)?, trusts(&own)?);
        let said = self.judged((name, action), &arn)?;
        let acts_for_account =
            !self.caller.is_by_policy() && !state.is_judged(self.caller.holder());
        let agreed = said == Said::Allowed
            || (said == Said::Nothing && (acts_for_account || (!abroad && named == Said::Allowed)));
        if trusted == Said::Allowed && agreed {
            Ok(role)
        } else {
            Err(NOT_YOURS)
        }
    }

    /// The role of this name.
    pub(super) fn role(&self, name: &Name) -> Result<&Arc<IamRole>, Fault> {
        let found = self.world.state.iam_role_named(self.caller.tenant.id, name);
        found.ok_or_else(|| Fault::missing("role", name))
    }

    async fn check_trust(&self, text: &str) -> Result<(), Fault> {
        let checked = check_trust(Arc::clone(self.gate), text.to_owned()).await;
        checked.map_err(Fault::Policy)
    }

    fn outline_of_role(&self, role: &IamRole) -> Xml {
        let arn = role_arn(&self.caller.arn_account, role);
        let mut fields = vec![
            ("Path", Xml::text(&role.path)),
            ("RoleName", Xml::text(&role.name)),
            ("RoleId", Xml::text(role.id)),
            ("Arn", Xml::Text(arn)),
            ("CreateDate", moment(role.created)),
            ("AssumeRolePolicyDocument", document(&role.trust)),
            ("MaxSessionDuration", Xml::text(role.session_seconds_max)),
        ];
        if !role.description.is_empty() {
            fields.push(("Description", Xml::text(&role.description)));
        }
        Xml::Fields(fields)
    }
}
