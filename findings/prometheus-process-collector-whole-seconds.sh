#!/bin/bash
# The Rust crate prometheus 0.14.0 (feature "process") exports process_cpu_seconds_total in whole seconds: the kernel's ticks
# are divided as integers (process_collector.rs, collect). A service that needs 2 ms of CPU a second shows 0 for eight minutes
# and then jumps by 1, so that rate() over a usual window is 0 or several times the truth. client_golang exports
# hundredths of a second from the same two fields of /proc/self/stat.
#
# Seen with prometheus 0.14.0, procfs 0.17.0, rustc 1.95.0, Linux x86-64:
#
#   kernel: 1.8 s or more and less than 2 s
#   exported: 1
#
# Fails when the exported value is no longer a whole number. Needs cargo and a C linker.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat > "$work/Cargo.toml" << 'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
procfs = { version = "=0.17.0", default-features = false }
prometheus = { version = "=0.14.0", default-features = false, features = ["process"] }
TOML
cat > "$work/src/main.rs" << 'RUST'
use prometheus::core::Collector as _;
use prometheus::process_collector::ProcessCollector;

fn kernel() -> f64 {
    let stat = procfs::process::Process::myself().unwrap().stat().unwrap();
    (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64
}

fn main() {
    let mut sum = 0_u64;
    while kernel() < 1.8 {
        for n in 0..1_000_000 {
            sum = std::hint::black_box(sum ^ n);
        }
    }
    let families = ProcessCollector::for_self().collect();
    let cpu = families.iter().find(|family| family.name() == "process_cpu_seconds_total").unwrap();
    let (exported, kernel) = (cpu.get_metric()[0].get_counter().get_value(), kernel());
    println!("kernel: {kernel} s");
    println!("exported: {exported}");
    assert!(kernel < 1.99, "the machine was too slow to tell: run it again");
    assert!(exported.fract() == 0.0, "it counts parts of a second now");
    assert!(exported < kernel - 0.5, "it does not lag behind any more");
}
RUST
cd "$work"
CARGO_TARGET_DIR=$work/target cargo run --quiet
