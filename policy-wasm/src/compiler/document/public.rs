//! Whether a document opens something to the public.
//!
//! A statement is public when it allows everyone, and no condition holds the caller or his network to fixed values. Wildcards
//! and variables are not fixed, and a block of addresses that holds a good part of the Internet is no bound. Source: S3 User
//! Guide, "Blocking public access to your Amazon S3 storage", "The meaning of "public"".

use ipnet::IpNet;

use super::super::statement::{Absent, Check, Condition, Effect, Sense};
use super::{Audience, Document, Place};
use crate::question::{Operand, Quantifier, Test};
use crate::registry::Name;

/// Shortest prefix of a block of IPv4 addresses that is a bound. Source: as above, which calls broader ones public.
const IPV4_PREFIX_MIN: u8 = 8;
/// The same for IPv6.
const IPV6_PREFIX_MIN: u8 = 32;

impl Document {
    /// The statements that open something to the public.
    pub fn public_statements(&self) -> impl Iterator<Item = &Place> {
        let both = self.statements.iter().zip(&self.places);
        both.filter(|(statement, place)| {
            matches!(statement.effect, Effect::Allow(_))
                && place.audience == Audience::Everyone
                && !statement.conditions.iter().any(holds_to_fixed_values)
        })
        .map(|(_, place)| place)
    }

    /// Whether it opens anything to the public.
    pub fn is_public(&self) -> bool {
        self.public_statements().next().is_some()
    }
}

fn holds_to_fixed_values(condition: &Condition) -> bool {
    let Check::Passes(predicate) = &condition.check else {
        return false;
    };
    let positive = condition.sense == Sense::Is && condition.absent == Absent::Fails;
    if !positive || predicate.quantifier != Quantifier::Any {
        return false;
    }
    match (condition.attribute.name(), &predicate.test) {
        (Name::SourceIp, Test::Network(blocks)) => blocks.iter().all(|block| match block {
            Operand::Constant(IpNet::V4(block)) => block.prefix_len() >= IPV4_PREFIX_MIN,
            Operand::Constant(IpNet::V6(block)) => block.prefix_len() >= IPV6_PREFIX_MIN,
            Operand::Reference(_) => false,
        }),
        (
            Name::PrincipalArn | Name::PrincipalAccount | Name::UserId | Name::Username,
            Test::Text(_, templates),
        ) => templates.with_holes().is_empty(),
        _ => false,
    }
}
