//! The alert rules of docs/prometheus: held against what is served, their page, and promtool's tests of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use super::skipped;
use crate::http::metrics;

fn read(path: &str) -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The values of one key in a YAML or JSON file of ours, line by line.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.trim_start().trim_start_matches("- ").strip_prefix(key)).map(str::trim)
}

/// The names that look like metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let prefixes = ["pexd_", "process_", "cometbft_"];
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix))).collect()
}

/// Everything that a scrape may have in it; a histogram is three.
fn served() -> BTreeSet<String> {
    let names = metrics::ALL.iter().map(|metric| metric.full_name("cometbft"));
    names.flat_map(|name| ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}"))).collect()
}

#[test]
fn rules_and_panels_name_only_what_is_served() {
    let served = served();
    for path in ["docs/prometheus/alerts.yml", "docs/prometheus/alerts.test.yml", "docs/grafana/pexd.json"] {
        let text = read(path);
        let names = named(&text);
        let unknown: Vec<_> = names.iter().filter(|name| !served.contains(**name)).collect();
        assert!(unknown.is_empty(), "{path} names {unknown:?}, which is not served");
        assert!(names.len() > 10, "{path}: {names:?}");
    }
}

#[test]
fn every_rule_says_what_to_do_and_where_that_stands() {
    let (rules, page) = (read("docs/prometheus/alerts.yml"), read("docs/alerts.md"));
    let headings: BTreeSet<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts: Vec<_> = values(&rules, "alert:").collect();
    assert!(alerts.len() > 10);
    for alert in &alerts {
        let rule = rules.split(&format!("- alert: {alert}\n")).nth(1).unwrap().split("- alert:").next().unwrap();
        for key in ["expr:", "severity:", "summary:", "description:"] {
            assert_eq!(values(rule, key).count(), 1, "{alert} has no {key}");
        }
        let runbook = format!("\"docs/alerts.md#{}\"", alert.to_lowercase());
        assert_eq!(values(rule, "runbook:").collect::<Vec<_>>(), [runbook], "{alert}");
        assert!(headings.contains(alert), "docs/alerts.md has no heading {alert}");
    }
    let of_rules: BTreeSet<_> = alerts.iter().copied().collect();
    let of_no_rule: Vec<_> =
        headings.iter().filter(|name| name.starts_with("Pexd") && !of_rules.contains(*name)).collect();
    assert!(of_no_rule.is_empty(), "docs/alerts.md explains {of_no_rule:?}, which no rule fires");
}

/// Each rule's test is in the file that promtool runs: where it fires, and where it does not.
#[test]
fn every_rule_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let (rules, tests) = (read("docs/prometheus/alerts.yml"), read("docs/prometheus/alerts.test.yml"));
    for alert in values(&rules, "alert:") {
        let of_alert = tests.split("- eval_time:").filter(|test| values(test, "alertname:").any(|name| name == alert));
        let (silent, firing): (Vec<_>, Vec<_>) = of_alert.partition(|test| test.contains("exp_alerts: []"));
        assert!(
            !firing.is_empty() && !silent.is_empty(),
            "{alert}: fires in {}, is silent in {}",
            firing.len(),
            silent.len()
        );
    }
}

#[test]
fn promtool_takes_the_rules_and_passes_their_tests() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/prometheus");
    for args in [["check", "config", "prometheus.yml"], ["test", "rules", "alerts.test.yml"]] {
        let Ok(output) = Command::new("promtool").args(args).current_dir(&folder).output() else {
            return skipped("nobody has tried the alert rules");
        };
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said));
    }
}
