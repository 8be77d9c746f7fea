//! Whole networks in virtual time, days of them: how much of what lives a seed serves, how much of what it serves lives,
//! what that costs the network in dials, and what attackers get out of it.
//!
//! `cargo bench --bench worlds -- NAME...` runs the worlds whose names are given, or have one of the words in them; without
//! names all of them. `--list` lists them, `--hours N` makes `churn` shorter, `--seeds N` sets the number of runs of the
//! eclipses, and with `PROGRESS` in the environment each look at a world is shown. Each world prints a row of the table, and its bounds below it.

#![allow(missing_docs)]

mod eclipse;
mod places;
mod report;
mod seeds;
mod world;

use std::process::ExitCode;

use anyhow::Context as _;
use report::Report;
use seeds::Stale;
use world::HOUR;

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    names: Vec<String>,
    list: bool,
    hours: Option<u64>,
    seeds: Option<u64>,
}

type Run = fn(&Options) -> Report;

const WORLDS: [(&str, Run); 11] = [
    ("stale-9k", |_| {
        Stale { live: 1_000, stale: 9_000, known_by: 10, length: 5 * HOUR, dials: Some((12.0, 20_000.0)) }.run()
    }),
    ("stale-50k", |_| {
        Stale { live: 1_000, stale: 50_000, known_by: 40, length: 5 * HOUR, dials: Some((12.0, 45_000.0)) }.run()
    }),
    ("large", |_| Stale { live: 20_000, stale: 80_000, known_by: 60, length: 2 * HOUR, dials: None }.run()),
    ("churn", seeds::churn),
    ("flood", |_| seeds::flood(false)),
    ("flood-fresh", |_| seeds::flood(true)),
    ("sybil", |_| seeds::sybil()),
    ("spread", |_| seeds::spread()),
    ("eclipse-8", |options| eclipse::run(8, 1.0, options)),
    ("eclipse-64", |options| eclipse::run(64, 3.0, options)),
    ("import-16k", |_| seeds::import()),
];

fn main() -> anyhow::Result<ExitCode> {
    let options = parse(std::env::args().skip(1))?;
    let chosen: Vec<_> = WORLDS.into_iter().filter(|(name, _)| options.wants(name)).collect();
    anyhow::ensure!(!chosen.is_empty(), "no world has such a name; --list lists them");
    if options.list {
        chosen.iter().for_each(|(name, _)| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    places::check();
    println!("\n{}", report::HEAD);
    let mut failed = 0;
    for (name, run) in &chosen {
        let report = run(&options);
        report.print(name);
        failed += usize::from(!report.holds());
    }
    println!("\n{} of {} worlds are as they should be", chosen.len() - failed, chosen.len());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(mut args: impl Iterator<Item = String>) -> anyhow::Result<Options> {
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        let mut number = || args.next().context("a number is missing")?.parse::<u64>().context("not a number");
        match arg.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--list" => options.list = true,
            "--hours" => options.hours = Some(number()?),
            "--seeds" => options.seeds = Some(number()?),
            _ if arg.starts_with('-') => anyhow::bail!("{arg} is no option of this bench"),
            _ => options.names.push(arg),
        }
    }
    Ok(options)
}

impl Options {
    /// Whether a world is to be run: it is named, or a word that is nobody's name is in its name.
    fn wants(&self, world: &str) -> bool {
        let is_name = |word: &String| WORLDS.iter().any(|(name, _)| name == word);
        let fits = |word: &String| world == word || (!is_name(word) && world.contains(word.as_str()));
        self.names.is_empty() || self.names.iter().any(fits)
    }
}
