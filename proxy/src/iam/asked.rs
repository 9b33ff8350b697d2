//! What is asked: the form, understood. A parameter that an action does not have is refused, because leaving out what was
//! asked for could leave out a limit.

use std::str::FromStr;

use postern_config::directory::{AccessKeyId, Name};

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
    DeleteUser, Iam;
    CreateAccessKey, Iam;
    ListAccessKeys, Iam;
    UpdateAccessKey, Iam;
    DeleteAccessKey, Iam;
    PutUserPolicy, Iam;
    GetUserPolicy, Iam;
    ListUserPolicies, Iam;
    DeleteUserPolicy, Iam;
    ListGroupsForUser, Iam;
    ListAttachedUserPolicies, Iam;
    ListMFADevices, Iam;
    ListSSHPublicKeys, Iam;
    ListSigningCertificates, Iam;
    ListServiceSpecificCredentials, Iam;
    GetCallerIdentity, Sts;
    GetSessionToken, Sts;
}

/// A request with its parameters.
#[derive(Debug)]
pub(super) enum Asked {
    CreateUser {
        name: Name,
    },
    GetUser {
        name: Option<Name>,
    },
    ListUsers {
        page: Page,
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
        key: AccessKeyId,
        works: bool,
    },
    DeleteAccessKey {
        user: Option<Name>,
        key: AccessKeyId,
    },
    PutUserPolicy {
        user: Name,
        name: Name,
        text: String,
    },
    GetUserPolicy {
        user: Name,
        name: Name,
    },
    ListUserPolicies {
        user: Name,
        page: Page,
    },
    DeleteUserPolicy {
        user: Name,
        name: Name,
    },
    /// A list of what users do not have here. Tools ask for each of them before they remove a user.
    ListOfNone {
        which: Action,
        list: &'static str,
        user: Option<Name>,
    },
    GetCallerIdentity,
    GetSessionToken {
        seconds: u64,
    },
}

/// Which part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// What the page before ended with.
    pub(super) after: Option<String>,
    /// How many entries at most.
    pub(super) size: usize,
}

/// The life of temporary credentials where nothing is said, in seconds. Source: STS API Reference: 12 hours.
const SESSION_SECONDS_USUAL: u64 = 43_200;

impl Asked {
    /// Understands a form.
    pub(super) fn read(service: Service, body: &[u8]) -> Result<Self, Fault> {
        let mut form = Form::read(body)?;
        let name = form.required("Action")?;
        form.take("Version");
        let known = Action::ALL.iter().find(|it| it.name() == name);
        let action = known
            .copied()
            .filter(|action| action.service() == service)
            .ok_or(Fault::UnknownAction(name))?;
        let asked = form.understand(action)?;
        form.nothing_left(action)?;
        Ok(asked)
    }

