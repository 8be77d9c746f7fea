//! The numbers of an answer's addresses in few bytes: in their order, each as its distance from the one before, seven bits
//! a byte.

/// A set of numbers, to be used again and again: a bit for each, so that they need no sorting.
#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<u64>);

impl Numbers {
    /// Takes a number.
    pub(super) fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    /// The numbers, each once; none are left.
    pub(super) fn encode(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut before = 0;
        for (word, bits) in (0_u32..).zip(&mut self.0) {
            while *bits != 0 {
                let number = word * 64 + bits.trailing_zeros();
                *bits &= *bits - 1;
                let mut distance = number - before;
                before = number;
                while distance >= 0x80 {
                    bytes.push(distance as u8 | 0x80);
                    distance >>= 7;
                }
                bytes.push(distance as u8);
            }
        }
        bytes
    }
}

/// The numbers again. Of bytes that nobody wrote so it makes some numbers or none, at most one a byte.
pub(super) fn decode(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let (mut at, mut before) = (bytes.iter(), 0_u32);
    std::iter::from_fn(move || {
        let mut distance = 0_u32;
        for shift in (0..32).step_by(7) {
            let byte = *at.next()?;
            distance |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                before = before.wrapping_add(distance);
                return Some(before);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn encode(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
        let mut set = Numbers::default();
        // What was there before leaves nothing.
        set.insert(9_999);
        set.encode();
        numbers.into_iter().for_each(|number| set.insert(number));
        set.encode()
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in proptest::collection::btree_set(0..2_000_000_u32, 0..300)) {
            prop_assert_eq!(decode(&encode(numbers.clone())).collect::<BTreeSet<_>>(), numbers);
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn an_answer_of_a_network_of_1_000_takes_a_byte_an_address() {
        assert_eq!(encode((0..250).map(|n| n * 4)).len(), 250);
    }
}
