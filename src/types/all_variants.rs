//! Enums with a list of their variants that cannot fall behind.

/// Defines an enum without fields as it is written, and its `ALL`: every variant, in the order of declaration.
macro_rules! all_variants {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$variant_attribute:meta])* $variant:ident $(= $number:literal)?,)+
        }
    ) => {
        $(#[$attribute])*
        $visibility enum $name {
            $($(#[$variant_attribute])* $variant $(= $number)?,)+
        }

        impl $name {
            /// All variants, in the order of their declaration.
            $visibility const ALL: [$name; [$($name::$variant),+].len()] = [$($name::$variant),+];
        }
    };
}

pub(crate) use all_variants;
