//! Every bound of the directory on one page. A bound's name ends in its unit and `_MAX`. The bounds of the wire are
//! settings: see [`crate::settings::Limits`].

/// Longest name of a tenant, user or module, in bytes. Room for an e-mail address. Source: RFC 5321 section 4.5.3.1 (64 + 1 + 63).
pub const NAME_BYTES_MAX: usize = 128;
/// Longest public alias, in bytes: with a bucket and `--` it must fit one label of a host name (63).
pub const ALIAS_BYTES_MAX: usize = 32;
/// Longest host, in bytes. Source: RFC 1035 section 2.3.4, without the dot at its end.
pub const HOST_BYTES_MAX: usize = 253;
/// Most hosts of an account's own.
pub const TENANT_HOSTS_MAX: usize = 16;
/// Longest description, in bytes of UTF-8.
pub const DESCRIPTION_BYTES_MAX: usize = 256;
/// Longest e-mail address, in bytes. Source: RFC 5321 section 4.5.3.1.3 (a path of 256 with its brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Longest name of a time zone or tag of a language, in bytes.
pub const TAG_BYTES_MAX: usize = 64;
/// Longest beginning of a referrer's address, in bytes.
pub const REFERRER_BYTES_MAX: usize = 256;
/// Most referrers of one container. Source: they are one fact of a check, compared one by one.
pub const REFERRERS_MAX: usize = 32;
/// Most users that the permissions of an account or container name. Source: a row of etcd holds 1.5 MiB, an entry takes 60 bytes.
pub const PERMISSION_ROWS_MAX: usize = 1_000;
/// Most roles that an account makes.
pub const CUSTOM_ROLES_MAX: usize = 100;
/// Most entries of one list of a key: buckets, prefixes, operations or networks.
pub const KEY_LIST_ENTRIES_MAX: usize = 100;
/// Most digests kept for rolling back one module.
pub const ROLLBACK_DIGESTS_MAX: usize = 32;
/// Largest module that the directory stores, in bytes. The setting `policy.module_bytes` may ask for less.
/// Source: etcd refuses requests above 1.5 MiB, of which base64 takes a quarter.
pub const MODULE_BYTES_MAX: usize = 1_024 * 1_024;
/// Most versions of one module that are kept at a time. The oldest that is in no history must be retired first.
pub const MODULE_VERSIONS_MAX: usize = 256;
/// Longest policy document, in bytes. Source: S3 User Guide, "Bucket policies": 20 KB.
pub const POLICY_BYTES_MAX: usize = 20 * 1_024;
/// Most policy documents of one user. Source: IAM quotas, managed policies attached to a user: 10.
pub const USER_POLICIES_MAX: usize = 10;
/// Longest path of a user, group, role or policy, in bytes. Source: IAM API Reference, `Path`.
pub const IAM_PATH_BYTES_MAX: usize = 512;
/// Most groups of an account. Source: IAM quotas.
pub const GROUPS_MAX: usize = 300;
/// Most groups of a user. Source: IAM quotas.
pub const USER_GROUPS_MAX: usize = 10;
/// Most policies that an account manages by itself. Source: IAM quotas.
pub const MANAGED_POLICIES_MAX: usize = 1_500;
/// Most versions of one of them. Source: IAM quotas.
pub const POLICY_VERSIONS_MAX: usize = 5;
/// Longest document of one of them, in characters that are not white space. Source: IAM quotas.
pub const MANAGED_POLICY_CHARACTERS_MAX: usize = 6_144;
/// Most policies that are attached to a user, group or role. Source: IAM quotas.
pub const ATTACHED_POLICIES_MAX: usize = 10;
/// Most roles of an account that callers assume. Source: IAM quotas.
pub const IAM_ROLES_MAX: usize = 1_000;
/// Longest document that says who may assume a role, in bytes. Source: IAM quotas allow 4,096 at most.
pub const TRUST_BYTES_MAX: usize = 4_096;
/// Longest policy of a session, in bytes: it is in the token, and the token in a header. Source: STS API Reference, `Policy`.
pub const SESSION_POLICY_BYTES_MAX: usize = 2_048;
/// Most that all documents which judge one user or role say together, in bytes: they are one module.
pub const IDENTITY_BYTES_MAX: usize = 256 * 1_024;
/// The longest that the session of a role may be set to last, in seconds. Source: IAM API Reference, `MaxSessionDuration`.
pub const ROLE_SESSION_SECONDS_MAX: u32 = 43_200;
/// The shortest of these. Source: the same.
pub const ROLE_SESSION_SECONDS_MIN: u32 = 3_600;
/// How often a command is tried again when another writer was faster.
pub const COMMAND_ATTEMPTS_MAX: u32 = 8;
/// Most rows that one transaction removes. Source: etcd's default `--max-txn-ops` is 128.
pub const SWEEP_ROWS_MAX: usize = 100;
/// Most deletions with data that go on at a time.
pub const JOBS_RUNNING_MAX: usize = 1_000;
/// Most jobs that are kept; the oldest that is done goes first.
pub const JOBS_KEPT_MAX: usize = 2_000;
/// Objects that a purge removes in one step. Source: what one `DeleteObjects` takes.
pub const PURGE_STEP_OBJECTS_MAX: usize = 1_000;
/// Objects that purges remove in a second, so that requests are not held up by them.
pub const PURGE_OBJECTS_PER_SECOND_MAX: u32 = 10_000;
/// Longest wait before a purge that does not get on tries again, in seconds.
pub const PURGE_WAIT_SECONDS_MAX: u64 = 60;
/// Most records that one file of an account changes.
pub const IMPORT_ROWS_MAX: usize = 100_000;
/// Audit records that retention takes away in one transaction.
pub const AUDIT_TRIM_ROWS_MAX: usize = 1_000;
/// Rows that are sealed anew under another master key in one transaction.
pub const RESEAL_ROWS_MAX: usize = 1_000;
/// Rows that one page of the engine holds.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// Revisions whose changes the embedded engine keeps for watchers. What rows were is kept until it is told to forget.
pub const WATCHED_REVISIONS_MAX: u64 = 10_000;
/// Revisions that the embedded engine forgets in one transaction: others wait for it.
pub const FORGOTTEN_REVISIONS_MAX: u64 = 1_000;
/// Memory of the embedded engine for pages of its file, in bytes: rows are read at start, and what decides is held elsewhere.
pub const ENGINE_CACHE_BYTES: usize = 64 * 1_024 * 1_024;
/// Longest access key id, in bytes, and the only length that this directory makes.
pub const ACCESS_KEY_ID_BYTES: usize = 20;
/// Characters of a secret access key. Each is one of 62, so 40 carry 238 bits.
pub const SECRET_CHARACTERS: usize = 40;
/// Most audit records that a search looks back over.
pub const AUDIT_SEARCH_RECORDS_MAX: u64 = 100_000;
/// Most characters of what an audit record says came of a step.
pub const NOTE_CHARACTERS_MAX: usize = 1_024;
/// Fewest characters of a password. Source: NIST SP 800-63B asks for 8 beside a second factor and 15 without; 12 serves both.
pub const PASSWORD_CHARACTERS_MIN: usize = 12;
/// Longest password, in bytes of UTF-8: hashing costs the same for each, reading it does not.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Passwords that are hashed at a time: each takes 19 MiB and a processor.
pub const PASSWORD_SEATS: usize = 2;
/// Passwords that wait to be hashed. More are turned away.
pub const PASSWORD_WAITING_MAX: usize = 32;
/// Failed attempts that nobody waits for.
pub const THROTTLE_FREE_ATTEMPTS: u32 = 5;
/// Longest wait after a failed attempt, in seconds.
pub const THROTTLE_WAIT_SECONDS_MAX: u64 = 900;
/// Accounts and addresses whose failures are remembered.
pub const THROTTLE_SUBJECTS_MAX: u64 = 100_000;
/// Shortest life of temporary credentials, in seconds. Source: STS API Reference, `GetSessionToken`.
pub const SESSION_SECONDS_MIN: u64 = 900;
/// Longest life of temporary credentials, in seconds. Source: STS API Reference, `GetSessionToken`: 36 hours.
pub const SESSION_SECONDS_MAX: u64 = 129_600;

