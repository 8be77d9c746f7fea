use super::*;

const ADDRESS: &str = "0123456789abcdef0123456789abcdef01234567@203.113.213.117:26656";

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[test]
fn a_table_of_nothing_has_its_headings() {
    assert_eq!(within(None, &[column("A"), column("B")], &[]), "A  B\n");
}

#[test]
fn without_a_terminal_nothing_is_left_out_and_a_row_is_a_line() {
    let columns = [column("A").lead(), column("B").spare(1), column("C").prose(), column("D").when(false)];
    let prose = "word ".repeat(60);
    let text = within(None, &columns, &[[cell(ADDRESS), cell("b\nb"), cell(prose.trim()), cell("hidden")]]);
    assert_eq!(lines(&text)[1], format!("{ADDRESS}  b b  {}", prose.trim()));
    assert!(!text.contains('D') && !text.contains("hidden"));
}

#[test]
fn the_least_important_columns_go_first_and_none_is_broken() {
    let columns = [column("NETWORK"), column("MODE").spare(2), column("SERVABLE"), column("DIALS").spare(1)];
    let row = [cell("cosmoshub-4"), cell("seed"), cell(12), cell("10/128")];
    let heads = |width| lines(&within(Some(width), &columns, std::slice::from_ref(&row)))[0].to_owned();
    assert_eq!(heads(35), "NETWORK      MODE  SERVABLE  DIALS");
    assert_eq!(heads(34), "NETWORK      MODE  SERVABLE");
    assert_eq!(heads(26), "NETWORK      SERVABLE");
    assert_eq!(heads(5), "NETWORK      SERVABLE", "what cannot be left out is never broken");
}

#[test]
fn an_address_that_does_not_fit_beside_the_rest_has_its_own_line() {
    let columns = [column("TIME"), column("TARGET").lead(), column("WHERE").spare(1), column("WHAT").prose()];
    let what = "it did not answer in time: a firewall, or a host that is gone or overloaded";
    let rows = [
        [cell("2026-01-31T12:00:00Z"), cell(ADDRESS), cell("203.113.213.117:26656"), cell(what)],
        [cell("2026-01-31T12:00:01Z"), cell(ADDRESS), cell("203.113.213.117:26656"), cell("-")],
    ];
    let text = within(Some(60), &columns, &rows);
    let expected = [
        "TARGET",
        "    TIME                  WHERE",
        "    WHAT",
        ADDRESS,
        "    2026-01-31T12:00:00Z  203.113.213.117:26656",
        "    it did not answer in time: a firewall, or a host that is",
        "    gone or overloaded",
        ADDRESS,
        "    2026-01-31T12:00:01Z  203.113.213.117:26656",
    ];
    assert_eq!(lines(&text), expected, "{text}");
    assert!(!within(Some(40), &columns, &rows).contains("WHERE"));
}

#[test]
fn text_goes_on_at_a_word_beside_the_other_columns() {
    let columns = [column("NETWORK"), column("FOR").prose(), column("N")];
    let row = [cell("a-1"), cell("12 banned_ip, 3 timed_out, 1 wrong_network"), cell(7)];
    let text = within(Some(40), &columns, &[row]);
    let expected = [
        "NETWORK  FOR                           N",
        "a-1      12 banned_ip, 3 timed_out, 1  7",
        "         wrong_network",
    ];
    assert_eq!(lines(&text), expected, "{text}");
}

#[test]
fn text_with_a_piece_that_is_too_wide_stands_below_its_row() {
    let columns = [column("KEY"), column("VALUE").prose(), column("BY")];
    let rows = [
        [cell("p2p.seeds"), cell(format!("{ADDRESS},{ADDRESS}")), cell("file")],
        [cell("p2p.laddr"), cell("tcp://0.0.0.0:26656"), cell("file")],
    ];
    let text = within(Some(70), &columns, &rows);
    let reported: Vec<&str> = lines(&text).iter().map(|line| line.trim()).collect();
    let first = format!("{ADDRESS},");
    assert_eq!((reported[2], reported[3]), (first.as_str(), ADDRESS), "{text}");
    assert!(lines(&text)[1].starts_with("p2p.seeds") && reported[1].ends_with("file"), "{text}");
    assert!(reported[4].contains("tcp://0.0.0.0:26656"), "{text}");
}

#[test]
fn thirty_chains_take_thirty_lines() {
    let columns = [column("NETWORK"), column("STATE"), column("DIALS").spare(1), column("REACH").spare(2)];
    let row = |n: usize| {
        [cell(format!("a-rather-long-testnet-name-{n}")), cell("running"), cell("128/128"), cell("unanswered")]
    };
    let rows: Vec<_> = (0..30).map(row).collect();
    let text = within(Some(60), &columns, &rows);
    assert_eq!(text.lines().count(), 31, "{text}");
    assert!(text.lines().all(|line| line.len() <= 60), "{text}");
}

#[test]
fn a_cell_without_end_costs_no_other_row() {
    let columns = [column("KEY"), column("VALUE").prose()];
    let rows = [[cell("long"), cell("x".repeat(200_000))], [cell("last"), cell("1")]];
    let text = within(None, &columns, &rows);
    assert_eq!(text.lines().count(), 3);
    assert!(text.ends_with("1\n") && text.contains('…'));
}
