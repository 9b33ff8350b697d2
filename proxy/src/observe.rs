//! What is known of each request afterwards: the access log, the metrics, and the program's own log.
//!
//! The access log is not logging: one entry a request, every outcome, also "the client went away".

mod entry;
mod id;
mod riding;

pub use entry::{Entry, Modules, Signed};
pub use id::RequestId;
pub use riding::Riding;

/// Where entries go. Shared by all requests; never changed.
#[derive(Debug)]
pub struct Observer {
    ids: id::Ids,
}

impl Observer {
    /// An observer that writes nothing, for tests.
    pub fn silent() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self { ids: id::Ids::new(0) })
    }
}
