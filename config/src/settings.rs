//! The settings: a TOML file, the environment (`POSTERN_SECTION__KEY`) and the command line become [`Settings`] or a list
//! of every fault at once, before a port is bound.
//!
//! What comes later wins: default, file, environment, command line. A secret may be given as itself or, as `<name>_file`, as
//! the path of a file that holds it.

mod brands;
mod elsewhere;
mod fault;
mod oidc;
mod read;
mod sections;
mod source;
mod values;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

pub use brands::{Brand, Logo, LogoKind};
pub use elsewhere::{NodeAddress, NodeElsewhere, NodeProcess, NotAnAddress};
pub use fault::{EXIT_USAGE, Fault, Faults, Place};
pub use source::{Environment, Overrides};
pub use values::{NotADomain, NotAPerson, NotARegion};

use crate::Secret;
use crate::directory::{Name, Signer};

/// Everything that is set before the server starts.
#[derive(Debug)]
pub struct Settings {
    /// `data.folder`: where the server keeps what it must not lose. Everything below that is relative lies in it.
    pub data: PathBuf,
    /// `[s3]`: the listener of the S3 API.
    pub s3: S3Settings,
    /// `[domains]`: the names under which it is found.
    pub domains: Domains,
    /// `[admin]`: the listener of admin API, health and metrics.
    pub admin: AdminSettings,
    /// `[limits]`: what a client may take.
    pub limits: Limits,
    /// `[node]`: the object node.
    pub node: NodeSettings,
    /// `[ship]`: a copy of its volumes elsewhere.
    pub ship: ShipSettings,
    /// `[policy]`: modules and their decisions.
    pub policy: PolicySettings,
    /// `[directory]`: accounts, users, keys.
    pub directory: DirectorySettings,
    /// The audit log.
    pub audit: AuditSettings,
    /// `[record]`: what was judged, for policies that are tried on it later.
    pub record: RecordSettings,
    /// `[log]`: what is written about requests and about the server.
    pub log: LogSettings,
}

/// The listener of the S3 API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// `s3.listen`. Port 0 asks for any free one.
    pub listen: SocketAddr,
    /// `s3.tls_cert`, `s3.tls_key`.
    pub tls: Tls,
    /// `s3.http2`: whether HTTP/2 is offered. Clients that put all transfers on one connection are slower with it.
    pub http2: bool,
    /// `s3.proxy_protocol`.
    pub proxy_protocol: ProxyProtocol,
    /// `s3.trusted_proxies`: whose `X-Forwarded-For`, or PROXY header, is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `s3.region`: the region of signatures and of GetBucketLocation.
    pub region: Region,
    /// `s3.region_aliases`: other regions that signatures may name.
    pub region_aliases: Vec<Region>,
}

/// Where a listener's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// PEM files, read again when they change.
    Files {
        /// The certificate and its chain.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// A certificate of the server's own CA, made in the data folder.
    OwnCa,
}

/// Whether connections begin with a PROXY protocol header. Source: the PROXY protocol, versions 1 and 2 (HAProxy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// None does.
    Off,
    /// Each does, and comes from a trusted proxy; one without is closed.
    Required,
}

/// The domains of the S3 listener. Neither lies within the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domains {
    /// `domains.s3`: path style on itself, `<bucket>.<s3>` below it. Without it any host is path style.
    pub s3: Option<Domain>,
    /// `domains.public`: `<alias>.<public>/<bucket>/<key>` and `<bucket>--<alias>.<public>`.
    pub public: Option<Domain>,
}

/// A domain name in lower case, without a dot at its end. Source: RFC 1035 section 2.3.4 (labels of 63, names of 253).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Domain(Box<str>);

/// A region's name, such as `us-east-1`: lower-case letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Region(Box<str>);

