//! A node on another machine, as the gate asks it.
//!
//! What requests ask of a node in this process without waiting (whether it takes writes, what browsers are told of a bucket, whether
//! it keeps versions) is a copy here. The node says every second at which revision it is, and whoever changes a configuration through
//! this gate reads the copy on before he answers. A copy that is older than [`NODE_PULSE_AGE_MAX`] counts for nothing: the node is
//! away then, browsers are told nothing, and no bucket counts as one that keeps versions.

mod body;
mod care;
mod exchange;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use postern_config::settings::NodeElsewhere;
use s3_protocol::BucketId;
use s3_protocol::setting::Versioning;
use serde::de::DeserializeOwned;
use storage_node::{Configuration, ConfigurationChanges, NodeError, NodeStats, Payload, Recheck};

pub(super) use body::RemoteBody;
pub(crate) use care::RemoteCare;

use super::link::Link;
use super::wire::{Call, CareCounts, Pulse};
use crate::limits::{
    NODE_CALL_TIME, NODE_PULSE_AGE_MAX, NODE_PULSE_TIME, NODE_RETRY_TIME_MAX, NODE_RETRY_TIME_MIN,
};

/// A node on another machine.
#[derive(Debug)]
pub(crate) struct Remote {
    /// For calls of requests.
    link: Link,
    /// For what the gate asks on its own account: it waits for no request, and does not count as too much.
    own: Link,
    /// Guards the copy for the time of one look or one page.
    known: RwLock<Known>,
    /// Held by the one who reads the copy on.
    following: tokio::sync::Mutex<()>,
}

/// What is known of it.
#[derive(Debug)]
struct Known {
    pulse: Option<Pulse>,
    /// When it said so.
    at: Instant,
    /// Why it is away.
    away: Option<String>,
    opening: u64,
    revision: u64,
    /// Whether the copy is all there is.
    is_whole: bool,
    configurations: HashMap<BucketId, Arc<Configuration>>,
    /// Buckets of which something is being configured.
    doubted: Vec<BucketId>,
}

/// A bucket of which something is being configured.
#[derive(Debug)]
struct Doubt<'a> {
    remote: &'a Remote,
    bucket: BucketId,
    is_settled: bool,
}

impl Remote {
    pub(crate) fn new(at: NodeElsewhere) -> Self {
        Self {
            link: Link::new(at.clone()),
            own: Link::new(at),
            known: RwLock::new(Known {
                pulse: None,
                at: Instant::now(),
                away: Some("nobody has asked it yet".to_owned()),
                opening: 0,
                revision: 0,
                is_whole: false,
                configurations: HashMap::new(),
                doubted: Vec::new(),
            }),
            following: tokio::sync::Mutex::default(),
        }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> String {
        self.link.address()
    }

    /// Stays in touch with the node, and tries to reach it while it is away. It runs until the gate stops.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut pause = NODE_RETRY_TIME_MIN;
        loop {
            if self.look().await.is_ok() {
                pause = NODE_RETRY_TIME_MIN;
                tokio::select! {
                    () = tokio::time::sleep(NODE_PULSE_TIME) => {}
                    () = self.own.lost() => {}
                }
            } else {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(NODE_RETRY_TIME_MAX);
            }
        }
    }

    /// Waits until the node is there.
    ///
    /// # Errors
    /// It was not within `limit`; why not, as of last.
    pub(crate) async fn arrive(&self, limit: Duration) -> Result<(), String> {
        let until = Instant::now() + limit;
        loop {
            match self.look().await {
                Ok(()) => return Ok(()),
                Err(cause) if Instant::now() >= until => return Err(cause),
                Err(_) => tokio::time::sleep(NODE_RETRY_TIME_MIN).await,
            }
        }
    }

