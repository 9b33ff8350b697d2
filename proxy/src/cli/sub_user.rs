//! `postern sub-user`: to whom a user gives keys to what is his.

use clap::{Args, Subcommand};
use http::Method;
use postern_config::directory::{Description, Level, Name};
use serde_json::{Value, json};

use super::module::text;
use super::removal::{Care, Removal};
use super::table::{Listing, show};
use super::tenant::told;
use super::user::Standing;
use super::whose::{Whose, change, create, given};
use super::{CliError, Style};

/// Sub-users.
#[derive(Debug, Subcommand)]
pub(super) enum SubUser {
    /// Make a sub-user. No access key is made: `postern key create --sub-user` does that.
    #[command(after_help = "Example:
  postern sub-user create cdn --user web --level read --description 'pulls images' --tenant acme

Levels:
  full        read, write, delete, make and delete buckets, change who may do what
  read-write  read, write and delete objects
  read        list and read
  write       upload, and see one's own uploads; what it may delete, the tenant says")]
    Create {
        /// The name: letters, digits and `. _ - @ +`.
        name: Name,
        /// What the keys may do at most: full, read-write, read, write.
        #[arg(long)]
        level: Level,
        /// What to know about the sub-user: an employee, a contractor, a program.
        #[arg(long)]
        description: Option<Description>,
        #[command(flatten)]
        below: Below,
    },
    /// List the sub-users of a user.
    #[command(after_help = "Example:\n  postern sub-user list --user web --tenant acme")]
    List {
        /// Those who stand so. [default: all]
        #[arg(long, value_enum)]
        status: Option<Standing>,
        /// Those of this level.
        #[arg(long)]
        level: Option<Level>,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        below: Below,
    },
    /// Show a sub-user.
    #[command(after_help = "Example:\n  postern sub-user show cdn --user web --tenant acme")]
    Show(Which),
    /// Change a sub-user's level, name or description, from the next request on.
    #[command(
        visible_alias = "set-permission",
        after_help = "Example:\n  postern sub-user set cdn --level read-write --user web --tenant acme"
    )]
    Set {
        #[command(flatten)]
        which: Which,
        /// What the keys may do at most: full, read-write, read, write.
        #[arg(long)]
        level: Option<Level>,
        /// Another name.
        #[arg(long)]
        name: Option<Name>,
        /// What to know about the sub-user.
        #[arg(long)]
        description: Option<Description>,
    },
    /// Stop everything of a sub-user, from the next request on; all is kept.
    #[command(after_help = "Example:\n  postern sub-user disable cdn --user web --tenant acme")]
    Disable(Which),
    /// Give a disabled sub-user back exactly what he had.
    #[command(after_help = "Example:\n  postern sub-user enable cdn --user web --tenant acme")]
    Enable(Which),
    /// Delete a sub-user with his keys. What they have written stays.
    #[command(after_help = "Examples:
  postern sub-user delete cdn --user web --tenant acme --dry-run
  postern sub-user delete cdn --user web --tenant acme --confirm cdn      # in a script")]
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        removal: Removal,
    },
}

/// Below whom.
#[derive(Debug, Args)]
pub(super) struct Below {
    /// The user above, by name or number.
    #[arg(long)]
    user: String,
    #[command(flatten)]
    whose: Whose,
}

/// Which sub-user is meant.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The name or number.
    sub_user: String,
    #[command(flatten)]
    below: Below,
}

const FIELDS: &[(&str, &str)] = &[
    ("name", "name"),
    ("number", "id"),
    ("tenant", "tenant"),
    ("user", "user"),
    ("level", "level"),
    ("status", "status"),
    ("description", "description"),
    ("keys", "keys"),
    ("created", "created@"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("LEVEL", "level"),
    ("STATUS", "status"),
    ("KEYS", "keys"),
    ("CREATED", "created@"),
    ("DESCRIPTION", "description"),
];

impl SubUser {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create {
                name,
                level,
                description,
                below,
            } => {
                let document = given([
                    ("name", Some(json!(name))),
                    ("level", Some(json!(level))),
                    ("description", description.map(|it| json!(it))),
                ]);
                let path = below.whose.path(&["users", &below.user, "sub-users"])?;
                let made = create(&below.whose.connection, &path, &document)?;
                let said = format!(
                    "sub-user `{name}` of `{user}` is made; `postern key create --user {user} --sub-user {name} --level {level} --tenant {}` makes a key",
                    text(&made, "tenant"),
                    user = text(&made, "user"),
                );
                told(style, &made, &said)
            }
            Self::List {
                status,
                level,
                listing,
                below,
            } => {
                let path = below.whose.path(&["users", &below.user, "sub-users"])?;
                let status = status.map(|status| status.word().to_owned());
                let level = level.map(|level| level.to_string());
                let filters = [("status", status), ("level", level)];
                let fetched = listing.fetch(&below.whose.connection, &path, &filters)?;
                Listing::show(style, &fetched, "name", COLUMNS)
            }
            Self::Show(which) => {
                let path = which.path(&[])?;
                let found = which.below.whose.connection.ask(Method::GET, &path, None)?;
                show(style, &found, "name", FIELDS)
            }
            Self::Set {
                which,
                level,
                name,
                description,
            } => {
                let changes = [
                    ("level", level.map(|it| json!(it))),
                    ("description", description.map(|it| json!(it))),
                    ("name", name.map(|it| json!(it))),
                ];
                which.set(style, changes)
            }
            Self::Disable(which) => {
                which.step(style, "disable", "is disabled: none of the keys works")
            }
            Self::Enable(which) => which.step(style, "enable", "has back what was there before"),
            Self::Delete { which, removal } => {
                let path = which.path(&[])?;
                let what = (path.as_str(), "sub-user", Care::Name);
                removal.run(&which.below.whose.connection, what, style)
            }
        }
    }
}

impl Which {
    fn path(&self, further: &[&str]) -> Result<String, CliError> {
        let words = ["users", &self.below.user, "sub-users", &self.sub_user];
        self.below.whose.path(&[&words[..], further].concat())
    }

    /// Each field is a request, and an audit record, of its own.
    fn set(&self, style: Style, changes: [(&str, Option<Value>); 3]) -> Result<(), CliError> {
        if changes.iter().all(|(_, value)| value.is_none()) {
            let how = "nothing is to change: give --level, --name or --description";
            return Err(CliError::Usage(how.to_owned()));
        }
        let path = self.path(&[])?;
        let connection = &self.below.whose.connection;
        let document = given(changes);
        let done = change(connection, (Method::PATCH, &path), &document, None)?;
        let said = format!(
            "sub-user `{}` is of level `{}` from the next request on",
            text(&done, "name"),
            text(&done, "level")
        );
        told(style, &done, &said)
    }

    fn step(&self, style: Style, verb: &str, said: &str) -> Result<(), CliError> {
        let path = self.path(&[verb])?;
        let done = self.below.whose.connection.ask(Method::POST, &path, None)?;
        told(
            style,
            &done,
            &format!("sub-user `{}` {said}", text(&done, "name")),
        )
    }
}
