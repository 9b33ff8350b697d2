//! Policies that are attached: those that the caller's account manages, and those that every account has.

use std::sync::Arc;

use postern_config::UnixSeconds;
use postern_config::directory::{
    Attachable, Command, Description, Digest, Holder, IamCommand, IamPath, Judges, ManagedPolicy,
    Name, PolicyVersion, StandardPolicy,
};

use super::Desk;
use super::answer::Xml;
use super::asked::{On, Page, PolicyArn, Version, Whose};
use super::fault::Fault;
use super::policies::document;
use super::users::moment;
use crate::judge::check_attached;

/// A policy that was found.
#[derive(Clone, Copy)]
enum Found<'a> {
    Own(&'a Arc<ManagedPolicy>),
    Standard(StandardPolicy),
}

impl Found<'_> {
    fn attachable(self) -> Attachable {
        match self {
            Self::Own(policy) => Attachable::Own(policy.id),
            Self::Standard(policy) => Attachable::Standard(policy),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Own(policy) => policy.text(),
            Self::Standard(policy) => policy.text(),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Own(policy) => policy.name.as_str(),
            Self::Standard(policy) => policy.name(),
        }
    }
}

impl Desk<'_> {
    pub(super) async fn create_managed(
        &self,
        (name, path): (Name, IamPath),
        description: Description,
        text: String,
    ) -> Result<Xml, Fault> {
        let tenant = self.caller.tenant.id;
        self.check(Vec::new(), &text).await?;
        let command = IamCommand::CreatePolicy {
            tenant,
            name: name.clone(),
            path,
            description,
            text,
        };
        self.apply(Command::Iam(command)).await?;
        let state = self.gate.directory().state();
        let made = state.managed_policy_named(tenant, &name);
        let made = made.ok_or_else(|| Fault::missing("policy", &name))?;
        let outline = self.outline_of_policy(Found::Own(made));
        Ok(Xml::Fields(vec![("Policy", outline)]))
    }

    pub(super) fn get_managed(&self, arn: &PolicyArn) -> Result<Xml, Fault> {
        let found = self.found(arn)?;
        let described = match found {
            Found::Own(policy) => policy.description.to_string(),
            Found::Standard(_) => String::new(),
        };
        let outline = self.outline_of_policy(found);
        let outline = outline.with("Description", Xml::Text(described));
        Ok(Xml::Fields(vec![("Policy", outline)]))
    }

    pub(super) fn list_managed(&self, whose: Whose, attached: bool, page: &Page) -> Xml {
        let state = &self.world.state;
        let tenant = self.caller.tenant.id;
        let own = state.managed_policies(tenant).map(Found::Own);
        let own = own.filter(|_| whose != Whose::Everyones);
        let standard = StandardPolicy::ALL.into_iter().map(Found::Standard);
        let standard = standard.filter(|_| whose != Whose::Own);
        let is_wanted = |found: &Found<'_>| {
            let path = match found {
                Found::Own(policy) => page.has(&policy.path),
                Found::Standard(_) => page.has(&IamPath::default()),
            };
            let mut holders = state.attached_to(tenant, found.attachable());
            path && (!attached || holders.next().is_some())
        };
        let mut all: Vec<Found<'_>> = own.chain(standard).filter(is_wanted).collect();
        all.sort_by_key(|found| found.name().to_ascii_lowercase());
        page.of(
            "Policies",
            all.into_iter(),
            |found| found.name(),
            |found| self.outline_of_policy(*found),
        )
    }

    pub(super) async fn delete_managed(&self, arn: &PolicyArn) -> Result<Xml, Fault> {
        let policy = self.own(arn)?.id;
        let command = IamCommand::DeletePolicy(policy);
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn create_version(
        &self,
        arn: &PolicyArn,
        text: String,
        judges: Judges,
    ) -> Result<Xml, Fault> {
        let policy = self.own(arn)?;
        let holders = match judges {
            Judges::AtOnce => self.judged_by(policy),
            Judges::Later => Vec::new(),
        };
        self.check(holders, &text).await?;
        let command = IamCommand::AddPolicyVersion {
            policy: policy.id,
            text,
            judges,
        };
        self.apply(Command::Iam(command)).await?;
        let state = self.gate.directory().state();
        let made = state.managed_policy(policy.id);
        let made = made.and_then(|policy| Some((policy, policy.versions.last()?)));
        let (policy, version) = made.ok_or_else(|| Fault::missing("policy", &arn.text))?;
        let outline = outline_of_version(policy, version);
        Ok(Xml::Fields(vec![("PolicyVersion", outline)]))
    }

    pub(super) fn get_version(&self, arn: &PolicyArn, version: Version) -> Result<Xml, Fault> {
        let missing = || Fault::missing("policy version", format!("v{}", version.0));
        let (outline, text) = match self.found(arn)? {
            Found::Own(policy) => {
                let found = policy.version(version.0).ok_or_else(missing)?;
                (outline_of_version(policy, found), found.text.as_str())
            }
            Found::Standard(policy) if version.0 == 1 => (standard_version(), policy.text()),
            Found::Standard(_) => return Err(missing()),
        };
        let outline = outline.with("Document", document(text));
        Ok(Xml::Fields(vec![("PolicyVersion", outline)]))
    }

    pub(super) fn list_versions(&self, arn: &PolicyArn, page: &Page) -> Result<Xml, Fault> {
        let all: Vec<(String, Xml)> = match self.found(arn)? {
            Found::Own(policy) => {
                let versions = policy.versions.iter();
                let shown = versions.map(|it| {
                    (
                        format!("v{:010}", it.number),
                        outline_of_version(policy, it),
                    )
                });
                shown.collect()
            }
            Found::Standard(_) => vec![("v1".to_owned(), standard_version())],
        };
        Ok(page.of_drawn("Versions", all))
    }

    pub(super) async fn delete_version(
        &self,
        arn: &PolicyArn,
        version: Version,
    ) -> Result<Xml, Fault> {
        let policy = self.own(arn)?.id;
        let command = IamCommand::DeletePolicyVersion(policy, version.0);
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn set_default(
        &self,
        arn: &PolicyArn,
        version: Version,
    ) -> Result<Xml, Fault> {
        let policy = self.own(arn)?;
        if let Some(version) = policy.version(version.0) {
            self.check(self.judged_by(policy), &version.text).await?;
        }
        let command = IamCommand::SetDefaultVersion(policy.id, version.0);
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn attach(&self, on: &On, arn: &PolicyArn) -> Result<Xml, Fault> {
        let holder = self.holder(on)?;
        let found = self.found(arn)?;
        self.check(vec![holder], found.text()).await?;
        let command = IamCommand::AttachPolicy(holder, found.attachable());
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) async fn detach(&self, on: &On, arn: &PolicyArn) -> Result<Xml, Fault> {
        let holder = self.holder(on)?;
        let policy = self.found(arn)?.attachable();
        let command = IamCommand::DetachPolicy(holder, policy);
        self.apply(Command::Iam(command)).await?;
        Ok(Xml::Done)
    }

    pub(super) fn list_attached(&self, on: &On, page: &Page) -> Result<Xml, Fault> {
        let state = &self.world.state;
        let attached = state.attached(self.holder(on)?).iter();
        let found = attached.filter_map(|policy| match policy {
            Attachable::Own(id) => state.managed_policy(*id).map(Found::Own),
            Attachable::Standard(policy) => Some(Found::Standard(*policy)),
        });
        let mut all: Vec<Found<'_>> = found.collect();
        all.retain(|found| match found {
            Found::Own(policy) => page.has(&policy.path),
            Found::Standard(_) => page.has(&IamPath::default()),
        });
        all.sort_by_key(|found| found.name().to_ascii_lowercase());
        Ok(page.of(
            "AttachedPolicies",
            all.into_iter(),
            |found| found.name(),
            |found| {
                Xml::Fields(vec![
                    ("PolicyName", Xml::text(found.name())),
                    ("PolicyArn", Xml::text(self.arn_of_policy(*found))),
                ])
            },
        ))
    }

    /// Users, groups and roles to which a policy is attached: all of them in one answer, which is bounded by what an account has.
    pub(super) fn entities(&self, arn: &PolicyArn) -> Result<Xml, Fault> {
        let state = &self.world.state;
        let policy = self.found(arn)?.attachable();
        let (mut users, mut groups, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        let named = |kind: [&'static str; 2], name: &Name, id: String| {
            let [name_of, id_of] = kind;
            Xml::Fields(vec![(name_of, Xml::text(name)), (id_of, Xml::Text(id))])
        };
        for holder in state.attached_to(self.caller.tenant.id, policy) {
            match holder {
                Holder::User(id) => users.extend(
                    state
                        .user(id)
                        .map(|it| named(["UserName", "UserId"], &it.name, it.id.to_string())),
                ),
                Holder::Group(id) => groups.extend(
                    state
                        .group(id)
                        .map(|it| named(["GroupName", "GroupId"], &it.name, it.id.to_string())),
                ),
                Holder::Role(id) => roles.extend(
                    state
                        .iam_role(id)
                        .map(|it| named(["RoleName", "RoleId"], &it.name, it.id.to_string())),
                ),
            }
        }
        Ok(Xml::Fields(vec![
            ("PolicyUsers", Xml::Members(users)),
            ("PolicyGroups", Xml::Members(groups)),
            ("PolicyRoles", Xml::Members(roles)),
            ("IsTruncated", Xml::text(false)),
        ]))
    }

    /// Reads a document beside those that judge these holders already.
    async fn check(&self, holders: Vec<Holder>, text: &str) -> Result<(), Fault> {
        let checked = check_attached(Arc::clone(self.gate), holders, text.to_owned()).await;
        checked.map_err(Fault::Policy)
    }

    /// To whom one of the account's own policies is attached.
    fn judged_by(&self, policy: &ManagedPolicy) -> Vec<Holder> {
        let attached = Attachable::Own(policy.id);
        let holders = self.world.state.attached_to(policy.tenant, attached);
        holders.collect()
    }

    fn found(&self, arn: &PolicyArn) -> Result<Found<'_>, Fault> {
        if let Some(policy) = Self::standard(&arn.account, &arn.name) {
            return Ok(Found::Standard(policy));
        }
        let is_ours = arn.account.is_empty() || arn.account == self.caller.account;
        let state = &self.world.state;
        let found = state.managed_policy_named(self.caller.tenant.id, &arn.name);
        found
            .filter(|policy| is_ours && policy.path == arn.path)
            .map(Found::Own)
            .ok_or_else(|| Fault::missing("policy", &arn.text))
    }

    /// The same, of those that an account may change.
    fn own(&self, arn: &PolicyArn) -> Result<&Arc<ManagedPolicy>, Fault> {
        match self.found(arn)? {
            Found::Own(policy) => Ok(policy),
            Found::Standard(_) => Err(Fault::Denied("nobody changes the policies of everyone")),
        }
    }

    fn arn_of_policy(&self, found: Found<'_>) -> String {
        let account = &self.caller.arn_account;
        match found {
            Found::Own(policy) => {
                format!(
                    "arn:aws:iam::{account}:policy{}{}",
                    policy.path, policy.name
                )
            }
            Found::Standard(policy) => format!("arn:aws:iam::aws:policy/{}", policy.name()),
        }
    }

    fn outline_of_policy(&self, found: Found<'_>) -> Xml {
        let tenant = self.caller.tenant.id;
        let attached = self.world.state.attached_to(tenant, found.attachable());
        let (id, path, version, created, updated) = match found {
            Found::Own(it) => (
                it.id.to_string(),
                it.path.clone(),
                it.default,
                it.created,
                it.updated,
            ),
            Found::Standard(it) => {
                let mut id = Digest::of(it.name().as_bytes()).to_string();
                id.truncate(16);
                let (always, path) = (UnixSeconds(0), IamPath::default());
                (id, path, 1, always, always)
            }
        };
        Xml::Fields(vec![
            ("PolicyName", Xml::text(found.name())),
            ("PolicyId", Xml::Text(id)),
            ("Arn", Xml::Text(self.arn_of_policy(found))),
            ("Path", Xml::text(path)),
            ("DefaultVersionId", Xml::Text(format!("v{version}"))),
            ("AttachmentCount", Xml::text(attached.count())),
            ("PermissionsBoundaryUsageCount", Xml::text(0)),
            ("IsAttachable", Xml::text(true)),
            ("CreateDate", moment(created)),
            ("UpdateDate", moment(updated)),
        ])
    }
}

fn outline_of_version(policy: &ManagedPolicy, version: &PolicyVersion) -> Xml {
    Xml::Fields(vec![
        ("VersionId", Xml::Text(format!("v{}", version.number))),
        (
            "IsDefaultVersion",
            Xml::text(policy.default == version.number),
        ),
        ("CreateDate", moment(version.created)),
    ])
}

/// Everyone's policies have one version, and have always had it.
fn standard_version() -> Xml {
    Xml::Fields(vec![
        ("VersionId", Xml::text("v1")),
        ("IsDefaultVersion", Xml::text(true)),
        ("CreateDate", moment(UnixSeconds(0))),
    ])
}
