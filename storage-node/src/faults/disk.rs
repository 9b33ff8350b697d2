//! A disk as a power cut leaves it: what was flushed is there; what was not is there, or is not, or in part, in sectors of 512 bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::{Change, Faults};
use crate::wire::to_usize;

/// What a disk writes at once, in bytes.
const SECTOR_BYTES: usize = 512;

/// What becomes of what was not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It is gone.
    All,
    /// It is there.
    None,
    /// Each sector, length and name is there or not, as this seed has it: writes are torn, and came in any order.
    Some(u64),
}

/// The disk at one moment of a trace; moments only go forward.
#[derive(Debug, Default)]
pub struct Disk {
    moment: usize,
    files: BTreeMap<PathBuf, Contents>,
    /// Names that were made or removed since their folder was flushed.
    unsure: BTreeSet<PathBuf>,
}

#[derive(Debug, Default)]
struct Contents {
    flushed: Vec<u8>,
    waiting: Vec<Waiting>,
    /// Whether the name was there when its folder was flushed.
    named: bool,
    /// Whether it is there now.
    there: bool,
    /// Where it was renamed and its folder was not flushed since: its name before, and what it took the place of.
    before: Option<Box<(PathBuf, Option<Self>)>>,
}

#[derive(Debug)]
enum Waiting {
    Sized(u64),
    Wrote(u64, Box<[u8]>),
}

impl Disk {
    /// The disk as a folder has it, all of it flushed: that of a node, or one above it and its disks.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn load(folder: &Path) -> io::Result<Self> {
        let mut disk = Self::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let contents = Contents {
                    flushed: fs::read(&path)?,
                    named: true,
                    there: true,
                    ..Contents::default()
                };
                disk.files.insert(path, contents);
            }
        }
        Ok(disk)
    }

    /// Goes on to a moment of the trace: everything before it was told.
    pub fn advance(&mut self, faults: &Faults, moment: usize) {
        let trace = faults.0.trace.lock();
        for change in trace.get(self.moment..moment).unwrap_or_default() {
            self.take(change);
        }
        self.moment = self.moment.max(moment);
    }

    fn take(&mut self, change: &Change) {
        match change {
            Change::Made(path) => {
                let contents = self.files.entry(path.to_path_buf()).or_default();
                contents.there = true;
                self.unsure.insert(path.to_path_buf());
            }
            Change::Sized(path, length) => self.wait(path, Waiting::Sized(*length)),
            Change::Wrote(path, offset, bytes) => {
                self.wait(path, Waiting::Wrote(*offset, bytes.clone()));
            }
            Change::Flushed(path) => {
                if let Some(contents) = self.files.get_mut(&**path) {
                    for waiting in std::mem::take(&mut contents.waiting) {
                        settle(&mut contents.flushed, &waiting, &mut |_| true);
                    }
                }
            }
            Change::Renamed(from, to) => self.rename(from, to),
            Change::Removed(path) => {
                if let Some(contents) = self.files.get_mut(&**path) {
                    contents.there = false;
                }
                self.unsure.insert(path.to_path_buf());
            }
            Change::FolderFlushed(folder) => self.name_all(folder),
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let Some(mut contents) = self.files.remove(from) else {
            return;
        };
        let replaced = self.files.remove(to);
        contents.before = Some(Box::new((from.to_owned(), replaced)));
        contents.named = true;
        self.unsure.remove(from);
        self.unsure.insert(to.to_owned());
        self.files.insert(to.to_owned(), contents);
    }

    fn wait(&mut self, path: &Path, waiting: Waiting) {
        let contents = self.files.entry(path.to_owned()).or_default();
        contents.waiting.push(waiting);
    }

    fn name_all(&mut self, folder: &Path) {
        let (now, later) = std::mem::take(&mut self.unsure)
            .into_iter()
            .partition(|path: &PathBuf| path.parent() == Some(folder));
        self.unsure = later;
        let now: BTreeSet<PathBuf> = now;
        for path in now {
            if let Some(contents) = self.files.get_mut(&path) {
                contents.named = contents.there;
                contents.before = None;
                if !contents.there {
                    self.files.remove(&path);
                }
            }
        }
    }

    /// Writes what a cut leaves into `to`, where `from` is the folder that the trace is of.
    ///
    /// # Errors
    /// A file of the image cannot be written.
    pub fn cut(&self, loss: Loss, from: &Path, to: &Path) -> io::Result<()> {
        let mut dice = Dice(match loss {
            Loss::Some(seed) => seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            Loss::All | Loss::None => 1,
        });
        let mut keep = |_: usize| match loss {
            Loss::All => false,
            Loss::None => true,
            Loss::Some(_) => dice.throw(),
        };
        for (path, contents) in &self.files {
            let (mut path, mut also) = (path, None);
            if let Some((earlier, replaced)) = contents.before.as_deref()
                && !keep(0)
            {
                also = replaced.as_ref().map(|replaced| (path, replaced));
                path = earlier;
            }
            for (path, contents) in std::iter::once((path, contents)).chain(also) {
                let is_there = if contents.named == contents.there || keep(0) {
                    contents.there
                } else {
                    contents.named
                };
                if !is_there {
                    continue;
                }
                let mut bytes = contents.flushed.clone();
                for waiting in &contents.waiting {
                    settle(&mut bytes, waiting, &mut keep);
                }
                let path = to.join(path.strip_prefix(from).unwrap_or(path));
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                write_sparse(&path, &bytes)?;
            }
        }
        Ok(())
    }
}

