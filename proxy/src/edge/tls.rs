//! A listener's certificate: read from PEM files, and again when they change. A pair that does not load never replaces one
//! that works.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ProtocolVersion, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use super::TlsInfo;
use crate::files;
use crate::limits::PEM_BYTES_MAX;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and its chain, PEM.
    pub cert: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// A certificate in use. Connections that exist keep the one that they began with.
pub struct Certificates {
    files: CertificateFiles,
    http2: bool,
    provider: Arc<CryptoProvider>,
    /// Kept over a reload, so that sessions can be resumed after it.
    tickets: Arc<dyn ProducesTickets>,
    current: ArcSwap<ServerConfig>,
    /// Of hosts that have certificates of their own.
    hosts: Arc<HostCertificates>,
    /// When the files were last changed, as of the last look at them. Held while they are read.
    seen: Mutex<Seen>,
}

type Seen = [Option<SystemTime>; 2];

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file holds no certificate, or no private key.
    #[error("`{}` holds no {what} in PEM form", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The key is not the certificate's, or of a kind that is not supported.
    #[error("the certificate of `{}` cannot be used: {source}", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
}

impl Certificates {
    /// Loads a pair. `http2` offers HTTP/2 before HTTP/1.1.
    ///
    /// # Errors
    /// A file cannot be read, is not PEM, or the two do not fit.
    pub fn load(files: CertificateFiles, http2: bool) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(provider());
        let unusable = |source| CertificateError::Unusable {
            path: files.cert.clone(),
            source,
        };
        let tickets = aws_lc_rs::Ticketer::new().map_err(unusable)?;
        let seen = look_at(&files);
        let hosts = Arc::new(HostCertificates::default());
        let config = configure(&files, http2, (&provider, &hosts), &tickets)?;
        Ok(Arc::new(Self {
            hosts,
            files,
            http2,
            provider,
            tickets,
            current: ArcSwap::new(config),
            seen: Mutex::new(seen),
        }))
    }

    /// Reads the files again; the next connection uses what they hold. On an error the old pair stays.
    ///
    /// # Errors
    /// As [`Certificates::load`].
    pub fn reload(&self) -> Result<(), CertificateError> {
        let mut seen = self.seen.lock();
        *seen = look_at(&self.files);
        self.current.store(configure(
            &self.files,
            self.http2,
            (&self.provider, &self.hosts),
            &self.tickets,
        )?);
        drop(seen);
        Ok(())
    }

    /// Reloads if a file was changed since the last look; says whether it did.
    ///
    /// # Errors
    /// As [`Certificates::load`], once for each change.
    pub fn reload_if_changed(&self) -> Result<bool, CertificateError> {
        if *self.seen.lock() == look_at(&self.files) {
            return Ok(false);
        }
        self.reload().map(|()| true)
    }

    /// The certificates of hosts that have their own.
    pub fn hosts(&self) -> &Arc<HostCertificates> {
        &self.hosts
    }

    /// The files.
    pub fn files(&self) -> &CertificateFiles {
        &self.files
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// The suites of TLS 1.2 and 1.3 with forward secrecy, AES-128 first: it is not weaker in practice and takes a fifth less
/// processor time for large objects. A client without AES instructions still gets ChaCha20 if it does not offer AES.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| match suite.suite() {
            CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 0,
            _ => 1,
        });
    provider
}

fn look_at(files: &CertificateFiles) -> Seen {
    let changed = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|file| file.modified())
            .ok()
    };
    [changed(&files.cert), changed(&files.key)]
}

fn configure(
    files: &CertificateFiles,
    http2: bool,
    (provider, hosts): (&Arc<CryptoProvider>, &Arc<HostCertificates>),
    tickets: &Arc<dyn ProducesTickets>,
) -> Result<Arc<ServerConfig>, CertificateError> {
    let unusable = |source| CertificateError::Unusable {
        path: files.cert.clone(),
        source,
    };
    let usual = read_pair(files, provider)?;
    let resolver = Resolver {
        usual: Arc::new(usual),
        hosts: Arc::clone(hosts),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.ignore_client_order = true;
    config.ticketer = Arc::clone(tickets);
    config.alpn_protocols = if http2 {
        vec![b"h2".to_vec(), b"http/1.1".to_vec()]
    } else {
        vec![b"http/1.1".to_vec()]
    };
    Ok(Arc::new(config))
}

/// A certificate and its key, which fit.
fn read_pair(
    files: &CertificateFiles,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertificateError> {
    let read = |path: &Path| {
        files::read_bounded(path, PEM_BYTES_MAX).map_err(|source| CertificateError::Read {
            path: path.to_owned(),
            source,
        })
    };
    let pem = |path: &Path, what| CertificateError::Pem {
        path: path.to_owned(),
        what,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(&files.cert)?)
        .collect::<Result<_, _>>()
        .map_err(|_| pem(&files.cert, "certificate"))?;
    if chain.is_empty() {
        return Err(pem(&files.cert, "certificate"));
    }
    let key = Zeroizing::new(read(&files.key)?);
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| pem(&files.key, "private key"))?;
    let pair = CertifiedKey::from_der(chain, key, provider);
    pair.map_err(|source| CertificateError::Unusable {
        path: files.cert.clone(),
        source,
    })
}

/// Certificates of hosts that have their own, by the host that a client asks for. They change while connections come.
#[derive(Debug, Default)]
pub struct HostCertificates(ArcSwap<BTreeMap<String, Arc<CertifiedKey>>>);

impl HostCertificates {
    /// Puts these in the place of those that there were; a pair that does not load leaves its host without one, and is answered.
    pub fn put(&self, pairs: &BTreeMap<String, CertificateFiles>) -> Vec<CertificateError> {
        let provider = provider();
        let before = self.0.load_full();
        let mut faults = Vec::new();
        let mut fresh = BTreeMap::new();
        for (host, files) in pairs {
            match read_pair(files, &provider) {
                Ok(pair) => drop(fresh.insert(host.clone(), Arc::new(pair))),
                Err(fault) => {
                    faults.push(fault);
                    if let Some(before) = before.get(host) {
                        fresh.insert(host.clone(), Arc::clone(before));
                    }
                }
            }
        }
        self.0.store(Arc::new(fresh));
        faults
    }
}

/// Picks the certificate by what the client asks for: that of the host, or of the host above it, else the usual one. A host that
/// nobody has is answered as it always was.
#[derive(Debug)]
struct Resolver {
    usual: Arc<CertifiedKey>,
    hosts: Arc<HostCertificates>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let hosts = self.hosts.0.load();
        let own = hello.server_name().and_then(|name| {
            let above = name.split_once('.').map(|(_, above)| above);
            hosts.get(name).or_else(|| hosts.get(above?))
        });
        Some(Arc::clone(own.unwrap_or(&self.usual)))
    }
}

/// What was agreed on, by the names that AWS's logs use: protocol `TLSv1.2`, cipher by its OpenSSL name.
pub(super) fn info(session: &ServerConnection) -> TlsInfo {
    TlsInfo {
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "-",
        },
        cipher: session
            .negotiated_cipher_suite()
            .map_or("-", |suite| match suite.suite() {
                CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
                CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
                CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => {
                    "ECDHE-ECDSA-AES128-GCM-SHA256"
                }
                CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => {
                    "ECDHE-ECDSA-AES256-GCM-SHA384"
                }
                CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
                    "ECDHE-ECDSA-CHACHA20-POLY1305"
                }
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
                CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => {
                    "ECDHE-RSA-CHACHA20-POLY1305"
                }
                _ => "-",
            }),
        sni: session.server_name().map(Arc::from),
    }
}
