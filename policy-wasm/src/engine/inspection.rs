//! What is known of a module before it runs.

use wasmparser::{Parser, Payload};

use super::check::CheckError;
use super::compiled::Head;
use super::module::Digest;
use crate::manifest::{Manifest, SECTION};
use crate::registry::Attribute;

/// The result of checking a module.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The digest of its bytes, which is its name.
    pub digest: Digest,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The attributes of its table, resolved.
    pub attributes: Box<[Attribute]>,
    /// Its size, in bytes.
    pub bytes: usize,
    /// Whether nothing in it can leave a trace in its instance, so that instances are reused.
    pub reusable: bool,
    /// How many functions it defines.
    pub functions: u32,
    /// The imports that it uses.
    pub imports: Vec<String>,
    /// Its memory, in pages of 64 KiB.
    pub memory_pages: u64,
}

impl Inspection {
    /// What is known of a module that was checked when it was compiled, now or on another day.
    pub(super) fn known(bytes: &[u8], digest: Digest, head: &Head) -> Result<Self, CheckError> {
        let section = Parser::new(0)
            .parse_all(bytes)
            .find_map(|payload| match payload {
                Ok(Payload::CustomSection(section)) if section.name() == SECTION => {
                    Some(section.data())
                }
                _ => None,
            });
        let manifest = Manifest::read(section.ok_or(CheckError::NoManifest)?)?;
        Ok(Self {
            digest,
            attributes: manifest.table()?,
            manifest,
            bytes: bytes.len(),
            reusable: head.reusable,
            functions: head.functions,
            imports: head.imports.clone(),
            memory_pages: head.memory_pages,
        })
    }
}
