//! A Prometheus of this test's own, on loopback, and what it answers.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pexd::clock::Clock;
use pexd::testkit::reserve_port;
use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// A Prometheus that is installed.
pub(crate) struct Prometheus;

/// One that runs; killed when dropped.
pub(crate) struct Running {
    at: SocketAddr,
    child: Child,
    _folder: TempDir,
}

/// A rule, as Prometheus evaluated it last.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) health: String,
}

impl Prometheus {
    pub(crate) fn find() -> Option<Self> {
        let version = Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success()).then_some(Prometheus)
    }

    /// Scrapes these places each second, under the job's name that the rules want.
    pub(crate) fn scrape(self, places: &[SocketAddr], rules: &str) -> Running {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("alerts.yml"), rules).unwrap();
        let targets: Vec<String> = places.iter().map(|place| format!("\"{place}\"")).collect();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yml]\n\
             scrape_configs:\n  - job_name: pexd\n    static_configs: [{{targets: [{}]}}]\n",
            targets.join(", ")
        );
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let at = reserve_port().unwrap();
        let mut command = Command::new("prometheus");
        command.current_dir(folder.path()).arg("--config.file=prometheus.yml").arg("--storage.tsdb.path=data");
        command.arg(format!("--web.listen-address={at}")).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running { at, child: command.spawn().unwrap(), _folder: folder };
        let began = Clock.mono();
        while running.get("/-/ready", &[]).is_none() {
            assert!(Clock.mono().since(began) < PATIENCE, "Prometheus does not become ready");
            std::thread::sleep(Duration::from_millis(200));
        }
        running
    }
}

impl Running {
    /// What a path answers, when it answers well.
    fn get(&self, path: &str, query: &[(&str, &str)]) -> Option<String> {
        let mut stream = TcpStream::connect(self.at).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = format!("GET {path}?{} HTTP/1.0\r\nHost: {}\r\n\r\n", pairs.join("&"), self.at);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?;
        assert!(status != "400", "{query:?}: {body}");
        (status == "200").then(|| body.to_owned())
    }

    fn api(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let answer = self.get(path, query).unwrap_or_else(|| panic!("Prometheus does not answer {path}"));
        serde_json::from_str::<Value>(&answer).unwrap()["data"].take()
    }

    /// The numbers that a query has now; what is no number (0 divided by 0) is none.
    pub(crate) fn numbers(&self, query: &str) -> Vec<f64> {
        let data = self.api("/api/v1/query", &[("query", query)]);
        let series = data["result"].as_array().unwrap();
        let number = |series: &Value| series["value"][1].as_str().unwrap().parse::<f64>().unwrap();
        series.iter().map(number).filter(|number| number.is_finite()).collect()
    }

    /// The series of a query over the last `seconds`: labels, and numbers with their times.
    pub(crate) fn series(&self, query: &str, (from, to): (f64, f64), step: f64) -> Vec<(Value, Vec<(f64, f64)>)> {
        let [from, to, step] = [from, to, step].map(|number| number.to_string());
        let words = [("query", query), ("start", &from), ("end", &to), ("step", &step)];
        let data = self.api("/api/v1/query_range", &words);
        let point = |pair: &Value| (pair[0].as_f64().unwrap(), pair[1].as_str().unwrap().parse::<f64>().unwrap());
        let one = |series: &Value| {
            let points = series["values"].as_array().unwrap().iter().map(point);
            (series["metric"].clone(), points.filter(|(_, number)| number.is_finite()).collect())
        };
        data["result"].as_array().unwrap().iter().map(one).collect()
    }

    /// The values of `label_values(SELECTOR, LABEL)`, as Grafana asks for them.
    pub(crate) fn label_values(&self, query: &str) -> Vec<String> {
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
        let (selector, label) = inner.rsplit_once(',').unwrap();
        let data = self.api(&format!("/api/v1/label/{}/values", label.trim()), &[("match[]", selector)]);
        data.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    }

    /// The alert rules.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let data = self.api("/api/v1/rules", &[]);
        let rules = data["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rule = |rule: &Value| Rule {
            name: text(&rule["name"]),
            state: text(&rule["state"]),
            health: text(&rule["health"]),
        };
        rules.map(rule).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As it stands in a URL's query.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
