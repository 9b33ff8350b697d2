//! Puts a manifest into a module that was built without one, or with another.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, Module, RawSection};
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};

use crate::limits::MODULE_BYTES_MAX;
use crate::manifest::{Manifest, ManifestError, SECTION};

/// The module with `manifest` as its section `postern.policy`, in the place of any that it has.
///
/// The rest is copied as it is, and is not judged: `Engine::check` does that.
///
/// # Errors
/// Where the bytes are no core module, or the result would be larger than the engine takes.
pub fn attach(wasm: &[u8], manifest: &Manifest) -> Result<Vec<u8>, AttachError> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {
                return Err(AttachError::Component);
            }
            Payload::CustomSection(section) if section.name() == SECTION => continue,
            _ => {}
        }
        if let Some((id, range)) = payload.as_section()
            && let Some(data) = wasm.get(range)
        {
            module.section(&RawSection { id, data });
        }
    }
    let json = manifest.to_json()?;
    module.section(&CustomSection {
        name: Cow::Borrowed(SECTION),
        data: Cow::Owned(json),
    });
    let bytes = module.finish();
    if bytes.len() > MODULE_BYTES_MAX {
        return Err(AttachError::TooLarge { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// Why a manifest cannot be put into a module.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The bytes are no WebAssembly.
    #[error("not a module: {0}")]
    Malformed(#[from] BinaryReaderError),
    /// The bytes are a component, and policies are core modules.
    #[error("a component: policies are core modules")]
    Component,
    /// The manifest cannot be written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The module would be too large.
    #[error("a module of {bytes} bytes, at most {MODULE_BYTES_MAX}")]
    TooLarge {
        /// How large.
        bytes: usize,
    },
}
