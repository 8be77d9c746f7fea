//! docs/configuration.md, made of the table of keys.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::keys::{IGNORED, NETWORK_TABLES, PROCESS_TABLES};
use super::section::{Key, bounds_text};

const HEAD: &str = "\
# Configuration

<!-- Made from the table of keys in src/config/keys.rs by `pexd reference > docs/configuration.md`. Do not edit. -->

A home (`--home`, `PEXD_HOME`, else `~/.pexd`) holds `pexd.toml` for the process and a folder for each network in
`networks/`, named by its chain ID, with `config.toml`, `node_key.json` and `book.db`.

A value comes from, the last one counting: the default, the file, the environment, the command line. A variable or flag
for a network's key needs `--network` (`PEXD_NETWORK`) when the home has several networks. Durations are written as in
Go (`10ms`, `1h30m`), lists are one text with commas. Errors are reported all at once, with their lines, and nothing
starts.
";

/// The text of the reference.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n## `pexd.toml`\n");
    for keys in PROCESS_TABLES {
        table(&mut text, keys);
    }
    text.push_str("\n## `networks/<chain-id>/config.toml`\n");
    for keys in NETWORK_TABLES {
        table(&mut text, keys);
    }
    without_effect(&mut text);
    text
}

fn table(text: &mut String, keys: &[Key]) {
    if let Some(table) = keys.first().map(|key| key.table).filter(|table| !table.is_empty()) {
        let _ = write!(text, "\n### `[{table}]`\n");
    }
    for key in keys {
        entry(text, key);
    }
}

fn entry(text: &mut String, key: &Key) {
    let _ = write!(text, "\n#### `{}`\n\n", key.path());
    for line in key.doc_lines() {
        let _ = writeln!(text, "{line}");
    }
    let kind = key.bounds.map_or(key.kind.name.to_owned(), |(low, high)| bounds_text(key, low, high));
    let _ = write!(text, "\n- Takes: {kind}\n- Default: `{}`", key.written(key.default));
    if let Some(seed) = key.seed_default {
        let _ = write!(text, ", in seed mode `{}`", key.written(seed));
    }
    let _ = write!(text, "\n- Variable: `{}`", key.variable());
    if key.flag {
        let _ = write!(text, "\n- Flag: `--{}`", key.path());
    }
    text.push('\n');
}

fn without_effect(text: &mut String) {
    text.push_str(
        "\n### Accepted without effect\n\nA node's whole `config.toml` can be used as it is, whatever its engine. At its top and in `[p2p]` values are taken as\n\
         CometBFT takes them (`send_rate = 5.12e+07`, `dial_timeout = 3000000000` in nanoseconds, `pex = \"True\"`), and held\n\
         against the bounds above. Names may be in upper case and with dashes, as Tendermint 0.35 wrote them.\n\n\
         These keys and tables have no effect here, which is said once at start. Other keys and tables outside of `[p2p]`,\n\
         `[pex]` and `[book]` are accepted with one warning that names them, since engines add their own; an unknown key inside of\n\
         these is an error.\n\n",
    );
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ignored in IGNORED {
        let path = [ignored.table, ignored.name].into_iter().filter(|part| !part.is_empty());
        names.entry(ignored.why).or_default().push(format!("`{}`", path.collect::<Vec<_>>().join(".")));
    }
    for (why, names) in names {
        let _ = writeln!(text, "- {}: {why}", names.join(", "));
    }
}
