//! Creations by `Idempotency-Key`: what is asked twice under one key is made once, for a day and across a restart.
//!
//! A retry is told what the first request has made, as it is now, and never a secret: a secret is shown once, and a key that was
//! overheard must not bring it back. Whoever lost the answer with the secret deletes the access key and makes another.
//!
//! The audit record of a creation names its key by a hash, in the transaction that makes it. What a server that was stopped has
//! made is so found again by the next.

use std::collections::{HashMap, VecDeque};
use std::future::Future;

use http::StatusCode;
use parking_lot::Mutex;
use postern_config::UnixMillis;
use postern_config::directory::{AccessKeyId, Actor, AuditRecord, Command, Digest, Outcome};
use s3_protocol::BucketId;
use tokio::sync::OnceCell;

use super::sentences::{Naming, refused_name};
use super::users::unexpected;
use crate::limits::{
    CREATION_REMEMBERED_MS_MAX, CREATIONS_RECALLED_RECORDS_MAX, CREATIONS_REMEMBERED_MAX,
    IDEMPOTENCY_KEY_BYTES_MAX,
};
use crate::{Admin, Problem};

/// How the audit record of a creation begins the name of its request.
const MARK: &str = "idempotency:";
/// Hexadecimal digits of a hash in that name: 128 bits.
const HASH_DIGITS: usize = 32;

/// Under which key a creation is asked for, and what is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    key: String,
    what: String,
}

impl Asked {
    /// `key` is the header's value; `what` is the whole request as bytes.
    ///
    /// # Errors
    /// The key is too long, empty or not visible ASCII.
    pub(crate) fn new(key: &[u8], what: &Digest) -> Result<Self, Problem> {
        let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len());
        if !fits || !key.iter().all(u8::is_ascii_graphic) {
            let detail = format!(
                "an `Idempotency-Key` has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters, such as a UUID"
            );
            return Err(Problem::malformed(detail));
        }
        let short = |digest: String| digest.chars().take(HASH_DIGITS).collect();
        Ok(Self {
            key: short(Digest::of(key).to_string()),
            what: short(what.to_string()),
        })
    }

    /// How the audit record calls the request.
    fn request(&self) -> String {
        format!("{MARK}{}:{}", self.key, self.what)
    }
}

/// What a creation has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// An account.
    Tenant(u64),
    /// A user.
    User(u64),
    /// A sub-user.
    SubUser(u64),
    /// A role.
    Role(u64),
    /// An access key.
    Key(AccessKeyId),
    /// A bucket.
    Bucket(BucketId),
    /// An operator.
    Operator(u64),
    /// A token of the admin API.
    Token(u64),
}

/// What came of a creation.
#[derive(Debug)]
pub(crate) enum Creation<T> {
    /// It is made.
    New(T),
    /// It was made before, under the same key.
    Before(Made),
}

/// Creations by who asked and under which key.
#[derive(Debug, Default)]
pub(crate) struct Creations {
    // Guards the book for the time of a look into it.
    book: Mutex<Book>,
    /// Set when the audit log was read for what an earlier run has made.
    recalled: OnceCell<()>,
}

#[derive(Debug, Default)]
struct Book {
    slots: HashMap<Slot, Entry>,
    /// The oldest first.
    order: VecDeque<Slot>,
}

type Slot = (String, String);

#[derive(Clone, Debug)]
struct Entry {
    what: String,
    since: UnixMillis,
    /// None while it is being made.
    made: Option<Made>,
}

/// Makes something once. `work` is given the actor whose audit record will name the key; it goes on when whoever asks goes away.
///
/// # Errors
/// Those of `work`; the key was used for something else, or is in use.
pub(crate) async fn once<T, F>(
    admin: &Admin,
    actor: Actor,
    asked: Option<Asked>,
    work: impl FnOnce(Admin, Actor) -> F,
) -> Result<Creation<T>, Problem>
where
    T: Send + 'static,
    F: Future<Output = Result<(Made, T), Problem>> + Send + 'static,
{
    let Some(asked) = asked else {
        let (_, made) = work(admin.clone(), actor).await?;
        return Ok(Creation::New(made));
    };
    let creations = admin.creations();
    creations.recalled.get_or_try_init(|| recall(admin)).await?;
    let slot = (actor.label(), asked.key.clone());
    let now = admin.directory.now();
    if let Some(made) = creations.book.lock().begin(&slot, &asked.what, now)? {
        return Ok(Creation::Before(made));
    }
    let actor = Actor {
        request: Some(asked.request()),
        ..actor
    };
    let work = work(admin.clone(), actor);
    let owner = admin.clone();
    // A task of its own: if whoever asks were dropped between the change and the note of it, a retry would make it twice.
    let done = tokio::spawn(async move {
        let done = work.await;
        let made = done.as_ref().ok().map(|(made, _)| *made);
        owner.creations().book.lock().end(&slot, made);
        done
    });
    match done.await {
        Ok(done) => done.map(|(_, made)| Creation::New(made)),
        Err(_) => {
            let detail = "the creation broke off; look whether it was made before you ask again";
            Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                detail,
            ))
        }
    }
}

