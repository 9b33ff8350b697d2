//! A client of the admin API: one request over TLS, under the authority and the token of the server that is meant.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::Exit;
use super::context::{ContextError, Noted, Shelf};
use crate::app::Notice;
use crate::files;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Longest wait for an answer: checking a module compiles it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);
/// Longest token file, in bytes.
const TOKEN_BYTES_MAX: u64 = 4_096;

/// Which server is meant, and who asks.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// The data folder of a server on this machine: it tells the address, the authority and the token. [default: postern-dev]
    #[arg(long, env = "POSTERN_DATA")]
    data: Option<PathBuf>,
    /// A server that `postern context add` has noted. [default: the one of `postern context use`, unless `--data` is given]
    #[arg(long, env = "POSTERN_CONTEXT")]
    context: Option<String>,
    /// The URL of the admin API, where the server is elsewhere.
    #[arg(long, env = "POSTERN_URL")]
    admin: Option<String>,
    /// A file with the admin token; the variable `POSTERN_TOKEN` may hold the token itself.
    #[arg(long, env = "POSTERN_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The token itself: for the environment, since everybody sees the arguments of a command.
    #[arg(long, env = "POSTERN_TOKEN", hide = true, hide_env_values = true)]
    token: Option<String>,
    /// The certificate of the authority to trust (PEM).
    #[arg(long, env = "POSTERN_CA")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    shelf: Shelf,
}

/// An answer as it came.
pub(super) struct Raw {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Raw {
    /// What it says, as JSON; null where it has no body.
    pub(super) fn value(&self) -> Result<Value, AdminError> {
        answer(self.status, &self.bytes)
    }

    /// What it says, as it is.
    pub(super) fn text(self) -> Result<String, AdminError> {
        if self.status.is_success() {
            return Ok(String::from_utf8_lossy(&self.bytes).into_owned());
        }
        answer(self.status, &self.bytes).map(|value| value.to_string())
    }

    /// The name of the problem, where it is one.
    pub(super) fn problem(&self) -> Option<String> {
        let value: Value = serde_json::from_slice(&self.bytes).ok()?;
        value.get("code")?.as_str().map(str::to_owned)
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no answer, or what it says.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nothing runs there, as far as is known.
    #[error("cannot read `{}`: {source}; is a server running on this folder? (--data, or --admin with --token-file and --ca, or --context)", path.display())]
    NoServer {
        /// What was looked for.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The server is not reached.
    #[error("cannot reach {url}: {cause}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why not.
        cause: String,
    },
    /// The address is none.
    #[error("`{0}` is not a URL such as https://localhost:9444")]
    Url(String),
    /// The context is not there.
    #[error(transparent)]
    Context(ContextError),
    /// The server says no.
    #[error("{message}")]
    Answered {
        /// The status of the answer.
        status: StatusCode,
        /// What it says.
        message: String,
    },
}

impl AdminError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::NoServer { .. } | Self::Unreachable { .. } => Exit::Unreachable,
            Self::Url(_) => Exit::Usage,
            Self::Context(error) => error.exit(),
            Self::Answered { status, .. } => match *status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Denied,
                StatusCode::NOT_FOUND => Exit::NotFound,
                StatusCode::CONFLICT => Exit::Conflict,
                StatusCode::PRECONDITION_FAILED | StatusCode::SERVICE_UNAVAILABLE => {
                    Exit::Unreachable
                }
                _ => Exit::Failure,
            },
        }
    }
}

impl Connection {
    /// The folder of a server on this machine.
    fn folder(&self) -> &Path {
        self.data
            .as_deref()
            .unwrap_or(Path::new(crate::dev::FOLDER))
    }

    /// What the server on this machine says of itself.
    pub(super) fn notice(&self) -> Result<Notice, AdminError> {
        Notice::read(self.folder()).map_err(|source| AdminError::NoServer {
            path: Notice::path(self.folder()),
            source,
        })
    }

