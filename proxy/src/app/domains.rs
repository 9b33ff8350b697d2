//! Certificates of the accounts' own hosts: files that an operator puts into `domains` below the data folder, or such as the server's
//! own authority makes there. They follow the directory and the files while connections come.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use postern_config::directory::Directory;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::edge::authority::Authority;
use crate::edge::{CertificateFiles, HostCertificates};
use crate::files;

/// How often the files are looked at; records are followed at once.
const LOOK_TIME: Duration = Duration::from_secs(2);
/// How an own certificate begins: an operator's file is never written over.
const OWN: &str = "names: ";

/// Keeps the certificates of hosts.
#[derive(Debug)]
pub(super) struct DomainCertificates {
    directory: Directory,
    hosts: Arc<HostCertificates>,
    folder: PathBuf,
    /// Makes what no operator gives, where the listener's own certificate is the authority's, too.
    authority: Option<Arc<Authority>>,
    clock: Clock,
    changed: Arc<Notify>,
}

/// The files of each host, and when they were last changed.
type Seen = BTreeMap<String, (CertificateFiles, [Option<SystemTime>; 2])>;

impl DomainCertificates {
    pub(super) fn new(
        directory: Directory,
        hosts: Arc<HostCertificates>,
        (data, authority): (&Path, Option<Arc<Authority>>),
        clock: Clock,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        let told = Arc::clone(&changed);
        directory.subscribe(move |_| told.notify_one());
        Self {
            directory,
            hosts,
            folder: data.join("domains"),
            authority,
            clock,
            changed,
        }
    }

    /// Follows records and files. It runs until the server stops.
    pub(super) async fn run(self) {
        let mut looks = tokio::time::interval(LOOK_TIME);
        let mut seen = Seen::new();
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = self.changed.notified() => {}
            }
            let now = self.look();
            if now != seen {
                let pairs = now
                    .iter()
                    .map(|(host, (files, _))| (host.clone(), files.clone()));
                for fault in self.hosts.put(&pairs.collect()) {
                    tracing::warn!(%fault, "the certificate of a domain is not used");
                }
                seen = now;
            }
        }
    }

    /// The files that there are for the hosts that there are; those of the own authority are made where they are missing.
    fn look(&self) -> Seen {
        let state = self.directory.state();
        let mut seen = Seen::new();
        for (host, _) in state.hosts() {
            let files = CertificateFiles {
                cert: self.folder.join(format!("{host}.pem")),
                key: self.folder.join(format!("{host}.key")),
            };
            if let Some(authority) = &self.authority
                && !is_an_operators(&files.cert)
            {
                let names = [host.to_string(), format!("*.{host}")];
                let made = files::make_private_folder(&self.folder)
                    .map_err(|cause| cause.to_string())
                    .and_then(|()| {
                        let made = authority.certify_in(files.clone(), &names, self.clock.now_ms());
                        made.map_err(|cause| cause.to_string())
                    });
                if let Err(cause) = made {
                    tracing::warn!(%host, cause, "no certificate can be made for a domain");
                }
            }
            if files.cert.exists() {
                let changed = [&files.cert, &files.key].map(|path| {
                    let file = std::fs::metadata(path);
                    file.and_then(|file| file.modified()).ok()
                });
                seen.insert(host.to_string(), (files, changed));
            }
        }
        seen
    }
}

/// Whether a certificate is there that this server has not made.
fn is_an_operators(cert: &Path) -> bool {
    std::fs::read_to_string(cert).is_ok_and(|text| !text.starts_with(OWN))
}
