//! The whole machine, driven by hand.