/// The listener of admin API, health and metrics.
#[derive(Debug)]
pub struct AdminSettings {
    /// `admin.listen`.
    pub listen: SocketAddr,
    /// `admin.tls_cert`, `admin.tls_key`. By default those of the S3 listener.
    pub tls: Tls,
    /// `admin.token` or `admin.token_file`. Without either, a token is made in the data folder.
    pub token: Option<Secret>,
    /// `admin.persons`: who has a token of his own, as `name:SHA-256 of the token`.
    pub persons: Vec<Person>,
    /// `admin.metrics`.
    pub metrics: MetricsAccess,
    /// `admin.brands`: how the console shows itself on which host; none: as itself.
    pub brands: Vec<Brand>,
    /// `[admin.oidc]`: who else says who somebody is.
    pub oidc: Option<OidcSettings>,
}

/// A provider of OpenID Connect by which operators sign in. Source: OpenID Connect Core 1.0, Discovery 1.0.
#[derive(Debug)]
pub struct OidcSettings {
    /// `admin.oidc.issuer`: an `https://` URL, letter for letter as the provider calls itself.
    pub issuer: String,
    /// `admin.oidc.client_id`: what the provider calls this server.
    pub client_id: String,
    /// `admin.oidc.client_secret` or `admin.oidc.client_secret_file`: what it knows it by.
    pub client_secret: Secret,
    /// `admin.oidc.name`: what people call the provider.
    pub name: String,
    /// `admin.oidc.ca`: the authority of its certificate (PEM); none: those that this machine trusts.
    pub ca: Option<PathBuf>,
}

/// A person with a token of his own on the admin listener. Two persons are two tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name, as audit records have it.
    pub name: Name,
    /// The SHA-256 of the token. The token must be random: its hash is no secret then.
    pub token: [u8; 32],
}

/// Who may read the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// The holder of the admin token.
    Token,
    /// Whoever reaches the listener from the loopback interface, too.
    Loopback,
}

/// What a client may take. Each has a default and a range; see the sample file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `limits.head_bytes`: request line and headers.
    pub head_bytes: usize,
    /// `limits.header_count`.
    pub header_count: usize,
    /// `limits.uri_bytes`.
    pub uri_bytes: usize,
    /// `limits.head_time`: from the first wait for a request to the end of its head.
    pub head_time: Duration,
    /// `limits.keep_alive_time`: how long an idle connection is kept.
    pub keep_alive_time: Duration,
    /// `limits.body_idle_time`: how long a body may stand still, in either direction.
    pub body_idle_time: Duration,
    /// `limits.body_rate`: the lowest rate of a body, in bytes a second, over `body_rate_window`.
    pub body_rate: u64,
    /// `limits.body_rate_window`.
    pub body_rate_window: Duration,
    /// `limits.handshake_time`: PROXY header and TLS handshake.
    pub handshake_time: Duration,
    /// `limits.connections`: in all.
    pub connections: usize,
    /// `limits.connections_per_address`.
    pub connections_per_address: usize,
    /// `limits.requests_per_tenant`: requests at work for one tenant at a time.
    pub requests_per_tenant: usize,
    /// `limits.http2_streams`: on one connection at a time.
    pub http2_streams: u32,
    /// `limits.xml_bytes`: an XML body.
    pub xml_bytes: usize,
    /// `limits.form_bytes`: the fields of a POST form before its file.
    pub form_bytes: usize,
    /// `limits.chunk_header_bytes`: a chunk header of aws-chunked.
    pub chunk_header_bytes: usize,
    /// `limits.trailer_bytes`: the trailers of a body.
    pub trailer_bytes: usize,
    /// `limits.discard_bytes`: what is read of the body of a refused request, so that the client sees the answer.
    pub discard_bytes: u64,
    /// `limits.discard_time`: for how long.
    pub discard_time: Duration,
    /// `limits.requests_per_second_per_address`; none when absent.
    pub requests_per_second_per_address: Option<NonZeroU32>,
    /// `limits.requests_per_second_per_key`; none when absent.
    pub requests_per_second_per_key: Option<NonZeroU32>,
    /// `limits.clock_skew`: how far a signature's time may be from ours.
    pub clock_skew: Duration,
    /// `limits.recheck_time`: how often a transfer is judged again.
    pub recheck_time: Duration,
    /// `limits.drain_notice`: from "not ready" to the last accepted connection.
    pub drain_notice: Duration,
    /// `limits.drain_grace`: how long requests at work may go on after that.
    pub drain_grace: Duration,
    /// `limits.admin_body_bytes`: a body of the admin API, modules excepted.
    pub admin_body_bytes: usize,
}

