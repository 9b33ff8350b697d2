//! Signed heads of the audit log, sent off this machine: whoever changes the log here cannot change what was said of it there.
//!
//! A place is a folder, such as one that another machine exports, or an HTTPS endpoint that takes `PUT`, such as a bucket of S3.
//! A place that does not take heads is tried again; how long it has been behind is a metric, and an alarm past a bound.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use postern_config::Secret;
use postern_config::directory::{Directory, SignedHead};
use postern_config::settings::{AuditSettings, HeadsPass, HeadsTo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use sigv4::sign::{Signer, Target};
use sigv4::{PayloadMode, SecretKey, SigningKey, Timestamp};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::clock::Clock;
use crate::files;
use crate::observe::Reading;

/// Longest wait for a place to take a head.
const SEND_TIME_MAX: Duration = Duration::from_secs(30);
/// So many intervals behind, a place is an alarm.
const LATE_INTERVALS: u32 = 5;

/// Sends heads.
#[derive(Debug)]
pub(crate) struct Heads {
    directory: Directory,
    every: Duration,
    pass: Option<Pass>,
    ca: Option<PathBuf>,
    clock: Clock,
    /// The lock is held while numbers are read or written.
    places: Vec<(HeadsTo, Mutex<Sent>)>,
}

/// How far one place is.
#[derive(Clone, Debug, Default)]
struct Sent {
    /// Records of the last head that it took.
    records: Option<u64>,
    /// When the first record came that it knows nothing of; none where it knows all.
    behind_since_ms: Option<u64>,
    failures: u64,
    fault: Option<String>,
    is_alarmed: bool,
}

impl Heads {
    pub(super) fn new(directory: Directory, audit: &AuditSettings, clock: Clock) -> Self {
        Self {
            directory,
            every: audit.heads_every,
            pass: audit.heads_pass.as_ref().map(Pass::of),
            ca: audit.heads_ca.clone(),
            clock,
            places: audit
                .heads_to
                .iter()
                .map(|place| (place.clone(), Mutex::default()))
                .collect(),
        }
    }

    pub(super) async fn run(&self) {
        if self.places.is_empty() {
            return;
        }
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.turn().await;
        }
    }

    /// Sends the head of now to each place that has not had it.
    async fn turn(&self) {
        let head = match self.directory.signed_head() {
            Ok(head) => head,
            Err(cause) => {
                tracing::error!(alarm = true, %cause, "the head of the audit log cannot be signed");
                return;
            }
        };
        for (place, sent) in &self.places {
            let now = self.clock.now_ms();
            {
                let mut sent = sent.lock();
                if sent.records == Some(head.records) {
                    continue;
                }
                sent.behind_since_ms.get_or_insert(now);
            }
            let sending = tokio::time::timeout(SEND_TIME_MAX, self.send(place, &head)).await;
            let outcome = sending.unwrap_or_else(|_| Err("it did not answer in time".to_owned()));
            self.note(place, sent, (&head, outcome));
        }
    }

    fn note(
        &self,
        place: &HeadsTo,
        sent: &Mutex<Sent>,
        (head, outcome): (&SignedHead, Result<(), String>),
    ) {
        let mut sent = sent.lock();
        match outcome {
            Ok(()) => {
                let failures = sent.failures;
                *sent = Sent {
                    records: Some(head.records),
                    failures,
                    ..Sent::default()
                };
            }
            Err(fault) => {
                sent.failures += 1;
                let lag = self.lag_ms(&sent);
                let late = lag > u64::from(LATE_INTERVALS).saturating_mul(ms(self.every));
                if late && !sent.is_alarmed {
                    tracing::error!(
                        alarm = true, place = %place, fault, lag_ms = lag,
                        "heads of the audit log do not get off this machine"
                    );
                    sent.is_alarmed = true;
                } else if sent.fault.as_deref() != Some(&*fault) {
                    tracing::warn!(place = %place, fault, "a head of the audit log was not taken");
                }
                sent.fault = Some(fault);
            }
        }
    }

    fn lag_ms(&self, sent: &Sent) -> u64 {
        let now = self.clock.now_ms();
        sent.behind_since_ms
            .map_or(0, |since| now.saturating_sub(since))
    }

    async fn send(&self, place: &HeadsTo, head: &SignedHead) -> Result<(), String> {
        let text = serde_json::to_vec(head).map_err(|cause| cause.to_string())?;
        let name = format!("{}-{:016x}.json", head.directory, head.records);
        match place {
            HeadsTo::Folder(folder) => {
                let folder = folder.clone();
                let written =
                    tokio::task::spawn_blocking(move || keep(&folder, &name, &text)).await;
                written
                    .map_err(|cause| cause.to_string())?
                    .map_err(|cause| cause.to_string())
            }
            HeadsTo::Endpoint(url) => self.put(&format!("{url}/{name}"), text).await,
        }
    }

    async fn put(&self, url: &str, text: Vec<u8>) -> Result<(), String> {
        let uri: http::Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
        let authority = uri.authority().ok_or("it is no URL")?.clone();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::builder()
            .method(Method::PUT)
            .uri(path)
            .header(header::HOST, authority.as_str())
            .header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(Bytes::from(text.clone())));
        let mut request = request.map_err(|cause| cause.to_string())?;
        if let Some(pass) = &self.pass {
            pass.show(
                request.headers_mut(),
                (path, &text),
                self.clock.now_seconds(),
            )?;
        }
        let say = |what: &str, cause: &dyn std::fmt::Display| format!("{what}: {cause}");
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(443);
        let stream = TcpStream::connect((host.as_str(), port)).await;
        let stream = stream.map_err(|cause| say("connect", &cause))?;
        let name = ServerName::try_from(host).map_err(|cause| say("the host", &cause))?;
        let connector = TlsConnector::from(Arc::new(self.trust()?));
        let stream = connector.connect(name, stream).await;
        let stream = stream.map_err(|cause| say("TLS", &cause))?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|cause| say("HTTP", &cause))?;
        // The sender is dropped with the answer, which ends the connection.
        let send = async move {
            let answered = sender.send_request(request).await;
            answered.map(|answer| answer.status())
        };
        let (answered, _ended) = futures_util::future::join(send, connection).await;
        let status = answered.map_err(|cause| say("HTTP", &cause))?;
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("it answers {status}"))
        }
    }

    fn trust(&self) -> Result<ClientConfig, String> {
        let path = self.ca.as_deref().ok_or("`audit.heads_ca` is not set")?;
        let say = |cause: &dyn std::fmt::Display| format!("`{}`: {cause}", path.display());
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

    /// How far each place is, for the admin side.
    pub(super) fn told(&self) -> Value {
        let places = self.places.iter().map(|(place, sent)| {
            let sent = sent.lock().clone();
            json!({
                "place": place.to_string(),
                "records": sent.records,
                "lag_seconds": self.lag_ms(&sent) / 1_000,
                "failures": sent.failures,
                "fault": sent.fault,
            })
        });
        places.collect()
    }

    pub(super) fn readings(&self) -> Vec<Reading> {
        let sent: Vec<Sent> = self
            .places
            .iter()
            .map(|(_, sent)| sent.lock().clone())
            .collect();
        let lag = sent.iter().map(|sent| self.lag_ms(sent)).max().unwrap_or(0);
        vec![
            Reading::gauge(
                "audit_head_lag_seconds",
                "How long the place that is furthest behind lacks a head of the audit log",
                lag / 1_000,
            ),
            Reading::counter(
                "audit_head_failures",
                "Heads of the audit log that a place did not take",
                sent.iter().map(|sent| sent.failures).sum(),
            ),
        ]
    }
}

