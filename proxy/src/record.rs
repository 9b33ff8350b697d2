//! The record of what was judged: each check with what a policy may know of it, so that another policy can be asked later what it
//! would have said.
//!
//! It is off unless the settings say otherwise, since it writes about a kilobyte a check. A request appends its lines to bytes in
//! memory and goes on, as for the access log; where they come faster than the disk takes them they are left out and counted. The
//! files are its owner's alone, and together never larger than the settings allow. Credentials are no attributes and cannot get in;
//! of the others the registry says what may be written down.

mod line;
mod read;
mod segments;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use policy_wasm::facts::Facts;
use policy_wasm::registry::Attribute;
use postern_config::directory::AccessKeyId;
use s3_protocol::{BucketId, Operation};

pub(crate) use read::{Read, Recorded, Tear};

use crate::limits::RECORDED_LINE_BYTES_MAX;
use crate::observe::{Full, RequestId, Target, Writer};
use segments::Segments;

/// Writes what was judged.
pub struct Recorder {
    writer: Writer,
    folder: PathBuf,
    /// Everything that is written down where it is known, by its place in the head of a file.
    attributes: Box<[Attribute]>,
}

/// One check that was judged.
pub(crate) struct Judged<'a> {
    pub(crate) request: RequestId,
    pub(crate) now_ms: u64,
    pub(crate) key: Option<&'a AccessKeyId>,
    /// The bucket, where there is one.
    pub(crate) bucket: Option<BucketId>,
    pub(crate) operation: Operation,
    pub(crate) decision: Said,
    pub(crate) facts: &'a dyn Facts,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Allowed,
    Denied,
    Undecided,
}

impl Recorder {
    /// Opens the record in a folder, for at most so many bytes.
    ///
    /// # Errors
    /// The folder or a file in it cannot be made.
    pub fn open(folder: &Path, bytes: u64) -> io::Result<Self> {
        let attributes = line::attributes();
        let segments = Segments::open(folder, bytes, line::head(&attributes))?;
        Ok(Self {
            writer: Writer::start(Target::Own(Arc::new(segments)), Full::Count)?,
            folder: folder.to_path_buf(),
            attributes,
        })
    }

    /// Writes down one check.
    pub(crate) fn record(&self, judged: &Judged<'_>) {
        // Taken and given back, so that a line that panics leaves nothing behind.
        let mut out = LINE.take();
        out.clear();
        line::write(judged, &self.attributes, &mut out);
        if out.len() <= RECORDED_LINE_BYTES_MAX {
            self.writer.append(&out);
        } else {
            self.writer.lose();
        }
        LINE.set(out);
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Checks that were not written down.
    pub fn lost(&self) -> Arc<AtomicU64> {
        self.writer.lost()
    }

    /// Writes what is pending.
    pub fn close(&self) {
        self.writer.close();
    }
}

thread_local! {
    /// Where a line is written before it is appended: the memory of the worker's last one.
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Said {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Undecided => "undecided",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Allowed, Self::Denied, Self::Undecided]
            .into_iter()
            .find(|said| said.as_str() == text)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}
