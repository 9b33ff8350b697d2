//! Real clients, run as a person runs them: the aws CLI, rclone, s3cmd, curl, and Python scripts over boto3.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::gate::{self, Gate, Key};

/// What a command answered.
#[derive(Clone, Debug)]
pub struct Said {
    /// Whether it succeeded.
    pub ok: bool,
    /// Its exit status, -1 when a signal ended it.
    pub status: i32,
    /// What it printed to standard output.
    pub out: String,
    /// What it printed to standard error.
    pub err: String,
    line: String,
}

/// A client that is bound to a gate and a key.
#[derive(Debug)]
pub struct Client<'a> {
    gate: &'a Gate,
    key: &'a Key,
}

impl<'a> Client<'a> {
    /// Clients of `gate` that sign with `key`.
    pub fn new(gate: &'a Gate, key: &'a Key) -> Self {
        Self { gate, key }
    }

    /// `aws …`.
    pub fn aws(&self, arguments: &[&str]) -> Said {
        self.run("aws", arguments)
    }

    /// `rclone …`; the gate is the remote `gate:`.
    pub fn rclone(&self, arguments: &[&str]) -> Said {
        let ca = self.gate.dev().ca.display().to_string();
        let mut all = vec!["--config", "/dev/null", "--ca-cert", &ca, "--retries", "1"];
        all.extend(["--low-level-retries", "2"]);
        all.extend_from_slice(arguments);
        self.run("rclone", &all)
    }

    /// `s3cmd …`.
    pub fn s3cmd(&self, arguments: &[&str]) -> Said {
        let host = self.gate.host();
        let config = self
            .gate
            .dir()
            .join(format!("s3cmd-{}.cfg", self.key.access_key_id));
        let text = format!(
            "[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {host}\nhost_bucket = {host}\n\
             bucket_location = {}\nuse_https = True\nca_certs_file = {}\ncheck_ssl_hostname = True\n",
            self.key.access_key_id,
            self.key.secret_access_key,
            self.gate.dev().region,
            self.gate.dev().ca.display(),
        );
        std::fs::write(&config, text).expect("s3cmd's settings");
        let config = config.display().to_string();
        let mut all = vec!["-c", config.as_str(), "--no-progress"];
        all.extend_from_slice(arguments);
        self.run("s3cmd", &all)
    }

    /// `curl …` that trusts the gate.
    pub fn curl(&self, arguments: &[&str]) -> Said {
        let ca = self.gate.dev().ca.display().to_string();
        let mut all = vec!["--silent", "--show-error", "--cacert", &ca];
        all.extend_from_slice(arguments);
        self.run("curl", &all)
    }

    /// A script of `tests/clients`; it finds the gate through `POSTERN_DEV` and fails by its exit status.
    pub fn python(&self, script: &str) -> Said {
        let path = gate::root().join("tests/clients").join(script);
        let python = std::env::var("POSTERN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        self.run(&python, &[&path.display().to_string()])
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Said {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(self.environment())
            .stdin(Stdio::null());
        if program == "rclone" {
            // Older versions (1.60 in Debian 12) hand it to the AWS SDK, which refuses their transport; `--ca-cert` says it already.
            command.env_remove("AWS_CA_BUNDLE");
        }
        let line = format!("{program} {}", arguments.join(" "));
        let output = command.output();
        said(
            line,
            output.unwrap_or_else(|error| panic!("`{program}` does not run: {error}")),
        )
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let dev = self.gate.dev();
        let url = dev.s3.trim_end_matches('/').to_owned();
        let ca = dev.ca.display().to_string();
        let id = self.key.access_key_id.clone();
        let secret = self.key.secret_access_key.clone();
        vec![
            ("AWS_ACCESS_KEY_ID", id.clone()),
            ("AWS_SECRET_ACCESS_KEY", secret.clone()),
            ("AWS_ENDPOINT_URL", url.clone()),
            ("AWS_REGION", dev.region.clone()),
            ("AWS_DEFAULT_REGION", dev.region.clone()),
            ("AWS_CA_BUNDLE", ca),
            // Nobody's own settings, and no question to a cloud that is not there.
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_PAGER", String::new()),
            ("RCLONE_CONFIG_GATE_TYPE", "s3".to_owned()),
            ("RCLONE_CONFIG_GATE_PROVIDER", "Other".to_owned()),
            ("RCLONE_CONFIG_GATE_ACCESS_KEY_ID", id),
            ("RCLONE_CONFIG_GATE_SECRET_ACCESS_KEY", secret),
            ("RCLONE_CONFIG_GATE_REGION", dev.region.clone()),
            ("RCLONE_CONFIG_GATE_ENDPOINT", url),
            (
                "POSTERN_DEV",
                self.gate.dir().join("dev.json").display().to_string(),
            ),
            ("POSTERN_USER", self.key.user.clone()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ]
    }
}

impl Said {
    /// Wants success.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert!(self.ok, "{}", self.story());
        self
    }

    /// Wants a failure that names `text`.
    #[track_caller]
    pub fn fails_with(self, text: &str) -> Self {
        assert!(!self.ok, "this should have failed\n{}", self.story());
        let named = self.err.contains(text) || self.out.contains(text);
        assert!(named, "`{text}` is not named\n{}", self.story());
        self
    }

    /// All that happened, for an assertion's message.
    pub fn story(&self) -> String {
        format!(
            "$ {}\nstatus {}\n{}{}",
            self.line, self.status, self.out, self.err
        )
    }
}

fn said(line: String, output: Output) -> Said {
    Said {
        ok: output.status.success(),
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        line,
    }
}

/// Writes a file and answers its path as text.
pub fn file(dir: &Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, bytes).expect("a file");
    path.display().to_string()
}
