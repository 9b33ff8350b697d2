//! nginx serving a folder over TLS, for comparison: as many workers as it has cores, the same certificate algorithm,
//! protocol version and cipher as ours.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::wait;

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    dir: TempDir,
    address: SocketAddr,
}

impl Nginx {
    /// Starts nginx over `files`; `None` when it is not installed.
    pub fn start(files: &Path, workers: usize, logs: bool) -> Option<Self> {
        Command::new("nginx")
            .arg("-v")
            .stderr(Stdio::null())
            .status()
            .ok()?;
        let dir = tempfile::tempdir().expect("a temporary folder");
        certificate(dir.path());
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let address = port.expect("a free port");
        let text = settings(dir.path(), files, address, workers, logs);
        let config = dir.path().join("nginx.conf");
        fs::write(&config, text).expect("nginx's settings");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(dir.path()).arg("-c").arg(&config);
        command.arg("-e").arg(dir.path().join("error.log"));
        let child = command.stdin(Stdio::null()).spawn().expect("nginx starts");
        wait::until("nginx listens", Duration::from_secs(10), || {
            std::net::TcpStream::connect(address).ok()
        });
        Some(Self {
            child,
            dir,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate to trust.
    pub fn ca(&self) -> std::path::PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// Its processes, the workers too.
    pub fn pids(&self) -> Vec<u32> {
        let master = self.child.id();
        let path = format!("/proc/{master}/task/{master}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        let workers = children
            .split_ascii_whitespace()
            .filter_map(|pid| pid.parse().ok());
        workers.chain([master]).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // QUIT would wait for kept connections.
        let _ = kill_process(pid.expect("a process id"), Signal::TERM);
        let _ = self.child.wait();
    }
}

pub(crate) fn certificate(dir: &Path) {
    let (key, cert) = (dir.join("key.pem"), dir.join("cert.pem"));
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .expect("openssl runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn settings(dir: &Path, files: &Path, to: SocketAddr, workers: usize, logs: bool) -> String {
    let log = if logs {
        format!("{}/access.log", dir.display())
    } else {
        "off".to_owned()
    };
    format!(
        "daemon off; user root; worker_processes {workers}; pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log {log};
  default_type application/octet-stream;
  sendfile on; tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 600s;
  open_file_cache max=4000 inactive=600s; open_file_cache_valid 600s;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  client_max_body_size 16m; client_body_buffer_size 64k;
  server {{
    listen {to} ssl;
    ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    location / {{ root {files}; dav_methods PUT; create_full_put_path on; }}
  }}
}}
",
        dir = dir.display(),
        files = files.display()
    )
}
