//! The dashboard and the alert rules before a real Prometheus that scrapes running pexds: no panel is empty, every rule
//! evaluates, and none fires before something is wrong. Needs Prometheus (Debian's package `prometheus`); without it this says loudly that it was skipped.
//!
//! `PEXD_DASHBOARD_PICTURE=FILE` also draws the panels with what Prometheus has of some minutes: docs/grafana/pexd.svg.

#![allow(clippy::unwrap_used)]

mod fleet;
mod panels;
mod picture;
mod prometheus;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use pexd::clock::Clock;
use serde_json::Value;

use fleet::{CHAINS, Fleet};
use panels::{Panel, Place};
use prometheus::{Prometheus, Rule};

/// Longer than the first numbers of every kind take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the fleet runs before it is drawn.
const BEFORE_PICTURE: Duration = Duration::from_secs(300);

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn no_panel_is_empty_and_no_alert_fires_where_all_is_well() {
    let Some(prometheus) = Prometheus::find() else {
        let said = "SKIPPED: there is no Prometheus (Debian's package prometheus): nobody has tried the dashboard";
        return writeln!(std::io::stderr(), "\n** {said} **").unwrap();
    };
    let mut fleet = Fleet::start();
    let prometheus = prometheus.scrape(&fleet.places(), &read("docs/prometheus/alerts.yml"));
    let dashboard: Value = serde_json::from_str(&read("docs/grafana/pexd.json")).unwrap();
    let panels = Panel::of(&dashboard);
    assert!(panels.len() > 30);

    // Each query of each panel, for the whole fleet and for each chain alone, has a number at some time.
    let mut empty: BTreeSet<(String, String)> = BTreeSet::new();
    for chain in [".*"].iter().chain(&CHAINS) {
        for panel in &panels {
            empty.extend(panel.queries.iter().map(|query| (panel.title.clone(), query.at(chain, "1m"))));
        }
    }
    let began = Clock.mono();
    until(|| {
        fleet.be_asked();
        empty.retain(|(_, query)| prometheus.numbers(query).is_empty());
        if empty.is_empty() { Ok(()) } else { Err(format!("these panels stay empty: {empty:#?}")) }
    });
    for (query, at_least) in panels::variables(&dashboard) {
        let values = prometheus.label_values(&query);
        assert!(values.len() >= at_least, "the variable {query:?} has {values:?}");
    }

    // Where all is well no rule so much as waits to fire, and all of them could be evaluated.
    until(|| {
        let rules = prometheus.rules();
        assert!(rules.len() > 10);
        let odd = |rule: &Rule| rule.health != "ok" || rule.state != "inactive";
        rules.into_iter().find(odd).map_or(Ok(()), |rule| Err(format!("{rule:?}")))
    });

    if let Some(path) = std::env::var_os("PEXD_DASHBOARD_PICTURE") {
        while Clock.mono().since(began) < BEFORE_PICTURE {
            fleet.be_asked();
            std::thread::sleep(PAUSE);
        }
        fs::write(path, picture::draw(&panels, &panels::rows(&dashboard), &prometheus, BEFORE_PICTURE)).unwrap();
    }

    // One of the two ends: its rule begins to wait.
    fleet.end_nodes();
    until(|| {
        let rules = prometheus.rules();
        let waiting: Vec<_> = rules.iter().filter(|rule| rule.state != "inactive").map(|rule| &rule.name).collect();
        if waiting.iter().any(|name| *name == "PexdDown") { Ok(()) } else { Err(format!("{waiting:?}")) }
    });
}

/// Looks until it is well. What does not come to pass must not hang the tests.
fn until(mut look: impl FnMut() -> Result<(), String>) {
    let began = Clock.mono();
    while let Err(what) = look() {
        assert!(Clock.mono().since(began) < PATIENCE, "{what}");
        std::thread::sleep(PAUSE);
    }
}

/// Grafana places panels on 24 columns.
#[test]
fn panels_do_not_lie_on_one_another_and_have_titles_of_their_own() {
    let panels = Panel::of(&serde_json::from_str(&read("docs/grafana/pexd.json")).unwrap());
    let titles: BTreeSet<_> = panels.iter().map(|panel| &panel.title).collect();
    assert_eq!(titles.len(), panels.len());
    let apart = |a: &Place, b: &Place| a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
    for (n, panel) in panels.iter().enumerate() {
        assert!(panel.place.x + panel.place.w <= 24, "{}", panel.title);
        for other in &panels[n + 1..] {
            assert!(apart(&panel.place, &other.place), "{} and {}", panel.title, other.title);
        }
    }
}
