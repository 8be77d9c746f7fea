//! What the user sees: a table that is drawn over itself on a terminal, and a line for each change elsewhere.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::plan::Trap;
use super::score::Tally;
use super::world::World;
use crate::app::terminal;
use crate::clock::Clock;
use crate::node::AddressView;
use crate::types::{DialOutcome, Mono, NetAddress, counted};

/// The live view.
pub(super) struct View {
    kinds: BTreeMap<NetAddress, Option<Trap>>,
    seed: NetAddress,
    admin: SocketAddr,
    terminal: bool,
    since: Mono,
    /// Lines of the table that stands on the screen.
    drawn: usize,
    last: String,
    complete: bool,
}

impl View {
    pub(super) fn new(world: &World, seed: NetAddress, admin: SocketAddr) -> Self {
        let reachable = world.reachable.iter().map(|address| (*address, None));
        let traps = world.traps.iter().map(|(address, trap)| (*address, Some(*trap)));
        View {
            kinds: reachable.chain(traps).collect(),
            seed,
            admin,
            terminal: terminal::may_style(&std::io::stdout()),
            since: Clock.mono(),
            drawn: 0,
            last: String::new(),
            complete: false,
        }
    }

    /// What this is, and what to try.
    pub(super) fn welcome(&self) {
        let admin = self.admin;
        say(&format!(
            "A seed on loopback knows one node of {} and finds the others. A fresh peer asks it every second.\n\
             \n  seed       {}\n  admin API  {admin}\n\n\
             Try, in another terminal (https://github.com/fullstorydev/grpcurl):\n\
             \n  grpcurl -plaintext {admin} list\
             \n  grpcurl -plaintext {admin} pexd.v1.ReactorService/GetStatus\
             \n  grpcurl -plaintext {admin} pexd.v1.PeerService/ListPeers\
             \n  grpcurl -plaintext -d '{{\"page_size\": 5}}' {admin} pexd.v1.AddressBookService/ListAddresses\
             \n  grpcurl -plaintext {admin} pexd.v1.SeedService/ListSeeds\
             \n  grpcurl -plaintext {admin} pexd.v1.ReactorService/Stop\
             \n  grpcurl -plaintext {admin} pexd.v1.ReactorService/Start\n\n",
            self.count(None),
            self.seed,
        ));
    }

    fn count(&self, kind: Option<Trap>) -> usize {
        self.kinds.values().filter(|other| **other == kind).count()
    }

    /// Shows what the seed knows now, and what it has served.
    pub(super) fn show(&mut self, known: &[AddressView], tally: &Tally) {
        let table = self.table(known);
        let summary = summary(tally);
        if self.terminal {
            let text = format!("{table}\n\n{:>4} s  {summary}\n", self.seconds());
            // Up to the first line of what stands there, and clear from it on.
            let back = if self.drawn > 0 { format!("\x1b[{}A\x1b[J", self.drawn) } else { String::new() };
            self.drawn = text.lines().count();
            say(&format!("{back}{text}"));
        } else if self.last != summary {
            say(&format!("{:>4} s  {summary}\n", self.seconds()));
            self.last = summary;
        }
        if tally.is_complete() && !self.complete {
            self.complete = true;
            if !self.terminal {
                say(&format!("{table}\n"));
            }
            say(&format!(
                "All {} reachable nodes were found after {} s. Ctrl-C ends.\n",
                tally.found().1,
                self.seconds()
            ));
            self.drawn = 0;
        }
    }

    fn seconds(&self) -> u64 {
        Clock.mono().since(self.since).as_secs()
    }

    fn table(&self, known: &[AddressView]) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(["", "there are", "the seed knows", "served", "what it found"]);
        let kinds = [(None, "reachable")].into_iter().chain(Trap::ALL.map(|(trap, _)| (Some(trap), trap.name())));
        for (kind, name) in kinds {
            let of_kind = || known.iter().filter(move |entry| self.kinds.get(&entry.record.address) == Some(&kind));
            let mut outcomes: BTreeMap<DialOutcome, usize> = BTreeMap::new();
            of_kind().for_each(|entry| *outcomes.entry(entry.record.outcome).or_default() += 1);
            let found: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
            table.add_row([
                name.to_owned(),
                self.count(kind).to_string(),
                of_kind().count().to_string(),
                of_kind().filter(|entry| entry.servable).count().to_string(),
                found.join(", "),
            ]);
        }
        table.trim_fmt()
    }

    /// The verdict.
    pub(super) fn farewell(&self, tally: &Tally) {
        let (found, all) = tally.found();
        let verdict = if tally.is_right() { "ok" } else { "FAILED" };
        say(&format!("\n{verdict}: {}\n", summary(tally)));
        if found < all {
            say(&format!("never served: {}\n", counted(all - found, "reachable node")));
        }
        for address in tally.wrong() {
            let trap = self.kinds.get(address).copied().flatten().map_or("unknown", Trap::name);
            say(&format!("served and not reachable ({trap}): {address}\n"));
        }
    }
}

fn summary(tally: &Tally) -> String {
    let ((found, all), (answers, failures)) = (tally.found(), tally.asked());
    let wrong = tally.wrong().len();
    format!(
        "{found} of {} served, {}; {}, {} without one",
        counted(all, "reachable node"),
        counted(wrong, "other"),
        counted(answers, "answer"),
        counted(failures, "question"),
    )
}

/// There is no reader when standard output is closed.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