    /// Asks the node how it is, and follows what is configured there.
    async fn look(&self) -> Result<(), String> {
        let looked = tokio::time::timeout(NODE_PULSE_AGE_MAX, async {
            let pulse: Pulse = self.ask(Call::Pulse).await?;
            if !self.has(&pulse) {
                self.follow().await?;
            }
            Ok(pulse)
        });
        let looked = looked
            .await
            .unwrap_or_else(|_| Err(NodeError::Away("it does not answer".to_owned())));
        match looked {
            Ok(pulse) => {
                self.arrived(pulse);
                Ok(())
            }
            Err(error) => {
                let cause = match error {
                    NodeError::Away(cause) => self.own.take_cause().unwrap_or(cause),
                    other => other.to_string(),
                };
                self.link.give_up();
                self.own.give_up();
                self.left(&cause);
                Err(cause)
            }
        }
    }

    fn arrived(&self, pulse: Pulse) {
        let mut known = self.known.write();
        known.pulse = Some(pulse);
        known.at = Instant::now();
        if known.away.take().is_some() {
            tracing::info!(node.address = %self.address(), "the object node is there");
        }
    }

    fn left(&self, cause: &str) {
        let mut known = self.known.write();
        let before = known.away.replace(cause.to_owned());
        if before.as_deref() != Some(cause) {
            tracing::error!(alarm = true, node.address = %self.address(), cause, "the object node cannot be reached");
        }
    }

    fn has(&self, pulse: &Pulse) -> bool {
        let known = self.known.read();
        known.is_whole && (known.opening, known.revision) == (pulse.opening, pulse.revision)
    }

    /// Reads on what is configured, to the end.
    async fn follow(&self) -> Result<(), NodeError> {
        let _alone = self.following.lock().await;
        loop {
            let (opening, from) = {
                let known = self.known.read();
                (known.opening, known.revision)
            };
            let (now, page): (u64, ConfigurationChanges) =
                self.ask(Call::ConfigurationsSince(from)).await?;
            let is_more = page.is_more;
            let mut known = self.known.write();
            if now != opening && from != 0 {
                // Revisions of another opening say nothing here.
                (known.opening, known.revision, known.is_whole) = (now, 0, false);
                continue;
            }
            known.take(page, now);
            if !is_more {
                return Ok(());
            }
        }
    }

    /// Has something configured of a bucket through this gate. Until the copy has been read on, nothing is said of that bucket; where
    /// that fails, or the caller goes away, nothing is said of any until the copy has been read.
    pub(super) async fn configure<T: DeserializeOwned>(
        &self,
        bucket: BucketId,
        call: Call,
    ) -> Result<T, NodeError> {
        let mut doubt = Doubt::new(self, bucket);
        let answer = self.call(call, None).await;
        if let Err(error) = self.follow().await {
            tracing::warn!(%error, "what was configured is read later");
        } else {
            doubt.is_settled = !answer.as_ref().is_err_and(NodeError::is_in_doubt);
        }
        answer
    }

    /// Why the node is away; none: it is there.
    pub(crate) fn away(&self) -> Option<String> {
        let known = self.known.read();
        if known.away.is_none() && known.at.elapsed() > NODE_PULSE_AGE_MAX {
            return Some("it has not answered lately".to_owned());
        }
        known.away.clone()
    }

    /// What it does and holds, as of the last answer.
    pub(crate) fn stats(&self) -> NodeStats {
        let known = self.known.read();
        let pulse = known.pulse.as_ref();
        pulse.map(|it| it.stats.clone()).unwrap_or_default()
    }

    /// What its compaction has done, as of the last answer.
    pub(crate) fn care(&self) -> CareCounts {
        let known = self.known.read();
        known.pulse.as_ref().map(|it| it.care).unwrap_or_default()
    }

    /// Whether a write would be taken, as of the last answer. The node looks again.
    ///
    /// # Errors
    /// As of a node in this process, and [`NodeError::Away`].
    pub(crate) fn ready_for_writes(&self) -> Result<(), NodeError> {
        self.is_there()?;
        let known = self.known.read();
        known
            .pulse
            .as_ref()
            .map_or(Ok(()), |pulse| pulse.ready.clone())
    }

