//! What is flushed and not yet in the index: an ordered layer in memory, in front of redb.
//!
//! There are two layers at most: the *active* one takes what the writer publishes; the *frozen* one is being moved into redb
//! and never changes. A reader looks into the active layer first and takes the base (frozen layer and redb's snapshot) after:
//! what left the active layer before he looked is in the base that he takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::{Condvar, Mutex, RwLock};
use s3_protocol::BucketId;

use crate::error::NodeError;
use crate::index::View;
use crate::keys::{self, Table};
use crate::log::Position;
use crate::record::fields::Delta;

/// What an entry of the ordered maps costs beside its key and row, in bytes (a node's share, two handles).
const ENTRY_BYTES: usize = 96;

/// A row, or the mark that there is none any more.
pub(crate) type Slot = Option<Bytes>;

/// Changes of rows, ordered by key, and of counts.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    tables: [BTreeMap<Bytes, Slot>; Table::COUNT],
    counts: BTreeMap<u128, Delta>,
    garbage: BTreeMap<u32, i64>,
    /// When something in a volume was deleted or overwritten last.
    deaths: BTreeMap<u32, u64>,
    bytes: usize,
}

impl Layer {
    fn table(&self, table: Table) -> Option<&BTreeMap<Bytes, Slot>> {
        self.tables.get(table as usize)
    }

    pub(crate) fn put(&mut self, table: Table, key: Bytes, slot: Slot) {
        let added = ENTRY_BYTES + key.len() + slot.as_ref().map_or(0, Bytes::len);
        let Some(rows) = self.tables.get_mut(table as usize) else {
            return;
        };
        let key_bytes = key.len();
        let replaced = rows.insert(key, slot);
        let freed = replaced.map_or(0, |slot| {
            ENTRY_BYTES + key_bytes + slot.as_ref().map_or(0, Bytes::len)
        });
        self.bytes = (self.bytes + added).saturating_sub(freed);
    }

    pub(crate) fn count(&mut self, bucket: BucketId, delta: Delta) {
        let counts = self.counts.entry(bucket.0).or_default();
        counts.bytes += delta.bytes;
        counts.objects += delta.objects;
    }

    pub(crate) fn waste(&mut self, volume: u32, bytes: u64) {
        *self.garbage.entry(volume).or_default() += i64::try_from(bytes).unwrap_or(i64::MAX);
    }

    /// Something in a volume was deleted or overwritten.
    pub(crate) fn died(&mut self, volume: u32, time_ms: u64) {
        let last = self.deaths.entry(volume).or_default();
        *last = time_ms.max(*last);
    }

    pub(crate) fn deaths(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.deaths.iter().map(|(volume, ms)| (*volume, *ms))
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Option<&Slot> {
        self.table(table)?.get(key)
    }

    /// Moves all of `newer` into this layer.
    pub(crate) fn absorb(&mut self, newer: Self) {
        for (table, rows) in Table::ALL.into_iter().zip(newer.tables) {
            for (key, slot) in rows {
                self.put(table, key, slot);
            }
        }
        for (bucket, delta) in newer.counts {
            self.count(BucketId(bucket), delta);
        }
        for (volume, bytes) in newer.garbage {
            *self.garbage.entry(volume).or_default() += bytes;
        }
        for (volume, time_ms) in newer.deaths {
            self.died(volume, time_ms);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn rows(&self, table: Table) -> impl Iterator<Item = (&Bytes, &Slot)> {
        self.table(table).into_iter().flatten()
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = (u128, Delta)> + '_ {
        self.counts.iter().map(|(bucket, delta)| (*bucket, *delta))
    }

    pub(crate) fn garbage(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.garbage.iter().map(|(volume, bytes)| (*volume, *bytes))
    }

    /// Its first `limit` entries in `from..end`, and whether there are more.
    fn slice(&self, span: &Span<'_>) -> Slice {
        let rows = self
            .table(span.table)
            .into_iter()
            .flat_map(|rows| match span.end {
                Some(end) if end <= span.from => rows.range::<[u8], _>((
                    std::ops::Bound::Excluded(span.from),
                    std::ops::Bound::Included(span.from),
                )),
                Some(end) => rows.range::<[u8], _>((
                    std::ops::Bound::Included(span.from),
                    std::ops::Bound::Excluded(end),
                )),
                None => rows.range::<[u8], _>((
                    std::ops::Bound::Included(span.from),
                    std::ops::Bound::Unbounded,
                )),
            });
        let mut rows: Vec<(Bytes, Slot)> = rows
            .take(span.limit + 1)
            .map(|(key, slot)| (key.clone(), slot.clone()))
            .collect();
        let more = rows.len() > span.limit;
        rows.truncate(span.limit);
        Slice { rows, more }
    }
}

/// A range of keys of a table, and how many rows are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    pub(crate) table: Table,
    /// The first key.
    pub(crate) from: &'a [u8],
    /// The first key that is not in it.
    pub(crate) end: Option<&'a [u8]>,
    pub(crate) limit: usize,
}

/// What one layer has of a span.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    pub(crate) rows: Vec<(Bytes, Slot)>,
    pub(crate) more: bool,
}

/// Rows of a span, and where the next ones begin.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<(Bytes, Bytes)>,
    pub(crate) next: Option<Vec<u8>>,
}

