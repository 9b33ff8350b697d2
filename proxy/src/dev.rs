//! Development mode: one command, one folder, this machine alone.
//!
//! Everything that a newcomer needs is made at the first start and found again at each later one: certificate authority,
//! tenant `demo`, two users with the same bucket name in two namespaces, and four keys for each.

mod banner;
mod seed;
mod suite;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use postern_config::settings::Overrides;
use serde::{Deserialize, Serialize};

pub(crate) use banner::{Secrets, quoted};
pub use banner::{banner, first_run, shell};
pub use seed::{SeedError, seed};
pub use suite::suite;

use crate::files;

/// Where development mode keeps everything unless told otherwise.
pub const FOLDER: &str = "postern-dev";
/// The tenant.
pub const TENANT: &str = "demo";
/// Its users.
pub const USERS: [&str; 2] = ["photos", "backups"];
/// The bucket that each of them has.
pub const BUCKET: &str = "demo-bucket";
/// Below it, hosts name buckets. Clients resolve `*.localhost` to this machine by themselves (RFC 6761 section 6.3).
const DOMAIN: &str = "s3.localhost";
/// Below it, hosts name buckets for whoever asks: `bucket--demo.public.localhost`.
const PUBLIC_DOMAIN: &str = "public.localhost";
/// The region of development mode; `us-east-1` is taken for it, since tools assume that where nobody tells them.
const REGION: &str = "local";

/// The size of a volume, unless the environment says another: two are allocated at once, and what somebody only tries must not fill
/// his disk.
pub(crate) const VOLUME: &str = "256 MiB";

/// What is written when the server is ready, for scripts and for `postern dev env`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dev {
    /// URL of the S3 endpoint.
    pub s3: String,
    /// URL of the admin endpoint.
    pub admin: String,
    /// The certificate to trust, an absolute path.
    pub ca: PathBuf,
    /// The region.
    pub region: String,
    /// The keys, four for each user.
    pub keys: Vec<DevKey>,
    /// The users that public conformance suites ask for, by the names that they have there; in the profile `s3` alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub suite: BTreeMap<String, SuiteUser>,
}

/// A user for conformance suites.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteUser {
    /// The id by which documents and ACLs name him, and IAM.
    pub user_id: String,
    /// His name as people write it.
    pub display_name: String,
    /// His address.
    pub email: String,
    /// The public half of his key.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// The name of his account, where he is of another than the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

impl std::fmt::Debug for SuiteUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SuiteUser({})", self.user_id)
    }
}

/// An access key of the demo tenant.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevKey {
    /// Whose.
    pub user: String,
    /// Its level: `full`, `read-write`, `read`, `write`.
    pub level: String,
    /// Its public half.
    pub access_key_id: String,
    /// Its secret half.
    pub secret_access_key: String,
    /// The user's bucket.
    pub bucket: String,
}

impl std::fmt::Debug for DevKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DevKey({} {})", self.access_key_id, self.level)
    }
}

/// An address that others can reach: development keys are for nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{option} {address}`: development mode listens on this machine alone, such as 127.0.0.1:9443; for others use `serve --config`"
)]
pub struct NotLoopback {
    /// The option.
    pub option: &'static str,
    /// What it says.
    pub address: SocketAddr,
}

/// The settings of development mode.
///
/// # Errors
/// A listener would be reachable from elsewhere.
pub fn overrides(
    data: &Path,
    s3: Option<SocketAddr>,
    admin: Option<SocketAddr>,
) -> Result<Overrides, NotLoopback> {
    let mut overrides = Overrides::new()
        .with("--data", "data.folder", data.display().to_string())
        .with("--dev", "domains.s3", DOMAIN)
        .with("--dev", "domains.public", PUBLIC_DOMAIN)
        // A region that botocore does not know: it signs URLs of those it knows with Signature Version 2.
        .with("--dev", "s3.region", REGION)
        .with("--dev", "s3.region_aliases", "us-east-1")
        .with("--dev", "log.access_path", "access.jsonl")
        .with("--dev", "admin.metrics", "loopback");
    for (option, field, address, default) in [
        ("--s3-listen", "s3.listen", s3, "127.0.0.1:9443"),
        ("--admin-listen", "admin.listen", admin, "127.0.0.1:9444"),
    ] {
        match address {
            Some(address) if !address.ip().is_loopback() => {
                return Err(NotLoopback { option, address });
            }
            Some(address) => overrides = overrides.with(option, field, address.to_string()),
            // A variable of the environment must not open it either.
            None => overrides = overrides.with("--dev", field, default),
        }
    }
    Ok(overrides)
}

impl Dev {
    /// The file in a data folder.
    pub fn path(data: &Path) -> PathBuf {
        data.join("dev.json")
    }

    /// Writes the file: whole or not at all, for its owner alone.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, data: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        files::write_private(&Self::path(data), &text)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is not there, or not what was written.
    pub fn read(data: &Path) -> io::Result<Self> {
        let bytes = files::read_bounded(&Self::path(data), 1 << 20)?;
        serde_json::from_slice(&bytes).map_err(io::Error::other)
    }

    /// The key of a user with a level.
    pub fn key(&self, user: &str, level: &str) -> Option<&DevKey> {
        self.keys
            .iter()
            .find(|key| key.user == user && key.level == level)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    pub(super) fn dev() -> Dev {
        let key = |user: &str, level: &str| DevKey {
            user: user.to_owned(),
            level: level.to_owned(),
            access_key_id: format!("PK{user}{level}").to_uppercase(),
            secret_access_key: "it's a secret".to_owned(),
            bucket: BUCKET.to_owned(),
        };
        Dev {
            s3: "https://localhost:9443".to_owned(),
            admin: "https://localhost:9444".to_owned(),
            ca: "/tmp/ca.pem".into(),
            region: "us-east-1".to_owned(),
            keys: USERS
                .iter()
                .flat_map(|user| ["full", "read"].map(|level| key(user, level)))
                .collect(),
            suite: BTreeMap::new(),
        }
    }

    #[test]
    fn an_address_that_others_can_reach_is_refused() {
        let open = |s3: &str| overrides(Path::new("d"), Some(s3.parse().unwrap()), None);
        assert!(open("127.0.0.1:0").is_ok() && open("[::1]:9443").is_ok());
        assert!(
            open("0.0.0.0:9443")
                .unwrap_err()
                .to_string()
                .contains("--s3-listen 0.0.0.0:9443")
        );
        assert!(overrides(Path::new("d"), None, Some("192.0.2.1:1".parse().unwrap())).is_err());
    }

    #[test]
    fn the_file_reads_back_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        dev().write(folder.path()).unwrap();
        assert_eq!(Dev::read(folder.path()).unwrap(), dev());
        let mode = std::fs::metadata(Dev::path(folder.path()))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{:?}", dev()).contains("secret"));
    }
}
