//! A child process that never outlives the test run.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::wait::until;

/// How long a process may take to end after a polite request.
const GRACE: Duration = Duration::from_secs(20);

/// A running program with its output in a file.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    guard: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` in a process group of its own; what it writes is appended to `log`.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let mut file = File::options().create(true).append(true).open(log).expect("the log can be written");
        writeln!(file, "---- {command:?}").expect("the log can be written");
        let error_output = file.try_clone().expect("a file handle can be copied");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(error_output)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {command:?}: {error}"));
        let guard = guard(child.id());
        Process { name: name.to_owned(), child, guard, log: log.to_owned() }
    }

    /// What it has written so far, over all its starts with the same log.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Fails with the end of its log if it is no longer running.
    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        if let Some(status) = self.status() {
            panic!("{} ended by itself ({status}); the end of its log:\n{}", self.name, self.log_end());
        }
    }

    /// Asks it to end and waits until it has; fails if it does not.
    #[track_caller]
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.assert_running();
        signal("TERM", self.child.id());
        let what = format!("{} ends after SIGTERM", self.name);
        until(&what, GRACE, || self.status(), Option::is_some).expect("waited for")
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(self) {
        drop(self);
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child can be waited for")
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard goes first, so that it can never kill a later owner of this process ID.
        for child in [&mut self.guard, &mut self.child] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A shell that kills the process group `leader` when we are gone.
///
/// Its standard input ends with us, however we end: by Ctrl-C, by SIGKILL, or with a process left in a `static`, which
/// nobody drops. It has a process group of its own, or Ctrl-C would end it before it could act.
fn guard(leader: u32) -> Child {
    Command::new("sh")
        .args(["-c", "read -r _; kill -s KILL -- \"-$1\"", "guard"])
        .arg(leader.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("there is a shell")
}

fn signal(signal: &str, process: u32) {
    let status =
        Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "signal", signal]).arg(process.to_string()).status();
    assert!(status.expect("there is a shell").success(), "SIG{signal} cannot be sent to {process}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Process {
        Process::start("sleep", Command::new("sleep").arg("600"), &folder.join("log"))
    }

    fn runs(process: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    }

    #[test]
    fn a_process_ends_on_drop_and_on_panic() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        let ids = [process.child.id(), process.guard.id()];
        assert!(ids.into_iter().all(runs));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _process = process;
            panic!("a case failed");
        }));
        assert!(result.is_err());
        assert!(!ids.into_iter().any(runs));
    }

    #[test]
    fn a_process_that_nobody_drops_ends_with_us() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleeper(folder.path());
        drop(process.guard.stdin.take());
        until("killed by its guard", GRACE, || process.status(), Option::is_some);
    }

    #[test]
    fn a_stop_is_polite() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.1; done";
        let process = Process::start("script", Command::new("sh").args(["-c", script]), &folder.path().join("log"));
        until("the trap is set", GRACE, || process.log(), |log| log.contains("\nready"));
        assert_eq!(process.stop().code(), Some(7));
        assert!(fs::read_to_string(folder.path().join("log")).unwrap().ends_with("bye\n"));
    }
}
