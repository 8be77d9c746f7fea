//! What the kernel counts of this process (`/proc/self`), under the names that Prometheus' client libraries give it.
//!
//! The `prometheus` crate's own collector is not used: it counts CPU time in whole seconds (0.14.0,
//! `process_collector.rs`), in which a program that takes some milliseconds a second shows nothing for minutes.

use procfs::process::Process;

/// The process's use of the system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// User and system time, in seconds, to the kernel's tick (10 ms).
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: f64,
    pub(super) virtual_bytes: f64,
    pub(super) open_files: f64,
    pub(super) threads: f64,
}

/// Reads it now: one small file and a folder. `None` where there is no `/proc`.
pub(super) fn usage() -> Option<Usage> {
    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    Some(Usage {
        cpu_seconds: (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64,
        resident_bytes: (stat.rss * procfs::page_size()) as f64,
        virtual_bytes: stat.vsize as f64,
        open_files: process.fd_count().ok()? as f64,
        threads: stat.num_threads as f64,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_the_process_takes_is_counted() {
        let before = usage().unwrap();
        assert!(before.threads >= 1.0 && before.virtual_bytes > before.resident_bytes && before.resident_bytes > 0.0);
        let held: Vec<File> = (0..100).map(|_| File::open("/dev/null").unwrap()).collect();
        // Other tests open and close files of their own.
        assert!(usage().unwrap().open_files >= held.len() as f64);
        let spent = (1..=200_000_000_u64).fold(0_u64, |sum, n| std::hint::black_box(sum ^ n));
        assert!(usage().unwrap().cpu_seconds > before.cpu_seconds, "{spent}");
    }
}