    /// What is configured of a bucket, as far as the copy counts.
    pub(crate) fn configuration(&self, bucket: BucketId) -> Option<Arc<Configuration>> {
        let known = self.known.read();
        let counts = known.is_whole && known.away.is_none();
        let counts = counts && known.at.elapsed() <= NODE_PULSE_AGE_MAX;
        let counts = counts && !known.doubted.contains(&bucket);
        let found = known.configurations.get(&bucket).filter(|_| counts);
        found.map(Arc::clone)
    }

    /// Whether each write of a bucket makes a version.
    pub(crate) fn keeps_versions(&self, bucket: BucketId) -> bool {
        let configuration = self.configuration(bucket);
        configuration.is_some_and(|it| it.versioning == Some(Versioning::Enabled))
    }

    fn is_there(&self) -> Result<(), NodeError> {
        self.away()
            .map_or(Ok(()), |cause| Err(NodeError::Away(cause)))
    }

    /// Asks without a payload.
    ///
    /// # Errors
    /// What the node answers, and [`NodeError::Away`]: it may have been done.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        call: Call,
        recheck: Option<Recheck>,
    ) -> Result<T, NodeError> {
        self.is_there()?;
        let answer = exchange::plain(&self.link, &call, recheck);
        if call.is_short() {
            within(answer).await
        } else {
            answer.await
        }
    }

    /// Asks with a payload, which flows while the call waits.
    ///
    /// # Errors
    /// As [`Remote::call`].
    pub(super) async fn upload<T: DeserializeOwned, P: Payload>(
        &self,
        call: Call,
        recheck: Option<Recheck>,
        payload: P,
    ) -> Result<T, NodeError> {
        self.is_there()?;
        exchange::with_payload(&self.link, &call, recheck, payload).await
    }

    /// Asks for what is answered with a body.
    ///
    /// # Errors
    /// As [`Remote::call`].
    pub(super) async fn fetch<T: DeserializeOwned>(
        &self,
        call: Call,
        length: impl FnOnce(&T) -> u64,
    ) -> Result<(T, RemoteBody), NodeError> {
        self.is_there()?;
        let (answer, flow) = within(exchange::open(&self.link, &call)).await?;
        let length = length(&answer);
        Ok((answer, RemoteBody::new(flow, length)))
    }

    /// Asks whether or not the node is known to be there.
    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, NodeError> {
        exchange::plain(&self.own, &call, None).await
    }
}

impl<'a> Doubt<'a> {
    fn new(remote: &'a Remote, bucket: BucketId) -> Self {
        remote.known.write().doubted.push(bucket);
        Self {
            remote,
            bucket,
            is_settled: false,
        }
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let mut known = self.remote.known.write();
        let found = known.doubted.iter().position(|it| *it == self.bucket);
        found.map(|at| known.doubted.swap_remove(at));
        known.is_whole &= self.is_settled;
    }
}

impl Known {
    fn take(&mut self, page: ConfigurationChanges, opening: u64) {
        if page.is_anew {
            self.configurations.clear();
        }
        for (bucket, configuration) in page.changes {
            match configuration {
                Some(configuration) => self.configurations.insert(bucket, configuration),
                None => self.configurations.remove(&bucket),
            };
        }
        self.opening = opening;
        self.revision = page.revision;
        self.is_whole = !page.is_more;
    }
}

async fn within<T>(asked: impl Future<Output = Result<T, NodeError>>) -> Result<T, NodeError> {
    let answered = tokio::time::timeout(NODE_CALL_TIME, asked).await;
    answered.unwrap_or_else(|_| {
        Err(NodeError::Away(format!(
            "no answer within {NODE_CALL_TIME:?}"
        )))
    })
}