/// Makes what a command makes, once. Answers whether it is new, and what `made` finds in the outcome.
///
/// # Errors
/// The command is refused, or the key was used for something else.
pub(crate) async fn by(
    admin: &Admin,
    actor: Actor,
    asked: Option<Asked>,
    (subject, command): (String, Command),
    made: fn(&Outcome) -> Option<Made>,
) -> Result<(bool, Made), Problem> {
    let done = once(admin, actor, asked, |admin, actor| async move {
        let state = admin.directory.state();
        let naming = Naming::of(&state, &command);
        let applied = admin.directory.apply(command, actor).await;
        let applied = applied.map_err(|error| refused_name(&state, naming, (&subject, error)))?;
        let made = made(&applied.outcome).ok_or_else(unexpected)?;
        Ok((made, made))
    });
    Ok(match done.await? {
        Creation::New(made) => (true, made),
        Creation::Before(made) => (false, made),
    })
}

/// What was made under this key before, if anything was.
///
/// # Errors
/// The audit log cannot be read, or the key was used for something else.
pub(crate) async fn before(
    admin: &Admin,
    actor: &Actor,
    asked: &Asked,
) -> Result<Option<Made>, Problem> {
    let creations = admin.creations();
    creations.recalled.get_or_try_init(|| recall(admin)).await?;
    let slot = (actor.label(), asked.key.clone());
    creations
        .book
        .lock()
        .before(&slot, &asked.what, admin.directory.now())
}

impl Book {
    /// What was made in a slot.
    fn before(&self, slot: &Slot, what: &str, now: UnixMillis) -> Result<Option<Made>, Problem> {
        let is_old = |entry: &Entry| {
            entry.made.is_some() && now.0.saturating_sub(entry.since.0) > CREATION_REMEMBERED_MS_MAX
        };
        match self.slots.get(slot) {
            Some(entry) if is_old(entry) => {}
            Some(entry) if entry.what != what => {
                let detail = "this `Idempotency-Key` was used for another request: a key is for one creation and its retries";
                return Err(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "idempotency-key",
                    detail,
                ));
            }
            Some(Entry { made: None, .. }) => {
                let detail = "the first request with this `Idempotency-Key` is still at work: try again in a moment";
                return Err(Problem::new(StatusCode::CONFLICT, "in-progress", detail));
            }
            Some(Entry { made, .. }) => return Ok(*made),
            None => {}
        }
        Ok(None)
    }

    /// Takes the slot, or says what was made in it.
    fn begin(&mut self, slot: &Slot, what: &str, now: UnixMillis) -> Result<Option<Made>, Problem> {
        let made = self.before(slot, what, now)?;
        if made.is_none() {
            self.put(slot.clone(), what.to_owned(), now, None);
        }
        Ok(made)
    }

    fn end(&mut self, slot: &Slot, made: Option<Made>) {
        match made {
            Some(made) => {
                if let Some(entry) = self.slots.get_mut(slot) {
                    entry.made = Some(made);
                }
            }
            // What failed has changed nothing, and may be tried again.
            None => {
                self.slots.remove(slot);
                self.order.retain(|other| other != slot);
            }
        }
    }

    fn put(&mut self, slot: Slot, what: String, since: UnixMillis, made: Option<Made>) {
        if self
            .slots
            .insert(slot.clone(), Entry { what, since, made })
            .is_some()
        {
            self.order.retain(|other| *other != slot);
        }
        self.order.push_back(slot);
        // What is at work is not forgotten; there is less of it than connections.
        while self.order.len() > CREATIONS_REMEMBERED_MAX {
            let is_done = |slot: &Slot| self.slots.get(slot).is_none_or(|it| it.made.is_some());
            let Some(place) = self.order.iter().position(is_done) else {
                return;
            };
            if let Some(slot) = self.order.remove(place) {
                self.slots.remove(&slot);
            }
        }
    }
}