/// Layers over redb, from the newest, as one page of at most `limit` rows: each layer has as many.
fn merge(slices: Vec<Slice>, limit: usize) -> Page {
    // Past the last key of a slice that has more, its layer is not known.
    let cut = slices
        .iter()
        .filter(|slice| slice.more)
        .filter_map(|slice| slice.rows.last());
    let cut: Option<Bytes> = cut.map(|(key, _)| key).min().cloned();
    let known = |key: &Bytes| cut.as_ref().is_none_or(|cut| key <= cut);
    let mut layers = slices.into_iter().filter(|slice| !slice.rows.is_empty());
    let newest = layers.next().map(|slice| slice.rows).unwrap_or_default();
    let older: Vec<Slice> = layers.collect();
    let mut merged: Vec<(Bytes, Slot)> = if older.is_empty() {
        newest
    } else {
        let oldest_first = older.into_iter().rev().flat_map(|slice| slice.rows);
        let merged: BTreeMap<Bytes, Slot> = oldest_first.chain(newest).collect();
        merged.into_iter().collect()
    };
    merged.retain(|(key, _)| known(key));
    let mut rows: Vec<(Bytes, Bytes)> = merged
        .into_iter()
        .filter_map(|(key, slot)| Some((key, slot?)))
        .collect();
    let mut next = cut.map(|cut| next_key(&cut));
    if rows.len() > limit {
        rows.truncate(limit);
        next = rows.last().map(|(key, _)| next_key(key));
    }
    Page { rows, next }
}

/// The key right after `key`.
pub(crate) fn next_key(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// The frozen layer and the index behind it, always swapped together.
#[derive(Debug)]
struct Base {
    frozen: Option<Frozen>,
    view: View,
}

/// A layer that is being moved into the index, and where the log stood when it was frozen.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    pub(crate) layer: Arc<Layer>,
    pub(crate) position: Position,
}

/// The active layer and where the log stood when it was last added to.
#[derive(Debug)]
struct Active {
    layer: Layer,
    position: Position,
    /// When its first entry came.
    since: Option<Instant>,
}

/// Overlay and index as one ordered map.
#[derive(Debug)]
pub(crate) struct Store {
    active: RwLock<Active>,
    base: ArcSwap<Base>,
    /// Guards nothing but the sleep of those who wait for room, and of the applier.
    gate: Mutex<()>,
    changed: Condvar,
    bound: usize,
}

impl Store {
    pub(crate) fn new(view: View, position: Position, bound: usize) -> Self {
        let active = Active {
            layer: Layer::default(),
            position,
            since: None,
        };
        let base = Base { frozen: None, view };
        Self {
            active: RwLock::new(active),
            base: ArcSwap::from_pointee(base),
            gate: Mutex::new(()),
            changed: Condvar::new(),
            bound,
        }
    }

