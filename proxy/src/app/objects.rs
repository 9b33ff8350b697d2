//! Where the objects are: in a node of this process, which it takes care of, or on another machine, whose process does.

use std::path::Path;
use std::sync::Arc;

use postern_config::node::NodeCare;
use postern_config::settings::{NodeSettings, Settings};
use storage_node::{Node, NodeDisk, NodeOptions, RingSeal};

use super::StartError;
use crate::clock::Clock;
use crate::limits::NODE_START_TIME;
use crate::observe::Reading;
use crate::tasks::Tasks;
use crate::upkeep::{Care, Caretaker, readings_of_node};
use crate::upstream::{ObjectStore, Remote, RemoteCare};

/// Who takes care of the node.
#[derive(Clone, Debug)]
pub(super) enum Tending {
    Here(Node, Arc<Caretaker>),
    Elsewhere(Arc<Remote>),
}

/// The node, and who takes care of it.
pub(super) async fn open(
    settings: &Settings,
    seals: Vec<RingSeal>,
    clock: &Clock,
) -> Result<(ObjectStore, Tending), StartError> {
    if let Some(elsewhere) = &settings.node.elsewhere {
        let remote = Arc::new(Remote::new(elsewhere.clone()));
        let arrived = remote.arrive(NODE_START_TIME).await;
        arrived.map_err(|cause| StartError::NodeAway {
            address: remote.address(),
            cause,
        })?;
        return Ok((Arc::clone(&remote).into(), Tending::Elsewhere(remote)));
    }
    let (data, clock) = (settings.data.as_path(), clock.clone());
    let node = open_here(data, &settings.node, seals, &clock).await?;
    let care = (&settings.node, &settings.ship);
    let caretaker = Caretaker::new(node.clone(), care, data, clock);
    Ok((
        node.clone().into(),
        Tending::Here(node, Arc::new(caretaker)),
    ))
}

/// The node in the folder `node` of a data folder.
pub(super) async fn open_here(
    data: &Path,
    settings: &NodeSettings,
    seals: Vec<RingSeal>,
    clock: &Clock,
) -> Result<Node, StartError> {
    let path = data.join("node");
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let options = NodeOptions {
        volume_bytes: settings.volume_bytes,
        index_cache_bytes: bytes(settings.cache_bytes),
        overlay_bytes: bytes(settings.overlay_bytes),
        reserve_bytes: settings.reserve_bytes,
        disks: disks_of(data, settings),
        lifecycle_day_ms: u64::try_from(settings.lifecycle_day.as_millis()).unwrap_or(u64::MAX),
        undelete: settings.undelete_time,
        read_only: settings.read_only,
        seals,
        ..NodeOptions::new(&path, clock.shared())
    };
    // Recovery reads the log: it may take long, and must not hold a thread of the runtime.
    let opened = tokio::task::spawn_blocking(move || Node::open(options)).await;
    let opened = opened.map_err(|cause| StartError::Io {
        what: "open the object node".to_owned(),
        source: std::io::Error::other(cause),
    })?;
    opened.map_err(|source| StartError::Node { path, source })
}

/// The disks that the settings name. Relative paths lie in the data folder.
pub(crate) fn disks_of(data: &Path, settings: &NodeSettings) -> Vec<NodeDisk> {
    let disks = settings.disks.iter().map(|disk| NodeDisk {
        drain: disk.drain,
        ..NodeDisk::new(data.join(&disk.path))
    });
    disks.collect()
}

/// What keeps a node of this process.
pub(super) fn tend(caretaker: &Arc<Caretaker>, tasks: &Tasks) {
    tasks.spawn("compaction", Arc::clone(caretaker).compact());
    tasks.spawn("volumes' copy", Arc::clone(caretaker).ship());
    tasks.spawn("scrubs", Arc::clone(caretaker).scrub());
    tasks.spawn("lifecycle", Arc::clone(caretaker).sweep());
}

impl Tending {
    /// Begins the care, or keeps in touch with who takes it.
    pub(super) fn begin(&self, tasks: &Tasks) {
        match self {
            Self::Here(_, caretaker) => tend(caretaker, tasks),
            Self::Elsewhere(remote) => tasks.spawn("node", Arc::clone(remote).keep()),
        }
    }

    /// The node of this process.
    pub(super) fn node(&self) -> Option<Node> {
        match self {
            Self::Here(node, _) => Some(node.clone()),
            Self::Elsewhere(_) => None,
        }
    }

    /// What the admin side asks.
    pub(super) fn care(&self) -> Arc<dyn NodeCare> {
        match self {
            Self::Here(_, caretaker) => Arc::new(Care(Arc::clone(caretaker))),
            Self::Elsewhere(remote) => Arc::new(RemoteCare(Arc::clone(remote))),
        }
    }

    /// Its numbers among the metrics.
    pub(super) fn readings(&self, node: &ObjectStore) -> Vec<Reading> {
        let counts = match self {
            Self::Here(_, caretaker) => caretaker.counts(),
            Self::Elsewhere(remote) => remote.care(),
        };
        readings_of_node(counts, &node.stats())
    }
}
