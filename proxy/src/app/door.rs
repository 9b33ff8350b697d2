//! The S3 side for those on the admin side who hold an access key: they are signed and answered like any client.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use postern_config::objects::{HeldKey, Objects};
use s3_protocol::{S3Code, S3Error};
use sigv4::sign::{Signer, Target};
use sigv4::{PayloadMode, SecretKey, SigningKey, Timestamp};

use crate::edge::{Intake, Peer};
use crate::journey::{self, Gate};

/// Largest answer that is handed to a page, in bytes: a list of a thousand entries with the longest keys, four times over.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The gate, asked from within.
pub(super) struct Door {
    pub(super) gate: Arc<Gate>,
    /// Origin of the S3 side, as clients reach it.
    pub(super) endpoint: String,
    /// The region that clients sign for.
    pub(super) region: String,
}

impl Objects for Door {
    fn ask<'a>(
        &'a self,
        key: &'a HeldKey,
        asked: Request<Bytes>,
    ) -> BoxFuture<'a, Result<Response<Bytes>, S3Error>> {
        Box::pin(async move {
            let (mut head, body) = asked.into_parts();
            // INVARIANT: the admin side says of each request where it comes from.
            let peer = head.extensions.remove::<Peer>().ok_or_else(fault)?;
            self.sign(key, &head.uri, |signer, target, host| {
                head.headers.insert(header::HOST, host);
                let target = Target {
                    method: &head.method,
                    ..target
                };
                let payload = PayloadMode::sign(&body);
                signer.header(target, &mut head.headers, payload)
            })?;
            let length = HeaderValue::from(body.len());
            head.headers.insert(header::CONTENT_LENGTH, length);
            let asked = Request::from_parts(head, Intake::at_hand(body));
            let (head, body) = journey::serve(&self.gate, &peer, asked).await.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|_| fault())?.to_bytes();
            Ok(Response::from_parts(head, body))
        })
    }

    fn address(
        &self,
        key: &HeldKey,
        (method, asked): (&Method, &str),
        seconds: u64,
    ) -> Result<String, S3Error> {
        let uri: Uri = asked.parse().map_err(|_| fault())?;
        let query = self.sign(key, &uri, |signer, target, host| {
            let headers = HeaderMap::from_iter([(header::HOST, host)]);
            signer.presigned(Target { method, ..target }, &headers, seconds)
        })?;
        Ok(format!("{}{}?{query}", self.endpoint, uri.path()))
    }
}

impl Door {
    /// Lets a key sign something for now.
    fn sign<T>(
        &self,
        key: &HeldKey,
        uri: &Uri,
        with: impl FnOnce(&Signer<'_>, Target<'_>, HeaderValue) -> Result<T, sigv4::AuthError>,
    ) -> Result<T, S3Error> {
        let secret = key
            .secret
            .lend(|it| String::from_utf8_lossy(it).into_owned());
        let unsigned = |_| S3Error::from(S3Code::SignatureDoesNotMatch);
        let secret =
            SecretKey::new(secret).map_err(|_| S3Error::from(S3Code::SignatureDoesNotMatch))?;
        let time = Timestamp::from_unix(self.gate.clock.now_ms() / 1_000);
        let signing = SigningKey::derive(&secret, time.date(), &self.region);
        let signer = Signer {
            access_key_id: &key.id,
            key: &signing,
            time,
            session_token: None,
        };
        let host = self.endpoint.split("://").last().unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|_| fault())?;
        let target = Target {
            method: &Method::GET,
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
        };
        with(&signer, target, host).map_err(unsigned)
    }
}

fn fault() -> S3Error {
    S3Code::InternalError.into()
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
