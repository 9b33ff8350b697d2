//! `postern key`: access keys. A secret is printed when it is made, and never again.

mod format;
mod rights;

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use postern_config::directory::{KeyRights, Level};
use serde_json::{Value, json};

use format::Format;
use rights::{Lift, Narrow};

use super::bulk::{self, Many};
use super::module::text;
use super::removal::{Care, Removal};
use super::span::Span;
use super::table::{Listing, cell, show};
use super::whose::{Whose, change, create};
use super::{CliError, Style, print, print_json};

/// Access keys.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make an access key. Its secret is printed this once.
    #[command(after_help = "Examples:
  postern key create --user web --level read --description CDN --tenant acme
  postern key create --user ingest --level write --bucket backups --append-only --format env > ingest.env
  postern key create --user ci --level read-write --prefix builds/ --expires 90d --network 10.0.0.0/8
  postern key create --user web --sub-user cdn --level read      # of a sub-user: at most his level

Levels:
  full        read, write, delete, make and delete buckets, change who may do what
  read-write  read, write and delete objects
  read        list and read
  write       upload, and see one's own uploads; nothing else")]
    Create(Create),
    /// List access keys.
    #[command(
        after_help = "Example:\n  postern key list --tenant acme --user ingest --level write"
    )]
    List {
        /// Those of this user.
        #[arg(long)]
        user: Option<String>,
        /// Those of this sub-user of the user.
        #[arg(long, requires = "user")]
        sub_user: Option<String>,
        /// Those of this level.
        #[arg(long)]
        level: Option<Level>,
        /// Those in this state.
        #[arg(long, value_enum)]
        status: Option<Standing>,
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        whose: Whose,
    },
    /// Show an access key and what it may do. Its secret is not shown.
    #[command(after_help = "Example:\n  postern key show PKAAAAAAAAAAAAAAAAAA --tenant acme")]
    Show(Which),
    /// Change what an access key may do, from the next request on. What is not named stays as it is.
    #[command(after_help = "Examples:
  postern key set PKAAAAAAAAAAAAAAAAAA --level read
  postern key set PKAAAAAAAAAAAAAAAAAA --prefix builds/ --lift networks,expires")]
    Set {
        #[command(flatten)]
        which: Which,
        /// The level: full, read-write, read, write.
        #[arg(long)]
        level: Option<Level>,
        /// Limits to lift.
        #[arg(long, value_delimiter = ',')]
        lift: Vec<Lift>,
        #[command(flatten)]
        narrow: Narrow,
    },
    /// Put a new key in the place of another: same user and rights, another secret. Both work until the grace is over.
    #[command(
        visible_alias = "rotate",
        after_help = "Examples:
  postern key roll PKAAAAAAAAAAAAAAAAAA --grace 24h
  postern key roll PKAAAAAAAAAAAAAAAAAA --grace 0s --format env      # the old one stops at once"
    )]
    Roll {
        #[command(flatten)]
        which: Which,
        /// How long the old key still works: `0s` not at all, 90 days at most.
        #[arg(long, default_value = "24h")]
        grace: Span,
        #[command(flatten)]
        printed: Printed,
    },
    /// Show the secret of a key once more, where the profile of the tenant has it. It asks for your password, and is in the audit log.
    #[command(after_help = "Example:\n  postern key reveal PKAAAAAAAAAAAAAAAAAA --tenant acme")]
    Reveal {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        printed: Printed,
    },
    /// Stop a key, from the next request on. `enable` takes it back.
    #[command(after_help = "Examples:
  postern key disable PKAAAAAAAAAAAAAAAAAA
  postern key disable PKAAAAAAAAAAAAAAAAAA PKBBBBBBBBBBBBBBBBBB      # a result for each")]
    Disable(Several),
    /// Let a disabled key work again.
    #[command(after_help = "Example:\n  postern key enable PKAAAAAAAAAAAAAAAAAA")]
    Enable(Several),
    /// Delete keys. They never work again; of several at a time, those that still work are left alone.
    #[command(
        visible_alias = "revoke",
        after_help = "Example:\n  postern key delete PKAAAAAAAAAAAAAAAAAA --yes"
    )]
    Delete {
        #[command(flatten)]
        which: Several,
        #[command(flatten)]
        removal: Removal,
    },
}

