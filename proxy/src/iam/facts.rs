//! What a policy is told of a request to these APIs: who asks, from where, for what.

use http::HeaderValue;
use policy_wasm::facts::{Fact, Facts};
use policy_wasm::registry::{Attribute, Name};

use crate::edge::Peer;
use crate::world::Caller;

/// What is known of one request.
pub(super) struct Known<'a> {
    pub(super) caller: &'a Caller,
    /// Every ARN by which documents may name him.
    pub(super) principals: &'a [String],
    pub(super) peer: &'a Peer,
    /// As policies name it: `iam:GetUser`.
    pub(super) action: &'a str,
    /// The ARN of what it is about, or `*`.
    pub(super) resource: &'a str,
    pub(super) agent: Option<&'a HeaderValue>,
    /// When his session was issued, in seconds since 1970.
    pub(super) issued: Option<u64>,
    /// Seconds since 1970.
    pub(super) now: u64,
}

impl Facts for Known<'_> {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        let moment = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        let Self { caller, peer, .. } = self;
        match attribute.name() {
            Name::Action => Fact::text(self.action),
            Name::Resource => Fact::text(self.resource),
            Name::PrincipalArn => Fact::text(&caller.arn),
            Name::PrincipalAccount | Name::Tenant => Fact::text(&caller.account),
            Name::PrincipalType => Fact::text(caller.principal_type()),
            Name::UserId => Fact::text(&caller.creator.principal),
            Name::Username if caller.assumed.is_none() => Fact::text(&caller.name),
            Name::Principals => Fact::list(self.principals),
            Name::PrincipalIsAwsService | Name::ViaAwsService => Fact::boolean(false),
            Name::SourceIp => Fact::address(peer.client),
            Name::SecureTransport => Fact::boolean(peer.tls.is_some()),
            Name::UserAgent => {
                let agent = self.agent.map(|agent| Fact::bytes(agent.as_bytes()));
                agent.unwrap_or(Fact::Absent)
            }
            Name::CurrentTime => Fact::time(moment(self.now)),
            Name::EpochTime => Fact::integer(moment(self.now)),
            Name::TimeOfDay => Fact::integer(moment(self.now % 86_400)),
            Name::TokenIssueTime => {
                let issued = self.issued.map(|issued| Fact::time(moment(issued)));
                issued.unwrap_or(Fact::Absent)
            }
            // What else there is speaks of buckets and objects.
            _ => Fact::Absent,
        }
    }
}
