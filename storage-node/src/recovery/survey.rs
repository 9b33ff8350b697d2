//! Which volumes are there: heads are read, unused files removed, foreign and damaged ones refused.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::io_at;
use crate::disks::{Disks, OpenDisk};
use crate::error::OpenError;
use crate::volume::{self, HEAD_BYTES, HeadState, Volume, VolumeHead};
use crate::wire::to_usize;

/// The volumes, ascending by number.
pub(super) struct Survey {
    pub(super) volumes: Vec<Arc<Volume>>,
    /// The node that they belong to.
    pub(super) node: Option<u128>,
}

/// Which volumes the disks have.
pub(super) fn survey(disks: &Disks) -> Result<Survey, OpenError> {
    let mut files = Vec::new();
    for disk in disks.all() {
        files.extend(numbers_in(&disk.volumes)?.map(|number| (number, disk)));
    }
    files.sort_by_key(|(number, _)| *number);
    let mut volumes: Vec<Arc<Volume>> = Vec::with_capacity(files.len());
    let mut node = disks.node();
    for (number, disk) in files {
        let Some(volume) = read_volume(number, disk)? else {
            continue;
        };
        if node.is_some_and(|node| node != volume.head.node) {
            let what = "it belongs to another node".to_owned();
            return Err(OpenError::Foreign {
                path: volume.path,
                what,
            });
        }
        node = Some(volume.head.node);
        match volumes.pop_if(|last| last.head.number == number) {
            Some(twin) => volumes.push(one_of(twin, Arc::new(volume))?),
            None => volumes.push(Arc::new(volume)),
        }
    }
    tracing::debug!(volumes = volumes.len(), "surveyed");
    Ok(Survey { volumes, node })
}

/// The node whose volumes are in a folder; none where there is none.
pub(crate) fn node_of(folder: &Path) -> Result<Option<u128>, OpenError> {
    if !folder.exists() {
        return Ok(None);
    }
    for number in numbers_in(folder)? {
        let path = folder.join(volume::file_name(number));
        let file = File::open(&path).map_err(io_at(&path))?;
        if let Some(head) = read_head(&path, &file, number)? {
            return Ok(Some(head.node));
        }
    }
    Ok(None)
}

fn numbers_in(folder: &Path) -> Result<impl Iterator<Item = u32> + use<>, OpenError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_at(folder))? {
        let entry = entry.map_err(io_at(folder))?;
        numbers.extend(entry.file_name().to_str().and_then(volume::file_number));
    }
    Ok(numbers.into_iter())
}

/// A volume that was begun; the file of one that was not goes.
fn read_volume(number: u32, disk: &Arc<OpenDisk>) -> Result<Option<Volume>, OpenError> {
    let path = disk.file(number);
    let opened = File::options().read(true).write(true).open(&path);
    let file = opened.map_err(io_at(&path))?;
    let Some(head) = read_head(&path, &file, number)? else {
        // Preallocated and never used, or its head was torn: nothing was ever acknowledged in it.
        volume::remove(&path, &disk.faults).map_err(io_at(&path))?;
        return Ok(None);
    };
    let volume = Volume::new(head, file, path.clone(), disk);
    volume.map(Some).map_err(io_at(&path))
}

/// Of two volumes of one number, the one that was used: where one could not be begun on its disk, it was begun on another.
fn one_of(first: Arc<Volume>, second: Arc<Volume>) -> Result<Arc<Volume>, OpenError> {
    let is_used = |it: &Volume| {
        let length = it.file.metadata().map_err(io_at(&it.path))?.len();
        has_rounds(&it.path, &it.file, length)
    };
    let (kept, other) = match (is_used(&first)?, is_used(&second)?) {
        (true, true) => {
            let what = format!(
                "`{}` is the same volume: put one of them away",
                first.path.display()
            );
            return Err(OpenError::Foreign {
                path: second.path.clone(),
                what,
            });
        }
        (false, true) => (second, first),
        (true | false, false) => (first, second),
    };
    volume::remove(&other.path, &other.disk.faults).map_err(io_at(&other.path))?;
    Ok(kept)
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
