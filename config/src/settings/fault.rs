//! What is wrong with the settings: each fault by itself, all of them together.

use std::fmt;
use std::path::PathBuf;

/// The exit code of a process whose settings are at fault. Source: sysexits.h, `EX_USAGE`.
pub const EXIT_USAGE: u8 = 64;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where the value stands.
    pub place: Place,
    /// The field, such as `s3.listen`; empty when the whole file is at fault.
    pub field: String,
    /// The value as it was given. Never that of a secret.
    pub value: Option<String>,
    /// What was expected instead.
    pub expected: String,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the settings file.
    File {
        /// Which.
        path: PathBuf,
        /// On which line, the first is 1.
        line: Option<usize>,
    },
    /// In a variable of the environment.
    Environment {
        /// Which.
        variable: String,
    },
    /// On the command line.
    CommandLine {
        /// Which option.
        option: String,
    },
    /// Nowhere: it is the default.
    Default,
}

/// Every fault of the settings, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    /// The faults.
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }

    /// The exit code of a process that stops because of them.
    pub const fn exit_code(&self) -> u8 {
        EXIT_USAGE
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.field.is_empty() {
            write!(f, "{}", self.field)?;
            if let Some(value) = &self.value {
                write!(f, " = {value:?}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.expected)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                path,
                line: Some(line),
            } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Environment { variable } => write!(f, "environment {variable}"),
            Self::CommandLine { option } => write!(f, "option {option}"),
            Self::Default => f.write_str("default"),
        }
    }
}
