//! `postern bucket`: buckets, as the admin side sees them. What is in them is their owners'.

use clap::{Args, Subcommand};
use s3_protocol::BucketName;
use serde_json::json;

use super::module::{encoded, text};
use super::removal::{Care, Removal};
use super::table::{Listing, show};
use super::tenant::told;
use super::whose::{Whose, create};
use super::{CliError, Style};

/// Buckets.
#[derive(Debug, Subcommand)]
pub(super) enum Bucket {
    /// Make a bucket for a user. Only keys of its owner reach what is in it.
    #[command(
        after_help = "Example:\n  postern bucket create backups --owner ingest --tenant acme"
    )]
    Create {
        /// Its name: 3 to 63 lower-case letters, digits, `.` and single `-`.
        name: BucketName,
        /// The user who owns it, by name or number.
        #[arg(long)]
        owner: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// List the buckets of a tenant.
    #[command(after_help = "Example:\n  postern bucket list --tenant acme --owner ingest")]
    List {
        /// Those of this user.
        #[arg(long)]
        owner: Option<String>,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        whose: Whose,
    },
    /// Show a bucket, and how much it holds.
    #[command(after_help = "Example:\n  postern bucket show backups --tenant acme --owner ingest")]
    Show(Which),
    /// Delete a bucket that is empty.
    #[command(after_help = "Examples:
  postern bucket delete backups --tenant acme --owner ingest --dry-run
  postern bucket delete backups --tenant acme --owner ingest --confirm backups      # in a script")]
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        removal: Removal,
    },
}

/// Which bucket is meant.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Its name, or its number.
    bucket: String,
    /// Its owner, where several users have a bucket of this name.
    #[arg(long)]
    owner: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

const FIELDS: &[(&str, &str)] = &[
    ("name", "bucket.name"),
    ("number", "bucket.id"),
    ("tenant", "bucket.tenant"),
    ("owner", "bucket.owner"),
    ("state", "bucket.state"),
    ("policy", "bucket.has_policy"),
    ("objects", "objects"),
    ("bytes", "bytes"),
    ("created", "bucket.created@"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("OWNER", "owner"),
    ("STATE", "state"),
    ("POLICY", "has_policy"),
    ("CREATED", "created@"),
];

impl Bucket {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create { name, owner, whose } => {
                let document = json!({ "name": name.as_str(), "owner": owner });
                let made = create(&whose.connection, &whose.path(&["buckets"])?, &document)?;
                told(
                    style,
                    &made,
                    &format!("bucket `{name}` of `{}` is made", text(&made, "owner")),
                )
            }
            Self::List {
                owner,
                listing,
                whose,
            } => {
                let path = whose.path(&["buckets"])?;
                let fetched = listing.fetch(&whose.connection, &path, &[("owner", owner)])?;
                Listing::show(style, &fetched, "name", COLUMNS)
            }
            Self::Show(which) => {
                let path = which.path()?;
                let found = which.whose.connection.ask(http::Method::GET, &path, None)?;
                show(style, &found, "bucket.name", FIELDS)
            }
            Self::Delete { which, removal } => {
                let path = which.path()?;
                removal.run(
                    &which.whose.connection,
                    (&path, "bucket", Care::Name),
                    style,
                )
            }
        }
    }
}

impl Which {
    fn path(&self) -> Result<String, CliError> {
        let owner = self
            .owner
            .as_deref()
            .map(|owner| format!("?owner={}", encoded(owner)));
        let path = self.whose.path(&["buckets", &self.bucket])?;
        Ok(path + &owner.unwrap_or_default())
    }
}
