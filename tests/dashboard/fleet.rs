//! Two pexds, each with the same two chains, that know one another: a seed of both chains, and nodes of them.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pexd::testkit::reserve_port;
use tempfile::TempDir;

/// The chains.
pub(crate) const CHAINS: [&str; 2] = ["fleet-1", "fleet-2"];

/// They run until this is dropped.
pub(crate) struct Fleet {
    seeds: Pexd,
    nodes: Pexd,
}

struct Pexd {
    folder: TempDir,
    http: SocketAddr,
    /// `id@ip:port` of each chain.
    addresses: Vec<String>,
    child: Option<Child>,
}

impl Fleet {
    pub(crate) fn start() -> Self {
        let (mut seeds, mut nodes) = (Pexd::make(), Pexd::make());
        seeds.configure(true, &nodes.addresses);
        nodes.configure(false, &seeds.addresses);
        seeds.start();
        nodes.start();
        Fleet { seeds, nodes }
    }

    /// Ends the pexd of the nodes.
    pub(crate) fn end_nodes(&mut self) {
        self.nodes.end();
    }

    /// Where they are scraped.
    pub(crate) fn places(&self) -> [SocketAddr; 2] {
        [self.seeds.http, self.nodes.http]
    }

    /// A stranger asks the seeds for addresses, somebody their API, and a scanner knocks.
    pub(crate) fn be_asked(&self) {
        for (chain, address) in CHAINS.into_iter().zip(&self.seeds.addresses) {
            self.seeds.run(&["check-seeds", address, "--chain-id", chain, "--allow-private"]);
            drop(std::net::TcpStream::connect(address.split_once('@').unwrap().1));
        }
        self.seeds.run(&["status"]);
    }
}

impl Pexd {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let http = reserve_port().unwrap();
        let mut pexd = Pexd { folder, http, addresses: Vec::new(), child: None };
        for chain in CHAINS {
            pexd.run(&["init", chain]);
            let id = pexd.run(&["show-node-id", "--network", chain]);
            pexd.addresses.push(format!("{}@{}", id.trim(), reserve_port().unwrap()));
        }
        pexd.make_certificate();
        pexd.run(&["token", "add", "board", "--expires", "30d"]);
        pexd
    }

    fn home(&self) -> &Path {
        self.folder.path()
    }

    fn configure(&self, seed_mode: bool, seeds: &[String]) {
        for ((chain, own), seed) in CHAINS.into_iter().zip(&self.addresses).zip(seeds) {
            let at = own.split_once('@').unwrap().1;
            // A seed that nobody is at, so that dials of all kinds are there.
            let nobody = format!("{}@{}", "0".repeat(40), reserve_port().unwrap());
            let text = format!(
                "[p2p]\nladdr = \"tcp://{at}\"\nexternal_address = \"{at}\"\naddr_book_strict = false\n\
                 allow_duplicate_ip = true\nseed_mode = {seed_mode}\nseeds = \"{seed},{nobody}\"\n\
                 [pex]\nensure_peers_period = \"1s\"\n"
            );
            fs::write(self.home().join("networks").join(chain).join("config.toml"), text).unwrap();
        }
        let text = format!(
            "[http]\nladdr = \"{}\"\n[admin]\nladdr = \"{}\"\ntls_cert_file = \"cert.pem\"\ntls_key_file = \"key.pem\"\n",
            self.http,
            reserve_port().unwrap()
        );
        fs::write(self.home().join("pexd.toml"), text).unwrap();
    }

    fn make_certificate(&self) {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(4000, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(self.home().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(self.home().join("key.pem"), key.serialize_pem()).unwrap();
        fs::set_permissions(self.home().join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pexd"));
        command.env_clear().env("PEXD_HOME", self.home()).stdin(Stdio::null());
        command
    }

    /// What a command prints; what it finds wrong is no fault of the test.
    fn run(&self, args: &[&str]) -> String {
        String::from_utf8(self.command().args(args).output().unwrap().stdout).unwrap()
    }

    fn start(&mut self) {
        let log = fs::File::create(self.home().join("log")).unwrap();
        self.child = Some(self.command().arg("start").stderr(log).spawn().unwrap());
    }

    fn end(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Pexd {
    fn drop(&mut self) {
        self.end();
    }
}
