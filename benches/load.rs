//! What a real seed process costs its host: the CPU of a session on the seed's side, memory that does not grow with
//! sessions, and the memory of an idle peer. The seed is a process of its own, the clients are in this one.
//!
//! `cargo bench --bench load` takes two minutes and asserts nothing; `-- sessions` leaves the idle peers out.

#![allow(missing_docs)]

#[cfg(target_os = "linux")]
mod support;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too.
    if std::env::args().any(|arg| arg == "--bench") { linux::main() } else { Ok(()) }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("reads /proc, which only Linux has");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::path::Path;
    use std::process::{Child, Command};
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
    /// Sessions whose CPU is counted: a tick is 10 ms.
    const COUNTED: u32 = 2_000;
    /// Sessions after which the memory is looked at again; by the last, what is kept of past sessions is full.
    const LATER: [u32; 2] = [10_000, 24_000];
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
        seed.serve(WARM_UP).await?;
        let (warm, before) = (seed.resident()?, seed.cpu()?);
        seed.serve(COUNTED).await?;
        let [user, system] = seed.cpu()?;
        let each = |ticks: u64| ticks as f64 * MS_A_TICK / f64::from(COUNTED);
        let (user, system) = (each(user - before[0]), each(system - before[1]));
        println!("CPU of a session: {:.3} ms (user {user:.3}, system {system:.3}); at most 0.25", user + system);
        println!("resident after {WARM_UP} sessions: {warm} KB");
        let mut served = WARM_UP + COUNTED;
        for sessions in LATER {
            seed.serve(sessions - served).await?;
            served = sessions;
            println!("resident after {sessions} sessions: {} KB; shall be the same", seed.resident()?);
        }
        Ok(())
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

    /// The seed's process, which ends with this.
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
            write_book(&created.folder.path.join("book.db"), created.id).await?;
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
