//! What is asked: the form, understood. A parameter that an action does not have is refused, because leaving out what was
//! asked for could leave out a limit.

use std::str::FromStr;

use postern_config::directory::{Description, IamPath, IamRoleText, Judges, Name, SessionName};
use postern_config::limits::ROLE_SESSION_SECONDS_MIN;

use super::Service;
use super::fault::Fault;

/// Parameters of one form. Source: ours; no action here has more than a handful.
const PARAMETERS_MAX: usize = 32;
/// Entries of a page where nothing is said, and at most. Source: IAM API Reference, `MaxItems`.
const PAGE_USUAL: usize = 100;
const PAGE_MAX: usize = 1_000;

macro_rules! actions {
    ($($name:ident, $service:ident;)*) => {
        /// What can be asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Action { $($name,)* }

        impl Action {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// As the API names it.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The number by which what policies say of it is remembered; those of S3's operations are below.
            pub(super) const fn number(self) -> u32 {
                1_000 + self as u32
            }

            /// Whose it is.
            pub(super) const fn service(self) -> Service {
                match self { $(Self::$name => Service::$service,)* }
            }
        }
    };
}

actions! {
    CreateUser, Iam;
    GetUser, Iam;
    ListUsers, Iam;
    UpdateUser, Iam;
    DeleteUser, Iam;
    CreateAccessKey, Iam;
    ListAccessKeys, Iam;
    UpdateAccessKey, Iam;
    DeleteAccessKey, Iam;
    GetAccessKeyLastUsed, Iam;
    PutUserPolicy, Iam;
    GetUserPolicy, Iam;
    ListUserPolicies, Iam;
    DeleteUserPolicy, Iam;
    AttachUserPolicy, Iam;
    DetachUserPolicy, Iam;
    ListAttachedUserPolicies, Iam;
    CreateGroup, Iam;
    GetGroup, Iam;
    ListGroups, Iam;
    UpdateGroup, Iam;
    DeleteGroup, Iam;
    AddUserToGroup, Iam;
    RemoveUserFromGroup, Iam;
    ListGroupsForUser, Iam;
    PutGroupPolicy, Iam;
    GetGroupPolicy, Iam;
    ListGroupPolicies, Iam;
    DeleteGroupPolicy, Iam;
    AttachGroupPolicy, Iam;
    DetachGroupPolicy, Iam;
    ListAttachedGroupPolicies, Iam;
    CreatePolicy, Iam;
    GetPolicy, Iam;
    ListPolicies, Iam;
    DeletePolicy, Iam;
    CreatePolicyVersion, Iam;
    GetPolicyVersion, Iam;
    ListPolicyVersions, Iam;
    DeletePolicyVersion, Iam;
    SetDefaultPolicyVersion, Iam;
    ListEntitiesForPolicy, Iam;
    CreateRole, Iam;
    GetRole, Iam;
    ListRoles, Iam;
    UpdateRole, Iam;
    UpdateAssumeRolePolicy, Iam;
    DeleteRole, Iam;
    PutRolePolicy, Iam;
    GetRolePolicy, Iam;
    ListRolePolicies, Iam;
    DeleteRolePolicy, Iam;
    AttachRolePolicy, Iam;
    DetachRolePolicy, Iam;
    ListAttachedRolePolicies, Iam;
    ListInstanceProfilesForRole, Iam;
    ListMFADevices, Iam;
    ListSSHPublicKeys, Iam;
    ListSigningCertificates, Iam;
    ListServiceSpecificCredentials, Iam;
    GetAccountSummary, Iam;
    ListOpenIDConnectProviders, Iam;
    GetCallerIdentity, Sts;
    GetSessionToken, Sts;
    AssumeRole, Sts;
}

impl Action {
    /// Whether it is about no user, group, role or policy that is there.
    const fn is_of_account(self) -> bool {
        matches!(
            self,
            Self::ListUsers
                | Self::ListGroups
                | Self::ListRoles
                | Self::ListPolicies
                | Self::CreatePolicy
                | Self::GetAccountSummary
                | Self::ListOpenIDConnectProviders
                | Self::GetAccessKeyLastUsed
        )
    }

