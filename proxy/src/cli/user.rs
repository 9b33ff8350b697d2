//! `postern user`: the users of an account.

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use postern_config::directory::{Description, Email, Language, Name, Timezone};
use serde_json::{Value, json};

use super::bulk::{self, Many};
use super::module::text;
use super::removal::{Care, Data, Removal};
use super::table::{Listing, show};
use super::tenant::told;
use super::whose::{Whose, change, create, given};
use super::{CliError, Style};

/// Users.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make a user. No access key is made: `postern key create` does that.
    #[command(after_help = "Examples:
  postern user create ingest --tenant acme --description 'nightly backups'
  postern user create ann --kind human --email ann@example.com --full-name 'Ann Meyer' --role contributor --tenant acme")]
    Create {
        /// The name: letters, digits and `. _ - @ +`. It may be an e-mail address.
        name: Name,
        /// A person or a program. [default: service]
        #[arg(long)]
        kind: Option<Kind>,
        /// What to know about the user.
        #[arg(long)]
        description: Option<Description>,
        /// The role, by name or number. [default: the usual one of the tenant's profile]
        #[arg(long)]
        role: Option<String>,
        #[command(flatten)]
        details: Details,
        #[command(flatten)]
        whose: Whose,
    },
    /// List the users of a tenant.
    #[command(after_help = "Examples:
  postern user list --tenant acme --sort -created
  postern user list --tenant acme --search ann@ --status passive")]
    List {
        /// Those who stand so. [default: all]
        #[arg(long, value_enum)]
        status: Option<Standing>,
        /// Those of this kind.
        #[arg(long, value_enum)]
        kind: Option<Kind>,
        /// Those who have this role.
        #[arg(long)]
        role: Option<String>,
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
    /// Change a user's name, description or details. What is not named stays as it is.
    #[command(
        visible_alias = "edit",
        after_help = "Examples:
  postern user set ann --email ann@example.com --timezone Europe/Berlin --language de --tenant acme
  postern user set ann --name anna --tenant acme
  postern user set ann --lift email,timezone --tenant acme"
    )]
    Set {
        /// The name or number.
        user: String,
        /// Another name. The number, the keys and the buckets stay.
        #[arg(long)]
        name: Option<Name>,
        /// What to know about the user.
        #[arg(long)]
        description: Option<Description>,
        #[command(flatten)]
        details: Details,
        /// Details to take away.
        #[arg(long, value_delimiter = ',')]
        lift: Vec<Detail>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Stop everything of users, from the next request on; all is kept.
    #[command(after_help = "Examples:
  postern user disable ingest --tenant acme
  postern user disable ann bob cid --tenant acme      # a result for each")]
    Disable {
        /// The names or numbers.
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Give disabled users back exactly what they had.
    #[command(after_help = "Example:\n  postern user enable ingest --tenant acme")]
    Enable {
        /// The names or numbers.
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Delete users with their keys; with their buckets and what is in them where `--with-data` says so and the profile allows it.
    #[command(after_help = "Examples:
  postern user delete ingest --tenant acme --dry-run
  postern user delete ingest --tenant acme --confirm ingest      # in a script
  postern user delete ingest --tenant acme --with-data --wait
  postern user delete ann bob cid --tenant acme --confirm 3      # of several: how many they are")]
    Delete {
        /// The names or numbers.
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
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

impl Kind {
    /// The word of the admin API.
    const fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
        }
    }
}

/// How users stand. What is disabled is passive: one state, two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Standing {
    /// However they stand.
    All,
    /// They work.
    Active,
    /// Nothing of them works, and all is kept.
    #[value(alias = "disabled")]
    Passive,
    /// They are being removed.
    Deleting,
}

impl Standing {
    /// The word of the admin API.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Deleting => "deleting",
        }
    }
}

/// Who a user is, as options.
#[derive(Clone, Debug, Args)]
pub(super) struct Details {
    /// The e-mail address, of nobody else in the tenant.
    #[arg(long)]
    email: Option<Email>,
    /// The name as people write it.
    #[arg(long)]
    full_name: Option<Description>,
    /// In which time the user wants to read, such as `Europe/Berlin`.
    #[arg(long)]
    timezone: Option<Timezone>,
    /// In which language, such as `de`.
    #[arg(long)]
    language: Option<Language>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Detail {
    /// The e-mail address.
    Email,
    /// The name as people write it.
    FullName,
    /// The time zone.
    Timezone,
    /// The language.
    Language,
}

impl Detail {
    /// The field of the admin API.
    const fn field(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::FullName => "full_name",
            Self::Timezone => "timezone",
            Self::Language => "language",
        }
    }
}

