//! Which bucket and which namespace a host names, decided before anything of the path is read.
//!
//! Two suffixes, neither within the other. Below `s3` a host names a bucket of the caller; below `public` it names an alias,
//! and perhaps a bucket of it. Every other host (an address, `localhost`, a name of the operator's own) is path style.

use crate::error::{S3Code, S3Error};
use crate::names::BucketName;

/// The suffixes of this deployment, lower case and without dots at their ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    s3: Option<Box<str>>,
    public: Option<Box<str>>,
}

/// What a host says of a request's target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressing {
    /// Whose buckets are meant.
    pub namespace: Namespace,
    /// The bucket, if the host names it: the whole path is then the key.
    pub bucket: Option<BucketName>,
}

/// Whose buckets a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The caller's own.
    Caller,
    /// Those behind a public alias, whoever asks.
    Alias(Box<str>),
}

impl Domains {
    /// The two suffixes, where they are set.
    pub fn new(s3: Option<&str>, public: Option<&str>) -> Self {
        let clean = |name: &str| {
            let name = name.trim_matches('.').to_ascii_lowercase();
            (!name.is_empty()).then(|| name.into_boxed_str())
        };
        Self {
            s3: s3.and_then(clean),
            public: public.and_then(clean),
        }
    }
}

impl Addressing {
    /// The caller's buckets, named by the path.
    pub const PATH: Self = Self {
        namespace: Namespace::Caller,
        bucket: None,
    };
}

/// Reads a host (as in `Host` or `:authority`, with or without a port).
///
/// # Errors
/// [`S3Code::InvalidBucketName`] where it is below a suffix and names no possible bucket, and
/// [`S3Code::NoSuchBucket`] where it names no possible alias.
pub fn resolve(host: &str, domains: &Domains) -> Result<Addressing, S3Error> {
    let name = without_port(host)
        .trim_end_matches('.')
        .to_ascii_lowercase();
    if let Some(label) = below(&name, domains.public.as_deref()) {
        return public(label);
    }
    match below(&name, domains.s3.as_deref()) {
        Some(label) => Ok(Addressing {
            namespace: Namespace::Caller,
            bucket: Some(bucket(label)?),
        }),
        None => Ok(Addressing::PATH),
    }
}

fn public(label: &str) -> Result<Addressing, S3Error> {
    // No name contains `--`, so the first one separates.
    let (bucket, alias) = match label.split_once("--") {
        Some((name, alias)) => (Some(bucket(name)?), alias),
        None => (None, label),
    };
    if !is_alias(alias) {
        return Err(S3Error::new(S3Code::NoSuchBucket));
    }
    Ok(Addressing {
        namespace: Namespace::Alias(alias.into()),
        bucket,
    })
}

fn bucket(label: &str) -> Result<BucketName, S3Error> {
    label
        .parse()
        .map_err(|_| S3Error::new(S3Code::InvalidBucketName).and("BucketName", label))
}

/// One label of a host: letters, digits and single hyphens between them.
fn is_alias(alias: &str) -> bool {
    let bytes = alias.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
        && !alias.contains("--")
}

/// What stands before `.suffix`.
fn below<'a>(name: &'a str, suffix: Option<&str>) -> Option<&'a str> {
    let label = name.strip_suffix(suffix?)?.strip_suffix('.')?;
    (!label.is_empty()).then_some(label)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // `[::1]` has colons and no port.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Domains {
        Domains::new(Some("S3.example.com."), Some("pub.example.net"))
    }

    fn read(host: &str) -> Result<(Option<String>, Option<String>), S3Code> {
        let found = resolve(host, &domains()).map_err(|error| error.code)?;
        let alias = match found.namespace {
            Namespace::Caller => None,
            Namespace::Alias(alias) => Some(alias.into_string()),
        };
        Ok((alias, found.bucket.map(|bucket| bucket.to_string())))
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn a_host_that_is_no_suffix_is_path_style() {
        for host in [
            "s3.example.com",
            "s3.example.com:9000",
            "127.0.0.1",
            "127.0.0.1:443",
            "[::1]:443",
            "[::1]",
            "localhost",
            "gate.local",
            "xs3.example.com",
            "photos.s3.example.com.evil.org",
            "pub.example.net",
            "",
            ":80",
        ] {
            assert_eq!(read(host), Ok((None, None)), "{host}");
        }
    }

    #[test]
    fn below_s3_a_host_names_a_bucket() {
        assert_eq!(
            read("photos.s3.example.com"),
            Ok((None, Some(text("photos"))))
        );
        assert_eq!(
            read("PHOTOS.S3.EXAMPLE.COM:8443"),
            Ok((None, Some(text("photos"))))
        );
        assert_eq!(
            read("my.photos.s3.example.com."),
            Ok((None, Some(text("my.photos"))))
        );
        for host in [
            "a--b.s3.example.com",
            "ab.s3.example.com",
            "a_b_c.s3.example.com",
        ] {
            assert_eq!(read(host), Err(S3Code::InvalidBucketName), "{host}");
        }
    }

    #[test]
    fn below_public_a_host_names_an_alias() {
        assert_eq!(read("acme.pub.example.net"), Ok((Some(text("acme")), None)));
        assert_eq!(
            read("photos--acme.pub.example.net:443"),
            Ok((Some(text("acme")), Some(text("photos"))))
        );
        assert_eq!(
            read("my.site--a-b.pub.example.net"),
            Ok((Some(text("a-b")), Some(text("my.site"))))
        );
        for host in [
            "a.b.pub.example.net",
            "-a.pub.example.net",
            "photos---a.pub.example.net",
        ] {
            assert_eq!(read(host), Err(S3Code::NoSuchBucket), "{host}");
        }
        assert_eq!(
            read("--acme.pub.example.net"),
            Err(S3Code::InvalidBucketName)
        );
        assert_eq!(
            read("photos--a--b.pub.example.net"),
            Err(S3Code::NoSuchBucket)
        );
    }

    #[test]
    fn without_suffixes_every_host_is_path_style() {
        let found = resolve("photos.s3.example.com", &Domains::default());
        assert_eq!(found, Ok(Addressing::PATH));
    }
}
