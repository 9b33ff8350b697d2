//! The record, read back line by line in bounded memory. Whatever stands in it is checked: disks and people change files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use policy_wasm::facts::{Fact, Facts, OwnedValue, Values};
use policy_wasm::registry::{Attribute, Kind, Name};
use s3_protocol::BucketId;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use super::line::FORMAT;
use super::{Said, segments};
use crate::limits::RECORDED_LINE_BYTES_MAX;

/// One check as it was recorded.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) request: String,
    pub(crate) at_ms: u64,
    pub(crate) key: Option<String>,
    pub(crate) bucket: Option<BucketId>,
    pub(crate) operation: String,
    pub(crate) said: Said,
    /// By the number of the name.
    slots: Vec<Slot>,
    tags: BTreeMap<String, OwnedValue>,
}

#[derive(Clone, Debug)]
enum Slot {
    Absent,
    Present(Vec<OwnedValue>),
    /// It was not written down.
    Unknown,
}

/// Why a line is not a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum Tear {
    #[error("the record is torn: a line cannot be read")]
    Line,
    #[error("a file of the record cannot be read")]
    File,
    #[error("a file of the record has a format that this version does not read")]
    Format,
}

/// The record from a moment on, the oldest first.
pub(crate) struct Read {
    files: std::vec::IntoIter<PathBuf>,
    open: Option<Open>,
    since_ms: u64,
    line: Vec<u8>,
}

struct Open {
    lines: BufReader<File>,
    /// What the numbers of this file mean; none of a name that this version does not know.
    names: Vec<Option<Name>>,
    is_last: bool,
}

impl Read {
    /// Opens the record of a folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn open(folder: &Path, since_ms: u64) -> io::Result<Self> {
        let since = UNIX_EPOCH + Duration::from_millis(since_ms);
        let files: Vec<PathBuf> = segments::all(folder)?
            .into_iter()
            .map(|(_, path)| path)
            // What was written last before that moment has nothing from after it.
            .filter(|path| {
                let changed = path.metadata().and_then(|it| it.modified());
                changed.map_or(true, |changed| changed >= since)
            })
            .collect();
        Ok(Self {
            files: files.into_iter(),
            open: None,
            since_ms,
            line: Vec::new(),
        })
    }

    /// The next check; an error is one that cannot be read, and others may follow. None at the end.
    pub(crate) fn next_check(&mut self) -> Option<Result<Recorded, Tear>> {
        loop {
            if self.open.is_none() {
                let path = self.files.next()?;
                match self.begin(&path) {
                    Ok(open) => self.open = open,
                    Err(tear) => return Some(Err(tear)),
                }
                continue;
            }
            let Some(open) = &mut self.open else { continue };
            match next_line(&mut open.lines, &mut self.line) {
                Ok(Line::End) => self.open = None,
                // The last line of the last file may still be on its way.
                Ok(Line::Part) if open.is_last => self.open = None,
                Ok(Line::Part | Line::TooLong) => return Some(Err(Tear::Line)),
                Ok(Line::Whole) => match read(&self.line, &open.names) {
                    Some(recorded) if recorded.at_ms < self.since_ms => {}
                    Some(recorded) => return Some(Ok(recorded)),
                    None => return Some(Err(Tear::Line)),
                },
                Err(_) => {
                    self.open = None;
                    return Some(Err(Tear::File));
                }
            }
        }
    }

    /// Opens a file and reads its head. None for one that has made room meanwhile, or has no head yet.
    fn begin(&mut self, path: &Path) -> Result<Option<Open>, Tear> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) => return Err(Tear::File),
        };
        let mut lines = BufReader::with_capacity(1 << 16, file);
        match next_line(&mut lines, &mut self.line) {
            Ok(Line::Whole) => {}
            Ok(Line::End | Line::Part) => return Ok(None),
            Ok(Line::TooLong) => return Err(Tear::Format),
            Err(_) => return Err(Tear::File),
        }
        let head: Head = serde_json::from_slice(&self.line).map_err(|_| Tear::Format)?;
        if head.format != FORMAT {
            return Err(Tear::Format);
        }
        Ok(Some(Open {
            lines,
            names: head.attributes.iter().map(|it| Name::find(it)).collect(),
            is_last: self.files.len() == 0,
        }))
    }
}

#[derive(Deserialize)]
struct Head {
    format: String,
    attributes: Vec<String>,
}

enum Line {
    Whole,
    /// The file ends in it.
    Part,
    TooLong,
    End,
}

fn next_line(lines: &mut BufReader<File>, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let most = u64::try_from(RECORDED_LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let read = lines.by_ref().take(most).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        return Ok(Line::Whole);
    }
    if read == 0 {
        return Ok(Line::End);
    }
    if read < RECORDED_LINE_BYTES_MAX {
        return Ok(Line::Part);
    }
    // The rest of a line that nobody has written like this.
    loop {
        line.clear();
        let read = lines.by_ref().take(most).read_until(b'\n', line)?;
        if read == 0 || line.last() == Some(&b'\n') {
            return Ok(Line::TooLong);
        }
    }
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    i: Cow<'a, str>,
    t: u64,
    #[serde(borrow, default)]
    k: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    b: Option<Cow<'a, str>>,
    #[serde(borrow)]
    o: Cow<'a, str>,
    #[serde(borrow)]
    d: Cow<'a, str>,
    f: Flat,
    #[serde(default)]
    g: BTreeMap<String, Raw>,
    #[serde(default)]
    x: Vec<usize>,
}