    /// Whether whoever has nothing to say about the account may ask it about himself.
    pub(super) const fn is_about_oneself(self) -> bool {
        matches!(
            self,
            Self::GetUser
                | Self::ListAccessKeys
                | Self::ListGroupsForUser
                | Self::ListAttachedUserPolicies
                | Self::ListMFADevices
                | Self::ListSSHPublicKeys
                | Self::ListSigningCertificates
                | Self::ListServiceSpecificCredentials
        )
    }
}

/// A request with its parameters.
#[derive(Debug)]
pub(super) enum Asked {
    CreateUser {
        name: Name,
        path: IamPath,
    },
    GetUser {
        name: Option<Name>,
    },
    ListUsers {
        page: Page,
    },
    UpdateUser {
        name: Name,
        change: Renaming,
    },
    DeleteUser {
        name: Name,
    },
    CreateAccessKey {
        user: Option<Name>,
    },
    ListAccessKeys {
        user: Option<Name>,
        page: Page,
    },
    UpdateAccessKey {
        user: Option<Name>,
        key: KeyText,
        works: bool,
    },
    DeleteAccessKey {
        user: Option<Name>,
        key: KeyText,
    },
    GetAccessKeyLastUsed {
        key: KeyText,
    },
    /// A document of a user, group or role himself.
    PutInline {
        on: On,
        name: Name,
        text: String,
    },
    GetInline {
        on: On,
        name: Name,
    },
    ListInline {
        on: On,
        page: Page,
    },
    DeleteInline {
        on: On,
        name: Name,
    },
    Attach {
        on: On,
        policy: PolicyArn,
    },
    Detach {
        on: On,
        policy: PolicyArn,
    },
    ListAttached {
        on: On,
        page: Page,
    },
    CreateGroup {
        name: Name,
        path: IamPath,
    },
    GetGroup {
        name: Name,
        page: Page,
    },
    ListGroups {
        page: Page,
    },
    UpdateGroup {
        name: Name,
        change: Renaming,
    },
    DeleteGroup {
        name: Name,
    },
    AddUserToGroup {
        group: Name,
        user: Name,
    },
    RemoveUserFromGroup {
        group: Name,
        user: Name,
    },
    ListGroupsForUser {
        user: Name,
        page: Page,
    },
    CreatePolicy {
        name: Name,
        path: IamPath,
        description: Description,
        text: String,
    },
    GetPolicy {
        policy: PolicyArn,
    },
    ListPolicies {
        whose: Whose,
        attached: bool,
        page: Page,
    },
    DeletePolicy {
        policy: PolicyArn,
    },
    CreatePolicyVersion {
        policy: PolicyArn,
        text: String,
        judges: Judges,
    },
    GetPolicyVersion {
        policy: PolicyArn,
        version: Version,
    },
    ListPolicyVersions {
        policy: PolicyArn,
        page: Page,
    },
    DeletePolicyVersion {
        policy: PolicyArn,
        version: Version,
    },
    SetDefaultPolicyVersion {
        policy: PolicyArn,
        version: Version,
    },
    ListEntitiesForPolicy {
        policy: PolicyArn,
    },
    CreateRole {
        name: Name,
        path: IamPath,
        text: IamRoleText,
    },
    GetRole {
        name: Name,
    },
    ListRoles {
        page: Page,
    },
    UpdateRole {
        name: Name,
        description: Option<Description>,
        seconds: Option<u32>,
    },
    UpdateTrust {
        name: Name,
        text: String,
    },
    DeleteRole {
        name: Name,
    },
    /// A list of what users and roles do not have here. Tools ask for each of them before they remove one.
    ListOfNone {
        list: &'static str,
        on: Option<On>,
    },
    GetAccountSummary,
    GetCallerIdentity,
    GetSessionToken {
        seconds: u64,
    },
    AssumeRole(Assume),
}

/// Whom something is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum On {
    User(Name),
    Group(Name),
    Role(Name),
}

