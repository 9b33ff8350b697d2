//! A project for a module of one's own, in the language that one writes: `postern module new`.
//!
//! The files are those under `policy-wasm/guest`, which the tests build and run as they are handed out.

use std::fmt;
use std::str::FromStr;

use crate::limits::PROJECT_NAME_BYTES_MAX;

/// A language that there is a project for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Rust, with a library and no dependencies.
    Rust,
    /// AssemblyScript.
    AssemblyScript,
    /// C, with a header.
    C,
    /// WebAssembly text.
    Wat,
}

/// One file of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFile {
    /// Where it goes, below the project's folder.
    pub path: &'static str,
    /// What is in it.
    pub text: String,
    /// Whether it is a program.
    pub executable: bool,
}

/// The files of a project of this name.
pub fn project(language: Language, name: &ProjectName) -> Vec<ProjectFile> {
    let common = [
        (
            "manifest.json",
            include_str!("../../guest/templates/manifest.json"),
        ),
        (
            ".gitignore",
            include_str!("../../guest/templates/gitignore"),
        ),
    ];
    let mut files: Vec<ProjectFile> = common
        .iter()
        .chain(language.files())
        .map(|(path, text)| ProjectFile {
            path,
            text: text.replace(PLACEHOLDER, &name.0),
            executable: *path == "build.sh",
        })
        .collect();
    let readme = include_str!("../../guest/templates/README.md")
        .replace("SOURCE", language.source())
        .replace("TOOLS\n", language.tools())
        .replace(PLACEHOLDER, &name.0);
    files.push(ProjectFile {
        path: "README.md",
        text: readme,
        executable: false,
    });
    files
}

/// The name that the templates have.
const PLACEHOLDER: &str = "my-rule";

impl Language {
    /// Every language.
    pub const ALL: &'static [Self] = &[Self::Rust, Self::AssemblyScript, Self::C, Self::Wat];

    /// As the command line names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::AssemblyScript => "assemblyscript",
            Self::C => "c",
            Self::Wat => "wat",
        }
    }

    /// As people name it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::AssemblyScript => "AssemblyScript",
            Self::C => "C",
            Self::Wat => "WebAssembly text",
        }
    }

    /// The file that tells a project of this language from the others.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::AssemblyScript => "package.json",
            Self::C => "rule.c",
            Self::Wat => "rule.wat",
        }
    }

    /// The rule itself.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::AssemblyScript => "assembly/rule.ts",
            Self::C => "rule.c",
            Self::Wat => "rule.wat",
        }
    }

    /// What has to be installed, as the README of a project says it.
    pub const fn tools(self) -> &'static str {
        match self {
            Self::Rust => include_str!("../../guest/templates/rust/tools.md"),
            Self::AssemblyScript => include_str!("../../guest/templates/assemblyscript/tools.md"),
            Self::C => include_str!("../../guest/templates/c/tools.md"),
            Self::Wat => include_str!("../../guest/templates/wat/tools.md"),
        }
    }

    /// The files of its own.
    const fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => &[
                (
                    "Cargo.toml",
                    include_str!("../../guest/templates/rust/Cargo.toml.in"),
                ),
                (
                    ".cargo/config.toml",
                    include_str!("../../guest/templates/rust/cargo-config.toml"),
                ),
                (
                    "src/lib.rs",
                    include_str!("../../guest/templates/rust/lib.rs"),
                ),
                (
                    "build.sh",
                    include_str!("../../guest/templates/rust/build.sh"),
                ),
                (
                    "postern-policy/Cargo.toml",
                    include_str!("../../guest/rust/Cargo.toml"),
                ),
                (
                    "postern-policy/src/lib.rs",
                    include_str!("../../guest/rust/src/lib.rs"),
                ),
            ],
            Self::AssemblyScript => &[
                (
                    "package.json",
                    include_str!("../../guest/templates/assemblyscript/package.json"),
                ),
                (
                    "assembly/tsconfig.json",
                    include_str!("../../guest/templates/assemblyscript/tsconfig.json"),
                ),
                (
                    "assembly/rule.ts",
                    include_str!("../../guest/templates/assemblyscript/rule.ts"),
                ),
                (
                    "assembly/postern.ts",
                    include_str!("../../guest/assemblyscript/postern.ts"),
                ),
                (
                    "build.sh",
                    include_str!("../../guest/templates/assemblyscript/build.sh"),
                ),
            ],
            Self::C => &[
                ("rule.c", include_str!("../../guest/templates/c/rule.c")),
                ("postern.h", include_str!("../../guest/c/postern.h")),
                ("build.sh", include_str!("../../guest/templates/c/build.sh")),
            ],
            Self::Wat => &[
                (
                    "rule.wat",
                    include_str!("../../guest/templates/wat/rule.wat"),
                ),
                (
                    "build.sh",
                    include_str!("../../guest/templates/wat/build.sh"),
                ),
            ],
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a project: what cargo, npm and the directory of the server all take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectName(String);

