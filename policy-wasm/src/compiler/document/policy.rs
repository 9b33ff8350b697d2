//! The policy and its statements: which elements there are, which of them are needed, and which exclude each other.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::statement::{Effect, Missing, Statement, StatementId};
use super::action::{self, Actions};
use super::condition;
use super::faults::{Advice, Cause, Element, Fault, Faults, Position};
use super::json::{Member, Node, Notes, Value, excerpt, one_or_many, parse};
use super::principal::{self, Principals};
use super::resource::{self, Listed, Resources};
use super::variable::Version;
use super::{Audience, Context, Document, Kind, NOT_ALLOWED, Place};
use crate::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_STATEMENTS_MAX, REASON_BYTES_MAX};

const POLICY: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Reads a document: all faults, or what it says.
pub(super) fn read(text: &str, context: &Context<'_>) -> Result<Document, Faults> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let bytes = text.len();
        let cause = Cause::TooLong { bytes };
        let at = Position::START;
        return Err(Faults::new(vec![Fault { at, cause }]));
    }
    let root = parse(text).map_err(|fault| Faults::new(vec![fault]))?;
    let mut notes = Notes::new(text);
    let policy = Policy::read(&root, &mut notes);
    let mut names = Names::default();
    let mut said = Vec::new();
    for (place, node) in policy.statements.iter().enumerate() {
        let surroundings = (policy.version, context);
        if let Some(read) = statement(node, (place, &mut names), surroundings, &mut notes) {
            said.push(read);
        }
    }
    let warnings = notes.finish()?;
    let (statements, places) = said.into_iter().unzip();
    Ok(Document {
        id: policy.id,
        statements,
        places,
        warnings,
    })
}

struct Policy<'n, 'a> {
    version: Version,
    id: Option<String>,
    statements: &'n [Node<'a>],
}

impl<'n, 'a> Policy<'n, 'a> {
    fn read(root: &'n Node<'a>, notes: &mut Notes) -> Self {
        let mut policy = Self {
            version: Version::Old,
            id: None,
            statements: &[],
        };
        let Some(members) = notes.members(root, "a policy, which is an object,") else {
            return policy;
        };
        let elements = Elements::read(members, (Element::Policy, &POLICY), notes);
        if let Some(member) = elements.get("Version") {
            policy.version = version(&member.node, notes).unwrap_or(Version::New);
        }
        if let Some(member) = elements.get("Id") {
            let id = notes.text(&member.node, "a text");
            policy.id = id.map(ToOwned::to_owned);
        }
        let Some(member) = elements.get("Statement") else {
            notes.fault(&root.bytes, Cause::Missing("`Statement`"));
            return policy;
        };
        policy.statements = one_or_many(&member.node);
        let count = policy.statements.len();
        if count == 0 {
            notes.fault(&member.node.bytes, Cause::NoStatement);
        }
        if count > DOCUMENT_STATEMENTS_MAX {
            notes.fault(&member.node.bytes, Cause::TooManyStatements { count });
        }
        policy
    }
}

fn version(node: &Node<'_>, notes: &mut Notes) -> Option<Version> {
    match notes.text(node, "a version, as `\"2012-10-17\"`,")? {
        "2012-10-17" => Some(Version::New),
        "2008-10-17" => Some(Version::Old),
        other => {
            let known = ["2012-10-17", "2008-10-17"];
            notes.unknown(&node.bytes, Element::Version, other, known);
            None
        }
    }
}

