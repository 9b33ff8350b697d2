//! A listener with a journey that says what it was asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use postern::clock::Clock;
use postern::edge::{
    Bound, Certificates, EdgeLimits, EdgeOptions, EdgeParts, Intake, Journey, Listener, Peer,
};
use postern::observe::{Observer, ObserverOptions, Target};
use s3_protocol::S3Error;
use tokio::sync::Semaphore;

/// Answers by path: `/read` reads the body and says how long it was, `/refuse` refuses without reading it, `/panic` panics,
/// `/wait` waits until it is let go, `/large` answers a megabyte, everything else says who asked.
pub(crate) struct StandIn {
    pub(crate) go: Semaphore,
    pub(crate) waiting: AtomicUsize,
}

impl Journey for StandIn {
    type Answer = Full<Bytes>;

    async fn serve(&self, peer: &Peer, wire: Request<Intake>) -> Response<Full<Bytes>> {
        let path = wire.uri().path().to_owned();
        let answer = |status: StatusCode, text: String| {
            let mut response = Response::new(Full::from(text));
            *response.status_mut() = status;
            response
        };
        match path.as_str() {
            "/read" => match wire.into_body().collect().await {
                Ok(body) => answer(StatusCode::OK, format!("read {}", body.to_bytes().len())),
                Err(fault) => {
                    let error = S3Error::from(fault);
                    answer(
                        StatusCode::from_u16(error.code.status()).unwrap(),
                        error.code.as_str().to_owned(),
                    )
                }
            },
            "/refuse" => answer(StatusCode::FORBIDDEN, "AccessDenied".to_owned()),
            "/panic" => panic!("asked to"),
            "/wait" => {
                self.waiting.fetch_add(1, Ordering::SeqCst);
                self.go.acquire().await.unwrap().forget();
                answer(StatusCode::OK, "waited".to_owned())
            }
            "/large" => answer(StatusCode::OK, "x".repeat(1_024 * 1_024)),
            _ => {
                let tls = peer.tls.as_ref().map_or("plain", |tls| tls.version);
                answer(
                    StatusCode::OK,
                    format!(
                        "{}:{} by {} over {tls}",
                        peer.client, peer.port, peer.socket
                    ),
                )
            }
        }
    }
}

/// A listener that serves, and what it leans on.
pub(crate) struct Served {
    pub(crate) listener: Listener,
    pub(crate) journey: Arc<StandIn>,
    pub(crate) observer: Arc<Observer>,
    pub(crate) folder: tempfile::TempDir,
}

impl Served {
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The lines of the access log so far.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        self.observer.close();
        let text = std::fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub(crate) fn options(limits: EdgeLimits) -> EdgeOptions {
    EdgeOptions {
        name: "s3",
        listen: "127.0.0.1:0".parse().unwrap(),
        certificates: None,
        proxy_protocol: false,
        trusted_proxies: Vec::new(),
        limits,
    }
}

pub(crate) fn serve(options: EdgeOptions) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let observer = Observer::open(ObserverOptions {
        json: Some(Target::File(folder.path().join("access.log"))),
        ..ObserverOptions::default()
    })
    .unwrap();
    let journey = Arc::new(StandIn {
        go: Semaphore::new(0),
        waiting: AtomicUsize::new(0),
    });
    let parts = EdgeParts {
        observer: Arc::clone(&observer),
        clock: Clock::system(),
    };
    let listener = Bound::new(options)
        .unwrap()
        .serve(parts, Arc::clone(&journey))
        .unwrap();
    Served {
        listener,
        journey,
        observer,
        folder,
    }
}

/// A listener with default limits.
pub(crate) fn plain() -> Served {
    serve(options(EdgeLimits::default()))
}

/// A listener over TLS, and the authority to trust.
pub(crate) fn over_tls(
    http2: bool,
) -> (
    Served,
    Arc<Certificates>,
    rustls::pki_types::CertificateDer<'static>,
) {
    use rustls::pki_types::pem::PemObject as _;
    let folder = tempfile::tempdir().unwrap();
    let now = Clock::system().now_ms();
    let authority = postern::edge::authority::Authority::open(folder.path(), now).unwrap();
    let files = authority
        .certify(&postern::edge::authority::local_names(), now)
        .unwrap();
    let certificates = Certificates::load(files, http2).unwrap();
    let root = rustls::pki_types::CertificateDer::from_pem_file(authority.certificate()).unwrap();
    let mut served = serve(EdgeOptions {
        certificates: Some(Arc::clone(&certificates)),
        ..options(EdgeLimits::default())
    });
    std::fs::rename(
        served.folder.path().join("access.log"),
        folder.path().join("access.log"),
    )
    .unwrap();
    served.folder = folder;
    (served, certificates, root)
}
