//! A data folder whose directory is changed while no gate runs, by the commands that the admin side gives.

use std::path::Path;
use std::sync::Arc;

use postern_config::directory::{
    Actor, Command, Directory, DirectoryOptions, KeyRights, Level, Name, NamespaceId, NewSubUser,
    NewUser, Outcome, Profile, Role, SubUserId, TenantId, UserId, UserKind, Vault,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::{Entropy, Secret, system_clock};
use tokio::runtime::Runtime;

use crate::gate::{Gate, Key};

/// A data folder.
#[derive(Debug)]
pub struct House {
    folder: tempfile::TempDir,
    profile: &'static str,
    runtime: Runtime,
}

/// The directory of a house, open.
#[derive(Debug)]
pub struct Office<'a> {
    house: &'a House,
    /// The directory.
    pub directory: Directory,
}

impl House {
    /// A demo tenant of this profile, with users `photos` and `backups`.
    pub fn new(profile: &'static str) -> Self {
        let house = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            profile,
            runtime: Runtime::new().expect("a runtime"),
        };
        assert!(house.gate().stop().success());
        house
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A gate on the folder. Stop it before the office opens.
    pub fn gate(&self) -> Gate {
        Gate::start_in(self.folder.path(), &["--profile", self.profile], &[])
    }

    /// Opens the directory.
    pub fn office(&self) -> Office<'_> {
        let folder = self.folder.path();
        let (file, master_key) = (folder.join("directory.redb"), folder.join("master.key"));
        Office {
            directory: self.runtime.block_on(open(&file, &master_key)),
            house: self,
        }
    }
}

/// Opens the directory in a file.
pub async fn open(path: &Path, master_key: &Path) -> Directory {
    let digits = std::fs::read_to_string(master_key).expect("the master key");
    let key = hex::decode(digits.trim()).expect("digits");
    let engine = EmbeddedEngine::open(path).expect("the directory's file");
    let options = DirectoryOptions {
        engine: Arc::new(engine),
        vault: Vault::new(&Secret::new(key)).expect("the vault"),
        clock: system_clock(),
        entropy: Entropy::system(),
    };
    Directory::open(options).await.expect("the directory")
}

impl Office<'_> {
    /// Carries out a command, which must succeed.
    #[track_caller]
    pub fn ask(&self, command: Command) -> Outcome {
        let applied = self.directory.apply(command, Actor::system());
        let applied = self.house.runtime.block_on(applied);
        applied.expect("the command").outcome
    }

    /// The demo tenant.
    pub fn tenant(&self) -> TenantId {
        let found = self.directory.state();
        found
            .tenant_named(&name("demo"))
            .expect("the demo tenant")
            .id
    }

    /// A user of the demo tenant.
    pub fn user(&self, called: &str) -> UserId {
        let found = self.directory.state();
        let user = found.user_named(self.tenant(), &name(called));
        user.expect("the user").id
    }

    /// The bucket of the demo tenant, where its users share one.
    pub fn demo_bucket(&self) -> s3_protocol::BucketId {
        let namespace = NamespaceId::Account(self.tenant());
        let state = self.directory.state();
        let found = state.bucket_called(namespace, "demo-bucket");
        found.expect("the demo bucket").id
    }

    /// Makes an account of this profile; answers it and its root user.
    pub fn account(
        &self,
        called: &str,
        profile: Profile,
        parent: Option<TenantId>,
    ) -> (TenantId, UserId) {
        let create = Command::CreateTenant {
            name: name(called),
            profile,
            parent,
        };
        match self.ask(create) {
            Outcome::Tenant { tenant, root } => (tenant, root),
            other => panic!("{other:?}"),
        }
    }

    /// Makes a user with the role that is usual.
    pub fn service(&self, tenant: TenantId, called: &str) -> UserId {
        let new = NewUser::new(tenant, name(called), UserKind::Service);
        self.made(new)
    }

    /// Makes a user of the demo tenant with this role, and a key of the level that the role has at most.
    pub fn member(&self, called: &str, role: Role) -> (UserId, Key) {
        let user = self.made(NewUser {
            role: Some(role),
            ..NewUser::new(self.tenant(), name(called), UserKind::Service)
        });
        let level = if role == Role::Reader {
            Level::Read
        } else {
            Level::Full
        };
        (user, self.key(user, level))
    }

    fn made(&self, new: NewUser) -> UserId {
        match self.ask(Command::CreateUser(new)) {
            Outcome::User(user) => user,
            other => panic!("{other:?}"),
        }
    }

    /// Makes a sub-user of a user of the demo tenant.
    pub fn sub_user(&self, user: &str, called: &str, level: Level) -> SubUserId {
        let new = NewSubUser {
            user: self.user(user),
            name: name(called),
            level,
            description: "made by a test".parse().expect("a description"),
        };
        match self.ask(Command::CreateSubUser(new)) {
            Outcome::SubUser(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Makes an access key of a sub-user.
    pub fn sub_key(&self, sub_user: SubUserId, level: Level) -> Key {
        let rights = KeyRights::of_level(level);
        key(self.ask(Command::CreateSubUserKey { sub_user, rights }))
    }

    /// Makes an access key of a user.
    pub fn key(&self, user: UserId, level: Level) -> Key {
        let rights = KeyRights::of_level(level);
        key(self.ask(Command::CreateKey { user, rights }))
    }
}

/// A name.
pub fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// A key that was made, with its secret.
pub fn key(outcome: Outcome) -> Key {
    let Outcome::Key { key, secret } = outcome else {
        panic!("{outcome:?}")
    };
    let secret = secret.lend(|it| String::from_utf8(it.to_vec()));
    Key {
        user: String::new(),
        level: String::new(),
        access_key_id: key.to_string(),
        secret_access_key: secret.expect("letters and digits"),
        bucket: "demo-bucket".to_owned(),
    }
}