/// The object node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// Where it is; none: in this process. What follows is then said by the settings of its own process.
    pub elsewhere: Option<NodeElsewhere>,
    /// `node.disks`, `node.drain`: folders that hold its volumes, in place of its own.
    pub disks: Vec<DiskSettings>,
    /// `node.cache_bytes`: of the index.
    pub cache_bytes: u64,
    /// `node.volume_bytes`: when a volume is full.
    pub volume_bytes: u64,
    /// `node.overlay_bytes`: of changes that wait for the index.
    pub overlay_bytes: u64,
    /// `node.reserve_bytes`: of each disk that writes leave free.
    pub reserve_bytes: u64,
    /// `node.lifecycle_day`: how long a day of a lifecycle rule is. Shorter than a day, it is for tests alone.
    pub lifecycle_day: Duration,
    /// `node.compact_at`: the share of garbage, in percent, at which a volume is emptied.
    pub compact_at: u16,
    /// `node.compact_bytes_per_second`: what compaction moves at most.
    pub compact_bytes_per_second: u64,
    /// `node.undelete_time`: for how long what was deleted can be brought back; compaction waits for it.
    pub undelete_time: Duration,
    /// `node.scrub_every`: how often everything is read and checked; zero: never by itself.
    pub scrub_every: Duration,
    /// `node.scrub_bytes_per_second`: how fast.
    pub scrub_bytes_per_second: u64,
    /// `node.read_only`: whether writes and deletions are refused from the start.
    pub read_only: bool,
}

/// A disk of the object node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSettings {
    /// Its folder; a relative one lies in the data folder.
    pub path: PathBuf,
    /// Whether it is to be emptied.
    pub drain: bool,
}

/// Modules and their decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySettings {
    /// `policy.cache_bytes`: of plans and trees.
    pub cache_bytes: u64,
    /// `policy.machine_code_bytes`: of loaded modules.
    pub machine_code_bytes: u64,
    /// `policy.fuel`: of one evaluation.
    pub fuel: NonZeroU64,
    /// `policy.deadline`: of one evaluation.
    pub deadline: Duration,
    /// `policy.module_bytes`: of one module.
    pub module_bytes: usize,
    /// `policy.explained_requests`: how many requests `explain` remembers.
    pub explained_requests: usize,
    /// `policy.two_persons`: whether what changes what is obeyed needs a second person.
    pub two_persons: bool,
    /// `policy.proposal_time`: how long a proposal waits for him.
    pub proposal_time: Duration,
    /// `policy.watch_time`: how long after its activation a version is taken back by itself when it does not answer.
    pub watch_time: Duration,
    /// `policy.signers`: whose Ed25519 signature a module needs; with none, it needs none.
    pub signers: Vec<Signer>,
}

/// Accounts, users, keys.
#[derive(Debug)]
pub struct DirectorySettings {
    /// `directory.master_key` or `directory.master_key_file`: 32 bytes as 64 hexadecimal digits, under which secrets are
    /// sealed. Without either, one is made in the data folder.
    pub master_key: Option<Secret>,
    /// `directory.master_key_next` or `directory.master_key_next_file`: the key that takes its place.
    pub master_key_next: Option<Secret>,
}

