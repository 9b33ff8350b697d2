//! A gate of the test's own: the built binary, in a temporary folder, on ports that the system chose.
//!
//! The binary is the one beside the running test (`target/<profile>/postern`), or the one that `POSTERN_BIN` names;
//! nothing is built here. With `POSTERN_TEST_NODE=elsewhere` its object node is a process of its own, on the same folder, that lives
//! and ends with the gate. A gate that is dropped is stopped by its process id, and prints the end of what it said
//! when the test is failing.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use crate::node::Node;
use crate::wait;
use crate::wire::{self, Wire};

/// Longest wait for a gate to say that it is ready: a first start makes keys and compiles policies.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for a gate to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(45);

/// What a development gate writes into `dev.json` when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub struct Dev {
    /// URL of the S3 endpoint.
    pub s3: String,
    /// URL of the admin endpoint.
    pub admin: String,
    /// The certificate that clients have to trust.
    pub ca: PathBuf,
    /// The region that signatures name.
    pub region: String,
    /// Four keys for each user.
    pub keys: Vec<Key>,
}

/// An access key of the demo tenant.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Key {
    /// Whose key it is: `photos` or `backups`.
    pub user: String,
    /// What it may do: `full`, `read-write`, `read` or `write`.
    pub level: String,
    /// Its public half.
    pub access_key_id: String,
    /// Its secret half.
    pub secret_access_key: String,
    /// The bucket that its user owns.
    pub bucket: String,
}

/// A running gate.
#[derive(Debug)]
pub struct Gate {
    child: Child,
    dir: PathBuf,
    dev: Dev,
    tls: Arc<rustls::ClientConfig>,
    /// Its object node, where that is a process of its own.
    node: Option<Node>,
    _temporary: Option<TempDir>,
}

impl Gate {
    /// Starts a gate in a new temporary folder.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a gate in a new temporary folder, with further arguments.
    pub fn start_with(arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let mut gate = Self::start_in(&temporary.path().join("data"), arguments, &[]);
        gate._temporary = Some(temporary);
        gate
    }

