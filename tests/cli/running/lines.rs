//! Running a line as a shell does, with grpcurl or with what stands in for it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tonic::Code;

use super::document::Line;
use super::world::World;

/// Where the page's lines expect the socket of the admin API.
const SOCKET: &str = "unix:$HOME/.pexd/pexd.sock";
/// What grpcurl adds to a gRPC code to make its exit code.
const CODES: i32 = 64;

/// What `grpcurl` is in a line.
pub(super) enum Grpcurl {
    /// The real one.
    Program(PathBuf),
    /// [`super::Api`], for a machine without it.
    BuiltIn,
}

/// Prints how many arguments there are, each of them, and standard input if they ask for it: the shell has read the line,
/// and the test calls the method.
const STAND_IN: &str =
    r#"grpcurl() { printf '%s\0' "$#" "$@"; for word in "$@"; do [ "$word" != @ ] || cat; done; }; "#;

/// Runs a line; what is wrong with it if something is.
pub(super) fn run(world: &World, grpcurl: &Grpcurl, line: &Line) -> Result<(), String> {
    world.settle();
    let text = world.fill_in(&line.text).replace(SOCKET, &format!("unix:{}", world.socket().display()));
    let failed = |what: String| format!("{}\n  as {text}\n  {what}", line.text);
    let by_api = matches!(grpcurl, Grpcurl::BuiltIn) && text.starts_with("grpcurl ");
    let prefix = if by_api { STAND_IN } else { "" };
    let output = shell(world, grpcurl, &format!("{prefix}{text}"));
    let output = if by_api { called(world, &output.stdout) } else { reported(&output, &text) };
    let output = output.map_err(failed)?;
    let missing: Vec<_> = line.shows.iter().filter(|part| !output.contains(*part)).collect();
    if missing.is_empty() { Ok(()) } else { Err(failed(format!("does not show {missing:?} but\n{output}"))) }
}

/// Runs it with `pexd` and `grpcurl` in the PATH.
fn shell(world: &World, grpcurl: &Grpcurl, text: &str) -> Output {
    let mut path = PathBuf::from(env!("CARGO_BIN_EXE_pexd")).parent().unwrap().display().to_string();
    if let Grpcurl::Program(program) = grpcurl {
        path = format!("{path}:{}", program.parent().unwrap().display());
    }
    let folder = world.folder();
    fs::write(folder.join("addresses.txt"), format!("{}\n", world.an_address())).unwrap();
    Command::new("bash")
        .args(["-c", text])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{path}:/usr/local/bin:/usr/bin:/bin"))
        .env("PEXD_HOME", world.home())
        .output()
        .unwrap()
}

/// What a program that went well said. One that was given a time ends with it.
fn reported(output: &Output, text: &str) -> Result<String, String> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let code = output.status.code();
    let in_time = text.contains("-max-time") && code == Some(CODES + Code::DeadlineExceeded as i32);
    if output.status.success() || in_time {
        return Ok(said);
    }
    Err(format!("ended with {code:?}: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Does what grpcurl would do with these arguments.
fn called(world: &World, arguments: &[u8]) -> Result<String, String> {
    let Call { words, stdin } = Call::read(arguments);
    let (mut data, mut time, mut rest) = (String::new(), None, Vec::new());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-plaintext" => {}
            "-d" => data = words.next().unwrap(),
            "-max-time" => time = Some(Duration::from_secs(words.next().unwrap().parse().unwrap())),
            _ => rest.push(word),
        }
    }
    let data = if data == "@" { stdin } else { data };
    match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "list"] => Ok(world.api.services().join("\n")),
        [_, "describe", symbol] => Ok(world.api.describe(symbol)),
        [_, method] => {
            let requests: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&data).into_iter().collect();
            let answers = world.call(method, requests.map_err(|error| error.to_string())?, time);
            let answers = answers.map_err(|status| format!("{:?}: {}", status.code(), status.message()))?;
            Ok(answers.iter().map(|answer| format!("{answer:#}\n")).collect())
        }
        _ => Err(format!("not understood: {rest:?}")),
    }
}

/// What the stand-in printed.
struct Call {
    words: Vec<String>,
    stdin: String,
}

impl Call {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (count, mut rest) = text.split_once('\0').unwrap();
        let mut words = Vec::new();
        for _ in 0..count.parse().unwrap() {
            let (word, after) = rest.split_once('\0').unwrap();
            words.push(word.to_owned());
            rest = after;
        }
        Call { words, stdin: rest.to_owned() }
    }
}
