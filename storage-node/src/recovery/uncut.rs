//! Volumes that could not be cut when what was written last in them failed: they are cut now, or stay as they were.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::scan::{Scan, Scanned};
use crate::disks::Disks;
use crate::error::OpenError;
use crate::volume::Volume;
use crate::volume::set::VolumeSet;

/// Cuts what can be cut, and forgets what is gone.
pub(super) fn mend(disks: &Disks, volumes: &VolumeSet) -> Result<(), (PathBuf, io::Error)> {
    let mut mended = Vec::new();
    for number in disks.uncut() {
        // The last one is cut in any case.
        let is_last = volumes.last().is_none_or(|it| it.head.number == number);
        let is_mended = match volumes.get(number) {
            Ok(volume) if !is_last => cut(&volume, volumes.after(number)),
            Ok(_) | Err(_) => Ok(()),
        };
        match is_mended {
            Ok(()) => mended.push(number),
            Err(error) => {
                tracing::warn!(volume = number, %error, "a volume cannot be cut still: the one after it stays");
            }
        }
    }
    disks.forget_uncut(&mended)
}

/// The volume after it says which of its rounds were.
fn cut(volume: &Arc<Volume>, next: Option<Arc<Volume>>) -> Result<(), OpenError> {
    let mut scan = Scan::of_one(volume, next, None);
    let mut end = crate::volume::HEAD_BYTES;
    while let Scanned::Round(round) = scan.next()? {
        if round.after().volume != volume.head.number {
            break;
        }
        end = round.after().offset;
    }
    let cut = volume.cut(end).and_then(|()| volume.flush_all());
    cut.map_err(super::io_at(&volume.path))
}
