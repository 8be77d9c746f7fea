//! Address books that go from pexd to real nodes and back.

use super::TWO_ROUNDS;
use crate::harness::cometbft::{self, CometBft, Version};
use crate::harness::daemon;
use crate::harness::network::{CHAIN, Network};
use crate::harness::wait::until;

#[test]
#[ignore = "needs real nodes: tests/interop/run"]
fn real_nodes_start_from_an_exported_book_and_theirs_can_be_imported() {
    let network = Network::shared();
    let (ids, addresses) = (network.ids(), network.addresses());
    let seed = daemon::Config::seed("exports", &[CHAIN]).seeds(CHAIN, [network.hub().address()]).start();
    until("the seed serves all", TWO_ROUNDS, || seed.servable(CHAIN), |served| served.is_superset(&addresses));
    let file = seed.file("addrbook.json");
    seed.command(&["book", "export", "--servable", "--output", file.to_str().expect("it was made from text")]);

    let versions = [
        ("reads-034", Version::V034),
        ("reads-037", Version::V037),
        ("reads-038", Version::V038),
        ("reads-040", Version::V040),
    ];
    let launch = |(name, version)| cometbft::Config::new(name, version, CHAIN).addrbook(&file).launch();
    let mut readers = versions.map(launch);
    readers.iter_mut().for_each(CometBft::wait_until_up);
    for reader in &readers {
        let what = format!("{reader:?} found all from the book alone");
        until(&what, TWO_ROUNDS, || reader.peer_ids(), |seen| seen.is_superset(&ids));
    }

    let import = |mut reader: CometBft, name| {
        reader.stop();
        // Nothing but the imported book tells it of anybody.
        let importer = daemon::Config::node(name, CHAIN).bootstrap().start();
        importer.command(&["book", "import", reader.addrbook().to_str().expect("it was made from text")]);
        let known = importer.addresses(CHAIN);
        assert!(addresses.iter().all(|address| known.contains_key(address)), "{reader:?}: {known:#?}");
        importer
    };
    let names = ["from-034", "from-037", "from-038", "from-040"];
    let importers: Vec<_> = readers.into_iter().zip(names).map(|(reader, name)| import(reader, name)).collect();
    for importer in &importers {
        let what = format!("{importer:?} reached all");
        until(&what, TWO_ROUNDS, || importer.peer_ids(CHAIN), |seen| seen.is_superset(&ids));
    }
}
