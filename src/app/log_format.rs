//! How an event becomes a line of the log: JSON with the chain at the top, and systemd's priorities before each line where
//! the journal reads it.

use std::fmt;
use std::fs::File;
use std::io::Stderr;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// The field by which a line says which network it is about.
const CHAIN: &str = "chain";

/// Whether what is written there goes to systemd's journal, by what `$JOURNAL_STREAM` has (`DEVICE:INODE`; systemd.exec,
/// "Environment Variables Set or Propagated by the Service Manager"). One that was inherited and then redirected is not it.
pub(super) fn is_journal(stderr: &Stderr, journal_stream: Option<&str>) -> bool {
    let parsed = journal_stream.and_then(|text| text.split_once(':'));
    let Some((Ok(device), Ok(inode))) = parsed.map(|(device, inode)| (device.parse(), inode.parse())) else {
        return false;
    };
    let metadata = stderr.as_fd().try_clone_to_owned().and_then(|fd| File::from(fd).metadata());
    metadata.is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (device, inode))
}

/// The priority that the journal takes for a level (`sd-daemon.html`).
const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Lines for the journal: what `F` writes, each line with its priority, which the journal takes off.
#[derive(Debug)]
pub(super) struct JournalLines<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for JournalLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        self.0.format_event(ctx, Writer::new(&mut text), event)?;
        let priority = priority(*event.metadata().level());
        text.lines().try_for_each(|line| writeln!(writer, "<{priority}>{line}"))
    }
}

/// One JSON object a line: `timestamp`, `level`, `chain` where it is about one network, `target`, and `fields` with the
/// `message` and the rest.
#[derive(Debug)]
pub(super) struct JsonLines;

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<Value>,
    target: &'a str,
    fields: Map<String, Value>,
}

/// `N` has to write fields as a JSON object (`JsonFields`).
impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (mut timestamp, mut fields) = (String::new(), String::new());
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        ctx.format_fields(Writer::new(&mut fields), event)?;
        let mut fields = object(&fields)?;
        for span in ctx.event_scope().into_iter().flatten() {
            // Of what several say the event's own is in effect, then the innermost span's.
            if let Some(of_span) = span.extensions().get::<FormattedFields<N>>() {
                for (name, value) in object(of_span)? {
                    fields.entry(name).or_insert(value);
                }
            }
        }
        let (meta, chain) = (event.metadata(), fields.remove(CHAIN));
        let line = Line { timestamp, level: meta.level().as_str(), chain, target: meta.target(), fields };
        writeln!(writer, "{}", serde_json::to_string(&line).map_err(|_| fmt::Error)?)
    }
}

/// The fields of a span without any are no text at all.
fn object(text: &str) -> Result<Map<String, Value>, fmt::Error> {
    if text.is_empty() { Ok(Map::new()) } else { serde_json::from_str(text).map_err(|_| fmt::Error) }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::format::{Format, JsonFields};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::{fmt as log, registry};

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn lines(&self) -> Vec<String> {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
        }
    }

    fn json() -> (Written, impl Subscriber) {
        let written = Written::default();
        let writer = written.clone();
        let layer = log::layer().event_format(JsonLines).fmt_fields(JsonFields::new());
        (written, registry().with(layer.with_writer(move || writer.clone())))
    }

    #[test]
    fn the_chain_is_there_once_and_at_the_top() {
        let (written, subscriber) = json();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("network", chain = %"one-1").in_scope(|| {
                tracing::warn!(count = 7, "odd \"text\"\nof two lines");
                tracing::info!(chain = "two-1", "another's");
            });
            tracing::info!(chain = "three-1", on = true, "outside");
            tracing::info!("of none");
        });
        let lines: Vec<Value> = written.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let chains: Vec<_> = lines.iter().map(|line| line["chain"].as_str()).collect();
        assert_eq!(chains, [Some("one-1"), Some("two-1"), Some("three-1"), None]);
        assert_eq!(lines[0]["fields"], serde_json::json!({ "message": "odd \"text\"\nof two lines", "count": 7 }));
        assert_eq!(lines[2]["fields"], serde_json::json!({ "message": "outside", "on": true }));
        assert_eq!((lines[0]["level"].as_str(), lines[3].get("chain")), (Some("WARN"), None));
        assert!(lines[0]["target"].as_str().unwrap().starts_with("pexd::") && lines[0]["timestamp"].is_string());
        for line in &written.lines()[..3] {
            assert_eq!(line.matches("-1\"").count(), 1, "{line}");
        }
    }

    #[test]
    fn every_line_for_the_journal_has_its_priority() {
        let written = Written::default();
        let writer = written.clone();
        let format = JournalLines(Format::default().without_time());
        let layer = log::layer().event_format(format).with_ansi(false).with_writer(move || writer.clone());
        tracing::subscriber::with_default(registry().with(layer), || {
            tracing::error!("broken\n<0>and more");
            tracing::warn!("odd");
            tracing::info!("well");
            tracing::debug!("detail");
            tracing::trace!("all");
        });
        let lines = written.lines();
        let priorities: Vec<_> = lines.iter().map(|line| &line[..3]).collect();
        assert_eq!(priorities, ["<3>", "<3>", "<4>", "<6>", "<7>", "<7>"], "{lines:?}");
        assert!(lines[0].starts_with("<3>ERROR ") && lines[1] == "<3><0>and more", "{lines:?}");
    }
}
