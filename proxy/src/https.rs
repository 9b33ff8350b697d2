//! A client of HTTPS: connections that are driven by their exchanges alone, to servers of authorities that are named.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection. It rests between its exchanges.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
    /// Whether it has ended.
    pub(crate) is_over: bool,
}

impl Connection {
    /// Connects to the server of a URL.
    pub(crate) async fn to(url: &Uri, trust: ClientConfig) -> Result<Self, String> {
        let say = |what: &str, cause: &dyn fmt::Display| format!("{what}: {cause}");
        let authority = url.authority().ok_or("it is no URL")?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(443);
        let stream = TcpStream::connect((host.as_str(), port)).await;
        let stream = stream.map_err(|cause| say("connect", &cause))?;
        let name = ServerName::try_from(host).map_err(|cause| say("the host", &cause))?;
        let connector = TlsConnector::from(Arc::new(trust));
        let stream = connector.connect(name, stream).await;
        let stream = stream.map_err(|cause| say("TLS", &cause))?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(|cause| say("HTTP", &cause))?;
        Ok(Self {
            sender,
            driver: Box::pin(driver),
            is_over: false,
        })
    }

    /// Sends a request and reads its answer whole, if it has no more bytes than that.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        bytes_max: usize,
    ) -> Result<Response<Bytes>, Box<dyn Error + Send + Sync>> {
        let sender = &mut self.sender;
        let exchange = async move {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let bytes = Limited::new(body, bytes_max).collect();
            Ok(Response::from_parts(head, bytes.await?.to_bytes()))
        };
        let mut exchange = pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // What it has read before its end is the answer, or there is none.
            _ = &mut self.driver => {
                self.is_over = true;
                exchange.await
            }
        }
    }
}

/// Trust in the authorities of a file (PEM), and in no others.
pub(crate) fn trust(path: &Path) -> Result<ClientConfig, String> {
    let say = |cause: &dyn fmt::Display| format!("`{}`: {cause}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|cause| say(&cause))? {
        let certificate = certificate.map_err(|cause| say(&cause))?;
        roots.add(certificate).map_err(|cause| say(&cause))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| say(&cause))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
