//! A picture of the dashboard: each panel at its place, with the lines that Prometheus answers to its queries. It is no
//! screenshot of Grafana.

use std::fmt::Write as _;
use std::time::Duration;

use crate::panels::{Panel, Place};
use crate::prometheus::Running;

/// Pixels of a column and of a row of Grafana's grid.
const COLUMN: f64 = 56.0;
const ROW: f64 = 34.0;
/// Between two panels, and within one.
const GAP: f64 = 8.0;
const TITLE: f64 = 24.0;
const LEGEND: f64 = 18.0;
/// Room for the numbers at the left.
const AXIS: f64 = 62.0;
/// Lines that are named below a panel; more are drawn.
const MAX_NAMED: usize = 6;
/// Grafana's classic palette, in its order.
const COLOURS: [&str; 8] = ["#7EB26D", "#EAB839", "#6ED0E0", "#EF843C", "#E24D42", "#1F78C1", "#BA43A9", "#705DA0"];

/// A line: its name, and numbers with their times.
type Line = (String, Vec<(f64, f64)>);

/// The whole as SVG, over the last time of this length.
pub(crate) fn draw(panels: &[Panel], rows: &[(String, u64)], prometheus: &Running, length: Duration) -> String {
    let height = panels.iter().map(|panel| panel.place.y + panel.place.h).max().unwrap() as f64 * ROW + GAP;
    let width = 24.0 * COLUMN + GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#111217\"/>\n"
    );
    for (title, y) in rows {
        let (title, y) = (escaped(&title.replace("$chain", "all")), *y as f64 * ROW + GAP + 20.0);
        let _ = writeln!(svg, "<text x=\"{GAP:.0}\" y=\"{y:.0}\" fill=\"#d8d9da\" font-size=\"15\">{title}</text>");
    }
    let now = prometheus.numbers("vector(time())")[0];
    let (from, step) = (now - length.as_secs_f64(), length.as_secs_f64() / 100.0);
    for panel in panels {
        let lines = panel.queries.iter().flat_map(|query| {
            let series = prometheus.series(&query.at(".*", "1m"), (from, now), step);
            series.into_iter().map(|(labels, points)| (query.legend(&labels), points)).collect::<Vec<_>>()
        });
        let mut lines: Vec<Line> = lines.collect();
        lines.sort_by(|a, b| largest(b).total_cmp(&largest(a)));
        // What is 0 all the time lies on the axis: enough of it is drawn to show that it is there.
        let above = lines.iter().filter(|line| largest(line) > 0.0).count();
        lines.truncate(above.max(MAX_NAMED));
        draw_panel(&mut svg, panel, &lines, (from, now));
    }
    svg + "</svg>\n"
}

fn largest((_, points): &Line) -> f64 {
    points.iter().map(|(_, number)| *number).fold(0.0, f64::max)
}

fn draw_panel(svg: &mut String, panel: &Panel, lines: &[Line], span: (f64, f64)) {
    let Place { x, y, w, h } = panel.place;
    let (x, y) = (x as f64 * COLUMN + GAP, y as f64 * ROW + GAP);
    let (w, h) = (w as f64 * COLUMN - GAP, h as f64 * ROW - GAP);
    let _ = write!(
        svg,
        "<g transform=\"translate({x:.0},{y:.0})\"><rect width=\"{w:.0}\" height=\"{h:.0}\" rx=\"3\" fill=\"#181b1f\" \
         stroke=\"#2c3235\"/><text x=\"8\" y=\"16\" fill=\"#d8d9da\" font-weight=\"bold\">{}</text>",
        escaped(&panel.title)
    );
    if panel.kind == "stat" {
        draw_numbers(svg, panel, lines, (w, h));
    } else {
        draw_lines(svg, panel, lines, (w, h), span);
    }
    svg.push_str("</g>\n");
}

