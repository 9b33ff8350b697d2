//! `postern context`: servers that are noted by name, with the token that each takes. The file is its owner's alone.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::table::table;
use super::{CliError, Exit, Style, print, print_json};
use crate::files;

/// Largest file of contexts, in bytes.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;
/// Longest token, in bytes.
const TOKEN_BYTES_MAX: u64 = 4_096;

/// Servers that are noted by name.
#[derive(Debug, Subcommand)]
pub(super) enum Context {
    /// Note a server: where it is, and the token that it takes.
    #[command(after_help = "Example:
  postern context add production --url https://gate.example:9444 --token-file admin.token --ca ca.pem --tenant acme")]
    Add(Add),
    /// List the servers that are noted. The one in use has a `*`.
    #[command(after_help = "Example:\n  postern context list")]
    List {
        #[command(flatten)]
        shelf: Shelf,
    },
    /// Mean this server from now on, where no command says another.
    #[command(after_help = "Example:\n  postern context use production")]
    Use {
        /// Its name; `-` for none.
        name: String,
        #[command(flatten)]
        shelf: Shelf,
    },
    /// Forget a server and its token.
    #[command(after_help = "Example:\n  postern context remove production")]
    Remove {
        /// Its name.
        name: String,
        #[command(flatten)]
        shelf: Shelf,
    },
}

/// A server to note.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// How it is called here.
    name: String,
    /// The URL of its admin API.
    #[arg(long)]
    url: String,
    /// A file with its token; `-` reads it from standard input.
    #[arg(long)]
    token_file: PathBuf,
    /// The certificate of the authority to trust (PEM).
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The tenant that commands mean where none is named.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    shelf: Shelf,
}

/// Where contexts are noted.
#[derive(Clone, Debug, Args)]
pub(super) struct Shelf {
    /// The file of contexts. [default: ~/.config/postern/contexts.json]
    #[arg(long, env = "POSTERN_CONTEXTS", hide = true)]
    contexts: Option<PathBuf>,
    #[arg(long, env = "XDG_CONFIG_HOME", hide = true)]
    config_home: Option<PathBuf>,
}

/// A server that is noted.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noted {
    /// How it is called.
    pub(super) name: String,
    /// Where its admin API is.
    pub(super) url: String,
    /// The token that it takes.
    pub(super) token: String,
    /// The authority to trust.
    pub(super) ca: Option<PathBuf>,
    /// The tenant that is meant where none is named.
    pub(super) tenant: Option<String>,
}

impl std::fmt::Debug for Noted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Noted({} {})", self.name, self.url)
    }
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Book {
    current: Option<String>,
    contexts: Vec<Noted>,
}

/// Why a context is not there.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// It is not noted.
    #[error("no context is called `{name}`; `postern context list` shows those that are noted")]
    Unknown {
        /// How it would be called.
        name: String,
    },
    /// The file cannot be used.
    #[error("the file of contexts `{}` cannot be used: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("the file of contexts `{}` holds tokens and can be read by others: `chmod 600` it", path.display())]
    Open {
        /// Which.
        path: PathBuf,
    },
}

impl ContextError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Unknown { .. } => Exit::NotFound,
            Self::File { .. } | Self::Open { .. } => Exit::Failure,
        }
    }
}

impl Context {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Add(add) => add.run(),
            Self::List { shelf } => list(&shelf, style),
            Self::Use { name, shelf } => {
                let mut book = shelf.read()?;
                book.current = (name != "-").then(|| name.clone());
                if book.current.is_some() {
                    book.find(&name)?;
                }
                shelf.write(&book)?;
                print(&match book.current {
                    Some(name) => format!("commands mean `{name}` now"),
                    None => "commands mean the server on this machine now".to_owned(),
                })
            }
            Self::Remove { name, shelf } => {
                let mut book = shelf.read()?;
                book.find(&name)?;
                book.contexts.retain(|noted| noted.name != name);
                book.current = book.current.filter(|current| *current != name);
                shelf.write(&book)?;
                print(&format!("`{name}` is forgotten"))
            }
        }
    }
}

