//! A file's text as values of known keys, each with its line, and notes of all that is not right.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{Item, TableLike, Value};

use super::errors::{Diagnostics, Origin};
use super::keys::Ignored;
use super::layout::Layout;
use super::node_value;
use super::section::Key;
use super::value::Shape;
use super::value_source::ValueSource;

/// A value that was given for a key.
#[derive(Clone, Debug)]
pub(super) struct GivenValue {
    pub(super) key: &'static Key,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Reads the text of the file at `path`.
pub(super) fn read(path: &Arc<Path>, text: &str, layout: Layout, notes: &mut Diagnostics) -> Vec<GivenValue> {
    let mut source = ValueSource::new(path, text);
    let document = source.parse(notes);
    let mut reader = Reader { source, layout, notes, given: Vec::new(), ignored: Vec::new(), foreign: Vec::new() };
    if let Some(document) = document {
        reader.top(document.as_table());
    }
    reader.tell_ignored();
    reader.tell_foreign();
    reader.given
}

struct Reader<'a> {
    source: ValueSource<'a>,
    layout: Layout,
    notes: &'a mut Diagnostics,
    given: Vec<GivenValue>,
    ignored: Vec<&'static Ignored>,
    /// Names at the top that are taken for another program's, with the first line of them.
    foreign: Vec<(String, Origin)>,
}

/// Names of other programs that are told of at most.
const MAX_FOREIGN: usize = 20;

impl Reader<'_> {
    fn top(&mut self, top: &dyn TableLike) {
        for (name, item) in top.iter() {
            let known = self.layout.known_name(name);
            match item.as_table_like() {
                Some(inner) if self.layout.has_table(&known) => self.table(&known, inner),
                None if self.layout.has_table(&known) => {
                    let origin = self.source.origin_of(top, name, item);
                    self.notes
                        .error(origin, format!("{name} is not a table: write [{known}] on a line of its own, once"));
                }
                _ => self.entry("", top, name, item),
            }
        }
    }

    fn table(&mut self, table: &str, inner: &dyn TableLike) {
        for (name, item) in inner.iter() {
            self.entry(table, inner, name, item);
        }
    }

    fn entry(&mut self, table: &str, inner: &dyn TableLike, name: &str, item: &Item) {
        let origin = self.source.origin_of(inner, name, item);
        let known = self.layout.known_name(name);
        if let Some(key) = self.layout.key(table, &known) {
            match self.text_of(key, item) {
                Ok(text) => self.give(GivenValue { key, text, origin }),
                Err(what) => self.notes.error(origin, format!("{} {what}", key.path())),
            }
        } else if let Some(ignored) = self.layout.ignored(table, &known) {
            // The other spelling of one that was given already.
            if !self.ignored.iter().any(|earlier| std::ptr::eq(*earlier, ignored)) {
                self.ignored.push(ignored);
            }
        } else if table.is_empty() && self.layout.may_be_foreign(&known, item) {
            self.foreign.push((name.to_owned(), origin));
        } else {
            self.notes.error(origin, self.layout.unknown(table, name));
        }
    }

    /// Takes a value. Of two spellings of one name CometBFT takes one, in part by chance.
    fn give(&mut self, given: GivenValue) {
        match self.given.iter().find(|earlier| earlier.key == given.key) {
            Some(earlier) => {
                let text = format!("{} is given at {} too: remove one", given.key.path(), earlier.origin);
                self.notes.error(given.origin, text);
            }
            None => self.given.push(given),
        }
    }

    /// A value's text.
    fn text_of(&self, key: &Key, item: &Item) -> Result<String, String> {
        let text = match item.as_value() {
            Some(value) if self.layout.of_a_node.contains(&key.table) => node_value::text_of(key.kind.shape, value),
            value => strict_text(key.kind.shape, value),
        };
        text.ok_or_else(|| mend_type(key, item))
    }

    /// Says once what has no effect, the names with one reason together.
    fn tell_ignored(&mut self) {
        let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ignored in &self.ignored {
            let path = [ignored.table, ignored.name].into_iter().filter(|part| !part.is_empty());
            names.entry(ignored.why).or_default().push(path.collect::<Vec<_>>().join("."));
        }
        if !names.is_empty() {
            let groups: Vec<_> = names.iter().map(|(why, names)| format!("{} ({why})", names.join(", "))).collect();
            let text = format!("accepted, without effect here: {}", groups.join("; "));
            self.notes.warning(Origin::Path(self.source.path.clone()), text);
        }
    }

    /// Says once what is not known here and taken for another program's, such as the engine of a chain that is no plain
    /// CometBFT.
    fn tell_foreign(&mut self) {
        let Some((_, origin)) = self.foreign.first() else { return };
        let show = |(name, _): &(String, Origin)| {
            let shown: String = name.chars().take(64).collect();
            let meant = self.layout.meant_by("", &self.layout.known_name(name));
            meant.map_or_else(|| shown.clone(), |meant| format!("{shown} (did you mean {meant}?)"))
        };
        let names: Vec<String> = self.foreign.iter().take(MAX_FOREIGN).map(show).collect();
        let more = match self.foreign.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = names.join(", ");
        let text = format!("unknown, and accepted as another program's, without effect here: {names}{more}");
        self.notes.warning(origin.clone(), text);
    }
}

