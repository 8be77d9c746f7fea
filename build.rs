//! Compiles the `.proto` files without protoc: the wire's messages and the admin API apart, since only the API is
//! served by reflection.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=proto");
    // Compiled in by a macro that cargo cannot see through.
    println!("cargo:rerun-if-changed=migrations");
    let wire = compile("proto/tendermint")?;
    tonic_prost_build::configure().build_client(false).build_server(false).compile_fds(wire)?;

    let api = compile("proto/pexd")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), api.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds_with_config(api, named())?;
    Ok(())
}

/// Messages that know their full names, which protobuf's JSON is made by.
fn named() -> tonic_prost_build::Config {
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    config
}

/// All files below a folder, with what they import and their comments.
fn compile(folder: &str) -> Result<tonic_prost_build::FileDescriptorSet> {
    let mut files = Vec::new();
    collect(Path::new(folder), &mut files)?;
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    Ok(compiler.file_descriptor_set())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
