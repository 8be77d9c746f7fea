//! What a world shows: one row of the table, and what is asked of it.

use std::fmt::Write as _;
use std::time::Duration;

/// A figure and what it has to be.
#[derive(Debug)]
pub(crate) struct Bound {
    what: String,
    value: f64,
    limit: f64,
    at_most: bool,
}

impl Bound {
    pub(crate) fn at_least(what: impl Into<String>, value: f64, limit: f64) -> Self {
        Bound { what: what.into(), value, limit, at_most: false }
    }

    pub(crate) fn at_most(what: impl Into<String>, value: f64, limit: f64) -> Self {
        Bound { what: what.into(), value, limit, at_most: true }
    }

    pub(crate) fn holds(&self) -> bool {
        if self.at_most { self.value <= self.limit } else { self.value >= self.limit }
    }
}

/// What one world showed. What it did not measure is `None`. Shares are in percent, times in seconds.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Minutes, and the share of the live that was served then.
    pub(crate) served: Vec<(u64, f64)>,
    /// The share of what is served that is alive: the mean.
    pub(crate) alive: Option<f64>,
    /// The share of the answers' addresses that are honest nodes, alive: the mean.
    pub(crate) honest: Option<f64>,
    /// Dials in the last hour.
    pub(crate) dials: Option<u64>,
    /// Dials in the last hour to each node that lived all through it: the mean and the most.
    pub(crate) to_each: Option<(f64, u64)>,
    /// The median time until a newcomer is served.
    pub(crate) found: Option<f64>,
    /// The median time until one that is gone is not served any more.
    pub(crate) dropped: Option<f64>,
    /// Addresses in the book at the end.
    pub(crate) book: u32,
    /// What it and its traces take in memory, in bytes.
    pub(crate) memory: Option<usize>,
    /// How long it took.
    pub(crate) took: Duration,
    /// What is asked of it.
    pub(crate) bounds: Vec<Bound>,
    /// What else there is to say.
    pub(crate) notes: Vec<String>,
}

/// The table's head.
pub(crate) const HEAD: &str = "world         alive %  honest %    dials/h   to each: mean  max   found s  dropped s    book      MB     took s  served % at minute";

impl Report {
    /// The world's row, and its bounds below it.
    pub(crate) fn print(&self, world: &str) {
        let (mean, most) = match self.to_each {
            Some((mean, most)) => (Some(mean), most.to_string()),
            None => (None, "-".to_owned()),
        };
        let mut row = format!(
            "{world:<13} {:>7}  {:>8}  {:>9}  {:>14} {most:>4}  {:>8}  {:>9}  {:>6}  {:>6}  {:>9.1}  ",
            figure(self.alive),
            figure(self.honest),
            self.dials.map_or_else(|| "-".to_owned(), |dials| dials.to_string()),
            figure(mean),
            figure(self.found),
            figure(self.dropped),
            self.book,
            figure(self.memory.map(megabytes)),
            self.took.as_secs_f64()
        );
        for (minute, share) in &self.served {
            let _ = write!(row, "{minute}: {share:.1}  ");
        }
        println!("{}", row.trim_end());
        for bound in &self.bounds {
            let verdict = if bound.holds() { "PASS" } else { "FAIL" };
            let sign = if bound.at_most { "<=" } else { ">=" };
            println!("    {verdict}  {}: {:.2} ({sign} {})", bound.what, bound.value, bound.limit);
        }
        self.notes.iter().for_each(|note| println!("          {note}"));
    }

    /// Whether it is as it should be.
    pub(crate) fn holds(&self) -> bool {
        self.bounds.iter().all(Bound::holds)
    }
}

/// Bytes in MB.
pub(crate) fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

/// The middle one; infinite when there is none, as for what never came.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::INFINITY)
}

/// The mean; `None` of nothing.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