    /// Starts a gate on `dir`, which outlives it.
    pub fn start_in(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        fs::create_dir_all(dir).expect("the data folder");
        let node = beside(dir, environment);
        let address = node.as_ref().map(Node::environment).unwrap_or_default();
        // Whoever finds dev.json must find the one of this run.
        let ready = dir.join("dev.json");
        let _ = fs::remove_file(&ready);
        let mut command = Command::new(binary());
        command
            .args(["serve", "--dev", "--data"])
            .arg(dir)
            .args([
                "--s3-listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
            ])
            .args(arguments)
            .envs(environment.iter().copied())
            .envs(address)
            .stdin(Stdio::null())
            .stdout(append(&dir.join("gate.out")))
            .stderr(append(&dir.join("gate.err")));
        let mut child = command.spawn().expect("the gate starts");

        let begin = Instant::now();
        let dev = loop {
            // Written in place or renamed: only a document that reads whole is ready.
            if let Some(dev) = read_dev(&ready) {
                break dev;
            }
            if let Some(status) = child.try_wait().expect("the gate's state") {
                panic!(
                    "the gate ended before it was ready: {status}\n{}",
                    said(dir)
                );
            }
            if begin.elapsed() > START_LIMIT {
                let _ = child.kill();
                let _ = child.wait();
                panic!(
                    "the gate was not ready within {START_LIMIT:?}\n{}",
                    said(dir)
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let ca = if dev.ca.is_absolute() {
            dev.ca.clone()
        } else {
            dir.join(&dev.ca)
        };
        let tls = wire::trusting(&ca);
        Self {
            child,
            dir: dir.to_owned(),
            dev: Dev { ca, ..dev },
            tls,
            node,
            _temporary: None,
        }
    }

    /// The folder that holds all of its state.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it said of itself when it was ready.
    pub fn dev(&self) -> &Dev {
        &self.dev
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The key of `user` with `level`.
    pub fn key(&self, user: &str, level: &str) -> &Key {
        let found = self
            .dev
            .keys
            .iter()
            .find(|key| key.user == user && key.level == level);
        found.unwrap_or_else(|| panic!("dev.json has no key {user}/{level}: {:?}", self.dev.keys))
    }

    /// Host and port of the S3 endpoint, as a `Host` header carries them.
    pub fn host(&self) -> &str {
        authority(&self.dev.s3)
    }

    /// Host and port of the admin endpoint.
    pub fn admin_host(&self) -> &str {
        authority(&self.dev.admin)
    }

    /// The address of the S3 listener.
    pub fn address(&self) -> SocketAddr {
        loopback(self.host())
    }

    /// The address of the admin listener.
    pub fn admin_address(&self) -> SocketAddr {
        loopback(self.admin_host())
    }

    /// A new TLS connection to the S3 endpoint.
    pub fn wire(&self) -> Wire {
        Wire::connect(self.address(), "localhost", &self.tls).expect("a connection to the gate")
    }

    /// A new TLS connection to the admin endpoint.
    pub fn admin_wire(&self) -> Wire {
        Wire::connect(self.admin_address(), "localhost", &self.tls)
            .expect("a connection to the admin endpoint")
    }

    /// What a client needs to trust this gate.
    pub fn tls(&self) -> &Arc<rustls::ClientConfig> {
        &self.tls
    }

    /// Runs `postern` with `arguments` against this gate.
    pub fn postern(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(&self.dir)
            .env("POSTERN_DATA", &self.dir);
        command.stdin(Stdio::null()).output().expect("postern runs")
    }

    /// Runs a line in which `postern` is this gate's, as an operator types it.
    pub fn shell(&self, line: &str) -> Output {
        let program = binary();
        let folder = program.parent().expect("a program is in a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(&self.dir)
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("POSTERN_DATA", &self.dir);
        command.stdin(Stdio::null()).output().expect("sh runs")
    }

    /// Runs `postern` with `arguments` and wants it to succeed; answers what it printed.
    #[track_caller]
    pub fn postern_ok(&self, arguments: &[&str]) -> String {
        let output = self.postern(arguments);
        assert!(
            output.status.success(),
            "postern {arguments:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("postern prints UTF-8")
    }

    /// Where the access log stands.
    pub fn access_log(&self) -> PathBuf {
        self.dir.join("access.jsonl")
    }

    /// The entries of the access log, each a JSON object. An entry is written when the last byte has left, so wait for
    /// the one you want.
    pub fn entries(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.access_log()).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// Waits for the access-log entry of a request id.
    #[track_caller]
    pub fn entry(&self, request_id: &str) -> serde_json::Value {
        wait::until(
            &format!("the log entry of {request_id}"),
            Duration::from_secs(10),
            || {
                self.entries()
                    .into_iter()
                    .find(|entry| mentions(entry, request_id))
            },
        )
    }

    /// Kills it as a power cut would: no handler runs.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("the gate's end");
        if let Some(node) = self.node.take() {
            node.kill();
        }
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.terminate();
        let ended = self.ended();
        if let Some(node) = self.node.take() {
            assert!(node.stop().success(), "the node ends well");
        }
        ended
    }

    /// Sends SIGTERM and goes on.
    pub fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = kill_process(pid.expect("a process id"), Signal::TERM);
    }

    /// Waits for its end after [`Self::terminate`].
    pub fn ended(&mut self) -> ExitStatus {
        wait::until("the gate's end", STOP_LIMIT, || {
            self.child.try_wait().expect("its state")
        })
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the gate's state").is_none()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", said(&self.dir));
        }
        if self.child.try_wait().ok().flatten().is_some() {
            return;
        }
        self.terminate();
        // A gate that drains may take its grace period; a test that is over does not wait for it.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(2) {
            if self.child.try_wait().ok().flatten().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The gate's binary.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("POSTERN_BIN") {
        return PathBuf::from(named);
    }
    let me = std::env::current_exe().expect("the path of this test");
    let profile = me
        .parent()
        .filter(|dir| dir.ends_with("deps"))
        .and_then(Path::parent);
    let beside = profile
        .or_else(|| me.parent())
        .expect("a folder")
        .join("postern");
    assert!(
        beside.exists(),
        "{} is not there: `cargo build -p postern` makes it, or POSTERN_BIN names another",
        beside.display()
    );
    beside
}

/// The root of the repository, found at run time: what was compiled in goes stale in a shared target folder.
pub fn root() -> PathBuf {
    let begin = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let begin = begin
        .or_else(|| std::env::current_dir().ok())
        .expect("a folder to start from");
    let mut above = begin.ancestors();
    let root = above.find(|dir| dir.join("rust-toolchain.toml").exists());
    root.expect("the root of the repository").to_owned()
}

/// The node beside a gate on `dir`, where tests are to have one and this one has not named its own.
fn beside(dir: &Path, environment: &[(&str, &str)]) -> Option<Node> {
    let is_wanted = std::env::var("POSTERN_TEST_NODE").is_ok_and(|it| it == "elsewhere");
    let of_node = |(name, _): &&(&str, &str)| name.starts_with("POSTERN_NODE__");
    let care: Vec<_> = environment.iter().filter(of_node).copied().collect();
    let has_own = care
        .iter()
        .any(|(name, _)| *name == "POSTERN_NODE__ADDRESS");
    (is_wanted && !has_own).then(|| Node::start_in(dir, &care))
}

fn read_dev(path: &Path) -> Option<Dev> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

pub(crate) fn append(path: &Path) -> File {
    let mut options = fs::OpenOptions::new();
    options
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .expect("a file for what the gate says")
}

/// The end of what the gate in `dir` said.
fn said(dir: &Path) -> String {
    let tail = |name: &str| {
        let text = fs::read(dir.join(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(6_000)..]).into_owned();
        format!("--- {name} of the gate\n{text}\n")
    };
    [tail("gate.out"), tail("gate.err")].concat()
}

fn authority(url: &str) -> &str {
    url.trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/')
}

fn loopback(authority: &str) -> SocketAddr {
    let port = authority
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .unwrap_or(443);
    SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port)
}

fn mentions(entry: &serde_json::Value, request_id: &str) -> bool {
    let fields = entry.as_object().into_iter().flatten();
    fields
        .into_iter()
        .any(|(_, value)| value.as_str() == Some(request_id))
}