/// Why a text is no name of a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// It has other characters, or begins or ends with another than it may.
    #[error(
        "`{0}` is no name for a module: small letters, digits and single hyphens, a letter first, such as `{PLACEHOLDER}`"
    )]
    Characters(String),
    /// It is too long.
    #[error("a name of {0} characters, at most {PROJECT_NAME_BYTES_MAX}")]
    Length(usize),
    /// Something in the project is called so.
    #[error("`{0}` is the name of something that a project uses: choose another")]
    Taken(String),
}

impl ProjectName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let shown = || text.chars().take(64).collect::<String>();
        let known = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        let begins = text
            .bytes()
            .next()
            .is_some_and(|it| it.is_ascii_lowercase());
        if !begins || text.ends_with('-') || text.contains("--") || !text.bytes().all(known) {
            return Err(BadName::Characters(shown()));
        }
        if text.len() > PROJECT_NAME_BYTES_MAX {
            return Err(BadName::Length(text.len()));
        }
        if TAKEN.contains(&text) {
            return Err(BadName::Taken(shown()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Names that cargo or npm would take for something else.
const TAKEN: &[&str] = &[
    "assemblyscript",
    "alloc",
    "build",
    "core",
    "node-modules",
    "postern-policy",
    "proc-macro",
    "std",
    "test",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_every_tool_takes() {
        for good in ["a", "my-rule", "rule-2", "x2"] {
            assert_eq!(good.parse::<ProjectName>().unwrap().as_str(), good);
        }
        for bad in [
            "", "-a", "a-", "a--b", "2a", "My-rule", "a_b", "a b", "a/b", "..", "é", "a\n", "$(x)",
        ] {
            assert!(
                matches!(bad.parse::<ProjectName>(), Err(BadName::Characters(_))),
                "`{bad}`"
            );
        }
        let longest = "a".repeat(PROJECT_NAME_BYTES_MAX);
        assert!(longest.parse::<ProjectName>().is_ok());
        assert_eq!(
            (longest + "a").parse::<ProjectName>(),
            Err(BadName::Length(PROJECT_NAME_BYTES_MAX + 1))
        );
        assert!(matches!(
            "core".parse::<ProjectName>(),
            Err(BadName::Taken(_))
        ));
    }

    #[test]
    fn a_project_bears_its_name_and_has_what_tells_its_language() {
        let name: ProjectName = "keep-it".parse().unwrap();
        for language in Language::ALL {
            let files = project(*language, &name);
            let has = |path: &str| files.iter().any(|file| file.path == path);
            for path in [
                language.mark(),
                language.source(),
                "manifest.json",
                "build.sh",
            ] {
                assert!(has(path), "{language}: {path}");
            }
            let marks = Language::ALL.iter().filter(|other| has(other.mark()));
            assert_eq!(marks.count(), 1, "{language} is told from the others");
            for file in &files {
                let rest = file.text.replace("\"my-rule\", \"version\"", "");
                let library = file.path.contains("postern");
                assert!(library || !rest.contains(PLACEHOLDER), "{}", file.path);
                assert!(!file.text.contains("TOOLS"), "{}", file.path);
                assert_eq!(file.executable, file.path == "build.sh");
            }
        }
    }
}
