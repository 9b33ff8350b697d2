//! The accounts that public conformance suites of S3 ask for, in the profile `s3`.
//!
//! Ceph's suite was written for a store whose users own buckets without having an account. Three of its users are therefore members
//! of one account who each have but their own, and one of them may do everything of IAM. A fourth is of another account. Two more are
//! the root users of accounts as AWS has them.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use postern_config::directory::{
    ArnStyle, Attachable, Command, Description, Directory, Email, Holder, IamCommand, Level, Name,
    NewUser, Outcome, Profile, Role, StandardPolicy, Standing, Tenant, User, UserDetails, UserKind,
};

use super::SuiteUser;
use super::seed::{SeedError, apply, key};

/// The account of the users who have but their own.
const MEMBERS: &str = "suite";
/// These users, as the suite calls them.
const OF_MEMBERS: [&str; 3] = ["main", "alt", "iam"];
/// The account of the user who is of another, and what the suite calls him.
const ANOTHER: (&str, &str) = ("testx", "tenant");
/// Accounts whose root users the suite asks for, and what it calls these.
const ROOTS: [(&str, &str); 2] = [
    ("suite-root", "iam_root"),
    ("suite-alt-root", "iam_alt_root"),
];

/// Makes what is missing and answers all of them.
///
/// # Errors
/// The directory refuses.
pub async fn suite(directory: &Directory) -> Result<BTreeMap<String, SuiteUser>, SeedError> {
    let mut users = BTreeMap::new();
    let members = account(directory, MEMBERS).await?;
    if members.arns != ArnStyle::Plain {
        let plain = Command::SetArnStyle(members.id, ArnStyle::Plain);
        apply(directory, plain).await?;
    }
    for called in OF_MEMBERS {
        let user = member(directory, &members, called).await?;
        if called == "iam" {
            let all = Attachable::Standard(StandardPolicy::IAMFullAccess);
            let attach = IamCommand::AttachPolicy(Holder::User(user.id), all);
            apply(directory, Command::Iam(attach)).await?;
        }
        let id = user.id.to_string();
        users.insert(called.to_owned(), told(directory, (user, id), None).await?);
    }
    let (name, called) = ANOTHER;
    let another = account(directory, name).await?;
    let user = member(directory, &another, called).await?;
    let id = user.id.to_string();
    let shown = told(directory, (user, id), Some(name)).await?;
    users.insert(called.to_owned(), shown);
    for (name, called) in ROOTS {
        let tenant = account(directory, name).await?;
        let state = directory.state();
        let root = state.root(tenant.id).map(|root| User::clone(root));
        let root = root.ok_or(SeedError::Missing("root user"))?;
        if root.details.email.is_none() {
            let details = Command::SetUserDetails(root.id, details(called)?);
            apply(directory, details).await?;
        }
        let root = state.user(root.id).map_or(root, |root| User::clone(root));
        // An account is known by its number.
        let id = format!("{:012}", tenant.id.get());
        users.insert(called.to_owned(), told(directory, (root, id), None).await?);
    }
    Ok(users)
}

async fn account(directory: &Directory, text: &str) -> Result<Tenant, SeedError> {
    let name = Name::from_str(text).map_err(|_| SeedError::Missing("account"))?;
    if directory.state().tenant_named(&name).is_none() {
        let create = Command::CreateTenant {
            name: name.clone(),
            profile: Profile::S3,
            parent: None,
        };
        apply(directory, create).await?;
    }
    let state = directory.state();
    let found = state
        .tenant_named(&name)
        .map(|tenant| Tenant::clone(tenant));
    found.ok_or(SeedError::Missing("account"))
}

/// A user who has but his own. His name is his number, by which the suite asks for him.
async fn member(directory: &Directory, tenant: &Tenant, called: &str) -> Result<User, SeedError> {
    let details = details(called)?;
    let email = details.email.clone().ok_or(SeedError::Missing("address"))?;
    let state = directory.state();
    if let Some(user) = state.user_with_email(tenant.id, &email) {
        return Ok(User::clone(user));
    }
    let name = Name::from_str(called).map_err(|_| SeedError::Missing("name"))?;
    let new = NewUser {
        role: Some(Role::Member),
        standing: Standing::Own,
        details,
        ..NewUser::new(tenant.id, name, UserKind::Service)
    };
    let Outcome::User(id) = apply(directory, Command::CreateUser(new)).await? else {
        return Err(SeedError::Missing("user"));
    };
    let numbered = Name::from_str(&id.to_string()).map_err(|_| SeedError::Missing("name"))?;
    apply(directory, Command::RenameUser(id, numbered)).await?;
    let state = directory.state();
    let made = state.user(id).map(|user| User::clone(user));
    made.ok_or(SeedError::Missing("user"))
}

fn details(called: &str) -> Result<UserDetails, SeedError> {
    let called = called.replace('_', "-");
    let email = Email::from_str(&format!("{called}@suite.example"));
    let full_name = Description::from_str(&called).map_err(|_| SeedError::Missing("name"))?;
    Ok(UserDetails {
        email: Some(email.map_err(|_| SeedError::Missing("address"))?),
        full_name,
        ..UserDetails::default()
    })
}

/// A user as `dev.json` shows him, with a key.
async fn told(
    directory: &Directory,
    (user, user_id): (User, String),
    tenant: Option<&str>,
) -> Result<SuiteUser, SeedError> {
    let (access_key_id, secret_access_key) = key(directory, &user, Level::Full).await?;
    let state = directory.state();
    let details = state.user(user.id).map(|user| user.details.clone());
    let details = details.unwrap_or_default();
    Ok(SuiteUser {
        user_id,
        display_name: details.full_name.to_string(),
        email: details
            .email
            .map(|email| email.to_string())
            .unwrap_or_default(),
        access_key_id,
        secret_access_key,
        tenant: tenant.map(ToOwned::to_owned),
    })
}
