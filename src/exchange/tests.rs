use std::net::IpAddr;

use super::*;
use crate::book::{Record, Reliability, State};
use crate::types::{DialOutcome, NodeId, Wall};

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

/// As a node writes it: tabs, nanoseconds, any zone, a zero time.
const OF_A_NODE: &str = "{\n\t\"key\": \"0123456789abcdef01234567\",\n\t\"addrs\": [\n\t\t{\n\t\t\t\"addr\": {\n\t\t\t\t\"id\": \"0123456789abcdef0123456789abcdef01234567\",\n\t\t\t\t\"ip\": \"1.2.3.4\",\n\t\t\t\t\"port\": 26656\n\t\t\t},\n\t\t\t\"src\": {\n\t\t\t\t\"id\": \"ffffffffffffffffffffffffffffffffffffffff\",\n\t\t\t\t\"ip\": \"::ffff:9.8.7.6\",\n\t\t\t\t\"port\": 26656\n\t\t\t},\n\t\t\t\"buckets\": [\n\t\t\t\t186,\n\t\t\t\t9999\n\t\t\t],\n\t\t\t\"attempts\": 3,\n\t\t\t\"bucket_type\": 2,\n\t\t\t\"last_attempt\": \"2024-05-06T07:08:09.123456789+05:30\",\n\t\t\t\"last_success\": \"0001-01-01T00:00:00Z\",\n\t\t\t\"last_ban_time\": \"0001-01-01T00:00:00Z\"\n\t\t}\n\t]\n}";

fn read_as(format: Option<Format>, bytes: &[u8]) -> Result<Vec<Item>, ReadError> {
    let mut items = Vec::new();
    read(bytes, format, |item| items.push(item)).map(|()| items)
}

fn address(text: &str) -> NetAddress {
    text.parse().unwrap()
}

