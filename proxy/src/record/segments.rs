//! The files of the record: when one is full another is begun, and the oldest make room.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files;
use crate::limits::RECORD_FILES;

/// What the names of the files begin and end with.
const NAME: (&str, &str) = ("checks-", ".jsonl");

/// The files of a folder.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    /// Most bytes of all together.
    bytes: u64,
    /// The first line of each.
    head: Vec<u8>,
    /// The number of the next one.
    next: AtomicU64,
}

impl Segments {
    pub(super) fn open(folder: &Path, bytes: u64, head: Vec<u8>) -> io::Result<Self> {
        files::make_private_folder(folder)?;
        let last = all(folder)?.last().map_or(0, |(number, _)| *number);
        Ok(Self {
            folder: folder.to_path_buf(),
            bytes,
            head,
            next: AtomicU64::new(last.saturating_add(1)),
        })
    }

    const fn file_bytes(&self) -> u64 {
        self.bytes / RECORD_FILES
    }

    /// Begins a file, and makes room for it.
    fn begin(&self) -> io::Result<File> {
        let room = self.bytes.saturating_sub(self.file_bytes());
        let mut kept = 0_u64;
        for (_, path) in all(&self.folder)?.into_iter().rev() {
            kept = kept.saturating_add(fs::metadata(&path)?.len());
            if kept > room {
                fs::remove_file(&path)?;
            }
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{number:012}{}", NAME.0, NAME.1);
        let mut file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .mode(0o600)
            .open(self.folder.join(name))?;
        file.write_all(&self.head)?;
        Ok(file)
    }
}

impl crate::observe::Sinks for Segments {
    /// Nothing is made before there is something to write, so that a start leaves no empty file.
    fn open(self: std::sync::Arc<Self>) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(Sink {
            segments: self,
            file: None,
            written: 0,
        }))
    }
}

/// The file that is written.
struct Sink {
    segments: std::sync::Arc<Segments>,
    file: Option<File>,
    written: u64,
}

impl Write for Sink {
    /// Takes whole lines, as many as fit into the file.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let most = self.segments.file_bytes();
        let left = usize::try_from(most.saturating_sub(self.written)).unwrap_or(usize::MAX);
        let fitting = lines.get(..left.min(lines.len())).unwrap_or(lines);
        let mut end = memchr::memrchr(b'\n', fitting).map_or(0, |end| end + 1);
        if self.file.is_none() || end == 0 {
            self.file = Some(self.segments.begin()?);
            self.written = u64::try_from(self.segments.head.len()).unwrap_or(u64::MAX);
            let left = usize::try_from(most.saturating_sub(self.written)).unwrap_or(usize::MAX);
            let fitting = lines.get(..left.min(lines.len())).unwrap_or(lines);
            // A line is much shorter than a file.
            end = memchr::memrchr(b'\n', fitting).map_or(lines.len(), |end| end + 1);
        }
        let Some(file) = &mut self.file else {
            return Ok(0);
        };
        let whole = lines.get(..end).unwrap_or(lines);
        let written = file.write_all(whole);
        if written.is_err() {
            // What stands there now is torn: the next line begins a file.
            self.file = None;
        }
        written?;
        self.written = self
            .written
            .saturating_add(u64::try_from(whole.len()).unwrap_or(u64::MAX));
        Ok(whole.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// The files of a folder with their numbers, the oldest first.
pub(super) fn all(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix(NAME.0)?.strip_suffix(NAME.1));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::Sinks as _;

    #[test]
    fn the_files_together_are_never_larger_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = 64 * 1_024;
        let line = [vec![b'x'; 99], vec![b'\n']].concat();
        for _ in 0..3 {
            let segments = Segments::open(folder.path(), bytes, b"head\n".to_vec()).unwrap();
            let mut sink = Arc::new(segments).open().unwrap();
            for batch in 0..200 {
                sink.write_all(&line.repeat(batch % 60 + 1)).unwrap();
                let sizes = all(folder.path()).unwrap();
                let sizes = sizes
                    .iter()
                    .map(|(_, path)| fs::metadata(path).unwrap().len());
                assert!(sizes.sum::<u64>() <= bytes);
            }
        }
        let files = all(folder.path()).unwrap();
        assert!(files.len() > 8, "{files:?}");
        for (_, path) in files {
            let text = fs::read_to_string(path).unwrap();
            assert!(text.starts_with("head\n") && text.ends_with("x\n"));
            assert!(text.lines().skip(1).all(|line| line.len() == 99));
        }
    }
}
