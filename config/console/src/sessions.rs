//! Who has signed in. In memory: a restart of the server ends every session; what lasts is a token.
//!
//! A session is found by the hash of its id, and is over when it was idle or is old, and when its operator was disabled, has another
//! password, role or scope, or has signed out everywhere: then it began under another number than his record has now.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use postern_config::directory::{Digest, OperatorId, OperatorStatus, State};
use postern_config::objects::HeldKey;
use postern_config::{Entropy, NoEntropy, Secret, UnixMillis};

use crate::limits::{
    AGENT_CHARACTERS_MAX, SESSION_IDLE_MS_MAX, SESSION_MS_MAX, SESSIONS_MAX, SESSIONS_OF_ONE_MAX,
    STEP_UP_MS_MAX,
};

/// Random bytes of a session's id.
const ID_BYTES: usize = 32;

/// How a session is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// By a browser's cookie.
    Cookie,
    /// As a bearer token: a command line.
    Bearer,
}

/// A session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Whose.
    pub(crate) operator: OperatorId,
    generation: u64,
    pub(crate) carrier: Carrier,
    /// When he signed in.
    pub(crate) began: UnixMillis,
    /// When it was used last.
    pub(crate) seen: UnixMillis,
    /// When he last showed that it is he.
    pub(crate) shown: UnixMillis,
    /// From where.
    pub(crate) address: Option<IpAddr>,
    /// With which program, as it says.
    pub(crate) agent: String,
    /// The access key under which he asks for what is in buckets, where he has given one.
    pub(crate) key: Option<Arc<HeldKey>>,
    /// What the next page tells.
    told: Option<Told>,
}

/// A sentence that the next page shows: what was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// In English; the catalogue has it in other languages. `{}` stands for what it is about.
    pub(crate) text: &'static str,
    /// What it is about.
    pub(crate) about: String,
    /// The revision of the directory that has it.
    pub(crate) revision: Option<u64>,
}

/// The hash of a session's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionHash([u8; 32]);

/// What a session begins with.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) operator: OperatorId,
    pub(crate) generation: u64,
    pub(crate) carrier: Carrier,
    /// When he showed that it is he.
    pub(crate) shown: UnixMillis,
    pub(crate) address: Option<IpAddr>,
    pub(crate) agent: String,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    // Guards the book for the time of a look into it.
    book: Mutex<HashMap<SessionHash, Session>>,
}

impl Session {
    /// When it ends at the latest.
    pub(crate) const fn ends(&self) -> UnixMillis {
        UnixMillis(self.began.0.saturating_add(SESSION_MS_MAX))
    }

    /// Whether he has shown lately that it is he.
    pub(crate) const fn is_fresh(&self, now: UnixMillis) -> bool {
        now.0.saturating_sub(self.shown.0) < STEP_UP_MS_MAX
    }

    fn works(&self, state: &State, now: UnixMillis) -> bool {
        let is_his = |operator: &postern_config::directory::Operator| {
            operator.status == OperatorStatus::Active && operator.generation == self.generation
        };
        now < self.ends()
            && now.0.saturating_sub(self.seen.0) < SESSION_IDLE_MS_MAX
            && state.operator(self.operator).is_some_and(|it| is_his(it))
    }
}

impl Sessions {
    /// Begins one, and answers its id, which is kept as a hash alone.
    pub(crate) fn begin(
        &self,
        beginning: Beginning,
        now: UnixMillis,
        entropy: &Entropy,
    ) -> Result<Secret, NoEntropy> {
        let id = fresh(entropy)?;
        let agent = beginning.agent.chars().filter(|c| !c.is_control());
        let session = Session {
            operator: beginning.operator,
            generation: beginning.generation,
            carrier: beginning.carrier,
            began: now,
            seen: now,
            shown: beginning.shown,
            address: beginning.address,
            agent: agent.take(AGENT_CHARACTERS_MAX).collect(),
            key: None,
            told: None,
        };
        let mut book = self.book.lock();
        let own = |it: &Session| it.operator == session.operator;
        while book.values().filter(|it| own(it)).count() >= SESSIONS_OF_ONE_MAX {
            forget_oldest(&mut book, own);
        }
        if book.len() >= SESSIONS_MAX {
            forget_oldest(&mut book, |_| true);
        }
        book.insert(hash(&id), session);
        Ok(id)
    }

