//! One connection, bytes in and bytes out: for requests that no SDK would send, and for load.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

/// Longest wait for bytes: a gate that says nothing for so long has hung.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// A connection that speaks HTTP/1.1.
pub struct Wire {
    stream: Stream,
    /// What was read and not yet used.
    held: Vec<u8>,
}

/// What a connection runs over.
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// An answer, as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

/// Trusts the certificates in the PEM file `ca` and nothing else.
pub fn trusting(ca: &Path) -> Arc<ClientConfig> {
    trusting_with(ca, aws_lc_rs::default_provider(), rustls::DEFAULT_VERSIONS)
}

/// Trusts the certificates in the PEM file `ca`, with the given ciphers and versions.
pub fn trusting_with(
    ca: &Path,
    provider: rustls::crypto::CryptoProvider,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).expect("the CA's file") {
        roots
            .add(certificate.expect("a certificate in PEM"))
            .expect("a CA's certificate");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .expect("versions that the provider has")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

impl Wire {
    /// Connects over TLS and shakes hands for `name`.
    pub fn connect(to: SocketAddr, name: &str, tls: &Arc<ClientConfig>) -> io::Result<Self> {
        Self::open(to, name, Some(tls))
    }

    /// Connects, over TLS where it is told whom to trust.
    pub fn open(to: SocketAddr, name: &str, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let socket = TcpStream::connect(to)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE_LIMIT))?;
        socket.set_write_timeout(Some(SILENCE_LIMIT))?;
        let stream = match tls {
            Some(tls) => Stream::Tls(Box::new(shake_hands(socket, name, tls)?)),
            None => Stream::Plain(socket),
        };
        Ok(Self {
            stream,
            held: Vec::new(),
        })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Sends `request` and reads the answer. The write may fail half-way when the answer came before the body was
    /// taken; what counts is that the answer can be read.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let is_head = request.starts_with(b"HEAD ");
        let sent = self.send(request);
        match self.answer(is_head) {
            Ok(answer) => Ok(answer),
            Err(error) => Err(sent.err().unwrap_or(error)),
        }
    }

    /// Reads one final answer; an interim one (`100 Continue`) is read over. `is_head` tells that no body follows.
    pub fn answer(&mut self, is_head: bool) -> io::Result<Answer> {
        loop {
            let answer = self.any_answer(is_head)?;
            if answer.status >= 200 {
                return Ok(answer);
            }
        }
    }

    /// Reads one answer, an interim one too.
    pub fn any_answer(&mut self, is_head: bool) -> io::Result<Answer> {
        let end = self.fill_until(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&self.held[..end]).into_owned();
        self.held.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status: u16 = status
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("not an answer: {head:?}"),
                )
            })?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        if is_head || status < 200 || status == 204 || status == 304 {
            return Ok(answer);
        }
        answer.body = if answer.header("transfer-encoding") == Some("chunked") {
            self.chunked()?
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().map_err(io::Error::other)?;
            self.exactly(length)?
        } else {
            self.until_end()?
        };
        Ok(answer)
    }

    /// Whether the other side has closed: nothing more will come.
    pub fn is_closed(&mut self) -> bool {
        self.held.is_empty() && matches!(self.fill(), Ok(0) | Err(_))
    }

    /// Reads an answer whose length is known beforehand into a scratch buffer: the cheap way, for load. Answers the
    /// status, and the length of the body.
    pub fn skim(&mut self, scratch: &mut [u8]) -> io::Result<(u16, usize)> {
        self.skim_any(scratch, false)
    }

    /// As [`Self::skim`], for an answer that has no body whatever its length says.
    pub fn skim_head(&mut self, scratch: &mut [u8]) -> io::Result<(u16, usize)> {
        self.skim_any(scratch, true)
    }

    fn skim_any(&mut self, scratch: &mut [u8], is_head: bool) -> io::Result<(u16, usize)> {
        let mut filled = self.held.len();
        scratch[..filled].copy_from_slice(&self.held);
        self.held.clear();
        let end = loop {
            if let Some(at) = find(&scratch[..filled], b"\r\n\r\n") {
                break at;
            }
            filled += self.read(&mut scratch[filled..])?;
        };
        let (head, _) = scratch.split_at(end);
        let status = head
            .get(9..12)
            .and_then(|code| std::str::from_utf8(code).ok());
        let status = status.and_then(|code| code.parse().ok()).unwrap_or(0);
        let length = if is_head {
            0
        } else {
            content_length(head).unwrap_or(0)
        };
        let mut body = filled - end - 4;
        if body > length {
            self.held
                .extend_from_slice(&scratch[end + 4 + length..filled]);
            return Ok((status, length));
        }
        while body < length {
            body += self.read(scratch)?;
        }
        Ok((status, length))
    }

    /// Reads some bytes as they come.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(into)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut block = [0; 16 * 1024];
        let count = self.stream.read(&mut block)?;
        self.held.extend_from_slice(&block[..count]);
        Ok(count)
    }

    fn fill_until(&mut self, end: &[u8]) -> io::Result<usize> {
        loop {
            if let Some(at) = find(&self.held, end) {
                return Ok(at);
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.held.len() < length {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.held.drain(..length).collect())
    }

    fn until_end(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.held))
    }

    fn chunked(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.fill_until(b"\r\n")?;
            let line = String::from_utf8_lossy(&self.held[..end]).into_owned();
            self.held.drain(..end + 2);
            let digits = line.split(';').next().unwrap_or("").trim();
            let length = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
            body.extend(self.exactly(length)?);
            self.exactly(2)?;
            if length == 0 {
                return Ok(body);
            }
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Answer {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What stands in the first element of that name.
    pub fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        let (inside, _) = after.split_once(&format!("</{name}>"))?;
        Some(inside.to_owned())
    }

    /// The S3 error code of the document.
    pub fn code(&self) -> Option<String> {
        self.element("Code")
    }

    /// The id of the request that the header carries.
    pub fn request_id(&self) -> &str {
        self.header("x-amz-request-id")
            .unwrap_or_else(|| panic!("no request id: {self:?}"))
    }

    /// Wants a status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// Wants an S3 error: status, code, and the same request id in header and document.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) -> &Self {
        assert_eq!(
            (self.status, self.code().as_deref()),
            (status, Some(code)),
            "{:?}\n{}",
            self.headers,
            self.text()
        );
        let inside = self.element("RequestId").unwrap_or_default();
        assert_eq!(
            self.request_id(),
            inside,
            "the document names another request"
        );
        self
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn content_length(head: &[u8]) -> Option<usize> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let value = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(15)?;
        name.eq_ignore_ascii_case(b"content-length:")
            .then_some(value)
    })?;
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

fn shake_hands(
    socket: TcpStream,
    name: &str,
    tls: &Arc<ClientConfig>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let session = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
