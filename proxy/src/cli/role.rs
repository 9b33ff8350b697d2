//! `postern role`: what bounds the users of an organization.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use http::Method;
use postern_config::decisions::Atom;
use postern_config::directory::{ConsoleAtom, Description, Name, RoleAtoms};
use serde_json::{Value, json};

use super::ask::list;
use super::module::text;
use super::removal::{Care, Removal};
use super::table::{Listing, show, table};
use super::tenant::told;
use super::whose::{Whose, change, create};
use super::{CliError, Style, print, print_json};

/// Roles.
#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// Make a role.
    #[command(after_help = "Examples:
  postern role create auditor --allow audit-read,audit-export,usage-read --tenant acme
  postern role create publisher --like contributor --forbid obj.delete --description 'adds, removes nothing'

`postern role matrix` shows every permission there is.")]
    Create {
        /// The name: letters, digits and `. _ - @ +`.
        name: Name,
        /// A role that it begins with. [default: nothing is allowed]
        #[arg(long, value_name = "ROLE")]
        like: Option<String>,
        #[command(flatten)]
        text: Text,
        #[command(flatten)]
        whose: Whose,
    },
    /// List the roles of a tenant, the built-in ones first.
    #[command(after_help = "Example:\n  postern role list --tenant acme")]
    List {
        #[command(flatten)]
        listing: Listing,
        #[command(flatten)]
        whose: Whose,
    },
    /// Show a role and what it may do.
    #[command(after_help = "Example:\n  postern role show auditor --tenant acme")]
    Show {
        /// The name or number.
        role: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Change a role that the tenant has made. Who has it has the other from the next request on.
    #[command(
        visible_alias = "edit",
        after_help = "Example:\n  postern role set auditor --allow obj.head --forbid usage-read --tenant acme"
    )]
    Set {
        /// The name or number.
        role: String,
        /// Another name.
        #[arg(long)]
        name: Option<Name>,
        #[command(flatten)]
        text: Text,
        #[command(flatten)]
        whose: Whose,
    },
    /// Show every role beside every permission.
    #[command(after_help = "Example:\n  postern role matrix --tenant acme")]
    Matrix {
        #[command(flatten)]
        whose: Whose,
    },
    /// Give a user another role. The owner's is transferred: `postern tenant transfer`.
    #[command(after_help = "Example:\n  postern role assign auditor --user ann --tenant acme")]
    Assign {
        /// The name or number.
        role: String,
        /// Who gets it, by name or number.
        #[arg(long)]
        user: String,
        #[command(flatten)]
        whose: Whose,
    },
    /// Delete a role that nobody has.
    #[command(after_help = "Examples:
  postern role delete auditor --tenant acme --dry-run
  postern role delete auditor --tenant acme --confirm auditor      # in a script")]
    Delete {
        /// The name or number.
        role: String,
        #[command(flatten)]
        removal: Removal,
        #[command(flatten)]
        whose: Whose,
    },
}

/// What a role is, as options.
#[derive(Debug, Args)]
pub(super) struct Text {
    /// Permissions that it has, such as `obj.read` or `user-create`.
    #[arg(long, value_delimiter = ',', value_name = "PERMISSION", value_parser = permissions(), hide_possible_values = true)]
    allow: Vec<Permission>,
    /// Permissions that it has not.
    #[arg(long, value_delimiter = ',', value_name = "PERMISSION", value_parser = permissions(), hide_possible_values = true)]
    forbid: Vec<Permission>,
    /// What to know about the role.
    #[arg(long)]
    description: Option<Description>,
}

/// A permission: on data, or on the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    Data(Atom),
    Console(ConsoleAtom),
}

/// Reads a permission. Of a misspelt one clap says which was probably meant.
fn permissions() -> impl TypedValueParser<Value = Permission> {
    let data = Atom::ALL.iter().map(|atom| atom.as_str());
    let console = ConsoleAtom::ALL.iter().map(|atom| atom.as_str());
    PossibleValuesParser::new(data.chain(console)).try_map(|text| {
        let data = text.parse().map(Permission::Data);
        data.or_else(|_| text.parse().map(Permission::Console))
    })
}

const FIELDS: &[(&str, &str)] = &[
    ("name", "name"),
    ("number", "id"),
    ("built in", "builtin"),
    ("description", "description"),
    ("users", "users"),
    ("data", "atoms.data"),
    ("account", "atoms.console"),
    ("created", "created@"),
];

const COLUMNS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("BUILT IN", "builtin"),
    ("USERS", "users"),
    ("CREATED", "created@"),
    ("DESCRIPTION", "description"),
];

