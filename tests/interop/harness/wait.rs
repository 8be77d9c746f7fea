//! Waiting for what another process does in its own time.

use std::fmt::Debug;
use std::thread::sleep;
use std::time::Duration;

use pexd::clock::Clock;

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Looks until `good` accepts what is seen and returns it; fails with the last sight after `limit`.
#[track_caller]
pub(crate) fn until<T: Debug>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> T,
    good: impl Fn(&T) -> bool,
) -> T {
    let start = Clock.mono();
    loop {
        let seen = look();
        let waited = Clock.mono().since(start);
        if good(&seen) {
            eprintln!("{what}: after {:.1} s", waited.as_secs_f64());
            return seen;
        }
        assert!(waited < limit, "{what}: not within {limit:?}; last seen: {seen:#?}");
        sleep(LOOK_EVERY);
    }
}

/// As [`until`], for a plain yes or no.
#[track_caller]
pub(crate) fn until_true(what: &str, limit: Duration, look: impl FnMut() -> bool) {
    until(what, limit, look, |seen| *seen);
}

/// Looks for the whole of `span` and fails as soon as `good` refuses what is seen.
#[track_caller]
pub(crate) fn throughout<T: Debug>(what: &str, span: Duration, mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) {
    let start = Clock.mono();
    while Clock.mono().since(start) < span {
        let seen = look();
        let waited = Clock.mono().since(start);
        assert!(good(&seen), "{what}: no longer after {:.1} s; seen: {seen:#?}", waited.as_secs_f64());
        sleep(LOOK_EVERY);
    }
}
