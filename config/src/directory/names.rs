//! Names and numbers of the directory. Each text has one fallible door; the numbers are given by the directory at
//! creation and never used twice.

use std::fmt;
use std::str::FromStr;

use s3_protocol::BucketName;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::permission::Referrer;
use crate::limits::{
    ACCESS_KEY_ID_BYTES, ALIAS_BYTES_MAX, DESCRIPTION_BYTES_MAX, EMAIL_BYTES_MAX, HOST_BYTES_MAX,
    IAM_PATH_BYTES_MAX, NAME_BYTES_MAX, REFERRER_BYTES_MAX, TAG_BYTES_MAX,
};

/// An account, numbered by the directory at its creation and never reused.
///
/// It deliberately has no `FromStr`: an account is never read from a request, only found behind an access key, or
/// behind the host of a public bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub(crate) u64);

/// A user, numbered by the directory at his creation and never reused, in no tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub(crate) u64);

/// A sub-user, numbered like users: no user has the number of a sub-user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubUserId(pub(crate) u64);

/// A role that an account has made, numbered by the directory at its creation and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleId(pub(crate) u64);

/// Work that goes on after its command, numbered by the directory and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub(crate) u64);

/// An operator: a person who signs in to the admin side. Numbered at his creation and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorId(pub(crate) u64);

/// A token of the admin API, numbered like operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiTokenId(pub(crate) u64);
/// A group of users, numbered by the directory at its creation and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub(crate) u64);

/// A policy that an account manages by itself, to attach it, numbered by the directory at its creation and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyId(pub(crate) u64);

/// A role that callers assume for a while, numbered by the directory at its creation and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IamRoleId(pub(crate) u64);

/// A family of access keys: a key keeps it when it is rotated, so that it still owns what it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(pub(crate) u64);

/// The name of a module or policy as it is compared: without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameKey(Box<str>);

impl NameKey {
    pub(crate) fn new(name: &Name) -> Self {
        Self(name.folded())
    }
}

impl std::borrow::Borrow<str> for NameKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! numbers {
    ($($name:ident)*) => { $(
        impl $name {
            /// The number.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }
    )* };
}

numbers! { TenantId UserId SubUserId RoleId GroupId PolicyId IamRoleId JobId OperatorId ApiTokenId Lineage }

/// An access key's public half: 20 characters of `A-Z 0-9`. Those made here begin with `PK`, temporary ones with `PS`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessKeyId([u8; ACCESS_KEY_ID_BYTES]);

/// The SHA-256 digest of a module: its version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// The name of a tenant, user or module: letters, digits and `. _ - @ +`, beginning with a letter or digit. Two names
/// that differ only in case are the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Box<str>);

/// Where a user, group, role or policy stands in its account, such as `/division/team/`. It is part of the ARN and of nothing else: a
/// name is unique in its account, whatever its path. Source: IAM User Guide, "IAM identifiers".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IamPath(Box<str>);

/// What whoever assumes a role calls his session: 2 to 64 letters, digits and `_ + = , . @ -`. Source: STS API Reference,
/// `RoleSessionName`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionName(Box<str>);

/// The globally unique label by which hosts find a namespace: `<alias>.<public domain>`. Letters in lower case, digits, single `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Alias(Box<str>);

/// A host of an account's own: a domain name in lower case, of at least two labels. Source: RFC 1035 section 2.3.4.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(Box<str>);

/// What a person writes about a key or user: any text on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Description(Box<str>);

/// An e-mail address: with what a person signs in, and where he is told of things. Two that differ only in case are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(Box<str>);

/// A time zone as the IANA database names it, such as `Europe/Berlin`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timezone(Box<str>);

/// A language, such as `en` or `pt-BR`. Source: BCP 47.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(Box<str>);

/// Where a bucket's name is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamespaceId {
    /// One user's own.
    User(TenantId, UserId),
    /// An account's, shared by its members.
    Account(TenantId),
    /// The deployment's, the S3 way.
    Global,
}

impl NamespaceId {
    /// The account whose namespace it is; none for the deployment's.
    pub const fn tenant(self) -> Option<TenantId> {
        match self {
            Self::User(tenant, _) | Self::Account(tenant) => Some(tenant),
            Self::Global => None,
        }
    }

    /// Names a bucket inside this namespace: the only way to make a [`PlacedBucket`].
    pub const fn bucket(self, name: BucketName) -> PlacedBucket {
        PlacedBucket {
            namespace: self,
            name,
        }
    }
}

