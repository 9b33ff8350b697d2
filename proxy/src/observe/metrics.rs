//! Counters, in Prometheus form. Labels are small closed sets: operations, results, codes; never a key, bucket or tenant.
//!
//! On the path of a request everything is an addition to a number at a known place; names are looked up when somebody
//! scrapes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use s3_protocol::{Operation, S3Code};

use super::entry::{Outcome, Record};

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    30.0, 300.0,
];

/// Why connections come to no request.
const CONNECTION_CAUSES: [&str; 6] = [
    "limit",
    "address_limit",
    "proxy_protocol",
    "tls",
    "handshake_time",
    "accept",
];

/// What is counted.
pub struct Metrics {
    numbers: Arc<Numbers>,
    /// What is written when somebody scrapes. Held while it is.
    registry: Mutex<Registry>,
}

/// The kind of a number that somebody else keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A number that somebody else keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its name, such as `tree_hits`.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The number.
    pub number: u64,
    /// Which of several things of a kind it is of, such as `disk="/srv/a"`: there are few, and the operator names them.
    pub label: Option<(&'static str, String)>,
}

impl Reading {
    /// A number that only grows.
    pub const fn counter(name: &'static str, help: &'static str, number: u64) -> Self {
        Self {
            name,
            help,
            kind: Kind::Counter,
            number,
            label: None,
        }
    }

    /// A number that goes up and down.
    pub const fn gauge(name: &'static str, help: &'static str, number: u64) -> Self {
        Self {
            name,
            help,
            kind: Kind::Gauge,
            number,
            label: None,
        }
    }

    fn labelled(&self) -> Option<(&'static str, &str, &Self)> {
        let (label, which) = self.label.as_ref()?;
        Some((label, which, self))
    }

    fn encode(&self, metric: MetricEncoder<'_>) -> fmt::Result {
        match self.kind {
            Kind::Counter => ConstCounter::new(self.number).encode(metric),
            Kind::Gauge => {
                ConstGauge::new(i64::try_from(self.number).unwrap_or(i64::MAX)).encode(metric)
            }
        }
    }

    /// The same of one of several things.
    #[must_use]
    pub fn of(self, label: &'static str, which: &str) -> Self {
        Self {
            label: Some((label, which.to_owned())),
            ..self
        }
    }
}

struct Numbers {
    requests: Vec<[AtomicU64; Outcome::ALL.len()]>,
    errors: Vec<AtomicU64>,
    request_seconds: Latency,
    first_byte_seconds: Latency,
    decision_seconds: Latency,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    open: AtomicI64,
    opened: AtomicU64,
    failed: [AtomicU64; CONNECTION_CAUSES.len()],
    panics: AtomicU64,
}

#[derive(Default)]
struct Latency {
    buckets: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
}

/// A connection that is open as long as this is.
pub struct OpenConnection(Arc<Numbers>);

impl Metrics {
    pub(super) fn new() -> Self {
        let numbers = Arc::new(Numbers {
            requests: std::iter::repeat_with(Default::default)
                .take(Operation::ALL.len() + 1)
                .collect(),
            errors: std::iter::repeat_with(Default::default)
                .take(S3Code::ALL.len())
                .collect(),
            request_seconds: Latency::default(),
            first_byte_seconds: Latency::default(),
            decision_seconds: Latency::default(),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            open: AtomicI64::new(0),
            opened: AtomicU64::new(0),
            failed: Default::default(),
            panics: AtomicU64::new(0),
        });
        let mut registry = Registry::with_prefix("postern");
        registry.register_collector(Box::new(Scrape(Arc::clone(&numbers))));
        Self {
            numbers,
            registry: Mutex::new(registry),
        }
    }

    /// Adds numbers that somebody else keeps: `read` is called once when somebody scrapes. Each name gets the prefix `postern_`,
    /// and a counter's the suffix `_total`.
    pub fn watch(&self, read: impl Fn() -> Vec<Reading> + Send + Sync + 'static) {
        self.registry
            .lock()
            .register_collector(Box::new(Watched(Box::new(read))));
    }

    /// A decision took `time`.
    pub fn decided(&self, time: Duration) {
        self.numbers.decision_seconds.add(time);
    }

    /// A connection was accepted.
    pub fn connection_opened(&self) -> OpenConnection {
        self.numbers.open.fetch_add(1, Ordering::Relaxed);
        add(&self.numbers.opened, 1);
        OpenConnection(Arc::clone(&self.numbers))
    }

    /// A connection came to no request.
    pub fn connection_failed(&self, cause: &'static str) {
        let place = CONNECTION_CAUSES.iter().position(|known| *known == cause);
        debug_assert!(place.is_some(), "{cause} is not listed");
        if let Some(count) = place.and_then(|place| self.numbers.failed.get(place)) {
            add(count, 1);
        }
    }

    /// A request panicked.
    pub fn panicked(&self) {
        add(&self.numbers.panics, 1);
    }

    /// How many requests panicked.
    pub fn panics(&self) -> u64 {
        self.numbers.panics.load(Ordering::Relaxed)
    }

    pub(super) fn request(&self, record: &Record, total: Duration) {
        let numbers = &self.numbers;
        let place = record
            .operation
            .map_or(Operation::ALL.len(), |operation| operation as usize);
        if let Some(count) = numbers
            .requests
            .get(place)
            .and_then(|row| row.get(record.outcome() as usize))
        {
            add(count, 1);
        }
        if let Some(count) = record
            .code
            .and_then(|code| numbers.errors.get(code as usize))
        {
            add(count, 1);
        }
        numbers.request_seconds.add(total);
        if let Some(time) = record.turn_around {
            numbers.first_byte_seconds.add(time);
        }
        add(&numbers.bytes_sent, record.sent);
        add(&numbers.bytes_received, record.received);
    }

