//! Which folders are the disks of this node. Whatever is in doubt is refused, with what to do: a disk that is missing, swapped or not
//! mounted must never look like an empty one.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::member::{self, FILE, FRESH, Member, Members};
use super::{Disks, OpenDisk, has_volumes};
use crate::error::OpenError;
use crate::node::Settings;
use crate::options::NodeDisk;
use crate::recovery::node_of;

/// What the disks are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A node that is opened.
    Open,
    /// An index that is built anew, also in a folder that has nothing but that. Disks that nobody names are looked for where they were.
    Rebuild,
}

/// A folder, and what its file says.
struct Found {
    settings: NodeDisk,
    /// Its number, and the disks that it knows.
    file: Option<(u128, Members)>,
    /// Its device and number there, which two names of one folder have in common.
    place: (u64, u64),
}

impl Found {
    fn id(&self) -> Option<u128> {
        self.file.as_ref().map(|(id, _)| *id)
    }
}

/// The disks of the node in `settings.dir`.
pub(crate) fn open(settings: &Settings, purpose: Purpose) -> Result<Disks, OpenError> {
    let own = member::read(&settings.dir)?;
    let mut wanted = settings.disks.clone();
    if let (Purpose::Rebuild, true, Some((id, members))) = (purpose, wanted.is_empty(), &own) {
        let others = members.disks.iter().filter(|it| it.id != *id && it.holds);
        wanted.extend(others.map(|it| NodeDisk::new(&it.path)));
    }
    let home = home(settings, wanted.is_empty())?;
    if wanted.is_empty() && own.is_none() {
        return Ok(Disks::single(home, settings.reserve_bytes));
    }
    let mut found = vec![Found {
        place: place_of(&home.path)?,
        settings: home,
        file: own,
    }];
    for disk in wanted {
        let other = look(disk)?;
        take(&mut found, other)?;
    }
    let node = node_of_all(&found, settings, purpose)?;
    let members = newest(&found);
    if let (Purpose::Rebuild, Some(node)) = (purpose, node) {
        take_in(&mut found, members.as_ref(), node)?;
    }
    nothing_is_missing(&found, members.as_ref())?;
    gather(found, members, node, settings)
}

/// The node's own folder. Where disks are named and it is not among them, it takes no new volumes.
fn home(settings: &Settings, is_alone: bool) -> Result<NodeDisk, OpenError> {
    let place = place_of(&settings.dir)?;
    let mut named = settings.disks.iter();
    let named = named.find(|disk| place_of(&disk.path).is_ok_and(|it| it == place));
    Ok(NodeDisk {
        path: settings.dir.clone(),
        drain: named.map_or(!is_alone, |disk| disk.drain),
        free_bytes: settings.free_bytes.clone(),
        faults: settings.log_faults.clone(),
    })
}

fn place_of(path: &Path) -> Result<(u64, u64), OpenError> {
    let refused = |why: String| OpenError::Disk {
        path: path.to_owned(),
        what: format!("{why}: mount it, or make the folder"),
    };
    let found = fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    if !found.is_dir() {
        return Err(refused("it is no folder".to_owned()));
    }
    Ok((found.dev(), found.ino()))
}

fn look(settings: NodeDisk) -> Result<Found, OpenError> {
    let place = place_of(&settings.path)?;
    let file = member::read(&settings.path)?;
    Ok(Found {
        settings,
        file,
        place,
    })
}

/// Adds a disk that is none of those before it; the node's own folder is there already.
fn take(found: &mut Vec<Found>, other: Found) -> Result<(), OpenError> {
    let id = other.id();
    let is_same = |it: &Found| it.place == other.place || (id.is_some() && it.id() == id);
    let Some(at) = found.iter().position(is_same) else {
        found.push(other);
        return Ok(());
    };
    let first = found.get(at);
    if at == 0 && first.is_some_and(|home| home.place == other.place) {
        return Ok(());
    }
    let first = first.map_or(Path::new(""), |it| &it.settings.path);
    let what = format!("it is the same disk as `{}`: name it once", first.display());
    Err(refused(&other, what))
}

/// The node that all of them are of; none where nothing says so yet.
fn node_of_all(
    found: &[Found],
    settings: &Settings,
    purpose: Purpose,
) -> Result<Option<u128>, OpenError> {
    let own = found.first().and_then(|home| home.file.as_ref());
    let mut node = own.map(|(_, members)| members.node);
    if node.is_none() {
        node = node_of(&settings.dir.join("volumes"))?;
    }
    let others = found.iter().skip(1);
    for (disk, members) in others.filter_map(|it| Some((it, &it.file.as_ref()?.1))) {
        match node {
            Some(node) if node != members.node => {
                let what = format!(
                    "it is a disk of node {:032x}, and this is node {node:032x}: name a disk of this one, or an empty folder",
                    members.node
                );
                return Err(refused(disk, what));
            }
            // Nothing in the node's own folder tells of a node, and a disk does.
            None if purpose == Purpose::Open => {
                let what = format!(
                    "it is a disk of node {:032x}, and `{}` has nothing of that node: mount what belongs there. If that is lost, \
                     build the index anew from the disks (`postern node rebuild-index --disk`)",
                    members.node,
                    settings.dir.display()
                );
                return Err(refused(disk, what));
            }
            Some(_) | None => node = Some(members.node),
        }
    }
    if purpose == Purpose::Rebuild {
        // Volumes say it, too.
        for disk in found {
            let on_it = node_of(&disk.settings.path.join("volumes"))?;
            node = node.or(on_it);
        }
    }
    Ok(node)
}

