//! `postern tenant`: accounts.

use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use postern_config::directory::{Alias, Description, Name, Profile};
use serde_json::{Value, json};

use super::domain::Domain;
use super::module::{encoded, text};
use super::removal::{Care, Data, Removal};
use super::table::{Listing, show};
use super::transfer::{self, Passphrase};
use super::whose::{change, create, given, path};
use super::{CliError, Connection, Style, print};

/// Where the admin API has accounts.
const TENANTS: &str = "/api/v1/tenants";

/// Accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// Make an account, with its root user.
    #[command(after_help = "Examples:
  postern tenant create acme --profile e3-root
  postern tenant create shop-one --parent acme      # a customer of the reseller acme

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
        /// The account above it: a reseller's, by name or number. It stays.
        #[arg(long)]
        parent: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// List accounts.
    #[command(after_help = "Examples:
  postern tenant list --search acme --status active
  postern tenant list --parent acme")]
    List {
        /// Those of this status.
        #[arg(long, value_enum)]
        status: Option<Status>,
        /// Those below this account, by name or number.
        #[arg(long)]
        parent: Option<String>,
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
    /// Let what an account has be read, and nothing be written, deleted or changed through S3.
    #[command(after_help = "Example:\n  postern tenant read-only acme")]
    ReadOnly {
        /// Its name or number.
        tenant: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Let a suspended or read-only account work again.
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
    /// Change an account: its name, what it allows, how much it may hold. What is not named stays as it is.
    #[command(
        visible_alias = "edit",
        after_help = "Examples:
  postern tenant set acme --write-deletes markers
  postern tenant set acme --max-users 50 --max-keys 200
  postern tenant set acme --max-users none --block-public yes
  postern tenant set acme --name acme-gmbh --description 'since 2019'"
    )]
    Set {
        /// Its name or number.
        tenant: String,
        #[command(flatten)]
        changes: Changes,
        #[command(flatten)]
        connection: Connection,
    },
    /// Make another person the owner of an account. Who was it becomes an admin.
    #[command(after_help = "Example:\n  postern tenant transfer acme --to ann")]
    Transfer {
        /// Its name or number.
        tenant: String,
        /// The person, by name or number.
        #[arg(long)]
        to: String,
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
    /// The domains by which an account alone is found: add, list, remove.
    #[command(subcommand)]
    Domain(Domain),
    /// Write an account to one file: what it is, who is in it, what they may do. Objects are not in it.
    #[command(after_help = "Examples:
  postern tenant export acme --out acme.json --passphrase-file phrase   # with the secrets of its keys, sealed
  postern tenant export acme --out acme.json                            # without them")]
    Export {
        /// Its name or number.
        tenant: String,
        /// The file. [default: standard output]
        #[arg(long, short)]
        out: Option<std::path::PathBuf>,
        #[command(flatten)]
        passphrase: Passphrase,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show what taking a file in would change. Ends with 0 where that is nothing, with 3 where it is something.
    #[command(after_help = "Example:\n  postern tenant plan acme.json --passphrase-file phrase")]
    Plan {
        /// The file of `postern tenant export`.
        file: std::path::PathBuf,
        #[command(flatten)]
        passphrase: Passphrase,
        #[command(flatten)]
        connection: Connection,
    },
    /// Take a file in, in one transaction: all of it, or nothing. What has a name is found again by it; buckets are never removed.
    #[command(
        after_help = "Example:\n  postern tenant apply acme.json --passphrase-file phrase --yes"
    )]
    Apply {
        /// The file of `postern tenant export`.
        file: std::path::PathBuf,
        /// Also where it removes users, keys or roles that are not in the file.
        #[arg(long, short = 'y')]
        yes: bool,
        #[command(flatten)]
        passphrase: Passphrase,
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

/// What is to change of an account.
#[derive(Clone, Debug, Args)]
pub(super) struct Changes {
    /// What keys of the level `write` may delete: nothing, current versions (which leaves a marker), or all; at most what the profile allows.
    #[arg(long)]
    write_deletes: Option<Deletes>,
    /// Most users, the root among them, or `none`.
    #[arg(long, value_name = "NUMBER")]
    max_users: Option<Bound>,
    /// Most access keys of all its users, or `none`.
    #[arg(long, value_name = "NUMBER")]
    max_keys: Option<Bound>,
    /// Whether nothing of it is public, whatever its buckets say.
    #[arg(long)]
    block_public: Option<YesNo>,
    /// What to know about it.
    #[arg(long)]
    description: Option<Description>,
    /// Another name. Its number, its keys and its buckets stay.
    #[arg(long)]
    name: Option<Name>,
}

/// A bound, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound(Option<u32>);

/// The text is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a bound is a number, or `none`")]
pub(super) struct NotABound;

impl FromStr for Bound {
    type Err = NotABound;

    fn from_str(text: &str) -> Result<Self, NotABound> {
        match text {
            "none" => Ok(Self(None)),
            number => number
                .parse()
                .map(|it| Self(Some(it)))
                .map_err(|_| NotABound),
        }
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Whether an account works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Status {
    /// It works.
    Active,
    /// It is read and not changed.
    ReadOnly,
    /// None of its keys works.
    Suspended,
    /// It is being removed.
    Closed,
}

impl Status {
    /// The word of the admin API.
    const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::ReadOnly => "read-only",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
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
    ("parent", "parent"),
    ("accounts below", "children"),
    ("description", "description"),
    ("most users", "limits.users"),
    ("most keys", "limits.keys"),
    ("public blocked", "block_public"),
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
    ("PARENT", "parent"),
    ("USERS", "users"),
    ("KEYS", "keys"),
    ("BUCKETS", "buckets"),
    ("CREATED", "created@"),
];

impl Tenant {
    #[expect(clippy::too_many_lines, reason = "a table: one arm for each command")]
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create {
                name,
                profile,
                parent,
                connection,
            } => {
                let document = given([
                    ("name", Some(json!(name))),
                    ("profile", profile.map(|it| json!(it))),
                    ("parent", parent.map(|it| json!(it))),
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
                parent,
                listing,
                connection,
            } => {
                let status = status.map(|status| status.word().to_owned());
                let filters = [("status", status), ("parent", parent)];
                let fetched = listing.fetch(&connection, TENANTS, &filters)?;
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
            Self::ReadOnly { tenant, connection } => set(
                &connection,
                style,
                (&tenant, "status", "read-only"),
                "is read and not changed",
            ),
            Self::Resume { tenant, connection } => set(
                &connection,
                style,
                (&tenant, "status", "active"),
                "works again",
            ),
            Self::Set {
                tenant,
                changes,
                connection,
            } => changes.run(&connection, style, &tenant),
            Self::Transfer {
                tenant,
                to,
                connection,
            } => {
                let path = path(&tenant, &["transfer"]);
                let done = change(
                    &connection,
                    (Method::POST, &path),
                    &json!({ "to": to }),
                    None,
                )?;
                let said = format!("tenant `{}` belongs to `{to}`", text(&done, "name"));
                told(style, &done, &said)
            }
            Self::Alias {
                tenant,
                user,
                set,
                remove,
                connection,
            } => alias(&connection, style, (tenant, user), (set, remove)),
            Self::Domain(domain) => domain.run(style),
            Self::Export {
                tenant,
                out,
                passphrase,
                connection,
            } => transfer::export(&connection, style, (&tenant, out.as_deref()), &passphrase),
            Self::Plan {
                file,
                passphrase,
                connection,
            } => transfer::plan(&connection, style, &file, &passphrase),
            Self::Apply {
                file,
                yes,
                passphrase,
                connection,
            } => transfer::apply(&connection, style, (&file, yes), &passphrase),
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
    let name = text(&done, "name");
    told(style, &done, &format!("tenant `{name}` {said}"))
}

impl Changes {
    fn run(self, connection: &Connection, style: Style, tenant: &str) -> Result<(), CliError> {
        let path = path(tenant, &[]);
        let has_bounds = self.max_users.is_some() || self.max_keys.is_some();
        // What was read is what is changed: another change in between is not undone.
        let (limits, revision) = if has_bounds {
            let found = connection.ask(Method::GET, &path, None)?;
            let bound = |given: Option<Bound>, field: &str| match given {
                Some(Bound(bound)) => json!(bound),
                None => found
                    .pointer(&format!("/limits/{field}"))
                    .cloned()
                    .unwrap_or_default(),
            };
            let users = bound(self.max_users, "users");
            let keys = bound(self.max_keys, "keys");
            let limits = json!({ "users": users, "keys": keys });
            (Some(limits), found.get("revision").and_then(Value::as_u64))
        } else {
            (None, None)
        };
        let deletes = self.write_deletes.map(|it| json!(it.word()));
        let block = self.block_public.map(|it| json!(it == YesNo::Yes));
        let document = given([
            ("limits", limits),
            ("write_deletes", deletes),
            ("block_public", block),
            ("description", self.description.map(|it| json!(it))),
            ("name", self.name.map(|it| json!(it))),
        ]);
        if document.as_object().is_none_or(serde_json::Map::is_empty) {
            let how = "nothing is to change: give --write-deletes, --max-users, --max-keys, --block-public, --description or --name";
            return Err(CliError::Usage(how.to_owned()));
        }
        let done = change(connection, (Method::PATCH, &path), &document, revision)?;
        told(
            style,
            &done,
            &format!("tenant `{}` is changed", text(&done, "name")),
        )
    }
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
        print(&text(done, "name"))
    } else {
        print(sentence)
    }
}
