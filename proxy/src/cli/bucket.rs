//! `postern bucket`: buckets, as the admin side sees them. What is in them is their owners'.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use http::Method;
use postern_config::directory::Referrer;
use s3_protocol::BucketName;
use serde_json::{Value, json};

use super::ask::list;
use super::module::{encoded, text};
use super::removal::{Care, Removal};
use super::table::{Listing, cell, show, table};
use super::tenant::told;
use super::whose::{Whose, change, create, given};
use super::{CliError, Exit, Style, print, print_json};

/// Buckets.
#[derive(Debug, Subcommand)]
pub(super) enum Bucket {
    /// Make a bucket for a user. Only keys of its owner reach what is in it.
    #[command(after_help = "Examples:
  postern bucket create backups --owner ingest --tenant acme
  postern bucket create archive --owner ingest --object-lock --tenant acme")]
    Create {
        /// Its name: 3 to 63 lower-case letters, digits, `.` and single `-`.
        name: BucketName,
        /// The user who owns it, by name or number.
        #[arg(long)]
        owner: String,
        /// Keep the versions of what is overwritten or deleted.
        #[arg(long)]
        versioning: bool,
        /// Let versions in it be locked; it keeps versions then. Neither can be undone.
        #[arg(long)]
        object_lock: bool,
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
    /// List what of a bucket was deleted or overwritten and can be brought back: within `node.undelete_time`.
    #[command(
        after_help = "Example:\n  postern bucket list-deleted photos --prefix 2026/ --tenant acme"
    )]
    ListDeleted {
        #[command(flatten)]
        which: Which,
        /// How keys begin.
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Bring back what of a bucket was deleted or overwritten, of each key the latest. What stands there now stays.
    #[command(after_help = "Examples:
  postern bucket undelete photos --key 2026/summer.jpg --tenant acme
  postern bucket undelete photos --prefix 2026/ --tenant acme")]
    Undelete {
        #[command(flatten)]
        which: Which,
        /// The key.
        #[arg(long, required_unless_present = "prefix")]
        key: Option<String>,
        /// All keys that begin so.
        #[arg(long, conflicts_with = "key")]
        prefix: Option<String>,
    },
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
    ("versioning", "versioning"),
    ("object lock", "object_lock"),
    ("created", "bucket.created@"),
];

const DELETED: &[(&str, &str)] = &[
    ("KEY", "key"),
    ("VERSION", "version"),
    ("BYTES", "size"),
    ("WRITTEN", "written"),
    ("ENDED", "ended"),
    ("OVERWRITTEN", "overwritten"),
];

/// Objects that are brought back in one request: their list stays below the bound of bodies.
const UNDELETE_BATCH: usize = 100;

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
            Self::Create {
                name,
                owner,
                versioning,
                object_lock,
                whose,
            } => {
                // Locks need versions.
                let keeps = (versioning || object_lock, object_lock);
                let document = json!({ "name": name.as_str(), "owner": owner, "versioning": keeps.0, "object_lock": keeps.1 });
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
            } => which.open(style, (!no_list, !no_read), &referrers),
            Self::SetPrivate(which) => {
                let path = which.path(&["public"])?;
                let done = which.whose.connection.ask(Method::DELETE, &path, None)?;
                which.public(style, &done)
            }
            Self::ListDeleted { which, prefix } => which.show_deleted(style, &prefix),
            Self::Undelete { which, key, prefix } => which.undelete(style, key.as_deref(), prefix),
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

    /// Makes it public.
    fn open(
        &self,
        style: Style,
        (list, read): (bool, bool),
        referrers: &[Referrer],
    ) -> Result<(), CliError> {
        let document = given([
            ("list", Some(json!(list))),
            ("read", Some(json!(read))),
            (
                "referrers",
                (!referrers.is_empty()).then(|| json!(referrers)),
            ),
        ]);
        let path = self.path(&["public"])?;
        let done = change(
            &self.whose.connection,
            (Method::PUT, &path),
            &document,
            None,
        )?;
        self.public(style, &done)
    }

    fn show_deleted(&self, style: Style, prefix: &str) -> Result<(), CliError> {
        let found = self.deleted(prefix)?;
        if style.json {
            return print_json(&found);
        }
        let row = |it: &Value| DELETED.iter().map(|(_, field)| cell(it, field)).collect();
        let rows = list(&found, "items").iter().map(row).collect();
        let heads: Vec<&str> = DELETED.iter().map(|(head, _)| *head).collect();
        print(&table(&heads, rows))
    }

    /// What can be brought back.
    fn deleted(&self, prefix: &str) -> Result<Value, CliError> {
        let path = self.path(&["deleted"])?;
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{mark}prefix={}", encoded(prefix));
        Ok(self.whose.connection.ask(Method::GET, &path, None)?)
    }

    /// Brings back the latest of each key.
    fn undelete(
        &self,
        style: Style,
        key: Option<&str>,
        prefix: Option<String>,
    ) -> Result<(), CliError> {
        let begins = prefix.as_deref().or(key).unwrap_or_default();
        let found = self.deleted(begins)?;
        let mut latest: BTreeMap<String, Value> = BTreeMap::new();
        for item in list(&found, "items") {
            let name = text(item, "key");
            if key.is_none_or(|key| key == name) {
                latest.insert(name, item.clone());
            }
        }
        if latest.is_empty() {
            let said = format!("nothing that was deleted is kept under `{begins}`");
            return Err(CliError::NotFound(said));
        }
        let path = self.path(&["deleted"])?;
        let items: Vec<Value> = latest.into_values().collect();
        let mut answers = Vec::new();
        for batch in items.chunks(UNDELETE_BATCH) {
            let document = json!({ "items": batch });
            let connection = &self.whose.connection;
            let done = change(connection, (Method::POST, &path), &document, None)?;
            answers.extend(list(&done, "items").iter().cloned());
        }
        let is_refused = |it: &&Value| it.get("refused").is_some_and(|why| !why.is_null());
        let refused = answers.iter().filter(is_refused).count();
        let restored = answers.len() - refused;
        if style.json {
            print_json(&json!({ "items": answers, "restored": restored }))?;
        } else {
            for it in answers.iter().filter(is_refused) {
                print(&format!(
                    "`{}` is not back: {}",
                    text(it, "key"),
                    text(it, "refused")
                ))?;
            }
            print(&format!("{restored} brought back, {refused} not"))?;
        }
        if refused == 0 {
            Ok(())
        } else {
            Err(CliError::Answered(Exit::Conflict))
        }
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
