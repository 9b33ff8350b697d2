//! The demo tenant, as far as it is not there yet.

use std::str::FromStr as _;

use postern_config::directory::{
    Actor, Alias, BucketState, Command, CommandError, Description, Directory, Keeps, KeyRights,
    KeyState, Level, Name, NamespaceId, NewUser, Outcome, Profile, Role, SealError, Tenant, User,
    UserKind,
};
use s3_protocol::BucketName;
use storage_node::NodeError;

use super::{BUCKET, DevKey, TENANT, USERS};
use crate::upstream::ObjectStore;

/// How keys of development mode are told apart from others that somebody makes.
const DESCRIPTION: &str = "made by serve --dev";

/// Why the demo tenant could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The directory refuses.
    #[error("the demo tenant cannot be made: {0}")]
    Command(#[from] CommandError),
    /// The node refuses.
    #[error("the demo bucket cannot be made: {0}")]
    Node(#[from] NodeError),
    /// A secret cannot be opened again.
    #[error("the secret of `{key}` cannot be opened: {source}")]
    Seal {
        /// The key.
        key: String,
        /// Why not.
        source: SealError,
    },
    /// What was just made is not there.
    #[error("the directory does not have what was just made: {0}")]
    Missing(&'static str),
}

/// Makes what is missing and answers all keys.
///
/// # Errors
/// The directory or the node refuses.
pub async fn seed(
    directory: &Directory,
    node: &ObjectStore,
    profile: Profile,
) -> Result<Vec<DevKey>, SeedError> {
    let tenant = tenant(directory, profile).await?;
    let mut keys = Vec::with_capacity(USERS.len() * Level::ALL.len());
    for name in USERS {
        let user = user(directory, &tenant, name).await?;
        bucket(directory, node, &tenant, &user).await?;
        alias(directory, &tenant, &user).await?;
        for level in Level::ALL {
            let (access_key_id, secret_access_key) = key(directory, &user, level).await?;
            keys.push(DevKey {
                user: name.to_owned(),
                level: level.as_str().to_owned(),
                access_key_id,
                secret_access_key,
                bucket: BUCKET.to_owned(),
            });
        }
    }
    // Who may make users and keys, by `aws iam`.
    let root = directory
        .state()
        .root(tenant.id)
        .map(|root| User::clone(root));
    let root = root.ok_or(SeedError::Missing("root user"))?;
    bucket(directory, node, &tenant, &root).await?;
    let (access_key_id, secret_access_key) = key(directory, &root, Level::Full).await?;
    keys.push(DevKey {
        user: root.name.as_str().to_owned(),
        level: Level::Full.as_str().to_owned(),
        access_key_id,
        secret_access_key,
        bucket: BUCKET.to_owned(),
    });
    Ok(keys)
}

async fn tenant(directory: &Directory, profile: Profile) -> Result<Tenant, SeedError> {
    let name = Name::from_str(TENANT).map_err(|_| SeedError::Missing("tenant"))?;
    if directory.state().tenant_named(&name).is_none() {
        apply(
            directory,
            Command::CreateTenant {
                name: name.clone(),
                profile,
                parent: None,
            },
        )
        .await?;
    }
    let state = directory.state();
    state
        .tenant_named(&name)
        .map(|tenant| Tenant::clone(tenant))
        .ok_or(SeedError::Missing("tenant"))
}

async fn user(directory: &Directory, tenant: &Tenant, name: &str) -> Result<User, SeedError> {
    let name = Name::from_str(name).map_err(|_| SeedError::Missing("user"))?;
    if directory.state().user_named(tenant.id, &name).is_none() {
        let user = NewUser {
            description: Description::from_str(DESCRIPTION).unwrap_or_default(),
            // A key of each level shall do what its level says.
            role: Some(match tenant.profile {
                Profile::Datastream => Role::Admin,
                Profile::E3Primary
                | Profile::E3Root
                | Profile::Sobject
                | Profile::Vpsa
                | Profile::S3 => Role::Member,
            }),
            ..NewUser::new(tenant.id, name.clone(), UserKind::Service)
        };
        apply(directory, Command::CreateUser(user)).await?;
    }
    let state = directory.state();
    state
        .user_named(tenant.id, &name)
        .map(|user| User::clone(user))
        .ok_or(SeedError::Missing("user"))
}

/// In three steps, each of which may have been the last before a crash.
async fn bucket(
    directory: &Directory,
    node: &ObjectStore,
    tenant: &Tenant,
    owner: &User,
) -> Result<(), SeedError> {
    let name = BucketName::from_str(BUCKET).map_err(|_| SeedError::Missing("bucket"))?;
    let namespace = owner.namespace(tenant.profile);
    if directory.state().bucket(namespace, &name).is_none() {
        let command = Command::BeginBucket {
            namespace,
            name: name.clone(),
            owner: owner.id,
            keeps: Keeps::Nothing,
        };
        apply(directory, command).await?;
    }
    let state = directory.state();
    let bucket = state
        .bucket(namespace, &name)
        .ok_or(SeedError::Missing("bucket"))?;
    if bucket.state == BucketState::Creating {
        node.create_bucket(bucket.id).await?;
        apply(directory, Command::ActivateBucket(bucket.id)).await?;
    }
    Ok(())
}

/// The label by which hosts find the buckets, whoever asks: that of the user who has them, or of the account.
async fn alias(directory: &Directory, tenant: &Tenant, owner: &User) -> Result<(), SeedError> {
    let namespace = owner.namespace(tenant.profile);
    let label = match namespace {
        NamespaceId::User(..) => owner.name.as_str(),
        NamespaceId::Account(_) => TENANT,
        NamespaceId::Global => return Ok(()),
    };
    let alias = Alias::from_str(label).map_err(|_| SeedError::Missing("alias"))?;
    if directory.state().alias(label).is_none() {
        let command = Command::SetAlias(namespace, Some(alias));
        apply(directory, command).await?;
    }
    Ok(())
}

pub(super) async fn key(
    directory: &Directory,
    user: &User,
    level: Level,
) -> Result<(String, String), SeedError> {
    let state = directory.state();
    let ours = state.keys(user.id).find(|key| {
        key.rights.level == level
            && key.state == KeyState::Active
            && key.rights.description.as_str() == DESCRIPTION
    });
    let (id, secret) = match ours {
        Some(key) => {
            let opened = state.open_secret(key);
            (
                key.id.to_string(),
                opened.map_err(|source| SeedError::Seal {
                    key: key.id.to_string(),
                    source,
                })?,
            )
        }
        None => {
            let description = Description::from_str(DESCRIPTION).unwrap_or_default();
            let rights = KeyRights {
                description,
                ..KeyRights::of_level(level)
            };
            match apply(
                directory,
                Command::CreateKey {
                    user: user.id,
                    rights,
                },
            )
            .await?
            {
                Outcome::Key { key, secret } => (key.to_string(), secret),
                _ => return Err(SeedError::Missing("key")),
            }
        }
    };
    Ok((
        id,
        secret.lend(|bytes| String::from_utf8_lossy(bytes).into_owned()),
    ))
}

pub(super) async fn apply(
    directory: &Directory,
    command: Command,
) -> Result<Outcome, CommandError> {
    Ok(directory.apply(command, Actor::system()).await?.outcome)
}
