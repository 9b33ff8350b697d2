//! Which bytes of an object a request wants.

use s3_protocol::call::{ByteRange, GetObject};
use s3_protocol::object::Slice;
use s3_protocol::{S3Code, S3Error};

use crate::record::fields::{Fields, ListedPart};

/// The slice that is answered.
///
/// # Errors
/// InvalidRange, InvalidPart, and InvalidRequest for a range and a part at once.
pub(super) fn slice(ask: &GetObject, fields: &Fields) -> Result<Slice, S3Error> {
    // `If-Range` names the state that the client has a part of: of another state it wants the whole.
    let range = match (ask.range, fields.etag.as_ref()) {
        (Some(_), Some(etag)) => ask.range_of(etag, fields.time_ms),
        (range, _) => range,
    };
    match (ask.part_number, range) {
        (None, None) => Ok(Slice::Whole),
        (Some(number), None) => part(number, fields),
        (None, Some(range)) => bytes(range, fields),
        (Some(_), Some(_)) => Err(S3Error::with(
            S3Code::InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter",
        )),
    }
}

fn part(number: u16, fields: &Fields) -> Result<Slice, S3Error> {
    if fields.parts.is_empty() {
        return match (number, fields.size) {
            (1, 0) => Ok(Slice::Whole),
            (1, size) => Ok(Slice::Range {
                first: 0,
                last: size - 1,
                whole_part: true,
            }),
            _ => Err(S3Code::InvalidPart.into()),
        };
    }
    let numbered = |part: &(usize, &ListedPart)| part.1.number == number;
    let part = fields.parts.iter().enumerate().find(numbered);
    let (index, part) = part.ok_or(S3Code::InvalidPart)?;
    let first: u64 = fields
        .parts
        .iter()
        .take(index)
        .map(|before| before.size)
        .sum();
    match part.size {
        0 => Err(S3Code::InvalidPart.into()),
        size => Ok(Slice::Range {
            first,
            last: first + size - 1,
            whole_part: true,
        }),
    }
}

fn bytes(range: ByteRange, fields: &Fields) -> Result<Slice, S3Error> {
    let size = fields.size;
    let (first, last) = match range {
        ByteRange::FromTo(first, last) => (first, last.min(size.saturating_sub(1))),
        ByteRange::From(first) => (first, size.saturating_sub(1)),
        ByteRange::Last(0) => (size, 0),
        ByteRange::Last(count) => (size.saturating_sub(count), size.saturating_sub(1)),
    };
    if first >= size || last < first {
        let error = S3Error::new(S3Code::InvalidRange);
        return Err(error.and("ActualObjectSize", size.to_string()));
    }
    Ok(Slice::Range {
        first,
        last,
        whole_part: whole_part(first, last, fields).is_some(),
    })
}

/// The part that is exactly these bytes: its place among the parts, 0 for an object that is one.
pub(super) fn whole_part(first: u64, last: u64, fields: &Fields) -> Option<usize> {
    if fields.parts.is_empty() {
        return (first == 0 && last + 1 == fields.size).then_some(0);
    }
    let mut begins = 0;
    for (index, part) in fields.parts.iter().enumerate() {
        if begins == first && part.size > 0 {
            return (begins + part.size == last + 1).then_some(index);
        }
        begins += part.size;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(size: u64, parts: &[u64]) -> Fields {
        let listed = |(number, size): (u16, &u64)| ListedPart {
            number,
            attempt: 0,
            size: *size,
            md5: [0; 16],
            checksums: Vec::new(),
        };
        let parts = (1..).zip(parts).map(listed).collect();
        Fields {
            size,
            parts,
            ..Fields::default()
        }
    }

    fn range(range: ByteRange, fields: &Fields) -> Result<Slice, S3Code> {
        let ask = GetObject {
            range: Some(range),
            ..GetObject::default()
        };
        slice(&ask, fields).map_err(|error| error.code)
    }

    #[test]
    fn ranges_at_their_bounds() {
        let some = |first, last, whole_part| {
            Ok(Slice::Range {
                first,
                last,
                whole_part,
            })
        };
        let ten = object(10, &[]);
        assert_eq!(range(ByteRange::FromTo(0, 9), &ten), some(0, 9, true));
        assert_eq!(range(ByteRange::FromTo(0, 99), &ten), some(0, 9, true));
        assert_eq!(range(ByteRange::FromTo(9, 9), &ten), some(9, 9, false));
        assert_eq!(
            range(ByteRange::FromTo(10, 10), &ten),
            Err(S3Code::InvalidRange)
        );
        assert_eq!(range(ByteRange::From(3), &ten), some(3, 9, false));
        assert_eq!(range(ByteRange::Last(3), &ten), some(7, 9, false));
        assert_eq!(range(ByteRange::Last(99), &ten), some(0, 9, true));
        assert_eq!(range(ByteRange::Last(0), &ten), Err(S3Code::InvalidRange));
        let empty = object(0, &[]);
        for range_asked in [
            ByteRange::FromTo(0, 0),
            ByteRange::From(0),
            ByteRange::Last(1),
        ] {
            assert_eq!(range(range_asked, &empty), Err(S3Code::InvalidRange));
        }
    }

    #[test]
    fn parts_and_ranges_that_are_parts() {
        let parted = object(10, &[6, 4]);
        let part = |number| {
            let ask = GetObject {
                part_number: Some(number),
                ..GetObject::default()
            };
            slice(&ask, &parted).map_err(|error| error.code)
        };
        assert_eq!(
            part(2),
            Ok(Slice::Range {
                first: 6,
                last: 9,
                whole_part: true
            })
        );
        assert_eq!(part(3), Err(S3Code::InvalidPart));
        assert_eq!(whole_part(0, 5, &parted), Some(0));
        assert_eq!(whole_part(6, 9, &parted), Some(1));
        assert_eq!(whole_part(0, 9, &parted), None);
    }
}
