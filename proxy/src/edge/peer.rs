//! Who is at the other end of a connection, as far as we believe it.

use std::net::IpAddr;
use std::sync::Arc;

/// The other end of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address: from PROXY protocol or a trusted proxy's header where these are set, else the socket's.
    /// An IPv4 address that arrived mapped into IPv6 is here an IPv4 address.
    pub client: IpAddr,
    /// The client's port, or 0 where a proxy did not tell it.
    pub port: u16,
    /// The address that the bytes really come from.
    pub socket: IpAddr,
    /// What TLS agreed on; `None` on a plain connection.
    pub tls: Option<TlsInfo>,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`, as AWS's logs write it.
    pub version: &'static str,
    /// The cipher suite by its OpenSSL name, such as `ECDHE-RSA-AES128-GCM-SHA256`, or `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// The server name that the client asked for.
    pub sni: Option<Arc<str>>,
}