/// A key to make.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Whose key, by name or number.
    #[arg(long)]
    user: String,
    /// Of this sub-user of the user.
    #[arg(long)]
    sub_user: Option<String>,
    /// The level: full, read-write, read, write.
    #[arg(long)]
    level: Level,
    #[command(flatten)]
    narrow: Narrow,
    #[command(flatten)]
    printed: Printed,
    #[command(flatten)]
    whose: Whose,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Standing {
    /// It is active, within its dates or not.
    Active,
    /// It is disabled.
    Disabled,
    /// Another key has taken its place.
    Rotating,
    /// It is past its end.
    Expired,
}

impl Standing {
    /// The word of the admin API.
    const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Rotating => "rotating",
            Self::Expired => "expired",
        }
    }
}

/// How a new key is printed.
#[derive(Clone, Debug, Args)]
pub(super) struct Printed {
    /// How it is printed: for people, as shell variables, as a profile of the aws CLI, for rclone or s3cmd, as JSON.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// Which key is meant.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Its id: the public half.
    key: String,
    #[command(flatten)]
    whose: Whose,
}

/// Which keys are meant.
#[derive(Debug, Args)]
pub(super) struct Several {
    /// Their ids: the public halves.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    #[command(flatten)]
    whose: Whose,
}

const FIELDS: &[(&str, &str)] = &[
    ("id", "id"),
    ("hint", "hint"),
    ("tenant", "tenant"),
    ("user", "user"),
    ("sub-user", "sub_user"),
    ("state", "state"),
    ("works", "works"),
    ("why not", "why_not"),
    ("works until", "works_until@"),
    ("level", "rights.level"),
    ("description", "rights.description"),
    ("buckets", "rights.scope.buckets"),
    ("prefixes", "rights.scope.prefixes"),
    ("operations", "rights.scope.operations"),
    ("networks", "rights.networks"),
    ("not before", "rights.not_before@"),
    ("expires", "rights.expires@"),
    ("TLS only", "rights.tls_only"),
    ("presigned URLs", "rights.presign.allowed"),
    ("append only", "rights.append_only"),
    ("largest object", "rights.max_object_bytes"),
    ("write deletes", "rights.write_deletes"),
    ("created", "created@"),
    ("last used", "last_used@"),
    ("created by", "created_by"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("ID", "id"),
    ("USER", "user"),
    ("SUB-USER", "sub_user"),
    ("LEVEL", "rights.level"),
    ("STATE", "state"),
    ("WORKS", "works"),
    ("BUCKETS", "rights.scope.buckets"),
    ("EXPIRES", "rights.expires@"),
    ("CREATED", "created@"),
    ("LAST USED", "last_used@"),
    ("DESCRIPTION", "rights.description"),
];

impl Key {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create(create) => create.run(style),
            Self::List {
                user,
                sub_user,
                level,
                status,
                listing,
                whose,
            } => {
                let level = level.map(|level| level.to_string());
                let status = status.map(|status| status.word().to_owned());
                let filters = [
                    ("user", user),
                    ("sub_user", sub_user),
                    ("level", level),
                    ("status", status),
                ];
                let fetched =
                    listing.fetch(&whose.connection, &whose.path(&["keys"])?, &filters)?;
                Listing::show(style, &fetched, "id", COLUMNS)
            }
            Self::Show(which) => show(style, &which.whose.key(&which.key)?.1, "id", FIELDS),
            Self::Set {
                which,
                level,
                lift,
                narrow,
            } => which.set(style, level, &lift, &narrow),
            Self::Roll {
                which,
                grace,
                printed,
            } => which.roll(style, grace, &printed),
            Self::Reveal { which, printed } => {
                let (user, _) = which.whose.key(&which.key)?;
                let shown = which
                    .whose
                    .step(&["users", &user, "keys", &which.key, "reveal"])?;
                printed.print(style, &shown, &which.whose)
            }
            Self::Disable(which) => which.step(style, "disable", "is disabled"),
            Self::Enable(which) => which.step(style, "enable", "works again"),
            Self::Delete { which, removal } => which.delete(style, &removal),
        }
    }
}