    /// The session of this id, if it works; it is used now.
    pub(crate) fn find(
        &self,
        id: &[u8],
        carrier: Carrier,
        (state, now): (&State, UnixMillis),
    ) -> Option<(SessionHash, Session)> {
        let hash = SessionHash(*Digest::of(id).as_bytes());
        let mut book = self.book.lock();
        let session = book.get_mut(&hash).filter(|it| it.carrier == carrier)?;
        if !session.works(state, now) {
            book.remove(&hash);
            return None;
        }
        session.seen = now;
        Some((hash, session.clone()))
    }

    /// He has shown once more that it is he: the session goes on under another id.
    pub(crate) fn show(
        &self,
        old: SessionHash,
        now: UnixMillis,
        entropy: &Entropy,
    ) -> Result<Option<Secret>, NoEntropy> {
        let id = fresh(entropy)?;
        let mut book = self.book.lock();
        let Some(session) = book.remove(&old) else {
            return Ok(None);
        };
        let session = Session {
            shown: now,
            ..session
        };
        book.insert(hash(&id), session);
        Ok(Some(id))
    }

    /// How a session that was just begun is known.
    pub(crate) fn hash_of(&self, id: &Secret) -> Option<SessionHash> {
        let hash = hash(id);
        self.book.lock().contains_key(&hash).then_some(hash)
    }

    /// Keeps an access key for a session, in the place of the one before; or none.
    pub(crate) fn hold(&self, session: SessionHash, key: Option<HeldKey>) {
        if let Some(session) = self.book.lock().get_mut(&session) {
            session.key = key.map(Arc::new);
        }
    }

    /// Leaves a sentence for the next page.
    pub(crate) fn tell(&self, session: SessionHash, told: Told) {
        if let Some(session) = self.book.lock().get_mut(&session) {
            session.told = Some(told);
        }
    }

    /// Takes the sentence that was left.
    pub(crate) fn told(&self, session: SessionHash) -> Option<Told> {
        self.book.lock().get_mut(&session)?.told.take()
    }

    /// Ends one.
    pub(crate) fn end(&self, session: SessionHash) {
        self.book.lock().remove(&session);
    }

    /// Those of an operator that work, the one that was used last first.
    pub(crate) fn of(
        &self,
        operator: OperatorId,
        (state, now): (&State, UnixMillis),
    ) -> Vec<(SessionHash, Session)> {
        let book = self.book.lock();
        let own = book
            .iter()
            .filter(|(_, it)| it.operator == operator && it.works(state, now));
        let mut own: Vec<_> = own.map(|(hash, it)| (*hash, it.clone())).collect();
        own.sort_by_key(|(_, it)| std::cmp::Reverse(it.seen));
        own
    }
}

fn forget_oldest(book: &mut HashMap<SessionHash, Session>, of: impl Fn(&Session) -> bool) {
    let all = book.iter().filter(|(_, it)| of(it));
    let oldest = all.min_by_key(|(_, it)| it.seen).map(|(hash, _)| *hash);
    if let Some(oldest) = oldest {
        book.remove(&oldest);
    }
}

fn fresh(entropy: &Entropy) -> Result<Secret, NoEntropy> {
    Ok(Secret::new(
        hex::encode(entropy.bytes::<ID_BYTES>()?).into_bytes(),
    ))
}

fn hash(id: &Secret) -> SessionHash {
    SessionHash(id.lend(|id| *Digest::of(id).as_bytes()))
}
