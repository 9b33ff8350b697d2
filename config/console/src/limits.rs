//! Every bound of the admin side on one page. A bound's name ends in its unit and `_MAX`; a default's in `_DEFAULT`.

/// Entries of one page of a list, unless asked otherwise.
pub(crate) const PAGE_ENTRIES_DEFAULT: usize = 50;
/// Most entries of one page of a list.
pub(crate) const PAGE_ENTRIES_MAX: usize = 1_000;
/// Longest text that is searched for, in bytes.
pub(crate) const SEARCH_BYTES_MAX: usize = 256;
/// Longest cursor, in bytes: a name in hexadecimal digits, with how the list is sorted.
pub(crate) const CURSOR_BYTES_MAX: usize = 1_024;
/// Audit records that one page of a search looks at. A page that found less than was asked for says where to go on.
pub(crate) const AUDIT_LOOKED_AT_RECORDS_MAX: u64 = 10_000;
/// How long one record stands for the readings of one reader, in milliseconds: five minutes.
pub(crate) const READING_MS: u64 = 5 * 60 * 1_000;
/// Readings that are remembered as written down; past it each is written down.
pub(crate) const READINGS_REMEMBERED_MAX: usize = 10_000;
/// Largest file of an account, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Heads of the audit log that are compared in one request.
pub(crate) const HEADS_COMPARED_MAX: usize = 10_000;
/// Objects that are brought back in one request. Source: the object node takes as many at once.
pub(crate) const UNDELETED_MAX: usize = 1_000;
/// Longest `Idempotency-Key`, in bytes.
pub(crate) const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Creations that are remembered by their `Idempotency-Key`.
pub(crate) const CREATIONS_REMEMBERED_MAX: usize = 10_000;
/// How long a creation is remembered, in milliseconds: a day, as long as any client retries.
pub(crate) const CREATION_REMEMBERED_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// Audit records that are read for creations after a start.
pub(crate) const CREATIONS_RECALLED_RECORDS_MAX: u64 = 10_000;
/// Entries of the list of what a deletion takes along.
pub(crate) const LOSSES_LISTED_MAX: usize = 100;
/// Entries of the list of those for whom a change of permissions changes something.
pub(crate) const EFFECTS_LISTED_MAX: usize = 1_000;
/// Most users, or access keys, of one bulk change: each is a command, and they take their turns.
pub(crate) const BULK_ENTRIES_MAX: usize = 1_000;
/// Names that are tried for one that is free.
pub(crate) const FREE_NAMES_TRIED_MAX: usize = 100;
/// Names among which a name that is not there is looked for.
pub(crate) const LIKENESSES_LOOKED_AT_MAX: usize = 10_000;
/// How long a replaced key still works unless asked otherwise, in seconds: a day.
pub(crate) const GRACE_SECONDS_DEFAULT: u32 = 24 * 60 * 60;
/// Longest time that a replaced key still works, in seconds: 90 days.
pub(crate) const GRACE_SECONDS_MAX: u32 = 90 * 24 * 60 * 60;
/// How long a session lasts without being used, in milliseconds: half an hour.
pub(crate) const SESSION_IDLE_MS_MAX: u64 = 30 * 60 * 1_000;
/// How long a session lasts at most, in milliseconds: half a day.
pub(crate) const SESSION_MS_MAX: u64 = 12 * 60 * 60 * 1_000;
/// How long somebody who has shown that it is he is not asked again, in milliseconds: five minutes.
pub(crate) const STEP_UP_MS_MAX: u64 = 5 * 60 * 1_000;
/// Most that take what is uploaded at a time: each has a part of 8 MiB in memory, so that all have 64 MiB.
pub(crate) const UPLOADS_AT_ONCE_MAX: usize = 8;
/// Records of a live view that are sent at a time; what is older is left out.
pub(crate) const LIVE_RECORDS_MAX: u64 = 200;
/// A live view waits so long for more before it sends again, in milliseconds.
pub(crate) const LIVE_BREATH_MS: u64 = 200;
/// A live view ends after so many seconds; the browser comes again, as who it is then.
pub(crate) const LIVE_SECONDS_MAX: u64 = 60;
/// Most sessions of one operator. Another ends the one that was used longest ago.
pub(crate) const SESSIONS_OF_ONE_MAX: usize = 20;
/// Most sessions in all.
pub(crate) const SESSIONS_MAX: usize = 10_000;
/// Most characters of what a program says of itself that are kept with its session.
pub(crate) const AGENT_CHARACTERS_MAX: usize = 128;
/// How long somebody may take to sign in at a provider, in milliseconds: ten minutes.
pub(crate) const SSO_ATTEMPT_MS_MAX: u64 = 10 * 60 * 1_000;
/// Most attempts to sign in by a provider that are kept.
pub(crate) const SSO_ATTEMPTS_MAX: usize = 10_000;
/// Most of one address. Another ends its oldest.
pub(crate) const SSO_ATTEMPTS_OF_ONE_MAX: usize = 50;
/// How long a device may take to make or show a passkey, in milliseconds: five minutes, after which browsers give up.
/// Source: Web Authentication, Level 3, section 15.1.
pub(crate) const PASSKEY_ASKED_MS_MAX: u64 = 5 * 60 * 1_000;
/// Most passkeys that are asked for and not answered.
pub(crate) const PASSKEYS_ASKED_MAX: usize = 10_000;
/// Most of one address. Another forgets its oldest.
pub(crate) const PASSKEYS_ASKED_OF_ONE_MAX: usize = 50;
/// How far the clock of a provider may be from ours, in seconds.
pub(crate) const SSO_CLOCK_SKEW_SECONDS_MAX: u64 = 60;
/// How long what a provider says of itself is kept, in milliseconds: five minutes.
#[cfg(feature = "oidc")]
pub(crate) const SSO_DISCOVERY_MS_MAX: u64 = 5 * 60 * 1_000;
/// How long it is not asked again that gave no answer, in milliseconds: whoever waits meanwhile does not wait in turn.
#[cfg(feature = "oidc")]
pub(crate) const SSO_SILENCE_MS_MAX: u64 = 5 * 1_000;
/// Longest identity token, in bytes.
#[cfg(feature = "oidc")]
pub(crate) const SSO_TOKEN_BYTES_MAX: usize = 64 * 1_024;
/// Most keys of a provider that are looked at.
#[cfg(feature = "oidc")]
pub(crate) const SSO_KEYS_MAX: usize = 100;
/// How long an invitation works unless asked otherwise, in seconds: three days.
pub(crate) const INVITATION_SECONDS_DEFAULT: u64 = 3 * 24 * 60 * 60;
/// Tokens whose last use is remembered.
pub(crate) const TOKENS_REMEMBERED_MAX: usize = 10_000;
/// Attempts that were turned away are written down once in this time for each address, in milliseconds: a minute.
pub(crate) const THROTTLED_NOTE_MS: u64 = 60 * 1_000;
/// Languages that are read of those that a browser likes; people set a few.
pub(crate) const LANGUAGES_READ_MAX: usize = 20;
/// Longest sentence of a problem that is said in another language than English, in bytes.
pub(crate) const SENTENCE_BYTES_MAX: usize = 4 * 1_024;
/// How often a sentence may be cut when it is looked for in the catalogue. One with four parts is cut some fifty times.
pub(crate) const SENTENCE_CUTS_MAX: usize = 1_000;
/// How many parts of a sentence may lie within each other.
pub(crate) const SENTENCE_DEPTH_MAX: usize = 6;
/// Entries that a page of the console shows unless asked otherwise.
pub(crate) const PAGE_ENTRIES_SHOWN_DEFAULT: usize = 20;
/// After how long without use a key needs attention, in seconds: 45 days.
pub(crate) const ATTENTION_UNUSED_SECONDS: u64 = 45 * 24 * 60 * 60;
/// How long before its end a key needs attention, in seconds: seven days.
pub(crate) const ATTENTION_EXPIRES_SECONDS: u64 = 7 * 24 * 60 * 60;
/// Keys that the overview of an account looks at for what needs attention.
pub(crate) const ATTENTION_KEYS_LOOKED_AT_MAX: usize = 10_000;