impl Create {
    fn run(&self, style: Style) -> Result<(), CliError> {
        let mut rights = KeyRights::of_level(self.level);
        self.narrow.apply(&mut rights)?;
        let path = match &self.sub_user {
            Some(sub_user) => ["users", &self.user, "sub-users", sub_user, "keys"].to_vec(),
            None => ["users", &self.user, "keys"].to_vec(),
        };
        let path = self.whose.path(&path)?;
        let made = create(&self.whose.connection, &path, &json!(rights))?;
        self.printed.print(style, &made, &self.whose)
    }
}

impl Printed {
    /// Prints a new key with its secret.
    fn print(&self, style: Style, made: &Value, whose: &Whose) -> Result<(), CliError> {
        let id = made
            .pointer("/key/id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if text(made, "secret_access_key").is_empty() {
            let said = format!(
                "key {id} was made, and the answer with its secret was lost on the way: delete it and make another"
            );
            return Err(CliError::Failed(said));
        }
        match self.format {
            None if style.json => print_json(made),
            None if style.quiet => print(id),
            None => print(&format::plain(made)),
            Some(Format::Json) => print_json(made),
            Some(format) => print(&format.write(made, &whose.connection)?),
        }
    }
}

impl Several {
    fn step(&self, style: Style, verb: &'static str, said: &str) -> Result<(), CliError> {
        let Self { keys, whose } = self;
        match keys.as_slice() {
            [key] => {
                let (user, _) = whose.key(key)?;
                let done = whose.step(&["users", &user, "keys", key, verb])?;
                report(style, &done, said)
            }
            keys => bulk::set_working(whose, style, (Many::Keys, verb, keys)),
        }
    }

    fn delete(&self, style: Style, removal: &Removal) -> Result<(), CliError> {
        let Self { keys, whose } = self;
        match keys.as_slice() {
            [key] => {
                let (user, _) = whose.key(key)?;
                let path = whose.path(&["users", &user, "keys", key])?;
                removal.run(&whose.connection, (&path, "key", Care::Yes), style)
            }
            keys => bulk::delete(whose, style, (Many::Keys, keys, removal), None),
        }
    }
}

impl Which {
    fn set(
        &self,
        style: Style,
        level: Option<Level>,
        lift: &[Lift],
        narrow: &Narrow,
    ) -> Result<(), CliError> {
        let (user, key) = self.whose.key(&self.key)?;
        let rights = key.get("rights").cloned().unwrap_or_default();
        let mut rights: KeyRights = serde_json::from_value(rights).map_err(|fault| {
            CliError::Failed(format!("the server's answer is not understood: {fault}"))
        })?;
        rights.level = level.unwrap_or(rights.level);
        for lift in lift {
            lift.apply(&mut rights);
        }
        narrow.apply(&mut rights)?;
        let path = self
            .whose
            .path(&["users", &user, "keys", &self.key, "rights"])?;
        // What was read is what is changed: another change in between is not undone.
        let revision = key.get("revision").and_then(Value::as_u64);
        let (method, document) = (Method::PUT, json!(rights));
        let done = change(&self.whose.connection, (method, &path), &document, revision)?;
        report(style, &done, "has these rights from the next request on")
    }

    fn roll(&self, style: Style, grace: Span, printed: &Printed) -> Result<(), CliError> {
        let (user, _) = self.whose.key(&self.key)?;
        let path = self
            .whose
            .path(&["users", &user, "keys", &self.key, "rotate"])?;
        let document = json!({ "grace_seconds": grace.0 });
        let made = create(&self.whose.connection, &path, &document)?;
        printed.print(style, &made, &self.whose)
    }
}

fn report(style: Style, done: &Value, said: &str) -> Result<(), CliError> {
    if style.json {
        print_json(done)
    } else if style.quiet {
        print(&text(done, "id"))
    } else {
        print(&format!(
            "key {} of `{}` {said}",
            cell(done, "id"),
            cell(done, "user")
        ))
    }
}
