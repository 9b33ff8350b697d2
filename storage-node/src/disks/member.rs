//! The file `disk` in the folder of each disk: which one it is, and which others the node has. It is text, for people as well.
//!
//! ```text
//! postern disk 1
//! node 0a4c8f1e5b7d4c3a9e2f6b1d8c0a7e55
//! generation 4
//! this 2fd0a1c3b59e4f6f8a7b6c5d4e3f2a1b
//! disk 2fd0a1c3b59e4f6f8a7b6c5d4e3f2a1b holds /var/lib/postern/node
//! disk 9c1e0b7a6d5c4b3a2918273645546372 empty /srv/b
//! uncut 0000000a
//! sum 7b1f03c2
//! ```
//!
//! The one of the highest generation is right. A disk is known by its number; its path is for messages.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::checksum::crc32c;
use crate::error::OpenError;
use crate::faults::{Change, Faults};
use crate::volume::sync_folder;

/// Its name.
pub(super) const FILE: &str = "disk";
/// What it is called while it is written.
pub(super) const FRESH: &str = "disk.new";
const HEAD: &str = "postern disk 1";
/// Largest file that is read, in bytes: thousands of disks.
const FILE_BYTES_MAX: u64 = 1_024 * 1_024;

/// The disks of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Members {
    pub(super) node: u128,
    /// One more each time that something changes.
    pub(super) generation: u64,
    pub(super) disks: Vec<Member>,
    /// Volumes behind whose last round something may stand that never was: the next volume says where they end, and must stay.
    pub(super) uncut: Vec<u32>,
}

/// A disk among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: u128,
    /// Whether it may hold volumes. One that does not may be missing.
    pub(super) holds: bool,
    /// Where it was last.
    pub(super) path: String,
}

impl Members {
    pub(super) fn new(node: u128) -> Self {
        Self {
            node,
            generation: 0,
            disks: Vec::new(),
            uncut: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, id: u128, holds: bool, path: &Path) {
        // A line for each: a path that breaks it is for people all the same.
        let path = path.display().to_string().replace(['\n', '\r'], "?");
        self.disks.push(Member { id, holds, path });
    }

    /// The file of one of the disks.
    pub(super) fn encode(&self, this: u128) -> String {
        let Self {
            node, generation, ..
        } = self;
        let mut text = format!("{HEAD}\nnode {node:032x}\ngeneration {generation}\n");
        text += &format!("this {this:032x}\n");
        for Member { id, holds, path } in &self.disks {
            let state = if *holds { "holds" } else { "empty" };
            text += &format!("disk {id:032x} {state} {path}\n");
        }
        for number in &self.uncut {
            text += &format!("uncut {number:08x}\n");
        }
        let sum = crc32c(text.as_bytes());
        text + &format!("sum {sum:08x}\n")
    }

    /// Which disk a file is of, and what it says; none where it is not as it was written.
    pub(super) fn decode(text: &str) -> Option<(u128, Self)> {
        let at = text.rfind("sum ")?;
        let (covered, sum) = text.split_at_checked(at)?;
        if sum != format!("sum {:08x}\n", crc32c(covered.as_bytes())) {
            return None;
        }
        let mut lines = covered.lines();
        if lines.next()? != HEAD {
            return None;
        }
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let number = |text: &str| u128::from_str_radix(text, 16).ok();
        let node = number(value("node")?)?;
        let generation = value("generation")?.parse().ok()?;
        let this = number(value("this")?)?;
        let mut members = Self {
            generation,
            ..Self::new(node)
        };
        for line in lines {
            match line.split_once(' ')? {
                ("disk", rest) => {
                    let (id, rest) = rest.split_once(' ')?;
                    let (state, path) = rest.split_once(' ')?;
                    members.disks.push(Member {
                        id: number(id)?,
                        holds: state != "empty",
                        path: path.to_owned(),
                    });
                }
                ("uncut", volume) => members.uncut.push(u32::from_str_radix(volume, 16).ok()?),
                // What a later version adds.
                _ => {}
            }
        }
        Some((this, members))
    }
}

/// Reads the file of the disk in a folder; none where there is none.
pub(super) fn read(folder: &Path) -> Result<Option<(u128, Members)>, OpenError> {
    let path = folder.join(FILE);
    let io = |source| OpenError::Io {
        path: path.clone(),
        source,
    };
    let length = match fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if length > FILE_BYTES_MAX {
        return Err(io(io::Error::other("it is too large for what it is")));
    }
    let text = fs::read(&path).map_err(io)?;
    let found = std::str::from_utf8(&text).ok().and_then(Members::decode);
    found.map(Some).ok_or_else(|| OpenError::Disk {
        path: folder.to_owned(),
        what: format!("its file `{FILE}` is damaged: put a copy of the disk in its place"),
    })
}

/// Puts a file in the place of the one before; it is whole whenever the power goes.
pub(super) fn write(folder: &Path, text: &str, faults: &Faults) -> io::Result<()> {
    let (path, fresh) = (folder.join(FILE), folder.join(FRESH));
    let made = || {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        options.open(&fresh)
    };
    let file = faults.tell(|| Change::Made(fresh.as_path().into()), made)?;
    let sized = || Change::Sized(fresh.as_path().into(), 0);
    faults.tell(sized, || file.set_len(0))?;
    let wrote = || Change::Wrote(fresh.as_path().into(), 0, text.as_bytes().into());
    faults.tell(wrote, || file.write_all_at(text.as_bytes(), 0))?;
    let flushed = || Change::Flushed(fresh.as_path().into());
    faults.tell(flushed, || file.sync_all())?;
    let renamed = || Change::Renamed(fresh.as_path().into(), path.as_path().into());
    faults.tell(renamed, || fs::rename(&fresh, &path))?;
    sync_folder(folder, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Members {
        let mut members = Members::new(7);
        members.generation = 4;
        members.add(1, true, Path::new("/var/lib/with space\nand line"));
        members.add(2, false, Path::new("/srv/b"));
        members.uncut.push(10);
        members
    }

    #[test]
    fn a_file_reads_back_as_itself_and_no_byte_of_it_can_change() {
        let text = members().encode(2);
        assert_eq!(Members::decode(&text), Some((2, members())));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 4;
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Members::decode(&changed), None, "{at}");
            assert_eq!(Members::decode(text.get(..at).unwrap()), None, "{at}");
        }
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_none());
        for id in [3, 1] {
            write(folder.path(), &members().encode(id), &Faults::default()).unwrap();
            assert_eq!(read(folder.path()).unwrap(), Some((id, members())));
        }
        fs::write(folder.path().join(FILE), "postern disk 1\n").unwrap();
        assert!(matches!(read(folder.path()), Err(OpenError::Disk { .. })));
    }
}