/// The latest number of each line, large.
fn draw_numbers(svg: &mut String, panel: &Panel, lines: &[Line], (w, h): (f64, f64)) {
    let each = w / lines.len().max(1) as f64;
    for (n, (name, points)) in lines.iter().enumerate() {
        let value = points.last().map_or_else(String::new, |(_, value)| human(*value, &panel.unit));
        let (value, name) = if panel.shows_name { (name.as_str(), "") } else { (value.as_str(), name.as_str()) };
        let (middle, base) = (each * (n as f64 + 0.5), f64::midpoint(TITLE, h));
        let _ = write!(
            svg,
            "<text x=\"{middle:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#73bf69\" font-size=\"20\">{}</text>\
             <text x=\"{middle:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#9fa7b3\" font-size=\"9\">{}</text>",
            base + 4.0,
            escaped(&shortened(value, (each / 11.0) as usize)),
            base + 20.0,
            escaped(&shortened(name, (each / 5.0) as usize))
        );
    }
}

fn draw_lines(svg: &mut String, panel: &Panel, lines: &[Line], (w, h): (f64, f64), (from, to): (f64, f64)) {
    let top = lines.iter().map(largest).fold(0.0, f64::max);
    let top = if top > 0.0 { top * 1.1 } else { 1.0 };
    let legend = LEGEND * lines.len().min(MAX_NAMED).div_ceil(2) as f64;
    let (left, right, above, below) = (AXIS, w - 10.0, TITLE + 6.0, h - legend - 8.0);
    for part in [0.0, 0.5, 1.0] {
        let at = below - (below - above) * part;
        let _ = write!(
            svg,
            "<path d=\"M{left:.0} {at:.1}H{right:.0}\" stroke=\"#2c3235\"/><text x=\"{:.0}\" y=\"{:.1}\" \
             text-anchor=\"end\" fill=\"#9fa7b3\">{}</text>",
            left - 6.0,
            at + 4.0,
            escaped(&human(top * part, &panel.unit))
        );
    }
    for (n, (name, points)) in lines.iter().enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        let place = |(time, number): &(f64, f64)| {
            let across = left + (right - left) * (time - from) / (to - from);
            format!("{across:.1},{:.1}", below - (below - above) * (number / top).clamp(0.0, 1.0))
        };
        let path: Vec<String> = points.iter().map(place).collect();
        let _ = write!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>", path.join(" "));
        if n < MAX_NAMED {
            let half = (w - 16.0) / 2.0;
            let (across, down) = (8.0 + half * (n % 2) as f64, h - legend + 10.0 + LEGEND * (n / 2) as f64);
            let _ = write!(
                svg,
                "<rect x=\"{across:.0}\" y=\"{:.0}\" width=\"10\" height=\"3\" fill=\"{colour}\"/><text x=\"{:.0}\" \
                 y=\"{down:.0}\" fill=\"#9fa7b3\" font-size=\"10\">{}</text>",
                down - 5.0,
                across + 14.0,
                escaped(&shortened(name, (half / 5.6) as usize))
            );
        }
    }
}

/// A number as Grafana writes one of this unit, more or less.
fn human(value: f64, unit: &str) -> String {
    let scaled = |value: f64, steps: &[(f64, &str)]| {
        let (size, name) = steps.iter().rev().find(|(size, _)| value >= *size).unwrap_or(&steps[0]);
        let value = value / size;
        let places = if value >= 100.0 || value == value.trunc() { 0 } else { 2 };
        format!("{value:.places$}{name}")
    };
    match unit {
        "s" => scaled(
            value,
            &[(0.000_001, " \u{b5}s"), (0.001, " ms"), (1.0, " s"), (60.0, " min"), (3600.0, " h"), (86400.0, " d")],
        ),
        "bytes" => scaled(value, &[(1.0, " B"), (1024.0, " KiB"), (1_048_576.0, " MiB"), (1_073_741_824.0, " GiB")]),
        "percentunit" => format!("{:.0} %", value * 100.0),
        _ => {
            let per_second = if matches!(unit, "cps" | "reqps" | "Bps") { "/s" } else { "" };
            format!("{}{per_second}", scaled(value, &[(1.0, ""), (1000.0, "k"), (1_000_000.0, "M")]))
        }
    }
}

fn shortened(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length.saturating_sub(1)).chain(['\u{2026}']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
