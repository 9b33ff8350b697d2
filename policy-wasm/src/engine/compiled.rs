//! What the compiler makes of a module: machine code, and what the check found.
//!
//! It travels as one frame, from a compiler in a process of its own and into the store of machine code. A frame is read
//! by the process that will jump into the code, so it is read with care, and only from those two.

use serde::{Deserialize, Serialize};

use super::inspection::Inspection;
use crate::limits::{COMPILED_HEAD_BYTES_MAX, COMPILER_SAYS_BYTES_MAX};

/// A module that was checked and compiled.
///
/// INVARIANT: `code` was written by wasmtime's compiler. Values are made by [`super::compiler`] and by [`Frame::read`]
/// alone, and the latter reads what our own compiler process said, or what a MAC vouches for.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) head: Head,
    pub(super) code: Vec<u8>,
}

/// What the check found, beside what the manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) reusable: bool,
    pub(super) functions: u32,
    pub(super) imports: Vec<String>,
    pub(super) memory_pages: u64,
}

impl From<&Inspection> for Head {
    fn from(inspection: &Inspection) -> Self {
        Self {
            reusable: inspection.reusable,
            functions: inspection.functions,
            imports: inspection.imports.clone(),
            memory_pages: inspection.memory_pages,
        }
    }
}

impl Compiled {
    /// Its frame, as [`Frame::write`] has it.
    pub(super) fn write(&self) -> Option<(Vec<u8>, &[u8])> {
        let head = serde_json::to_vec(&self.head).ok()?;
        Some((begin(MADE, &head)?, &self.code))
    }

    /// Machine code of this process.
    pub(super) fn load(&self, engine: &wasmtime::Engine) -> wasmtime::Result<wasmtime::Module> {
        #[expect(unsafe_code, reason = "the one way to load machine code")]
        // SAFETY: `deserialize` wants bytes that the compiler of a compatible engine wrote, and looks itself whether the
        // engine is compatible. That they come from the compiler is the invariant of `Compiled`. They lie in memory of
        // ours, so nobody changes them between the look and the use.
        unsafe {
            wasmtime::Module::deserialize(engine, &self.code)
        }
    }
}

/// What a compiler answers.
#[derive(Debug)]
pub(super) enum Frame {
    /// The module, compiled.
    Made(Compiled),
    /// Why it is refused.
    Refused(String),
}

/// `magic ‖ kind ‖ length of the head ‖ head ‖ the rest`. The number in the magic is the version of the frame.
const MAGIC: &[u8; 8] = b"pstncmp1";
const REFUSED: u8 = 0;
const MADE: u8 = 1;

fn begin(kind: u8, head: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(head.len()).ok()?;
    let mut out = MAGIC.to_vec();
    out.push(kind);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(head);
    (head.len() <= COMPILED_HEAD_BYTES_MAX).then_some(out)
}

impl Frame {
    /// The bytes, in two parts: machine code is long and is not copied for this. Nothing where the head is too long.
    pub(super) fn write(&self) -> Option<(Vec<u8>, &[u8])> {
        match self {
            Self::Made(made) => made.write(),
            Self::Refused(why) => Some((begin(REFUSED, &[])?, why.as_bytes())),
        }
    }

    /// Reads a frame; nothing where the bytes are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (kind, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if length > COMPILED_HEAD_BYTES_MAX {
            return None;
        }
        let (head, rest) = rest.split_at_checked(length)?;
        match *kind {
            MADE => Some(Self::Made(Compiled {
                head: serde_json::from_slice(head).ok()?,
                code: rest.to_vec(),
            })),
            REFUSED if head.is_empty() && rest.len() <= COMPILER_SAYS_BYTES_MAX => {
                Some(Self::Refused(String::from_utf8_lossy(rest).into_owned()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Frame {
        Frame::Made(Compiled {
            head: Head {
                reusable: true,
                functions: 3,
                imports: vec!["equals".to_owned()],
                memory_pages: 1,
            },
            code: vec![7; 100],
        })
    }

    fn bytes(frame: &Frame) -> Vec<u8> {
        let (mut head, rest) = frame.write().unwrap();
        head.extend_from_slice(rest);
        head
    }

    #[test]
    fn what_is_written_is_read_back() {
        match (Frame::read(&bytes(&made())), made()) {
            (Some(Frame::Made(read)), Frame::Made(made)) => {
                assert_eq!((read.head, read.code), (made.head, made.code));
            }
            other => panic!("{other:?}"),
        }
        let refused = Frame::Refused("it is bad".to_owned());
        assert!(
            matches!(Frame::read(&bytes(&refused)), Some(Frame::Refused(why)) if why == "it is bad")
        );
    }

    #[test]
    fn bytes_that_are_no_frame_are_none() {
        let good = bytes(&made());
        let head = good.len() - 100;
        for length in 0..head {
            assert!(Frame::read(&good[..length]).is_none(), "{length} bytes");
        }
        for place in 0..head {
            let mut bent = good.clone();
            bent[place] ^= 0x80;
            drop(Frame::read(&bent));
        }
        let mut newer = good.clone();
        newer[7] = b'2';
        assert!(Frame::read(&newer).is_none(), "another version");
        let mut endless = good;
        endless[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Frame::read(&endless).is_none(), "a head past its bound");
        let why = "x".repeat(COMPILER_SAYS_BYTES_MAX);
        assert!(Frame::read(&bytes(&Frame::Refused(why.clone()))).is_some());
        assert!(Frame::read(&bytes(&Frame::Refused(why + "x"))).is_none());
    }
}
