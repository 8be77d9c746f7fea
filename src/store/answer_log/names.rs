//! The numbers of an answer's addresses in few bytes: in their order, each as its distance from the one before, seven bits
//! a byte.

/// The numbers, which are in their order.
pub(super) fn encode(sorted: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(sorted.len() * 2);
    let mut before = 0;
    for &number in sorted {
        let mut distance = number.wrapping_sub(before);
        before = number;
        while distance >= 0x80 {
            bytes.push(distance as u8 | 0x80);
            distance >>= 7;
        }
        bytes.push(distance as u8);
    }
    bytes
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(mut numbers in proptest::collection::vec(any::<u32>(), 0..300)) {
            numbers.sort_unstable();
            prop_assert_eq!(decode(&encode(&numbers)).collect::<Vec<_>>(), numbers);
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn an_answer_of_a_network_of_1_000_takes_a_byte_an_address() {
        let numbers: Vec<u32> = (0..250).map(|n| n * 4).collect();
        assert_eq!(encode(&numbers).len(), 251 - 1);
    }
}
