//! A row of the books: an hour, who, and the numbers; and its bytes in the store.

use std::net::{IpAddr, Ipv6Addr};

use s3_protocol::{BucketId, Operation};
use serde::{Serialize, Serializer};

use crate::directory::{AccessKeyId, TenantId, UserId};
use crate::limits::ACCESS_KEY_ID_BYTES;
use crate::time::UnixMillis;

/// An hour of UTC: whole hours since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour(pub u32);

impl Hour {
    /// The hour that a moment is in.
    pub fn of(at: UnixMillis) -> Self {
        Self(u32::try_from(at.0 / 3_600_000).unwrap_or(u32::MAX))
    }

    /// When it begins, in seconds since 1970.
    pub fn seconds(self) -> i64 {
        i64::from(self.0) * 3_600
    }
}

/// What kind of request, as bills tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It reads an object, or a setting.
    Read,
    /// It makes or changes something.
    Write,
    /// It lists.
    List,
    /// It removes something.
    Delete,
    /// It could not be understood, or asks for nothing of the four.
    Other,
}

impl Class {
    /// Every class, in the order of [`Counts::requests`].
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Write,
        Self::List,
        Self::Delete,
        Self::Other,
    ];

    /// What reports call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::List => "list",
            Self::Delete => "delete",
            Self::Other => "other",
        }
    }

    /// The class of an operation, by the verb that its name begins with. The test below names the verbs; one that S3 adds later
    /// fails there until somebody decides.
    pub fn of(operation: Option<Operation>) -> Self {
        let Some(operation) = operation else {
            return Self::Other;
        };
        match operation.name().as_bytes() {
            [b'L', b'i', b's', ..] => Self::List,
            [b'G', b'e', b't', ..] | [b'H', b'e', b'a', ..] | [b'S', b'e', b'l', ..] => Self::Read,
            [b'D', b'e', b'l', ..] | [b'A', b'b', b'o', ..] => Self::Delete,
            [b'P', b'r', b'e', ..] | [b'A', b's', b's', ..] => Self::Other,
            _ => Self::Write,
        }
    }
}

/// Who a row is about. What is absent is not known: an unsigned request has no key, a request that reached no bucket none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Whose {
    /// The account above the account, where there is one.
    pub reseller: Option<TenantId>,
    /// The account that is billed: the caller's, or that of the bucket where nobody signed.
    pub tenant: Option<TenantId>,
    /// The user that is billed, likewise.
    pub user: Option<UserId>,
    /// The sub-user whose key it is, by number. His requests are his user's on the bill.
    pub sub_user: Option<u64>,
    /// The access key that signed.
    pub key: Option<AccessKeyId>,
    /// The bucket.
    #[serde(serialize_with = "bucket_text")]
    pub bucket: Option<BucketId>,
}

fn bucket_text<S: Serializer>(bucket: &Option<BucketId>, serializer: S) -> Result<S::Ok, S::Error> {
    bucket.map(|id| id.to_string()).serialize(serializer)
}

impl Whose {
    /// Nobody whom we know: what did not sign, or not well, and reached no bucket.
    pub const NOBODY: Self = Self {
        reseller: None,
        tenant: None,
        user: None,
        sub_user: None,
        key: None,
        bucket: None,
    };

    /// His account, and nothing finer.
    #[must_use]
    pub const fn account(self) -> Self {
        Self {
            reseller: self.reseller,
            tenant: self.tenant,
            ..Self::NOBODY
        }
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests, by [`Class`].
    pub requests: [u64; 5],
    /// Of them, those that were answered 4xx.
    pub refused: u64,
    /// Of them, those that were answered 5xx.
    pub failed: u64,
    /// Of them, those whose client went away before the answer's end.
    pub cut: u64,
    /// Bytes of requests' bodies as they came, with the framing of `aws-chunked`, without heads.
    pub bytes_in: u64,
    /// Bytes of answers' bodies that were handed to the connection.
    pub bytes_out: u64,
}

impl Counts {
    /// All requests.
    pub fn all(&self) -> u64 {
        self.requests.iter().sum()
    }

    /// Adds other counts.
    pub fn add(&mut self, more: &Self) {
        let mut more = *more;
        for (number, more) in self.numbers().into_iter().zip(more.numbers()) {
            *number = number.saturating_add(*more);
        }
    }

