//! Operators: the persons who sign in to the admin side, what of the deployment is theirs to see, and their tokens.
//!
//! An operator has no keys and no data. His role says what he may do, his scope to whom. A token may do at most what its maker may,
//! asked at each use: when the maker falls, the token falls with him.

mod command;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::names::{
    ApiTokenId, Description, Digest, Email, Language, Name, OperatorId, TenantId, Timezone, UserId,
};
use super::role::{ConsoleAtom, Role, RoleAtoms};
use super::state::State;
use super::vault::Sealed;
use crate::engine::Revision;
use crate::identity::{PasswordHash, Step};
use crate::time::UnixSeconds;

pub use command::{
    Miss, NewOperator, NewPasskey, NewToken, OperatorCommand, OperatorOutcome, PasskeyUse, SignIn,
};

/// A person who signs in to the admin side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// The number. Audit records name him by it alone, so that they say nothing of him once he is deleted.
    pub id: OperatorId,
    /// Who he is.
    pub details: OperatorDetails,
    /// What he may do.
    pub role: Role,
    /// To whom.
    pub scope: OperatorScope,
    /// Whether he may sign in.
    pub status: OperatorStatus,
    /// When he was made.
    pub created: UnixSeconds,
    /// What ends sessions: those that began under another number are over.
    pub generation: u64,
    /// When he signed in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in: Option<UnixSeconds>,
    /// His password; none until he has accepted his invitation, and where he signs in elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<PasswordHash>,
    /// The link by which he sets his password, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) invitation: Option<Invitation>,
    /// What his telephone shares with the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) one_time: Option<OneTime>,
    /// With what he signs in in the place of a password and a code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passkeys: Vec<Passkey>,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// Who an operator is: all that is personal about him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorDetails {
    /// With what he signs in and where he is told of things; unique among the operators of an organization, without regard to case.
    pub email: Email,
    /// His name as people write it.
    #[serde(default, skip_serializing_if = "Description::is_empty")]
    pub name: Description,
    /// In which time he wants to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Timezone>,
    /// In which language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Whether he signs in by his organization's own service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sso: bool,
}

/// To whom an operator's role applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum OperatorScope {
    /// To everything.
    Deployment,
    /// To an account and the accounts below it.
    Reseller(TenantId),
    /// To an account.
    Tenant(TenantId),
    /// To some users of an account.
    Users(TenantId, BTreeSet<UserId>),
}

/// Whether an operator may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorStatus {
    /// He may.
    Active,
    /// He may not; all is kept.
    Passive,
}

/// A link that works once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitation {
    /// The hash of its secret.
    pub(crate) hash: Digest,
    /// The first second at which it no longer works.
    pub(crate) expires: UnixSeconds,
}

/// What an operator's telephone shares with the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneTime {
    pub(crate) sealed: Sealed,
    /// Whether he has shown a code of it: before that nothing is asked of him.
    pub(crate) is_confirmed: bool,
    /// The last code that was used: the next must be later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Step>,
}

/// What a device or a password manager keeps of an operator, and shows to the host alone for which it was made. It stands for a
/// password and a code: the device asks for a finger, a face or a number first. Source: Web Authentication, Level 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passkey {
    /// What its owner calls it, unique among his.
    pub name: Name,
    /// What the device calls it, in hexadecimal digits; unique among all.
    pub credential: String,
    /// The host of the console for which it was made: it holds nowhere else.
    pub host: String,
    /// Its public key and what was said of it when it was made, in hexadecimal digits of what checks it.
    pub key: String,
    /// What may change with each use, such as the device's counter, likewise.
    pub state: String,
    /// When it was made.
    pub created: UnixSeconds,
    /// When it was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<UnixSeconds>,
}

/// Whether a second factor is asked of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mfa {
    /// There is none.
    Off,
    /// One is set up and not confirmed: it is not asked for yet.
    Enrolling,
    /// A one-time password is asked for.
    On,
}

