//! Numbers on their way to Prometheus' text format.

use std::collections::BTreeMap;

pub(super) use prometheus::TEXT_FORMAT;
use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric as Sample, MetricFamily, MetricType};

use super::metrics::{ALL, Metric};
use crate::network::{self, BOUNDS};

/// The samples of one scrape.
pub(super) struct Exposition<'a> {
    namespace: &'a str,
    families: BTreeMap<&'static str, MetricFamily>,
}

impl<'a> Exposition<'a> {
    pub(super) fn new(namespace: &'a str) -> Self {
        Exposition { namespace, families: BTreeMap::new() }
    }

    /// Adds a counter or a gauge. The labels stand in the order of the metric's table.
    pub(super) fn add(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        let mut sample = sample(metric, labels);
        if metric.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            sample.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            sample.set_gauge(gauge);
        }
        self.push(metric, sample);
    }

    /// Adds a histogram.
    pub(super) fn add_histogram(&mut self, metric: &'static Metric, labels: &[&str], value: &network::Histogram) {
        let mut below = 0;
        let bucket = |(bound, count): (&u64, &u64)| {
            below += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound as f64 / 1e6);
            bucket.set_cumulative_count(below);
            bucket
        };
        let buckets = BOUNDS.iter().zip(&value.buckets).map(bucket).collect();
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(value.count);
        histogram.set_sample_sum(value.sum.as_secs_f64());
        let mut sample = sample(metric, labels);
        sample.set_histogram(histogram);
        self.push(metric, sample);
    }

    fn push(&mut self, metric: &'static Metric, sample: Sample) {
        let family = self.families.entry(metric.name).or_insert_with(|| {
            let mut family = MetricFamily::default();
            family.set_name(metric.full_name(self.namespace));
            family.set_help(metric.help.to_owned());
            family.set_field_type(metric.kind);
            family
        });
        family.mut_metric().push(sample);
    }

    /// The text, in the order of the table.
    ///
    /// # Errors
    /// When a metric is not one.
    pub(super) fn text(mut self) -> Result<String, prometheus::Error> {
        let families: Vec<MetricFamily> = ALL.iter().filter_map(|metric| self.families.remove(metric.name)).collect();
        TextEncoder::new().encode_to_string(&families)
    }
}

fn sample(metric: &Metric, values: &[&str]) -> Sample {
    debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let label = |(name, value): (&&str, &&str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    Sample::from_label(metric.labels.iter().zip(values).map(label).collect())
}
