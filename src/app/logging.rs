//! The log: levels and format as configured, on standard error.

use crate::config::keys::Log;
use crate::config::value::LogFormat;
use tracing_subscriber::EnvFilter;

/// Begins to log. A second call in one process changes nothing.
pub(crate) fn init(log: &Log) {
    let filter = EnvFilter::new(&log.level.0);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only a test can have begun already.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
