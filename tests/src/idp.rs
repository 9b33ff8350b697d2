//! A provider of OpenID Connect for browsers: over TLS, with one person who is always there.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::nginx::certificate;

/// What it calls the gate.
const CLIENT: &str = "postern";
/// What it knows it by.
const SECRET: &str = "what-the-provider-knows-the-gate-by";
/// How long somebody may say nothing.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// A running provider.
#[derive(Debug)]
pub struct Idp {
    address: SocketAddr,
    dir: TempDir,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What it knows.
struct Book {
    issuer: String,
    email: String,
    key: EcdsaKeyPair,
    /// What each code stands for: the query with which the browser came.
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
}

impl Idp {
    /// Starts one at which somebody of this address has signed in.
    pub fn start(email: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        certificate(dir.path());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let tls = tls(dir.path());
        let book = Arc::new(Book {
            issuer: format!("https://localhost:{}", address.port()),
            email: email.to_owned(),
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"),
            codes: Mutex::default(),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (tls, book) = (Arc::clone(&tls), Arc::clone(&book));
                // A browser opens connections that it does not use.
                std::thread::spawn(move || stream.ok().and_then(|it| serve(it, tls, &book)));
            }
        });
        Self {
            address,
            dir,
            stop,
            thread: Some(thread),
        }
    }

    /// What the gate's environment says of it.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        let issuer = format!("https://localhost:{}", self.address.port());
        let ca = self.dir.path().join("cert.pem").display().to_string();
        let secret = self.secret().display().to_string();
        [
            ("POSTERN_ADMIN__OIDC__ISSUER", issuer),
            ("POSTERN_ADMIN__OIDC__CLIENT_ID", CLIENT.to_owned()),
            ("POSTERN_ADMIN__OIDC__CLIENT_SECRET_FILE", secret),
            ("POSTERN_ADMIN__OIDC__NAME", "Example Login".to_owned()),
            ("POSTERN_ADMIN__OIDC__CA", ca),
        ]
    }

    fn secret(&self) -> PathBuf {
        let path = self.dir.path().join("secret");
        fs::write(&path, SECRET).expect("a file");
        path
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Whoever waits for a connection gets one.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn tls(dir: &std::path::Path) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_file(dir.join("cert.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).expect("its key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.expect("a certificate and its key"))
}

/// Answers one request of a connection.
fn serve(stream: TcpStream, tls: Arc<ServerConfig>, book: &Book) -> Option<()> {
    stream.set_read_timeout(Some(SILENCE_LIMIT)).ok()?;
    let mut stream = StreamOwned::new(ServerConnection::new(tls).ok()?, stream);
    let mut held = Vec::new();
    let end = loop {
        if let Some(end) = held.windows(4).position(|it| it == b"\r\n\r\n") {
            break end + 4;
        }
        read(&mut stream, &mut held)?;
    };
    let head = String::from_utf8_lossy(&held[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse::<usize>().ok())?
    });
    while held.len() < end + length.unwrap_or(0) {
        read(&mut stream, &mut held)?;
    }
    let target = head.split(' ').nth(1)?;
    let (status, kind, body) = book.answer(target, &held[end..]);
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

fn read(stream: &mut impl std::io::Read, held: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 4_096];
    let length = stream.read(&mut piece).ok().filter(|it| *it > 0)?;
    held.extend_from_slice(&piece[..length]);
    Some(())
}

impl Book {
    fn answer(&self, target: &str, body: &[u8]) -> (u16, &'static str, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let json = |value: Value| (200, "application/json", value.to_string());
        match path {
            "/.well-known/openid-configuration" => json(json!({
                "issuer": self.issuer,
                "authorization_endpoint": format!("{}/authorize", self.issuer),
                "token_endpoint": format!("{}/token", self.issuer),
                "jwks_uri": format!("{}/keys", self.issuer),
            })),
            "/keys" => {
                let point = self.key.public_key().as_ref();
                json(json!({ "keys": [{
                    "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig",
                    "x": encoded(&point[1..33]), "y": encoded(&point[33..]),
                }] }))
            }
            "/authorize" => (200, "text/html; charset=utf-8", self.page(query)),
            "/token" => match self.token(body) {
                Some(token) => json(json!({ "token_type": "Bearer", "id_token": token })),
                None => (
                    400,
                    "application/json",
                    json!({ "error": "invalid_grant" }).to_string(),
                ),
            },
            _ => (404, "text/plain", String::new()),
        }
    }

    /// Somebody has signed in here: a click takes him back.
    fn page(&self, query: &str) -> String {
        let asked = pairs(query.as_bytes());
        let mut codes = self.codes.lock().expect("no test has panicked here");
        let code = format!("code-{}", codes.len());
        let back = format!(
            "{}?code={code}&amp;state={}",
            asked["redirect_uri"], asked["state"]
        );
        codes.insert(code, asked);
        format!(
            "<!doctype html><html lang=en><title>Example Login</title><h1>Example Login</h1><p><a id=back href=\"{back}\">Continue as {}</a></p>",
            self.email
        )
    }

    fn token(&self, body: &[u8]) -> Option<String> {
        let form = pairs(body);
        let asked = self.codes.lock().ok()?.remove(form.get("code")?)?;
        let challenge = encoded(Sha256::digest(form.get("code_verifier")?));
        if asked["code_challenge"] != challenge || asked["redirect_uri"] != form["redirect_uri"] {
            return None;
        }
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?;
        let now = now.as_secs();
        let claims = json!({
            "iss": self.issuer, "aud": asked["client_id"], "sub": "1", "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], "auth_time": now, "email": self.email, "email_verified": true,
        });
        let header = json!({ "alg": "ES256", "kid": "one" });
        let said = format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(claims.to_string())
        );
        let signature = self.key.sign(&SystemRandom::new(), said.as_bytes()).ok()?;
        Some(format!("{said}.{}", encoded(signature)))
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pairs(text: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(text).into_owned().collect()
}
