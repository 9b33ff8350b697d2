//! An object node in a process of its own, with certificates of its own authority.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::gate;
use crate::wait;

/// Longest wait for a node to say that it is ready.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for a node to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(45);
/// What a volume has unless a test says otherwise, as in development mode.
const VOLUME: &str = "256 MiB";

/// A running node. Its data folder may be that of its gate, which has nothing in `node` then.
#[derive(Debug)]
pub struct Node {
    child: Child,
    dir: PathBuf,
    certificates: PathBuf,
    address: SocketAddr,
    environment: Vec<(String, String)>,
}

impl Node {
    /// Starts a node on `dir`, which outlives it, on a port that the system chooses.
    pub fn start_in(dir: &Path, environment: &[(&str, &str)]) -> Self {
        let certificates = dir.join("certificates");
        certify(&certificates);
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment = environment.iter().map(own).collect();
        Self::run(
            dir.to_owned(),
            certificates,
            "127.0.0.1:0".to_owned(),
            environment,
        )
    }

    /// Starts it again where it was.
    #[must_use]
    pub fn again(self) -> Self {
        let (dir, certificates) = (self.dir.clone(), self.certificates.clone());
        let (listen, environment) = (self.address.to_string(), self.environment.clone());
        self.kill();
        Self::run(dir, certificates, listen, environment)
    }

    fn run(
        dir: PathBuf,
        certificates: PathBuf,
        listen: String,
        environment: Vec<(String, String)>,
    ) -> Self {
        fs::create_dir_all(&dir).expect("the data folder");
        let ready = dir.join("node.json");
        let _ = fs::remove_file(&ready);
        let mut command = Command::new(gate::binary());
        command
            .args(["node", "serve", "--data"])
            .arg(&dir)
            .env("POSTERN_NODE__LISTEN", &listen)
            .env("POSTERN_NODE__CLIENT_CA", certificates.join("ca.pem"))
            .env("POSTERN_NODE__CERT", certificates.join("node.pem"))
            .env("POSTERN_NODE__KEY", certificates.join("node.key"))
            .env("POSTERN_NODE__VOLUME_BYTES", VOLUME)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(gate::append(&dir.join("node.out")))
            .stderr(gate::append(&dir.join("node.err")));
        let mut child = command.spawn().expect("the node starts");
        let begin = Instant::now();
        let address = loop {
            if let Some(address) = read_ready(&ready) {
                break address;
            }
            if let Some(status) = child.try_wait().expect("the node's state") {
                panic!(
                    "the node ended before it was ready: {status}\n{}",
                    said(&dir)
                );
            }
            if begin.elapsed() > START_LIMIT {
                let _ = child.kill();
                let _ = child.wait();
                panic!(
                    "the node was not ready within {START_LIMIT:?}\n{}",
                    said(&dir)
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Self {
            child,
            dir,
            certificates,
            address,
            environment,
        }
    }

    /// The variables by which a gate finds it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let file = |name: &str| self.certificates.join(name).display().to_string();
        [
            (
                "POSTERN_NODE__ADDRESS",
                format!("localhost:{}", self.address.port()),
            ),
            ("POSTERN_NODE__CA", file("ca.pem")),
            ("POSTERN_NODE__CERT", file("gate.pem")),
            ("POSTERN_NODE__KEY", file("gate.key")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// What it has said.
    pub fn said(&self) -> String {
        said(&self.dir)
    }

    /// Kills it as a power cut would.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Kills it where it stands; [`Node::again`] starts it anew.
    pub fn strike(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("the node's end");
    }

    /// Holds it where it is, or lets it go on: it neither answers nor ends meanwhile.
    pub fn hold(&self, is_held: bool) {
        let signal = if is_held { Signal::STOP } else { Signal::CONT };
        self.signal(signal);
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        wait::until("the node's end", STOP_LIMIT, || {
            self.child.try_wait().expect("its state")
        })
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = kill_process(pid.expect("a process id"), signal);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", said(&self.dir));
        }
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Makes an authority in `folder`, and the certificates of gate and node.
pub fn certify(folder: &Path) {
    let made = Command::new(gate::binary())
        .args(["node", "certificates", "--host", "localhost", "--out"])
        .arg(folder)
        .output()
        .expect("postern runs");
    assert!(made.status.success(), "{made:?}");
}

fn read_ready(path: &Path) -> Option<SocketAddr> {
    let text: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    text["listen"].as_str()?.parse().ok()
}

/// The end of what the node in `dir` said.
fn said(dir: &Path) -> String {
    let tail = |name: &str| {
        let text = fs::read(dir.join(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(6_000)..]).into_owned();
        format!("--- {name} of the node\n{text}\n")
    };
    [tail("node.out"), tail("node.err")].concat()
}