/// A token of the admin API. The text itself is told once and kept as a hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// The number.
    pub id: ApiTokenId,
    /// What people call it.
    pub name: Name,
    /// Whose it is; none: the platform's own.
    pub operator: Option<OperatorId>,
    /// What it may do at most.
    pub role: Role,
    /// To whom at most.
    pub scope: OperatorScope,
    /// When it was made.
    pub created: UnixSeconds,
    /// Who made it, as the audit record names him.
    pub created_by: String,
    /// The first second at which it no longer works.
    pub expires: Option<UnixSeconds>,
    /// The hash of its text.
    pub(crate) hash: Digest,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// What something that is done or seen belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The deployment as a whole.
    Deployment,
    /// What stands above an account: its reseller, or the deployment.
    Above(TenantId),
    /// The children of an account.
    Below(TenantId),
    /// An account.
    Tenant(TenantId),
    /// Users of an account.
    User(TenantId, UserId),
    /// Those who have this scope.
    Scope(OperatorScope),
}

impl Operator {
    /// Whether a second factor is asked of him.
    pub const fn mfa(&self) -> Mfa {
        match &self.one_time {
            None => Mfa::Off,
            Some(OneTime {
                is_confirmed: false,
                ..
            }) => Mfa::Enrolling,
            Some(_) => Mfa::On,
        }
    }

    /// Whether he has set a password.
    pub const fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// His passkey of this credential.
    pub fn passkey(&self, credential: &str) -> Option<&Passkey> {
        self.passkeys.iter().find(|it| it.credential == credential)
    }

    /// The hash of his password.
    pub const fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    /// The second until which a link lets him set his password.
    pub fn invited_until(&self) -> Option<UnixSeconds> {
        self.invitation
            .as_ref()
            .map(|invitation| invitation.expires)
    }

    /// Whether this is the text of the link that he was sent, and it still works.
    pub fn is_invited_by(&self, secret: &[u8], now: UnixSeconds) -> bool {
        self.invitation
            .as_ref()
            .is_some_and(|it| it.hash == Digest::of(secret) && now < it.expires)
    }
}

impl OperatorScope {
    /// The account within which it is; none: the deployment.
    pub const fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Deployment => None,
            Self::Reseller(tenant) | Self::Tenant(tenant) | Self::Users(tenant, _) => Some(*tenant),
        }
    }

    /// Whether it reaches that place whole.
    pub fn covers(&self, state: &State, place: &Place) -> bool {
        let parent = |tenant: &TenantId| state.tenant(*tenant).and_then(|it| it.parent);
        match (self, place) {
            (Self::Deployment, _) => true,
            (_, Place::Deployment) => false,
            (Self::Reseller(own), Place::Above(tenant)) => parent(tenant) == Some(*own),
            (Self::Reseller(own), Place::Below(tenant)) => own == tenant,
            (Self::Reseller(own), Place::Tenant(tenant) | Place::User(tenant, _)) => {
                own == tenant || parent(tenant) == Some(*own)
            }
            (Self::Tenant(_) | Self::Users(..), Place::Above(_) | Place::Below(_)) => false,
            (Self::Tenant(own), Place::Tenant(tenant) | Place::User(tenant, _)) => own == tenant,
            (Self::Users(..), Place::Tenant(_)) => false,
            (Self::Users(own, users), Place::User(tenant, user)) => {
                own == tenant && users.contains(user)
            }
            (_, Place::Scope(scope)) => self.holds(state, scope),
        }
    }

    /// Whether it reaches something of that account.
    pub fn touches(&self, state: &State, tenant: TenantId) -> bool {
        match self {
            Self::Users(own, _) => *own == tenant,
            whole => whole.covers(state, &Place::Tenant(tenant)),
        }
    }

    /// Whether all that is within `other` is within this.
    pub fn holds(&self, state: &State, other: &Self) -> bool {
        match (self, other) {
            (Self::Deployment, _) => true,
            (_, Self::Deployment) => false,
            (Self::Reseller(own), Self::Reseller(tenant)) => own == tenant,
            (Self::Tenant(_) | Self::Users(..), Self::Reseller(_)) => false,
            (whole, Self::Tenant(tenant)) => whole.covers(state, &Place::Tenant(*tenant)),
            (whole, Self::Users(tenant, users)) => {
                users
                    .iter()
                    .all(|user| whole.covers(state, &Place::User(*tenant, *user)))
                    && whole.touches(state, *tenant)
            }
        }
    }
}

