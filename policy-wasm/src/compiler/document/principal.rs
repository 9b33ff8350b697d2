//! The elements `Principal` and `NotPrincipal`: whom a statement speaks of.
//!
//! A caller has several names: his own ARN, his account's (which ends in `:root`), and a role's where he uses one. A
//! statement speaks of him when it names any of them. An ARN without the number of an account, as other stores write it, is of the
//! account to which the document belongs. Source: IAM User Guide, "AWS JSON policy elements: Principal".

use super::super::attribute;
use super::super::statement::Condition;
use super::Audience;
use super::condition::never;
use super::faults::{Advice, Cause, Element};
use super::json::{Member, Node, Notes, Value, excerpt, one_or_many};
use crate::registry::Name;

/// Digits of an account's number: twelve, and more once there are more than 10¹² accounts.
const ACCOUNT_DIGITS: std::ops::RangeInclusive<usize> = 12..=20;

/// The principals of a statement: what must hold of the caller.
pub(super) struct Principals {
    pub(super) audience: Audience,
    pub(super) conditions: Vec<Condition>,
}

/// Reads `Principal`.
pub(super) fn named(node: &Node<'_>, notes: &mut Notes) -> Option<Principals> {
    let (audience, conditions) = match list(node, "Principal", notes)? {
        Named::Everyone => (Audience::Everyone, Vec::new()),
        Named::Arns(arns) => {
            let condition = Condition::one_of(attribute(Name::Principals), &arns);
            (Audience::Named(arns), vec![condition])
        }
    };
    Some(Principals {
        audience,
        conditions,
    })
}

/// Reads `NotPrincipal` of a statement that denies: whoever is not named.
///
/// The ARN of an account exempts the whole account where it stands alone, and only the account's root user beside an ARN
/// of that account's users or roles. AWS asks for the account to be named beside its users, and does not mean all of them
/// by it. Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal".
pub(super) fn not_named(node: &Node<'_>, notes: &mut Notes) -> Option<Principals> {
    let arns = match list(node, "NotPrincipal", notes)? {
        // Everyone is exempt, and the statement speaks of nobody.
        Named::Everyone => {
            return Some(Principals {
                audience: Audience::Named(Vec::new()),
                conditions: vec![never(attribute(Name::PrincipalArn))],
            });
        }
        Named::Arns(arns) => arns,
    };
    let narrowed = |root: &String| {
        account(root).is_some_and(|of_root| {
            let others = arns.iter().filter(|other| !is_root(other));
            others
                .filter_map(|other| account(other))
                .any(|it| it == of_root)
        })
    };
    let (roots, names): (Vec<&String>, Vec<&String>) =
        arns.iter().partition(|arn| is_root(arn) && narrowed(arn));
    let mut conditions = vec![Condition::one_of(attribute(Name::Principals), names).negated()];
    if !roots.is_empty() {
        let own = Condition::one_of(attribute(Name::PrincipalArn), roots);
        conditions.push(own.negated());
    }
    Some(Principals {
        audience: Audience::EveryoneBut(arns),
        conditions,
    })
}

enum Named {
    Everyone,
    /// ARNs, accounts as the ARN of their root.
    Arns(Vec<String>),
}

fn list(node: &Node<'_>, element: &'static str, notes: &mut Notes) -> Option<Named> {
    const EXPECTED: &str = "`\"*\"` or an object, as `{\"AWS\": \"123456789012\"}`,";
    if let Value::Text(text) = &node.value {
        if text == "*" {
            return Some(Named::Everyone);
        }
        notes.fault(&node.bytes, Cause::Principal(excerpt(text)));
        return None;
    }
    let mut arns = Vec::new();
    let mut everyone = false;
    let mut complete = true;
    let members = notes.members(node, EXPECTED)?;
    let mut empty = true;
    for member in members {
        if !is_aws(member, notes) {
            complete = false;
            continue;
        }
        for node in one_or_many(&member.node) {
            empty = false;
            match principal(node, notes) {
                Some(text) if text == "*" => everyone = true,
                Some(arn) if arns.contains(&arn) => {}
                Some(arn) => arns.push(arn),
                None => complete = false,
            }
        }
    }
    if empty && complete {
        notes.warn(
            &node.bytes,
            Advice::Empty(element, "nobody is in an empty list"),
        );
    }
    match (complete, everyone) {
        (false, _) => None,
        (true, true) => Some(Named::Everyone),
        (true, false) => Some(Named::Arns(arns)),
    }
}

fn is_aws(member: &Member<'_>, notes: &mut Notes) -> bool {
    match &*member.name {
        "AWS" => return true,
        kind @ ("Service" | "Federated" | "CanonicalUser") => {
            notes.fault(&member.bytes, Cause::PrincipalKind(kind.to_owned()));
        }
        other => notes.unknown(&member.bytes, Element::Principal, other, ["AWS"]),
    }
    false
}

/// The ARN of a principal, or `*`.
fn principal(node: &Node<'_>, notes: &mut Notes) -> Option<String> {
    let text = notes.text(node, "an account, an ARN or `*`")?;
    if text == "*" {
        return Some(text.to_owned());
    }
    if is_account(text) {
        return Some(format!("arn:aws:iam::{text}:root"));
    }
    let cause = if text.contains(['*', '?']) {
        Cause::PrincipalWildcard(excerpt(text))
    } else if is_principal_arn(text) {
        return Some(text.to_owned());
    } else {
        Cause::Principal(excerpt(text))
    };
    notes.fault(&node.bytes, cause);
    None
}

fn is_principal_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account) = (next(), next(), next(), next(), next());
    let resource = next();
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    let is_kind = match service {
        "iam" => resource == "root" || matches!(kind, "user" | "role") && !name.is_empty(),
        "sts" => match kind {
            "assumed-role" => name
                .split_once('/')
                .is_some_and(|(role, session)| !role.is_empty() && !session.is_empty()),
            "federated-user" => !name.is_empty(),
            _ => false,
        },
        _ => false,
    };
    // Without a number it is the account to which the document belongs.
    let is_known = is_account(account) || (account.is_empty() && resource != "root");
    (arn, partition, region) == ("arn", "aws", "") && is_known && is_kind
}

fn is_account(text: &str) -> bool {
    ACCOUNT_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

fn is_root(arn: &str) -> bool {
    arn.ends_with(":root")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_an_account_a_user_a_role_or_a_session() {
        for arn in [
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:user/ann",
            "arn:aws:iam::123456789012:user/division/ann:x",
            "arn:aws:iam::123456789012:role/reader",
            "arn:aws:sts::123456789012:assumed-role/reader/session",
            "arn:aws:sts::123456789012:federated-user/ann",
            "arn:aws:iam:::user/ann",
        ] {
            assert!(is_principal_arn(arn), "{arn}");
        }
        for wrong in [
            "",
            "ann",
            "arn:aws:iam::123456789012",
            "arn:aws:iam::123456789012:",
            "arn:aws:iam::123456789012:user",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:iam::123456789012:group/readers",
            "arn:aws:iam::12345:root",
            "arn:aws:iam:::root",
            "arn:aws:iam:eu:123456789012:root",
            "arn:aws:s3:::bucket",
            "arn:aws:sts::123456789012:assumed-role/reader",
            "arn:other:iam::123456789012:root",
        ] {
            assert!(!is_principal_arn(wrong), "{wrong}");
        }
    }
}