impl fmt::Display for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(tenant, user) => write!(f, "user/{tenant}/{user}"),
            Self::Account(tenant) => write!(f, "account/{tenant}"),
            Self::Global => f.write_str("global"),
        }
    }
}

/// A bucket's name in its namespace. A bare name addresses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlacedBucket {
    namespace: NamespaceId,
    name: BucketName,
}

impl PlacedBucket {
    /// The namespace.
    pub const fn namespace(&self) -> NamespaceId {
        self.namespace
    }

    /// The name in it.
    pub const fn name(&self) -> &BucketName {
        &self.name
    }
}

/// Why a text is not a name of the directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryNameError {
    /// Not an access key id.
    #[error("an access key id has 20 characters of A-Z and 0-9")]
    AccessKeyId,
    /// Not a digest.
    #[error("a digest has 64 lower-case hexadecimal digits")]
    Digest,
    /// Not a name.
    #[error(
        "a name has 1 to {NAME_BYTES_MAX} letters, digits and `. _ - @ +`, and begins with a letter or digit"
    )]
    Name,
    /// Not a path.
    #[error(
        "a path begins and ends with `/` and has at most {IAM_PATH_BYTES_MAX} printable characters of ASCII"
    )]
    Path,
    /// Not the name of a session.
    #[error("a session's name has 2 to 64 letters, digits and `_ + = , . @ -`")]
    SessionName,
    /// Not an alias.
    #[error(
        "an alias has 1 to {ALIAS_BYTES_MAX} lower-case letters, digits and single `-`, and begins and ends with a letter or digit"
    )]
    Alias,
    /// Not a host.
    #[error("a host is a domain name in lower case, such as `s3.example.org`")]
    Host,
    /// Not a description.
    #[error("a description has at most {DESCRIPTION_BYTES_MAX} bytes and no control character")]
    Description,
    /// Not an e-mail address.
    #[error("an e-mail address is `name@domain`, at most {EMAIL_BYTES_MAX} bytes, without blanks")]
    Email,
    /// Not a time zone.
    #[error("a time zone is one of the IANA database, such as `Europe/Berlin` or `UTC`")]
    Timezone,
    /// Not a language.
    #[error("a language is a tag of BCP 47, such as `en` or `pt-BR`")]
    Language,
    /// Not a referrer.
    #[error(
        "a referrer is the beginning of an address, such as `https://example.com/`, at most {REFERRER_BYTES_MAX} bytes, or `*` for all"
    )]
    Referrer,
}

impl AccessKeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        // INVARIANT: the only door, `FromStr`, accepts ASCII alone.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// A new id out of 18 random bytes.
    pub(crate) fn from_random(random: [u8; ACCESS_KEY_ID_BYTES - 2]) -> Self {
        Self::of_kind(b'K', random)
    }

    /// The id of temporary credentials out of 18 random bytes.
    pub(crate) fn temporary(random: [u8; ACCESS_KEY_ID_BYTES - 2]) -> Self {
        Self::of_kind(b'S', random)
    }

    fn of_kind(kind: u8, random: [u8; ACCESS_KEY_ID_BYTES - 2]) -> Self {
        const ALPHABET: [u8; 32] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut id = [b'P'; ACCESS_KEY_ID_BYTES];
        if let Some(second) = id.get_mut(1) {
            *second = kind;
        }
        for (place, byte) in id.iter_mut().skip(2).zip(random) {
            *place = ALPHABET
                .get(usize::from(byte & 31))
                .copied()
                .unwrap_or(b'A');
        }
        Self(id)
    }
}

impl FromStr for AccessKeyId {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: [u8; ACCESS_KEY_ID_BYTES] = text
            .as_bytes()
            .try_into()
            .map_err(|_| DirectoryNameError::AccessKeyId)?;
        let fits = bytes
            .iter()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        fits.then_some(Self(bytes))
            .ok_or(DirectoryNameError::AccessKeyId)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKeyId({})", self.as_str())
    }
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Digest {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if lower => Ok(Self(bytes)),
            _ => Err(DirectoryNameError::Digest),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Name {
    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it is compared.
    pub(crate) fn folded(&self) -> Box<str> {
        self.0.to_ascii_lowercase().into()
    }
}

impl FromStr for Name {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let fits = (1..=NAME_BYTES_MAX).contains(&bytes.len())
            && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"._-@+".contains(b));
        fits.then(|| Self(text.into()))
            .ok_or(DirectoryNameError::Name)
    }
}

