//! The PROXY header in front of a connection, versions 1 and 2. Source: "The PROXY protocol", HAProxy Technologies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::limits::{PROXY_V1_BYTES_MAX, PROXY_V2_BYTES_MAX};

/// How a header of version 2 begins.
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// How a header of version 1 begins.
const V1_SIGNATURE: &[u8] = b"PROXY ";
/// The head of a version 2 header: signature, version and command, family, length.
const V2_HEAD_BYTES: usize = 16;

/// Why a connection has no usable PROXY header.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// It ended, or failed, before the header did.
    #[error("the connection ended within the PROXY header")]
    Io(#[from] std::io::Error),
    /// It does not begin with one.
    #[error("no PROXY header")]
    Absent,
    /// The header is longer than one may be.
    #[error("the PROXY header is too long: {0} bytes")]
    TooLong(usize),
    /// It is not well-formed.
    #[error("the PROXY header is not well-formed")]
    Malformed,
}

/// Reads the header, and not a byte more. `None` where the proxy speaks for itself (a health check) or does not know the
/// client's address.
pub(super) async fn read(
    socket: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, ProxyError> {
    let mut header = vec![0; V2_SIGNATURE.len()];
    socket.read_exact(&mut header).await?;
    if header == V2_SIGNATURE {
        read_v2(socket).await
    } else if header.starts_with(V1_SIGNATURE) {
        read_v1(socket, header).await
    } else {
        Err(ProxyError::Absent)
    }
}

async fn read_v2(socket: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, ProxyError> {
    let (command, family, length) = (
        socket.read_u8().await?,
        socket.read_u8().await?,
        socket.read_u16().await?,
    );
    let whole = V2_HEAD_BYTES + usize::from(length);
    if whole > PROXY_V2_BYTES_MAX {
        return Err(ProxyError::TooLong(whole));
    }
    let mut payload = vec![0; usize::from(length)];
    socket.read_exact(&mut payload).await?;
    match (command, family) {
        // LOCAL: the proxy itself, whatever it says beside.
        (0x20, _) => Ok(None),
        (0x21, 0x11) => {
            let (from, port) = v2::<4>(&payload)?;
            Ok(Some((Ipv4Addr::from(from), port).into()))
        }
        (0x21, 0x21) => {
            let (from, port) = v2::<16>(&payload)?;
            Ok(Some((Ipv6Addr::from(from), port).into()))
        }
        // Unspecified, datagram and Unix sockets: whoever it is has no address that we could use.
        (0x21, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => Ok(None),
        _ => Err(ProxyError::Malformed),
    }
}

/// Source address and port of a version 2 payload: source, destination, source port, destination port, extensions.
fn v2<const N: usize>(payload: &[u8]) -> Result<([u8; N], u16), ProxyError> {
    let (from, rest) = payload
        .split_first_chunk::<N>()
        .ok_or(ProxyError::Malformed)?;
    let (_to, rest) = rest.split_first_chunk::<N>().ok_or(ProxyError::Malformed)?;
    let (port, rest) = rest.split_first_chunk::<2>().ok_or(ProxyError::Malformed)?;
    if rest.len() < 2 {
        return Err(ProxyError::Malformed);
    }
    Ok((*from, u16::from_be_bytes(*port)))
}

async fn read_v1(
    socket: &mut (impl AsyncRead + Unpin),
    mut header: Vec<u8>,
) -> Result<Option<SocketAddr>, ProxyError> {
    // A byte at a time: what follows the line belongs to TLS. The kernel has the whole line already.
    while !header.ends_with(b"\n") {
        if header.len() == PROXY_V1_BYTES_MAX {
            return Err(ProxyError::TooLong(header.len() + 1));
        }
        header.push(socket.read_u8().await?);
    }
    let line = std::str::from_utf8(&header)
        .ok()
        .and_then(|line| line.strip_suffix("\r\n"));
    let line = line.ok_or(ProxyError::Malformed)?;
    let fields: Vec<&str> = line.split(' ').skip(1).collect();
    match *fields.as_slice() {
        ["UNKNOWN", ..] => Ok(None),
        ["TCP4", from, to, from_port, to_port] => {
            v1::<Ipv4Addr>([from, to], [from_port, to_port]).map(Some)
        }
        ["TCP6", from, to, from_port, to_port] => {
            v1::<Ipv6Addr>([from, to], [from_port, to_port]).map(Some)
        }
        _ => Err(ProxyError::Malformed),
    }
}

/// Source of a version 1 line. The destination is not used, and must be one all the same.
fn v1<A: std::str::FromStr + Into<IpAddr>>(
    [from, to]: [&str; 2],
    [from_port, to_port]: [&str; 2],
) -> Result<SocketAddr, ProxyError> {
    let address = |text: &str| text.parse::<A>().map_err(|_| ProxyError::Malformed);
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port)
            if text.bytes().all(|byte| byte.is_ascii_digit())
                && (text == "0" || !text.starts_with('0')) =>
        {
            Ok(port)
        }
        _ => Err(ProxyError::Malformed),
    };
    let (from, _to) = (address(from)?, address(to)?);
    let (from_port, _to_port) = (port(from_port)?, port(to_port)?);
    Ok(SocketAddr::new(from.into(), from_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address read from `bytes`, and what is left for TLS.
    async fn read_from(bytes: &[u8]) -> (Result<Option<String>, String>, Vec<u8>) {
        let mut socket = bytes;
        let address = read(&mut socket)
            .await
            .map(|a| a.map(|a| a.to_string()))
            .map_err(|e| e.to_string());
        (address, socket.to_vec())
    }

    fn v2_header(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [V2_SIGNATURE, &[0x20 | command, family], &length, payload].concat()
    }

    #[tokio::test]
    async fn version_1_names_the_client_and_leaves_the_rest() {
        let (address, rest) = read_from(b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\nhello").await;
        assert_eq!(
            (address, rest.as_slice()),
            (Ok(Some("192.0.2.7:56324".into())), &b"hello"[..])
        );
        let (address, _) = read_from(b"PROXY TCP6 2001:db8::7 2001:db8::1 1 443\r\n").await;
        assert_eq!(address, Ok(Some("[2001:db8::7]:1".into())));
        assert_eq!(read_from(b"PROXY UNKNOWN\r\n").await.0, Ok(None));
    }

    #[tokio::test]
    async fn version_2_names_the_client_and_leaves_the_rest() {
        let addresses = [192, 0, 2, 7, 192, 0, 2, 1, 0xDC, 0x04, 0x01, 0xBB];
        let bytes = [v2_header(1, 0x11, &addresses), b"hello".to_vec()].concat();
        let (address, rest) = read_from(&bytes).await;
        assert_eq!(
            (address, rest.as_slice()),
            (Ok(Some("192.0.2.7:56324".into())), &b"hello"[..])
        );
        assert_eq!(read_from(&v2_header(0, 0, &[])).await.0, Ok(None));
    }

    #[tokio::test]
    async fn what_is_not_a_header_is_refused() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.7\r\n",
            b"PROXY TCP4 999.0.2.7 192.0.2.1 56324 443\r\n",
            b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\n",
            b"PROXY TCP4 192.0",
            b"PROXY ",
        ] {
            assert!(
                read_from(bytes).await.0.is_err(),
                "{}",
                bytes.escape_ascii()
            );
        }
        assert!(read_from(&v2_header(1, 0x11, &[1, 2, 3])).await.0.is_err());
        assert!(read_from(&v2_header(7, 0x11, &[0; 12])).await.0.is_err());
    }

    #[tokio::test]
    async fn a_header_at_its_bound_is_read_and_one_past_it_is_not() {
        let line = |bytes: usize| {
            let mut line = b"PROXY UNKNOWN ".to_vec();
            line.resize(bytes - 2, b'x');
            [line, b"\r\n".to_vec()].concat()
        };
        assert_eq!(read_from(&line(PROXY_V1_BYTES_MAX)).await.0, Ok(None));
        assert!(read_from(&line(PROXY_V1_BYTES_MAX + 1)).await.0.is_err());
        let fits = v2_header(0, 0, &vec![0; PROXY_V2_BYTES_MAX - V2_HEAD_BYTES]);
        assert_eq!(read_from(&fits).await.0, Ok(None));
        let long = v2_header(0, 0, &vec![0; PROXY_V2_BYTES_MAX - V2_HEAD_BYTES + 1]);
        assert!(read_from(&long).await.0.unwrap_err().contains("too long"));
    }
}