/// The audit log: how long it is kept, where its heads go, and what happens when it cannot be written.
#[derive(Debug)]
pub struct AuditSettings {
    /// `audit.keep_days`: older records go, and a checkpoint stands for them. Without it, all are kept.
    pub keep_days: Option<NonZeroU64>,
    /// `audit.heads_to`: where signed heads of the log are sent.
    pub heads_to: Vec<Destination>,
    /// `audit.heads_every`: how often.
    pub heads_every: Duration,
    /// What endpoints are shown.
    pub heads_pass: Option<DestinationPass>,
    /// `audit.heads_ca`: the authority of endpoints (PEM).
    pub heads_ca: Option<PathBuf>,
    /// `audit.on_failure`.
    pub on_failure: OnFailure,
}

/// A copy of the object node's volumes, off this machine.
#[derive(Debug)]
pub struct ShipSettings {
    /// `ship.to`: where it is; none: there is no copy.
    pub to: Option<Destination>,
    /// `ship.every`: how often what is new is sent.
    pub every: Duration,
    /// `ship.late`: so far behind, the copy is an alarm.
    pub late: Duration,
    /// `ship.bytes_per_second`: what is sent at most.
    pub bytes_per_second: u64,
    /// What an endpoint is shown.
    pub pass: Option<DestinationPass>,
    /// `ship.ca`: the authority of an endpoint (PEM).
    pub ca: Option<PathBuf>,
}

/// What an endpoint is shown. The names of the fields begin with `audit.heads_` for heads of the audit log, with `ship.` for volumes.
#[derive(Debug)]
pub enum DestinationPass {
    /// `token` or `token_file`: a bearer token.
    Token(Secret),
    /// The endpoint is a bucket of S3, `https://host/bucket/prefix`, and requests are signed.
    Signed {
        /// `access_key_id`.
        access_key_id: String,
        /// `secret_access_key` or `secret_access_key_file`.
        secret: Secret,
        /// `region`.
        region: Region,
    },
}

/// A place off this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder, such as one that another machine exports: a file for each name.
    Folder(PathBuf),
    /// An HTTPS endpoint: `PUT <url>/<name>`.
    Endpoint(String),
}

/// What happens when access log or audit log cannot be written. A change of the directory is never made without its record,
/// whatever this says: both are one transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Requests, and readings of the audit log, are refused until it can be written again.
    Block,
    /// They go on, and what is not written is counted.
    #[default]
    Count,
}

/// What was judged, for policies that are tried on it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordSettings {
    /// `record.requests`: whether each check is written down, about a kilobyte for each.
    pub requests: bool,
    /// `record.bytes`: of all that is kept, in `recorded` below the data folder.
    pub bytes: u64,
}

/// What is written about requests and about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// `log.access_path`: the access log, below the data folder unless absolute. `-` is standard output.
    pub access: AccessLog,
    /// `log.format`.
    pub format: AccessFormat,
    /// `log.level`: of the server's own log.
    pub level: LogLevel,
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// To standard output.
    Output,
    /// To a file. With [`AccessFormat::Both`] the S3 text goes to the same name with `.s3` at its end.
    File(PathBuf),
}

/// How the access log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessFormat {
    /// JSON lines.
    Json,
    /// S3 server access log text.
    S3,
    /// Both.
    Both,
}

/// From which level on the server's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the levels of tracing")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Settings {
    /// Reads the settings: defaults, then the file, the environment and the command line, the later over the earlier.
    ///
    /// # Errors
    /// Every fault that there is, not only the first.
    pub fn load(
        file: Option<&Path>,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let values = source::gather(file, environment, overrides, &mut faults);
        let mut reader = read::Reader::new(values, &mut faults);
        let settings = sections::read(&mut reader);
        reader.refuse_the_rest(environment);
        match settings {
            Some(settings) if faults.is_empty() => Ok(settings),
            _ => Err(Faults::new(faults)),
        }
    }
}

impl LogLevel {
    /// The name, such as `info`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