    /// All metrics as text. Source: OpenMetrics 1.0.
    pub fn scrape(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock();
        let encoded = prometheus_client::encoding::text::encode(&mut text, &registry);
        debug_assert!(encoded.is_ok(), "writing to memory cannot fail");
        text
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Latency {
    fn add(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let place = BUCKETS
            .iter()
            .position(|bound| seconds <= *bound)
            .unwrap_or(BUCKETS.len());
        if let Some(bucket) = self.buckets.get(place) {
            add(bucket, 1);
        }
        add(
            &self.nanoseconds,
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
        );
    }

    fn encode(&self, name: &str, help: &str, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let bounds = BUCKETS.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(self.buckets.iter().map(get)).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(get(&self.nanoseconds)).as_secs_f64();
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

fn add(number: &AtomicU64, by: u64) {
    number.fetch_add(by, Ordering::Relaxed);
}

fn get(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

/// Writes all numbers. Those that are zero among many are left out.
struct Scrape(Arc<Numbers>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.requests(&mut encoder)?;
        self.errors(&mut encoder)?;
        self.connections(&mut encoder)?;
        let numbers = &self.0;
        for (name, help, number) in [
            (
                "sent_bytes",
                "Bytes of answers' bodies",
                &numbers.bytes_sent,
            ),
            (
                "received_bytes",
                "Bytes of requests' bodies",
                &numbers.bytes_received,
            ),
            ("panics", "Requests that ended in a panic", &numbers.panics),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(get(number)).encode(metric)?;
        }
        for (name, help, latency) in [
            (
                "request_seconds",
                "From a request's head to its answer's end",
                &numbers.request_seconds,
            ),
            (
                "first_byte_seconds",
                "From head to head",
                &numbers.first_byte_seconds,
            ),
            (
                "decision_seconds",
                "What policies take",
                &numbers.decision_seconds,
            ),
        ] {
            latency.encode(name, help, &mut encoder)?;
        }
        Ok(())
    }
}

impl Scrape {
    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric =
            encoder.encode_descriptor("requests", "Requests", None, MetricType::Counter)?;
        let names = Operation::ALL
            .iter()
            .map(|operation| operation.name())
            .chain(["-"]);
        for (name, row) in names.zip(&self.0.requests) {
            for (outcome, count) in Outcome::ALL.iter().zip(row) {
                if get(count) > 0 {
                    let labels = [("op", name), ("result", outcome.name())];
                    ConstCounter::new(get(count)).encode(metric.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }

    fn errors(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests that were refused, by code";
        let mut metric = encoder.encode_descriptor("denied", help, None, MetricType::Counter)?;
        for (code, count) in S3Code::ALL.iter().zip(&self.0.errors) {
            if get(count) > 0 {
                let labels = [("reason", code.as_str())];
                ConstCounter::new(get(count)).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn connections(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let numbers = &self.0;
        let (name, help) = ("connections_failed", "Connections that came to no request");
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (cause, count) in CONNECTION_CAUSES.iter().zip(&numbers.failed) {
            ConstCounter::new(get(count)).encode(metric.encode_family(&[("cause", *cause)])?)?;
        }
        let (name, help) = ("connections_opened", "Connections that were accepted");
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(get(&numbers.opened)).encode(metric)?;
        let (name, help) = ("connections_open", "Connections that are open");
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(numbers.open.load(Ordering::Relaxed)).encode(metric)
    }
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

struct Watched(Box<dyn Fn() -> Vec<Reading> + Send + Sync>);

impl Collector for Watched {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut readings = (self.0)();
        // What is of several things has its name and its help once.
        readings.sort_by_key(|it| it.name);
        for all in readings.chunk_by(|one, next| one.name == next.name) {
            let Some(first) = all.first() else { continue };
            let kind = match first.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(first.name, first.help, None, kind)?;
            for (label, which, reading) in all.iter().filter_map(Reading::labelled) {
                let labels = [(label, which)];
                reading.encode(metric.encode_family(&labels)?)?;
            }
            if first.label.is_none() {
                first.encode(metric)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenConnection")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_scraped() {
        let metrics = Metrics::new();
        let open = metrics.connection_opened();
        metrics.connection_failed("tls");
        metrics.decided(Duration::from_micros(200));
        metrics.watch(|| {
            let free = |disk: &str, number| Reading::gauge("free", "Free", number).of("disk", disk);
            vec![
                free("/srv/a", 1),
                Reading::gauge("trees", "Trees", 7),
                free("/srv/b", 2),
            ]
        });
        let text = metrics.scrape();
        for line in [
            "postern_connections_open 1",
            "postern_connections_opened_total 1",
            "postern_connections_failed_total{cause=\"tls\"} 1",
            "postern_decision_seconds_bucket{le=\"0.0001\"} 0",
            "postern_decision_seconds_bucket{le=\"0.00025\"} 1",
            "postern_decision_seconds_bucket{le=\"+Inf\"} 1",
            "postern_decision_seconds_count 1",
            "postern_trees 7",
            "postern_free{disk=\"/srv/a\"} 1",
            "postern_free{disk=\"/srv/b\"} 2",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert_eq!(text.matches("# HELP postern_free ").count(), 1, "{text}");
        drop(open);
        assert!(metrics.scrape().contains("postern_connections_open 0"));
    }
}
