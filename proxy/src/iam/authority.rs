//! How far a caller may reach: the whole account, or himself.

use postern_config::directory::{Level, UserKind};

use super::fault::Fault;
use crate::edge::Peer;
use crate::world::Caller;

/// How far a caller may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authority {
    /// Every user of the account: its root user, with a key that nothing narrows.
    Account,
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
        let is_root = caller.user.kind == UserKind::Root && caller.sub_user.is_none();
        let whole = is_root && rights.level == Level::Full && !narrowed;
        Ok(if whole { Self::Account } else { Self::Own })
    }

    /// Only whoever may change the account goes on.
    pub(super) fn account(self) -> Result<(), Fault> {
        match self {
            Self::Account => Ok(()),
            Self::Own => Err(Fault::Denied(
                "only the root user of an account may do this, with an access key of level Full that has no scope",
            )),
        }
    }
}
