//! The log: levels and format as configured, on standard error; the levels can be changed while it runs.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::format::{Format, JsonFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt as log, reload};

use super::log_format::{JournalLines, JsonLines, is_journal};
use super::terminal;
use crate::admin::{LogControl, LogError, LogLevels};
use crate::clock::Clock;
use crate::config::keys::Log;
use crate::config::value::{LogFormat, LogLevel, Setting as _};
use crate::types::Wall;

/// The process has one log, as it has one standard error.
static LOG: OnceLock<Arc<Logging>> = OnceLock::new();

/// Begins to log. A second call in one process changes nothing.
pub(crate) fn init(config: &Log) {
    let (filter, handle) = reload::Layer::new(EnvFilter::new(&config.level.0));
    let registry = tracing_subscriber::registry().with(filter);
    let stderr = std::io::stderr;
    let journal = is_journal(&stderr(), std::env::var("JOURNAL_STREAM").ok().as_deref());
    let text = || log::layer().with_writer(stderr);
    let json = || log::layer().fmt_fields(JsonFields::new()).with_writer(stderr);
    // Only a test can have begun already.
    let began = match (config.format, journal) {
        (LogFormat::Text, false) => registry.with(text().with_ansi(terminal::may_style(&stderr()))).try_init(),
        // The journal has the time of each line itself.
        (LogFormat::Text, true) => {
            let format = JournalLines(Format::default().without_time());
            registry.with(text().event_format(format).with_ansi(false)).try_init()
        }
        (LogFormat::Json, false) => registry.with(json().event_format(JsonLines)).try_init(),
        (LogFormat::Json, true) => registry.with(json().event_format(JournalLines(JsonLines))).try_init(),
    };
    if began.is_ok() {
        let _ = LOG.set(Arc::new(Logging::new(&config.level.0, Some(handle))));
    }
}

/// What rules the process's log.
pub(crate) fn control() -> Arc<Logging> {
    LOG.get().cloned().unwrap_or_else(|| Arc::new(Logging::new("", None)))
}

/// The levels in effect, and the way to change them.
pub(crate) struct Logging {
    configured: String,
    /// `None`: somebody else's log.
    filter: Option<reload::Handle<EnvFilter, Registry>>,
    state: Arc<Mutex<State>>,
}

struct State {
    level: String,
    until: Wall,
    /// Grows with each change, so that the end of an earlier one's time is not that of a later one.
    change: u64,
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging").field("configured", &self.configured).finish_non_exhaustive()
    }
}

impl Logging {
    fn new(configured: &str, filter: Option<reload::Handle<EnvFilter, Registry>>) -> Self {
        let state = State { level: configured.to_owned(), until: Wall::NEVER, change: 0 };
        Logging { configured: configured.to_owned(), filter, state: Arc::new(Mutex::new(state)) }
    }

    /// Goes back to what is configured after `length`, unless something is changed before.
    fn fall_back(&self, filter: reload::Handle<EnvFilter, Registry>, change: u64, length: Duration) {
        let (state, configured) = (self.state.clone(), self.configured.clone());
        tokio::spawn(async move {
            tokio::time::sleep(length).await;
            let mut state = lock(&state);
            if state.change == change && filter.reload(EnvFilter::new(&configured)).is_ok() {
                tracing::info!(level = %configured, "the log level is the configured one again");
                (state.level, state.until) = (configured, Wall::NEVER);
            }
        });
    }
}

impl LogControl for Logging {
    fn levels(&self) -> LogLevels {
        let state = lock(&self.state);
        LogLevels { level: state.level.clone(), configured: self.configured.clone(), until: state.until }
    }

    /// Has to be called within a runtime when there is a length.
    fn set(&self, level: &str, length: Option<Duration>) -> Result<bool, LogError> {
        let unavailable = |what: String| LogError::Unavailable(what);
        let filter = self.filter.clone().ok_or_else(|| unavailable("another part of this process began it".into()))?;
        let level = if level.is_empty() { &self.configured } else { level };
        let LogLevel(level) = LogLevel::from_text(level).map_err(LogError::Invalid)?;
        // What is configured holds anyway, whenever the time is over.
        let length = length.filter(|_| level != self.configured);
        let until = length.map_or(Wall::NEVER, |length| Clock.now().wall + length);
        let mut state = lock(&self.state);
        if state.level == level && state.until == until {
            return Ok(false);
        }
        filter.reload(EnvFilter::new(&level)).map_err(|error| unavailable(error.to_string()))?;
        state.change += 1;
        (state.level, state.until) = (level, until);
        if let Some(length) = length {
            self.fall_back(filter, state.change, length);
        }
        Ok(true)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::Layered;

    use super::*;

    /// A log of this test's own, which the control rules.
    fn logging() -> (Logging, Layered<reload::Layer<EnvFilter, Registry>, Registry>) {
        let (filter, handle) = reload::Layer::new(EnvFilter::new("info"));
        (Logging::new("info", Some(handle)), tracing_subscriber::registry().with(filter))
    }

    fn logs_debug() -> bool {
        tracing::enabled!(target: "pexd::switch", tracing::Level::DEBUG)
    }

    #[tokio::test(start_paused = true)]
    async fn a_level_holds_for_its_time_and_falls_back_by_itself() {
        let (logging, subscriber) = logging();
        let _guard = tracing::subscriber::set_default(subscriber);
        assert!(!logs_debug());
        assert_eq!(logging.set("info,pexd::switch=debug", Some(Duration::from_secs(60))), Ok(true));
        assert!(logs_debug() && !logging.levels().until.is_never());
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert!(!logs_debug());
        assert_eq!((logging.levels().level.as_str(), logging.levels().until), ("info", Wall::NEVER));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_an_earlier_time_leaves_a_later_level_alone() {
        let (logging, subscriber) = logging();
        let _guard = tracing::subscriber::set_default(subscriber);
        assert_eq!(logging.set("trace", Some(Duration::from_secs(60))), Ok(true));
        assert_eq!(logging.set("debug", None), Ok(true));
        assert_eq!(logging.set("debug", None), Ok(false), "repeating a call changes nothing");
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(logging.levels().level, "debug");
        assert_eq!(logging.set("", None), Ok(true));
        assert_eq!(logging.levels().level, "info");
        assert_eq!(logging.set("", Some(Duration::from_secs(5))), Ok(false));
    }

    #[test]
    fn what_is_no_level_is_refused_with_the_mend() {
        let (logging, _subscriber) = logging();
        let refused = logging.set("loud", None).unwrap_err();
        assert!(matches!(&refused, LogError::Invalid(text) if text.contains("write off, error")), "{refused}");
        assert!(matches!(Logging::new("", None).set("info", None), Err(LogError::Unavailable(_))));
    }
}
