//! Modules of one's own, on one's own machine: a new project, its build, and what a file costs. No server is asked.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::{Subcommand, ValueEnum};
use policy_wasm::engine::{Engine, EngineOptions};
use policy_wasm::limits::MANIFEST_BYTES_MAX;
use policy_wasm::manifest::Manifest;
use policy_wasm::tools::{self, Language, ProjectName, project};
use serde_json::json;

use super::super::{CliError, Style, print, print_json};
use super::binary;
use super::life::read_cases;
use super::toolchain::{self, Missing};
use crate::files;

/// What one does with a module before a server knows it.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Workshop {
    /// Make a project for a module of your own: a rule, its tests, and how to build it.
    #[command(after_help = "Example:
  postern module new working-hours --lang rust")]
    New {
        /// The module's name: small letters, digits and hyphens.
        name: String,
        /// The language to write it in.
        #[arg(long)]
        lang: Lang,
        /// The folder to make it in. [default: one of the module's name, here]
        #[arg(long)]
        path: Option<PathBuf>,
    },
    /// Build a project into a module, with the tools of its language.
    #[command(after_help = "Example:
  postern module build working-hours")]
    Build {
        /// The project's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Put a manifest into a module that a compiler made without one.
    #[command(after_help = "Example:
  postern module attach rule.wasm manifest.json --output working-hours.wasm")]
    Attach {
        /// The module (`.wasm`, or `.wat` text).
        file: PathBuf,
        /// The manifest, as JSON.
        manifest: PathBuf,
        /// Where to write the whole module.
        #[arg(long, short)]
        output: PathBuf,
    },
    /// Measure a file on its own cases: time afresh and from the tree, fuel, questions, machine code, compile time.
    #[command(after_help = "Example:
  postern module bench working-hours.wasm --cases cases.json")]
    Bench {
        /// The module (`.wasm`, or `.wat` text).
        file: PathBuf,
        /// A JSON list of further cases, each as `tests` of a manifest has them.
        #[arg(long)]
        cases: Option<PathBuf>,
    },
}

/// The languages by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum Lang {
    /// Rust.
    Rust,
    /// AssemblyScript: like TypeScript.
    #[value(name = "assemblyscript")]
    AssemblyScript,
    /// C.
    C,
    /// WebAssembly text: nothing has to be installed.
    Wat,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Rust => Self::Rust,
            Lang::AssemblyScript => Self::AssemblyScript,
            Lang::C => Self::C,
            Lang::Wat => Self::Wat,
        }
    }
}

impl Workshop {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::New { name, lang, path } => make(&name, lang.into(), path, style),
            Self::Build { folder } => build(&folder, style),
            Self::Attach {
                file,
                manifest,
                output,
            } => attach(&file, &manifest, &output),
            Self::Bench { file, cases } => bench(&file, cases.as_deref(), style),
        }
    }
}

/// Writes a project into a folder that was not there.
fn make(
    name: &str,
    language: Language,
    path: Option<PathBuf>,
    style: Style,
) -> Result<(), CliError> {
    let name: ProjectName = name
        .parse()
        .map_err(|bad: tools::BadName| CliError::Usage(bad.to_string()))?;
    let folder = path.unwrap_or_else(|| PathBuf::from(name.as_str()));
    let failed = |what: &str, path: &Path, source| CliError::Io {
        what: format!("{what} `{}`", path.display()),
        source,
    };
    if let Some(above) = folder.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(above).map_err(|source| failed("make", above, source))?;
    }
    // Making it is the look whether it is there: nothing of somebody's is ever written over.
    fs::create_dir(&folder).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CliError::Usage(format!(
            "`{}` is there already; a project gets a folder of its own (--path DIR)",
            folder.display()
        )),
        _ => failed("make", &folder, source),
    })?;
    let files = project(language, &name);
    for file in &files {
        let path = folder.join(file.path);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(|source| failed("make", above, source))?;
        }
        fs::write(&path, &file.text).map_err(|source| failed("write", &path, source))?;
        if file.executable {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(|source| failed("write", &path, source))?;
        }
    }
    let shown = folder.display().to_string();
    match style {
        Style { json: true, .. } => {
            let paths: Vec<_> = files.iter().map(|file| file.path).collect();
            print_json(&json!({ "folder": shown, "language": language.name(), "files": paths }))
        }
        Style { quiet: true, .. } => print(&shown),
        Style { .. } => print(&format!(
            "{shown} is a module in {}: the rule is in {}, its tests in manifest.json, the rest in README.md\n\
             next: cd {shown} && postern module build",
            language.title(),
            language.source()
        )),
    }
}

