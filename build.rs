//! Compiles the `.proto` files without protoc, the wire's messages and the admin API apart, since only the API is
//! served by reflection; and finds the commit that is built, for src/version.rs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use prost::Message;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What the program is made of: a change here makes it another than its commit's.
const INPUTS: [&str; 6] = ["Cargo.lock", "Cargo.toml", "build.rs", "migrations", "proto", "src"];
/// How many digits of a commit are shown.
const DIGITS: usize = 12;

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

    println!("cargo:rustc-env=PEXD_BUILD_COMMIT={}", commit()?);
    Ok(())
}

/// The commit that is built, marked when the sources are not exactly its own: what git says in a clone, else the variable
/// `PEXD_COMMIT`, else nothing.
fn commit() -> Result<String> {
    println!("cargo:rerun-if-env-changed=PEXD_COMMIT");
    // A tarball that was unpacked somewhere in another repository has nothing to do with its commits.
    if git(&["rev-parse", "--show-prefix"]).is_some_and(|prefix| prefix.is_empty())
        && let Some(head) = git(&["rev-parse", "--verify", "HEAD"])
    {
        watch();
        let changed = git(&[&["status", "--porcelain", "--"], &INPUTS[..]].concat());
        let dirty = if changed.is_some_and(|changed| changed.is_empty()) { "" } else { "-dirty" };
        return Ok(format!("{}{dirty}", &head[..DIGITS]));
    }
    let given = env::var("PEXD_COMMIT").unwrap_or_default();
    let given = given.trim();
    let is_commit = given.len() >= DIGITS && given.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match given {
        "" => Ok(String::new()),
        given if is_commit => Ok(given[..DIGITS].to_owned()),
        given => {
            Err(format!("PEXD_COMMIT is {given:?}, but a commit has at least {DIGITS} digits of 0-9 and a-f").into())
        }
    }
}

/// Has this run again when HEAD or the sources change. A branch's own file is missing while git keeps the branch packed:
/// then the log of HEAD tells of new commits.
fn watch() {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for file in ["HEAD", "logs/HEAD"].into_iter().chain(branch.as_deref()) {
        // A file that is not there would make every build run this.
        if let Some(path) = git(&["rev-parse", "--git-path", file]).filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    for path in INPUTS {
        println!("cargo:rerun-if-changed={path}");
    }
}

/// What git prints; nothing when there is no git, or it fails.
fn git(args: &[&str]) -> Option<String> {
    // `git status` would write the index, under the hands of whoever is committing.
    let output = Command::new("git").arg("--no-optional-locks").args(args).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(text).ok()?.trim().to_owned())
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