/// The text of a value of a table that no node has. Numbers and truth values may stand in quotes.
fn strict_text(shape: Shape, value: Option<&Value>) -> Option<String> {
    match (shape, value?) {
        (_, Value::String(text)) => Some(text.value().clone()),
        (Shape::Bool, Value::Boolean(value)) => Some(value.value().to_string()),
        (Shape::Integer, Value::Integer(value)) => Some(value.value().to_string()),
        _ => None,
    }
}

fn mend_type(key: &Key, item: &Item) -> String {
    let found = item.type_name();
    let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
    let fix = match (key.kind.shape, item) {
        (Shape::Text, Item::Value(Value::Array(_))) => "write one text with commas, \"A,B\"".to_owned(),
        (Shape::Text | Shape::Duration, _) => {
            format!("write a {} in quotes, such as {}", key.kind.name, key.written(key.default))
        }
        (Shape::Bool, _) => "write true or false".to_owned(),
        (Shape::Integer, _) => format!("write a whole number, such as {}", key.default),
    };
    format!("is {article} {found}: {fix}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{network, process};

    fn network_notes(text: &str) -> (Vec<GivenValue>, Diagnostics) {
        let mut notes = Diagnostics::default();
        let path: Arc<Path> = Path::new("config.toml").into();
        (read(&path, text, network::LAYOUT, &mut notes), notes)
    }

    fn errors(text: &str) -> Vec<String> {
        network_notes(text).1.errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_way_to_write_a_table_gives_the_same() {
        for text in ["[p2p]\nladdr = \"x\"", "p2p.laddr = \"x\"", "p2p = { laddr = \"x\" }", "p2p.\"laddr\" = '''x'''"]
        {
            let (given, notes) = network_notes(text);
            assert_eq!(notes.errors, [], "{text}");
            assert_eq!(
                given.iter().map(|g| (g.key.path(), g.text.as_str())).collect::<Vec<_>>(),
                [("p2p.laddr".into(), "x")]
            );
        }
    }

    #[test]
    fn a_misplaced_name_is_told_its_place() {
        let one = |text: &str, fix: &str| {
            let reported = errors(text);
            assert_eq!(reported.len(), 1, "{reported:?}");
            assert!(reported[0].contains(fix), "{reported:?}");
        };
        one("[p2p]\nbootstrap = true", "it belongs in [pex]");
        one("[p2p]\npersistent_peer = 1", "did you mean persistent_peers?");
        one("[p2p]\nblockstore_dir = 1", "remove it; known here: laddr, ");
        one("[Pex2]\nbootstrap = true", "did you mean pex?");
        one("default_network = \"a\"", "it belongs in pexd.toml");
        one("laddr = \"tcp://0.0.0.0:1\"", "it belongs in [p2p]");
        one("[p2p]\nmoniker = \"a\"", "at the top of the file");
        one("[p2q]\nladdr = 1", "did you mean p2p?");
        one("[p2q]\nMax-Num-Inbound-Peers = 1", "did you mean p2p?");
        one("[admin]\nladdr = 1", "it belongs in pexd.toml");
        one("[[p2p]]\nladdr = 1", "write [p2p]");
        one("p2p = 3", "write [p2p]");
        one("[p2p]\nxyzzyx = 1", "remove it; known here: laddr, ");
    }

    #[test]
    fn a_wrong_type_is_told_with_its_mend() {
        let reported = errors(
            "[p2p]\nseeds = [\"a\"]\nladdr = {}\ndial_timeout = []\n[pex]\nbootstrap = 1\nmax_dials = 1.5\nensure_peers_period = 3\n",
        );
        let fixes = [
            (2, "with commas"),
            (3, "such as \"tcp://0.0.0.0:26656\""),
            (4, "duration in quotes, such as \"3s\""),
            (6, "true or false"),
            (7, "whole number, such as 128"),
            (8, "duration in quotes, such as \"30s\""),
        ];
        assert_eq!(reported.len(), fixes.len(), "{reported:?}");
        for (reported, (line, fix)) in reported.iter().zip(fixes) {
            assert!(reported.starts_with(&format!("config.toml:{line}: ")) && reported.contains(fix), "{reported}");
        }
    }

    #[test]
    fn errors_of_syntax_do_not_hide_the_others() {
        let reported = errors("[p2p]\nladdr = tcp\nladder = \"x\"\nseeds = \"a\npex = tru\n= 3\n");
        let lines: Vec<&str> = reported.iter().filter_map(|reported| reported.split(':').nth(1)).collect();
        assert_eq!(lines, ["2", "4", "5", "6", "3"], "{reported:?}");
    }

    #[test]
    fn numbers_and_truth_values_may_be_quoted() {
        let (given, notes) = network_notes("[p2p]\nmax_num_inbound_peers = \"7\"\npex = \"true\"\n");
        assert_eq!(notes.errors, []);
        assert_eq!(given.iter().map(|given| given.text.as_str()).collect::<Vec<_>>(), ["7", "true"]);
    }

    #[test]
    fn names_are_written_as_nodes_write_them() {
        let (given, notes) = network_notes("MONIKER = 7\n[P2P]\nSend_Rate = 7\nmax-num-inbound-peers = 8\n");
        assert_eq!((&notes.errors, &notes.warnings), (&vec![], &vec![]));
        let given: Vec<_> = given.iter().map(|given| (given.key.path(), given.text.as_str())).collect();
        assert_eq!(
            given,
            [("moniker".into(), "7"), ("p2p.send_rate".into(), "7"), ("p2p.max_num_inbound_peers".into(), "8")]
        );
        let reported = errors("[p2p]\nsend_rate = 7\nSend-Rate = 8\n");
        assert_eq!(reported, ["config.toml:3: p2p.send_rate is given at config.toml:2 too: remove one"]);
    }

    #[test]
    fn both_spellings_of_a_key_without_effect_are_named_once() {
        let (_, notes) = network_notes("[p2p]\nbootstrap-peers = \"a\"\nbootstrap_peers = \"b\"\n");
        let [warning] = notes.warnings.as_slice() else { panic!("{:?}", notes.warnings) };
        assert_eq!(warning.text.matches("bootstrap_peers").count(), 1, "{}", warning.text);
    }

    #[test]
    fn keys_of_other_programs_are_accepted_outside_of_our_tables_with_one_warning() {
        let text = "blockstore_dir = \"x\"\nskip_app_hash = true\nmonicker = \"x\"\n[rollupsync]\nenable = 1\n[dex]\nversion = 1\na = 2\n\
                    [[axelar_bridge_evm]]\nname = \"Ethereum\"\n[[axelar_bridge_evm]]\nname = \"Fantom\"\n[p2p]\npex = true\n";
        let (_, notes) = network_notes(text);
        assert_eq!(notes.errors, []);
        let [warning] = notes.warnings.as_slice() else { panic!("{:?}", notes.warnings) };
        assert_eq!(
            warning.to_string(),
            "config.toml:1: unknown, and accepted as another program's, without effect here: blockstore_dir, skip_app_hash, \
             monicker (did you mean moniker?), rollupsync, dex (did you mean pex?), axelar_bridge_evm"
        );
        let many: String = (0..25).map(|n| format!("x{n}{} = 1\n", "y".repeat(100))).collect();
        let warning = network_notes(&many).1.warnings.remove(0).text;
        assert!(warning.ends_with(" and 5 more") && warning.len() < 20 * 70, "{warning}");
        let mut notes = Diagnostics::default();
        read(&Path::new("pexd.toml").into(), "blockstore_dir = 1\n", process::LAYOUT, &mut notes);
        assert_eq!((notes.errors.len(), notes.warnings.len()), (1, 0), "pexd.toml is nobody else's");
    }

    /// The keys of `P2PConfig` that each engine has beside CometBFT's, from its `config/config.go`.
    #[test]
    fn keys_of_known_engines_are_known() {
        for (engine, keys) in [
            (
                "Tendermint 0.35.9",
                "bootstrap-peers max-connections max-outgoing-connections max-incoming-connection-attempts use-legacy queue-type upnp addr-book-file test-dial-fail",
            ),
            (
                "sei-tendermint, sei-chain",
                "bootstrap-peers blocksync-peers max-connections max-outbound-connections max-incoming-connection-attempts queue-type self-kill-no-peers blacklist-ttl dial-interval accept-interval",
            ),
            (
                "Ostracon",
                "recv_async pex_recv_buf_size evidence_recv_buf_size mempool_recv_buf_size consensus_recv_buf_size blockchain_recv_buf_size statesync_recv_buf_size",
            ),
            ("Tendermint before 0.23", "max_num_peers skip_upnp auth_enc"),
        ] {
            let text: String = keys.split(' ').map(|key| format!("{key} = 1\n")).collect();
            let (given, notes) = network_notes(&format!("[p2p]\n{text}"));
            assert!(given.is_empty() && notes.errors.is_empty(), "{engine}: {:?}", notes.errors);
            let [warning] = notes.warnings.as_slice() else { panic!("{engine}: {:?}", notes.warnings) };
            for key in keys.split(' ') {
                assert!(warning.text.contains(&format!("p2p.{}", key.replace('-', "_"))), "{key} in {warning}");
            }
        }
        let (_, notes) = network_notes(
            "mode = \"seed\"\nprof_laddr = \"\"\nproxy-app = 1\n[priv-validator]\n[p2p]\nbootstrap-peers = \"a\"\n",
        );
        let warning = &notes.warnings[0].text;
        assert_eq!((notes.errors.len(), notes.warnings.len()), (0, 1));
        for part in [
            "p2p.bootstrap_peers (write these nodes into seeds)",
            "mode (seed_mode in [p2p]",
            "prof_laddr",
            "proxy_app",
        ] {
            assert!(warning.contains(part), "{part} in {warning}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            network_notes(&text);
        }

        #[test]
        fn any_near_miss_is_read_or_refused(
            lines in prop::collection::vec("(\\[p2p\\]|\\[\\[?(pex|rpc|é)\\]|(p2p\\.)?(laddr|seeds|pex|x{70}|\"\\\\n\") ?= ?(\"[a-zé,@]*\"?|[0-9.-]{1,25}|true|\\[|\\{\\}|'''|\"\"\")|#é|[ -~]{0,8})", 0..12),
        ) {
            let text = lines.join("\n");
            let mut notes = Diagnostics::default();
            let path: Arc<Path> = Path::new("a").into();
            let last = text.lines().count().max(1) + 1;
            read(&path, &text, network::LAYOUT, &mut notes);
            read(&path, &text, process::LAYOUT, &mut notes);
            for note in notes.errors {
                let Origin::Line(_, line) = note.origin.clone() else { continue };
                prop_assert!((1..=last).contains(&line), "{note}");
                prop_assert_eq!(note.to_string().lines().count(), 1);
            }
        }
    }
}
