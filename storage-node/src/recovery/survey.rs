//! Which volumes are there: heads are read, unused files removed, foreign and damaged ones refused.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::io_at;
use crate::error::OpenError;
use crate::faults::Faults;
use crate::volume::{self, HEAD_BYTES, HeadState, Volume, VolumeHead};
use crate::wire::to_usize;

/// The volumes, ascending by number.
pub(super) struct Survey {
    pub(super) volumes: Vec<Arc<Volume>>,
    /// The node that they belong to.
    pub(super) node: Option<u128>,
}

pub(super) fn survey(folder: &Path, faults: &Faults) -> Result<Survey, OpenError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_at(folder))? {
        let entry = entry.map_err(io_at(folder))?;
        numbers.extend(entry.file_name().to_str().and_then(volume::file_number));
    }
    numbers.sort_unstable();
    let mut volumes: Vec<Arc<Volume>> = Vec::with_capacity(numbers.len());
    let last = numbers.last().copied();
    for number in numbers {
        let path = folder.join(volume::file_name(number));
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(io_at(&path))?;
        match read_head(&path, &file, number)? {
            Some(head) => {
                if volumes
                    .first()
                    .is_some_and(|first| first.head.node != head.node)
                {
                    let what = "it belongs to another node".to_owned();
                    return Err(OpenError::Foreign { path, what });
                }
                let volume = Volume::new(head, file, path.clone(), faults);
                volumes.push(Arc::new(volume.map_err(io_at(&path))?));
            }
            // Preallocated and never used, or its head was torn: nothing was ever acknowledged in it.
            None => volume::remove(&path, faults).map_err(io_at(&path))?,
        }
    }
    let node = volumes.first().map(|first| first.head.node);
    tracing::debug!(volumes = volumes.len(), ?last, "surveyed");
    Ok(Survey { volumes, node })
}

/// The head of a volume; `None` if it has never been used.
fn read_head(path: &Path, file: &File, number: u32) -> Result<Option<VolumeHead>, OpenError> {
    let length = file.metadata().map_err(io_at(path))?.len();
    let mut bytes = vec![0; to_usize(HEAD_BYTES.min(length))];
    file.read_exact_at(&mut bytes, 0).map_err(io_at(path))?;
    let state = VolumeHead::decode(&bytes).map_err(|newer| OpenError::Foreign {
        path: path.to_owned(),
        what: newer.to_string(),
    })?;
    match state {
        HeadState::Good(head) if head.number == number => Ok(Some(head)),
        HeadState::Good(_) => Err(OpenError::Foreign {
            path: path.to_owned(),
            what: "its number is not its name".to_owned(),
        }),
        // The head is flushed before the first round is written: rounds behind a bad head are damage.
        HeadState::Bad | HeadState::Unused if has_rounds(path, file, length)? => {
            let what = "its head".to_owned();
            Err(OpenError::Damaged {
                volume: number,
                offset: 0,
                what,
            })
        }
        HeadState::Bad | HeadState::Unused => Ok(None),
    }
}

fn has_rounds(path: &Path, file: &File, length: u64) -> Result<bool, OpenError> {
    let mut first = vec![0; to_usize(512.min(length.saturating_sub(HEAD_BYTES)))];
    file.read_exact_at(&mut first, HEAD_BYTES)
        .map_err(io_at(path))?;
    Ok(first.iter().any(|byte| *byte != 0))
}