    /// The row of a key.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Slot, NodeError> {
        if let Some(slot) = self.active.read().layer.get(table, key) {
            return Ok(slot.clone());
        }
        self.get_base(table, key)
    }

    fn get_base(&self, table: Table, key: &[u8]) -> Result<Slot, NodeError> {
        let base = self.base.load();
        if let Some(slot) = base
            .frozen
            .as_ref()
            .and_then(|frozen| frozen.layer.get(table, key))
        {
            return Ok(slot.clone());
        }
        base.view.get(table, key)
    }

    /// The first rows of a span.
    pub(crate) fn scan(&self, span: Span<'_>) -> Result<Page, NodeError> {
        self.scan_over(None, span)
    }

    /// The same, with the writer's own pending changes before it.
    pub(crate) fn scan_over(
        &self,
        pending: Option<&Layer>,
        span: Span<'_>,
    ) -> Result<Page, NodeError> {
        let mut slices = Vec::with_capacity(4);
        slices.extend(pending.map(|pending| pending.slice(&span)));
        let (newest, base) = {
            let active = self.active.read();
            (active.layer.slice(&span), self.base.load_full())
        };
        slices.push(newest);
        slices.extend(base.frozen.as_ref().map(|frozen| frozen.layer.slice(&span)));
        slices.push(base.view.slice(&span)?);
        Ok(merge(slices, span.limit))
    }

    /// A bucket's counts beyond those in its row, and the row.
    pub(crate) fn bucket(&self, bucket: BucketId) -> Result<(Slot, Delta), NodeError> {
        let key = keys::bucket(bucket);
        let (slot, mut delta, base) = {
            let active = self.active.read();
            let delta = active
                .layer
                .counts
                .get(&bucket.0)
                .copied()
                .unwrap_or_default();
            (
                active.layer.get(Table::Buckets, &key).cloned(),
                delta,
                self.base.load_full(),
            )
        };
        let frozen = base.frozen.as_ref();
        if let Some(more) = frozen.and_then(|frozen| frozen.layer.counts.get(&bucket.0)) {
            delta.bytes += more.bytes;
            delta.objects += more.objects;
        }
        let stored = base.view.counts(bucket)?;
        delta.bytes += stored.bytes;
        delta.objects += stored.objects;
        let slot = match slot.or_else(|| frozen?.layer.get(Table::Buckets, &key).cloned()) {
            Some(slot) => slot,
            None => base.view.get(Table::Buckets, &key)?,
        };
        Ok((slot, delta))
    }

    /// When something in a volume was deleted or overwritten last, by volume. Chunks of what is dead and not cleared are the
    /// caller's to look for.
    pub(crate) fn deaths(&self) -> Result<BTreeMap<u32, u64>, NodeError> {
        let (newest, base) = {
            let active = self.active.read();
            (active.layer.deaths.clone(), self.base.load_full())
        };
        let mut all = base.view.deaths()?;
        let frozen = base.frozen.as_ref();
        let frozen = frozen.into_iter().flat_map(|it| it.layer.deaths());
        for (volume, time_ms) in frozen.chain(newest) {
            let last = all.entry(volume).or_default();
            *last = time_ms.max(*last);
        }
        Ok(all)
    }

    /// Makes a flushed round visible.
    pub(crate) fn publish(&self, round: Layer, position: Position, now: Instant) {
        let wake = {
            let mut active = self.active.write();
            let was = active.layer.bytes();
            active.layer.absorb(round);
            active.position = position;
            let first = active.since.is_none();
            active.since.get_or_insert(now);
            let half = self.bound / 2;
            first || (was < half && active.layer.bytes() >= half)
        };
        if wake {
            self.notify();
        }
    }

    /// Bytes that wait for the index.
    pub(crate) fn bytes(&self) -> usize {
        let active = self.active.read();
        let frozen = self
            .base
            .load()
            .frozen
            .as_ref()
            .map_or(0, |frozen| frozen.layer.bytes());
        active.layer.bytes() + frozen
    }

    /// Where the log stood at the last publication.
    pub(crate) fn position(&self) -> Position {
        self.active.read().position
    }

    /// Bytes of the active layer, and since when it is not empty.
    pub(crate) fn waiting(&self) -> (usize, Option<Instant>) {
        let active = self.active.read();
        (active.layer.bytes(), active.since)
    }

    /// Freezes the active layer. A layer that is frozen already (a batch that failed) comes first.
    pub(crate) fn freeze(&self) -> Frozen {
        let mut active = self.active.write();
        let base = self.base.load_full();
        if let Some(frozen) = &base.frozen {
            return frozen.clone();
        }
        let layer = Arc::new(std::mem::take(&mut active.layer));
        active.since = None;
        let frozen = Frozen {
            layer,
            position: active.position,
        };
        let view = base.view.clone();
        self.base.store(Arc::new(Base {
            frozen: Some(frozen.clone()),
            view,
        }));
        frozen
    }

    /// The frozen layer is in the index: the new view holds it.
    pub(crate) fn thaw(&self, view: View) {
        self.base.store(Arc::new(Base { frozen: None, view }));
        self.notify();
    }

    /// The index is being opened again: the frozen layer stays, reads of redb answer that it is away.
    pub(crate) fn replace_view(&self, view: View) {
        let frozen = self.base.load().frozen.clone();
        self.base.store(Arc::new(Base { frozen, view }));
    }

    /// The index changed where no layer is concerned.
    pub(crate) fn refresh(&self, view: View) {
        self.replace_view(view);
    }

    pub(crate) fn view(&self) -> View {
        self.base.load().view.clone()
    }

    /// Waits until the overlay is within its bound, or `stop` says to give up.
    pub(crate) fn wait_for_room(&self, stop: impl Fn() -> bool) {
        let mut gate = self.gate.lock();
        while self.bytes() > self.bound && !stop() {
            self.changed
                .wait_for(&mut gate, std::time::Duration::from_millis(50));
        }
    }

    /// Sleeps until something changed, at most `patience`.
    pub(crate) fn doze(&self, patience: std::time::Duration, awake: impl Fn() -> bool) {
        let mut gate = self.gate.lock();
        if !awake() {
            self.changed.wait_for(&mut gate, patience);
        }
    }

    /// Wakes those who sleep.
    pub(crate) fn notify(&self) {
        drop(self.gate.lock());
        self.changed.notify_all();
    }

    /// The bound of the overlay, in bytes.
    pub(crate) fn bound(&self) -> usize {
        self.bound
    }
}

