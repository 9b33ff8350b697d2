//! Signed heads of the audit log, sent off this machine: whoever changes the log here cannot change what was said of it there.
//!
//! A place is a folder, such as one that another machine exports, or an HTTPS endpoint that takes `PUT`, such as a bucket of S3.
//! A place that does not take heads is tried again; how long it has been behind is a metric, and an alarm past a bound.

use std::time::Duration;

use parking_lot::Mutex;
use postern_config::directory::{Directory, SignedHead};
use postern_config::settings::AuditSettings;
use serde_json::{Value, json};

use super::depot::Depot;
use crate::clock::Clock;
use crate::observe::Reading;

/// So many intervals behind, a place is an alarm.
const LATE_INTERVALS: u32 = 5;

/// Sends heads.
#[derive(Debug)]
pub(crate) struct Heads {
    directory: Directory,
    every: Duration,
    clock: Clock,
    /// The lock is held while numbers are read or written.
    places: Vec<(Depot, Mutex<Sent>)>,
}

/// How far one place is.
#[derive(Clone, Debug, Default)]
struct Sent {
    /// Records of the last head that it took.
    records: Option<u64>,
    /// When the first record came that it knows nothing of; none where it knows all.
    behind_since_ms: Option<u64>,
    failures: u64,
    fault: Option<String>,
    is_alarmed: bool,
}

impl Heads {
    pub(super) fn new(directory: Directory, audit: &AuditSettings, clock: Clock) -> Self {
        let (pass, ca) = (audit.heads_pass.as_ref(), audit.heads_ca.as_deref());
        let depot = |at| (Depot::new(at, pass, ca, clock.clone()), Mutex::default());
        Self {
            directory,
            every: audit.heads_every,
            places: audit.heads_to.iter().map(depot).collect(),
            clock,
        }
    }

    pub(super) async fn run(&self) {
        if self.places.is_empty() {
            return;
        }
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.turn().await;
        }
    }

    /// Sends the head of now to each place that has not had it.
    async fn turn(&self) {
        let head = match self.directory.signed_head() {
            Ok(head) => head,
            Err(cause) => {
                tracing::error!(alarm = true, %cause, "the head of the audit log cannot be signed");
                return;
            }
        };
        for (place, sent) in &self.places {
            let now = self.clock.now_ms();
            {
                let mut sent = sent.lock();
                if sent.records == Some(head.records) {
                    continue;
                }
                sent.behind_since_ms.get_or_insert(now);
            }
            let outcome = self.send(place, &head).await;
            self.note(place, sent, (&head, outcome));
        }
    }

    fn note(
        &self,
        place: &Depot,
        sent: &Mutex<Sent>,
        (head, outcome): (&SignedHead, Result<(), String>),
    ) {
        let mut sent = sent.lock();
        match outcome {
            Ok(()) => {
                let failures = sent.failures;
                *sent = Sent {
                    records: Some(head.records),
                    failures,
                    ..Sent::default()
                };
            }
            Err(fault) => {
                sent.failures += 1;
                let lag = self.lag_ms(&sent);
                let late = lag > u64::from(LATE_INTERVALS).saturating_mul(ms(self.every));
                if late && !sent.is_alarmed {
                    tracing::error!(
                        alarm = true, place = %place, fault, lag_ms = lag,
                        "heads of the audit log do not get off this machine"
                    );
                    sent.is_alarmed = true;
                } else if sent.fault.as_deref() != Some(&*fault) {
                    tracing::warn!(place = %place, fault, "a head of the audit log was not taken");
                }
                sent.fault = Some(fault);
            }
        }
    }

    fn lag_ms(&self, sent: &Sent) -> u64 {
        let now = self.clock.now_ms();
        sent.behind_since_ms
            .map_or(0, |since| now.saturating_sub(since))
    }

    async fn send(&self, place: &Depot, head: &SignedHead) -> Result<(), String> {
        let text = serde_json::to_vec(head).map_err(|cause| cause.to_string())?;
        let name = format!("{}-{:016x}.json", head.directory, head.records);
        place.keep(&name, text.into()).await
    }

    /// How far each place is, for the admin side.
    pub(super) fn told(&self) -> Value {
        let places = self.places.iter().map(|(place, sent)| {
            let sent = sent.lock().clone();
            json!({
                "place": place.to_string(),
                "records": sent.records,
                "lag_seconds": self.lag_ms(&sent) / 1_000,
                "failures": sent.failures,
                "fault": sent.fault,
            })
        });
        places.collect()
    }

    pub(super) fn readings(&self) -> Vec<Reading> {
        let sent: Vec<Sent> = self
            .places
            .iter()
            .map(|(_, sent)| sent.lock().clone())
            .collect();
        let lag = sent.iter().map(|sent| self.lag_ms(sent)).max().unwrap_or(0);
        vec![
            Reading::gauge(
                "audit_head_lag_seconds",
                "How long the place that is furthest behind lacks a head of the audit log",
                lag / 1_000,
            ),
            Reading::counter(
                "audit_head_failures",
                "Heads of the audit log that a place did not take",
                sent.iter().map(|sent| sent.failures).sum(),
            ),
        ]
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
