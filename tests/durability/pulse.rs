//! Whether this machine, its processors and its disk, goes on at all: who measures seconds has to know.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pexd::clock::Clock;

const BEAT: Duration = Duration::from_millis(20);

/// Beats, each with a write to the disk, until it is asked.
#[derive(Debug)]
pub(crate) struct Pulse {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Pulse {
    pub(crate) fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let theirs = over.clone();
        Pulse { over, thread: thread::spawn(move || beat(&theirs)) }
    }

    /// The longest time from one beat to the next.
    pub(crate) fn longest_pause(self) -> Duration {
        self.over.store(true, Relaxed);
        self.thread.join().expect("the disk takes a byte")
    }
}

fn beat(over: &AtomicBool) -> Duration {
    let mut file = tempfile::tempfile().unwrap();
    let (mut longest, mut last) = (Duration::ZERO, Clock.mono());
    while !over.load(Relaxed) {
        thread::sleep(BEAT);
        file.write_all(&[0]).and_then(|()| file.sync_data()).unwrap();
        let now = Clock.mono();
        longest = longest.max(now.since(last));
        last = now;
    }
    longest
}