impl IamPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `/`.
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }
}

impl Default for IamPath {
    fn default() -> Self {
        Self("/".into())
    }
}

impl FromStr for IamPath {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=IAM_PATH_BYTES_MAX).contains(&text.len())
            && text.starts_with('/')
            && text.ends_with('/')
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.into()))
            .ok_or(DirectoryNameError::Path)
    }
}

impl SessionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionName {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        let fits = (2..=64).contains(&text.len()) && text.bytes().all(legal);
        fits.then(|| Self(text.into()))
            .ok_or(DirectoryNameError::SessionName)
    }
}

impl Alias {
    /// The alias as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Alias {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (1..=ALIAS_BYTES_MAX).contains(&bytes.len())
            && bytes.first().is_some_and(plain)
            && bytes.last().is_some_and(plain)
            && bytes.iter().all(|b| plain(b) || *b == b'-')
            && !text.contains("--");
        fits.then(|| Self(text.into()))
            .ok_or(DirectoryNameError::Alias)
    }
}

// Lets maps that are keyed by aliases be asked with what a host says.
impl std::borrow::Borrow<str> for Alias {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Host {
    /// The host as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is that host, or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        let rest = self.0.strip_suffix(&*other.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl FromStr for Host {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_label = |label: &str| {
            let (first, last) = (label.bytes().next(), label.bytes().last());
            (1..=63).contains(&label.len())
                && first.is_some_and(plain)
                && last.is_some_and(plain)
                && label.bytes().all(|byte| plain(byte) || byte == b'-')
        };
        let fits = text.len() <= HOST_BYTES_MAX
            && text.contains('.')
            && text.split('.').all(is_label)
            && text.parse::<std::net::Ipv4Addr>().is_err();
        fits.then(|| Self(text.into()))
            .ok_or(DirectoryNameError::Host)
    }
}

// Lets maps that are keyed by hosts be asked with what a request says.
impl std::borrow::Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Description {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Description {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = text.len() <= DESCRIPTION_BYTES_MAX && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
            .ok_or(DirectoryNameError::Description)
    }
}

impl Email {
    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as it is compared.
    pub(crate) fn folded(&self) -> Box<str> {
        self.0.to_lowercase().into()
    }
}

impl FromStr for Email {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let label = |label: &str| {
            let ends = [label.chars().next(), label.chars().last()];
            ends.iter().all(|it| it.is_some_and(|it| it != '-'))
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let parts = text.rsplit_once('@').is_some_and(|(name, domain)| {
            let dotted = !name.starts_with('.') && !name.ends_with('.') && !name.contains("..");
            let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
            (1..=64).contains(&name.len())
                && dotted
                && name.chars().all(plain)
                && domain.contains('.')
                && domain.split('.').all(label)
        });
        (parts && text.len() <= EMAIL_BYTES_MAX)
            .then(|| Self(text.into()))
            .ok_or(DirectoryNameError::Email)
    }
}

impl Timezone {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Timezone {
    type Err = DirectoryNameError;

    /// The form alone is looked at: which zones there are changes by the year.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |part: &str| {
            part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
        };
        (text.len() <= TAG_BYTES_MAX && text.split('/').all(part))
            .then(|| Self(text.into()))
            .ok_or(DirectoryNameError::Timezone)
    }
}

impl Language {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Language {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        let first = parts.next().is_some_and(|part| {
            (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic())
        });
        let rest = parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        (first && rest && text.len() <= TAG_BYTES_MAX)
            .then(|| Self(text.into()))
            .ok_or(DirectoryNameError::Language)
    }
}

macro_rules! texts {
    ($($name:ident)*) => { $(
        impl TryFrom<String> for $name {
            type Error = DirectoryNameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )* };
}

texts! { AccessKeyId Digest Name IamPath SessionName Alias Host Description Email Timezone Language Referrer }

macro_rules! shown_as_they_are {
    ($($name:ident)*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )* };
}

shown_as_they_are! { AccessKeyId Name IamPath SessionName Alias Host Description Email Timezone Language Referrer }

/// Rows hold who owns what is written as S3 writes it.
pub(crate) mod as_ownership {
    use s3_protocol::acl::Ownership;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "what serde hands over"
    )]
    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Ownership>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Ownership::as_str).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Ownership>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let known = |text: String| Ownership::named(&text).ok_or_else(|| D::Error::custom(text));
        text.map(known).transpose()
    }
}

