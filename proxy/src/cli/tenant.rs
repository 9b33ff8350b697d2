//! `postern tenant`: accounts.

use clap::{Subcommand, ValueEnum};
use http::Method;
use postern_config::directory::{Alias, Name, Profile};
use serde_json::{Value, json};

use super::module::encoded;
use super::removal::{Care, Data, Removal};
use super::table::{Listing, show};
use super::whose::{change, create, given, path};
use super::{CliError, Connection, Style, print};

/// Where the admin API has accounts.
const TENANTS: &str = "/api/v1/tenants";

/// Accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// Make an account, with its root user.
    #[command(after_help = "Example:
  postern tenant create acme --profile e3-root

Profiles:
  e3-root     one root and users, isolated from each other; levels on keys
  e3-primary  primary users and sub-users
  sobject     an account whose bucket policies narrow
  vpsa        account and container permissions for members
  datastream  an organization with roles
  s3          as AWS S3 itself: bucket names are unique in the deployment")]
    Create {
        /// Its name: letters, digits and `. _ - @ +`.
        name: Name,
        /// Whose rules it follows. It stays. [default: e3-root]
        #[arg(long)]
        profile: Option<Profile>,
        #[command(flatten)]
        connection: Connection,
    },
    /// List accounts.
    #[command(after_help = "Example:\n  postern tenant list --search acme --status active")]
    List {
        /// Those of this status: active, suspended, closed.
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show an account.
    #[command(after_help = "Example:\n  postern tenant show acme")]
    Show {
        /// Its name or number.
        tenant: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Stop all keys of an account; everything is kept.
    #[command(
        alias = "disable",
        after_help = "Example:\n  postern tenant suspend acme"
    )]
    Suspend {
        /// Its name or number.
        tenant: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Let a suspended account work again.
    #[command(
        alias = "enable",
        after_help = "Example:\n  postern tenant resume acme"
    )]
    Resume {
        /// Its name or number.
        tenant: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Change what keys of the level `write` may delete; at most what the profile allows.
    #[command(after_help = "Example:\n  postern tenant set acme --write-deletes markers")]
    Set {
        /// Its name or number.
        tenant: String,
        /// Nothing, current versions (which leaves a marker), or all.
        #[arg(long)]
        write_deletes: Deletes,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show, give or take away the label by which hosts find buckets for whoever asks: `<alias>.<public domain>`.
    #[command(after_help = "Examples:
  postern tenant alias acme                       # shows it
  postern tenant alias acme --user web --set web  # where each user has buckets of his own
  postern tenant alias acme --remove")]
    Alias {
        /// The account, by name or number.
        tenant: String,
        /// The user, where each user has buckets of his own.
        #[arg(long)]
        user: Option<String>,
        /// The label: lower-case letters, digits and single `-`.
        #[arg(long, conflicts_with = "remove")]
        set: Option<Alias>,
        /// Take it away.
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Delete an account with its users, keys and modules; with its buckets and what is in them where `--with-data` says so.
    #[command(after_help = "Examples:
  postern tenant delete acme --dry-run
  postern tenant delete acme --confirm acme      # in a script
  postern tenant delete acme --with-data --wait")]
    Delete {
        /// Its name or number.
        tenant: String,
        #[command(flatten)]
        removal: Removal,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        connection: Connection,
    },
}

/// What keys of the level `write` may delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Deletes {
    /// Nothing.
    No,
    /// The current version, which leaves a marker.
    Markers,
    /// Versions, too.
    All,
}

impl Deletes {
    /// The word of the admin API.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Markers => "markers",
            Self::All => "all",
        }
    }
}

const FIELDS: &[(&str, &str)] = &[
    ("name", "name"),
    ("number", "id"),
    ("profile", "profile"),
    ("status", "status"),
    ("write deletes", "write_deletes"),
    ("users", "users"),
    ("keys", "keys"),
    ("buckets", "buckets"),
    ("created", "created@"),
    ("deletion", "deletion.progress"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("PROFILE", "profile"),
    ("STATUS", "status"),
    ("USERS", "users"),
    ("KEYS", "keys"),
    ("BUCKETS", "buckets"),
    ("CREATED", "created@"),
];

impl Tenant {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create {
                name,
                profile,
                connection,
            } => {
                let document = given([
                    ("name", Some(json!(name))),
                    ("profile", profile.map(|it| json!(it))),
                ]);
                let made = create(&connection, TENANTS, &document)?;
                told(
                    style,
                    &made,
                    &format!(
                        "tenant `{name}` is made; `postern user create NAME --tenant {name}` makes its first user"
                    ),
                )
            }
            Self::List {
                status,
                listing,
                connection,
            } => {
                let fetched = listing.fetch(&connection, TENANTS, &[("status", status)])?;
                Listing::show(style, &fetched, "name", COLUMNS)
            }
            Self::Show { tenant, connection } => {
                let found = connection.ask(Method::GET, &path(&tenant, &[]), None)?;
                show(style, &found, "name", FIELDS)
            }
            Self::Suspend { tenant, connection } => set(
                &connection,
                style,
                (&tenant, "status", "suspended"),
                "is suspended: none of its keys works",
            ),
            Self::Resume { tenant, connection } => set(
                &connection,
                style,
                (&tenant, "status", "active"),
                "works again",
            ),
            Self::Set {
                tenant,
                write_deletes,
                connection,
            } => {
                let word = write_deletes.word();
                let said = format!("lets Write keys delete: {word}");
                set(&connection, style, (&tenant, "write_deletes", word), &said)
            }
            Self::Alias {
                tenant,
                user,
                set,
                remove,
                connection,
            } => alias(&connection, style, (tenant, user), (set, remove)),
            Self::Delete {
                tenant,
                removal,
                data,
                connection,
            } => {
                let path = path(&tenant, &[]);
                let which = (path.as_str(), "tenant", Care::Name);
                removal.run_with(&connection, which, data, style)
            }
        }
    }
}

fn set(
    connection: &Connection,
    style: Style,
    (tenant, field, word): (&str, &str, &str),
    said: &str,
) -> Result<(), CliError> {
    let path = path(tenant, &[]);
    let done = change(
        connection,
        (Method::PATCH, &path),
        &json!({ field: word }),
        None,
    )?;
    let name = super::module::text(&done, "name");
    told(style, &done, &format!("tenant `{name}` {said}"))
}

fn alias(
    connection: &Connection,
    style: Style,
    (tenant, user): (String, Option<String>),
    (set, remove): (Option<Alias>, bool),
) -> Result<(), CliError> {
    let whose = user.map(|user| format!("?user={}", encoded(&user)));
    let path = format!("{}{}", path(&tenant, &["alias"]), whose.unwrap_or_default());
    let done = match (set, remove) {
        (Some(alias), _) => {
            let document = json!({ "alias": alias });
            change(connection, (Method::PUT, &path), &document, None)?
        }
        (None, true) => connection.ask(Method::DELETE, &path, None)?,
        (None, false) => connection.ask(Method::GET, &path, None)?,
    };
    show(style, &done, "alias", &[("alias", "alias")])
}

/// Says what was done: the document, the name alone, or a sentence.
pub(super) fn told(style: Style, done: &Value, sentence: &str) -> Result<(), CliError> {
    if style.json {
        super::print_json(done)
    } else if style.quiet {
        print(&super::module::text(done, "name"))
    } else {
        print(sentence)
    }
}
