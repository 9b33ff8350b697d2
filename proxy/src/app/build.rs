//! What the server is built from, in the order in which each thing needs the one before.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use console::SignOn;
use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{
    CompileBounds, Compiler, CompilerProcess, Engine, EngineOptions, MachineCodeStore,
};
use postern_config::directory::{
    Approval, Directory, DirectoryOptions, ModuleRules, Profile, Vault,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::metering::{Ledger, Meter};
use postern_config::purge::{Pace, Purges};
use postern_config::settings::{
    AccessFormat, AccessLog, Domain, Limits, OnFailure, PolicySettings, ProxyProtocol,
    RecordSettings, Settings, Tls,
};
use postern_config::{Entropy, Secret, UnixMillis};
use s3_protocol::host::Domains;
use sha2::{Digest as _, Sha256};
use storage_node::RingSeal;

use super::domains::DomainCertificates;
use super::objects::{self, Tending};
use super::{Mode, StartError, absolute, secrets, sign_on};
use crate::clock::Clock;
use crate::dev::{self, DevKey, SuiteUser};
use crate::edge::authority::{Authority, local_names};
use crate::edge::{Bound, CertificateFiles, Certificates, EdgeLimits, EdgeOptions, EdgeParts};
use crate::files;
use crate::journey::{Gate, GateParts, Place};
use crate::observe::{self, Observer, ObserverOptions, Reading, Target};
use crate::record::Recorder;
use crate::upkeep::{Keeper, KeyPlace};
use crate::upstream::{NodeBuckets, ObjectStore};
use crate::world::{Builtin, Library};

/// The built server, before it listens.
pub(super) struct Built {
    pub(super) clock: Clock,
    pub(super) observer: Arc<Observer>,
    pub(super) directory: Directory,
    pub(super) node: ObjectStore,
    pub(super) meter: Arc<Meter>,
    pub(super) gate: Arc<Gate>,
    /// Keeps the server.
    pub(super) keeper: Arc<Keeper>,
    /// Who takes care of the object node.
    pub(super) tending: Tending,
    /// Carries out deletions that take data along.
    pub(super) purges: Arc<Purges>,
    pub(super) authority: Option<Arc<Authority>>,
    /// The authority's certificate, where the server has its own.
    pub(super) ca: Option<PathBuf>,
    /// Of the S3 listener, then of the admin listener.
    pub(super) certificates: [Arc<Certificates>; 2],
    pub(super) dev_keys: Vec<DevKey>,
    /// By whom operators sign in to the console, too.
    pub(super) sign_on: Option<Arc<dyn SignOn>>,
    /// What makes the first operator, while there is none.
    pub(super) first_run: Option<Secret>,
    pub(super) suite: BTreeMap<String, SuiteUser>,
}

impl Built {
    /// What keeps the certificates of the accounts' own hosts.
    pub(super) fn domains(&self, settings: &Settings) -> DomainCertificates {
        let [s3, _] = &self.certificates;
        let own = settings.s3.tls == Tls::OwnCa;
        DomainCertificates::new(
            self.directory.clone(),
            Arc::clone(s3.hosts()),
            (&settings.data, self.authority.clone().filter(|_| own)),
            self.clock.clone(),
        )
    }

    pub(super) fn edge_parts(&self) -> EdgeParts {
        EdgeParts {
            observer: Arc::clone(&self.observer),
            clock: self.clock.clone(),
        }
    }
}

/// Builds everything that can fail without a port.
#[expect(
    clippy::too_many_lines,
    reason = "each part once, in the order in which one needs the other"
)]
pub(super) async fn build(settings: &Settings, mode: Mode) -> Result<Built, StartError> {
    let data = settings.data.as_path();
    let sign_on = sign_on::provider(settings.admin.oidc.as_ref())?;
    let clock = Clock::system();
    files::make_private_folder(data)
        .map_err(|source| io(format!("make `{}`", data.display()), source))?;

    let authority = authority(settings, &clock)?.map(Arc::new);
    let certificates = certificates(settings, authority.as_deref(), &clock)?;
    let master_key =
        secrets::master_key(data).map_err(|source| io("make the master key".to_owned(), source))?;
    let master_key = settings
        .directory
        .master_key
        .as_ref()
        .unwrap_or(&master_key);
    let folder_next = match settings.directory.master_key {
        Some(_) => None,
        None => secrets::next_master_key(data)
            .map_err(|source| io("read the next master key".to_owned(), source))?,
    };
    let next = settings
        .directory
        .master_key_next
        .as_ref()
        .or(folder_next.as_ref());
    let directory = directory(data, (master_key, next), &clock).await?;
    directory.govern(rules(&settings.policy));
    let seals = seals([Some(master_key), next])?;
    let (node, tending) = objects::open(settings, seals.clone(), &clock).await?;
    let meter = meter(data, &clock)?;
    let observer = observer(settings, &meter)?;
    let gate = {
        let (directory, node, observer, clock) = (&directory, &node, &observer, &clock);
        gate(
            settings,
            Ground {
                directory,
                node,
                observer,
                clock,
            },
            master_key,
        )?
    };
    let place = match settings.directory.master_key {
        Some(_) => KeyPlace::Settings,
        None => KeyPlace::Folder,
    };
    let keeper = Keeper::new(
        directory.clone(),
        (tending.node(), seals),
        (data, place),
        &settings.audit,
        clock.clone(),
    );
    let purges = Purges::new(
        directory.clone(),
        Arc::new(NodeBuckets(node.clone())),
        Pace::default(),
    );
    gate.settle().await.map_err(StartError::Settle)?;
    let dev_keys = match mode {
        Mode::Dev(profile) => dev::seed(&directory, &node, profile).await?,
        Mode::Configured => Vec::new(),
    };
    let first_run = match directory.state().operators().next() {
        Some(_) => None,
        None => {
            let made = secrets::first_run();
            Some(made.map_err(|source| io("make the first operator's link".to_owned(), source))?)
        }
    };
    let suite = match mode {
        Mode::Dev(Profile::S3) => dev::suite(&directory).await?,
        Mode::Dev(_) | Mode::Configured => BTreeMap::new(),
    };
    let ca = authority
        .as_ref()
        .map(|authority| absolute(authority.certificate()));
    Ok(Built {
        clock,
        observer,
        directory,
        node,
        meter,
        gate,
        keeper: Arc::new(keeper),
        tending,
        purges: Arc::new(purges),
        authority,
        ca,
        certificates,
        dev_keys,
        sign_on,
        first_run,
        suite,
    })
}

