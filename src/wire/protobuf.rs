//! Protobuf as CometBFT's generated code (gogoproto) reads it. Unlike prost, it does not require UTF-8, the last of
//! several values of a oneof replaces the others, and nothing is allocated for what is only skipped.

/// The bytes are not protobuf, or a field has another type than its message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Fixed-width numbers and groups: no message of the protocol has them, so they are only skipped.
    Other,
}

impl<'a> Value<'a> {
    pub(super) fn varint(self) -> Result<u64, Malformed> {
        match self {
            Value::Varint(number) => Ok(number),
            _ => Err(Malformed),
        }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed),
        }
    }
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const GROUP_START: u64 = 3;
const GROUP_END: u64 = 4;
const FIXED32: u64 = 5;

/// Iterates over the fields of one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn new(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    /// The next field's number and value; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(i32, Value<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.take_varint()?;
        // The generated Go code truncates the number to 32 bits, too.
        let number = (tag >> 3) as i32;
        if number <= 0 {
            return Err(Malformed);
        }
        Ok(Some((number, self.take_value(tag & 7)?)))
    }

    fn take_value(&mut self, kind: u64) -> Result<Value<'a>, Malformed> {
        match kind {
            VARINT => Ok(Value::Varint(self.take_varint()?)),
            BYTES => {
                let length = self.take_varint()?;
                Ok(Value::Bytes(self.take(length)?))
            }
            GROUP_START => self.skip_group().map(|()| Value::Other),
            FIXED64 => self.take(8).map(|_| Value::Other),
            FIXED32 => self.take(4).map(|_| Value::Other),
            _ => Err(Malformed),
        }
    }

    /// Skips to the end of a group. The depth is counted instead of recursing, so that hostile nesting cannot overflow
    /// the stack.
    fn skip_group(&mut self) -> Result<(), Malformed> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.take_varint()? & 7 {
                GROUP_START => depth += 1,
                GROUP_END => depth -= 1,
                kind => drop(self.take_value(kind)?),
            }
        }
        Ok(())
    }

    fn take_varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for (index, &byte) in self.rest.iter().take(MAX_VARINT).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Bytes of the longest varint: 64 bits, 7 in each byte.
pub(super) const MAX_VARINT: usize = 10;

/// Bytes that a number takes as a varint.
pub(super) const fn varint_len(number: u64) -> usize {
    // 1 bit for zero; 7 bits a byte.
    ((64 - (number | 1).leading_zeros()) as usize).div_ceil(7)
}

/// Bytes that a field takes: a tag below 16, the length and the bytes.
pub(super) const fn bytes_field_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

pub(super) fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends the tag and the length of a field of bytes; the bytes are to follow. `number` is below 16.
pub(super) fn put_bytes_header(number: u8, length: usize, out: &mut Vec<u8>) {
    out.push(number << 3 | BYTES as u8);
    put_varint(length as u64, out);
}

/// Appends a number; `number` is below 16.
pub(super) fn put_varint_field(number: u8, value: u64, out: &mut Vec<u8>) {
    out.push(number << 3 | VARINT as u8);
    put_varint(value, out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(i32, Value<'_>)>, Malformed> {
        let mut fields = Fields::new(bytes);
        let mut found = Vec::new();
        while let Some(field) = fields.next()? {
            found.push(field);
        }
        Ok(found)
    }

    #[test]
    fn what_a_go_reader_skips_is_skipped() {
        let nested = [0x0b, 0x13, 0x08, 0x05, 0x14, 0x12, 0x01, 0xff, 0x0c, 0x10, 0x07];
        assert_eq!(all(&nested), Ok(vec![(1, Value::Other), (2, Value::Varint(7))]));
        assert_eq!(all(&[0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4]).unwrap().len(), 2);
        assert_eq!(all(&[0x0a, 0x81, 0x00, 0x2a]), Ok(vec![(1, Value::Bytes(&[0x2a]))]), "a longer varint than needed");
    }

    #[test]
    fn what_a_go_reader_refuses_is_refused() {
        for bad in [
            &[0x00][..],         // field 0
            &[0x0c],             // the end of no group
            &[0x0b],             // a group without end
            &[0x0e],             // a wire type that does not exist
            &[0x0a, 0x02, 0x00], // fewer bytes than announced
            &[0x08],             // a number that is missing
            &[0x08, 0x80],       // a number without end
            &[0x0d, 0, 0, 0],    // three of four bytes
            &[0x80; 11],         // a tag without end
        ] {
            assert_eq!(all(bad), Err(Malformed), "{bad:x?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_survives_and_its_length_is_known(number: u64) {
            let mut out = vec![0x08];
            put_varint(number, &mut out);
            prop_assert_eq!(out.len(), 1 + varint_len(number));
            prop_assert_eq!(all(&out), Ok(vec![(1, Value::Varint(number))]));
        }

        #[test]
        fn arbitrary_bytes_end(bytes: Vec<u8>) {
            let _ = all(&bytes);
        }
    }
}
