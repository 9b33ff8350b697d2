//! Finds in the log what is dead: records of versions that no row names, and what ended them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use s3_protocol::{BucketId, VersionId};

use super::{Deleted, Ending};
use crate::effects::{Pending, is_null};
use crate::error::NodeError;
use crate::keys;
use crate::limits::DELETED_MAX;
use crate::node::pace::{Rate, waiting};
use crate::node::{Inner, Node};
use crate::record::Kind;
use crate::record::fields::{Fields, VersionMark};
use crate::recovery::scan::{Round, Scan, Scanned};
use crate::row::{self, Place, damaged};

/// A walk through the log for what was deleted under a prefix.
pub(super) struct Search {
    prefix: Vec<u8>,
    since_ms: u64,
    /// By key.
    dead: BTreeMap<Vec<u8>, Vec<Dead>>,
    count: usize,
}

struct Dead {
    place: Place,
    fields: Fields,
    ended: Option<(u64, Ending)>,
}

/// A version's name, where one that was written in a bucket without versions has that of the `null` one.
fn name(mark: Option<VersionMark>) -> VersionId {
    mark.filter(|_| !is_null(mark))
        .map_or(VersionId::Null, VersionMark::id)
}

impl Search {
    pub(super) fn new(bucket: BucketId, prefix: &str, since_ms: u64) -> Self {
        Self {
            prefix: keys::object_from(bucket, prefix),
            since_ms,
            dead: BTreeMap::new(),
            count: 0,
        }
    }

    /// Looks at a round's records, in their order.
    fn take(&mut self, inner: &Inner, round: &Round) -> Result<(), NodeError> {
        for record in round.records() {
            let seen = record.as_rows_see_it();
            let is_of_object = matches!(seen.kind, Kind::Version | Kind::Delete | Kind::Amend);
            if !is_of_object || !seen.key.starts_with(&self.prefix) {
                continue;
            }
            let fields = Fields::decode(seen.fields).map_err(damaged)?;
            match seen.kind {
                Kind::Version => {
                    let marker = fields.version.is_some_and(|mark| mark.marker);
                    if is_null(fields.version) {
                        let ending = if marker {
                            Ending::Deleted
                        } else {
                            Ending::Overwritten
                        };
                        let ended = (fields.time_ms, ending);
                        self.end(seen.key, (VersionId::Null, seen.place), ended);
                    }
                    if !marker && is_dead(inner, seen.key, &fields, seen.place)? {
                        self.add(seen.key, seen.place, fields)?;
                    }
                }
                Kind::Delete => {
                    let named = (name(fields.version), seen.place);
                    self.end(seen.key, named, (round.time_ms(), Ending::Deleted));
                }
                _ => self.amend(seen.key, &fields),
            }
        }
        Ok(())
    }

    fn add(&mut self, key: &[u8], place: Place, fields: Fields) -> Result<(), NodeError> {
        let all = self.dead.entry(key.to_vec()).or_default();
        // Compaction moved it while it stood: the later place is the one that is kept.
        if let Some(old) = all.iter_mut().find(|old| old.place.lsn == place.lsn) {
            *old = Dead {
                place,
                fields,
                ended: None,
            };
            return Ok(());
        }
        all.push(Dead {
            place,
            fields,
            ended: None,
        });
        self.count += 1;
        if self.count > DELETED_MAX {
            return Err(NodeError::NotThere(format!(
                "more than {DELETED_MAX} objects were deleted there: ask for a longer prefix"
            )));
        }
        Ok(())
    }

    /// A record ended the version of this name that was written before it.
    fn end(&mut self, key: &[u8], (named, at): (VersionId, Place), ended: (u64, Ending)) {
        let since_ms = self.since_ms;
        let Some(all) = self.dead.get_mut(key) else {
            return;
        };
        for dead in all.iter_mut() {
            let is_it = name(dead.fields.version) == named && dead.place.lsn < at.lsn;
            if is_it && dead.ended.is_none() {
                dead.ended = Some(ended);
            }
        }
        let before = all.len();
        all.retain(|dead| dead.ended.is_none_or(|(ms, _)| ms >= since_ms));
        self.count -= before - all.len();
    }

    fn amend(&mut self, key: &[u8], change: &Fields) {
        let all = self.dead.get_mut(key).into_iter().flatten();
        let named = name(change.version);
        for dead in all.filter(|it| it.ended.is_none() && name(it.fields.version) == named) {
            if change.amends.tags {
                dead.fields.tags.clone_from(&change.tags);
            }
            if change.amends.retention {
                dead.fields.retention = change.retention;
            }
            if change.amends.legal_hold {
                dead.fields.legal_hold = change.legal_hold;
            }
        }
    }

    /// What ended within the time, by key.
    pub(super) fn into_found(self) -> Result<Vec<Deleted>, NodeError> {
        let mut found = Vec::new();
        for (key, all) in self.dead {
            let bucket = keys::bucket_of(&key).map_err(damaged)?;
            let text = keys::object_text(&key).map_err(damaged)?.to_owned();
            for Dead {
                place,
                fields,
                ended,
            } in all
            {
                let Some((ended_ms, ending)) = ended else {
                    continue;
                };
                found.push(Deleted {
                    bucket,
                    key: text
                        .parse()
                        .map_err(|_| NodeError::Damaged("a key of the log".to_owned()))?,
                    version: name(fields.version),
                    size: fields.size,
                    etag: fields.etag.clone(),
                    written_ms: fields.time_ms,
                    ended_ms,
                    ending,
                    place,
                    fields: Box::new(fields),
                });
            }
        }
        Ok(found)
    }
}

/// Whether no row has this version any more.
fn is_dead(inner: &Inner, key: &[u8], fields: &Fields, place: Place) -> Result<bool, NodeError> {
    let mark = fields.version.unwrap_or(VersionMark {
        id: 0,
        null: true,
        marker: false,
    });
    let Some(found) = Pending::new(&inner.store).named(key, mark)? else {
        return Ok(true);
    };
    let (at, _) = row::decode(&found.key, &found.row)?;
    Ok(at.lsn != place.lsn)
}

impl Node {
    /// Walks through the whole log.
    pub(super) async fn search(&self, search: &mut Search, rate: Rate) -> Result<(), NodeError> {
        self.each_round(rate, |round| search.take(&self.inner, round))
            .await
    }

    /// Calls with every round that is flushed by now, in their order. Volumes stay while they are read.
    pub(super) async fn each_round(
        &self,
        rate: Rate,
        mut look: impl FnMut(&Round) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        let hold = self.hold_volumes();
        let last = self.inner.writer.last_lsn.load(Ordering::Acquire);
        for volume in self.inner.volumes.all() {
            let number = volume.head.number;
            let mut scan = Scan::of_one(&volume, self.inner.volumes.after(number), Some(last));
            loop {
                let from = scan.position().offset;
                let step = waiting(move || {
                    let scanned = scan.next();
                    Ok((scan, scanned))
                });
                let (walked, scanned) = step.await?;
                scan = walked;
                let round = match scanned {
                    Ok(Scanned::Round(round)) if round.after().volume == number => round,
                    Ok(_) => break,
                    Err(error) => {
                        // What is behind the damage cannot be found; what is in other volumes can.
                        tracing::error!(%error, volume = number, "a volume cannot be read to its end");
                        break;
                    }
                };
                look(&round)?;
                rate.spend(round.after().offset.saturating_sub(from)).await;
            }
        }
        drop(hold);
        Ok(())
    }
}