/// What shall be different; what is not said stays.
#[derive(Debug)]
pub(super) struct Renaming {
    pub(super) name: Option<Name>,
    pub(super) path: Option<IamPath>,
}

/// Which of the policies that can be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Everyones,
    Own,
    All,
}

/// A role that is asked for.
#[derive(Debug)]
pub(super) struct Assume {
    pub(super) role: RoleArn,
    pub(super) name: SessionName,
    pub(super) seconds: u64,
    pub(super) policy: Option<String>,
}

/// The id of a key that there may be.
#[derive(Debug)]
pub(super) struct KeyText(pub(super) String);

impl FromStr for KeyText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (16..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
            .ok_or("16 to 128 letters and digits")
    }
}

/// The number of a policy's version, written `v1`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version(pub(super) u32);

impl FromStr for Version {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix('v').and_then(|it| it.parse().ok());
        number.map(Self).ok_or("a version is `v` and a number")
    }
}

/// The ARN of a policy.
#[derive(Clone, Debug)]
pub(super) struct PolicyArn {
    pub(super) text: String,
    /// The number of the account, or `aws`.
    pub(super) account: String,
    pub(super) path: IamPath,
    pub(super) name: Name,
}

/// The ARN of a role.
#[derive(Clone, Debug)]
pub(super) struct RoleArn {
    /// The number of the account; empty: that of the caller.
    pub(super) account: String,
    pub(super) path: IamPath,
    pub(super) name: Name,
}

/// Account, path and name of an ARN of this kind.
fn arn_of(kind: &str, text: &str) -> Option<(String, IamPath, Name)> {
    let rest = text.strip_prefix("arn:aws:iam::")?;
    let (account, resource) = rest.split_once(':')?;
    let place = resource.strip_prefix(kind)?;
    let slash = place.rfind('/')?;
    let (path, name) = place.split_at_checked(slash + 1)?;
    Some((account.to_owned(), path.parse().ok()?, name.parse().ok()?))
}

impl FromStr for PolicyArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = arn_of("policy", text);
        let (account, path, name) = found.ok_or("not the ARN of a policy")?;
        Ok(Self {
            text: text.to_owned(),
            account,
            path,
            name,
        })
    }
}

impl FromStr for RoleArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = arn_of("role", text);
        let (account, path, name) = found.ok_or("not the ARN of a role")?;
        Ok(Self {
            account,
            path,
            name,
        })
    }
}

/// What a request is about, as policies name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The account as a whole.
    Account,
    /// A user; none: the caller.
    User(Option<String>),
    Group(String),
    Role(String),
    Policy(String),
}

/// Which part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// What the page before ended with.
    pub(super) after: Option<String>,
    /// How many entries at most.
    pub(super) size: usize,
    /// How the paths of its entries begin.
    pub(super) prefix: Option<String>,
}

/// The life of temporary credentials where nothing is said, in seconds. Source: STS API Reference: 12 hours.
const SESSION_SECONDS_USUAL: u64 = 43_200;

impl Asked {
    /// Understands a form.
    pub(super) fn read(service: Service, body: &[u8]) -> Result<(Action, About, Self), Fault> {
        let mut form = Form::read(body)?;
        let name = form.required("Action")?;
        form.take("Version");
        let known = Action::ALL.iter().find(|it| it.name() == name);
        let action = known
            .copied()
            .filter(|action| action.service() == service)
            .ok_or(Fault::UnknownAction(name))?;
        let about = form.about(action);
        let asked = form.understand(action)?;
        form.nothing_left(action)?;
        Ok((action, about, asked))
    }
}