#[cfg(test)]
mod merging {
    use super::*;

    fn slice(keys: &[&'static str], more: bool) -> Slice {
        let row = |key: &&'static str| {
            let (key, gone) = match key.strip_prefix('-') {
                Some(gone) => (gone, true),
                None => (*key, false),
            };
            let slot = (!gone).then(|| Bytes::from_static(b"row"));
            (Bytes::from_static(key.as_bytes()), slot)
        };
        Slice {
            rows: keys.iter().map(row).collect(),
            more,
        }
    }

    fn keys(page: &Page) -> Vec<String> {
        let text = |row: &(Bytes, Bytes)| String::from_utf8(row.0.to_vec()).unwrap();
        page.rows.iter().map(text).collect()
    }

    #[test]
    fn a_page_has_no_more_rows_than_are_asked_for_however_they_lie_in_layers() {
        // Each layer keeps to the limit, and together they have more.
        let page = merge(
            vec![slice(&["c", "d"], false), slice(&["a", "b"], false)],
            2,
        );
        assert_eq!(keys(&page), ["a", "b"]);
        assert_eq!(page.next, Some(next_key(b"b")));
        let all = merge(
            vec![slice(&["c", "d"], false), slice(&["a", "b"], false)],
            4,
        );
        assert_eq!((keys(&all).len(), all.next), (4, None));
        let one = merge(vec![slice(&["a", "b"], false)], 1);
        assert_eq!(
            (keys(&one), one.next),
            (vec!["a".to_owned()], Some(next_key(b"a")))
        );
    }

    #[test]
    fn what_a_newer_layer_took_away_is_gone_and_what_is_not_known_waits() {
        let page = merge(
            vec![slice(&["-a", "b"], false), slice(&["a", "c"], true)],
            9,
        );
        assert_eq!(keys(&page), ["b", "c"]);
        assert_eq!(page.next, Some(next_key(b"c")));
        let page = merge(vec![slice(&["a"], true), slice(&["b"], false)], 9);
        assert_eq!(
            (keys(&page), page.next),
            (vec!["a".to_owned()], Some(next_key(b"a")))
        );
        assert_eq!(merge(vec![slice(&[], false)], 9).next, None);
    }
}