/// Reads the end of the audit log for what an earlier run has made.
async fn recall(admin: &Admin) -> Result<(), Problem> {
    let last = admin.directory.audits();
    let mut after = last.saturating_sub(CREATIONS_RECALLED_RECORDS_MAX);
    let oldest = admin
        .directory
        .now()
        .0
        .saturating_sub(CREATION_REMEMBERED_MS_MAX);
    while after < last {
        let page = admin.directory.audit_page(after, usize::MAX).await;
        let page = page.map_err(|fault| super::audit::unreadable(&fault))?;
        let Some(end) = page.last().map(|record| record.sequence) else {
            return Ok(());
        };
        let mut book = admin.creations().book.lock();
        for record in page.iter().filter(|record| record.time_ms.0 >= oldest) {
            if let Some((slot, what, made)) = remembered(record) {
                book.put(slot, what, record.time_ms, Some(made));
            }
        }
        after = end;
    }
    Ok(())
}

/// The creation that a record tells of.
fn remembered(record: &AuditRecord) -> Option<(Slot, String, Made)> {
    let (key, what) = record
        .actor
        .request
        .as_deref()?
        .strip_prefix(MARK)?
        .split_once(':')?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let made = match record.action.as_str() {
        "tenant.create" => Made::Tenant(number(&record.object)?),
        "user.create" => Made::User(number(&record.object)?),
        "operator.create" => Made::Operator(number(&record.object)?),
        "token.create" => Made::Token(number(&record.object)?),
        "sub-user.create" => Made::SubUser(number(&record.object)?),
        "role.create" => Made::Role(number(&record.object)?),
        "key.create" => Made::Key(record.object.parse().ok()?),
        "key.rotate" => Made::Key(record.detail.get("new")?.as_str()?.parse().ok()?),
        "bucket.create" => Made::Bucket(BucketId(u128::from_str_radix(&record.object, 16).ok()?)),
        _ => return None,
    };
    let slot = (record.actor.label(), key.to_owned());
    Some((slot, what.to_owned(), made))
}

/// The answer where what was made under a key is gone again.
pub(crate) fn gone(what: &str) -> Problem {
    let detail = format!(
        "the first request with this `Idempotency-Key` made a {what} that is gone since: use another key to make a new one"
    );
    Problem::new(StatusCode::CONFLICT, "gone", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(key: &str) -> Slot {
        ("admin-token".to_owned(), key.to_owned())
    }

    #[test]
    fn what_is_at_work_is_not_begun_again_and_what_failed_may_be() {
        let mut book = Book::default();
        let now = UnixMillis(1);
        assert_eq!(book.begin(&slot("a"), "x", now), Ok(None));
        assert_eq!(
            book.begin(&slot("a"), "x", now).unwrap_err().code,
            "in-progress"
        );
        book.end(&slot("a"), None);
        assert_eq!(book.begin(&slot("a"), "x", now), Ok(None));
        book.end(&slot("a"), Some(Made::User(1)));
        assert_eq!(book.begin(&slot("a"), "x", now), Ok(Some(Made::User(1))));
        assert_eq!(
            book.begin(&slot("a"), "y", now).unwrap_err().code,
            "idempotency-key"
        );
        let other = ("admin:bob".to_owned(), "a".to_owned());
        assert_eq!(book.begin(&other, "y", now), Ok(None));
    }

    #[test]
    fn a_creation_is_remembered_for_a_day_and_the_book_is_bounded() {
        let mut book = Book::default();
        book.put(slot("a"), "x".into(), UnixMillis(0), Some(Made::User(1)));
        let day = CREATION_REMEMBERED_MS_MAX;
        assert_eq!(
            book.begin(&slot("a"), "x", UnixMillis(day)),
            Ok(Some(Made::User(1)))
        );
        assert_eq!(book.begin(&slot("a"), "x", UnixMillis(day + 1)), Ok(None));
        for number in 0..=CREATIONS_REMEMBERED_MAX {
            book.put(
                slot(&number.to_string()),
                "x".into(),
                UnixMillis(0),
                Some(Made::User(1)),
            );
        }
        assert_eq!(book.slots.len(), CREATIONS_REMEMBERED_MAX);
        assert_eq!(book.order.len(), CREATIONS_REMEMBERED_MAX);
        // The one at work is the oldest of all, and stays.
        assert!(book.slots.contains_key(&slot("a")));
    }

    #[test]
    fn a_key_of_128_characters_is_taken_and_one_more_is_not() {
        let what = Digest::of(b"");
        assert!(Asked::new(&[b'k'; IDEMPOTENCY_KEY_BYTES_MAX], &what).is_ok());
        for wrong in [
            &[b'k'; IDEMPOTENCY_KEY_BYTES_MAX + 1][..],
            b"",
            b"a b",
            b"\xff",
        ] {
            assert!(Asked::new(wrong, &what).is_err());
        }
    }
}
