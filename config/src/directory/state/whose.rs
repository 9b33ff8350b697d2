//! Whose a change is: audit records name the user, so that whoever answers for him alone reads what was done to him, and no more.

use crate::directory::names::{SubUserId, UserId};
use crate::directory::record::PolicyPlace;
use crate::directory::rows::{PREFIX, Record};
use crate::directory::state::State;
use crate::engine::{Op, Revision, Row};
use s3_protocol::BucketId;

impl State {
    /// The user whose records these changes are, with those of his sub-users, keys and buckets; none where they are nobody's, or of
    /// more than one.
    pub(in crate::directory) fn user_of(&self, changes: &[Op]) -> Option<UserId> {
        let mut users = changes.iter().filter_map(|change| self.user_of_one(change));
        let first = users.next()?;
        users.all(|other| other == first).then_some(first)
    }

    fn user_of_one(&self, change: &Op) -> Option<UserId> {
        let (key, value) = match change {
            Op::Put(key, value) => (key, value),
            Op::Delete(key) | Op::Erase(key) => return self.user_of_row(key),
        };
        if !key.starts_with(PREFIX) {
            return None;
        }
        let row = Row {
            key: key.clone(),
            value: value.clone(),
            revision: Revision::default(),
        };
        match Record::read(&row).ok()? {
            Record::User(user) => Some(user.id),
            Record::SubUser(sub_user) => Some(sub_user.user),
            Record::Key(key) => Some(key.user),
            Record::Bucket(bucket) => Some(bucket.owner),
            Record::Policy(policy) => self.user_of_place(&policy.place),
            Record::Tenant(_)
            | Record::Role(_)
            | Record::Namespace(_)
            | Record::Module(_)
            | Record::Binding(_)
            | Record::Job(_)
            | Record::Operator(_)
            | Record::ApiToken(_)
            | Record::Group(_)
            | Record::ManagedPolicy(_)
            | Record::IamRole(_)
            | Record::Attachments(_) => None,
        }
    }

    fn user_of_place(&self, place: &PolicyPlace) -> Option<UserId> {
        match place {
            PolicyPlace::Bucket(bucket) => self.bucket_by_id(*bucket).map(|bucket| bucket.owner),
            PolicyPlace::User { user, .. } => Some(*user),
            PolicyPlace::Group { .. } | PolicyPlace::Role { .. } => None,
        }
    }

    /// The same of a row that goes: its key says what it is.
    fn user_of_row(&self, key: &str) -> Option<UserId> {
        let parts: Vec<&str> = key.strip_prefix(PREFIX)?.split('/').skip(1).collect();
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let bucket = |text: &str| u128::from_str_radix(text, 16).ok().map(BucketId);
        match *parts.as_slice() {
            ["user", user] | ["policy", "user", user, _] => number(user).map(UserId),
            ["sub-user", _, sub_user] => {
                let sub_user = number(sub_user).map(SubUserId)?;
                self.sub_user(sub_user).map(|sub_user| sub_user.user)
            }
            ["key", key] => self.key(&key.parse().ok()?).map(|key| key.user),
            ["bucket", id] | ["policy", "bucket", id] => {
                self.bucket_by_id(bucket(id)?).map(|bucket| bucket.owner)
            }
            _ => None,
        }
    }
}