/// What the latest file says.
fn newest(found: &[Found]) -> Option<Members> {
    let files = found.iter().filter_map(|it| it.file.as_ref());
    let newest = files.max_by_key(|(_, members)| members.generation);
    newest.map(|(_, members)| members.clone())
}

/// Disks whose file is gone, or that were filled from a copy, are known by the volumes on them: somebody has named them for that. One
/// that is where a missing one was is that one.
fn take_in(found: &mut [Found], members: Option<&Members>, node: u128) -> Result<(), OpenError> {
    let there: Vec<u128> = found.iter().filter_map(Found::id).collect();
    for disk in found.iter_mut().skip(1).filter(|it| it.file.is_none()) {
        if node_of(&disk.settings.path.join("volumes"))? != Some(node) {
            continue;
        }
        let was_there = |member: &&Member| {
            !there.contains(&member.id) && Path::new(&member.path) == disk.settings.path
        };
        let mut all = members.into_iter().flat_map(|it| &it.disks);
        let id = all.find(was_there).map(|member| member.id);
        let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().as_u128());
        let members = members.cloned().unwrap_or_else(|| Members::new(node));
        disk.file = Some((id, members));
    }
    Ok(())
}

/// Every disk that may hold volumes is there.
fn nothing_is_missing(found: &[Found], members: Option<&Members>) -> Result<(), OpenError> {
    let is_there = |member: &Member| found.iter().any(|it| it.id() == Some(member.id));
    let mut all = members.into_iter().flat_map(|it| &it.disks);
    let Some(missing) = all.find(|member| member.holds && !is_there(member)) else {
        return Ok(());
    };
    let path = Path::new(&missing.path);
    let is_named = found.iter().any(|it| it.settings.path == path);
    let what = if is_named {
        "its volumes are not there, and in its place is another folder: mount it, or name the path where it is now. If it is lost, \
         make the node anew of its copy (`postern node recover`)"
    } else {
        "it may hold volumes and is not among the node's disks: name it in `node.disks`, and in `node.drain` as well to have it \
         emptied; `postern node stats` says when it may go. If it is lost, make the node anew of its copy (`postern node recover`)"
    };
    Err(OpenError::Disk {
        path: path.to_owned(),
        what: format!("disk {:032x}: {what}", missing.id),
    })
}

/// Opens them: new ones are empty folders.
fn gather(
    found: Vec<Found>,
    members: Option<Members>,
    node: Option<u128>,
    settings: &Settings,
) -> Result<Disks, OpenError> {
    let members = members.unwrap_or_else(|| Members::new(node.unwrap_or_default()));
    let (mut all, mut joining) = (Vec::new(), Vec::new());
    for (number, it) in found.into_iter().enumerate() {
        let id = match &it.file {
            Some((id, _)) => *id,
            None => {
                // What is in the node's own folder is its own.
                if number > 0 {
                    is_empty(&it)?;
                }
                uuid::Uuid::new_v4().as_u128()
            }
        };
        if !members.disks.iter().any(|member| member.id == id) {
            joining.push(id);
        }
        all.push(std::sync::Arc::new(OpenDisk::new(id, it.settings)));
    }
    if all.iter().all(|disk| disk.drains) {
        return Err(OpenError::Disk {
            path: settings.dir.clone(),
            what: "every disk of the node is to be emptied: name one that takes new volumes"
                .to_owned(),
        });
    }
    Ok(Disks {
        all,
        node,
        reserve_bytes: settings.reserve_bytes,
        members: parking_lot::Mutex::new(Some(members)),
        joining,
    })
}

/// A folder that is to become a disk has nothing in it but what a file system has, or an attempt has left.
fn is_empty(found: &Found) -> Result<(), OpenError> {
    let path = &found.settings.path;
    let io = |source| OpenError::Io {
        path: path.clone(),
        source,
    };
    for entry in fs::read_dir(path).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let is_ours = [FRESH, "lock", "lost+found"].iter().any(|it| name == **it);
        let is_unused = name == "volumes" && !has_volumes(&path.join("volumes"));
        if is_ours || is_unused {
            continue;
        }
        let what = if name == "volumes" {
            format!(
                "it has volumes and no file `{FILE}` that says whose: name an empty folder, or take them in as this node's (`postern node rebuild-index --disk`)"
            )
        } else {
            let name = name.display();
            format!(
                "it is no disk of this node, and not empty: `{name}` is in it. Name an empty folder"
            )
        };
        return Err(refused(found, what));
    }
    Ok(())
}

fn refused(found: &Found, what: String) -> OpenError {
    OpenError::Disk {
        path: found.settings.path.clone(),
        what,
    }
}
