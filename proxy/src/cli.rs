//! The commands of the binary `postern`.
//!
//! Those that change or ask a running server speak to its admin API, as anybody may; `--data` finds the address, the
//! authority and the token of a server on this machine.

mod access;
mod admin;
mod ask;
mod audit;
mod backup;
mod bucket;
mod bulk;
mod context;
mod domain;
mod job;
mod key;
mod login;
mod manual;
mod master_key;
mod module;
mod node;
mod operator;
mod permission;
mod policy;
mod removal;
mod role;
mod serve;
mod settings;
mod span;
mod sub_user;
mod table;
mod tenant;
mod token;
mod transfer;
mod usage;
mod user;
mod whose;

use std::io::{self, Write};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::dev::{self, Dev};

pub use admin::{AdminError, Connection};
pub use context::ContextError;

/// The gate in front of an object store: signatures, policies, storage.
#[derive(Debug, Parser)]
#[command(name = "postern", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    style: Style,
    #[command(subcommand)]
    command: Command,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Args)]
struct Style {
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
    /// Print ids and nothing else.
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    #[command(after_help = "Examples:
  postern serve --dev
  postern serve --config /etc/postern/config.toml")]
    Serve(serve::Serve),
    /// Check and show settings.
    #[command(subcommand)]
    Config(settings::Config),
    /// Accounts: make, list, change, suspend, transfer, delete.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Users of an account: make, list, change, disable, delete.
    #[command(subcommand)]
    User(user::User),
    /// Sub-users of a user: make, list, change, disable, delete.
    #[command(subcommand, alias = "subuser")]
    SubUser(sub_user::SubUser),
    /// Roles of an organization: make, list, compare, give.
    #[command(subcommand)]
    Role(role::Role),
    /// Permissions of members on the account and on containers: show, set.
    #[command(subcommand)]
    Permission(permission::Permission),
    /// Access keys: make, list, change, replace, disable, delete.
    #[command(subcommand)]
    Key(key::Key),
    /// Buckets: make for a user, list, make public, delete.
    #[command(subcommand)]
    Bucket(bucket::Bucket),
    /// What goes on after the command that asked for it: list, show, wait.
    #[command(subcommand)]
    Job(job::Job),
    /// Operators: the people who sign in to the admin side.
    #[command(subcommand)]
    Operator(operator::Operator),
    /// Tokens of the admin API: make, list, end.
    #[command(subcommand)]
    Token(token::Token),
    /// Sign in as an operator.
    Login(login::Login),
    /// Sign out.
    Logout(login::Logout),
    /// Say as whom commands are given.
    Whoami(login::Whoami),
    /// Set one's password by an invitation.
    Accept(operator::Accept),
    /// What was done, by whom and when: follow, search, export, verify.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Backups of the directory: make, verify, put back.
    #[command(subcommand)]
    Backup(backup::Backup),
    /// The object node: what it holds, compaction, scrubs, verification, copies.
    Node(node::NodeArgs),
    /// The master key: rotate it while the server works.
    #[command(subcommand)]
    MasterKey(master_key::MasterKey),
    /// Servers that are noted by name, for commands that mean one elsewhere.
    #[command(subcommand)]
    Context(context::Context),
    /// Policy modules: store, put in force, take back, look into.
    #[command(subcommand)]
    Module(module::Module),
    /// Policy documents in AWS's language: check, test, compile, attach to buckets and users.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Who may do what: ask about requests that might be, and look for all ways through the policies.
    #[command(subcommand)]
    Access(access::Access),
    /// Say why a request was answered as it was: plan, questions, answers, the statement that decided.
    #[command(after_help = "Example:
  postern explain 00000000000000000000000000000001")]
    Explain(ask::Explain),
    /// What was asked, moved and stored, by whom: reports, exports, billing periods.
    #[command(subcommand)]
    Usage(usage::Usage),
    /// Say how the running server is.
    #[command(after_help = "Example:
  postern status")]
    Status(ask::Status),
    /// Let the running server read certificates and log files again.
    #[command(after_help = "Example:
  postern reload")]
    Reload(ask::Signal),
    /// Let the running server finish its requests and end.
    #[command(after_help = "Example:
  postern drain")]
    Drain(ask::Signal),
    /// Development mode.
    #[command(subcommand)]
    Dev(DevCommand),
    /// Compile one module from standard input: what the server starts for each, with bounds.
    #[command(hide = true)]
    CompileModule,
    /// Print completions for a shell: `source <(postern completions bash)`.
    #[command(after_help = "Examples:
  source <(postern completions bash)
  postern completions zsh")]
    Completions(manual::Completions),
    /// Print the manual's first page, or write a page for each command.
    #[command(after_help = "Example:
  postern man --out /usr/share/man/man1")]
    Man(manual::Man),
    /// Print the version.
    #[command(after_help = "Example:
  postern version")]
    Version,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    /// Print variables for a shell: `eval "$(postern dev env)"`.
    #[command(after_help = "Example:\n  postern dev env --user photos --level read")]
    Env {
        /// The data folder.
        #[arg(long, env = "POSTERN_DATA", default_value = dev::FOLDER)]
        data: std::path::PathBuf,
        /// Whose key.
        #[arg(long, default_value = "photos")]
        user: String,
        /// Of which level: full, read-write, read, write.
        #[arg(long, default_value = "full")]
        level: String,
    },
}