/// Binds both ports.
pub(super) fn bind(settings: &Settings, built: &Built) -> Result<(Bound, Bound), StartError> {
    let limits = edge_limits(&settings.limits);
    let [s3, admin] = &built.certificates;
    let s3 = Bound::new(EdgeOptions {
        name: "s3",
        listen: settings.s3.listen,
        certificates: Some(Arc::clone(s3)),
        proxy_protocol: settings.s3.proxy_protocol == ProxyProtocol::Required,
        trusted_proxies: settings.s3.trusted_proxies.clone(),
        limits: limits.clone(),
    })?;
    let admin = Bound::new(EdgeOptions {
        name: "admin",
        listen: settings.admin.listen,
        certificates: Some(Arc::clone(admin)),
        proxy_protocol: false,
        trusted_proxies: Vec::new(),
        limits,
    })?;
    Ok((s3, admin))
}

fn authority(settings: &Settings, clock: &Clock) -> Result<Option<Authority>, StartError> {
    let own = settings.s3.tls == Tls::OwnCa || settings.admin.tls == Tls::OwnCa;
    Ok(if own {
        Some(Authority::open(&settings.data, clock.now_ms())?)
    } else {
        None
    })
}

fn certificates(
    settings: &Settings,
    authority: Option<&Authority>,
    clock: &Clock,
) -> Result<[Arc<Certificates>; 2], StartError> {
    let load = |tls: &Tls, http2: bool| -> Result<Arc<Certificates>, StartError> {
        let files = match (tls, authority) {
            (Tls::OwnCa, Some(authority)) => authority.certify(&names(settings), clock.now_ms())?,
            (Tls::Files { cert, key }, _) => CertificateFiles {
                cert: cert.clone(),
                key: key.clone(),
            },
            (Tls::OwnCa, None) => CertificateFiles {
                cert: settings.data.join("server.pem"),
                key: settings.data.join("server.key"),
            },
        };
        Ok(Certificates::load(files, http2)?)
    };
    Ok([
        load(&settings.s3.tls, settings.s3.http2)?,
        load(&settings.admin.tls, false)?,
    ])
}