    fn numbers(&mut self) -> [&mut u64; NUMBERS] {
        let [read, write, list, delete, other] = &mut self.requests;
        [
            read,
            write,
            list,
            delete,
            other,
            &mut self.refused,
            &mut self.failed,
            &mut self.cut,
            &mut self.bytes_in,
            &mut self.bytes_out,
        ]
    }
}

/// Numbers of one row of counts.
const NUMBERS: usize = 10;
/// Bytes of a row's key.
pub(super) const KEY_BYTES: usize = 4 + 4 * 8 + ACCESS_KEY_ID_BYTES + 16 + 4;

/// Where a row of counts stands: the hour, who, and where it came too late the hour it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) hour: Hour,
    pub(super) whose: Whose,
    pub(super) late_of: Option<Hour>,
}

impl Place {
    /// Big-endian, so that rows stand in the order of their hours. Zero is nobody: numbers of the directory begin at 1.
    pub(super) fn encode(&self) -> [u8; KEY_BYTES] {
        let mut out = [0; KEY_BYTES];
        let whose = &self.whose;
        let key = whose
            .key
            .as_ref()
            .map_or(&[][..], |key| key.as_str().as_bytes());
        let mut fields = Fields(&mut out);
        fields.put(&self.hour.0.to_be_bytes());
        fields.put(&whose.tenant.map_or(0, TenantId::get).to_be_bytes());
        fields.put(&whose.user.map_or(0, UserId::get).to_be_bytes());
        fields.put(&whose.sub_user.unwrap_or(0).to_be_bytes());
        fields.put(&whose.reseller.map_or(0, TenantId::get).to_be_bytes());
        let mut padded = [0; ACCESS_KEY_ID_BYTES];
        if let Some(padded) = padded.get_mut(..key.len()) {
            padded.copy_from_slice(key);
        }
        fields.put(&padded);
        fields.put(&whose.bucket.map_or(0, |id| id.0).to_be_bytes());
        fields.put(&self.late_of.map_or(0, |hour| hour.0).to_be_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (hour, rest) = bytes.split_first_chunk::<4>()?;
        let (tenant, rest) = number(rest)?;
        let (user, rest) = number(rest)?;
        let (sub_user, rest) = number(rest)?;
        let (reseller, rest) = number(rest)?;
        let (key, rest) = rest.split_first_chunk::<ACCESS_KEY_ID_BYTES>()?;
        let (bucket, rest) = rest.split_first_chunk::<16>()?;
        let (late, []) = rest.split_first_chunk::<4>()? else {
            return None;
        };
        let key = match key.first() {
            Some(0) => None,
            _ => Some(std::str::from_utf8(key).ok()?.parse().ok()?),
        };
        let bucket = u128::from_be_bytes(*bucket);
        let late = u32::from_be_bytes(*late);
        Some(Self {
            hour: Hour(u32::from_be_bytes(*hour)),
            whose: Whose {
                reseller: reseller.map(TenantId),
                tenant: tenant.map(TenantId),
                user: user.map(UserId),
                sub_user,
                key,
                bucket: (bucket != 0).then_some(BucketId(bucket)),
            },
            late_of: (late != 0).then_some(Hour(late)),
        })
    }
}

fn number(bytes: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    let number = u64::from_be_bytes(*number);
    Some(((number != 0).then_some(number), rest))
}

/// Fields written one after another.
struct Fields<'a>(&'a mut [u8]);

impl Fields<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let rest = std::mem::take(&mut self.0);
        // INVARIANT: the array is as long as its fields together.
        if let Some((field, rest)) = rest.split_at_mut_checked(bytes.len()) {
            field.copy_from_slice(bytes);
            self.0 = rest;
        }
    }
}

impl Counts {
    pub(super) fn encode(&self) -> [u8; NUMBERS * 8] {
        let mut out = [0; NUMBERS * 8];
        let mut fields = Fields(&mut out);
        let mut counts = *self;
        for number in counts.numbers() {
            fields.put(&number.to_be_bytes());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut counts = Self::default();
        if bytes.len() != NUMBERS * 8 {
            return None;
        }
        for (number, bytes) in counts.numbers().into_iter().zip(bytes.chunks_exact(8)) {
            *number = u64::from_be_bytes(bytes.try_into().ok()?);
        }
        Some(counts)
    }
}

/// When, from where and for what a key was last used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When its request ended.
    pub at: UnixMillis,
    /// From where.
    pub address: IpAddr,
    /// For what; none where the request was none of S3's.
    pub operation: Option<Operation>,
}