impl Add {
    fn run(self) -> Result<(), CliError> {
        let unread = |source| CliError::Io {
            what: format!("read `{}`", self.token_file.display()),
            source,
        };
        let bytes = if self.token_file == Path::new("-") {
            let mut bytes = Vec::new();
            let mut input = std::io::stdin().lock().take(TOKEN_BYTES_MAX);
            input.read_to_end(&mut bytes).map(|_| bytes)
        } else {
            files::read_bounded(&self.token_file, TOKEN_BYTES_MAX)
        };
        let token = String::from_utf8(bytes.map_err(unread)?).unwrap_or_default();
        let token = token.trim().to_owned();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = format!("`{}` holds no token", self.token_file.display());
            return Err(CliError::Usage(what));
        }
        if !self.url.starts_with("https://") {
            let what = format!(
                "`{}` is not a URL such as https://gate.example:9444",
                self.url
            );
            return Err(CliError::Usage(what));
        }
        let ca = self
            .ca
            .map(|path| std::path::absolute(&path).unwrap_or(path));
        let mut book = self.shelf.read()?;
        book.contexts.retain(|noted| noted.name != self.name);
        let is_first = book.contexts.is_empty();
        book.contexts.push(Noted {
            name: self.name.clone(),
            url: self.url,
            token,
            ca,
            tenant: self.tenant,
        });
        if is_first {
            book.current = Some(self.name.clone());
        }
        self.shelf.write(&book)?;
        let use_it = if is_first {
            "commands mean it now".to_owned()
        } else {
            format!("`postern context use {}` makes commands mean it", self.name)
        };
        print(&format!("`{}` is noted; {use_it}", self.name))
    }
}

fn list(shelf: &Shelf, style: Style) -> Result<(), CliError> {
    let book = shelf.read()?;
    let is_current = |noted: &Noted| book.current.as_ref() == Some(&noted.name);
    if style.json {
        let shown = book.contexts.iter().map(|noted| {
            json!({
                "name": noted.name, "url": noted.url, "ca": noted.ca, "tenant": noted.tenant,
                "current": is_current(noted),
            })
        });
        return print_json(&json!({ "items": shown.collect::<Vec<_>>() }));
    }
    if style.quiet {
        let names = book.contexts.iter().map(|noted| noted.name.as_str());
        return print(&names.collect::<Vec<_>>().join("\n"));
    }
    let rows = book.contexts.iter().map(|noted| {
        let mark = if is_current(noted) { "*" } else { "" };
        let tenant = noted.tenant.clone().unwrap_or_default();
        vec![
            mark.to_owned(),
            noted.name.clone(),
            noted.url.clone(),
            tenant,
        ]
    });
    print(&table(&["", "NAME", "URL", "TENANT"], rows.collect()))
}

impl Book {
    fn find(&self, name: &str) -> Result<&Noted, ContextError> {
        let found = self.contexts.iter().find(|noted| noted.name == name);
        found.ok_or_else(|| ContextError::Unknown {
            name: name.to_owned(),
        })
    }
}

impl Shelf {
    /// The context of this name, or the one in use; none where none is.
    pub(super) fn context(&self, name: Option<&str>) -> Result<Option<Noted>, ContextError> {
        let book = self.read()?;
        match name.or(book.current.as_deref()) {
            Some(name) => book.find(name).cloned().map(Some),
            None => Ok(None),
        }
    }

    /// Notes a server in the place of the one that is called so, and means it from now on.
    pub(super) fn keep(&self, noted: Noted) -> Result<(), ContextError> {
        let mut book = self.read()?;
        book.contexts.retain(|it| it.name != noted.name);
        book.current = Some(noted.name.clone());
        book.contexts.push(noted);
        self.write(&book)
    }

    /// Puts another token in the place of a context's.
    pub(super) fn renew(&self, name: &str, token: &str) -> Result<(), ContextError> {
        let mut book = self.read()?;
        for noted in book.contexts.iter_mut().filter(|it| it.name == name) {
            token.clone_into(&mut noted.token);
        }
        self.write(&book)
    }

    /// Forgets a server.
    pub(super) fn forget(&self, name: &str) -> Result<(), ContextError> {
        let mut book = self.read()?;
        book.contexts.retain(|it| it.name != name);
        book.current = book.current.filter(|current| current != name);
        self.write(&book)
    }

    fn path(&self) -> Option<PathBuf> {
        let folder = || {
            let home = || std::env::home_dir().map(|home| home.join(".config"));
            self.config_home.clone().or_else(home)
        };
        self.contexts
            .clone()
            .or_else(|| Some(folder()?.join("postern").join("contexts.json")))
    }

    fn read(&self) -> Result<Book, ContextError> {
        let Some(path) = self.path() else {
            return Ok(Book::default());
        };
        let failed = |source| ContextError::File {
            path: path.clone(),
            source,
        };
        match std::fs::metadata(&path) {
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Book::default());
            }
            Err(fault) => return Err(failed(fault)),
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                return Err(ContextError::Open { path });
            }
            Ok(_) => {}
        }
        let bytes = files::read_bounded(&path, FILE_BYTES_MAX).map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|fault| failed(fault.into()))
    }

    fn write(&self, book: &Book) -> Result<(), ContextError> {
        let path = self
            .path()
            .unwrap_or_else(|| PathBuf::from("contexts.json"));
        let failed = |source| ContextError::File {
            path: path.clone(),
            source,
        };
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let text = serde_json::to_vec_pretty(book).map_err(|fault| failed(fault.into()))?;
        files::write_private(&path, &text).map_err(failed)
    }
}