/// Runs a project's build with tools that are there, and looks at what came of it.
fn build(folder: &Path, style: Style) -> Result<(), CliError> {
    let language = Language::ALL
        .iter()
        .copied()
        .find(|language| folder.join(language.mark()).is_file())
        .filter(|_| folder.join("build.sh").is_file())
        .ok_or_else(|| {
            let marks: Vec<_> = Language::ALL.iter().map(|it| it.mark()).collect();
            CliError::Usage(format!(
                "`{}` is no project of a module: it needs build.sh and one of {}; `postern module new` makes one",
                folder.display(),
                marks.join(", ")
            ))
        })?;
    let manifest = manifest(&folder.join("manifest.json"))?;
    let tools = toolchain::find(language)
        .map_err(|Missing { what }| CliError::Failed(format!("{what}\n\n{}", language.tools())))?;
    let me = std::env::current_exe().map_err(|source| CliError::Io {
        what: "find this program".to_owned(),
        source,
    })?;
    let status = Command::new("sh")
        .arg("./build.sh")
        .current_dir(folder)
        .env("POSTERN", me)
        .envs(tools)
        .stdin(Stdio::null())
        // What the tools say is for a person; what this command says is for programs, too.
        .stdout(io::stderr())
        .status()
        .map_err(|source| CliError::Io {
            what: "run build.sh".to_owned(),
            source,
        })?;
    if !status.success() {
        return Err(CliError::Failed(format!(
            "build.sh did not make a module: {status}"
        )));
    }
    let file = PathBuf::from(format!("{}.wasm", manifest.name));
    let file = if folder == Path::new(".") {
        file
    } else {
        folder.join(file)
    };
    let report = look_into(&binary(&file)?)?;
    match style {
        Style { json: true, .. } => {
            print_json(&json!({ "file": file.display().to_string(), "module": report }))
        }
        Style { quiet: true, .. } => print(&file.display().to_string()),
        Style { .. } => print(&format!(
            "{}: {} bytes, {} tests\nnext: postern module test {0}",
            file.display(),
            report.bytes,
            report.tests.len()
        )),
    }
}

fn attach(file: &Path, from: &Path, output: &Path) -> Result<(), CliError> {
    let whole = tools::attach(&binary(file)?, &manifest(from)?);
    let whole = whole.map_err(|why| CliError::Usage(format!("`{}`: {why}", file.display())))?;
    fs::write(output, whole).map_err(|source| CliError::Io {
        what: format!("write `{}`", output.display()),
        source,
    })
}

fn bench(file: &Path, cases: Option<&Path>, style: Style) -> Result<(), CliError> {
    let bytes = binary(file)?;
    let (_, cases) = read_cases(cases)?;
    let began = Instant::now();
    let clock = || u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let report = tools::bench(&bytes, &cases, &clock)
        .map_err(|why| CliError::Usage(format!("`{}`: {why}", file.display())))?;
    match style {
        Style { json: true, .. } => print_json(&json!(report)),
        Style { quiet: true, .. } => print(&report.median.fresh_ns.to_string()),
        Style { .. } => print(report.to_string().trim_end()),
    }
}

/// Looks into a file, as the server would before it stores it.
pub(super) fn inspect(file: &Path, style: Style) -> Result<(), CliError> {
    let report = look_into(&binary(file)?)?;
    match style {
        Style { json: true, .. } => print_json(&json!(report)),
        Style { quiet: true, .. } => print(&report.digest),
        Style { .. } => print(report.to_string().trim_end()),
    }
}

fn look_into(bytes: &[u8]) -> Result<tools::ModuleReport, CliError> {
    let usage = |why: &dyn std::fmt::Display| CliError::Usage(why.to_string());
    let engine = Engine::new(EngineOptions::default()).map_err(|why| usage(&why))?;
    tools::inspect(&engine, bytes).map_err(|why| usage(&why))
}

fn manifest(path: &Path) -> Result<Manifest, CliError> {
    let most = u64::try_from(MANIFEST_BYTES_MAX).unwrap_or(u64::MAX);
    let bytes = files::read_bounded(path, most).map_err(|source| CliError::Io {
        what: format!("read `{}`", path.display()),
        source,
    })?;
    let bad = |why: &dyn std::fmt::Display| CliError::Usage(format!("`{}`: {why}", path.display()));
    let manifest = Manifest::read(&bytes).map_err(|why| bad(&why))?;
    manifest.table().map_err(|why| bad(&why))?;
    Ok(manifest)
}