/// Puts into a file what of a change is kept, sector by sector.
fn settle(bytes: &mut Vec<u8>, waiting: &Waiting, keep: &mut impl FnMut(usize) -> bool) {
    match waiting {
        Waiting::Sized(length) if keep(0) => bytes.resize(to_usize(*length), 0),
        Waiting::Sized(_) => {}
        Waiting::Wrote(offset, written) => {
            let (mut at, mut rest) = (to_usize(*offset), &written[..]);
            while !rest.is_empty() {
                let room = SECTOR_BYTES - at % SECTOR_BYTES;
                let (sector, later) = rest.split_at(room.min(rest.len()));
                if keep(at) {
                    let end = at + sector.len();
                    if bytes.len() < end {
                        bytes.resize(end, 0);
                    }
                    if let Some(place) = bytes.get_mut(at..end) {
                        place.copy_from_slice(sector);
                    }
                }
                at += sector.len();
                rest = later;
            }
        }
    }
}

/// Writes a file without its zeros: preallocated volumes are mostly these.
fn write_sparse(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = File::create(path)?;
    file.set_len(bytes.len() as u64)?;
    for (number, piece) in bytes.chunks(SECTOR_BYTES * 8).enumerate() {
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all_at(piece, (number * SECTOR_BYTES * 8) as u64)?;
        }
    }
    Ok(())
}

/// xorshift: the same throws for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 & 16 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_keeps_what_was_flushed_and_tears_the_rest_at_sectors() {
        let faults = Faults::default();
        faults.trace();
        let path: Box<Path> = Path::new("/d/file").into();
        let tell = |change: Change| faults.tell(|| change, || Ok(())).unwrap();
        tell(Change::Made(path.clone()));
        tell(Change::Wrote(path.clone(), 0, vec![1; 1_024].into()));
        tell(Change::Flushed(path.clone()));
        tell(Change::FolderFlushed(Path::new("/d").into()));
        tell(Change::Wrote(path.clone(), 1_000, vec![2; 1_100].into()));
        let mut disk = Disk::default();
        let image = |disk: &Disk, loss| {
            let to = tempfile::tempdir().unwrap();
            disk.cut(loss, Path::new("/d"), to.path()).unwrap();
            fs::read(to.path().join("file")).ok()
        };
        disk.advance(&faults, 3);
        // Its name was never flushed.
        assert_eq!(image(&disk, Loss::All), None);
        disk.advance(&faults, faults.moment());
        assert_eq!(image(&disk, Loss::All), Some(vec![1; 1_024]));
        let whole = [vec![1; 1_000], vec![2; 1_100]].concat();
        assert_eq!(image(&disk, Loss::None), Some(whole));
        let mut seen = BTreeSet::new();
        for seed in 0..200 {
            let bytes = image(&disk, Loss::Some(seed)).unwrap();
            assert!(bytes[..1_000] == [1; 1_000]);
            // 24 bytes in the second sector, then whole ones, then what is left.
            for sector in [1_000..1_024, 1_024..1_536, 1_536..2_048, 2_048..2_100] {
                let there = bytes.get(sector.clone()).unwrap_or_default();
                assert!(
                    there.windows(2).all(|pair| pair[0] == pair[1]),
                    "{sector:?}"
                );
            }
            seen.insert(bytes);
        }
        assert_eq!(seen.len(), 16);
    }
}
