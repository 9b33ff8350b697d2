//! Places off this machine: a folder, such as one that another machine exports, or an HTTPS endpoint, such as a bucket of S3.
//!
//! Names are ours: letters, digits, `-`, `.` and `/`. Whatever is put is there whole or not at all, and stays when the place loses its
//! power, as far as it keeps its own word.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use postern_config::Secret;
use postern_config::settings::{Destination, DestinationPass};
use sigv4::sign::{Signer, Target};
use sigv4::{PayloadMode, SecretKey, SigningKey, Timestamp};
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::files;
use crate::https::{self, Connection};

/// Longest wait for a place to take or give one thing.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(60);
/// What is said of a place that took longer.
const LATE: &str = "it did not answer in time";
/// Most bytes that one thing has.
const THING_BYTES_MAX: usize = 16 << 20;

/// A place off this machine.
pub(crate) struct Depot {
    at: Destination,
    pass: Option<Pass>,
    ca: Option<PathBuf>,
    clock: Clock,
    /// A connection that may be used again. The lock is held for an exchange: one goes on at a time.
    open: Mutex<Option<Connection>>,
}

impl Depot {
    pub(crate) fn new(
        at: &Destination,
        pass: Option<&DestinationPass>,
        ca: Option<&Path>,
        clock: Clock,
    ) -> Self {
        Self {
            at: at.clone(),
            pass: pass.map(Pass::of),
            ca: ca.map(Path::to_owned),
            clock,
            open: Mutex::new(None),
        }
    }

    /// Puts a thing there, in place of one that has its name.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), String> {
        match &self.at {
            Destination::Folder(folder) => {
                let path = folder.join(name);
                on_disk(move || {
                    path.parent().map_or(Ok(()), make_folder)?;
                    files::write_private(&path, &bytes)
                })
                .await
            }
            Destination::Endpoint(url) => {
                let (status, _) = self.exchange(Method::PUT, url, name, bytes).await?;
                is_done(status)
            }
        }
    }

    /// Puts a thing there that nothing there has the name of: a folder's is never written over. Everyone may read it.
    pub(crate) async fn keep(&self, name: &str, bytes: Bytes) -> Result<(), String> {
        match &self.at {
            Destination::Folder(folder) => {
                let path = folder.join(name);
                on_disk(move || {
                    if path.exists() {
                        return Ok(());
                    }
                    files::write_public(&path, &bytes)
                })
                .await
            }
            Destination::Endpoint(_) => self.put(name, bytes).await,
        }
    }

    /// What has this name; none where nothing has it.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Bytes>, String> {
        match &self.at {
            Destination::Folder(folder) => {
                let path = folder.join(name);
                on_disk(
                    move || match files::read_bounded(&path, THING_BYTES_MAX as u64) {
                        Ok(bytes) => Ok(Some(bytes.into())),
                        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
                        Err(cause) => Err(cause),
                    },
                )
                .await
            }
            Destination::Endpoint(url) => {
                let asked = self.exchange(Method::GET, url, name, Bytes::new());
                let (status, bytes) = asked.await?;
                if status == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                is_done(status)?;
                Ok(Some(bytes))
            }
        }
    }

    /// Takes away what has this name, if anything has.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), String> {
        match &self.at {
            Destination::Folder(folder) => {
                let (root, path) = (folder.clone(), folder.join(name));
                on_disk(move || {
                    match std::fs::remove_file(&path) {
                        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
                        _ => {}
                    }
                    // A folder that is empty now is of no use; one that is not stays.
                    match path.parent().filter(|parent| *parent != root) {
                        Some(parent) => std::fs::remove_dir(parent).or(Ok(())),
                        None => Ok(()),
                    }
                })
                .await
            }
            Destination::Endpoint(url) => {
                let asked = self.exchange(Method::DELETE, url, name, Bytes::new());
                match asked.await? {
                    (StatusCode::NOT_FOUND, _) => Ok(()),
                    (status, _) => is_done(status),
                }
            }
        }
    }

    /// One request and its answer. Everything that is asked may be asked twice: a connection that ended meanwhile is made anew, once.
    async fn exchange(
        &self,
        method: Method,
        url: &str,
        name: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), String> {
        let url: http::Uri = format!("{url}/{name}")
            .parse()
            .map_err(|_| "it is no URL".to_owned())?;
        let work = async {
            let mut kept = self.open.lock().await;
            if let Some(mut open) = kept.take()
                && let Ok(answer) = self.ask(&mut open, (&method, &url), &body).await
            {
                *kept = Some(open).filter(|open| !open.is_over);
                return Ok(answer);
            }
            let mut open = self.connect(&url).await?;
            let answer = self.ask(&mut open, (&method, &url), &body).await?;
            *kept = Some(open).filter(|open| !open.is_over);
            Ok(answer)
        };
        let done = tokio::time::timeout(EXCHANGE_TIME_MAX, work).await;
        done.unwrap_or_else(|_| Err(LATE.to_owned()))
    }

    async fn ask(
        &self,
        open: &mut Connection,
        (method, url): (&Method, &http::Uri),
        body: &Bytes,
    ) -> Result<(StatusCode, Bytes), String> {
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let host = url.authority().map_or("", |authority| authority.as_str());
        let is_json = Path::new(path).extension().is_some_and(|it| it == "json");
        let kind = if is_json {
            "application/json"
        } else {
            "application/octet-stream"
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, kind);
        let request = request.body(Full::new(body.clone()));
        let mut request = request.map_err(|cause| cause.to_string())?;
        if let Some(pass) = &self.pass {
            let target = Target {
                method,
                path,
                query: "",
            };
            pass.show(
                request.headers_mut(),
                (target, body),
                self.clock.now_seconds(),
            )?;
        }
        let answer = open.exchange(request, THING_BYTES_MAX).await;
        let answer = answer.map_err(|cause| format!("HTTP: {cause}"))?;
        Ok((answer.status(), answer.into_body()))
    }

    async fn connect(&self, url: &http::Uri) -> Result<Connection, String> {
        let path = self.ca.as_deref().ok_or("its authority is not set")?;
        Connection::to(url, https::trust(path)?).await
    }
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Depot({})", self.at)
    }
}

impl fmt::Display for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
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
    fn of(pass: &DestinationPass) -> Self {
        let copied = |secret: &Secret| secret.lend(|it| Secret::new(it.to_vec()));
        match pass {
            DestinationPass::Token(token) => Self::Token(copied(token)),
            DestinationPass::Signed {
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

    /// Puts it into the headers of a request, which have `host`.
    fn show(
        &self,
        headers: &mut HeaderMap,
        (target, body): (Target<'_>, &[u8]),
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
                let signed = signer.header(target, headers, PayloadMode::sign(body));
                signed.map_err(|cause| cause.to_string())?;
            }
        }
        Ok(())
    }
}

fn is_done(status: StatusCode) -> Result<(), String> {
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("it answers {status}"))
    }
}

/// Makes a folder, and its parents, that are there after a power cut as well.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    let parents = folder.ancestors().skip(1);
    for parent in parents.take_while(|it| !it.as_os_str().is_empty()) {
        std::fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, String> {
    // A folder of another machine may not answer, and whoever waits has more places than this one.
    let done = tokio::time::timeout(EXCHANGE_TIME_MAX, tokio::task::spawn_blocking(work));
    let done = done.await.map_err(|_| LATE.to_owned())?;
    done.map_err(|cause| cause.to_string())?
        .map_err(|cause| cause.to_string())
}
