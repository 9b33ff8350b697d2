//! What narrows a key, as options.

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use postern_config::UnixSeconds;
use postern_config::directory::{Description, KeyRights, WriteDeletes};
use s3_protocol::{BucketName, Operation};

use super::super::CliError;
use super::super::span::{Span, When};
use super::super::tenant::Deletes;

/// What narrows a key. A list that is not given restricts nothing.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command line")]
pub(in crate::cli) struct Narrow {
    /// What to know about the key: who or what uses it.
    #[arg(long)]
    description: Option<Description>,
    /// A bucket that it reaches; may be given several times.
    #[arg(long = "bucket", value_name = "BUCKET")]
    buckets: Vec<BucketName>,
    /// A beginning of object keys that it reaches, such as `logs/`; may be given several times.
    #[arg(long = "prefix", value_name = "PREFIX")]
    prefixes: Vec<String>,
    /// An operation that it may ask for, such as `GetObject`; may be given several times.
    #[arg(long = "operation", value_name = "OPERATION")]
    operations: Vec<Operation>,
    /// A network from which it works, such as `10.0.0.0/8`; may be given several times.
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<IpNet>,
    /// When it stops working: a date, a time, or a span from now such as `90d`.
    #[arg(long, value_name = "WHEN")]
    expires: Option<When>,
    /// When it begins to work: a date, a time, or a span from now.
    #[arg(long, value_name = "WHEN")]
    not_before: Option<When>,
    /// It works over TLS alone.
    #[arg(long)]
    tls_only: bool,
    /// Presigned URLs of it do not work.
    #[arg(long, conflicts_with = "presign_max_age")]
    no_presign: bool,
    /// The oldest that a presigned URL of it may be, such as `1h`.
    #[arg(long, value_name = "SPAN")]
    presign_max_age: Option<Span>,
    /// It replaces nothing that exists.
    #[arg(long)]
    append_only: bool,
    /// The largest object that it may write, in bytes.
    #[arg(long, value_name = "BYTES")]
    max_object_bytes: Option<u64>,
    /// What it may delete where its level is `write`; at most what the tenant allows.
    #[arg(long)]
    write_deletes: Option<Deletes>,
    /// A key of level `full` may shorten retention.
    #[arg(long)]
    bypass_governance: bool,
}

/// A limit that is lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Lift {
    /// It reaches every bucket of its namespace.
    Buckets,
    /// It reaches every object.
    Prefixes,
    /// It may ask for every operation of its level.
    Operations,
    /// It works from everywhere.
    Networks,
    /// It works until somebody stops it.
    Expires,
    /// It works at once.
    NotBefore,
    /// It works without TLS, where the server listens without.
    TlsOnly,
    /// Its presigned URLs work as long as any.
    Presign,
    /// It may replace what exists.
    AppendOnly,
    /// It may write objects of any size.
    MaxObjectBytes,
    /// It may delete what its tenant allows.
    WriteDeletes,
    /// It does not bypass governance.
    BypassGovernance,
}

impl Lift {
    pub(super) fn apply(self, rights: &mut KeyRights) {
        match self {
            Self::Buckets => rights.scope.buckets = None,
            Self::Prefixes => rights.scope.prefixes = None,
            Self::Operations => rights.scope.operations = None,
            Self::Networks => rights.networks = None,
            Self::Expires => rights.expires = None,
            Self::NotBefore => rights.not_before = None,
            Self::TlsOnly => rights.tls_only = false,
            Self::Presign => rights.presign = postern_config::directory::Presign::default(),
            Self::AppendOnly => rights.append_only = false,
            Self::MaxObjectBytes => rights.max_object_bytes = None,
            Self::WriteDeletes => rights.write_deletes = None,
            Self::BypassGovernance => rights.bypass_governance = false,
        }
    }
}

impl Narrow {
    /// Puts what was given into `rights`; the rest stays.
    pub(super) fn apply(&self, rights: &mut KeyRights) -> Result<(), CliError> {
        let now = postern_config::system_clock().now().seconds();
        let at = |when: &Option<When>, before: Option<UnixSeconds>| {
            when.map(|when| when.seconds(now)).or(before)
        };
        replace(&mut rights.scope.buckets, &self.buckets);
        replace(&mut rights.scope.prefixes, &self.prefixes);
        replace(&mut rights.scope.operations, &self.operations);
        replace(&mut rights.networks, &self.networks);
        rights.expires = at(&self.expires, rights.expires);
        rights.not_before = at(&self.not_before, rights.not_before);
        if let Some(description) = &self.description {
            rights.description = description.clone();
        }
        if let Some(Span(seconds)) = self.presign_max_age {
            let seconds = u32::try_from(seconds);
            let seconds = seconds.map_err(|_| {
                CliError::Usage(
                    "--presign-max-age is longer than any URL works: 7d is the most".to_owned(),
                )
            })?;
            rights.presign.max_age_seconds = Some(seconds);
        }
        if self.no_presign {
            rights.presign.allowed = false;
        }
        rights.tls_only |= self.tls_only;
        rights.append_only |= self.append_only;
        rights.bypass_governance |= self.bypass_governance;
        rights.max_object_bytes = self.max_object_bytes.or(rights.max_object_bytes);
        rights.write_deletes = match self.write_deletes {
            Some(Deletes::No) => Some(WriteDeletes::No),
            Some(Deletes::Markers) => Some(WriteDeletes::Markers),
            Some(Deletes::All) => Some(WriteDeletes::All),
            None => rights.write_deletes,
        };
        Ok(())
    }
}

fn replace<T: Clone>(list: &mut Option<Vec<T>>, given: &[T]) {
    if !given.is_empty() {
        *list = Some(given.to_vec());
    }
}