/// The names of the server's own certificate: this machine, and what the settings call it.
fn names(settings: &Settings) -> Vec<String> {
    let mut names = local_names();
    for domain in [&settings.domains.s3, &settings.domains.public]
        .into_iter()
        .flatten()
    {
        names.extend([domain.as_str().to_owned(), format!("*.{}", domain.as_str())]);
    }
    for address in [settings.s3.listen.ip(), settings.admin.listen.ip()] {
        if !address.is_unspecified() {
            names.push(address.to_string());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

async fn directory(
    data: &Path,
    (master_key, next): (&Secret, Option<&Secret>),
    clock: &Clock,
) -> Result<Directory, StartError> {
    let path = data.join("directory.redb");
    let fault = |source| StartError::Directory {
        path: path.clone(),
        source,
    };
    let engine = EmbeddedEngine::open(&path).map_err(|source| fault(source.into()))?;
    let mut vault = Vault::new(master_key).map_err(|source| fault(source.into()))?;
    if let Some(next) = next {
        // Another key takes its place: until it is done, both open.
        let fresh = Vault::new(next).map_err(|source| fault(source.into()))?;
        vault = fresh.after(Arc::new(vault));
    }
    let now = clock.clone();
    let options = DirectoryOptions {
        engine: Arc::new(engine),
        vault,
        clock: postern_config::Clock::new(move || UnixMillis(now.now_ms())),
        entropy: Entropy::system(),
    };
    Directory::open(options).await.map_err(fault)
}

/// What the node's ring of keys is sealed under: the master key, and the one that takes its place.
pub(super) fn seals(keys: [Option<&Secret>; 2]) -> Result<Vec<RingSeal>, StartError> {
    let seals = keys.into_iter().flatten().map(|key| key.lend(RingSeal::of));
    let seals: Result<_, _> = seals.collect();
    seals.map_err(|cause| {
        let cause = std::io::Error::other(cause);
        io("make a key of the master key".to_owned(), cause)
    })
}

/// The books of usage, and what writes into them.
fn meter(data: &Path, clock: &Clock) -> Result<Arc<Meter>, StartError> {
    let path = data.join("usage.redb");
    let ledger = Ledger::open(&path).map_err(|source| StartError::Usage { path, source })?;
    let now = clock.clone();
    let clock = postern_config::Clock::new(move || UnixMillis(now.now_ms()));
    Ok(Arc::new(Meter::new(Arc::new(ledger), clock)))
}

fn observer(settings: &Settings, meter: &Arc<Meter>) -> Result<Arc<Observer>, StartError> {
    let target = |suffix: &str| match &settings.log.access {
        AccessLog::Output => Target::Output,
        AccessLog::File(path) => {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            Target::File(name.into())
        }
    };
    let (json, text) = match settings.log.format {
        AccessFormat::Json => (Some(target("")), None),
        AccessFormat::S3 => (None, Some(target(""))),
        AccessFormat::Both => (Some(target("")), Some(target(".s3"))),
    };
    let seed = getrandom::u64().map_err(|cause| {
        io(
            "ask for random numbers".to_owned(),
            std::io::Error::other(cause),
        )
    })?;
    let place = observe::Place {
        region: settings.s3.region.as_str().to_owned(),
        host_id: format!("postern-{seed:016x}"),
    };
    Observer::open(ObserverOptions {
        json,
        text,
        full: observe::Full::Wait,
        place,
        seed,
        meter: Some(Arc::clone(meter)),
        blocks: settings.audit.on_failure == OnFailure::Block,
    })
    .map_err(|source| io("open the access log".to_owned(), source))
}

/// What the gate stands on.
struct Ground<'a> {
    directory: &'a Directory,
    node: &'a ObjectStore,
    observer: &'a Arc<Observer>,
    clock: &'a Clock,
}

fn gate(
    settings: &Settings,
    ground: Ground<'_>,
    master_key: &Secret,
) -> Result<Arc<Gate>, StartError> {
    let Ground {
        directory,
        node,
        observer,
        clock,
    } = ground;
    let policies = |cause: &dyn std::fmt::Display| StartError::Policies(cause.to_string());
    let engine = Arc::new(engine(settings, master_key)?);
    let builtin = Builtin::new(&engine).map_err(|cause| policies(&cause))?;
    let library = Arc::new(Library::new(
        Arc::new(directory.clone()),
        engine,
        builtin,
        (settings.policy.watch_time, clock.clone()),
    ));
    let started = Instant::now();
    let decider = Decider::new(DeciderOptions {
        trees_bytes: settings.policy.cache_bytes,
        ..DeciderOptions::new(move || {
            u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
        })
    });
    let record = recorder(settings, observer)?;
    let parts = GateParts {
        library,
        record,
        decider,
        node: node.clone(),
        observer: Arc::clone(observer),
        clock: clock.clone(),
        place: place(settings),
    };
    let gate = Arc::new(Gate::new(parts, directory.state()));
    let shown = Arc::downgrade(&gate);
    directory.subscribe(move |state| {
        if let Some(gate) = shown.upgrade() {
            gate.publish(Arc::clone(state));
        }
    });
    Ok(gate)
}

/// The record of what is judged, where it is wanted.
fn recorder(settings: &Settings, observer: &Arc<Observer>) -> Result<Option<Recorder>, StartError> {
    let RecordSettings { requests, bytes } = settings.record;
    if !requests {
        return Ok(None);
    }
    let folder = settings.data.join("recorded");
    let recorder = Recorder::open(&folder, bytes)
        .map_err(|source| io(format!("open the record in `{}`", folder.display()), source))?;
    let lost = recorder.lost();
    observer.metrics().watch(move || {
        vec![Reading::counter(
            "recorded_checks_lost",
            "Checks that could not be recorded",
            lost.load(Ordering::Relaxed),
        )]
    });
    Ok(Some(recorder))
}

/// What modules must meet.
fn rules(settings: &PolicySettings) -> ModuleRules {
    ModuleRules {
        approval: if settings.two_persons {
            Approval::TwoPersons {
                seconds: settings.proposal_time.as_secs(),
            }
        } else {
            Approval::OnePerson
        },
        signers: settings.signers.clone(),
    }
}

fn engine(settings: &Settings, master_key: &Secret) -> Result<Engine, StartError> {
    // Machine code is trusted when it is read back, so it is signed, with a key of its own.
    let key = master_key.lend(|key| {
        Sha256::new()
            .chain_update(b"postern machine code\0")
            .chain_update(key)
            .finalize()
    });
    let folder = settings.data.join("machine-code");
    // This very program, also after the file was replaced by a newer one while the server runs.
    let compiler = CompilerProcess::new(
        "/proc/self/exe",
        ["compile-module"],
        CompileBounds::default(),
    );
    Engine::new(EngineOptions {
        compiler: Compiler::Apart(compiler),
        machine_code: Some(MachineCodeStore::new(folder, key.into())),
        compiled_bytes: settings.policy.machine_code_bytes,
        ..EngineOptions::default()
    })
    .map_err(|cause| StartError::Policies(cause.to_string()))
}

/// Where the gate stands: regions and domains.
fn place(settings: &Settings) -> Place {
    let aliases = settings.s3.region_aliases.iter();
    let s3 = settings.domains.s3.as_ref().map(Domain::as_str);
    let public = settings.domains.public.as_ref().map(Domain::as_str);
    Place {
        region: settings.s3.region.as_str().to_owned(),
        aliases: aliases.map(|region| region.as_str().to_owned()).collect(),
        domains: Domains::new(s3, public),
        hosts: [s3, public]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect(),
    }
}

fn edge_limits(limits: &Limits) -> EdgeLimits {
    EdgeLimits {
        head_bytes: limits.head_bytes,
        headers: limits.header_count,
        uri_bytes: limits.uri_bytes,
        handshake_time: limits.handshake_time,
        head_time: limits.head_time,
        keep_alive_time: limits.keep_alive_time,
        body_idle_time: limits.body_idle_time,
        body_rate: limits.body_rate,
        body_rate_window: limits.body_rate_window,
        connections: limits.connections,
        connections_per_address: limits.connections_per_address,
        http2_streams: limits.http2_streams,
        discard_bytes: limits.discard_bytes,
        discard_time: limits.discard_time,
    }
}

fn io(what: String, source: std::io::Error) -> StartError {
    StartError::Io { what, source }
}

/// The host by which this machine's clients call a listener.
pub(super) fn host_of(address: IpAddr) -> String {
    match address {
        address if address.is_loopback() || address.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
