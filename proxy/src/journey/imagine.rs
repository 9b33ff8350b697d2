//! A request that might be: it is understood and gets its scene by the code that a real one goes through, and there is no
//! signature to check. What comes of it can be judged and never carried out: no [`Permit`](super::Permit) is made of it.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, Uri};
use s3_protocol::S3Error;

use super::accept;
use super::authenticate::{Understood, content_length, refuse_overrides};
use super::authorize::{How, Scene, Signature};
use super::gate::Gate;
use crate::edge::{Peer, TlsInfo};
use crate::world::{Caller, World};

/// A request that might be.
#[derive(Debug)]
pub(crate) struct Imagined {
    /// Who would sign it; nobody, for an unsigned one.
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: Uri,
    /// Its headers, `Host` among them.
    pub(crate) headers: HeaderMap,
    /// Where it would come from.
    pub(crate) client: IpAddr,
    pub(crate) tls: bool,
    /// The life of the presigned URL that it would be, in seconds.
    pub(crate) presigned: Option<u64>,
    /// When, in milliseconds since 1970. It would be signed in that moment.
    pub(crate) now_ms: u64,
}

/// The scene of a request that might be.
///
/// # Errors
/// What S3 answers to what is not a request.
pub(crate) fn imagine(
    gate: &Gate,
    world: &World,
    imagined: Imagined,
) -> Result<Arc<Scene>, S3Error> {
    let mut parts = Request::new(()).into_parts().0;
    parts.method = imagined.method;
    parts.uri = imagined.target;
    parts.headers = imagined.headers;
    let understood = accept::understand(gate, world, &parts);
    let (request, addressing, hoisted) = understood.map_err(|refusal| refusal.answer())?;
    if imagined.caller.is_none() {
        refuse_overrides(&request.call).map_err(|refusal| refusal.answer())?;
    }
    let signature = imagined.caller.as_ref().map(|_| Signature {
        how: match imagined.presigned {
            Some(_) => How::Query,
            None => How::Header,
        },
        at: imagined.now_ms / 1_000,
        expires: imagined.presigned,
        session: None,
    });
    let length = content_length(&parts.headers);
    let peer = Peer {
        client: imagined.client,
        port: 0,
        socket: imagined.client,
        tls: imagined.tls.then_some(TlsInfo {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            sni: None,
        }),
    };
    let understood = Understood {
        peer,
        headers: hoisted.unwrap_or(parts.headers),
        request,
        addressing,
        host: None,
    };
    Ok(Arc::new(understood.by(
        world,
        imagined.caller,
        signature,
        length,
    )))
}
