//! What a real seed process costs its host: the CPU of a session on the seed's side, beside the least that one costs
//! here, memory that does not grow with sessions, and the memory of an idle peer. The seed is a process of its own, the
//! clients are in this one.
//!
//! `cargo bench --bench load` takes two minutes and asserts nothing; `-- sessions` leaves the idle peers out.

#![allow(missing_docs)]

#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    let has = |wanted| std::env::args().any(|arg| arg == wanted);
    if has(FLOOR) {
        pexd::app::runtime()?.block_on(floor::serve())
    } else if has("--bench") {
        linux::main()
    } else {
        // `cargo test --benches` runs this too.
        Ok(())
    }
}

/// Has this program serve the bare sessions instead.
#[cfg(target_os = "linux")]
const FLOOR: &str = "floor";

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("reads /proc, which only Linux has");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::{BufRead as _, BufReader};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::time::Duration;

    use anyhow::Context as _;
    use pexd::config::{Home, NewNetwork, create_network};
    use pexd::transport::FromPeer;
    use pexd::types::NetAddress;
    use tokio::sync::mpsc;
    use tokio::time::sleep;

    use crate::support::{ANSWER, CHAIN, Client, reserve, write_book};

    /// Sessions at once.
    const CLIENTS: u32 = 8;
    /// Sessions until the memory is looked at first.
    const WARM_UP: u32 = 1_000;
    /// Turns of the seed and the floor. What else the host does spoils some, so that the median is told.
    const TURNS: u32 = 5;
    /// Sessions of a turn, whose CPU is counted: a tick is 10 ms.
    const COUNTED: u32 = 2_000;
    /// Sessions after which the memory is looked at again; by the last, what is kept of past sessions is full.
    const LATER: [u32; 2] = [11_000, 24_000];
    /// What a session may cost, by the floor.
    const AT_MOST: f64 = 0.25 / 0.19;
    const IDLE_PEERS: u32 = 2_000;
    /// Until every idle peer has been pinged.
    const IDLE_TIME: Duration = Duration::from_secs(75);
    /// Until a closed connection's last traces are gone.
    const SETTLE: Duration = Duration::from_secs(2);
    /// The kernel's `USER_HZ`, the same on every architecture that pexd runs on.
    const MS_A_TICK: f64 = 10.0;

    pub(crate) fn main() -> anyhow::Result<()> {
        pexd::app::raise_open_files();
        let runtime = pexd::app::runtime()?;
        let folder = tempfile::tempdir()?;
        runtime.block_on(async {
            let seed = Seed::start(folder.path()).await?;
            sessions(&seed).await?;
            if !std::env::args().any(|arg| arg == "sessions") {
                idle_peers(&seed).await?;
            }
            Ok(())
        })
    }

    async fn sessions(seed: &Seed) -> anyhow::Result<()> {
        let floor = Seed::floor()?;
        seed.serve(WARM_UP).await?;
        floor.serve(WARM_UP).await?;
        println!("resident after {WARM_UP} sessions: {} KB", seed.resident()?);
        let mut turns = Vec::new();
        for _ in 0..TURNS {
            turns.push((seed.cost().await?, floor.cost().await?));
        }
        tell_cost(turns);
        let mut served = WARM_UP + TURNS * COUNTED;
        for sessions in LATER {
            seed.serve(sessions - served).await?;
            served = sessions;
            println!("resident after {sessions} sessions: {} KB; shall be the same", seed.resident()?);
        }
        Ok(())
    }

    /// The medians of both, and the median of the turns' ratios, which depends least on the host.
    fn tell_cost(turns: Vec<(Cost, Cost)>) {
        let median = |of: &dyn Fn(&(Cost, Cost)) -> f64| {
            let mut values: Vec<f64> = turns.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        println!("CPU of a session, ms: {:>9}{:>9}{:>9}", "user", "system", "both");
        for (name, of) in [("seed", (|turn| &turn.0) as fn(&(Cost, Cost)) -> &Cost), ("floor", |turn| &turn.1)] {
            let (user, system) = (median(&|turn| of(turn).user), median(&|turn| of(turn).system));
            println!("{name:<22}{user:>9.3}{system:>9.3}{:>9.3}", median(&|turn| of(turn).both()));
        }
        let ratio = median(&|(seed, floor)| seed.both() / floor.both());
        println!("seed : floor {ratio:.2}; at most {AT_MOST:.2} (0.25 ms where the floor is 0.19)");
    }

    async fn idle_peers(seed: &Seed) -> anyhow::Result<()> {
        let before = seed.resident()?;
        let client = Client::new(seed.address);
        // The inbox says who has gone.
        let (inbox, mut told) = mpsc::channel::<FromPeer>(IDLE_PEERS as usize);
        let mut peers = Vec::new();
        for _ in 0..IDLE_PEERS {
            peers.push(client.connect(inbox.clone()).await?);
        }
        let connected = seed.resident()?;
        sleep(IDLE_TIME).await;
        let mut gone = 0;
        while told.try_recv().is_ok() {
            gone += 1;
        }
        let each = |after: u64| (after as f64 - before as f64) / f64::from(IDLE_PEERS);
        println!("{IDLE_PEERS} idle peers, {gone} of them gone after {IDLE_TIME:?}");
        println!("an idle peer, just connected: {:.2} KB", each(connected));
        println!("an idle peer, after a ping: {:.2} KB; at most 4", each(seed.resident()?));
        drop(peers);
        sleep(SETTLE).await;
        println!("resident when they have gone: {} KB, {before} before", seed.resident()?);
        Ok(())
    }

    /// CPU of a session, in ms.
    struct Cost {
        /// In the program.
        user: f64,
        /// In the kernel for it.
        system: f64,
    }

    impl Cost {
        fn both(&self) -> f64 {
            self.user + self.system
        }
    }

    /// The process of a seed, which ends with this.
    struct Seed {
        process: Child,
        address: NetAddress,
    }

    impl Seed {
        /// Starts a seed whose book holds more than one answer, and whose gate lets everybody in.
        async fn start(folder: &Path) -> anyhow::Result<Seed> {
            let home = Home::new(folder);
            let new = NewNetwork { moniker: Some("bench".to_owned()), seed_mode: true, ..NewNetwork::default() };
            let created = create_network(&home, CHAIN, &new)?;
            let at = SocketAddr::from((Ipv4Addr::LOCALHOST, created.laddr.port()));
            fs::write(created.folder.config_file(), network_file(at))?;
            write_book(&created.folder.path.join("book.db"), created.id, |_| ()).await?;
            let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
            command.arg("start").env("PEXD_HOME", folder);
            command.env("PEXD_ADMIN_LADDR", reserve()?.to_string()).env("PEXD_HTTP_LADDR", "");
            let process = command.spawn().context("pexd")?;
            let seed = Seed { process, address: NetAddress::new(created.id, at.ip(), at.port())? };
            for _ in 0..100 {
                if Client::new(seed.address).session().await.is_ok() {
                    return Ok(seed);
                }
                sleep(Duration::from_millis(100)).await;
            }
            anyhow::bail!("the seed does not answer")
        }

        /// Starts what does as little as can be done.
        fn floor() -> anyhow::Result<Seed> {
            let mut command = Command::new(std::env::current_exe()?);
            let mut process = command.arg(crate::FLOOR).stdout(Stdio::piped()).spawn().context("the floor")?;
            let mut told = String::new();
            BufReader::new(process.stdout.take().context("its output")?).read_line(&mut told)?;
            Ok(Seed { process, address: told.trim().parse()? })
        }

        /// The CPU of a session, over a turn.
        async fn cost(&self) -> anyhow::Result<Cost> {
            let before = self.cpu()?;
            self.serve(COUNTED).await?;
            let after = self.cpu()?;
            let each = |index: usize| (after[index] - before[index]) as f64 * MS_A_TICK / f64::from(COUNTED);
            Ok(Cost { user: each(0), system: each(1) })
        }

        /// Has so many sessions served.
        async fn serve(&self, sessions: u32) -> anyhow::Result<()> {
            let client = |_| {
                let client = Arc::new(Client::new(self.address));
                tokio::spawn(async move {
                    for _ in 0..sessions / CLIENTS {
                        let told = client.session().await?;
                        anyhow::ensure!(told == ANSWER, "an answer of {told} addresses");
                    }
                    Ok(())
                })
            };
            let clients: Vec<_> = (0..CLIENTS).map(client).collect();
            for client in clients {
                client.await??;
            }
            sleep(SETTLE).await;
            Ok(())
        }

        /// CPU ticks so far: in the program, and in the kernel for it.
        fn cpu(&self) -> anyhow::Result<[u64; 2]> {
            let text = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
            // The fields behind the name, which may have blanks in it: utime and stime are the 14th and 15th of all.
            let (_, fields) = text.rsplit_once(')').context("/proc/PID/stat")?;
            let mut ticks = fields.split_whitespace().skip(11).map(str::parse);
            let mut next = || anyhow::Ok(ticks.next().context("/proc/PID/stat")??);
            Ok([next()?, next()?])
        }

        /// Resident memory, in KB.
        fn resident(&self) -> anyhow::Result<u64> {
            let text = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("/proc/PID/status")?;
            Ok(line.trim().trim_end_matches("kB").trim().parse()?)
        }
    }

    impl Drop for Seed {
        fn drop(&mut self) {
            // One that has ended by itself is not missed.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    fn network_file(laddr: SocketAddr) -> String {
        let inbound = 2 * IDLE_PEERS;
        format!(
            "[p2p]\n\
             laddr = \"tcp://{laddr}\"\n\
             seed_mode = true\n\
             addr_book_strict = false\n\
             max_num_inbound_peers = {inbound}\n\
             [pex]\n\
             max_handshakes_per_ip = 0\n\
             max_handshakes = 0\n\
             new_connections_per_ip = 0\n\
             new_connections_per_range = 0\n"
        )
    }
}
