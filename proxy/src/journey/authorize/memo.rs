//! What was asked of the node about stored objects: once a request, and only where a policy wanted to know. All checks and all
//! later judgements of the request see the same.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use s3_protocol::VersionId;
use storage_node::{NodeError, ObjectPlace, Stands, StoredFacts};

use crate::upstream::ObjectStore;

/// The answers so far. Nearly every request has none, and pays for none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memo {
    /// Guards the list for the time of one look or one addition.
    answers: OnceLock<Arc<Mutex<Vec<Answer>>>>,
}

#[derive(Debug)]
struct Answer {
    place: ObjectPlace,
    version: Option<VersionId>,
    stored: Arc<Stored>,
}

/// An object as it was when it was asked about.
#[derive(Debug)]
pub(crate) struct Stored(pub(super) Option<StoredFacts>);

impl Memo {
    /// What is known of an object.
    pub(super) fn get(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
    ) -> Option<Arc<Stored>> {
        let answers = self.answers.get()?.lock();
        let found = answers
            .iter()
            .find(|answer| answer.place == *place && answer.version == version);
        found.map(|answer| Arc::clone(&answer.stored))
    }

    /// Whether nothing was asked.
    pub(super) fn is_empty(&self) -> bool {
        self.answers.get().is_none()
    }

    /// Asks the node.
    pub(super) async fn fetch(
        &self,
        node: &ObjectStore,
        place: ObjectPlace,
        version: Option<VersionId>,
    ) -> Result<(), NodeError> {
        let stored = Arc::new(Stored(node.stored_facts(&place, version).await?));
        let mut answers = self.answers.get_or_init(Arc::default).lock();
        answers.push(Answer {
            place,
            version,
            stored,
        });
        Ok(())
    }
}

impl Stored {
    /// What must still stand there when what was decided is done.
    pub(super) fn stands(&self) -> Stands {
        match &self.0 {
            Some(facts) => Stands::Write(facts.write),
            None => Stands::Nothing,
        }
    }
}
