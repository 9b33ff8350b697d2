//! How gate and node know each other: TLS 1.3, both with certificates of the deployment's authority.
//!
//! The node lets in whose certificate **was signed by the authority of `node.client_ca`** (itself, or through certificates that come
//! along), **is within its time, may be a client's** (where it lists what it is for, client authentication is in the list: a server's
//! certificate of the same authority is none), **and has `node.client_name` among its names**: the authority may have signed for others
//! too. The gate in turn wants the node's name in a certificate of `node.ca`. No session is resumed, so that each connection is judged
//! by the certificates of now.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use postern_config::settings::{NodeElsewhere, NodeProcess};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};
use zeroize::Zeroizing;

use crate::files;
use crate::limits::PEM_BYTES_MAX;

/// The one protocol between them.
const HTTP2: &[u8] = b"h2";

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{}` holds no {what} in PEM form", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("the certificates of gate and node cannot be used: {0}")]
    Unusable(String),
}

/// How the gate asks. The files are read anew for each connection: what is renewed is used from the next on.
pub(super) fn of_gate(
    at: &NodeElsewhere,
) -> Result<(ClientConfig, ServerName<'static>), TrustError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let (chain, key) = identity(&at.cert, &at.key)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_root_certificates(roots(&at.ca)?)
        .with_client_auth_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![HTTP2.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    let name = ServerName::try_from(at.name.clone()).map_err(unusable)?;
    Ok((config, name))
}

/// How the node answers.
pub(super) fn of_node(settings: &NodeProcess) -> Result<ServerConfig, TrustError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = GateVerifier::new(settings, &provider)?;
    let (chain, key) = identity(&settings.cert, &settings.key)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(unusable)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![HTTP2.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Lets in the gate, and nobody else whom the authority has signed for.
#[derive(Debug)]
struct GateVerifier {
    signed: Arc<dyn ClientCertVerifier>,
    name: ServerName<'static>,
}

impl GateVerifier {
    fn new(settings: &NodeProcess, provider: &Arc<CryptoProvider>) -> Result<Self, TrustError> {
        let roots = Arc::new(roots(&settings.client_ca)?);
        let name = settings.client_name.as_str().to_owned();
        Ok(Self {
            signed: WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
                .build()
                .map_err(unusable)?,
            name: ServerName::try_from(name).map_err(unusable)?,
        })
    }
}

impl ClientCertVerifier for GateVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signed.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self
            .signed
            .verify_client_cert(end_entity, intermediates, now)?;
        let certificate = ParsedCertificate::try_from(end_entity)?;
        rustls::client::verify_server_name(&certificate, &self.name)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

fn roots(path: &Path) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(unusable)?;
    }
    Ok(roots)
}

fn identity(
    cert: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TrustError> {
    let pem = Zeroizing::new(read(key)?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TrustError::Pem {
        path: key.to_owned(),
        what: "private key",
    })?;
    Ok((certificates(cert)?, key))
}

/// The certificates of a file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let pem = read(path)?;
    let read = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let some = read.ok().filter(|found| !found.is_empty());
    some.ok_or_else(|| TrustError::Pem {
        path: path.to_owned(),
        what: "certificate",
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    files::read_bounded(path, PEM_BYTES_MAX).map_err(|source| TrustError::Read {
        path: path.to_owned(),
        source,
    })
}

fn unusable(cause: impl std::fmt::Display) -> TrustError {
    TrustError::Unusable(cause.to_string())
}