/// What endpoints are shown.
enum Pass {
    Token(Secret),
    Signed {
        access_key_id: String,
        secret: Secret,
        region: String,
    },
}

impl Pass {
    fn of(pass: &HeadsPass) -> Self {
        let copied = |secret: &Secret| secret.lend(|it| Secret::new(it.to_vec()));
        match pass {
            HeadsPass::Token(token) => Self::Token(copied(token)),
            HeadsPass::Signed {
                access_key_id,
                secret,
                region,
            } => Self::Signed {
                access_key_id: access_key_id.clone(),
                secret: copied(secret),
                region: region.to_string(),
            },
        }
    }

    /// Puts it into the headers of a `PUT`, which have `host`.
    fn show(
        &self,
        headers: &mut HeaderMap,
        (path, body): (&str, &[u8]),
        now_seconds: u64,
    ) -> Result<(), String> {
        match self {
            Self::Token(token) => {
                let bearer = token.lend(|it| [b"Bearer ", it].concat());
                let bearer = HeaderValue::from_bytes(&bearer);
                headers.insert(header::AUTHORIZATION, bearer.map_err(|it| it.to_string())?);
            }
            Self::Signed {
                access_key_id,
                secret,
                region,
            } => {
                let time = Timestamp::from_unix(now_seconds);
                // A secret that is none is told by every attempt: nothing is ever sent unsigned in its stead.
                let secret = secret.lend(|it| String::from_utf8_lossy(it).into_owned());
                let secret = SecretKey::new(secret).map_err(|cause| cause.to_string())?;
                let key = SigningKey::derive(&secret, time.date(), region);
                let signer = Signer {
                    access_key_id,
                    key: &key,
                    time,
                    session_token: None,
                };
                let target = Target {
                    method: &Method::PUT,
                    path,
                    query: "",
                };
                let signed = signer.header(target, headers, PayloadMode::sign(body));
                signed.map_err(|cause| cause.to_string())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pass(..)")
    }
}

/// Writes a head beside those that are there; none is ever written over.
fn keep(folder: &Path, name: &str, text: &[u8]) -> std::io::Result<()> {
    let path = folder.join(name);
    if path.exists() {
        return Ok(());
    }
    files::write_public(&path, text)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
