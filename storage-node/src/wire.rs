//! The alphabet of records and rows: variable-length numbers, and fields as tag, length, value.
//!
//! A tag's lowest bit says *critical*: a reader that does not know such a field must not act on what carries it. Fields that
//! are not known and not critical are kept as they are when a record is written anew.

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// They end too early.
    #[error("cut short")]
    Short,
    /// A number is too large for its place.
    #[error("a number is out of range")]
    Range,
    /// A text is not UTF-8, or a byte is none of the known ones.
    #[error("a value is not one of the known ones: {0}")]
    Value(&'static str),
    /// A field that must be understood is not known.
    #[error("a critical field is not known: {0}")]
    Critical(u64),
    /// A field that must be there is missing.
    #[error("a field is missing: {0}")]
    Missing(&'static str),
}

/// Writes a number in groups of seven bits, lowest first.
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low_byte(number) | 0x80);
        number >>= 7;
    }
    out.push(low_byte(number));
}

/// Writes bytes with their length before them.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a field.
pub(crate) fn put_field(out: &mut Vec<u8>, tag: Tag, value: &[u8]) {
    put_number(out, tag.0);
    put_bytes(out, value);
}

/// A signed number as an unsigned one: small magnitudes stay small.
pub(crate) fn zigzag(number: i64) -> u64 {
    (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned()
}

/// The reverse of [`zigzag`].
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

/// A field's tag: its number, and whether it is critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) u64);

impl Tag {
    /// A field that a reader may skip.
    pub(crate) const fn plain(number: u64) -> Self {
        Self(number << 1)
    }

    /// A field that a reader must know.
    pub(crate) const fn critical(number: u64) -> Self {
        Self(number << 1 | 1)
    }

    pub(crate) const fn is_critical(self) -> bool {
        self.0 & 1 == 1
    }

    pub(crate) const fn number(self) -> u64 {
        self.0 >> 1
    }
}

/// Reads bytes from the front; every read says when there are too few.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(WireError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(WireError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, WireError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, WireError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn u128_be(&mut self) -> Result<u128, WireError> {
        Ok(u128::from_be_bytes(self.array()?))
    }

    pub(crate) fn number(&mut self) -> Result<u64, WireError> {
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(WireError::Range);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(WireError::Range)
    }

    pub(crate) fn size(&mut self) -> Result<usize, WireError> {
        usize::try_from(self.number()?).map_err(|_| WireError::Range)
    }

    pub(crate) fn small(&mut self) -> Result<u16, WireError> {
        u16::try_from(self.number()?).map_err(|_| WireError::Range)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let count = self.size()?;
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Value("not UTF-8"))
    }

    /// The next field, or `None` at the end.
    pub(crate) fn field(&mut self) -> Result<Option<(Tag, &'a [u8])>, WireError> {
        if self.is_empty() {
            return Ok(None);
        }
        let tag = Tag(self.number()?);
        Ok(Some((tag, self.bytes()?)))
    }
}

/// A `u64` as a length in memory: what does not fit is larger than anything we hold.
pub(crate) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_as_themselves() {
        for number in [
            0,
            1,
            127,
            128,
            300,
            u64::from(u32::MAX),
            u64::MAX - 1,
            u64::MAX,
        ] {
            let mut out = Vec::new();
            put_number(&mut out, number);
            let mut reader = Reader(&out);
            assert_eq!(reader.number(), Ok(number));
            assert!(reader.is_empty());
        }
        for number in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
    }

    #[test]
    fn a_number_of_too_many_groups_is_refused() {
        assert_eq!(Reader(&[0xff; 11]).number(), Err(WireError::Range));
        assert_eq!(Reader(&[0x80]).number(), Err(WireError::Short));
    }
}
