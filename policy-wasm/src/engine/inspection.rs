//! What is known of a module before it runs.

use wasmparser::{Parser, Payload};

use super::check::CheckError;
use super::module::Digest;
use crate::limits::MODULE_BYTES_MAX;
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
    /// How many functions it defines; 0 for a module whose machine code was found.
    pub functions: u32,
    /// The imports that it uses; empty for a module whose machine code was found.
    pub imports: Vec<String>,
    /// Its memory, in pages of 64 KiB; 0 for a module whose machine code was found.
    pub memory_pages: u64,
}

impl Inspection {
    /// What is known of a module whose machine code was kept: it was checked before it was compiled.
    pub(super) fn known(bytes: &[u8], digest: Digest, reusable: bool) -> Result<Self, CheckError> {
        if bytes.len() > MODULE_BYTES_MAX {
            return Err(CheckError::TooLarge { bytes: bytes.len() });
        }
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
            reusable,
            functions: 0,
            imports: Vec::new(),
            memory_pages: 0,
        })
    }
}
