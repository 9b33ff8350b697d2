//! The server: what is built in which order, and how it stops.

mod admin;
mod build;
mod domains;
mod door;
pub mod node;
mod notice;
mod objects;
mod secrets;
mod sign_on;
mod systemd;
mod work;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postern_config::directory::Profile;
use postern_config::settings::{Environment, LogLevel, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::dev::{self, Dev};
use crate::edge::{BindError, CertificateError, Listener, authority::AuthorityError};
use crate::meter::Keeper;
use crate::{files, observe, tasks::Tasks};

use build::Built;
use systemd::Systemd;
use work::{Phase, Work};

pub use notice::Notice;
pub(crate) use objects::disks_of;

/// How long tasks may take to end once no request is left.
const TASKS_GRACE: Duration = Duration::from_secs(5);

/// How the server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `serve --dev`, whose tenant follows this profile.
    Dev(Profile),
    /// `serve --config`.
    Configured,
}

/// Why the server does not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Threads, signals or files of the operating system.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The server's own authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The directory.
    #[error("the directory in `{}` cannot be opened: {source}", path.display())]
    Directory {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: postern_config::directory::OpenError,
    },
    /// The books of usage.
    #[error("the books of usage in `{}` cannot be opened: {source}", path.display())]
    Usage {
        /// Their file.
        path: PathBuf,
        /// Why not.
        source: postern_config::metering::LedgerError,
    },
    /// The object node.
    #[error("the object node in `{}` cannot be opened: {source}", path.display())]
    Node {
        /// Its folder.
        path: PathBuf,
        /// Why not.
        source: storage_node::OpenError,
    },
    /// A node on another machine.
    #[error("the object node at {address} cannot be reached: {cause}")]
    NodeAway {
        /// Where it should be.
        address: String,
        /// Why not.
        cause: String,
    },
    /// The certificates by which gate and node know each other.
    #[error(transparent)]
    Trust(#[from] crate::upstream::TrustError),
    /// The policy engine.
    #[error("the policy engine does not start: {0}")]
    Policies(String),
    /// A bucket that was half made or half removed cannot be finished.
    #[error("what was left at the last stop cannot be settled: {0}")]
    Settle(String),
    /// The admin token.
    #[error(transparent)]
    Token(#[from] console::TokenError),
    /// The provider of single sign-on.
    #[error("single sign-on cannot be set up: {0}")]
    SignOn(String),
    /// The demo tenant.
    #[error(transparent)]
    Seed(#[from] dev::SeedError),
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// It does not start.
pub fn run(settings: Settings, mode: Mode, environment: &Environment) -> Result<(), StartError> {
    let runtime = runtime(settings.log.level)?;
    let served = runtime.block_on(Box::pin(serve(settings, mode, Systemd::of(environment))));
    // What still blocks now has been given its time.
    runtime.shutdown_timeout(TASKS_GRACE);
    served
}

/// What a process that serves begins with.
fn runtime(level: LogLevel) -> Result<tokio::runtime::Runtime, StartError> {
    // Whatever is made from here on is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    observe::start_tracing(level.as_str());
    observe::trace_panics();
    let threads = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .max(2);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("postern")
        .enable_all()
        .build()
        .map_err(|source| StartError::Io {
            what: "start threads".to_owned(),
            source,
        })
}

async fn serve(settings: Settings, mode: Mode, systemd: Systemd) -> Result<(), StartError> {
    // From here on no signal is missed; before, one ends the process as usual.
    let mut signals = Signals::new()?;

    // Everything that can fail is built before a port is bound: directory, node, policies, gate, certificates.
    let built = build::build(&settings, mode).await?;
    let tasks = Tasks::new();
    tasks.spawn("policies", Arc::clone(&built.gate).keep());
    tasks.spawn("domains", built.domains(&settings).run());
    tasks.spawn("audit heads", Arc::clone(&built.keeper).send_heads());
    tasks.spawn("audit retention", Arc::clone(&built.keeper).trim());
    tasks.spawn("master key", Arc::clone(&built.keeper).finish_rotations());
    tasks.spawn("purges", Arc::clone(&built.purges).run());
    tasks.spawn("modules", Arc::clone(&built.gate).guard());
    let books = Keeper {
        meter: Arc::clone(&built.meter),
        directory: built.directory.clone(),
        node: built.node.clone(),
    };
    tasks.spawn("usage", books.keep());
    built.tending.begin(&tasks);

    // Ports, all of them before the first is served.
    let (s3, admin) = build::bind(&settings, &built)?;
    let work = Arc::new(Work::new(&built, &settings, s3.address(), admin.address()));
    let notice = announcement(&settings, mode, &built, &work);

    let io = |source| StartError::Io {
        what: "serve".to_owned(),
        source,
    };
    let s3 = s3
        .serve(
            built.edge_parts(),
            Arc::new(admin::GateSide(Arc::clone(&built.gate))),
        )
        .map_err(io)?;
    let router = admin::router(&settings, &built, (&work, &notice))?;
    let admin = admin
        .serve(built.edge_parts(), Arc::new(admin::AdminSide::new(router)))
        .map_err(io)?;

    // Ready: say so.
    work.enter(Phase::Ready);
    announce(&settings, mode, &built, &notice)?;
    systemd.ready();

    // Until told to stop; a reload is answered meanwhile.
    while let Told::Reload = signals.next().await {
        systemd.reloading();
        reload(&built);
        systemd.ready();
    }

    tracing::info!("stopping: no longer ready");
    systemd.stopping();
    work.enter(Phase::Draining);
    let notice_time = match mode {
        // Load balancers look at readiness every few seconds; until then they still send connections.
        Mode::Configured => settings.limits.drain_notice,
        Mode::Dev(_) => Duration::ZERO,
    };
    let graceful = async {
        tokio::time::sleep(notice_time).await;
        stop(&built, [&s3, &admin], settings.limits.drain_grace, &tasks).await;
    };
    tokio::select! {
        () = graceful => tracing::info!("stopped"),
        () = signals.next_stop() => tracing::warn!("told again: stopped without waiting for requests"),
    }
    Notice::remove(&settings.data);
    built.observer.close();
    built.gate.close();
    if let Err(cause) = built.meter.flush() {
        tracing::error!(%cause, "the last second of usage is not written");
    }
    Ok(())
}

/// Stop order, from "not ready" on: stop accepting and drain → tasks → node → directory → log.
async fn stop(built: &Built, [s3, admin]: [&Listener; 2], grace: Duration, tasks: &Tasks) {
    if let Err(cut) = s3.drain(grace).await {
        tracing::warn!(%cut, "requests were cut off");
    }
    // Whoever asks how the drain goes is answered until it is over.
    if let Err(cut) = admin.drain(TASKS_GRACE).await {
        tracing::warn!(%cut, "admin requests were cut off");
    }
    if let Err(left) = tasks.stop(TASKS_GRACE).await {
        tracing::warn!(%left, "tasks were cut off");
    }
    built.node.close().await;
}

/// Certificates and log files, all or nothing for each certificate: one that does not load leaves the old one in use.
fn reload(built: &Built) {
    built.observer.reopen();
    for certificates in &built.certificates {
        let path = certificates.files().cert.display();
        match certificates.reload() {
            Ok(()) => tracing::info!(certificate.path = %path, "certificate reloaded"),
            Err(cause) => tracing::error!(%cause, "the old certificate stays in use"),
        }
    }
}

fn announcement(settings: &Settings, mode: Mode, built: &Built, work: &Work) -> Notice {
    Notice {
        pid: std::process::id(),
        s3: work.s3_url().to_owned(),
        admin: work.admin_url().to_owned(),
        ca: built.ca.clone(),
        token_file: settings
            .admin
            .token
            .is_none()
            .then(|| absolute(secrets::token_file(&settings.data))),
        tenant: matches!(mode, Mode::Dev(_)).then(|| dev::TENANT.to_owned()),
    }
}

fn announce(
    settings: &Settings,
    mode: Mode,
    built: &Built,
    notice: &Notice,
) -> Result<(), StartError> {
    let write = |source| StartError::Io {
        what: format!("write to `{}`", settings.data.display()),
        source,
    };
    notice.write(&settings.data).map_err(write)?;
    let first_run = secrets::first_run_file(&settings.data);
    match &built.first_run {
        Some(secret) => {
            let written = secret.lend(|secret| files::write_private(&first_run, secret));
            written.map_err(write)?;
            // Never what it holds: a log is read by more people than it is for.
            tracing::info!(
                file = %first_run.display(),
                "there is no operator yet: the file holds the token by which the first one makes himself"
            );
        }
        // One of an earlier start opens nothing, and is not left about.
        None => drop(std::fs::remove_file(&first_run)),
    }
    if matches!(mode, Mode::Dev(_)) {
        let dev = Dev {
            s3: notice.s3.clone(),
            admin: notice.admin.clone(),
            ca: built.ca.clone().unwrap_or_default(),
            region: settings.s3.region.as_str().to_owned(),
            keys: built.dev_keys.clone(),
            suite: built.suite.clone(),
        };
        let fingerprint = built
            .authority
            .as_deref()
            .map(crate::edge::authority::Authority::fingerprint)
            .transpose()?;
        let mut out = io::stdout().lock();
        let secrets = if out.is_terminal() {
            dev::Secrets::Shown
        } else {
            dev::Secrets::Hidden
        };
        let mut banner = dev::banner(
            &dev,
            &settings.data,
            &fingerprint.unwrap_or_default(),
            secrets,
        );
        if let Some(secret) = &built.first_run {
            banner.push_str(&dev::first_run(&dev, secret, secrets, &first_run));
        }
        // A terminal that is gone does not stop the server.
        drop(
            io::Write::write_all(&mut out, banner.as_bytes())
                .and_then(|()| io::Write::flush(&mut out)),
        );
        // Last: whoever waits for this file finds everything else done.
        dev.write(&settings.data).map_err(write)?;
    }
    tracing::info!(s3.url = notice.s3, admin.url = notice.admin, "ready");
    Ok(())
}

/// The path as other processes can use it.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// What the process is told from outside.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

enum Told {
    Stop,
    Reload,
}

impl Signals {
    fn new() -> Result<Self, StartError> {
        let listen = |kind| {
            signal(kind).map_err(|source| StartError::Io {
                what: "listen to signals".to_owned(),
                source,
            })
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }

    async fn next_stop(&mut self) {
        while let Told::Reload = self.next().await {}
    }
}
