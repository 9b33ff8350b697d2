//! A node made of its copy: what the manifest names, brought into a folder, and an index built from it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use storage_node::VolumeEnd;

use super::manifest::{Manifest, ShippedVolume, manifest_of};
use super::{Depot, ShipFault};
use crate::files;

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

/// Brings a node's volumes and its ring of keys into the `node` folder of `data`. `tell` hears of each volume that is there.
pub(crate) async fn recover(
    depot: &Depot,
    node: u128,
    data: &Path,
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
    let volumes = draft.join("volumes");
    let made = fs::create_dir_all(&volumes).and_then(|()| files::make_private_folder(&draft));
    made.map_err(at(&draft))?;
    clear_others(&volumes, &manifest).map_err(at(&volumes))?;
    let all = manifest.whole.volumes.len();
    for (done, volume) in manifest.whole.volumes.iter().enumerate() {
        let path = volumes.join(draft_name(volume));
        if fs::metadata(&path).map_or(0, |it| it.len()) != volume.bytes {
            bring(depot, node, volume, &path).await?;
        }
        tell(done + 1, all, volume.bytes);
    }
    for volume in &manifest.whole.volumes {
        let (from, to) = (
            volumes.join(draft_name(volume)),
            draft.join(place_of(volume)),
        );
        fs::rename(&from, &to).map_err(at(&to))?;
    }
    if let Some(ring) = &manifest.ring {
        let path = draft.join("keys");
        let bytes = hex::decode(ring).map_err(|cause| io::Error::other(cause.to_string()));
        let written = bytes.and_then(|bytes| files::write_private(&path, &bytes));
        written.map_err(at(&path))?;
    }
    let settled = [&volumes, &draft].into_iter().try_for_each(|it| sync(it));
    settled.map_err(at(&draft))?;
    let named = fs::rename(&draft, &folder).and_then(|()| sync(data));
    named.map_err(at(&folder))?;
    Ok(manifest)
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

fn place_of(volume: &ShippedVolume) -> PathBuf {
    VolumeEnd::path_of(volume.number)
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