    /// The context that is meant; none where a URL or a folder is.
    fn noted(&self) -> Result<Option<Noted>, AdminError> {
        let found = match (&self.context, &self.data, &self.admin) {
            (_, _, Some(_)) | (None, Some(_), None) => return Ok(None),
            (Some(name), ..) => self.shelf.context(Some(name)),
            (None, None, None) => self.shelf.context(None),
        };
        found.map_err(AdminError::Context)
    }

    /// The tenant that is meant where none is named: that of the context, or of development mode.
    pub(super) fn tenant(&self) -> Result<Option<String>, AdminError> {
        match self.noted()? {
            Some(noted) => Ok(noted.tenant),
            None if self.admin.is_some() => Ok(None),
            None => Ok(self.notice()?.tenant),
        }
    }

    /// The authority to trust, where it is known.
    pub(super) fn authority(&self) -> Option<PathBuf> {
        let noted = || self.noted().ok().flatten().and_then(|noted| noted.ca);
        let told = || self.notice().ok().and_then(|notice| notice.ca);
        let is_here = self.admin.is_none();
        self.ca
            .clone()
            .or_else(noted)
            .or_else(|| is_here.then(told).flatten())
    }

    /// Sends one request and reads its answer as JSON; null where it has no body.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<Value, AdminError> {
        self.send(method, path, body, &[])?.value()
    }

    /// Sends one request with further headers. Where the server asks for the password of whoever has signed in, he is asked, and
    /// the request is sent again.
    pub(super) fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, Vec<u8>)>,
        headers: &[(&'static str, &str)],
    ) -> Result<Raw, AdminError> {
        let (noted, notice) = self.meaning()?;
        let token = self.bearer(noted.clone(), notice)?;
        let again = body.clone();
        let raw = self.send_with(Some(token), (method.clone(), path), body, headers)?;
        if raw.problem().as_deref() != Some("step-up") {
            return Ok(raw);
        }
        let Ok(password) = super::login::prompt("your password, once more: ") else {
            return Ok(raw);
        };
        let (noted, notice) = self.meaning()?;
        let token = self.bearer(noted.clone(), notice)?;
        let document = super::login::step_up(&password).to_string().into_bytes();
        let body = Some(("application/json", document));
        let step = (Method::POST, "/api/v1/session/step-up");
        let shown = self.send_with(Some(token), step, body, &[])?.value()?;
        let fresh = shown
            .get("token")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(noted) = noted {
            let renewed = self.shelf.renew(&noted.name, fresh);
            renewed.map_err(AdminError::Context)?;
        }
        let token = bearer(fresh.as_bytes(), Path::new("the session"))?;
        self.send_with(Some(token), (method, path), again, headers)
    }

    /// Sends a document as somebody who has not come in yet.
    pub(super) fn send_openly(&self, path: &str, document: &Value) -> Result<Raw, AdminError> {
        let body = Some(("application/json", document.to_string().into_bytes()));
        self.send_with(None, (Method::POST, path), body, &[])
    }

    /// The context that is meant, or what the server on this machine says of itself.
    fn meaning(&self) -> Result<(Option<Noted>, Option<Notice>), AdminError> {
        let noted = self.noted()?;
        let notice = if self.admin.is_none() && noted.is_none() {
            Some(self.notice()?)
        } else {
            None
        };
        Ok((noted, notice))
    }

    /// The context that is meant, where one is.
    pub(super) fn meant(&self) -> Result<Option<Noted>, AdminError> {
        self.noted()
    }

    /// The URL of the server that is meant, and the authority to trust.
    pub(super) fn place(&self) -> Result<(String, Option<PathBuf>), AdminError> {
        let (noted, notice) = self.meaning()?;
        let url = self
            .admin
            .clone()
            .or_else(|| noted.as_ref().map(|noted| noted.url.clone()))
            .or_else(|| notice.as_ref().map(|n| n.admin.clone()))
            .unwrap_or_default();
        let ca = self
            .ca
            .clone()
            .or_else(|| noted.as_ref().and_then(|noted| noted.ca.clone()))
            .or_else(|| notice.as_ref().and_then(|notice| notice.ca.clone()));
        Ok((url, ca))
    }

    /// Notes a server, and means it from now on.
    pub(super) fn keep(&self, noted: Noted) -> Result<(), AdminError> {
        self.shelf.keep(noted).map_err(AdminError::Context)
    }

    /// Forgets a server that is noted.
    pub(super) fn forget(&self, name: &str) -> Result<(), AdminError> {
        self.shelf.forget(name).map_err(AdminError::Context)
    }

    fn send_with(
        &self,
        token: Option<HeaderValue>,
        (method, path): (Method, &str),
        body: Option<(&'static str, Vec<u8>)>,
        headers: &[(&'static str, &str)],
    ) -> Result<Raw, AdminError> {
        let (url, ca) = self.place()?;
        let target = Target::of(&url)?;
        let (content_type, body) = body.unwrap_or(("application/json", Vec::new()));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, target.host_header.as_str())
            .header(header::CONTENT_TYPE, content_type)
            .header(header::ACCEPT, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| AdminError::Url(format!("{url}{path}")))?;

        let unreachable = |cause: String| AdminError::Unreachable {
            url: url.clone(),
            cause,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|cause| unreachable(cause.to_string()))?;
        // The alarm belongs to the runtime: it is set inside.
        let exchanged = runtime.block_on(async {
            tokio::time::timeout(ANSWER_TIME_MAX, exchange(&target, ca, request)).await
        });
        exchanged
            .map_err(|_| unreachable("no answer in time".to_owned()))?
            .map_err(unreachable)
    }

    /// The token: of the environment, of a file that is named, of the context, of the server on this machine.
    fn bearer(
        &self,
        noted: Option<Noted>,
        notice: Option<Notice>,
    ) -> Result<HeaderValue, AdminError> {
        if let Some(token) = &self.token {
            return bearer(token.as_bytes(), Path::new("POSTERN_TOKEN"));
        }
        if let Some(path) = &self.token_file {
            return read_token(path);
        }
        if let Some(noted) = noted {
            return bearer(noted.token.as_bytes(), Path::new(&noted.name));
        }
        let path = notice
            .and_then(|notice| notice.token_file)
            .unwrap_or_else(|| self.folder().join("admin.token"));
        read_token(&path)
    }
}

/// Where to.
struct Target {
    host: String,
    port: u16,
    host_header: String,
}

impl Target {
    fn of(url: &str) -> Result<Self, AdminError> {
        let wrong = || AdminError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri
            .authority()
            .filter(|_| uri.scheme_str() == Some("https"))
            .ok_or_else(wrong)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        Ok(Self {
            host,
            port: authority.port_u16().unwrap_or(443),
            host_header: authority.to_string(),
        })
    }
}

fn read_token(path: &Path) -> Result<HeaderValue, AdminError> {
    let bytes =
        files::read_bounded(path, TOKEN_BYTES_MAX).map_err(|source| AdminError::NoServer {
            path: path.to_path_buf(),
            source,
        })?;
    bearer(&Zeroizing::new(bytes), path)
}

fn bearer(token: &[u8], path: &Path) -> Result<HeaderValue, AdminError> {
    let bearer = Zeroizing::new([b"Bearer ", token.trim_ascii()].concat());
    let mut value = HeaderValue::from_bytes(&bearer).map_err(|_| AdminError::NoServer {
        path: path.to_path_buf(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not a token"),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

async fn exchange(
    target: &Target,
    ca: Option<PathBuf>,
    request: Request<Full<Bytes>>,
) -> Result<Raw, String> {
    let say = |what: &str, cause: &dyn std::fmt::Display| format!("{what}: {cause}");
    let mut roots = RootCertStore::empty();
    let ca = ca.ok_or("which authority to trust? (--ca)")?;
    for certificate in
        CertificateDer::pem_file_iter(&ca).map_err(|e| say(&ca.display().to_string(), &e))?
    {
        let certificate = certificate.map_err(|e| say(&ca.display().to_string(), &e))?;
        roots
            .add(certificate)
            .map_err(|e| say("the authority", &e))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| say("TLS", &e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(target.host.clone()).map_err(|e| say(&target.host, &e))?;
    let socket = connect(target).await.map_err(|e| say("connect", &e))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .map_err(|e| say("TLS", &e))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| say("HTTP", &e))?;
    let send = async move {
        let response = sender
            .send_request(request)
            .await
            .map_err(|e| e.to_string())?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|e| e.to_string())?;
        Ok(Raw {
            status,
            headers,
            bytes: body.to_bytes(),
        })
    };
    // The connection carries the exchange; which of the two ends first does not matter.
    let (answered, _ended) = futures_util::future::join(send, connection).await;
    answered
}

/// `localhost` is this machine whatever a resolver says of it.
async fn connect(target: &Target) -> std::io::Result<TcpStream> {
    let socket = if target.host == "localhost" {
        TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, target.port)).await?
    } else {
        TcpStream::connect((target.host.as_str(), target.port)).await?
    };
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn answer(status: StatusCode, bytes: &[u8]) -> Result<Value, AdminError> {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_else(|_| match bytes {
        [] => Value::Null,
        other => Value::String(String::from_utf8_lossy(other).into_owned()),
    });
    if status.is_success() {
        return Ok(value);
    }
    // Source: RFC 9457, "problem details"; `faults` is the admin API's own.
    let detail = value
        .get("detail")
        .and_then(Value::as_str)
        .or(value.as_str())
        .unwrap_or("");
    let faults = value
        .get("faults")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let faults: String = faults
        .iter()
        .filter_map(Value::as_str)
        .map(|fault| format!("\n  {fault}"))
        .collect();
    let message = if detail.is_empty() {
        format!("the server answers {status}")
    } else {
        format!("{detail}{faults}")
    };
    Err(AdminError::Answered { status, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_of_the_server_become_exit_codes() {
        let exit = |status: u16, text: &str| match answer(
            StatusCode::from_u16(status).unwrap(),
            text.as_bytes(),
        ) {
            Ok(_) => Exit::Ok,
            Err(error) => error.exit(),
        };
        assert_eq!(exit(200, "{}"), Exit::Ok);
        assert_eq!(exit(204, ""), Exit::Ok);
        assert_eq!(exit(403, ""), Exit::Denied);
        assert_eq!(exit(404, "{}"), Exit::NotFound);
        assert_eq!(exit(409, "x"), Exit::Conflict);
        assert_eq!(exit(412, "x"), Exit::Unreachable);
        assert_eq!(exit(503, ""), Exit::Unreachable);
        assert_eq!(exit(500, ""), Exit::Failure);
    }

    #[test]
    fn what_the_server_says_is_what_is_printed() {
        let problem =
            br#"{"status":422,"detail":"this is not a module","faults":["no memory","no decide"]}"#;
        let error = answer(StatusCode::UNPROCESSABLE_ENTITY, problem).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this is not a module\n  no memory\n  no decide"
        );
        let error = answer(StatusCode::BAD_GATEWAY, b"").unwrap_err();
        assert_eq!(error.to_string(), "the server answers 502 Bad Gateway");
    }

    #[test]
    fn only_https_urls_are_taken() {
        assert!(Target::of("http://localhost:9444").is_err() && Target::of("localhost").is_err());
        let target = Target::of("https://[::1]:9444/").unwrap();
        assert_eq!(
            (
                target.host.as_str(),
                target.port,
                target.host_header.as_str()
            ),
            ("::1", 9_444, "[::1]:9444")
        );
    }
}
