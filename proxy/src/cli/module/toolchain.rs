//! The compilers that a project needs: which of them this machine has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use policy_wasm::tools::Language;

/// Variables that tell a project's build.sh which tools to take.
pub(super) type Tools = Vec<(&'static str, OsString)>;

/// What is not there.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) what: &'static str,
}

/// The versions of clang and its linker that are looked for, the plain name first.
const LLVM: &[&str] = &[
    "", "-22", "-21", "-20", "-19", "-18", "-17", "-16", "-15", "-14",
];
/// Where Debian has its own compiler, also where rustup's comes first.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// The tools for this language, or what is missing.
pub(super) fn find(language: Language) -> Result<Tools, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    match language {
        Language::Rust => rust(&folders),
        Language::AssemblyScript => match (program(&folders, "node"), program(&folders, "npm")) {
            (Some(_), Some(_)) => Ok(Vec::new()),
            _ => Err(Missing {
                what: "there is no Node.js with npm on this machine",
            }),
        },
        Language::C => {
            let clang = llvm(&folders, "clang").ok_or(Missing {
                what: "there is no clang on this machine",
            })?;
            let linker = llvm(&folders, "wasm-ld").ok_or(Missing {
                what: "there is no linker for WebAssembly on this machine: wasm-ld, of lld",
            })?;
            Ok(vec![
                ("WASM_CC", clang.into_os_string()),
                ("WASM_LD", linker.into_os_string()),
            ])
        }
        Language::Wat => Ok(Vec::new()),
    }
}

fn rust(folders: &[PathBuf]) -> Result<Tools, Missing> {
    let rustc = program(folders, "rustc").filter(|rustc| knows_wasm(rustc));
    if rustc.is_some() && program(folders, "cargo").is_some() {
        return Ok(Vec::new());
    }
    let debian = Path::new(DEBIAN_RUSTC);
    let rustc = rustc.or_else(|| knows_wasm(debian).then(|| debian.to_owned()));
    let rustc = rustc.ok_or(Missing {
        what: "no Rust compiler on this machine knows the target wasm32-unknown-unknown",
    })?;
    let linker = llvm(folders, "wasm-ld").ok_or(Missing {
        what: "there is no linker for WebAssembly on this machine: wasm-ld, of lld",
    })?;
    Ok(vec![
        ("WASM_RUSTC", rustc.into_os_string()),
        ("WASM_LD", linker.into_os_string()),
    ])
}

/// Whether this compiler has the core library of wasm32.
fn knows_wasm(rustc: &Path) -> bool {
    let asked = Command::new(rustc)
        .args(["--target=wasm32-unknown-unknown", "--print=target-libdir"])
        .output();
    let Ok(asked) = asked else { return false };
    let folder = String::from_utf8_lossy(&asked.stdout);
    let Ok(files) = std::fs::read_dir(folder.trim()) else {
        return false;
    };
    files.flatten().any(|file| {
        let name = file.file_name();
        name.to_string_lossy().starts_with("libcore-")
    })
}

fn llvm(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    LLVM.iter()
        .find_map(|version| program(folders, &format!("{name}{version}")))
}

fn program(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
