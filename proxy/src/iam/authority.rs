//! Who may do what here: the root user everything in his account, others what their policies say, and everyone may look at himself.
//!
//! As on AWS, policies give rights over users, keys and policies in the profile `s3`. In the others they only ever narrow, and none of
//! them makes an administrator of anybody.

use policy_wasm::plan::{ActionId, Decision, Denial, Plan};
use postern_config::directory::{BucketPolicies, Level, Name, StandardPolicy, TenantId, UserKind};

use super::Desk;
use super::asked::{About, Action, RoleArn};
use super::facts::Known;
use super::fault::Fault;
use crate::edge::Peer;
use crate::world::{Caller, role_arn, user_arn};

/// How far a caller may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authority {
    /// Every user of the account: its root user, with a key that nothing narrows.
    Account,
    /// What policies give him, with a key that nothing narrows.
    Policies,
    /// Himself: to ask who he is, and which keys he has.
    Own,
}

impl Authority {
    /// The authority of a caller. The times, networks and transport that his key is bound to hold here as they do for objects.
    pub(super) fn of(caller: &Caller, peer: &Peer, now: u64) -> Result<Self, Fault> {
        let rights = &caller.key.rights;
        let too_early = rights.not_before.is_some_and(|begins| now < begins.0);
        let too_late = rights.expires.is_some_and(|ends| ends.0 <= now);
        if too_early || too_late {
            return Err(Fault::Denied("the access key is not valid at this time"));
        }
        let client = peer.client.to_canonical();
        let elsewhere =
            |networks: &Vec<ipnet::IpNet>| !networks.iter().any(|it| it.contains(&client));
        if rights.networks.as_ref().is_some_and(elsewhere) {
            return Err(Fault::Denied(
                "the access key is not valid from this address",
            ));
        }
        if rights.tls_only && peer.tls.is_none() {
            return Err(Fault::Denied("the access key is valid over TLS alone"));
        }
        let scope = &rights.scope;
        let narrowed =
            scope.buckets.is_some() || scope.prefixes.is_some() || scope.operations.is_some();
        let whole = rights.level == Level::Full && !narrowed;
        let policies = caller.tenant.profile.rules().bucket_policy == BucketPolicies::Grant;
        Ok(match (whole, caller.is_root(), policies) {
            (true, true, _) if caller.session_policy.is_none() => Self::Account,
            (true, _, true) => Self::Policies,
            _ => Self::Own,
        })
    }
}

/// What policies say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Allowed,
    Denied,
    Nothing,
}

impl Desk<'_> {
    /// Whether the caller may ask for this at all. What he asks is judged before it is looked for: who may not know of others is told
    /// nothing of them.
    pub(super) fn authorize(&self, action: Action, about: &About) -> Result<(), Fault> {
        // Who one is everyone may ask, and roles have documents of their own.
        if matches!(
            action,
            Action::GetCallerIdentity | Action::GetSessionToken | Action::AssumeRole
        ) || self.authority == Authority::Account
        {
            return Ok(());
        }
        let name = format!("iam:{}", action.name());
        let said = self.judged((&name, action), &self.arn_of(about))?;
        let himself = action.is_about_oneself() && self.is_himself(about);
        match (said, self.authority) {
            (Said::Denied, _) => Err(Fault::Denied("a policy denies it")),
            (Said::Allowed, Authority::Policies) => Ok(()),
            _ if himself => Ok(()),
            _ => Err(Fault::Denied(
                "only the root user of an account may do this, with an access key of level Full that has no scope, and whom policies let where they give rights",
            )),
        }
    }

    fn is_himself(&self, about: &About) -> bool {
        if self.caller.assumed.is_some() {
            return false;
        }
        match about {
            About::User(None) => true,
            About::User(Some(name)) => name.eq_ignore_ascii_case(self.caller.user.name.as_str()),
            About::Account | About::Group(_) | About::Role(_) | About::Policy(_) => false,
        }
    }

    /// What the caller's own documents say, and that of his session.
    pub(super) fn judged(
        &self,
        (name, action): (&str, Action),
        resource: &str,
    ) -> Result<Said, Fault> {
        let plan = self.world.identity_plan(&self.gate.library, self.caller);
        match plan {
            None => Ok(Said::Nothing),
            Some(plan) => {
                let principals = self.caller.home_principals.as_slice();
                self.decide(&plan, (name, action), resource, principals)
            }
        }
    }

    /// What a plan says to the caller by these of his names.
    pub(super) fn decide(
        &self,
        plan: &Plan,
        (name, action): (&str, Action),
        resource: &str,
        principals: &[String],
    ) -> Result<Said, Fault> {
        let facts = Known {
            caller: self.caller,
            principals,
            peer: self.peer,
            action: name,
            resource,
            agent: self.agent,
            issued: self.session.as_ref().map(|session| session.issued.0),
            now: self.now_ms / 1_000,
        };
        let action = ActionId(action.number());
        match self.gate.decider.decide(plan, action, &facts) {
            Decision::Allowed(_) => Ok(Said::Allowed),
            Decision::Denied(denied) => Ok(match denied.denial {
                Denial::Verdict(_) => Said::Denied,
                Denial::Unlimited(_) | Denial::Ungranted | Denial::Unfulfillable(..) => {
                    Said::Nothing
                }
            }),
            Decision::Undecided(_) | Decision::NeedsFetch(_) => Err(Fault::Undecided),
        }
    }

    /// The ARN of what a request is about. What there is not has the path `/`.
    fn arn_of(&self, about: &About) -> String {
        let (account, tenant) = (&self.caller.arn_account, self.caller.tenant.id);
        let state = &self.world.state;
        let named = |name: &str| name.parse::<Name>().ok();
        match about {
            About::Account => "*".to_owned(),
            About::User(None) => self.caller.arn.clone(),
            About::User(Some(name)) => {
                let found = named(name).and_then(|name| state.user_named(tenant, &name));
                match found {
                    Some(user) if user.kind == UserKind::Root => {
                        format!("arn:aws:iam::{account}:root")
                    }
                    Some(user) => user_arn(account, user),
                    None => format!("arn:aws:iam::{account}:user/{name}"),
                }
            }
            About::Group(name) => {
                let found = named(name).and_then(|name| state.group_named(tenant, &name));
                found.map_or_else(
                    || format!("arn:aws:iam::{account}:group/{name}"),
                    |group| format!("arn:aws:iam::{account}:group{}{}", group.path, group.name),
                )
            }
            About::Role(name) => {
                let found = named(name).and_then(|name| state.iam_role_named(tenant, &name));
                found.map_or_else(
                    || format!("arn:aws:iam::{account}:role/{name}"),
                    |role| role_arn(account, role),
                )
            }
            About::Policy(arn) => arn.clone(),
        }
    }

    /// The account of a role that the caller names; his own where the ARN names none.
    pub(super) fn account_of(&self, role: &RoleArn) -> Option<TenantId> {
        if role.account.is_empty() || role.account == self.caller.account {
            return Some(self.caller.tenant.id);
        }
        let state = &self.world.state;
        let tenant = state.tenant_numbered(role.account.parse().ok()?)?;
        (role.account == format!("{:012}", tenant.id.get())).then_some(tenant.id)
    }

    /// Everyone's policy of this name, where the ARN is one of those.
    pub(super) fn standard(account: &str, name: &Name) -> Option<StandardPolicy> {
        StandardPolicy::named(name.as_str()).filter(|_| account == "aws")
    }
}