/// The parameters that nobody has asked for yet.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            let twice = parameters.iter().any(|(known, _)| *known == name);
            if twice || parameters.len() == PARAMETERS_MAX {
                return Err(Fault::invalid(format!(
                    "the parameter {name} is one too many"
                )));
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parameters))
    }

    /// What the request is about. It is looked at before anything else is understood.
    fn about(&self, action: Action) -> About {
        let named = |name: &str| {
            let found = self.0.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let attaches = action.name().starts_with("Attach") || action.name().starts_with("Detach");
        if let Some(group) = named("GroupName") {
            About::Group(group)
        } else if let Some(role) = named("RoleName") {
            About::Role(role)
        } else if let (Some(policy), false) = (named("PolicyArn"), attaches) {
            About::Policy(policy)
        } else if action.is_of_account() {
            About::Account
        } else {
            About::User(named("UserName"))
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a table: one arm for each action, so that none is forgotten"
    )]
    fn understand(&mut self, action: Action) -> Result<Asked, Fault> {
        use Action as A;
        Ok(match action {
            A::CreateUser => Asked::CreateUser {
                name: self.name("UserName")?,
                path: self.path()?,
            },
            A::GetUser => Asked::GetUser {
                name: self.optional("UserName")?,
            },
            A::ListUsers => Asked::ListUsers {
                page: self.page_below()?,
            },
            A::UpdateUser => Asked::UpdateUser {
                name: self.name("UserName")?,
                change: Renaming {
                    name: self.optional("NewUserName")?,
                    path: self.optional("NewPath")?,
                },
            },
            A::DeleteUser => Asked::DeleteUser {
                name: self.name("UserName")?,
            },
            A::CreateAccessKey => Asked::CreateAccessKey {
                user: self.optional("UserName")?,
            },
            A::ListAccessKeys => Asked::ListAccessKeys {
                user: self.optional("UserName")?,
                page: self.page()?,
            },
            A::UpdateAccessKey => Asked::UpdateAccessKey {
                user: self.optional("UserName")?,
                key: self.name("AccessKeyId")?,
                works: self.status()?,
            },
            A::DeleteAccessKey => Asked::DeleteAccessKey {
                user: self.optional("UserName")?,
                key: self.name("AccessKeyId")?,
            },
            A::GetAccessKeyLastUsed => Asked::GetAccessKeyLastUsed {
                key: self.name("AccessKeyId")?,
            },
            A::PutUserPolicy | A::PutGroupPolicy | A::PutRolePolicy => Asked::PutInline {
                on: self.on(action)?,
                name: self.name("PolicyName")?,
                text: self.required("PolicyDocument")?,
            },
            A::GetUserPolicy | A::GetGroupPolicy | A::GetRolePolicy => Asked::GetInline {
                on: self.on(action)?,
                name: self.name("PolicyName")?,
            },
            A::ListUserPolicies | A::ListGroupPolicies | A::ListRolePolicies => Asked::ListInline {
                on: self.on(action)?,
                page: self.page()?,
            },
            A::DeleteUserPolicy | A::DeleteGroupPolicy | A::DeleteRolePolicy => {
                Asked::DeleteInline {
                    on: self.on(action)?,
                    name: self.name("PolicyName")?,
                }
            }
            A::AttachUserPolicy | A::AttachGroupPolicy | A::AttachRolePolicy => Asked::Attach {
                on: self.on(action)?,
                policy: self.name("PolicyArn")?,
            },
            A::DetachUserPolicy | A::DetachGroupPolicy | A::DetachRolePolicy => Asked::Detach {
                on: self.on(action)?,
                policy: self.name("PolicyArn")?,
            },
            A::ListAttachedUserPolicies
            | A::ListAttachedGroupPolicies
            | A::ListAttachedRolePolicies => Asked::ListAttached {
                on: self.on(action)?,
                page: self.page_below()?,
            },
            A::CreateGroup => Asked::CreateGroup {
                name: self.name("GroupName")?,
                path: self.path()?,
            },
            A::GetGroup => Asked::GetGroup {
                name: self.name("GroupName")?,
                page: self.page()?,
            },
            A::ListGroups => Asked::ListGroups {
                page: self.page_below()?,
            },
            A::UpdateGroup => Asked::UpdateGroup {
                name: self.name("GroupName")?,
                change: Renaming {
                    name: self.optional("NewGroupName")?,
                    path: self.optional("NewPath")?,
                },
            },
            A::DeleteGroup => Asked::DeleteGroup {
                name: self.name("GroupName")?,
            },
            A::AddUserToGroup => Asked::AddUserToGroup {
                group: self.name("GroupName")?,
                user: self.name("UserName")?,
            },
            A::RemoveUserFromGroup => Asked::RemoveUserFromGroup {
                group: self.name("GroupName")?,
                user: self.name("UserName")?,
            },
            A::ListGroupsForUser => Asked::ListGroupsForUser {
                user: self.name("UserName")?,
                page: self.page()?,
            },
            A::CreatePolicy => Asked::CreatePolicy {
                name: self.name("PolicyName")?,
                path: self.path()?,
                description: self.optional("Description")?.unwrap_or_default(),
                text: self.required("PolicyDocument")?,
            },
            A::GetPolicy => Asked::GetPolicy {
                policy: self.name("PolicyArn")?,
            },
            A::ListPolicies => Asked::ListPolicies {
                whose: self.whose()?,
                attached: self.truth("OnlyAttached")?,
                page: self.page_below()?,
            },
            A::DeletePolicy => Asked::DeletePolicy {
                policy: self.name("PolicyArn")?,
            },
            A::CreatePolicyVersion => Asked::CreatePolicyVersion {
                policy: self.name("PolicyArn")?,
                text: self.required("PolicyDocument")?,
                judges: if self.truth("SetAsDefault")? {
                    Judges::AtOnce
                } else {
                    Judges::Later
                },
            },
            A::GetPolicyVersion => Asked::GetPolicyVersion {
                policy: self.name("PolicyArn")?,
                version: self.name("VersionId")?,
            },
            A::ListPolicyVersions => Asked::ListPolicyVersions {
                policy: self.name("PolicyArn")?,
                page: self.page()?,
            },
            A::DeletePolicyVersion => Asked::DeletePolicyVersion {
                policy: self.name("PolicyArn")?,
                version: self.name("VersionId")?,
            },
            A::SetDefaultPolicyVersion => Asked::SetDefaultPolicyVersion {
                policy: self.name("PolicyArn")?,
                version: self.name("VersionId")?,
            },
            A::ListEntitiesForPolicy => Asked::ListEntitiesForPolicy {
                policy: self.name("PolicyArn")?,
            },
            A::CreateRole => Asked::CreateRole {
                name: self.name("RoleName")?,
                path: self.path()?,
                text: IamRoleText {
                    description: self.optional("Description")?.unwrap_or_default(),
                    trust: self.required("AssumeRolePolicyDocument")?,
                    session_seconds_max: self
                        .optional("MaxSessionDuration")?
                        .unwrap_or(ROLE_SESSION_SECONDS_MIN),
                },
            },
            A::GetRole => Asked::GetRole {
                name: self.name("RoleName")?,
            },
            A::ListRoles => Asked::ListRoles {
                page: self.page_below()?,
            },
            A::UpdateRole => Asked::UpdateRole {
                name: self.name("RoleName")?,
                description: self.optional("Description")?,
                seconds: self.optional("MaxSessionDuration")?,
            },
            A::UpdateAssumeRolePolicy => Asked::UpdateTrust {
                name: self.name("RoleName")?,
                text: self.required("PolicyDocument")?,
            },
            A::DeleteRole => Asked::DeleteRole {
                name: self.name("RoleName")?,
            },
            A::ListInstanceProfilesForRole => {
                self.page()?;
                Asked::ListOfNone {
                    list: "InstanceProfiles",
                    on: Some(On::Role(self.name("RoleName")?)),
                }
            }
            A::ListMFADevices => self.of_none("MFADevices")?,
            A::ListSSHPublicKeys => self.of_none("SSHPublicKeys")?,
            A::ListSigningCertificates => self.of_none("Certificates")?,
            A::ListServiceSpecificCredentials => self.of_none("ServiceSpecificCredentials")?,
            A::GetAccountSummary => Asked::GetAccountSummary,
            A::ListOpenIDConnectProviders => Asked::ListOfNone {
                list: "OpenIDConnectProviderList",
                on: None,
            },
            A::GetCallerIdentity => Asked::GetCallerIdentity,
            A::GetSessionToken => Asked::GetSessionToken {
                seconds: self
                    .number("DurationSeconds")?
                    .unwrap_or(SESSION_SECONDS_USUAL),
            },
            A::AssumeRole => {
                // No document can ask for it, so that it changes nothing.
                self.take("ExternalId");
                Asked::AssumeRole(Assume {
                    role: self.name("RoleArn")?,
                    name: self.name("RoleSessionName")?,
                    seconds: self
                        .number("DurationSeconds")?
                        .unwrap_or(u64::from(ROLE_SESSION_SECONDS_MIN)),
                    policy: self.take("Policy"),
                })
            }
        })
    }

    fn of_none(&mut self, list: &'static str) -> Result<Asked, Fault> {
        self.page()?;
        let user = self.optional("UserName")?;
        Ok(Asked::ListOfNone {
            list,
            on: user.map(On::User),
        })
    }

    /// Whom an action on the documents of a user, group or role is about.
    fn on(&mut self, action: Action) -> Result<On, Fault> {
        let name = action.name();
        if name.contains("Group") {
            Ok(On::Group(self.name("GroupName")?))
        } else if name.contains("Role") {
            Ok(On::Role(self.name("RoleName")?))
        } else {
            Ok(On::User(self.name("UserName")?))
        }
    }

    fn path(&mut self) -> Result<IamPath, Fault> {
        Ok(self.optional("Path")?.unwrap_or_default())
    }

    fn truth(&mut self, name: &str) -> Result<bool, Fault> {
        Ok(self.optional(name)?.unwrap_or(false))
    }

    /// Whose policies a list is of.
    fn whose(&mut self) -> Result<Whose, Fault> {
        match self.take("PolicyUsageFilter").as_deref() {
            None | Some("PermissionsPolicy") => {}
            Some(other) => {
                return Err(Fault::invalid(format!(
                    "PolicyUsageFilter is PermissionsPolicy, not `{other}`"
                )));
            }
        }
        match self.take("Scope").as_deref() {
            None | Some("All") => Ok(Whose::All),
            Some("AWS") => Ok(Whose::Everyones),
            Some("Local") => Ok(Whose::Own),
            Some(other) => Err(Fault::invalid(format!(
                "Scope is All, AWS or Local, not `{other}`"
            ))),
        }
    }

    /// Whether a key works.
    fn status(&mut self) -> Result<bool, Fault> {
        match &*self.required("Status")? {
            "Active" => Ok(true),
            "Inactive" => Ok(false),
            other => Err(Fault::invalid(format!(
                "Status is Active or Inactive, not `{other}`"
            ))),
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(place).1)
    }

    fn required(&mut self, name: &str) -> Result<String, Fault> {
        let missing = || Fault::invalid(format!("the parameter {name} is missing"));
        self.take(name).ok_or_else(missing)
    }

    fn name<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Result<T, Fault> {
        parse(name, &self.required(name)?)
    }

    fn optional<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Fault> {
        self.take(name).map(|value| parse(name, &value)).transpose()
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        self.optional(name)
    }

    /// A page of what has paths.
    fn page_below(&mut self) -> Result<Page, Fault> {
        let prefix = self.take("PathPrefix");
        let begins = |prefix: &String| prefix.starts_with('/');
        if prefix.as_ref().is_some_and(|prefix| !begins(prefix)) {
            return Err(Fault::invalid("PathPrefix begins with `/`"));
        }
        Ok(Page {
            prefix,
            ..self.page()?
        })
    }

    fn page(&mut self) -> Result<Page, Fault> {
        let size = self.optional::<usize>("MaxItems")?.unwrap_or(PAGE_USUAL);
        if !(1..=PAGE_MAX).contains(&size) {
            return Err(Fault::invalid(format!(
                "MaxItems is a number from 1 to {PAGE_MAX}"
            )));
        }
        Ok(Page {
            after: self.take("Marker"),
            size,
            prefix: None,
        })
    }

    fn nothing_left(self, action: Action) -> Result<(), Fault> {
        // Clients write an empty list as a name without a value: it asks for nothing.
        let asks = |(name, value): &&(String, String)| name != "Tags" || !value.is_empty();
        match self.0.iter().find(asks) {
            None => Ok(()),
            Some((name, _)) => Err(Fault::invalid(format!(
                "{} has no parameter {name} here",
                action.name()
            ))),
        }
    }
}