    pub(super) const fn action(&self) -> Action {
        match self {
            Self::CreateUser { .. } => Action::CreateUser,
            Self::GetUser { .. } => Action::GetUser,
            Self::ListUsers { .. } => Action::ListUsers,
            Self::DeleteUser { .. } => Action::DeleteUser,
            Self::CreateAccessKey { .. } => Action::CreateAccessKey,
            Self::ListAccessKeys { .. } => Action::ListAccessKeys,
            Self::UpdateAccessKey { .. } => Action::UpdateAccessKey,
            Self::DeleteAccessKey { .. } => Action::DeleteAccessKey,
            Self::PutUserPolicy { .. } => Action::PutUserPolicy,
            Self::GetUserPolicy { .. } => Action::GetUserPolicy,
            Self::ListUserPolicies { .. } => Action::ListUserPolicies,
            Self::DeleteUserPolicy { .. } => Action::DeleteUserPolicy,
            Self::ListOfNone { which, .. } => *which,
            Self::GetCallerIdentity => Action::GetCallerIdentity,
            Self::GetSessionToken { .. } => Action::GetSessionToken,
        }
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

    fn understand(&mut self, action: Action) -> Result<Asked, Fault> {
        Ok(match action {
            Action::CreateUser => {
                self.root_path("Path")?;
                Asked::CreateUser {
                    name: self.name("UserName")?,
                }
            }
            Action::GetUser => Asked::GetUser {
                name: self.optional("UserName")?,
            },
            Action::ListUsers => {
                self.root_path("PathPrefix")?;
                Asked::ListUsers { page: self.page()? }
            }
            Action::DeleteUser => Asked::DeleteUser {
                name: self.name("UserName")?,
            },
            Action::CreateAccessKey => Asked::CreateAccessKey {
                user: self.optional("UserName")?,
            },
            Action::ListAccessKeys => Asked::ListAccessKeys {
                user: self.optional("UserName")?,
                page: self.page()?,
            },
            Action::UpdateAccessKey => Asked::UpdateAccessKey {
                user: self.optional("UserName")?,
                key: self.name("AccessKeyId")?,
                works: self.status()?,
            },
            Action::DeleteAccessKey => Asked::DeleteAccessKey {
                user: self.optional("UserName")?,
                key: self.name("AccessKeyId")?,
            },
            Action::PutUserPolicy => Asked::PutUserPolicy {
                user: self.name("UserName")?,
                name: self.name("PolicyName")?,
                text: self.required("PolicyDocument")?,
            },
            Action::GetUserPolicy => Asked::GetUserPolicy {
                user: self.name("UserName")?,
                name: self.name("PolicyName")?,
            },
            Action::ListUserPolicies => Asked::ListUserPolicies {
                user: self.name("UserName")?,
                page: self.page()?,
            },
            Action::DeleteUserPolicy => Asked::DeleteUserPolicy {
                user: self.name("UserName")?,
                name: self.name("PolicyName")?,
            },
            Action::ListGroupsForUser => self.of_none(action, "Groups")?,
            Action::ListAttachedUserPolicies => self.of_none(action, "AttachedPolicies")?,
            Action::ListMFADevices => self.of_none(action, "MFADevices")?,
            Action::ListSSHPublicKeys => self.of_none(action, "SSHPublicKeys")?,
            Action::ListSigningCertificates => self.of_none(action, "Certificates")?,
            Action::ListServiceSpecificCredentials => {
                self.of_none(action, "ServiceSpecificCredentials")?
            }
            Action::GetCallerIdentity => Asked::GetCallerIdentity,
            Action::GetSessionToken => Asked::GetSessionToken {
                seconds: self
                    .number("DurationSeconds")?
                    .unwrap_or(SESSION_SECONDS_USUAL),
            },
        })
    }

    fn of_none(&mut self, which: Action, list: &'static str) -> Result<Asked, Fault> {
        self.page()?;
        Ok(Asked::ListOfNone {
            which,
            list,
            user: self.optional("UserName")?,
        })
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

    /// Users have no paths here: all of them are at `/`.
    fn root_path(&mut self, name: &str) -> Result<(), Fault> {
        match self.take(name).as_deref() {
            None | Some("/") => Ok(()),
            Some(other) => Err(Fault::invalid(format!(
                "{name} is `/`, not `{other}`: users have no paths here"
            ))),
        }
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
        })
    }

    fn nothing_left(self, action: Action) -> Result<(), Fault> {
        match self.0.first() {
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
        Asked::read(Service::Iam, form.as_bytes())
    }

    #[test]
    fn a_form_is_understood_whole_or_refused() {
        let asked =
            read("Action=CreateUser&Version=2010-05-08&UserName=ada%40example.com").unwrap();
        assert!(matches!(&asked, Asked::CreateUser { name } if name.as_str() == "ada@example.com"));
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
                "Action=CreateUser&UserName=a&Path=/x/",
                "users have no paths",
            ),
            ("Action=ListUsers&MaxItems=0", "from 1 to 1000"),
            ("Action=ListUsers&MaxItems=1001", "from 1 to 1000"),
            (
                "Action=UpdateAccessKey&AccessKeyId=AAAAAAAAAAAAAAAAAAAA&Status=active",
                "Active or Inactive",
            ),
            ("Action=CreateGroup&GroupName=a", "CreateGroup"),
            ("Action=GetCallerIdentity", "GetCallerIdentity"),
        ] {
            let fault = read(form).unwrap_err().to_string();
            assert!(fault.contains(said), "{form}: {fault}");
        }
        assert!(
            matches!(read("Action=ListUsers&MaxItems=1000").unwrap(), Asked::ListUsers { page } if page.size == 1_000)
        );
    }
}
