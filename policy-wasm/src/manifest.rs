//! What a module says of itself: the custom section `postern.policy`, which is JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::{
    ATTRIBUTE_NAME_BYTES_MAX, ATTRIBUTES_MAX, DESCRIPTION_BYTES_MAX, EMBEDDED_TESTS_MAX,
    MANIFEST_BYTES_MAX, MODULE_NAME_BYTES_MAX,
};
use crate::registry::{Attribute, UnknownAttribute};

/// The name of the custom section.
pub const SECTION: &str = "postern.policy";
/// The interface that this engine speaks.
pub const ABI: &str = "postern:policy/1";

/// The section as a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The interface that the module was made for: [`ABI`].
    pub abi: String,
    /// The module's name, for people.
    pub name: String,
    /// Its version, for people; the digest is what counts.
    pub version: String,
    /// What it does, in a sentence or two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The attributes that it asks about; its code names them by their place in this list.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// Requests with the decision that the author expects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<EmbeddedTest>,
}

/// One request and what the module must say to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddedTest {
    /// What the test shows, as a sentence.
    pub name: String,
    /// The attributes that are present, by name, with their values as text. What is not named is absent.
    #[serde(default)]
    pub facts: BTreeMap<String, TestValue>,
    /// The verdict.
    pub expect: ExpectedVerdict,
    /// The statement that must be among the reasons, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// The values of an attribute in a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TestValue {
    /// One value.
    One(String),
    /// A list.
    Many(Vec<String>),
}

/// What a test expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedVerdict {
    /// The module has no opinion.
    NoOpinion,
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

impl Manifest {
    /// A manifest of this interface without attributes or tests.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            abi: ABI.to_owned(),
            name: name.into(),
            version: version.into(),
            description: String::new(),
            attributes: Vec::new(),
            tests: Vec::new(),
        }
    }

    /// Reads the bytes of the section, within the bounds of `limits.rs`.
    ///
    /// # Errors
    /// Where the bytes are too many, no JSON, of another interface, or pass a bound.
    pub fn read(section: &[u8]) -> Result<Self, ManifestError> {
        bounded("bytes in the section", section.len(), MANIFEST_BYTES_MAX)?;
        let manifest: Self = serde_json::from_slice(section)?;
        if manifest.abi != ABI {
            return Err(ManifestError::Abi {
                abi: manifest.abi.chars().take(64).collect(),
            });
        }
        bounded(
            "bytes in the name",
            manifest.name.len(),
            MODULE_NAME_BYTES_MAX,
        )?;
        bounded(
            "bytes in the version",
            manifest.version.len(),
            MODULE_NAME_BYTES_MAX,
        )?;
        bounded(
            "bytes in the description",
            manifest.description.len(),
            DESCRIPTION_BYTES_MAX,
        )?;
        bounded("attributes", manifest.attributes.len(), ATTRIBUTES_MAX)?;
        bounded("tests", manifest.tests.len(), EMBEDDED_TESTS_MAX)?;
        for attribute in &manifest.attributes {
            bounded(
                "bytes in the name of an attribute",
                attribute.len(),
                ATTRIBUTE_NAME_BYTES_MAX,
            )?;
        }
        Ok(manifest)
    }

    /// The attributes of its table.
    ///
    /// # Errors
    /// Where the registry does not know a name.
    pub fn table(&self) -> Result<Box<[Attribute]>, UnknownAttribute> {
        self.attributes.iter().map(|name| name.parse()).collect()
    }

    /// The bytes of the section.
    ///
    /// # Errors
    /// Never, in fact: there is nothing in it that JSON cannot hold.
    pub fn to_json(&self) -> Result<Vec<u8>, ManifestError> {
        Ok(serde_json::to_vec(self)?)
    }
}

const fn bounded(what: &'static str, count: usize, most: usize) -> Result<(), ManifestError> {
    if count > most {
        Err(ManifestError::TooMany { what, count, most })
    } else {
        Ok(())
    }
}

/// Why a section is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are not the JSON of a manifest.
    #[error("section `{SECTION}`: {0}")]
    Json(#[from] serde_json::Error),
    /// The module was made for another interface.
    #[error("section `{SECTION}`: interface `{abi}`, not `{ABI}`")]
    Abi {
        /// The interface that it names.
        abi: String,
    },
    /// A bound of `limits.rs` is passed.
    #[error("section `{SECTION}`: {count} {what}, at most {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
}