/// How a command ends. Source of the numbers: the command line's documentation; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did what was asked.
    Ok = 0,
    /// It failed.
    Failure = 1,
    /// It was called in a wrong way.
    Usage = 2,
    /// The server says no. Of a question to the policies: it is denied, it differs, it is refuted.
    Denied = 3,
    /// There is no such thing.
    NotFound = 4,
    /// It does not fit what is there.
    Conflict = 5,
    /// The server is not reached, or what was read has changed since.
    Unreachable = 6,
    /// A question to the policies has no certain answer.
    Undecided = 7,
    /// The settings are at fault. Source: sysexits.h, EX_USAGE.
    Settings = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Context(#[from] context::ContextError),
    #[error("{0}")]
    Settings(#[from] postern_config::settings::Faults),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Failed(String),
    #[error("cannot {what}: {source}")]
    Io { what: String, source: io::Error },
    #[error(transparent)]
    Start(#[from] crate::app::StartError),
    /// Everything was said; the exit code says it to scripts.
    #[error("said already")]
    Answered(Exit),
}

impl CliError {
    fn exit(&self) -> Exit {
        match self {
            Self::Admin(error) => error.exit(),
            Self::Context(error) => error.exit(),
            Self::Settings(_) => Exit::Settings,
            Self::Usage(_) => Exit::Usage,
            Self::NotFound(_) => Exit::NotFound,
            Self::Answered(exit) => *exit,
            Self::Failed(_) | Self::Io { .. } | Self::Start(_) => Exit::Failure,
        }
    }
}

/// Runs the command that the process was called with.
pub fn run() -> ExitCode {
    // clap prints its own help and faults, and ends with 0 or 2.
    let cli = Cli::parse();
    match cli.command.run(cli.style) {
        Ok(()) => Exit::Ok.into(),
        Err(CliError::Answered(exit)) => exit.into(),
        Err(error) => {
            // Nothing can be done if standard error is gone, too.
            drop(writeln!(io::stderr(), "postern: {}", said(&error)));
            error.exit().into()
        }
    }
}

/// An error with what lies behind it, each cause once.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

impl Command {
    fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Config(config) => config.run(),
            Self::Tenant(tenant) => tenant.run(style),
            Self::User(user) => user.run(style),
            Self::SubUser(sub_user) => sub_user.run(style),
            Self::Role(role) => role.run(style),
            Self::Permission(permission) => permission.run(style),
            Self::Key(key) => key.run(style),
            Self::Bucket(bucket) => bucket.run(style),
            Self::Job(job) => job.run(style),
            Self::Operator(operator) => operator.run(style),
            Self::Token(token) => token.run(style),
            Self::Login(login) => login.run(style),
            Self::Logout(logout) => logout.run(style),
            Self::Whoami(whoami) => whoami.run(style),
            Self::Accept(accept) => accept.run(style),
            Self::Audit(audit) => audit.run(style),
            Self::Backup(backup) => backup.run(style),
            Self::Node(node) => node.run(style),
            Self::MasterKey(key) => key.run(style),
            Self::Context(context) => context.run(style),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
            Self::Module(module) => module.run(style),
            Self::Policy(policy) => policy.run(style),
            Self::Access(access) => access.run(style),
            Self::Explain(explain) => explain.run(style),
            Self::Usage(usage) => usage.run(style),
            Self::Status(status) => status.run(style),
            Self::Reload(signal) => signal.reload(),
            Self::Drain(signal) => signal.drain(),
            Self::Dev(DevCommand::Env { data, user, level }) => env(&data, &user, &level),
            Self::CompileModule => compile_module(),
            Self::Version => print(concat!("postern ", env!("CARGO_PKG_VERSION"))),
        }
    }
}

/// A module that takes the compiler over finds a process with nothing in its hands.
fn compile_module() -> Result<(), CliError> {
    close_inherited().map_err(|source| CliError::Io {
        what: "close what was inherited".to_owned(),
        source,
    })?;
    let done = policy_wasm::engine::compile_for_another(io::stdin().lock(), io::stdout().lock());
    done.map_err(|source| CliError::Io {
        what: "compile".to_owned(),
        source,
    })
}

/// Closes every file but the three standard ones. Ours are closed by themselves when a program is started; those that the
/// server itself got from whoever started it may not be.
fn close_inherited() -> io::Result<()> {
    let folder = std::path::Path::new("/proc/self/fd");
    let open: Vec<i32> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        // The folder itself was open while it was read, and is not any more.
        if std::fs::symlink_metadata(folder.join(number.to_string())).is_ok() {
            #[expect(unsafe_code, reason = "a file that nobody here has opened is closed")]
            // SAFETY: the process has just begun and opened nothing: what is open beyond the standard files was
            // inherited, and nobody in this process holds it.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
    }
    Ok(())
}