fn corrupt(bytes: &[u8]) -> (usize, usize, String) {
    match read_as(Some(Format::AddrBook), bytes) {
        Err(ReadError::Corrupt { line, column, reason }) => (line, column, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_nodes_file_gives_its_addresses_and_who_told_of_them() {
    let source = Source { id: NodeId::from_bytes([255; 20]), ip: IpAddr::from([9, 8, 7, 6]) };
    let wanted = [Item::Address(address(&format!("{ID}@1.2.3.4:26656")), Some(source))];
    for bytes in [OF_A_NODE.as_bytes(), &[b"\xef\xbb\xbf \n", OF_A_NODE.as_bytes()].concat()] {
        assert_eq!(read_as(None, bytes).unwrap(), wanted);
    }
}

#[test]
fn a_source_that_does_not_read_costs_the_address_nothing() {
    for src in ["", ",\"src\":null", ",\"src\":{\"id\":\"x\",\"ip\":\"1.2.3.4\",\"port\":1}"] {
        let file = format!("{{\"addrs\":[{{\"addr\":{{\"id\":\"{ID}\",\"ip\":\"1.2.3.4\",\"port\":5}}{src}}}]}}");
        let items = read_as(None, file.as_bytes()).unwrap();
        assert_eq!(items, [Item::Address(address(&format!("{ID}@1.2.3.4:5")), None)], "{src}");
    }
    assert_eq!(read_as(None, b"{\"key\":\"\",\"addrs\":null}").unwrap(), []);
}

#[test]
fn an_entry_that_can_never_be_dialled_is_rejected_and_the_others_stand() {
    let entry =
        |id: &str, ip: &str, port: u16| format!("{{\"addr\":{{\"id\":\"{id}\",\"ip\":\"{ip}\",\"port\":{port}}}}}");
    let entries = [
        entry("x", "1.2.3.4", 1),
        entry(ID, "host", 1),
        entry(ID, "0.0.0.0", 1),
        entry(ID, "1.2.3.4", 0),
        entry(ID, "1.2.3.4", 1),
    ];
    let file = format!("{{\"addrs\":[{}]}}", entries.join(","));
    let items = read_as(None, file.as_bytes()).unwrap();
    let reasons: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Rejected { reason, .. } => reason.as_str(),
            Item::Address(..) => "",
        })
        .collect();
    assert!(reasons[0].contains("40 hex digits") && reasons[1].contains("no IP"), "{reasons:?}");
    assert!(reasons[2].contains("unspecified") && reasons[3].contains("port 0"), "{reasons:?}");
    assert_eq!(reasons[4], "");
}

#[test]
fn a_corrupt_file_tells_where() {
    let cut = &OF_A_NODE[..OF_A_NODE.len() - 2];
    assert_eq!(corrupt(cut.as_bytes()).0, OF_A_NODE.lines().count() - 1);
    for (file, reason) in [
        ("{\"key\":\"x\"}", "no member addrs"),
        ("[]", "it is a JSON array, and no object with the member addrs"),
        ("7", "it is a number, and no object"),
        ("-7.5", "it is a number, and no object"),
        ("\"{}\"", "it is a string, and no object"),
        ("true", "it is true or false, and no object"),
        ("null", "it is null, and no object"),
        ("{\"addrs\":7}", "it is a number, and no array"),
        ("{\"addrs\":\"x\"}", "it is a string, and no array"),
        ("{\"addrs\":{}}", "it is an object, and no array"),
        ("{\"addrs\":[]} {", "trailing"),
        ("{\"addrs\":[{}", "the JSON ends in the middle"),
        ("", "the JSON ends in the middle"),
    ] {
        let (_, _, reported) = corrupt(file.as_bytes());
        assert!(reported.contains(reason) && !reported.contains(" at line "), "{file}: {reported}");
    }
}

#[test]
fn an_array_is_not_taken_for_a_list() {
    for file in ["[1, 2]", " [\n  {\"id\": \"x\"}\n]", "[", "[\"x\"]"] {
        let error = read_as(None, file.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("it is a JSON array, and no object with the member addrs"), "{file}: {error}");
    }
    // A line of a list that is wrong in itself is wrong alone.
    let items = read_as(None, format!("[2a00::1]:26656\n{ID}@1.2.3.4:5").as_bytes()).unwrap();
    assert!(matches!(items.as_slice(), [Item::Rejected { .. }, Item::Address(..)]), "{items:?}");
}

#[test]
fn a_bad_entry_is_refused_alone_with_its_place_in_the_words_of_json() {
    let good = format!("{{\"addr\":{{\"id\":\"{ID}\",\"ip\":\"1.2.3.4\",\"port\":5}}}}");
    let cases = [
        ("7", "it is a number, where an object belongs"),
        ("null", "it is null, where an object belongs"),
        ("[]", "it is an array, where an object belongs"),
        ("{}", "it has no member addr"),
        ("{\"addr\":\"ID@1.2.3.4:5\"}", "addr is a string, where an object belongs"),
        ("{\"addr\":{\"ip\":\"1.2.3.4\",\"port\":5}}", "addr has no member id"),
        ("{\"addr\":{\"id\":7,\"ip\":\"1.2.3.4\",\"port\":5}}", "addr.id is a number, where a string belongs"),
        ("{\"addr\":{\"id\":\"x\",\"ip\":\"1.2.3.4\",\"port\":5}}", "its ID is not 40 hex digits"),
        ("{\"addr\":{\"id\":\"ID\",\"ip\":[],\"port\":5}}", "addr.ip is an array, where a string belongs"),
        ("{\"addr\":{\"id\":\"ID\",\"ip\":\"h.org\",\"port\":5}}", "its ip is no IP address"),
        (
            "{\"addr\":{\"id\":\"ID\",\"ip\":\"1.2.3.4\",\"port\":\"5\"}}",
            "addr.port is a string, where a number belongs",
        ),
        ("{\"addr\":{\"id\":\"ID\",\"ip\":\"1.2.3.4\",\"port\":99999}}", "from 1 to 65535"),
        ("{\"addr\":{\"id\":\"ID\",\"ip\":\"1.2.3.4\",\"port\":-1}}", "from 1 to 65535"),
        ("{\"addr\":{\"id\":\"ID\",\"ip\":\"1.2.3.4\",\"port\":1e999}}", "number out of range"),
        ("{\"addr\":{\"id\":\"ID\",\"ip\":\"1.2.3.4\",\"port\":0}}", "port 0"),
    ];
    for (bad, reason) in cases {
        let file = format!("{{\n\"addrs\": [\n{good},\n\n{},\n{good}]}}", bad.replace("ID", ID));
        let items = read_as(None, file.as_bytes()).unwrap();
        let [Item::Address(..), Item::Rejected { reason: reported, .. }, Item::Address(..)] = items.as_slice() else {
            panic!("{bad}: {items:?}")
        };
        let place = reported.strip_prefix("entry 2, line 5: ").unwrap_or_else(|| panic!("{bad}: {reported}"));
        assert!(place.contains(reason), "{bad}: {reported}");
        for word in ["sequence", "map", "struct", "integer", "u16", "Option", "unit"] {
            assert!(!reported.contains(word), "{bad}: {reported}");
        }
    }
}

#[test]
fn a_refused_entry_is_shown_as_an_address_or_as_it_stands() {
    let shown = |entry: &str| {
        let file = format!("{{\"addrs\":[{entry}]}}");
        match read_as(None, file.as_bytes()).unwrap().pop() {
            Some(Item::Rejected { text, .. }) => text,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(shown("{\"addr\":{\"id\":\"x\",\"ip\":\"h\",\"port\":\"5\"}}"), "x@h:5");
    assert_eq!(shown("{\"addr\":\n  {\"id\": \"x\"}}"), "{\"addr\":{\"id\":\"x\"}}");
    assert_eq!(shown(&format!("\"{}\"", "é".repeat(9_000))).len(), 64 - 1);
}

#[test]
fn hostile_files_are_errors_and_nothing_more() {
    let deep = format!("{{\"x\":{}", "[".repeat(1_000_000));
    corrupt(deep.as_bytes());
    corrupt(format!("{{\"addrs\":{}", "[".repeat(1_000_000)).as_bytes());
    corrupt(format!("{{\"addrs\":[{{\"addr\":{}", "{\"id\":".repeat(1_000_000)).as_bytes());
    let nested = format!("{{\"addrs\":[{}{}]}}", "[".repeat(1_000), "]".repeat(1_000));
    let huge = format!("{{\"addrs\":[{{\"addr\":{}1{}}}]}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    for (file, reason) in [(nested, "recursion limit"), (huge, "more than")] {
        let items = read_as(None, file.as_bytes()).unwrap();
        let [Item::Rejected { reason: reported, text }] = items.as_slice() else { panic!("{items:?}") };
        assert!(reported.contains(reason) && text.len() <= 512, "{reported}");
    }
    corrupt(b"{\"addrs\":[{\"addr\":{\"id\":\"\xff\xfe\",\"ip\":\"1.2.3.4\",\"port\":1}}]}");
    let entry = format!("{ID}@1.2.3.4:1\n");
    assert!(matches!(read_as(None, entry.repeat(MAX_ADDRESSES + 1).as_bytes()), Err(ReadError::TooMany)));
    let json = format!("{{\"addr\":{{\"id\":\"{ID}\",\"ip\":\"1.2.3.4\",\"port\":1}}}},");
    let json = format!("{{\"addrs\":[{}", json.repeat(MAX_ADDRESSES + 1));
    assert!(matches!(read_as(None, json.as_bytes()), Err(ReadError::TooMany)));
}

#[test]
fn a_list_takes_what_reads_and_tells_the_line_of_what_does_not() {
    let long = "x".repeat(5_000);
    let text = format!("# seeds\n\n {ID}@1.2.3.4:1 # one\r\nnonsense\n{long}\n{ID}@host.example:1\n{ID}@[2a00::1]:2");
    let bytes = [text.as_bytes(), b"\n\xff\xfe\n"].concat();
    let items = read_as(None, &bytes).unwrap();
    let [first, word, long, name, last, bytes] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(*first, Item::Address(address(&format!("{ID}@1.2.3.4:1")), None));
    assert_eq!(*last, Item::Address(address(&format!("{ID}@[2a00::1]:2")), None));
    for (item, line, reason) in
        [(word, 4, "id@host:port"), (long, 5, "too long"), (name, 6, "DNS name"), (bytes, 8, "id@host:port")]
    {
        let Item::Rejected { text, reason: reported } = item else { panic!("{item:?}") };
        assert!(reported.starts_with(&format!("line {line}: ")) && reported.contains(reason), "{reported}");
        assert!(text.len() <= 512);
    }
}

fn record(n: u8, host: u8, state: State) -> Record {
    let id = NodeId::from_bytes([n; 20]);
    let success = if host == 1 { Wall::NEVER } else { Wall::from_secs(1_750_000_000) };
    Record {
        address: NetAddress::new(id, [1, 2, n, host].into(), 26_656).unwrap(),
        state,
        reliability: Reliability::default(),
        source: Source { id: NodeId::from_bytes([9; 20]), ip: [9, 9, 9, 9].into() },
        added: Wall::from_secs(1_700_000_000),
        attempts: 2,
        outcome: DialOutcome::Reached,
        last_attempt: success,
        last_success: success,
        reached_since: success,
        verified: host != 1,
    }
}

fn written(format: Format, records: &[Record], page: usize) -> String {
    let mut writer = Writer::new(format);
    let mut out = writer.begin([0xab; 12]);
    for page in records.chunks(page.max(1)) {
        writer.records(page.iter().cloned(), &mut out);
    }
    writer.end(&mut out);
    out
}

#[test]
fn what_is_written_reads_as_the_same_addresses_each_id_once_and_nothing_banned() {
    use State::{Banned, New, Old};
    let records = [
        record(1, 1, New),
        record(1, 2, New),
        record(1, 3, New),
        record(2, 1, Old),
        record(3, 1, Banned),
        record(4, 2, New),
    ];
    for page in 1..=records.len() {
        let file = written(Format::AddrBook, &records, page);
        let items = read_as(None, file.as_bytes()).unwrap();
        let source = Some(records[0].source);
        let best = [&records[1], &records[3], &records[5]].map(|record| Item::Address(record.address, source));
        assert_eq!(items, best, "{page}");
    }
    let list = written(Format::List, &records, 2);
    assert_eq!(read_as(None, list.as_bytes()).unwrap().len(), 5);
    for format in [Format::AddrBook, Format::List] {
        assert_eq!(read_as(Some(format), written(format, &[], 1).as_bytes()).unwrap(), []);
    }
}

#[test]
fn a_node_finds_all_that_it_must_in_what_is_written() {
    let file = written(Format::AddrBook, &[record(1, 1, State::New), record(2, 2, State::Old)], 9);
    let json: serde_json::Value = serde_json::from_str(&file).unwrap();
    assert_eq!(json["key"], "ab".repeat(12));
    let [new, old] = [&json["addrs"][0], &json["addrs"][1]];
    assert_eq!((&new["bucket_type"], &old["bucket_type"]), (&1.into(), &2.into()));
    assert_eq!(new["last_success"], "0001-01-01T00:00:00Z");
    assert_eq!(old["last_success"], "2025-06-15T15:06:40Z");
    for entry in [new, old] {
        assert_eq!(entry["last_ban_time"], "0001-01-01T00:00:00Z");
        assert_eq!(entry["src"]["id"], "09".repeat(20));
        assert!(entry["buckets"][0].as_u64().is_some_and(|bucket| bucket < 64));
        assert_eq!(entry["attempts"], 2);
    }
}

#[test]
fn a_list_is_split_at_commas_as_a_seeds_line_is() {
    let one = |n: usize| format!("{ID}@1.2.3.4:{n}");
    let long = (1..=3_000).map(one).collect::<Vec<_>>().join(",");
    assert_eq!(read_as(None, long.as_bytes()).unwrap().len(), 3_000);

    let text = format!(" {} ,, {},nonsense # {},\n,{};{}\n", one(1), one(2), one(3), one(4), one(5));
    for piece in [1, 7, 1_000] {
        let mut items = Vec::new();
        let file = std::io::BufReader::with_capacity(piece, text.as_bytes());
        read(file, Some(Format::List), |item| items.push(item)).unwrap();
        let [first, second, word, semicolon] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!(*first, Item::Address(address(&one(1)), None));
        assert_eq!(*second, Item::Address(address(&one(2)), None));
        for (item, line, reason) in [(word, 1, "no ID"), (semicolon, 2, "put commas")] {
            let Item::Rejected { reason: reported, .. } = item else { panic!("{item:?}") };
            assert!(reported.starts_with(&format!("line {line}: ")) && reported.contains(reason), "{reported}");
        }
    }
}
