//! What is known of each request afterwards: the access log, the metrics, and the program's own log.
//!
//! The access log is not logging: one entry a request, every outcome, also "the client went away".

mod entry;
mod escape;
mod id;
mod json;
mod metrics;
mod resource;
mod riding;
mod text;
mod trace;
mod writer;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use entry::{Entry, Modules, Signed};
pub use id::{NotARequestId, RequestId};
pub use metrics::{Kind, Metrics, OpenConnection, Reading};
pub use riding::Riding;
pub use trace::{start_tracing, trace_panics};
pub(crate) use writer::Writer;
pub use writer::{Full, Sinks, Target};

use postern_config::metering::Meter;
use postern_config::usage::{ENDED_KEPT, Ended};
use tokio::sync::broadcast;

use entry::Record;

/// Where entries go. Shared by all requests; never changed.
pub struct Observer {
    ids: id::Ids,
    place: Place,
    json: Option<Writer>,
    text: Option<Writer>,
    metrics: Metrics,
    meter: Option<Arc<Meter>>,
    /// To whoever watches.
    watched: broadcast::Sender<Arc<Ended>>,
    blocks: bool,
}

/// What is the same in each entry.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The region.
    pub region: String,
    /// The name of this edge, as `x-amz-id-2` and the log's host id.
    pub host_id: String,
}

/// What an observer is made of.
#[derive(Clone, Debug, Default)]
pub struct ObserverOptions {
    /// Where JSON lines go, if anywhere.
    pub json: Option<Target>,
    /// Where lines in the format of S3's server access log go, if anywhere.
    pub text: Option<Target>,
    /// What happens when lines come faster than they can be written.
    pub full: Full,
    /// What is the same in each entry.
    pub place: Place,
    /// Where request ids begin: random, so that two runs share none.
    pub seed: u64,
    /// What counts requests for the bill, if anything.
    pub meter: Option<Arc<Meter>>,
    /// Whether requests are refused while a log cannot be written.
    pub blocks: bool,
}

impl Observer {
    /// Opens the log files.
    ///
    /// # Errors
    /// A file cannot be opened for appending.
    pub fn open(options: ObserverOptions) -> io::Result<Arc<Self>> {
        let open = |target: Option<Target>| {
            target
                .map(|target| Writer::start(target, options.full))
                .transpose()
        };
        let (json, text) = (open(options.json.clone())?, open(options.text.clone())?);
        let metrics = Metrics::new();
        let lost: Vec<_> = [&json, &text]
            .into_iter()
            .flatten()
            .map(Writer::lost)
            .collect();
        metrics.watch(move || {
            vec![Reading::counter(
                "access_log_lost_lines",
                "Lines of the access log that could not be written",
                lost.iter().map(|lost| lost.load(Ordering::Relaxed)).sum(),
            )]
        });
        Ok(Arc::new(Self {
            ids: id::Ids::new(options.seed),
            place: options.place,
            json,
            text,
            metrics,
            meter: options.meter,
            watched: broadcast::Sender::new(ENDED_KEPT),
            blocks: options.blocks,
        }))
    }

    /// An observer that writes nothing, for tests.
    pub fn silent() -> Arc<Self> {
        let place = Place::default();
        Arc::new(Self {
            ids: id::Ids::new(0),
            place,
            json: None,
            text: None,
            metrics: Metrics::new(),
            meter: None,
            watched: broadcast::Sender::new(1),
            blocks: false,
        })
    }

    /// Whether requests are refused now, since what is done could not be written down. The refusals themselves are the lines by
    /// which it is found out that it can be again.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocks
            && [&self.json, &self.text]
                .into_iter()
                .flatten()
                .any(Writer::is_failing)
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What counts requests, where anything does.
    pub fn meter(&self) -> Option<&Arc<Meter>> {
        self.meter.as_ref()
    }

    /// Requests as they end, from now on.
    pub fn requests(&self) -> broadcast::Receiver<Arc<Ended>> {
        self.watched.subscribe()
    }

    /// The name of this edge, for `x-amz-id-2`.
    pub fn host_id(&self) -> &str {
        &self.place.host_id
    }

    /// Opens the log files again under their names, after they were moved away.
    pub fn reopen(&self) {
        for writer in [&self.json, &self.text].into_iter().flatten() {
            writer.reopen();
        }
    }

    /// Writes what is pending and closes the log files. Entries that come later are lost, and counted.
    pub fn close(&self) {
        for writer in [&self.json, &self.text].into_iter().flatten() {
            writer.close();
        }
    }

    /// Writes an entry. Each is written once.
    fn write(&self, record: &Record) {
        let total = record.started.elapsed();
        self.metrics.request(record, total);
        if let Some(meter) = &self.meter {
            meter.count(&record.event(total));
        }
        // Where nobody watches nothing is made.
        if self.watched.receiver_count() > 0 {
            drop(self.watched.send(Arc::new(record.ended(total))));
        }
        if self.json.is_none() && self.text.is_none() {
            return;
        }
        // Taken and given back, so that a line that panics leaves nothing behind.
        let mut line = LINE.take();
        if let Some(writer) = &self.json {
            json::write(record, total, &self.place, &mut line);
            writer.append(&line);
            line.clear();
        }
        if let Some(writer) = &self.text {
            text::write(record, total, &self.place, &mut line);
            writer.append(&line);
            line.clear();
        }
        LINE.set(line);
    }
}

thread_local! {
    /// Where a line is written before it is appended: the memory of the worker's last one.
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
