//! A running pexd as its operators meet it: over an API that nothing is known of but what it says of itself.

mod api;
mod document;
mod errors;
mod lines;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::Api;
use document::Line;
use lines::Grpcurl;
use world::World;

/// Methods that every client of reflection calls anyway.
const REFLECTION: &str = "grpc.reflection.";
/// How long a stream that should have been refused is read.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs the whole page in its order, and reports all that fails at once.
fn run_page(grpcurl: &Grpcurl) {
    let world = World::start();
    let lines = document::lines();
    let failures: Vec<_> = lines.iter().filter_map(|line| lines::run(&world, grpcurl, line).err()).collect();
    assert!(failures.is_empty(), "{} of {} lines failed:\n\n{}", failures.len(), lines.len(), failures.join("\n\n"));
}

#[test]
fn every_line_of_the_operations_page_works() {
    run_page(&Grpcurl::BuiltIn);
}

/// `tests/operations/run` says where grpcurl is.
#[test]
#[ignore = "needs grpcurl, which tests/operations/run builds"]
fn every_line_of_the_operations_page_works_by_grpcurl() {
    let program = std::env::var("PEXD_TEST_GRPCURL").expect("PEXD_TEST_GRPCURL is where grpcurl is");
    run_page(&Grpcurl::Program(PathBuf::from(program)));
}

#[test]
fn every_method_that_reflection_tells_of_has_a_line() {
    let world = World::start();
    let methods: BTreeSet<String> =
        world.api.methods().into_iter().filter(|method| !method.starts_with(REFLECTION)).collect();
    let described: BTreeSet<String> = document::lines().iter().filter(|line| line.of_table).map(Line::method).collect();
    let missing: Vec<_> = methods.difference(&described).collect();
    let unknown: Vec<_> = described.difference(&methods).collect();
    assert!(missing.is_empty(), "docs/operations.md has no line for {missing:?}");
    assert!(unknown.is_empty(), "docs/operations.md has lines for {unknown:?}, which is not served");
}
