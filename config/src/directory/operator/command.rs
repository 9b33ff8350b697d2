//! What can be asked about operators and their tokens, and what is answered.

use super::{ApiToken, Operator, OperatorDetails, OperatorScope};
use crate::Secret;
use crate::directory::names::{AccessKeyId, ApiTokenId, Name, OperatorId};
use crate::directory::role::Role;
use crate::directory::state::State;
use crate::engine::Revision;
use crate::identity::{OneTimeSecret, PasswordHash, Step};
use crate::time::UnixSeconds;

/// A change about operators that is asked for.
#[derive(Debug)]
pub enum OperatorCommand {
    /// Makes an operator. Without a password he sets one by an invitation.
    Create(NewOperator),
    /// Makes a link by which he sets his password, once; one that was made before no longer works.
    Invite {
        /// Whom.
        operator: OperatorId,
        /// How long the link works, in seconds.
        seconds: u64,
    },
    /// Sets the password by the link.
    Accept {
        /// Who.
        operator: OperatorId,
        /// What the link holds.
        secret: Secret,
        /// The hash of the password.
        password: PasswordHash,
    },
    /// Sets the password. His sessions end.
    SetPassword(OperatorId, PasswordHash),
    /// Replaces who he is.
    SetDetails(OperatorId, OperatorDetails),
    /// Gives him another role, at most that of whoever asks. His sessions end.
    SetRole(OperatorId, Role),
    /// Says to whom his role applies, at most what that of whoever asks does. His sessions end.
    SetScope(OperatorId, OperatorScope),
    /// Lets him sign in no more; all is kept. His sessions end.
    Disable(OperatorId),
    /// Lets him sign in again.
    Enable(OperatorId),
    /// Removes him with his tokens, and with them all that is personal about him.
    Delete(OperatorId),
    /// Makes the secret that his telephone shares with the server. It is asked for once he has confirmed it.
    EnrolOneTime(OperatorId),
    /// He has shown a code of this step.
    ConfirmOneTime(OperatorId, Step),
    /// Takes the second factor away. Where somebody else does it, the passkeys go, too: he has lost his devices.
    RemoveOneTime(OperatorId),
    /// Gives him a passkey. He does it himself.
    AddPasskey(OperatorId, NewPasskey),
    /// Takes a passkey away.
    RemovePasskey(OperatorId, Name),
    /// He has shown a passkey: he has signed in with it, or has shown once more that it is he.
    UsePasskey(OperatorId, PasskeyUse),
    /// Ends all his sessions.
    EndSessions(OperatorId),
    /// Makes a token of whoever asks.
    CreateToken(NewToken),
    /// Ends a token.
    RevokeToken(ApiTokenId),
    /// Writes down that somebody has signed in or out, or has not.
    Note(Option<OperatorId>, SignIn),
    /// Opens the secret of an access key once more, where the profile has it.
    Reveal(AccessKeyId),
}

/// An operator to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOperator {
    /// Who he is.
    pub details: OperatorDetails,
    /// What he may do.
    pub role: Role,
    /// To whom.
    pub scope: OperatorScope,
    /// His password, where somebody else sets it.
    pub password: Option<PasswordHash>,
}

/// A passkey to keep. What its fields are stands at [`Passkey`](super::Passkey).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    /// What its owner calls it.
    pub name: Name,
    /// What the device calls it.
    pub credential: String,
    /// The host of the console.
    pub host: String,
    /// Its public key.
    pub key: String,
    /// What may change with each use.
    pub state: String,
}

/// A passkey was shown, and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    /// What the device calls it.
    pub credential: String,
    /// What may change with each use, as it is now.
    pub state: String,
    /// Whether he was in already, and has shown once more that it is he.
    pub again: bool,
}

/// A token to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What people call it, unique among those of its maker.
    pub name: Name,
    /// What it may do at most; none: what its maker may.
    pub role: Option<Role>,
    /// To whom at most; none: to whom its maker may.
    pub scope: Option<OperatorScope>,
    /// The first second at which it no longer works.
    pub expires: Option<UnixSeconds>,
}

/// What came of an attempt to sign in, and what follows a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// He has signed in; with a code of this step, where a second factor is on.
    Done(Option<Step>),
    /// He has not.
    Refused(Miss),
    /// Nothing was looked at: there were too many attempts.
    Throttled,
    /// He has signed out.
    Out,
    /// He has shown once more that it is he.
    SteppedUp(Option<Step>),
    /// He has signed in by the provider, which vouches for him.
    Vouched,
    /// It vouches once more that it is he.
    VouchedAgain,
    /// He has not shown it.
    StepUpRefused(Miss),
}

/// Why somebody has not signed in. The audit log says it, the answer does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// There is nobody of this address.
    Unknown,
    /// The password is another, or there is none.
    Password,
    /// The code is none that holds.
    Code,
    /// He is passive.
    Passive,
    /// The passkey is none that holds.
    Passkey,
    /// He signs in the other way: by the provider, or with a password.
    Way,
    /// He came back from the provider with nothing that was begun here.
    Attempt,
    /// The provider does not vouch for him.
    Provider,
    /// The provider has not seen that the address is his.
    Unverified,
}

impl Miss {
    /// The word of audit records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Password => "password",
            Self::Code => "code",
            Self::Passive => "passive",
            Self::Passkey => "passkey",
            Self::Way => "way",
            Self::Attempt => "attempt",
            Self::Provider => "provider",
            Self::Unverified => "unverified",
        }
    }
}

/// What there is to say about a command that was carried out.
#[derive(Debug)]
pub enum OperatorOutcome {
    /// An operator was made.
    Made(OperatorId),
    /// He is invited.
    Invited {
        /// What the link holds. It cannot be asked for again.
        secret: Secret,
        /// The first second at which it no longer works.
        expires: UnixSeconds,
    },
    /// A second factor is set up.
    Enrolled(OneTimeSecret),
    /// A token was made.
    Token {
        /// Its number.
        token: ApiTokenId,
        /// Its text. It cannot be asked for again.
        secret: Secret,
    },
    /// The secret of an access key.
    Revealed(Secret),
}

impl OperatorCommand {
    /// The revision of the record that it changes; none where it makes one.
    pub(in crate::directory) fn subject(&self, state: &State) -> Option<Revision> {
        let of = |id: &OperatorId| {
            state
                .operator(*id)
                .map(|it: &std::sync::Arc<Operator>| it.revision)
        };
        match self {
            Self::Create(_) | Self::CreateToken(_) | Self::Note(..) | Self::UsePasskey(..) => None,
            Self::Invite { operator, .. } | Self::Accept { operator, .. } => of(operator),
            Self::SetPassword(id, _)
            | Self::SetDetails(id, _)
            | Self::SetRole(id, _)
            | Self::SetScope(id, _)
            | Self::Disable(id)
            | Self::Enable(id)
            | Self::Delete(id)
            | Self::EnrolOneTime(id)
            | Self::ConfirmOneTime(id, _)
            | Self::RemoveOneTime(id)
            | Self::AddPasskey(id, _)
            | Self::RemovePasskey(id, _)
            | Self::EndSessions(id) => of(id),
            Self::RevokeToken(id) => {
                let token: Option<&std::sync::Arc<ApiToken>> = state.api_token(*id);
                token.map(|token| token.revision)
            }
            Self::Reveal(key) => state.key(key).map(|key| key.revision),
        }
    }
}
