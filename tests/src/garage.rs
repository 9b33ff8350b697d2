//! Garage as a peer: one node that keeps one copy, with its defaults in all else, on plain HTTP; its layout, key and bucket are made by
//! its own commands.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::sign::Signer;
use crate::wait;

/// The region that its signatures name.
const REGION: &str = "us-east-1";

/// A running Garage.
#[derive(Debug)]
pub struct Garage {
    binary: PathBuf,
    child: Child,
    dir: TempDir,
    address: SocketAddr,
}

impl Garage {
    /// What it says of its version; `None` where there is no such program.
    pub fn version(binary: &Path) -> Option<String> {
        let output = Command::new(binary).arg("--version").output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts one in a temporary folder and gives it a layout and the bucket `demo-bucket`. Answers it with who may use the bucket.
    pub fn start(binary: &Path, engine: &str) -> (Self, Signer) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let [address, rpc, admin] = free_ports();
        let text = settings(dir.path(), engine, [address, rpc, admin]);
        fs::write(dir.path().join("garage.toml"), text).expect("Garage's settings");
        let log = crate::gate::append(&dir.path().join("garage.log"));
        let child = of(binary, dir.path())
            .arg("server")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("its log"))
            .stderr(log)
            .spawn()
            .expect("Garage starts");
        let garage = Self {
            binary: binary.to_owned(),
            child,
            dir,
            address,
        };
        let signer = garage.furnish();
        (garage, signer)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn furnish(&self) -> Signer {
        wait::until("Garage answers", Duration::from_secs(20), || {
            self.said(&["status"])
        });
        let id = self.run(&["node", "id", "-q"]);
        let id = id.split('@').next().unwrap_or_default().trim();
        self.run(&["layout", "assign", "-z", "here", "-c", "100G", id]);
        self.run(&["layout", "apply", "--version", "1"]);
        let key = self.run(&["key", "create", "bench"]);
        let field = |name: &str| {
            let line = key.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {key}")).trim()
        };
        self.run(&["bucket", "create", "demo-bucket"]);
        let allow = ["bucket", "allow", "--read", "--write", "demo-bucket"];
        self.run(&[&allow[..], &["--key", "bench"]].concat());
        Signer::new(field("Key ID:"), field("Secret key:"), REGION)
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        self.said(arguments)
            .unwrap_or_else(|| panic!("garage {arguments:?} failed"))
    }

    fn said(&self, arguments: &[&str]) -> Option<String> {
        let mut command = of(&self.binary, self.dir.path());
        let output = command.args(arguments).output().ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(said)
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = kill_process(pid.expect("a process id"), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn of(binary: &Path, dir: &Path) -> Command {
    let mut command = Command::new(binary);
    command.arg("-c").arg(dir.join("garage.toml"));
    command
}

/// Held all at once, so that they differ.
fn free_ports() -> [SocketAddr; 3] {
    let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    sockets.map(|socket| socket.local_addr().expect("its address"))
}

fn settings(dir: &Path, engine: &str, [s3, rpc, admin]: [SocketAddr; 3]) -> String {
    format!(
        r#"metadata_dir = "{dir}/meta"
data_dir = "{dir}/data"
db_engine = "{engine}"
replication_factor = 1
rpc_bind_addr = "{rpc}"
rpc_public_addr = "{rpc}"
rpc_secret = "{secret}"

[s3_api]
s3_region = "{REGION}"
api_bind_addr = "{s3}"

[admin]
api_bind_addr = "{admin}"
"#,
        dir = dir.display(),
        secret = "5e".repeat(32),
    )
}
