//! What a caller is told of a bucket where the policies' ruling alone is not the answer: 409, 404 or 403, in one table.

use s3_protocol::S3Code;

/// What makes an answer special.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// The bucket is not there, and the operation needs it.
    Absent,
    /// The bucket is there, the operation would make it, and the caller may not.
    Taken,
    /// Nothing grants the caller anything here.
    Ungranted,
    /// The operation is known and not built.
    Unbuilt,
}

/// What the caller may know already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Of a bucket: he may ask whether it is there. Of the gate: he has a key of it.
    Open,
    /// He is to learn nothing.
    Closed,
}

impl Case {
    /// What is answered; `None`: what the policies said, which is 403 where they denied.
    pub(super) const fn answer(self, sight: Sight) -> Option<S3Code> {
        match (self, sight) {
            (Self::Absent, Sight::Open) => Some(S3Code::NoSuchBucket),
            // Out of the scope of the key it is 403 whether or not the bucket exists, and so it is for the anonymous.
            (Self::Absent, Sight::Closed) => None,
            // Tools create the bucket that they cannot see, and take this answer for success.
            (Self::Taken, Sight::Open) => Some(S3Code::BucketAlreadyOwnedByYou),
            (Self::Taken, Sight::Closed) => None,
            // To a signed stranger nothing of this namespace exists.
            (Self::Ungranted, Sight::Open) => Some(S3Code::NoSuchBucket),
            (Self::Ungranted, Sight::Closed) => None,
            // To a stranger not even that.
            (Self::Unbuilt, Sight::Open) => Some(S3Code::NotImplemented),
            (Self::Unbuilt, Sight::Closed) => None,
        }
    }
}

impl Sight {
    pub(super) const fn open_if(open: bool) -> Self {
        if open { Self::Open } else { Self::Closed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_learn_nothing_is_told_what_the_policies_said() {
        for case in [Case::Absent, Case::Taken, Case::Ungranted, Case::Unbuilt] {
            assert_eq!(case.answer(Sight::Closed), None, "{case:?}");
            assert!(case.answer(Sight::Open).is_some(), "{case:?}");
        }
    }

    #[test]
    fn each_special_answer_has_its_status() {
        let status = |case: Case| case.answer(Sight::Open).map(S3Code::status);
        assert_eq!(status(Case::Absent), Some(404));
        assert_eq!(status(Case::Taken), Some(409));
        assert_eq!(status(Case::Ungranted), Some(404));
        assert_eq!(status(Case::Unbuilt), Some(501));
    }
}
