//! `postern user`: the users of an account.

use clap::{Subcommand, ValueEnum};
use postern_config::directory::{Description, Name};
use serde_json::json;

use super::module::text;
use super::removal::{Care, Data, Removal};
use super::table::{Listing, show};
use super::tenant::told;
use super::whose::{Whose, create, given};
use super::{CliError, Style};

/// Users.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make a user. No access key is made: `postern key create` does that.
    #[command(
        after_help = "Example:\n  postern user create ingest --tenant acme --description 'nightly backups'"
    )]
    Create {
        /// The name: letters, digits and `. _ - @ +`. It may be an e-mail address.
        name: Name,
        /// A person or a program. [default: service]
        #[arg(long)]
        kind: Option<Kind>,
        /// What to know about the user.
        #[arg(long)]
        description: Option<Description>,
        #[command(flatten)]
        whose: Whose,
    },
    /// List the users of a tenant.
    #[command(after_help = "Example:\n  postern user list --tenant acme --sort -created")]
    List {
        /// Those of this status: active, disabled.
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        whose: Whose,
    },
    /// Show a user.
    #[command(after_help = "Example:\n  postern user show ingest --tenant acme")]
    Show {
        /// The name or number.
        user: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Stop everything of a user, from the next request on; all is kept.
    #[command(after_help = "Example:\n  postern user disable ingest --tenant acme")]
    Disable {
        /// The name or number.
        user: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Give a disabled user back exactly what he had.
    #[command(after_help = "Example:\n  postern user enable ingest --tenant acme")]
    Enable {
        /// The name or number.
        user: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Delete a user with his keys; with his buckets and what is in them where `--with-data` says so and the profile allows it.
    #[command(after_help = "Examples:
  postern user delete ingest --tenant acme --dry-run
  postern user delete ingest --tenant acme --confirm ingest      # in a script
  postern user delete ingest --tenant acme --with-data --wait")]
    Delete {
        /// The name or number.
        user: String,
        #[command(flatten)]
        removal: Removal,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        whose: Whose,
    },
}

/// What kind of user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// A person.
    Human,
    /// A program.
    Service,
}

const FIELDS: &[(&str, &str)] = &[
    ("name", "name"),
    ("number", "id"),
    ("tenant", "tenant"),
    ("kind", "kind"),
    ("status", "status"),
    ("description", "description"),
    ("keys", "keys"),
    ("buckets", "buckets"),
    ("created", "created@"),
    ("deletion", "deletion.progress"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("KIND", "kind"),
    ("STATUS", "status"),
    ("KEYS", "keys"),
    ("BUCKETS", "buckets"),
    ("CREATED", "created@"),
    ("DESCRIPTION", "description"),
];

impl User {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create {
                name,
                kind,
                description,
                whose,
            } => {
                let kind = kind.map(|kind| match kind {
                    Kind::Human => "human",
                    Kind::Service => "service",
                });
                let document = given([
                    ("name", Some(json!(name))),
                    ("kind", kind.map(|it| json!(it))),
                    ("description", description.map(|it| json!(it))),
                ]);
                let made = create(&whose.connection, &whose.path(&["users"])?, &document)?;
                let next = format!(
                    "`postern key create --user {name} --level read --tenant {}` makes a key",
                    text(&made, "tenant")
                );
                told(style, &made, &format!("user `{name}` is made; {next}"))
            }
            Self::List {
                status,
                listing,
                whose,
            } => {
                let path = whose.path(&["users"])?;
                let fetched = listing.fetch(&whose.connection, &path, &[("status", status)])?;
                Listing::show(style, &fetched, "name", COLUMNS)
            }
            Self::Show { user, whose } => {
                show(style, &whose.get(&["users", &user])?, "name", FIELDS)
            }
            Self::Disable { user, whose } => {
                let done = whose.step(&["users", &user, "disable"])?;
                let said = format!(
                    "user `{}` is disabled: none of the keys works",
                    text(&done, "name")
                );
                told(style, &done, &said)
            }
            Self::Enable { user, whose } => {
                let done = whose.step(&["users", &user, "enable"])?;
                let said = format!(
                    "user `{}` has back what was there before",
                    text(&done, "name")
                );
                told(style, &done, &said)
            }
            Self::Delete {
                user,
                removal,
                data,
                whose,
            } => {
                let path = whose.path(&["users", &user])?;
                let which = (path.as_str(), "user", Care::Name);
                removal.run_with(&whose.connection, which, data, style)
            }
        }
    }
}
