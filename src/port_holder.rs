//! Who holds a port that we cannot have: read from Linux's `/proc`, only when a bind failed. Elsewhere, and of a process whose
//! descriptors we may not see (another user's), nothing is known.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Lines of a table of sockets that are read; those that listen come first.
const MAX_SOCKETS: usize = 20_000;
/// Processes whose descriptors are looked at, and descriptors in all: a tenth of a second at most.
const MAX_PROCESSES: usize = 10_000;
const MAX_DESCRIPTORS: usize = 100_000;
/// The kernel's number of the state in which a socket listens.
const LISTENING: &str = "0A";
/// Bytes of a process's name; the kernel keeps 15.
const MAX_NAME: u64 = 64;

/// A process that listens at a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    pid: u32,
    /// As it calls itself, made printable.
    name: String,
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PortHolder { pid, name } = self;
        if *pid == std::process::id() {
            write!(f, "this pexd itself, for another network or API")
        } else {
            write!(f, "{name} (process {pid})")
        }
    }
}

/// The process that listens where we wanted to, if that can be known. Reads files, so that it blocks: some milliseconds, at
/// most a tenth of a second or so on a large host.
pub fn find(laddr: SocketAddr) -> Option<PortHolder> {
    find_below(Path::new("/proc"), laddr)
}

/// As [`find`], away from an asynchronous caller's thread.
pub async fn find_aside(laddr: SocketAddr) -> Option<PortHolder> {
    tokio::task::spawn_blocking(move || find(laddr)).await.ok().flatten()
}

/// What an error says of the holder: ` by NAME (process N)`, or nothing.
#[derive(Debug)]
pub struct By<'a>(pub Option<&'a PortHolder>);

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |holder| write!(f, " by {holder}"))
    }
}

fn find_below(proc: &Path, laddr: SocketAddr) -> Option<PortHolder> {
    let inodes: Vec<String> = ["self/net/tcp", "self/net/tcp6"]
        .iter()
        .filter_map(|table| File::open(proc.join(table)).ok())
        .flat_map(|table| BufReader::new(table).lines().map_while(Result::ok).take(MAX_SOCKETS))
        .filter_map(|line| listening_inode(&line, laddr))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let mut left = MAX_DESCRIPTORS;
    let numbered = |name: std::ffi::OsString| name.to_str().and_then(|name| name.parse::<u32>().ok());
    let processes = fs::read_dir(proc).ok()?.flatten().filter_map(|entry| numbered(entry.file_name()));
    for pid in processes.take(MAX_PROCESSES) {
        let folder = proc.join(pid.to_string());
        let Ok(descriptors) = fs::read_dir(folder.join("fd")) else { continue };
        for descriptor in descriptors.flatten() {
            left = left.checked_sub(1)?;
            let target = fs::read_link(descriptor.path());
            if target.is_ok_and(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str())) {
                return Some(PortHolder { pid, name: name(&folder) });
            }
        }
    }
    None
}

/// A process may call itself anything.
fn name(folder: &Path) -> String {
    let mut name = String::new();
    let read = File::open(folder.join("comm")).and_then(|file| file.take(MAX_NAME).read_to_string(&mut name));
    match (read, name.trim_end()) {
        (Ok(_), name) if !name.is_empty() => name.escape_debug().to_string(),
        _ => "a process".to_owned(),
    }
}

/// The inode of a listening socket that keeps us from `laddr`, of a line such as
/// `0: 0100007F:1F90 00000000:0000 0A ... 0 0 12345 ...` (`proc_pid_net.5`, `/proc/net/tcp`).
fn listening_inode(line: &str, laddr: SocketAddr) -> Option<u64> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (ip, port) = words.next()?.split_once(':')?;
    let state = words.nth(1)?;
    if state != LISTENING || u16::from_str_radix(port, 16).ok()? != laddr.port() || !clashes(ip_of(ip)?, laddr.ip()) {
        return None;
    }
    words.nth(5)?.parse().ok()
}

/// Whether a socket at one address keeps another from the same port.
fn clashes(theirs: IpAddr, ours: IpAddr) -> bool {
    let (theirs, ours) = (theirs.to_canonical(), ours.to_canonical());
    theirs == ours || theirs.is_unspecified() || ours.is_unspecified()
}

/// An address as the kernel prints it: words of four bytes, each as a number of this machine.
fn ip_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (n, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(n * 8)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let line = "   5: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0";
        let at = |text: &str| listening_inode(line, text.parse().unwrap());
        // The numbers in the line are those of a machine of this byte order.
        assert_eq!(at("127.0.0.1:8080"), if cfg!(target_endian = "little") { Some(4242) } else { None });
        assert_eq!((at("127.0.0.1:8081"), at("127.0.0.2:8080")), (None, None));
        assert_eq!(at("0.0.0.0:8080"), Some(4242), "all addresses are this one too");
        let any = line.replace("0100007F:1F90", "00000000000000000000000000000000:1F90");
        assert_eq!(listening_inode(&any, "10.0.0.1:8080".parse().unwrap()), Some(4242));
        let connected = line.replace(" 0A ", " 01 ");
        assert_eq!(listening_inode(&connected, "127.0.0.1:8080".parse().unwrap()), None);
        for broken in
            ["", "  sl  local_address rem_address   st", "0: x:1F90 y 0A", "0: 0100007F:1F90 0:0 0A 0 0 0 0 0 x"]
        {
            assert_eq!(listening_inode(broken, "127.0.0.1:8080".parse().unwrap()), None, "{broken}");
        }
    }

    #[test]
    fn the_holder_of_a_port_is_found_among_the_processes() {
        let folder = tempfile::tempdir().unwrap();
        let proc = folder.path();
        let zeros = "00000000000000000000000000000000";
        fs::create_dir_all(proc.join("self/net")).unwrap();
        let tcp = format!("header\n 0: {zeros}:6820 {zeros}:0000 0A 0:0 0:0 0 0 0 777 1 0\n");
        fs::write(proc.join("self/net/tcp6"), tcp).unwrap();
        for (pid, name, target) in [("1", "init", "/dev/null"), ("4242", "cosmos\u{7}visor\n", "socket:[777]")] {
            fs::create_dir_all(proc.join(pid).join("fd")).unwrap();
            fs::write(proc.join(pid).join("comm"), name).unwrap();
            symlink(target, proc.join(pid).join("fd/3")).unwrap();
        }
        let found = |text: &str| find_below(proc, text.parse().unwrap());
        let holder = found("0.0.0.0:26656").unwrap();
        assert_eq!(holder.to_string(), "cosmos\\u{7}visor (process 4242)");
        assert_eq!((By(Some(&holder)).to_string(), By(None).to_string()), (format!(" by {holder}"), String::new()));
        assert_eq!(found("0.0.0.0:26657"), None);
        fs::remove_dir_all(proc.join("4242")).unwrap();
        assert_eq!(found("0.0.0.0:26656"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn our_own_port_is_found_on_this_host() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = find(listener.local_addr().unwrap()).unwrap();
        assert_eq!(holder.to_string(), "this pexd itself, for another network or API");
    }
}