impl Details {
    /// What is given, by the fields of the admin API.
    fn given(self) -> [(&'static str, Option<Value>); 4] {
        [
            ("email", self.email.map(|it| json!(it))),
            ("full_name", self.full_name.map(|it| json!(it))),
            ("timezone", self.timezone.map(|it| json!(it))),
            ("language", self.language.map(|it| json!(it))),
        ]
    }
}

const FIELDS: &[(&str, &str)] = &[
    ("name", "name"),
    ("number", "id"),
    ("tenant", "tenant"),
    ("kind", "kind"),
    ("status", "status"),
    ("role", "role"),
    ("email", "email"),
    ("full name", "full_name"),
    ("time zone", "timezone"),
    ("language", "language"),
    ("description", "description"),
    ("keys", "keys"),
    ("sub-users", "sub_users"),
    ("buckets", "buckets"),
    ("stored bytes", "stored_bytes"),
    ("stored objects", "stored_objects"),
    ("created", "created@"),
    ("deletion", "deletion.progress"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("KIND", "kind"),
    ("ROLE", "role"),
    ("STATUS", "status"),
    ("EMAIL", "email"),
    ("KEYS", "keys"),
    ("SUB-USERS", "sub_users"),
    ("BUCKETS", "buckets"),
    ("STORED", "stored_bytes"),
    ("CREATED", "created@"),
    ("DESCRIPTION", "description"),
];

impl User {
    #[expect(clippy::too_many_lines, reason = "a table: one arm for each command")]
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create {
                name,
                kind,
                description,
                role,
                details,
                whose,
            } => {
                let [email, full_name, timezone, language] = details.given();
                let document = given([
                    ("name", Some(json!(name))),
                    ("kind", kind.map(|kind| json!(kind.word()))),
                    ("description", description.map(|it| json!(it))),
                    ("role", role.map(|it| json!(it))),
                    email,
                    full_name,
                    timezone,
                    language,
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
                kind,
                role,
                listing,
                whose,
            } => {
                let path = whose.path(&["users"])?;
                let status = status.map(|status| status.word().to_owned());
                let kind = kind.map(|kind| kind.word().to_owned());
                let filters = [("status", status), ("kind", kind), ("role", role)];
                let fetched = listing.fetch(&whose.connection, &path, &filters)?;
                Listing::show(style, &fetched, "name", COLUMNS)
            }
            Self::Show { user, whose } => {
                show(style, &whose.get(&["users", &user])?, "name", FIELDS)
            }
            Self::Set {
                user,
                name,
                description,
                details,
                lift,
                whose,
            } => {
                let texts = (name, description);
                set(&whose, style, &user, texts, (details, &lift))
            }
            Self::Disable { users, whose } => match users.as_slice() {
                [user] => {
                    let done = whose.step(&["users", user, "disable"])?;
                    let said = format!(
                        "user `{}` is disabled: none of the keys works",
                        text(&done, "name")
                    );
                    told(style, &done, &said)
                }
                users => bulk::set_working(&whose, style, (Many::Users, "disable", users)),
            },
            Self::Enable { users, whose } => match users.as_slice() {
                [user] => {
                    let done = whose.step(&["users", user, "enable"])?;
                    let said = format!(
                        "user `{}` has back what was there before",
                        text(&done, "name")
                    );
                    told(style, &done, &said)
                }
                users => bulk::set_working(&whose, style, (Many::Users, "enable", users)),
            },
            Self::Delete {
                users,
                removal,
                data,
                whose,
            } => match users.as_slice() {
                [user] => {
                    let path = whose.path(&["users", user])?;
                    let which = (path.as_str(), "user", Care::Name);
                    removal.run_with(&whose.connection, which, data, style)
                }
                users => {
                    let which = (Many::Users, users, &removal);
                    bulk::delete(&whose, style, which, Some(data))
                }
            },
        }
    }
}

/// Changes a user, all of it or nothing.
fn set(
    whose: &Whose,
    style: Style,
    user: &str,
    (name, description): (Option<Name>, Option<Description>),
    (details, lift): (Details, &[Detail]),
) -> Result<(), CliError> {
    let (details, revision) = details.onto(whose, user, lift)?;
    let document = given([
        ("details", details),
        ("description", description.map(|it| json!(it))),
        ("name", name.map(|it| json!(it))),
    ]);
    if document.as_object().is_none_or(serde_json::Map::is_empty) {
        let how = "nothing is to change: give --name, --description, --email, --full-name, --timezone, --language or --lift; a role is given by `postern role assign`";
        return Err(CliError::Usage(how.to_owned()));
    }
    let path = whose.path(&["users", user])?;
    let done = change(
        &whose.connection,
        (Method::PATCH, &path),
        &document,
        revision,
    )?;
    let said = format!("user `{}` is changed", text(&done, "name"));
    told(style, &done, &said)
}

impl Details {
    /// Who the user is then, and the revision that was read: what was read is what is changed, and another change in between is not undone.
    /// None: nothing of it changes.
    fn onto(
        self,
        whose: &Whose,
        user: &str,
        lift: &[Detail],
    ) -> Result<(Option<Value>, Option<u64>), CliError> {
        let given = self.given();
        if given.iter().all(|(_, value)| value.is_none()) && lift.is_empty() {
            return Ok((None, None));
        }
        let found = whose.get(&["users", user])?;
        let lifted = |field: &str| lift.iter().any(|detail| detail.field() == field);
        let kept = |field: &str| found.get(field).filter(|_| !lifted(field)).cloned();
        let fields = given
            .into_iter()
            .filter_map(|(field, value)| Some((field.to_owned(), value.or_else(|| kept(field))?)));
        let revision = found.get("revision").and_then(Value::as_u64);
        Ok((Some(Value::Object(fields.collect())), revision))
    }
}
