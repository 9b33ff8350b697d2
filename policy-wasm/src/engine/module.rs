//! A module that is ready to be asked.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};
use wasmtime::InstancePre;

use super::imports::State;
use super::inspection::Inspection;
use super::meter::Meter;
use crate::limits::LIVING_MODULES_MAX;
use crate::manifest::Manifest;
use crate::registry::Attribute;

/// The name of a module: the SHA-256 of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseDigestError)?;
        Ok(Self(bytes))
    }
}

/// The text is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected 64 hexadecimal digits")]
pub struct ParseDigestError;

/// A small number that stands for a digest where it is compared on each request. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ModuleNumber(pub(crate) u64);

impl ModuleNumber {
    pub(super) fn next() -> Self {
        // Counted for the whole process, because the tables of a worker see the modules of every engine.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A module that a plan can hold.
pub struct Module {
    number: ModuleNumber,
    inspection: Inspection,
    attributes: Arc<[Attribute]>,
    code: Option<InstancePre<State>>,
    /// Given back after the code is gone.
    _room: Option<Room>,
    fickle: AtomicBool,
    pub(super) meter: Meter,
}

/// Room for the code of one module. Code lies in memory maps of its own, of which a process has not many; and when they
/// are used up, it is not the module that fails but whatever asks for memory next.
pub(super) struct Room(&'static AtomicUsize);

impl Room {
    /// Room for one more, unless this process holds too many.
    pub(super) fn take() -> Option<Self> {
        // Of the process and not of an engine, as the maps are.
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        Self::among(&TAKEN, LIVING_MODULES_MAX)
    }

    fn among(taken: &'static AtomicUsize, most: usize) -> Option<Self> {
        let next = |taken: usize| (taken < most).then_some(taken + 1);
        let took = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        took.ok().map(|_| Self(taken))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Module {
    pub(super) fn new(
        number: ModuleNumber,
        inspection: Inspection,
        (code, room): (InstancePre<State>, Room),
    ) -> Self {
        Self {
            number,
            attributes: inspection.attributes.iter().cloned().collect(),
            inspection,
            code: Some(code),
            _room: Some(room),
            fickle: AtomicBool::new(false),
            meter: Meter::new(),
        }
    }

    /// A module that a plan needs and that could not be loaded: it never answers, so what it should judge is refused.
    pub fn unavailable(digest: Digest, name: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            number: ModuleNumber::next(),
            inspection: Inspection {
                digest,
                manifest: Manifest::new(name, ""),
                attributes: Box::default(),
                bytes: 0,
                reusable: false,
                functions: 0,
                imports: Vec::new(),
                memory_pages: 0,
            },
            attributes: Arc::default(),
            code: None,
            _room: None,
            fickle: AtomicBool::new(false),
            meter: Meter::new(),
        })
    }

    /// Its name.
    pub const fn digest(&self) -> Digest {
        self.inspection.digest
    }

    /// What it says of itself.
    pub const fn manifest(&self) -> &Manifest {
        &self.inspection.manifest
    }

    /// What was found when it was checked.
    pub const fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// The attributes that it asks about, by their places.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Whether it was loaded. One that was not refuses everything that it should judge.
    pub const fn is_available(&self) -> bool {
        self.code.is_some()
    }

    /// Whether it was seen to ask differently after the same answers. It is never remembered then, and never reused.
    pub fn is_fickle(&self) -> bool {
        self.fickle.load(Ordering::Relaxed)
    }

    /// What it has cost.
    pub fn statistics(&self) -> ModuleStatistics {
        let spent = self.meter.spent();
        ModuleStatistics {
            evaluations: spent.evaluations,
            faults: spent.faults,
            units: spent.units,
            fickle: self.is_fickle(),
        }
    }

    pub(crate) const fn number(&self) -> ModuleNumber {
        self.number
    }

    pub(crate) fn table(&self) -> Arc<[Attribute]> {
        Arc::clone(&self.attributes)
    }

    pub(crate) fn mark_fickle(&self) {
        if !self.fickle.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                module.digest = %self.digest(),
                module.name = self.manifest().name,
                "a module asked differently after the same answers; its decisions are not remembered any more"
            );
        }
    }

    pub(super) const fn code(&self) -> Option<&InstancePre<State>> {
        self.code.as_ref()
    }

    pub(super) fn is_reusable(&self) -> bool {
        self.inspection.reusable && !self.is_fickle()
    }

    /// Its machine code in memory, in bytes: what it weighs against
    /// [`COMPILED_BYTES_MAX`](crate::limits::COMPILED_BYTES_MAX).
    pub fn code_bytes(&self) -> usize {
        self.code.as_ref().map_or(0, |code| {
            let range = code.module().image_range();
            range.end.addr().saturating_sub(range.start.addr())
        })
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("name", &self.manifest().name)
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}

/// What a module has cost since it was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModuleStatistics {
    /// How often its code ran.
    pub evaluations: u64,
    /// How often it gave no answer: traps, budgets, answers out of range.
    pub faults: u64,
    /// Fuel and bytes looked at, in all.
    pub units: u64,
    /// Whether it was seen to ask differently after the same answers.
    pub fickle: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_up_to_the_bound_and_again_when_one_has_gone() {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let room = || Room::among(&TAKEN, 2);
        let (one, other) = (room(), room());
        assert!(one.is_some() && other.is_some());
        assert!(room().is_none());
        drop(one);
        let again = room();
        assert!(again.is_some() && room().is_none());
        drop((other, again));
        assert_eq!(TAKEN.load(Ordering::Relaxed), 0);
    }
}
