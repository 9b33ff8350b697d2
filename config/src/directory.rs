//! The directory: accounts, users, keys, buckets and modules.
//!
//! [`Directory::apply`] is the only way to change it. A command is checked against the state, written in one
//! transaction together with its audit record, and published: when it returns, every listener has the new [`State`].

mod command;
mod level;
mod names;
mod record;
mod state;
mod vault;

pub use command::{Actor, Applied, Command, CommandError, NewUser, Outcome, Refusal, Who};
pub use level::{Level, NamespaceKind, Profile, RootKeys, UnknownWord, WriteDeletes};
pub use names::{
    AccessKeyId, Alias, Description, Digest, DirectoryNameError, Lineage, Name, NamespaceId,
    PlacedBucket, TenantId, UserId,
};
pub use record::{
    AccessKey, Binding, BindingKind, Bucket, BucketState, KeyRights, KeyScope, KeyState,
    ModuleScope, ModuleState, ModuleVersion, Namespace, Presign, Tenant, TenantStatus, User,
    UserKind, UserStatus,
};
pub use state::{Caller, State};
pub use vault::{MASTER_KEY_BYTES, SealError, Vault};
