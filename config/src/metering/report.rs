//! Sums over the books: by span of time, and by key, user, account, reseller or bucket.

use std::collections::BTreeMap;

use s3_protocol::BucketId;
use serde::{Deserialize, Serialize};

use super::ledger::{LedgerError, Row};
use super::period::Step;
use super::row::{Hour, Sums, Whose};
use crate::directory::{AccessKeyId, TenantId, UserId};
use crate::limits::REPORT_ITEMS_MAX;

/// What a report is about. What is absent narrows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The first hour.
    pub from: Hour,
    /// The hour after the last.
    pub to: Hour,
    /// How long its spans are.
    pub step: Step,
    /// What has a line of its own.
    pub by: By,
    /// The account, or the one above it.
    pub tenant: Option<TenantId>,
    /// The user.
    pub user: Option<UserId>,
    /// The access key.
    pub key: Option<AccessKeyId>,
    /// The bucket.
    pub bucket: Option<BucketId>,
}

/// What has a line of its own in each span. A line names all that stands above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Nothing: one line for each span.
    #[default]
    Total,
    /// Each reseller.
    Reseller,
    /// Each account.
    Tenant,
    /// Each user.
    User,
    /// Each access key.
    Key,
    /// Each bucket, whoever used it.
    Bucket,
}

impl By {
    /// All of them, from the coarsest.
    pub const ALL: [Self; 6] = [
        Self::Total,
        Self::Reseller,
        Self::Tenant,
        Self::User,
        Self::Key,
        Self::Bucket,
    ];

    fn fold(self, whose: Whose) -> Whose {
        match self {
            Self::Total => Whose::NOBODY,
            Self::Reseller => Whose {
                reseller: whose.reseller,
                ..Whose::NOBODY
            },
            Self::Tenant => whose.account(),
            Self::User => Whose {
                user: whose.user,
                ..whose.account()
            },
            Self::Key => Whose {
                bucket: None,
                ..whose
            },
            Self::Bucket => Whose {
                bucket: whose.bucket,
                ..Whose::NOBODY
            },
        }
    }
}

/// Sums, line by line.
#[derive(Debug)]
pub struct Report {
    wanted: Wanted,
    lines: BTreeMap<(Hour, Whose), Sums>,
    /// The sum of all lines.
    pub total: Sums,
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where its span begins.
    pub start: Hour,
    /// Whose it is, as far as the report tells apart.
    pub whose: Whose,
    /// The numbers.
    pub sums: Sums,
}

impl Report {
    pub(super) fn new(wanted: &Wanted) -> Self {
        Self {
            wanted: *wanted,
            lines: BTreeMap::new(),
            total: Sums::default(),
        }
    }

    pub(super) fn take(&mut self, row: Row<'_>) -> Result<(), LedgerError> {
        if !self.is_wanted(&row.whose) {
            return Ok(());
        }
        let start = self.wanted.step.floor(row.hour, self.wanted.from);
        let line = (start.max(self.wanted.from), self.wanted.by.fold(row.whose));
        self.lines.entry(line).or_default().add(&row.sums);
        self.total.add(&row.sums);
        if self.lines.len() > REPORT_ITEMS_MAX {
            return Err(LedgerError::TooLong);
        }
        Ok(())
    }

    fn is_wanted(&self, whose: &Whose) -> bool {
        let wanted = &self.wanted;
        let fits = |wanted: bool, found: bool| !wanted || found;
        fits(
            wanted.tenant.is_some(),
            whose.tenant == wanted.tenant || whose.reseller == wanted.tenant,
        ) && fits(wanted.user.is_some(), whose.user == wanted.user)
            && fits(wanted.key.is_some(), whose.key == wanted.key)
            && fits(wanted.bucket.is_some(), whose.bucket == wanted.bucket)
    }

    /// What it is about.
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Its lines, by time and then by whose they are.
    pub fn items(&self) -> impl ExactSizeIterator<Item = Item> {
        self.lines.iter().map(|((start, whose), sums)| Item {
            start: *start,
            whose: *whose,
            sums: *sums,
        })
    }
}