fn parse<T: FromStr<Err: std::fmt::Display>>(name: &str, value: &str) -> Result<T, Fault> {
    value
        .parse()
        .map_err(|cause| Fault::invalid(format!("{name}: {cause}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &str) -> Result<Asked, Fault> {
        Asked::read(Service::Iam, form.as_bytes()).map(|(_, _, asked)| asked)
    }

    #[test]
    fn a_form_is_understood_whole_or_refused() {
        let asked =
            read("Action=CreateUser&Version=2010-05-08&UserName=ada%40example.com").unwrap();
        assert!(
            matches!(&asked, Asked::CreateUser { name, .. } if name.as_str() == "ada@example.com")
        );
        for (form, said) in [
            ("Version=2010-05-08", "the parameter Action is missing"),
            ("Action=CreateUser", "the parameter UserName is missing"),
            ("Action=CreateUser&UserName=", "UserName: a name has"),
            (
                "Action=CreateUser&UserName=a&UserName=b",
                "UserName is one too many",
            ),
            (
                "Action=CreateUser&UserName=a&PermissionsBoundary=x",
                "CreateUser has no parameter PermissionsBoundary here",
            ),
            (
                "Action=CreateUser&UserName=a&Path=x/",
                "Path: a path begins and ends",
            ),
            (
                "Action=CreateUser&UserName=a&Tags.member.1.Key=k",
                "CreateUser has no parameter Tags.member.1.Key here",
            ),
            ("Action=ListUsers&PathPrefix=x", "begins with `/`"),
            ("Action=ListUsers&MaxItems=0", "from 1 to 1000"),
            ("Action=ListUsers&MaxItems=1001", "from 1 to 1000"),
            (
                "Action=UpdateAccessKey&AccessKeyId=AAAAAAAAAAAAAAAAAAAA&Status=active",
                "Active or Inactive",
            ),
            (
                "Action=GetPolicy&PolicyArn=arn:aws:iam::1:role/x",
                "not the ARN of a policy",
            ),
            (
                "Action=GetPolicyVersion&PolicyArn=arn:aws:iam::1:policy/x&VersionId=1",
                "`v` and a number",
            ),
            ("Action=CreateInstanceProfile", "CreateInstanceProfile"),
            ("Action=GetCallerIdentity", "GetCallerIdentity"),
        ] {
            let fault = read(form).unwrap_err().to_string();
            assert!(fault.contains(said), "{form}: {fault}");
        }
        assert!(read("Action=CreateUser&UserName=a&Tags=").is_ok());
        assert!(
            matches!(read("Action=ListUsers&MaxItems=1000").unwrap(), Asked::ListUsers { page } if page.size == 1_000)
        );
    }

    #[test]
    fn what_a_request_is_about_is_what_policies_name() {
        let about = |form: &str| {
            let (_, about, _) = Asked::read(Service::Iam, form.as_bytes()).unwrap();
            about
        };
        let ann = || About::User(Some("ann".to_owned()));
        assert_eq!(about("Action=GetUser"), About::User(None));
        assert_eq!(about("Action=GetUser&UserName=ann"), ann());
        assert_eq!(about("Action=ListUsers"), About::Account);
        let group = About::Group("g".to_owned());
        assert_eq!(
            about("Action=AddUserToGroup&GroupName=g&UserName=ann"),
            group
        );
        let arn = "arn:aws:iam::000000000001:policy/a/b/c";
        let attach = format!("Action=AttachUserPolicy&UserName=ann&PolicyArn={arn}");
        assert_eq!(about(&attach), ann());
        let get = format!("Action=GetPolicy&PolicyArn={arn}");
        assert_eq!(about(&get), About::Policy(arn.to_owned()));
        let parsed: PolicyArn = arn.parse().unwrap();
        assert_eq!((parsed.path.as_str(), parsed.name.as_str()), ("/a/b/", "c"));
    }
}
