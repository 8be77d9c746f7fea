//! The panels of the dashboard's JSON.

use serde_json::Value;

/// A panel with a title, what it asks and where it is.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) kind: String,
    pub(crate) unit: String,
    /// Whether it shows the names of what it finds in the place of numbers.
    pub(crate) shows_name: bool,
    pub(crate) place: Place,
    pub(crate) queries: Vec<Query>,
}

/// Columns and rows of Grafana's grid.
pub(crate) struct Place {
    pub(crate) x: u64,
    pub(crate) y: u64,
    pub(crate) w: u64,
    pub(crate) h: u64,
}

/// A line, or several, of a panel.
pub(crate) struct Query {
    expr: String,
    legend: String,
}

impl Panel {
    /// Those of a dashboard, its rows' titles left out.
    pub(crate) fn of(dashboard: &Value) -> Vec<Panel> {
        let panels = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
        panels.map(Panel::read).collect()
    }

    fn read(panel: &Value) -> Panel {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {panel}")).to_owned();
        let grid = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        let query = |target: &Value| Query { expr: text(&target["expr"]), legend: text(&target["legendFormat"]) };
        Panel {
            title: text(&panel["title"]),
            kind: text(&panel["type"]),
            unit: text(&panel["fieldConfig"]["defaults"]["unit"]),
            shows_name: panel["options"]["textMode"] == "name",
            place: Place { x: grid("x"), y: grid("y"), w: grid("w"), h: grid("h") },
            queries: panel["targets"].as_array().unwrap().iter().map(query).collect(),
        }
    }
}

impl Query {
    /// The query as Grafana sends it when this chain is chosen, and rates are over this time.
    pub(crate) fn at(&self, chain: &str, rate_interval: &str) -> String {
        let query = self.expr.replace("$instance", ".*").replace("$chain", chain);
        let query = query.replace("$__rate_interval", rate_interval);
        assert!(!query.contains('$'), "{query} has a variable that this test does not know");
        query
    }

    /// The name of a series: the legend with its labels put in.
    pub(crate) fn legend(&self, labels: &Value) -> String {
        let mut legend = self.legend.clone();
        for (name, value) in labels.as_object().into_iter().flatten() {
            legend = legend.replace(&format!("{{{{{name}}}}}"), value.as_str().unwrap_or_default());
        }
        legend.trim().to_owned()
    }
}

/// The titles of rows, each with where it is.
pub(crate) fn rows(dashboard: &Value) -> Vec<(String, u64)> {
    let rows = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] == "row");
    rows.map(|row| (row["title"].as_str().unwrap().to_owned(), row["gridPos"]["y"].as_u64().unwrap())).collect()
}

/// The queries of the variables, with how many values each has to have here: one per pexd, one per chain.
pub(crate) fn variables(dashboard: &Value) -> Vec<(String, usize)> {
    let list = dashboard["templating"]["list"].as_array().unwrap();
    let queries: Vec<_> = list.iter().filter(|variable| variable["type"] == "query").collect();
    assert_eq!(queries.len(), 2);
    let query = |variable: &&Value| variable["query"]["query"].as_str().unwrap().replace("$instance", ".*");
    queries.iter().map(|variable| (query(variable), 2)).collect()
}
