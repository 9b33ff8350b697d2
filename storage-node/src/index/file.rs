//! The index's file: redb's own backend, behind a disk that tests make fail.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use crate::faults::{Change, Faults};

#[derive(Debug)]
pub(crate) struct IndexFile {
    file: FileBackend,
    path: Box<Path>,
    faults: Faults,
}

impl IndexFile {
    pub(crate) fn open(path: &Path, faults: Faults) -> io::Result<Self> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        faults.tell(|| Change::Made(path.into()), || Ok(()))?;
        let file = FileBackend::new(file).map_err(io::Error::other)?;
        let path = path.into();
        Ok(Self { file, path, faults })
    }
}

impl StorageBackend for IndexFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.faults.check()?;
        let change = || Change::Sized(self.path.clone(), len);
        self.faults.tell(change, || self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.check()?;
        let change = || Change::Flushed(self.path.clone());
        self.faults.tell(change, || self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.faults.check()?;
        let change = || Change::Wrote(self.path.clone(), offset, data.into());
        self.faults.tell(change, || self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