/// What a person or token may do on the admin side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Office {
    /// Who; none for a token that is the platform's.
    pub operator: Option<OperatorId>,
    /// His role.
    pub role: Role,
    /// What it may do.
    pub atoms: RoleAtoms,
    /// To whom.
    pub scope: OperatorScope,
}

impl Office {
    /// That of whoever may do nothing.
    pub fn nothing() -> Self {
        Self {
            operator: None,
            role: Role::Member,
            atoms: RoleAtoms::default(),
            scope: OperatorScope::Users(TenantId(0), BTreeSet::new()),
        }
    }

    /// Whether it may give this role for this scope: whoever gives a role or a scope has it himself, an owner's or admin's as an owner
    /// or admin. Source: rule 004-27.
    pub fn may_give(&self, state: &State, role: Role, scope: &OperatorScope) -> bool {
        let stands_high = match role {
            Role::Owner => self.role == Role::Owner,
            Role::Admin => matches!(self.role, Role::Owner | Role::Admin),
            Role::Contributor | Role::Reader | Role::Member | Role::Custom(_) => true,
        };
        let atoms = state.role_atoms(role);
        let within = atoms.console.is_subset(&self.atoms.console);
        stands_high && within && self.scope.holds(state, scope)
    }

    /// Whether it may do that there.
    pub fn may(&self, state: &State, atom: ConsoleAtom, place: &Place) -> bool {
        self.atoms.console.contains(&atom) && self.scope.covers(state, place)
    }
}

/// How high a role stands among those of operators. Of two, the one below is what both have.
const fn height(role: Role) -> u8 {
    match role {
        Role::Owner => 4,
        Role::Admin => 3,
        Role::Contributor | Role::Custom(_) => 2,
        Role::Reader | Role::Member => 1,
    }
}

impl State {
    /// Whether this is the last owner who may sign in, of an account or of the deployment.
    pub fn is_last_owner(&self, operator: &Operator) -> bool {
        let is_owner = |it: &Operator| {
            it.role == Role::Owner
                && it.status == OperatorStatus::Active
                && it.scope.tenant() == operator.scope.tenant()
        };
        let mut others = self.operators().filter(|it| it.id != operator.id);
        is_owner(operator) && !others.any(|it| is_owner(it))
    }

    /// What an operator may do now; nothing where he is passive or gone, or where his scope's account or role is.
    pub fn office(&self, id: OperatorId) -> Option<Office> {
        let operator = self.operator(id)?;
        let is_there = operator
            .scope
            .tenant()
            .is_none_or(|tenant| self.tenant(tenant).is_some());
        (operator.status == OperatorStatus::Active && is_there).then(|| Office {
            operator: Some(id),
            role: operator.role,
            atoms: self.role_atoms(operator.role),
            scope: operator.scope.clone(),
        })
    }

    /// What a token may do now: what it was made for, as far as its maker may do it still.
    pub fn office_of_token(&self, id: ApiTokenId, now: UnixSeconds) -> Option<Office> {
        let token = self.api_token(id)?;
        if token.expires.is_some_and(|expires| expires <= now) {
            return None;
        }
        let own = Office {
            operator: token.operator,
            role: token.role,
            atoms: self.role_atoms(token.role),
            scope: token.scope.clone(),
        };
        let Some(maker) = token.operator else {
            let is_there = |tenant| self.tenant(tenant).is_some();
            return own.scope.tenant().is_none_or(is_there).then_some(own);
        };
        let maker = self.office(maker)?;
        let meets = own.atoms.console.intersection(&maker.atoms.console);
        let console = meets.copied().collect();
        let data = own.atoms.data.intersection(&maker.atoms.data).copied();
        maker.scope.holds(self, &own.scope).then(|| Office {
            role: if height(maker.role) < height(own.role) {
                maker.role
            } else {
                own.role
            },
            atoms: RoleAtoms {
                data: data.collect(),
                console,
            },
            ..own
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_is_lower_is_what_two_have_in_common() {
        let order = [Role::Reader, Role::Contributor, Role::Admin, Role::Owner];
        for pair in order.windows(2) {
            let [low, high] = pair else { continue };
            assert!(height(*low) < height(*high), "{pair:?}");
        }
    }
}