fn read(line: &[u8], names: &[Option<Name>]) -> Option<Recorded> {
    let written: Written<'_> = serde_json::from_slice(line).ok()?;
    // What the head does not name was not known to whoever wrote it.
    let mut slots = vec![Slot::Unknown; Name::ALL.len()];
    for name in names.iter().flatten() {
        *slots.get_mut(*name as usize)? = Slot::Absent;
    }
    for place in written.x {
        if let Some(name) = names.get(place)? {
            *slots.get_mut(*name as usize)? = Slot::Unknown;
        }
    }
    for (place, raw) in written.f.0 {
        if let Some(name) = names.get(place)? {
            let values = raw.values(name.entry().kind)?;
            *slots.get_mut(*name as usize)? = Slot::Present(values);
        }
    }
    let tags = written.g.into_iter().map(|(key, raw)| {
        let value = raw.values(Kind::Text)?.into_iter().next()?;
        Some((key, value))
    });
    Some(Recorded {
        request: written.i.into_owned(),
        at_ms: written.t,
        key: written.k.map(Cow::into_owned),
        bucket: written.b.as_deref().map(bucket).transpose().ok()?,
        operation: written.o.into_owned(),
        said: Said::read(&written.d)?,
        slots,
        tags: tags.collect::<Option<_>>()?,
    })
}

fn bucket(text: &str) -> Result<BucketId, std::num::ParseIntError> {
    u128::from_str_radix(text, 16).map(BucketId)
}

impl Recorded {
    /// An attribute that is one text.
    pub(crate) fn text(&self, name: Name) -> Option<&str> {
        match self.slots.get(name as usize) {
            Some(Slot::Present(values)) => match values.as_slice() {
                [OwnedValue::Text(text)] => std::str::from_utf8(text).ok(),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Facts for Recorded {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        if let Some(parameter) = attribute.parameter() {
            // Of those with a parameter only the tags that a request sets can be written down.
            return match attribute.name() {
                Name::RequestObjectTag => self.tags.get(parameter).map_or(Fact::Absent, |value| {
                    Fact::Present(Values::One(value.borrow()))
                }),
                _ => Fact::NotFetched,
            };
        }
        match self.slots.get(attribute.name() as usize) {
            Some(Slot::Present(values)) => match values.as_slice() {
                [one] if !attribute.entry().many => Fact::Present(Values::One(one.borrow())),
                list => Fact::list(list),
            },
            Some(Slot::Absent) => Fact::Absent,
            Some(Slot::Unknown) | None => Fact::NotFetched,
        }
    }
}

/// A value as it stands in a line.
#[derive(Debug)]
enum Raw {
    Text(String),
    Number(i64),
    Bool(bool),
    List(Vec<Raw>),
}

impl Raw {
    /// The values of an attribute of this kind; none where they are no such values.
    fn values(self, kind: Kind) -> Option<Vec<OwnedValue>> {
        match self {
            Self::List(list) => list.into_iter().map(|one| one.value(kind)).collect(),
            one => Some(vec![one.value(kind)?]),
        }
    }

    fn value(self, kind: Kind) -> Option<OwnedValue> {
        Some(match (self, kind) {
            (Self::Text(text), Kind::Text | Kind::Arn) => {
                OwnedValue::Text(text.into_bytes().into_boxed_slice())
            }
            (Self::Text(text), Kind::Address) => OwnedValue::Address(text.parse().ok()?),
            (Self::Text(text), Kind::Network) => OwnedValue::Network(text.parse().ok()?),
            (Self::Number(number), Kind::Number) => OwnedValue::Number(number),
            (Self::Number(seconds), Kind::Time) => OwnedValue::Time(seconds),
            (Self::Bool(truth), Kind::Bool) => OwnedValue::Bool(truth),
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a truth value, or a list of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Raw, E> {
        i64::try_from(number)
            .map(Raw::Number)
            .map_err(|_| E::custom("too large"))
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(truth))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element()? {
            all.push(one);
        }
        Ok(Raw::List(all))
    }
}

/// Numbers and values by turns.
struct Flat(Vec<(usize, Raw)>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FlatVisitor)
    }
}

struct FlatVisitor;

impl<'de> Visitor<'de> for FlatVisitor {
    type Value = Flat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers and values by turns")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Flat, A::Error> {
        let mut all = Vec::with_capacity(48);
        while let Some(place) = list.next_element::<usize>()? {
            let value = list.next_element()?;
            all.push((
                place,
                value.ok_or_else(|| de::Error::custom("a number without a value"))?,
            ));
        }
        Ok(Flat(all))
    }
}