/// Rows hold buckets' names and numbers, and operations, as the text that people read.
pub(crate) mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// The same for lists that may be absent.
pub(crate) mod as_texts {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        values: &Option<Vec<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = values
            .as_ref()
            .map(|all| all.iter().map(T::to_string).collect::<Vec<_>>());
        texts.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let Some(texts) = Option::<Vec<String>>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let values: Result<Vec<T>, T::Err> = texts.iter().map(|text| text.parse()).collect();
        values.map(Some).map_err(D::Error::custom)
    }
}

/// The same for sets.
pub(crate) mod as_text_set {
    use std::collections::BTreeSet;
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        values: &BTreeSet<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(T::to_string))
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<BTreeSet<T>, D::Error>
    where
        T: FromStr<Err: Display> + Ord,
        D: Deserializer<'de>,
    {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let values: Result<BTreeSet<T>, T::Err> = texts.iter().map(|text| text.parse()).collect();
        values.map_err(D::Error::custom)
    }
}

/// A bucket's number as 32 hexadecimal digits.
pub(crate) mod as_bucket_id {
    use s3_protocol::BucketId;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        id: &BucketId,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BucketId, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(BucketId)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_made_here_begins_with_pk_and_reads_back() {
        let id = AccessKeyId::from_random([0xa7; 18]);
        assert!(id.as_str().starts_with("PK"), "{id}");
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn names_at_their_bounds() {
        assert!("a".repeat(NAME_BYTES_MAX).parse::<Name>().is_ok());
        assert!("a".repeat(NAME_BYTES_MAX + 1).parse::<Name>().is_err());
        assert!("a".repeat(ALIAS_BYTES_MAX).parse::<Alias>().is_ok());
        assert!("a".repeat(ALIAS_BYTES_MAX + 1).parse::<Alias>().is_err());
        assert!(
            "a".repeat(DESCRIPTION_BYTES_MAX)
                .parse::<Description>()
                .is_ok()
        );
        assert!(
            "a".repeat(DESCRIPTION_BYTES_MAX + 1)
                .parse::<Description>()
                .is_err()
        );
        assert!(
            "A".repeat(ACCESS_KEY_ID_BYTES)
                .parse::<AccessKeyId>()
                .is_ok()
        );
        assert!(
            "A".repeat(ACCESS_KEY_ID_BYTES + 1)
                .parse::<AccessKeyId>()
                .is_err()
        );
    }

    #[test]
    fn what_people_write_of_themselves_is_taken() {
        for text in [
            "ann@example.com",
            "Ann.Lee+s3@mail.example.co.uk",
            "jörg@müller.example",
        ] {
            assert!(text.parse::<Email>().is_ok(), "{text}");
        }
        for text in [
            "UTC",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Etc/GMT+3",
        ] {
            assert!(text.parse::<Timezone>().is_ok(), "{text}");
        }
        for text in ["en", "de-AT", "zh-Hans-CN"] {
            assert!(text.parse::<Language>().is_ok(), "{text}");
        }
        let at_most = format!("a@{}.example", vec!["b".repeat(60); 4].join("."));
        assert_eq!(at_most.len(), EMAIL_BYTES_MAX - 1);
        assert!(at_most.parse::<Email>().is_ok());
        assert!(format!("aaa{at_most}").parse::<Email>().is_err());
    }

    #[test]
    fn hostile_names_are_refused() {
        for text in [
            "",
            "-a",
            "a b",
            "a/b",
            "a\nb",
            "<b>",
            "é",
            ".a",
            "a\u{1b}[31m",
        ] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
        for text in ["", "a--b", "-a", "a-", "A", "a.b", "a_b"] {
            assert!(text.parse::<Alias>().is_err(), "{text:?}");
        }
        for text in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a b@c.example",
            "a..b@c.example",
            "a@-c.example",
            "a@c..example",
            "<a@c.example>",
            "a@c.example\n",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
        for text in ["", "/", "Europe/", "Europe/Ber lin", "../etc", "1/2"] {
            assert!(text.parse::<Timezone>().is_err(), "{text:?}");
        }
        for text in ["", "e", "en-", "en_US", "12", "en-<b>"] {
            assert!(text.parse::<Language>().is_err(), "{text:?}");
        }
        assert!("two\nlines".parse::<Description>().is_err());
        assert!("PKabcdefghijklmnopqr".parse::<AccessKeyId>().is_err());
        assert!("AB".repeat(32).parse::<Digest>().is_err());
    }
}
