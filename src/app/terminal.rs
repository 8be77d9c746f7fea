//! Whether what is written to a terminal may have colours and move its cursor.

use std::env;
use std::io::IsTerminal;

/// Whether escape sequences may be written there: to a terminal that understands them, unless `NO_COLOR` is set
/// (https://no-color.org).
pub(crate) fn may_style(stream: &impl IsTerminal) -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !set("NO_COLOR") && !dumb
}