impl LastUse {
    /// The later of two.
    pub(super) fn later(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.at > self.at => other,
            Some(_) | None => self,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let address = match self.address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let name = self.operation.map_or("", Operation::name);
        [
            &self.at.0.to_be_bytes()[..],
            &address.octets(),
            name.as_bytes(),
        ]
        .concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk::<8>()?;
        let (address, name) = rest.split_first_chunk::<16>()?;
        Some(Self {
            at: UnixMillis(u64::from_be_bytes(*at)),
            address: IpAddr::V6(Ipv6Addr::from(*address)).to_canonical(),
            // A later version may know operations that this one does not.
            operation: std::str::from_utf8(name).ok()?.parse().ok(),
        })
    }
}

/// Everything that is summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// What was counted.
    pub counts: Counts,
    /// Of [`Counts::requests`], those that belong to an earlier period, which was closed when they came.
    pub late: u64,
    /// Stored bytes × hours.
    pub byte_hours: u128,
    /// Stored objects × hours.
    pub object_hours: u128,
    /// What corrections add to the bytes that went in and out, to requests and to byte-hours. May be negative.
    pub corrected: [i128; 4],
}

impl Sums {
    pub(super) fn add(&mut self, more: &Self) {
        self.counts.add(&more.counts);
        self.late = self.late.saturating_add(more.late);
        self.byte_hours = self.byte_hours.saturating_add(more.byte_hours);
        self.object_hours = self.object_hours.saturating_add(more.object_hours);
        for (sum, more) in self.corrected.iter_mut().zip(more.corrected) {
            *sum = sum.saturating_add(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_row_reads_back_as_it_was_written() {
        let whose = Whose {
            reseller: Some(TenantId(9)),
            tenant: Some(TenantId(1)),
            user: Some(UserId(u64::MAX)),
            sub_user: Some(7),
            key: Some("PKABCDEFGHIJKLMNOPQR".parse().unwrap()),
            bucket: Some(BucketId(u128::MAX - 1)),
        };
        for whose in [whose, whose.account(), Whose::NOBODY] {
            for late_of in [None, Some(Hour(3))] {
                let place = Place {
                    hour: Hour(4_000_000),
                    whose,
                    late_of,
                };
                assert_eq!(Place::decode(&place.encode()), Some(place));
            }
        }
        let counts = Counts {
            requests: [1, 2, 3, 4, 5],
            refused: 6,
            failed: 7,
            cut: 8,
            bytes_in: 9,
            bytes_out: u64::MAX,
        };
        assert_eq!(Counts::decode(&counts.encode()), Some(counts));
        for address in ["203.0.113.9", "2001:db8::1"] {
            for operation in [None, Some(Operation::GetObject)] {
                let last = LastUse {
                    at: UnixMillis(5),
                    address: address.parse().unwrap(),
                    operation,
                };
                assert_eq!(LastUse::decode(&last.encode()), Some(last));
            }
        }
        assert_eq!(Place::decode(&[0; KEY_BYTES - 1]), None);
        assert_eq!(Counts::decode(&[0; 8]), None);
        assert_eq!(LastUse::decode(&[0; 20]), None);
    }

    #[test]
    fn each_verb_of_s3_has_its_class() {
        let mut verbs: [BTreeSet<&str>; 5] = Default::default();
        for operation in Operation::ALL {
            let name = operation.name();
            let mut letters = name.char_indices().skip(1);
            let next = letters.find(|(_, letter)| letter.is_uppercase());
            let (verb, _) = name.split_at(next.map_or(name.len(), |(at, _)| at));
            let class = Class::of(Some(*operation));
            let place = Class::ALL.iter().position(|it| *it == class).unwrap();
            verbs[place].insert(verb);
        }
        let [read, write, list, delete, other] =
            verbs.map(|verbs| verbs.into_iter().collect::<Vec<_>>());
        assert_eq!(read, ["Get", "Head", "Select"]);
        assert_eq!(
            write,
            [
                "Bypass", "Complete", "Copy", "Create", "Post", "Put", "Rename", "Restore",
                "Update", "Upload", "Write"
            ]
        );
        assert_eq!(list, ["List"]);
        assert_eq!(delete, ["Abort", "Delete"]);
        assert_eq!(other, ["Assume", "Preflight"]);
        assert_eq!(Class::of(None), Class::Other);
    }
}
