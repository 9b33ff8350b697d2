//! Reading payloads from volumes: without waiting where the page cache has them, in the blocking pool where it has not.

use std::io::{self, IoSliceMut};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::io::ReadWriteFlags;

use crate::error::NodeError;
use crate::volume::Volume;

/// Reads exactly `length` bytes at `offset`.
pub(crate) async fn read_exact(
    volume: &Arc<Volume>,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, NodeError> {
    let mut bytes = vec![0; length];
    let cached = read_cached(volume, offset, &mut bytes);
    if cached == length {
        return Ok(bytes);
    }
    let volume = Arc::clone(volume);
    let read = tokio::task::spawn_blocking(move || {
        let rest = bytes.get_mut(cached..).unwrap_or_default();
        volume.file.read_exact_at(rest, offset + cached as u64)?;
        Ok::<_, io::Error>(bytes)
    });
    match read.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(NodeError::Read(error.to_string())),
        Err(_) => Err(NodeError::Closed),
    }
}

/// How many bytes the page cache gave at once. An error is no answer here: the waiting read will meet it again and say it.
fn read_cached(volume: &Volume, offset: u64, bytes: &mut [u8]) -> usize {
    let mut pieces = [IoSliceMut::new(bytes)];
    rustix::io::preadv2(
        volume.file.as_fd(),
        &mut pieces,
        offset,
        ReadWriteFlags::NOWAIT,
    )
    .unwrap_or(0)
}
