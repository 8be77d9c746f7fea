//! What systemd is told of the process (`sd_notify`; systemd's `sd_notify.html` has the words): that it is ready, reads its
//! files again, ends, how its networks are, and that it makes progress. Where nobody wants to know, nothing is sent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::network::{Directory, Handle};
use crate::node::RunState;
use crate::types::counted;

/// How often the networks are asked how they are; more often where the watchdog's time is short.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Looks within the watchdog's time: one that comes late, or a network that is slow once, is no reason to end the process.
const LOOKS_IN_WATCHDOG_TIME: u32 = 4;
/// Names of networks in one part of the status line.
const MAX_NAMES: usize = 5;

/// A network, as it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Running,
    Starting,
    Stopped,
    Failed,
    /// Its actor did not answer in time.
    Silent,
}

/// All addresses of the process are listened on, and every network was asked to start.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The files are being read again; [`ready`] says when they have been.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "systemd is not told of the reload"),
    }
}

/// The process ends in order from here on.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("ending: peers take what was sent to them")]);
}

/// Keeps systemd's line on the process up to date, and its watchdog quiet as long as there is progress. Never ends.
pub(super) async fn watch(directory: Directory) {
    let watchdog = sd_notify::watchdog_enabled();
    let every = watchdog.map_or(LOOK_EVERY, |time| LOOK_EVERY.min(time / LOOKS_IN_WATCHDOG_TIME));
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    loop {
        ticks.tick().await;
        let seen = look(&directory, every).await;
        let line = status_line(&seen);
        if line != told {
            tell(&[NotifyState::Status(&line)]);
            told = line;
        }
        if watchdog.is_some() && makes_progress(&seen) {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}

async fn look(directory: &Directory, patience: Duration) -> Vec<(Arc<str>, Seen)> {
    let ask = async |network: Handle| {
        let seen = match timeout(patience, network.status()).await {
            Ok(Ok(status)) => match status.node.state {
                RunState::Running => Seen::Running,
                RunState::Starting => Seen::Starting,
                RunState::Stopped => Seen::Stopped,
                RunState::Failed(_) => Seen::Failed,
            },
            Ok(Err(_)) | Err(_) => Seen::Silent,
        };
        (network.chain_id().clone(), seen)
    };
    join_all(directory.all(|_| true).into_iter().map(ask)).await
}

/// Whether the runtime and the networks' actors get on. One that hangs is reported and costs the others nothing: a restart
/// would. When all of them hang, the cause is one that they share, and a restart is what is left.
fn makes_progress(seen: &[(Arc<str>, Seen)]) -> bool {
    seen.is_empty() || seen.iter().any(|(_, seen)| *seen != Seen::Silent)
}

/// The networks in one line, what is worst first: `2 of 3 networks running; failed: juno-1`.
fn status_line(seen: &[(Arc<str>, Seen)]) -> String {
    let of = |kind| seen.iter().filter(move |(_, seen)| *seen == kind).map(|(name, _)| name.escape_debug().to_string());
    let mut line = format!("{} of {} running", of(Seen::Running).count(), counted(seen.len(), "network"));
    let parts = [
        ("no answer", Seen::Silent),
        ("failed", Seen::Failed),
        ("starting", Seen::Starting),
        ("stopped", Seen::Stopped),
    ];
    for (words, kind) in parts {
        let names: Vec<String> = of(kind).take(MAX_NAMES).collect();
        if !names.is_empty() {
            let more = of(kind).count() - names.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            line += &format!("; {words}: {}{more}", names.join(", "));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::scripted;

    fn seen(networks: &[(&str, Seen)]) -> Vec<(Arc<str>, Seen)> {
        networks.iter().map(|(name, seen)| ((*name).into(), *seen)).collect()
    }

    #[test]
    fn the_line_names_what_is_not_as_it_should_be() {
        assert_eq!(status_line(&seen(&[("a-1", Seen::Running)])), "1 of 1 network running");
        let mixed = [
            ("a-1", Seen::Running),
            ("b-1", Seen::Stopped),
            ("c-1", Seen::Failed),
            ("d-1", Seen::Silent),
            ("e-1", Seen::Failed),
            ("f-1", Seen::Starting),
        ];
        let line = "1 of 6 networks running; no answer: d-1; failed: c-1, e-1; starting: f-1; stopped: b-1";
        assert_eq!(status_line(&seen(&mixed)), line);
        let names: Vec<String> = (0..30).map(|n| format!("chain-{n}")).collect();
        let all: Vec<_> = names.iter().map(|name| (name.as_str(), Seen::Failed)).collect();
        assert!(
            status_line(&seen(&all)).ends_with("; failed: chain-0, chain-1, chain-2, chain-3, chain-4 and 25 more")
        );
    }

    #[test]
    fn one_network_that_hangs_is_no_reason_to_end_the_others() {
        assert!(makes_progress(&[]));
        assert!(makes_progress(&seen(&[("a-1", Seen::Silent), ("b-1", Seen::Failed)])));
        assert!(!makes_progress(&seen(&[("a-1", Seen::Silent), ("b-1", Seen::Silent)])));
    }

    #[tokio::test(start_paused = true)]
    async fn an_actor_that_does_not_answer_in_time_is_silent() {
        let (network, _inbox) = scripted::hung("hung-1");
        let directory = Directory::new([network], None);
        assert_eq!(look(&directory, Duration::from_secs(1)).await, seen(&[("hung-1", Seen::Silent)]));
    }
}
