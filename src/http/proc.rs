//! What the kernel knows of this process, from `/proc`; nothing where there is none.

use std::fs;

/// The kernel's ticks in a second, as it shows them to programs: 100 on all that pexd is built for.
const TICKS: f64 = 100.0;

/// The process's use of the system.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: f64,
    pub(super) virtual_bytes: f64,
    pub(super) open_files: f64,
    pub(super) threads: f64,
}

/// Reads it now: three small files and a folder.
pub(super) fn usage() -> Option<Usage> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let open_files = fs::read_dir("/proc/self/fd").ok()?.count() as f64;
    parse(&status, &stat).map(|usage| Usage { open_files, ..usage })
}

fn parse(status: &str, stat: &str) -> Option<Usage> {
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse::<f64>().ok()
    };
    // The name, in parentheses, may hold anything; user and system time are the 12th and 13th behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some(Usage {
        cpu_seconds: (ticks()? + ticks()?) / TICKS,
        resident_bytes: number("VmRSS")? * 1024.0,
        virtual_bytes: number("VmSize")? * 1024.0,
        open_files: 0.0,
        threads: number("Threads")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let status = "Name:\tp\nVmSize:\t  200 kB\nVmRSS:\t     10 kB\nThreads:\t7\n";
        let stat = "1 (a) b) (c) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 7";
        let expected = Usage {
            cpu_seconds: 2.0,
            resident_bytes: 10_240.0,
            virtual_bytes: 204_800.0,
            open_files: 0.0,
            threads: 7.0,
        };
        assert_eq!(parse(status, stat), Some(expected));
        assert_eq!(parse("", stat), None);
        assert_eq!(parse(status, "1 (a"), None);
    }
}
