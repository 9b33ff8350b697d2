//! A node on a machine of its own: what its process builds, and how it stops.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postern_config::settings::{Environment, NodeProcess};
use serde_json::json;
use storage_node::Node;
use tokio::net::TcpListener;

use super::build::seals;
use super::systemd::Systemd;
use super::{Signals, StartError, TASKS_GRACE, Told, objects, runtime, secrets};
use crate::clock::Clock;
use crate::files;
use crate::tasks::Tasks;
use crate::upkeep::Caretaker;
use crate::upstream::Served;

/// How long calls at work may go on when the process is told to stop.
const CALLS_GRACE: Duration = Duration::from_secs(30);
/// The file in the data folder that says where a node that is ready listens.
const READY: &str = "node.json";

/// Runs a node until it is told to stop.
///
/// # Errors
/// It does not start.
pub fn run(settings: NodeProcess, environment: &Environment) -> Result<(), StartError> {
    let runtime = runtime(settings.level)?;
    let served = runtime.block_on(Box::pin(serve(settings, Systemd::of(environment))));
    runtime.shutdown_timeout(TASKS_GRACE);
    served
}

async fn serve(settings: NodeProcess, systemd: Systemd) -> Result<(), StartError> {
    let mut signals = Signals::new()?;
    let io = |what: String| move |source| StartError::Io { what, source };

    // Everything that can fail is built before the port is bound.
    let data = settings.data.as_path();
    files::make_private_folder(data).map_err(io(format!("make `{}`", data.display())))?;
    let clock = Clock::system();
    let node = open(&settings, &clock).await?;
    let care = (&settings.care, &settings.ship);
    let caretaker = Arc::new(Caretaker::new(node.clone(), care, data, clock));
    let served = Arc::new(Served::new(
        node.clone(),
        Arc::clone(&caretaker),
        &settings,
    )?);
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.map_err(io(format!("listen on {}", settings.listen)))?;

    let (tasks, gates) = (Tasks::new(), Tasks::new());
    objects::tend(&caretaker, &tasks);
    let address = listener.local_addr().map_err(io("listen".to_owned()))?;
    gates.spawn("gates", Arc::clone(&served).accept(listener));
    announce(data, address).map_err(io(format!("write to `{}`", data.display())))?;
    tracing::info!(%address, "the object node is ready");
    systemd.ready();

    while let Told::Reload = signals.next().await {
        systemd.reloading();
        match served.reload(&settings) {
            Ok(()) => {
                tracing::info!("certificates reloaded: the next connection is judged by them")
            }
            Err(cause) => tracing::error!(%cause, "the old certificates stay in use"),
        }
        systemd.ready();
    }

    tracing::info!("stopping");
    systemd.stopping();
    drop(std::fs::remove_file(data.join(READY)));
    // Calls → care → the node itself. Whoever tells twice does not wait for calls.
    tokio::select! {
        is_done = served.drain(CALLS_GRACE) => if !is_done {
            tracing::warn!("calls were cut off");
        },
        () = signals.next_stop() => tracing::warn!("told again: calls are not waited for"),
    }
    for group in [gates, tasks] {
        if let Err(left) = group.stop(TASKS_GRACE).await {
            tracing::warn!(%left, "tasks were cut off");
        }
    }
    node.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Opens the node. Its ring of keys is sealed under a key of its own, and with the next one at hand under that alone from then on.
async fn open(settings: &NodeProcess, clock: &Clock) -> Result<Node, StartError> {
    let data = settings.data.as_path();
    let made = match settings.ring_key {
        Some(_) => None,
        None => Some(secrets::master_key(data).map_err(|source| StartError::Io {
            what: "make the key of the node's ring".to_owned(),
            source,
        })?),
    };
    let key = settings.ring_key.as_ref().or(made.as_ref());
    let next = settings.ring_key_next.as_ref();
    let seals = seals([key, next])?;
    let newest: Vec<_> = seals.last().cloned().into_iter().collect();
    let node = objects::open_here(data, &settings.care, seals, clock).await?;
    if next.is_some() {
        let sealed = node.seal_ring(newest).await;
        sealed.map_err(|cause| StartError::Io {
            what: "seal the node's ring under its next key".to_owned(),
            source: std::io::Error::other(cause),
        })?;
        tracing::info!("the ring of keys is sealed under the next key: give it as `node.ring_key`");
    }
    Ok(node)
}

fn announce(data: &Path, address: std::net::SocketAddr) -> std::io::Result<()> {
    let text = json!({ "pid": std::process::id(), "listen": address.to_string() }).to_string();
    files::write_private(&data.join(READY), text.as_bytes())
}