impl Role {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create {
                name,
                like,
                text,
                whose,
            } => {
                let mut atoms = match like {
                    Some(like) => atoms_of(&whose.get(&["roles", &like])?)?,
                    None => RoleAtoms::default(),
                };
                text.apply(&mut atoms);
                let description = text.description.unwrap_or_default();
                let document = json!({ "name": name, "description": description, "atoms": atoms });
                let made = create(&whose.connection, &whose.path(&["roles"])?, &document)?;
                let said = format!(
                    "role `{name}` is made; `postern role assign {name} --user NAME` gives it to somebody"
                );
                told(style, &made, &said)
            }
            Self::List { listing, whose } => {
                let path = whose.path(&["roles"])?;
                let fetched = listing.fetch(&whose.connection, &path, &[])?;
                Listing::show(style, &fetched, "name", COLUMNS)
            }
            Self::Show { role, whose } => {
                show(style, &whose.get(&["roles", &role])?, "name", FIELDS)
            }
            Self::Set {
                role,
                name,
                text,
                whose,
            } => set(style, (&role, name), text, &whose),
            Self::Matrix { whose } => matrix(style, &whose.get(&["role-matrix"])?),
            Self::Assign { role, user, whose } => {
                let path = whose.path(&["users", &user, "role"])?;
                let document = json!({ "role": role });
                let done = change(&whose.connection, (Method::PUT, &path), &document, None)?;
                let said = format!(
                    "user `{}` has the role `{}` from the next request on",
                    super::module::text(&done, "name"),
                    super::module::text(&done, "role")
                );
                told(style, &done, &said)
            }
            Self::Delete {
                role,
                removal,
                whose,
            } => {
                let path = whose.path(&["roles", &role])?;
                removal.run(&whose.connection, (&path, "role", Care::Name), style)
            }
        }
    }
}

fn set(
    style: Style,
    (role, name): (&str, Option<Name>),
    given: Text,
    whose: &Whose,
) -> Result<(), CliError> {
    let found = whose.get(&["roles", role])?;
    let mut atoms = atoms_of(&found)?;
    given.apply(&mut atoms);
    let name = name.map_or_else(|| text(&found, "name"), |name| name.to_string());
    let description = given
        .description
        .map_or_else(|| text(&found, "description"), |it| it.to_string());
    let document = json!({ "name": name, "description": description, "atoms": atoms });
    // What was read is what is changed: another change in between is not undone.
    let revision = found.get("revision").and_then(Value::as_u64);
    let path = whose.path(&["roles", role])?;
    let done = change(&whose.connection, (Method::PUT, &path), &document, revision)?;
    let said = format!("role `{name}` is so from the next request on");
    told(style, &done, &said)
}

fn atoms_of(role: &Value) -> Result<RoleAtoms, CliError> {
    let atoms = role.get("atoms").cloned().unwrap_or_default();
    serde_json::from_value(atoms).map_err(|fault| {
        CliError::Failed(format!("the server's answer is not understood: {fault}"))
    })
}

impl Text {
    fn apply(&self, atoms: &mut RoleAtoms) {
        for permission in &self.allow {
            match permission {
                Permission::Data(atom) => atoms.data.insert(*atom),
                Permission::Console(atom) => atoms.console.insert(*atom),
            };
        }
        for permission in &self.forbid {
            match permission {
                Permission::Data(atom) => atoms.data.remove(atom),
                Permission::Console(atom) => atoms.console.remove(atom),
            };
        }
    }
}

/// A line for each permission, a column for each role.
fn matrix(style: Style, matrix: &Value) -> Result<(), CliError> {
    if style.json {
        return print_json(matrix);
    }
    let names = |value: &Value, field: &str| -> Vec<String> {
        let all = list(value, field).iter().filter_map(Value::as_str);
        all.map(str::to_owned).collect()
    };
    let roles = names(matrix, "roles");
    let rows = ["data", "console"]
        .into_iter()
        .flat_map(|of| list(matrix, of));
    let rows = rows.map(|row| {
        let held = names(row, "held_by");
        let mark = |role: &String| if held.contains(role) { "x" } else { "." };
        let marks = roles.iter().map(|role| mark(role).to_owned());
        std::iter::once(text(row, "atom")).chain(marks).collect()
    });
    let heads: Vec<&str> = std::iter::once("PERMISSION")
        .chain(roles.iter().map(String::as_str))
        .collect();
    print(&table(&heads, rows.collect()))
}
