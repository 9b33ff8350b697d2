//! A node made of its copy: what the manifest names, brought into a folder or onto its disks, and an index built from it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use storage_node::VolumeEnd;

use super::manifest::{Manifest, ShippedVolume, manifest_of};
use super::{Depot, ShipFault};
use crate::files;

/// The folder of volumes in that of a node or disk.
const VOLUMES: &str = "volumes";
/// Digits of the name of a volume that is in use, before `.vol`.
const NUMBER_DIGITS: usize = 8;

/// Why nothing was recovered. What was brought so far is kept for the next attempt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoverFault {
    /// Nothing of this node is there.
    #[error(
        "`{place}` has nothing of node {node}: a copy is in a folder that has the node's number for a name"
    )]
    Nothing {
        /// Where.
        place: String,
        /// Which.
        node: String,
    },
    /// The folder has a node.
    #[error("`{}` is there already: move it away, or name another data folder", .0.display())]
    Occupied(PathBuf),
    /// A disk is one of a node already.
    #[error("disk `{}` has volumes, or is a node's: name an empty folder in `node.disks`", .0.display())]
    Used(PathBuf),
    /// The place cannot be read, or lacks something.
    #[error(transparent)]
    Place(#[from] ShipFault),
    /// A file cannot be written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Brings a node's volumes and its ring of keys into the `node` folder of `data`; where disks are named, the volumes onto these.
/// `tell` hears of each volume that is there.
pub(crate) async fn recover(
    depot: &Depot,
    node: u128,
    (data, disks): (&Path, &[PathBuf]),
    tell: impl Fn(usize, usize, u64),
) -> Result<Manifest, RecoverFault> {
    let folder = data.join("node");
    if folder.exists() {
        return Err(RecoverFault::Occupied(folder));
    }
    let nothing = || RecoverFault::Nothing {
        place: depot.to_string(),
        node: format!("{node:032x}"),
    };
    let manifest = manifest_of(depot, node).await?.ok_or_else(nothing)?;
    let draft = data.join("node.recovering");
    let made = fs::create_dir_all(&draft).and_then(|()| files::make_private_folder(&draft));
    made.map_err(at(&draft))?;
    let targets = targets(&draft, disks, &manifest)?;
    let all = manifest.whole.volumes.len();
    let mut brought = Vec::with_capacity(all);
    for (done, volume) in manifest.whole.volumes.iter().enumerate() {
        brought.push(bring_once(depot, node, volume, &targets).await?);
        tell(done + 1, all, volume.bytes);
    }
    for (volume, from) in manifest.whole.volumes.iter().zip(&brought) {
        let to = from.with_file_name(file_name(volume));
        fs::rename(from, &to).map_err(at(&to))?;
    }
    if let Some(ring) = &manifest.ring {
        let path = draft.join("keys");
        let bytes = hex::decode(ring).map_err(|cause| io::Error::other(cause.to_string()));
        let written = bytes.and_then(|bytes| files::write_private(&path, &bytes));
        written.map_err(at(&path))?;
    }
    for folder in targets.iter().chain([&draft]) {
        sync(folder).map_err(at(folder))?;
    }
    let named = fs::rename(&draft, &folder).and_then(|()| sync(data));
    named.map_err(at(&folder))?;
    Ok(manifest)
}

/// The folders that volumes are brought into: one of each disk, or that of the draft.
fn targets(
    draft: &Path,
    disks: &[PathBuf],
    manifest: &Manifest,
) -> Result<Vec<PathBuf>, RecoverFault> {
    let mut targets: Vec<PathBuf> = disks.iter().map(|disk| disk.join(VOLUMES)).collect();
    if targets.is_empty() {
        targets.push(draft.join(VOLUMES));
    }
    for (disk, folder) in disks.iter().zip(&targets) {
        let is_used = |name: &str| {
            let digits = name.strip_suffix(".vol");
            digits.is_some_and(|digits| digits.len() == NUMBER_DIGITS)
        };
        let names = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names = names.filter_map(|it| it.file_name().into_string().ok());
        if disk.join("disk").exists() || names.any(|name| is_used(&name)) {
            return Err(RecoverFault::Used(disk.clone()));
        }
        // A folder that is not there may be a disk that is not mounted.
        fs::metadata(disk).map_err(at(disk))?;
    }
    for folder in &targets {
        let made = files::make_private_folder(folder);
        let made = made.and_then(|()| clear_others(folder, manifest));
        made.map_err(at(folder))?;
    }
    Ok(targets)
}

/// Brings a volume to where an earlier attempt has brought it, or to the disk with the most room; where it is.
async fn bring_once(
    depot: &Depot,
    node: u128,
    volume: &ShippedVolume,
    targets: &[PathBuf],
) -> Result<PathBuf, RecoverFault> {
    let name = draft_name(volume);
    let is_whole =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.len() == volume.bytes);
    let mut paths = targets.iter().map(|folder| folder.join(&name));
    if let Some(path) = paths.find(is_whole) {
        return Ok(path);
    }
    let free = |folder: &&PathBuf| {
        rustix::fs::statvfs(folder.as_path())
            .map_or(0, |it| it.f_bavail.saturating_mul(it.f_frsize))
    };
    let roomiest = targets.iter().max_by_key(free);
    let path = roomiest.map_or_else(PathBuf::new, |folder| folder.join(name));
    bring(depot, node, volume, &path).await?;
    Ok(path)
}

/// Writes a volume's file, segment by segment.
async fn bring(
    depot: &Depot,
    node: u128,
    volume: &ShippedVolume,
    path: &Path,
) -> Result<(), RecoverFault> {
    let part = path.with_extension("part");
    let mut file = File::create(&part).map_err(at(&part))?;
    for segment in 0..volume.segments() {
        let name = volume.segment(node, segment);
        let wanted = volume.segment_bytes(segment);
        let found = depot.get(&name).await;
        let lacks = |why: String| ShipFault::Place {
            name: name.clone(),
            why,
        };
        let bytes = found.map_err(lacks)?;
        let bytes =
            bytes.ok_or_else(|| lacks("it is not there: the copy is not whole".to_owned()))?;
        // The last of a volume may have grown since the manifest was written.
        let length = usize::try_from(wanted).unwrap_or(usize::MAX);
        let Some(bytes) = bytes.get(..length) else {
            let why = format!(
                "it has {} bytes of {wanted}: the copy is not whole",
                bytes.len()
            );
            return Err(lacks(why).into());
        };
        file.write_all(bytes).map_err(at(&part))?;
    }
    file.sync_all().map_err(at(&part))?;
    fs::rename(&part, path).map_err(at(path))
}

/// Takes away what an earlier attempt brought that the copy has no more.
fn clear_others(volumes: &Path, manifest: &Manifest) -> io::Result<()> {
    let named: Vec<String> = manifest.whole.volumes.iter().map(draft_name).collect();
    for entry in fs::read_dir(volumes)? {
        let entry = entry?;
        if !named.iter().any(|name| entry.file_name() == name.as_str()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Its number alone would not tell it from another volume of an earlier attempt.
fn draft_name(volume: &ShippedVolume) -> String {
    format!("{:08x}-{}", volume.number, volume.uuid.simple())
}

fn file_name(volume: &ShippedVolume) -> OsString {
    let path = VolumeEnd::path_of(volume.number);
    path.file_name().unwrap_or_default().to_owned()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn at(path: &Path) -> impl Fn(io::Error) -> RecoverFault + '_ {
    move |source| RecoverFault::File {
        path: path.to_owned(),
        source,
    }
}
