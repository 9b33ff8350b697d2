//! The body of a stored object, wherever the node is.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use s3_protocol::S3Error;
use storage_node::ObjectBody;

use super::super::remote::RemoteBody;

/// The body of a stored object.
#[derive(Debug)]
pub enum StoredBody {
    /// Read here.
    Here(ObjectBody),
    /// Read on another machine.
    Elsewhere(RemoteBody),
}

impl From<ObjectBody> for StoredBody {
    fn from(body: ObjectBody) -> Self {
        Self::Here(body)
    }
}

impl From<RemoteBody> for StoredBody {
    fn from(body: RemoteBody) -> Self {
        Self::Elsewhere(body)
    }
}

impl Body for StoredBody {
    type Data = Bytes;
    type Error = S3Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        match self.get_mut() {
            Self::Here(body) => Pin::new(body).poll_frame(cx).map_err(S3Error::from),
            Self::Elsewhere(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Here(body) => body.is_end_stream(),
            Self::Elsewhere(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Here(body) => body.size_hint(),
            Self::Elsewhere(body) => body.size_hint(),
        }
    }
}
