//! `postern bucket`: buckets, as the admin side sees them. What is in them is their owners'.

use clap::{Args, Subcommand};
use http::Method;
use postern_config::directory::Referrer;
use s3_protocol::BucketName;
use serde_json::{Value, json};

use super::module::{encoded, text};
use super::removal::{Care, Removal};
use super::table::{Listing, cell, show};
use super::tenant::told;
use super::whose::{Whose, change, create, given};
use super::{CliError, Style, print, print_json};

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
        /// Those that are public.
        #[arg(long)]
        public: bool,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        whose: Whose,
    },
    /// Show a bucket, and how much it holds.
    #[command(after_help = "Example:\n  postern bucket show backups --tenant acme --owner ingest")]
    Show(Which),
    /// Make a bucket public: whoever asks lists and reads it, without a key.
    #[command(after_help = "Examples:
  postern bucket set-public site --tenant acme
  postern bucket set-public site --no-list --referrer https://example.com/ --tenant acme")]
    SetPublic {
        #[command(flatten)]
        which: Which,
        /// Its objects are read by whoever knows their names; nobody lists them.
        #[arg(long)]
        no_list: bool,
        /// Its objects are listed and not read.
        #[arg(long, conflicts_with = "no_list")]
        no_read: bool,
        /// How the address of a page begins from which one must come; may be given several times. [default: from anywhere]
        #[arg(long = "referrer", value_name = "URL")]
        referrers: Vec<Referrer>,
    },
    /// Make a bucket private again.
    #[command(after_help = "Example:\n  postern bucket set-private site --tenant acme")]
    SetPrivate(Which),
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
    ("public", "bucket.is_public"),
    ("permissions", "bucket.permissions"),
    ("objects", "objects"),
    ("bytes", "bytes"),
    ("created", "bucket.created@"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("OWNER", "owner"),
    ("STATE", "state"),
    ("POLICY", "has_policy"),
    ("PUBLIC", "is_public"),
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
                public,
                listing,
                whose,
            } => {
                let path = whose.path(&["buckets"])?;
                let public = public.then(|| "true".to_owned());
                let filters = [("owner", owner), ("public", public)];
                let fetched = listing.fetch(&whose.connection, &path, &filters)?;
                Listing::show(style, &fetched, "name", COLUMNS)
            }
            Self::Show(which) => {
                let path = which.path(&[])?;
                let found = which.whose.connection.ask(Method::GET, &path, None)?;
                show(style, &found, "bucket.name", FIELDS)
            }
            Self::SetPublic {
                which,
                no_list,
                no_read,
                referrers,
            } => {
                let document = given([
                    ("list", Some(json!(!no_list))),
                    ("read", Some(json!(!no_read))),
                    (
                        "referrers",
                        (!referrers.is_empty()).then(|| json!(referrers)),
                    ),
                ]);
                let path = which.path(&["public"])?;
                let connection = &which.whose.connection;
                let done = change(connection, (Method::PUT, &path), &document, None)?;
                which.public(style, &done)
            }
            Self::SetPrivate(which) => {
                let path = which.path(&["public"])?;
                let done = which.whose.connection.ask(Method::DELETE, &path, None)?;
                which.public(style, &done)
            }
            Self::Delete { which, removal } => {
                let path = which.path(&[])?;
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
    fn path(&self, further: &[&str]) -> Result<String, CliError> {
        let owner = self
            .owner
            .as_deref()
            .map(|owner| format!("?owner={}", encoded(owner)));
        let words = [&["buckets", &self.bucket], further].concat();
        Ok(self.whose.path(&words)? + &owner.unwrap_or_default())
    }

    /// Says what is public.
    fn public(&self, style: Style, done: &Value) -> Result<(), CliError> {
        if style.json {
            return print_json(done);
        }
        if style.quiet {
            return print(&self.bucket);
        }
        let is = |field: &str| done.get(field).and_then(Value::as_bool) == Some(true);
        let what = match (is("list"), is("read")) {
            (true, true) => "is public: whoever asks lists and reads it",
            (true, false) => "is public: whoever asks lists it",
            (false, true) => "is public: whoever knows the name of an object reads it",
            (false, false) => "is private",
        };
        let from = match cell(done, "referrers").as_str() {
            "*" | "" | "-" => String::new(),
            from => format!(", coming from {from}"),
        };
        let blocked = if is("blocked") && is("is_public") {
            "; it has no effect yet, since its tenant lets nothing be public (`postern tenant set --block-public no`)"
        } else {
            ""
        };
        print(&format!("bucket `{}` {what}{from}{blocked}", self.bucket))
    }
}