fn env(data: &std::path::Path, user: &str, level: &str) -> Result<(), CliError> {
    let dev = Dev::read(data).map_err(|source| CliError::Io {
        what: format!(
            "read `{}`; is `postern serve --dev --data {}` running",
            Dev::path(data).display(),
            data.display()
        ),
        source,
    })?;
    let key = dev
        .key(user, level)
        .ok_or_else(|| CliError::NotFound(format!("there is no key `{level}` of `{user}`")))?;
    print(dev::shell(&dev, key).trim_end())
}

/// Prints a result with a line break. A reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Io {
            what: "write to standard output".to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Prints a document for programs.
fn print_json(value: &serde_json::Value) -> Result<(), CliError> {
    print(&format!("{value:#}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Each command that does something: its words, and what clap knows of it.
    fn leaves(command: &clap::Command, words: &[String]) -> Vec<(Vec<String>, clap::Command)> {
        let below = command.get_subcommands().filter(|it| !it.is_hide_set());
        let below: Vec<_> = below
            .flat_map(|it| leaves(it, &[words, &[it.get_name().to_owned()]].concat()))
            .collect();
        if below.is_empty() {
            vec![(words.to_vec(), command.clone())]
        } else {
            below
        }
    }

    fn tree() -> Vec<(Vec<String>, clap::Command)> {
        let tree = leaves(&Cli::command(), &["postern".to_owned()]);
        assert!(tree.len() > 60, "{} commands", tree.len());
        tree
    }

    /// The words of a line as a shell reads it, without what comes after `#`, `>` or `|`.
    fn shell_words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut is_quoted = false;
        for character in line.chars() {
            match (character, words.last_mut()) {
                ('\'', _) => is_quoted = !is_quoted,
                (' ', _) if !is_quoted => words.push(String::new()),
                ('#' | '>' | '|' | ')', Some(word)) if !is_quoted && word.is_empty() => break,
                (_, Some(word)) => word.push(character),
                (_, None) => {}
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_examples_that_are_understood() {
        for (words, command) in tree() {
            let line = words.join(" ");
            let about = command.get_about().map(ToString::to_string);
            assert!(about.is_some_and(|about| !about.is_empty()), "{line}");
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(help.contains("Example"), "{line} shows no example");
            let examples: Vec<&str> = help
                .lines()
                .filter_map(|it| it.strip_prefix("  postern "))
                .collect();
            let own = line.trim_start_matches("postern ");
            assert!(
                examples.iter().any(|it| it.starts_with(own)),
                "{line}: {help}"
            );
            for example in examples {
                let read = Cli::try_parse_from(shell_words(&format!("postern {example}")));
                assert!(read.is_ok(), "postern {example}\n{}", read.unwrap_err());
            }
        }
    }

    #[test]
    fn a_misspelt_option_or_command_is_answered_with_the_one_that_was_meant() {
        for (words, command) in tree() {
            let line = words.join(" ");
            let options = command.get_arguments().filter_map(clap::Arg::get_long);
            let longest = options.max_by_key(|option| option.len());
            // Of three letters clap guesses nothing.
            let Some(longest) = longest.filter(|option| option.len() > 3) else {
                continue;
            };
            // Without its last letter but one.
            let misspelt: String = longest
                .char_indices()
                .filter(|(at, _)| *at != longest.len() - 2)
                .map(|(_, letter)| letter)
                .collect();
            let asked = words.iter().cloned().chain([format!("--{misspelt}")]);
            let said = Cli::try_parse_from(asked).unwrap_err().to_string();
            assert!(said.contains(&format!("'--{longest}'")), "{line}\n{said}");
            if let [above @ .., name] = words.as_slice()
                && above.len() > 1
                && name.len() > 3
            {
                let mut misspelt = name.clone();
                misspelt.pop();
                let asked = above.iter().cloned().chain([misspelt]);
                let said = Cli::try_parse_from(asked).unwrap_err().to_string();
                assert!(said.contains(&format!("'{name}'")), "{line}\n{said}");
            }
        }
    }

    #[test]
    fn an_error_is_said_with_its_causes_and_each_once() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error = CliError::Io {
            what: "read `x`".to_owned(),
            source,
        };
        assert_eq!(said(&error), "cannot read `x`: no such file");
        let error = postern_config::directory::CommandError::Engine(
            postern_config::engine::EngineError::Closed,
        );
        assert!(
            said(&error).len() > error.to_string().len(),
            "{}",
            said(&error)
        );
    }

    #[test]
    fn exit_codes_are_those_that_scripts_rely_on() {
        let codes = [
            Exit::Ok,
            Exit::Failure,
            Exit::Usage,
            Exit::Denied,
            Exit::NotFound,
            Exit::Conflict,
            Exit::Unreachable,
            Exit::Undecided,
        ];
        assert_eq!(codes.map(|exit| exit as u8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Exit::Settings as u8, 64);
    }
}
