//! Between hyper and the journey: what each request passes, whatever it asks.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use super::line::Line;
use super::refused::{self, HeadFault};
use super::{BoxError, EdgeParts, Intake, Journey, Peer, forwarded};
use crate::observe::Riding;

/// What the requests of one connection share.
pub(super) struct Connected<J> {
    pub(super) journey: Arc<J>,
    pub(super) parts: EdgeParts,
    pub(super) peer: Arc<Peer>,
    pub(super) line: Arc<Line>,
    pub(super) trusted_proxies: Arc<[ipnet::IpNet]>,
}

impl<J: Journey> Connected<J> {
    /// Serves one request.
    pub(super) async fn serve(
        self: Arc<Self>,
        wire: Request<Incoming>,
    ) -> Result<Response<Leaving<J::Answer>>, Infallible> {
        self.line.begin();
        // From here on the request is counted as served, also when it is given up half-way.
        let at_work = AtWork(Arc::clone(&self.line));
        let one_at_a_time = wire.version() < Version::HTTP_2;

        let fault = self.fault(&wire);
        if one_at_a_time {
            self.line.forget_head();
        }
        let wire = wire.map(|body| Intake::of(body, &self.line, one_at_a_time));
        let mut response = match fault {
            Some(fault) => {
                refused::unservable(&self.parts, &self.peer, &wire, fault).map(Outgoing::Refused)
            }
            None => self.journey(wire).await.map(Outgoing::Journey),
        };
        if one_at_a_time && (fault.is_some() || self.line.body_open()) {
            // The client is still sending: tell it that the connection ends, and end it so that it can read this.
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
            self.line.set_linger();
        }
        Ok(response.map(|body| Leaving {
            body,
            _at_work: at_work,
        }))
    }

    async fn journey(&self, wire: Request<Intake>) -> Response<J::Answer> {
        let through_proxy =
            forwarded::client(&self.trusted_proxies, self.peer.socket, wire.headers());
        match through_proxy {
            None => self.journey.serve(&self.peer, wire).await,
            Some(client) => {
                let peer = Peer {
                    client,
                    port: 0,
                    ..Peer::clone(&self.peer)
                };
                self.journey.serve(&peer, wire).await
            }
        }
    }

    /// What makes a head unservable although hyper could read it.
    fn fault(&self, wire: &Request<Incoming>) -> Option<HeadFault> {
        let limits = self.line.limits();
        let target = wire
            .uri()
            .path_and_query()
            .map_or("", |target| target.as_str());
        if target.len() > limits.uri_bytes {
            return Some(HeadFault::TargetTooLong);
        }
        if wire.headers().len() > limits.headers {
            return Some(HeadFault::TooLarge);
        }
        let mut codings = wire.headers().get_all(header::TRANSFER_ENCODING).iter();
        let coding = codings.next()?;
        let chunked_alone =
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
        // hyper drops a length that stands beside a coding, so the head itself is looked at.
        let request_line = format!("{} {}", wire.method(), wire.uri());
        (!chunked_alone || self.line.head_is_ambiguous(&request_line))
            .then_some(HeadFault::AmbiguousFraming)
    }
}

/// Says when a request's answer has left, or the request was given up.
struct AtWork(Arc<Line>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// The body of an answer on its way out.
pub(super) struct Leaving<B> {
    body: Outgoing<B>,
    _at_work: AtWork,
}

enum Outgoing<B> {
    Journey(B),
    Refused(Riding<Full<Bytes>>),
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for Leaving<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().body {
            Outgoing::Journey(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
            Outgoing::Refused(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Outgoing::Journey(body) => body.is_end_stream(),
            Outgoing::Refused(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Outgoing::Journey(body) => body.size_hint(),
            Outgoing::Refused(body) => body.size_hint(),
        }
    }
}