/// Shards of a meter: each thread that serves counts in one, so that threads rarely share.
pub const METER_SHARDS: usize = 16;
/// Most rows of one shard between two writes, a row being an access key × a bucket × an hour. Past it the rows of accounts are
/// counted without user, key and bucket, until the next write.
pub const METER_SHARD_ROWS_MAX: usize = 16 * 1_024;
/// Most of these coarser rows of one shard. Past it requests are counted under nobody.
pub const METER_SHARD_COARSE_ROWS_MAX: usize = 1_024;
/// Most rows that wait for a store that fails. At the bound the shards keep theirs, up to their own bounds.
pub const METER_PENDING_ROWS_MAX: usize = 128 * 1_024;
/// Longest time in which a request is counted in memory alone: what SIGKILL or a power cut may take.
pub const METER_FLUSH_TIME: std::time::Duration = std::time::Duration::from_secs(1);
/// Most hours without a sample of what is stored that are filled at the next start: two months. Nothing stored changes while no
/// server runs, so that the fill is exact.
pub const SAMPLE_GAP_HOURS_MAX: u32 = 62 * 24;
/// Most lines of one report.
pub const REPORT_ITEMS_MAX: usize = 100_000;
/// Most corrections, and most closed periods, that are kept: a day each for a century.
pub const CORRECTIONS_MAX: u64 = 36_500;
/// Longest reason of a correction, in characters.
pub const REASON_CHARACTERS_MAX: usize = 256;
/// Most operators of the deployment.
pub const OPERATORS_MAX: usize = 10_000;
/// Most users that an operator's scope names.
pub const SCOPE_USERS_MAX: usize = 1_000;
/// Most tokens of one operator, or of those that no operator has made.
pub const API_TOKENS_MAX: usize = 100;
/// Most passkeys of one operator.
pub const PASSKEYS_MAX: usize = 10;
/// Longest life of a link that invites an operator, in seconds: 30 days.
pub const INVITATION_SECONDS_MAX: u64 = 30 * 24 * 60 * 60;
/// Characters of a token of the admin API after its beginning, and of a link's secret: each is one of 62, so 40 carry 238 bits.
pub const TOKEN_CHARACTERS: usize = SECRET_CHARACTERS;
