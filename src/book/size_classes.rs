//! Things by the binary logarithm of their size, each moved in O(1): so that one of the largest is found at once, and a
//! class has sizes within a factor of two.

/// Classes: 0 for what is empty, n for sizes from 2^(n-1) on.
pub(super) const CLASSES: usize = 32;

/// Numbered things by size.
#[derive(Debug, Default)]
pub(super) struct SizeClasses {
    /// Not allocated before the first thing; those of class 0 are in none.
    classes: Vec<Vec<u32>>,
    /// For each thing its class, and where in it.
    places: Vec<(u8, u32)>,
}

impl SizeClasses {
    /// Nothing yet.
    pub(super) const EMPTY: SizeClasses = SizeClasses { classes: Vec::new(), places: Vec::new() };

    /// Moves a thing to the class of the size that it has now; the class before and the class now.
    pub(super) fn set(&mut self, thing: u32, size: usize) -> (usize, usize) {
        let (index, class) = (thing as usize, class_of(size));
        if self.places.len() <= index {
            self.places.resize(index + 1, (0, 0));
        }
        let (before, at) = (usize::from(self.places[index].0), self.places[index].1 as usize);
        if class == before {
            return (before, class);
        }
        if self.classes.is_empty() {
            self.classes.resize_with(CLASSES, Vec::new);
        }
        if before > 0 {
            self.classes[before].swap_remove(at);
            if let Some(&moved) = self.classes[before].get(at) {
                self.places[moved as usize].1 = at as u32;
            }
        }
        self.places[index] = (class as u8, self.classes[class].len() as u32);
        if class > 0 {
            self.classes[class].push(thing);
        }
        (before, class)
    }

    /// What is in a class.
    pub(super) fn of(&self, class: usize) -> &[u32] {
        self.classes.get(class).map_or(&[], Vec::as_slice)
    }

    /// The largest things, within a factor of two; nothing when all are empty.
    pub(super) fn largest(&self) -> &[u32] {
        self.classes.iter().rev().find(|class| !class.is_empty()).map_or(&[], Vec::as_slice)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let things: usize = self.classes.iter().map(Vec::capacity).sum();
        things * size_of::<u32>()
            + self.classes.capacity() * size_of::<Vec<u32>>()
            + self.places.capacity() * size_of::<(u8, u32)>()
    }
}

/// The class of things of this size.
pub(super) fn class_of(size: usize) -> usize {
    size.checked_ilog2().map_or(0, |log| log as usize + 1).min(CLASSES - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_thing_is_in_the_class_of_its_size_alone(changes in proptest::collection::vec((0..40_u32, 0..200_usize), 0..300)) {
            let (mut classes, mut sizes) = (SizeClasses::default(), BTreeMap::new());
            for (thing, size) in changes {
                let before = sizes.insert(thing, size).map_or(0, class_of);
                prop_assert_eq!(classes.set(thing, size), (before, class_of(size)));
            }
            for class in 1..CLASSES {
                let mut there = classes.of(class).to_vec();
                there.sort_unstable();
                let wanted = sizes.iter().filter(|(_, size)| class_of(**size) == class).map(|(thing, _)| *thing);
                prop_assert_eq!(there, wanted.collect::<Vec<_>>());
            }
            let largest = sizes.values().map(|size| class_of(*size)).max().filter(|class| *class > 0);
            prop_assert_eq!(classes.largest(), largest.map_or(&[][..], |class| classes.of(class)));
        }
    }
}