fn statement(
    node: &Node<'_>,
    (place, names): (usize, &mut Names),
    (version, context): (Version, &Context<'_>),
    notes: &mut Notes,
) -> Option<(Statement, Place)> {
    let members = notes.members(node, "a statement, which is an object,")?;
    let elements = Elements::read(members, (Element::Statement, &STATEMENT), notes);
    let sid = elements.get("Sid").and_then(|member| {
        let sid = notes.text(&member.node, "a text")?;
        Some((sid, &member.node.bytes)).filter(|(sid, _)| !sid.is_empty())
    });
    let id = names.name(place, sid, notes);
    let whole = Whole {
        node,
        elements: &elements,
    };
    let effect = whole.effect(notes);
    // The rest is read all the same, for its faults.
    let shown = effect.clone().unwrap_or(Effect::Deny);
    let principals = whole.principals((context.kind, effect.as_ref()), notes);
    let actions = whole.actions(context.kind, notes);
    let resources = whole.resources((version, context), notes);
    let conditions = elements.get("Condition").map(|member| {
        if matches!(&member.node.value, Value::Object(operators) if operators.is_empty()) {
            notes.warn(&member.bytes, Advice::Empty("Condition", "it asks nothing"));
        }
        condition::read(&member.node, (version, &shown), notes)
    });

    let (effect, principals) = (effect?, principals?);
    let (actions, resources) = (actions?, resources?);
    actions.advise(&resources, notes);
    let place = Place {
        id: id.clone(),
        sid: sid.map(|(sid, _)| sid.to_owned()),
        at: notes.position(node.bytes.start),
        bytes: node.bytes.clone(),
        audience: principals.audience,
    };
    let missing = match effect {
        Effect::Allow(_) => Missing::Fails,
        Effect::Deny | Effect::DenyUnlessAllowed => Missing::Holds,
    };
    let mut who = principals.conditions.into_iter();
    let statement = Statement {
        id,
        effect,
        principals: who.next(),
        actions: actions.condition,
        resources: resources
            .condition
            .map(|condition| condition.where_missing(missing)),
        conditions: who.chain(conditions.into_iter().flatten()).collect(),
    };
    Some((statement, place))
}

/// A statement's elements and where it stands.
struct Whole<'n, 'a> {
    node: &'n Node<'a>,
    elements: &'n Elements<'n, 'a>,
}

impl<'n> Whole<'n, '_> {
    fn effect(&self, notes: &mut Notes) -> Option<Effect> {
        let Some(member) = self.elements.get("Effect") else {
            notes.fault(&self.node.bytes, Cause::Missing("`Effect`"));
            return None;
        };
        match notes.text(&member.node, "`\"Allow\"` or `\"Deny\"`")? {
            "Allow" => Some(Effect::Allow(Vec::new())),
            "Deny" => Some(Effect::Deny),
            other => {
                let known = ["Allow", "Deny"];
                notes.unknown(&member.node.bytes, Element::Effect, other, known);
                None
            }
        }
    }

    fn principals(
        &self,
        (kind, effect): (Kind<'_>, Option<&Effect>),
        notes: &mut Notes,
    ) -> Option<Principals> {
        let names = ["Principal", "NotPrincipal"];
        if kind == Kind::Identity {
            let given = names.map(|name| (name, self.elements.get(name)));
            for (name, member) in given {
                if let Some(member) = member {
                    notes.fault(&member.bytes, Cause::PrincipalInIdentity(name));
                }
            }
            return Some(Principals {
                audience: Audience::Bearer,
                conditions: Vec::new(),
            });
        }
        let (member, listed) = self.either(names, "`Principal`", notes)?;
        if listed == Listed::These {
            return principal::named(&member.node, notes);
        }
        if matches!(effect, Some(Effect::Allow(_))) {
            notes.fault(&member.bytes, Cause::NotPrincipalWithAllow);
            return None;
        }
        notes.warn(&member.bytes, Advice::NotPrincipal);
        principal::not_named(&member.node, notes)
    }

    fn actions(&self, kind: Kind<'_>, notes: &mut Notes) -> Option<Actions<'n>> {
        let (member, listed) = self.either(["Action", "NotAction"], "`Action`", notes)?;
        action::read(&member.node, listed, kind, notes)
    }

    fn resources(
        &self,
        surroundings: (Version, &Context<'_>),
        notes: &mut Notes,
    ) -> Option<Resources> {
        if surroundings.1.kind == Kind::Trust {
            for name in ["Resource", "NotResource"] {
                if let Some(member) = self.elements.get(name) {
                    notes.fault(&member.bytes, Cause::ResourceInTrust(name));
                }
            }
            return Some(Resources::any());
        }
        let (member, listed) = self.either(["Resource", "NotResource"], "`Resource`", notes)?;
        resource::read(&member.node, listed, surroundings, notes)
    }

    /// The one of two elements that is there. Both, or none, is a fault.
    fn either(
        &self,
        [these, others]: [&'static str; 2],
        missing: &'static str,
        notes: &mut Notes,
    ) -> Option<(&'n Member<'n>, Listed)> {
        match (self.elements.get(these), self.elements.get(others)) {
            (Some(member), None) => Some((member, Listed::These)),
            (None, Some(member)) => Some((member, Listed::Others)),
            (Some(_), Some(second)) => {
                notes.fault(&second.bytes, Cause::Both(these, others));
                None
            }
            (None, None) => {
                notes.fault(&self.node.bytes, Cause::Missing(missing));
                None
            }
        }
    }
}

/// The elements of a policy or statement. A name that there is not is a fault.
struct Elements<'n, 'a>(&'n [Member<'a>]);

impl<'n, 'a> Elements<'n, 'a> {
    fn read(
        members: &'n [Member<'a>],
        (element, known): (Element, &[&'static str]),
        notes: &mut Notes,
    ) -> Self {
        for member in members {
            if !known.contains(&&*member.name) {
                let known = known.iter().copied();
                notes.unknown(&member.bytes, element, &member.name, known);
            }
        }
        Self(members)
    }

    fn get(&self, name: &str) -> Option<&'n Member<'a>> {
        self.0.iter().find(|member| member.name == name)
    }
}

/// The names of statements, each of which a decision may give as its reason.
#[derive(Default)]
struct Names {
    /// Sids as they are written, and where each stands.
    sids: Vec<(String, Range<usize>)>,
    taken: BTreeSet<StatementId>,
}

impl Names {
    /// A name that no other statement has: the Sid, or the number of the statement.
    fn name(
        &mut self,
        place: usize,
        sid: Option<(&str, &Range<usize>)>,
        notes: &mut Notes,
    ) -> StatementId {
        let wanted = match sid {
            Some((sid, _)) => sid.to_owned(),
            None => format!("statement {}", place + 1),
        };
        if let Some((sid, bytes)) = sid {
            match self.sids.iter().find(|(other, _)| other == sid) {
                Some((_, first)) => {
                    let (sid, first) = (excerpt(sid), notes.position(first.start));
                    notes.fault(bytes, Cause::SidTwice { sid, first });
                }
                None => self.sids.push((sid.to_owned(), bytes.clone())),
            }
        }
        let mut name = StatementId::of(&wanted);
        let mut number = 1;
        while self.taken.contains(&name) || name.as_str() == NOT_ALLOWED {
            number += 1;
            let tail = format!("~{number}");
            let room = REASON_BYTES_MAX.saturating_sub(tail.len());
            let head: String = wanted.chars().take(room).collect();
            name = StatementId::of(&(head + &tail));
        }
        self.taken.insert(name.clone());
        name
    }
}
