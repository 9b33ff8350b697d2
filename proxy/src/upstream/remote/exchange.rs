//! One call: what is sent, what is asked back before a commit, what is answered.

use std::pin::pin;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use s3_protocol::{S3Code, S3Error};
use serde::de::DeserializeOwned;
use storage_node::{NodeError, Payload, PayloadError, Recheck};

use super::super::link::{Link, Outgoing, Turn, Way};
use super::super::wire::{self, Call, Event, Frames, Judged, Kind, Torn, frame, head_of_data};
use crate::limits::{NODE_ANSWER_BYTES_MAX, NODE_CALL_BYTES_MAX};

/// Longest text of a refusal that is no answer, in bytes.
const REFUSAL_BYTES_MAX: usize = 4 * 1_024;
/// Pieces of a payload up to this are sent in one with their length, in bytes.
const SMALL_BYTES_MAX: usize = 4 * 1_024;

/// An answer whose body is still to come, on its place of a connection.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) frames: Frames<Incoming>,
    _turn: Turn,
}

/// A call without a payload.
pub(super) async fn plain<T: DeserializeOwned>(
    link: &Link,
    call: &Call,
    recheck: Option<Recheck>,
) -> Result<T, NodeError> {
    let (way, body) = Outgoing::new();
    way.send(head(call)?).await;
    // What is asked back is answered on the same way: it stays open so long.
    let way = match recheck {
        Some(recheck) => Some((way, recheck)),
        None => {
            way.end().await;
            None
        }
    };
    let turn = link.turn().await?;
    let mut frames = answered(&turn, call, body).await?;
    answer(&mut frames, way).await
}

/// A call that is answered with a body.
pub(super) async fn open<T: DeserializeOwned>(
    link: &Link,
    call: &Call,
) -> Result<(T, Flow), NodeError> {
    let (way, body) = Outgoing::new();
    way.send(head(call)?).await;
    way.end().await;
    let turn = link.turn().await?;
    let mut frames = answered(&turn, call, body).await?;
    let answer = answer(&mut frames, None).await?;
    let flow = Flow {
        frames,
        _turn: turn,
    };
    Ok((answer, flow))
}

/// A call with a payload. It is sent by whoever waits for the answer: one who goes away cuts it, and nothing of it is stored.
pub(super) async fn with_payload<T: DeserializeOwned, P: Payload>(
    link: &Link,
    call: &Call,
    recheck: Option<Recheck>,
    payload: P,
) -> Result<T, NodeError> {
    let (way, body) = Outgoing::new();
    way.send(head(call)?).await;
    let turn = link.turn().await?;
    let asked = recheck.map(|recheck| (way.clone(), recheck));
    let is_asked = asked.is_some();
    let answered = async {
        let mut frames = answered(&turn, call, body).await?;
        answer(&mut frames, asked).await
    };
    let sent = async move {
        pump(&way, payload).await;
        if !is_asked {
            way.end().await;
        }
        // The payload's end is not the call's: what is answered ends it.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = answered => answer,
        () = sent => Err(NodeError::Closed),
    }
}

fn head(call: &Call) -> Result<Bytes, NodeError> {
    let encoded = wire::encode(call).map_err(strange)?;
    if encoded.len() > NODE_CALL_BYTES_MAX {
        return Err(S3Error::new(S3Code::MaxMessageLengthExceeded).into());
    }
    Ok(frame(Kind::Head, &encoded))
}

/// Sends the call, and waits until its answer begins.
async fn answered(turn: &Turn, call: &Call, body: Outgoing) -> Result<Frames<Incoming>, NodeError> {
    let request = Request::post(format!("https://node{}", call.path()))
        .body(body)
        .map_err(strange)?;
    let response = turn.send(request).await?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(Frames::new(response.into_body(), NODE_ANSWER_BYTES_MAX));
    }
    let told = Limited::new(response.into_body(), REFUSAL_BYTES_MAX).collect();
    let told = told.await.map(http_body_util::Collected::to_bytes);
    let told = told.unwrap_or_default();
    let told = String::from_utf8_lossy(&told);
    Err(NodeError::Away(format!(
        "it answers {status}: {}",
        told.trim()
    )))
}

/// Waits for the answer, and says what is judged when the node asks.
async fn answer<T: DeserializeOwned>(
    frames: &mut Frames<Incoming>,
    mut asked: Option<(Way, Recheck)>,
) -> Result<T, NodeError> {
    loop {
        let event = frames.next().await.map_err(|torn| away(&torn))?;
        match event {
            Some(Event::Whole(Kind::Head, answer)) => {
                return wire::decode::<Result<T, NodeError>>(&answer).map_err(strange)?;
            }
            Some(Event::Whole(Kind::Ask, _)) => {
                let (way, recheck) = asked.take().ok_or_else(|| away(&Torn::Strange))?;
                let judged: Judged = recheck.ask().await;
                let judged = wire::encode(&judged).map_err(strange)?;
                way.send(frame(Kind::Judged, &judged)).await;
                way.end().await;
            }
            Some(_) => return Err(away(&Torn::Strange)),
            None => return Err(NodeError::Away("it ended without an answer".to_owned())),
        }
    }
}

/// Sends a payload to its end, good or bad, or until nobody wants more.
async fn pump<P: Payload>(way: &Way, payload: P) {
    let mut payload = pin!(payload);
    loop {
        let piece = std::future::poll_fn(|cx| payload.as_mut().poll_frame(cx)).await;
        let wanted = match piece {
            None => {
                way.send(frame(Kind::End, &[])).await;
                return;
            }
            Some(Err(failed)) => {
                let failed: PayloadError = failed.into();
                if let Ok(told) = wire::encode(&failed.0) {
                    way.send(frame(Kind::Failed, &told)).await;
                }
                return;
            }
            Some(Ok(piece)) => match (wire::trailers(&piece), piece.into_data()) {
                (Some(trailers), _) => match wire::encode(&trailers) {
                    Ok(told) => way.send(frame(Kind::Trailers, &told)).await,
                    Err(_) => return,
                },
                (None, Ok(data)) if data.len() <= SMALL_BYTES_MAX => {
                    way.send(frame(Kind::Data, &data)).await
                }
                (None, Ok(data)) => {
                    way.send(head_of_data(data.len())).await && way.send(data).await
                }
                (None, Err(_)) => true,
            },
        };
        if !wanted {
            return;
        }
    }
}

fn away(torn: &Torn) -> NodeError {
    NodeError::Away(torn.to_string())
}

/// What gate and node do not understand of each other: both are of other builds, or one is broken.
fn strange(cause: impl std::fmt::Display) -> NodeError {
    NodeError::Away(format!("what it says is not understood: {cause}"))
}
