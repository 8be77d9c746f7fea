//! One file a subject.

mod real_nodes;
